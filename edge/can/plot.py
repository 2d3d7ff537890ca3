"""A picture of signals over time, drawn by matplotlib."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.can.dbc import Databases
from edge.can.decode import Decoder, chunks
from edge.can.frames import Frames
from edge.config import UserError

INK, LINE, GRID = "#22303c", "#1f6fb2", "#d9dee3"


class PlotError(UserError):
    """What cannot be drawn; the text says why and what to do."""


@dataclass(frozen=True)
class Series:
    """One signal: t_s float64 (n,) from the start of the log, value float64 (n,), NaN: not available;
    choices: names of physical values."""

    name: str
    unit: str
    choices: dict[float, str]
    t_s: np.ndarray
    value: np.ndarray


def find_signals(databases: Databases, asked: Sequence[str]) -> list[str]:
    """The names as MESSAGE.SIGNAL, in the order asked. Raises PlotError, which names the nearest ones."""
    known: dict[str, list[str]] = {}
    for database, _ in databases:
        for message in database.messages.values():
            for signal in message.signals:
                full = f"{message.name}.{signal.name}"
                for name in (full, signal.name):
                    known.setdefault(name, []).append(full)
    found = []
    for name in asked:
        full_names = list(dict.fromkeys(known.get(name, ())))
        if not full_names:
            folded = {one.casefold(): one for one in known}
            close = difflib.get_close_matches(name.casefold(), folded, 3, 0.5)
            meant = ", ".join(folded[one] for one in close)
            hint = f"did you mean {meant}?" if close else "`icv dbc show FILE` lists them"
            raise PlotError(f"no signal {name} in the DBC files: {hint}")
        if len(full_names) > 1:
            raise PlotError(f"{name} is in several messages: say {' or '.join(full_names[:5])}")
        found.append(full_names[0])
    return found


def gather(
    batches: Iterable[Frames],
    decoder: Decoder,
    buses: Sequence[str],
    from_s: float | None = None,
    to_s: float | None = None,
) -> list[Series]:
    """The values of all signals of the decoder between two times, in the decoder's order."""
    parts: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in decoder.signals]
    first_ns: int | None = None
    for batch in chunks(batches):
        if not len(batch):
            continue
        if first_ns is None:
            first_ns = int(batch.t_ns[0])
        t_s = (batch.t_ns - first_ns) / 1e9
        inside = (t_s >= (-np.inf if from_s is None else from_s)) & (
            t_s <= (np.inf if to_s is None else to_s)
        )
        for column in decoder.decode(batch, buses).columns():
            kept = inside[column.frame]
            parts[column.signal].append((t_s[column.frame[kept]], column.value[kept]))
    series = []
    for one, pieces in zip(decoder.signals, parts, strict=True):
        times, values = zip(*pieces, strict=True) if pieces else ((), ())
        series.append(
            Series(
                one.name,
                one.signal.unit,
                {r * one.signal.scale + one.signal.offset: text for r, text in one.signal.choices.items()},
                np.concatenate([np.zeros(0), *times]),
                np.concatenate([np.zeros(0), *values]),
            )
        )
    return series


def draw(path: str, series: Sequence[Series], title: str) -> None:
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
