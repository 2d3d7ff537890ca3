"""Logs to write; the ending of the name chooses the format."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from edge.can.frames import Frames
from edge.can.logs import asc_writer, blf_write, candump, drive, gvret, pcap_write, trc_writer
from edge.can.logs.files import inner_suffix, open_to_write
from edge.can.logs.report import LogError


class Writer(Protocol):
    """Writes one format. Made with (file, buses): the names of the buses, the index is Frames.bus."""

    def write(self, batch: Frames) -> None:
        """Append frames."""
        ...

    def close(self) -> None:
        """Finish the content; the file is closed by who opened it."""
        ...


WRITERS: dict[str, Callable[[BinaryIO, Sequence[str]], Writer]] = {
    ".asc": asc_writer.Writer,
    ".blf": blf_write.Writer,
    ".csv": gvret.Writer,
    ".log": candump.Writer,
    ".mcap": drive.Writer,
    ".pcapng": pcap_write.Writer,
    ".trc": trc_writer.Writer,
}
"""By ending."""


def write_log(path: str | Path, batches: Iterable[Frames], buses: Sequence[str]) -> int:
    """Write a log in the format of its ending (.gz and .zst after it compress); returns how many frames.

    buses may grow while the batches come. Raises LogError for an ending that we cannot write, OSError.
    """
    path = Path(path)
    make = WRITERS.get(inner_suffix(path))
    if make is None:
        raise LogError(
            f"{path}: cannot write that: name it {', '.join(sorted(WRITERS))} (.gz, .zst after it)"
        )
    count = 0
    with open_to_write(path) as file:
        writer = make(file, buses)
        for batch in batches:
            writer.write(batch)
            count += len(batch)
        writer.close()
    return count
