"""`icv bench can`, decoding: a whole log and live batches, beside cantools on the same frames in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.can.dbc import Databases, read_dbc
from edge.can.decode import CHUNK_FRAMES, Decoder
from edge.can.frames import Frames, concat, frames
from edge.can.logs.reader import read_log
from edge.clock import now_ns
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile

LOG_FRAMES = 1_185_600
"""Of the whole log, that is: the log repeated."""

REPEATS = 15
PEER_FRAMES = 5000
"""Decoded by the peer in each turn."""


def measure_decode(
    log_path: Path, dbc_paths: Sequence[tuple[Path, str]], say: Callable[[str], None]
) -> dict[str, Figure]:
    """Figures of the decoder. dbc_paths: each with its bus.

    All engines and the peer take turns; a ratio is of the medians of all turns.
    """
    import cantools

    reader = read_log(log_path)
    log, buses = concat(list(reader)), reader.buses
    databases: Databases = [(read_dbc(path), bus) for path, bus in dbc_paths]
    peer: list[tuple[Any, str | None]] = [
        (cantools.database.load_file(path, strict=False), bus) for path, bus in dbc_paths
    ]
    decoder = Decoder(databases)
    by_bus = [
        {m.frame_id: m for database, of in peer if of in (None, bus) for m in database.messages}
        for bus in buses
    ]
    say("decoding: every value against cantools ...")
    figures = {
        "decode_differences": Figure(
            "values that differ from cantools'", _differences(decoder, log, buses, by_bus), ""
        )
    }
    say("decoding: whole log and batches, in turns with cantools ...")
    whole = concat([log] * max(LOG_FRAMES // len(log), 1))
    small, middle = _cut(log[:8000], 40), _cut(log[:40_000], 400)
    turns: dict[str, Callable[[], int]] = {
        "peer": lambda: _peer(log[:PEER_FRAMES], by_bus),
        "whole": lambda: _chunks(decoder, whole, buses),
        "kept": lambda: _kept(decoder, whole, buses),
        "40": lambda: _batches(decoder, small, buses),
        "400": lambda: _batches(decoder, middle, buses),
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(REPEATS + 1):
        for name, run in turns.items():
            begin_ns = now_ns()
            count = run()
            if turn:  # the first warms up
                taken[name].append((now_ns() - begin_ns) / 1e3 / count)
    us = {name: quantile(all_us, 0.5) for name, all_us in taken.items()}
    titles = {
        "whole": "whole log, in chunks that are dropped",
        "kept": "whole log, all columns kept",
        "40": "batches of 40 frames to rows",
        "400": "batches of 400 frames to rows",
    }
    figures["decode_peer_us"] = Figure("cantools, one frame", us["peer"], "us")
    for name, title in titles.items():
        figures[f"decode_{name}_us"] = Figure(f"{title}: one frame", us[name], "us")
        figures[f"decode_{name}_ratio"] = Figure(f"{title}: of cantools' speed", us["peer"] / us[name], "x")
    return figures


def _chunks(decoder: Decoder, log: Frames, buses: Sequence[str]) -> int:
    for at in range(0, len(log), CHUNK_FRAMES):
        for _ in decoder.decode(log[at : at + CHUNK_FRAMES], buses).columns():
            pass
    return len(log)


def _kept(decoder: Decoder, log: Frames, buses: Sequence[str]) -> int:
    list(decoder.decode(log, buses).columns())
    return len(log)


def _cut(log: Frames, size: int) -> list[Frames]:
    return [log[at : at + size] for at in range(0, len(log) - size + 1, size)]


def _batches(decoder: Decoder, batches: Sequence[Frames], buses: Sequence[str]) -> int:
    for batch in batches:
        decoder.decode(batch, buses).rows()
    return len(batches) * len(batches[0])


def _peer(log: Frames, by_bus: Sequence[dict[int, Any]]) -> int:
    for _ in _peer_values(log, by_bus):
        pass
    return len(log)


def _peer_values(log: Frames, by_bus: Sequence[dict[int, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
    payloads, lengths, width = log.data.tobytes(), log.length.tolist(), log.data.shape[1]
    for i, (key, bus) in enumerate(zip(log.id.tolist(), log.bus.tolist(), strict=True)):
        message = by_bus[bus].get(key)
        if message is not None:
            data = payloads[i * width : i * width + lengths[i]]
            yield i, message.decode(data, decode_choices=False, allow_truncated=True)


def _differences(
    decoder: Decoder, log: Frames, buses: Sequence[str], by_bus: Sequence[dict[int, Any]]
) -> int:
    """How many values of any engine are not the peer's, or are missing, or are too many."""
    expected = {
        (i, name): float(value) for i, values in _peer_values(log, by_bus) for name, value in values.items()
    }
    wrong = 0
    for engine in ("python", "pairs", "grouped"):
        rows = decoder.decode(log, buses, engine).rows()
        found = rows.value == rows.value
        wrong += abs(int(found.sum()) - len(expected))
        names = [decoded.signal.name for decoded in decoder.signals]
        for i, signal, value in zip(
            rows.frame[found].tolist(), rows.signal[found].tolist(), rows.value[found].tolist(), strict=True
        ):
            wrong += expected.get((i, names[signal])) != value
    return wrong


def synthetic(dbc: Path) -> Frames:
    """A minute of all messages of a DBC file in turn, with random data, on one bus."""
    random = np.random.default_rng(1)
    messages = list(read_dbc(dbc).messages.values())
    n = 60_000
    chosen = [messages[i] for i in random.integers(0, len(messages), n)]
    payloads = [random.bytes(message.length) for message in chosen]
    return frames(range(0, n * 1_000_000, 1_000_000), [m.id for m in chosen], [0] * n, [0] * n, payloads)
