"""A picture of signals over time, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from edge.can.decode import Decoder, collect
from edge.can.frames import Frames
from edge.config import UserError

INK, LINE, GRID = "#22303c", "#1f6fb2", "#d9dee3"


class PlotError(UserError):
    """What cannot be drawn; the text says why and what to do."""


@dataclass(frozen=True)
class PlotSeries:
    """One signal: t_s float64 (n,) from the start of the log, value float64 (n,), NaN: not available;
    choices: names of physical values."""

    name: str
    unit: str
    choices: dict[float, str]
    t_s: np.ndarray
    value: np.ndarray


def gather(
    batches: Iterable[Frames],
    decoder: Decoder,
    buses: Sequence[str],
    from_s: float | None = None,
    to_s: float | None = None,
) -> list[PlotSeries]:
    """The values of all signals of the decoder between two times, in the decoder's order."""
    first_ns: list[int] = []

    def watched() -> Iterator[Frames]:
        for batch in batches:
            if not first_ns and len(batch):
                first_ns.append(int(batch.t_ns[0]))
            yield batch

    series = []
    for one, found in zip(decoder.signals, collect(decoder, watched(), buses), strict=True):
        t_s = (found.t_ns - first_ns[0]) / 1e9 if first_ns else np.zeros(0)
        inside = (t_s >= (-np.inf if from_s is None else from_s)) & (
            t_s <= (np.inf if to_s is None else to_s)
        )
        scaling = one.signal
        choices = {raw * scaling.scale + scaling.offset: text for raw, text in scaling.choices.items()}
        series.append(PlotSeries(one.name, scaling.unit, choices, t_s[inside], found.value[inside]))
    return series


def draw(path: str, series: Sequence[PlotSeries], title: str) -> None:
    """One panel per signal, above each other, on one time axis. Raises PlotError."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise PlotError("a plot needs matplotlib: pip install 'icv-edge[desktop]'") from None
    figure = Figure(figsize=(11, 1.2 + 1.9 * len(series)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, color=INK, fontsize=11)
    panels = figure.subplots(len(series), 1, sharex=True, squeeze=False)[:, 0]
    for panel, one in zip(panels, series, strict=True):
        discrete = bool(one.choices) or len(np.unique(one.value[:10000])) <= 4
        # a step holds its value until the next frame
        panel.plot(
            one.t_s, one.value, color=LINE, linewidth=1.2, drawstyle="steps-post" if discrete else "default"
        )
        unit = f" [{one.unit}]" if one.unit else ""
        panel.set_title(f"{one.name}{unit}", loc="left", fontsize=9, color=INK)
        panel.grid(color=GRID, linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(colors=INK, labelsize=8)
        if not len(one.value):
            panel.text(0.5, 0.5, "no value in this log", transform=panel.transAxes, ha="center", color=INK)
        shown = [value for value in one.choices if value in one.value]
        if 0 < len(shown) <= 8:
            panel.set_yticks(shown, [one.choices[value] for value in shown])
        elif discrete:
            panel.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    panels[-1].set_xlabel("s from the start of the log", fontsize=9, color=INK)
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise PlotError(f"{path}: cannot be written: {error}") from None
