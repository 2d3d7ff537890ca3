"""`icv bench can`, files: a log to columns of all its signals, beside python-can + cantools and asammdf."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.can.dbc import Databases, read_dbc
from edge.can.decode import Decoder, chunks
from edge.can.logs.reader import read_log
from edge.clock import now_ns
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile

REPEATS = 5
COPIES = 12
"""Of the log for our own readers, which are too fast to time on one."""


def columns(path: Path, databases: Databases) -> dict[int, list[tuple[np.ndarray, np.ndarray]]]:
    """All signals of a log: by index in the decoder, the times and values of each batch."""
    decoder = Decoder(databases)
    found: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    log = read_log(path)
    for batch in chunks(log):
        for column in decoder.decode(batch, log.buses).columns():
            found.setdefault(column.signal, []).append((batch.t_ns[column.frame], column.value))
    return found


def peer_columns(messages: Iterable[Any], databases: dict[Any, Any]) -> dict[str, list[tuple[float, Any]]]:
    """The same with cantools, from python-can's messages; databases by channel as the reader names it."""
    found: dict[str, list[tuple[float, Any]]] = {}
    known = {
        (channel, message.frame_id): message
        for channel, database in databases.items()
        for message in database.messages
    }
    for message in messages:
        definition = known.get((message.channel, message.arbitration_id))
        if definition is None:
            continue
        values = definition.decode(message.data, decode_choices=False, allow_truncated=True)
        for name, value in values.items():
            found.setdefault(f"{definition.name}.{name}", []).append((message.timestamp, value))
    return found


def measure_files(
    log: Path, dbc_files: Sequence[tuple[Path, str]], say: Callable[[str], None]
) -> dict[str, Figure]:
    """A candump log, and the same as BLF; dbc_files: each with its bus, as the log names it (can0, ...)."""
    import can
    import cantools

    ours: Databases = [(read_dbc(path), bus) for path, bus in dbc_files]
    theirs = {bus: cantools.database.load_file(path, strict=False) for path, bus in dbc_files}
    by_number = {int(bus.removeprefix("can")): database for bus, database in theirs.items()}
    content = log.read_bytes()
    count = content.count(b"\n")
    figures: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        copies = Path(folder, "copies.log")
        copies.write_bytes(content * COPIES)
        say("candump to columns, in turns with python-can + cantools ...")
        figures |= _compare(
            "file_candump",
            "candump log to columns of all signals",
            lambda: columns(copies, ours),
            lambda: peer_columns(can.CanutilsLogReader(log), theirs),
            (count * COPIES, count),
        )
        blf, blf_copies = Path(folder, "log.blf"), Path(folder, "copies.blf")
        _as_blf(log, blf)
        _as_blf(copies, blf_copies)
        say("BLF to columns, in turns with python-can + cantools ...")
        figures |= _compare(
            "file_blf",
            "BLF log to columns of all signals",
            lambda: columns(blf_copies, ours),
            lambda: peer_columns(can.BLFReader(blf), by_number),
            (count * COPIES, count),
        )
    return figures


def measure_mf4(log: Path, dbc_file: Path, say: Callable[[str], None]) -> dict[str, Figure]:
    """An MF4 log, beside asammdf's own extraction of its signals."""
    from asammdf import MDF

    ours: Databases = [(read_dbc(dbc_file), None)]
    count = sum(map(len, read_log(log)))

    def peer() -> None:
        with MDF(log) as mdf:
            mdf.extract_bus_logging({"CAN": [(dbc_file, 0)]}).close()

    say("MF4 to columns, in turns with asammdf ...")
    title = "MF4 log to columns of all signals"
    return _compare("file_mf4", title, lambda: columns(log, ours), peer, (count, count))


def measure_memory(
    log: Path, dbc_files: Sequence[tuple[Path, str]], say: Callable[[str], None]
) -> dict[str, Figure]:
    """Peak memory of `icv can decode` for a candump log of 1 GB: the given one, again and again."""
    say("memory for a candump log of 1 GB ...")
    content = log.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        large, out = Path(folder, "large.log"), Path(folder, "out.parquet")
        with large.open("wb") as file:
            for _ in range(-(-(10**9) // len(content))):
                file.write(content)
        dbc = [f"{bus}={path}" for path, bus in dbc_files]
        command = ["can", "decode", str(large), "--dbc", *dbc, "-o", str(out), "--json"]
        found = subprocess.run(
            [sys.executable, "-c", _DECODE, *command], check=True, capture_output=True, text=True
        )
    peak_kb, seconds = map(float, found.stderr.split()[-2:])
    return {
        "memory": Figure(
            "peak memory of icv can decode, candump log of 1 GB to Parquet", peak_kb / 1e3, "MB"
        ),
        "memory_seconds": Figure("the same, time", seconds, "s"),
    }


_DECODE = """
import resource, sys
from edge.cli.main import main
from edge.clock import now_ns
begin_ns = now_ns()
code = main(sys.argv[1:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform != "darwin" else 1)
print(peak / 1e3, (now_ns() - begin_ns) / 1e9, file=sys.stderr)
sys.exit(code)
"""


def _as_blf(log: Path, path: Path) -> None:
    """By python-can, whose channels are numbers."""
    import can

    with can.BLFWriter(path) as writer:
        for message in can.CanutilsLogReader(log):
            message.channel = int(str(message.channel).removeprefix("can"))
            writer(message)


def _compare(
    name: str, title: str, ours: Callable[[], Any], peer: Callable[[], Any], counts: tuple[int, int]
) -> dict[str, Figure]:
    """In turns; medians of the time per frame. counts: frames of ours and of the peer's."""
    own_ns: list[float] = []
    peer_ns: list[float] = []
    for _ in range(REPEATS):
        for times, function, count in ((own_ns, ours, counts[0]), (peer_ns, peer, counts[1])):
            begin_ns = now_ns()
            function()
            times.append((now_ns() - begin_ns) / count)
    own, other = quantile(own_ns, 0.5), quantile(peer_ns, 0.5)
    return {
        name: Figure(f"{title}, of the peer's speed", other / own, "x"),
        f"{name}_rate": Figure("the same: ours", 1e3 / own, "M frames/s"),
        f"{name}_peer_rate": Figure("the same: the peer's", 1e3 / other, "M frames/s"),
    }
