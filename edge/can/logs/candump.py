"""candump -l (can-utils): `(1533226488.230547) can0 260#08FFFB0000001884`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE, TX, Frames
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.shapes import Shape
from edge.can.logs.text import Found, read_lines

NAME = "candump"
SUFFIXES: tuple[str, ...] = (".log",)

CANDUMP_LINE = re.compile(
    r"\((\d{1,12})\.(\d{1,9})\)[ \t]+(\S{1,64})[ \t]+([0-9A-Fa-f]{8}|[0-9A-Fa-f]{3})#"
    r"(?:(R)[0-9]?|#([0-9A-Fa-f])((?:[0-9A-Fa-f]{2}){0,64})|((?:[0-9A-Fa-f]{2}){0,8}))(?:_[9A-Fa-f])?"
    r"(?:[ \t]+([RT]))?\s*"
)


class Candump:
    """candump -l (can-utils): `(1533226488.230547) can0 260#08FFFB0000001884`."""

    def __call__(self, line: str) -> Found | None:
        """The frame of this line."""
        found = CANDUMP_LINE.fullmatch(line)
        if not found:
            if not line.strip():
                return None
            raise BadDataError("not a candump line")
        seconds, fraction, bus, can_id, remote, fd_flags, fd_data, data, direction = found.groups()
        t_ns = int(seconds) * 1_000_000_000 + int(fraction.ljust(9, "0"))
        identifier = int(can_id, 16)
        flags = 0
        if len(can_id) == 8:
            flags = ERROR if identifier & 0x20000000 else EXTENDED
            identifier &= 0x1FFFFFFF
        elif identifier > 0x7FF:
            raise BadDataError("an id of more than 11 bits")
        if remote:
            flags |= REMOTE
        elif fd_flags:
            bits = int(fd_flags, 16)
            flags |= FD | (BRS if bits & 1 else 0) | (ESI if bits & 2 else 0)
        if direction == "T":
            flags |= TX
        return t_ns, bus, identifier, flags, bytes.fromhex(fd_data or data or "")


def shape(line: str) -> Shape | None:
    """Where the fields of a line that Candump reads lie."""
    found = CANDUMP_LINE.fullmatch(line)
    if not found:
        return None
    fraction = found.span(2)
    data = found.span(8) if found[8] is not None else found.span(7)
    name = found.span(3)
    return Shape(
        time=((*found.span(1), 10**9), (*fraction, 10 ** (9 - fraction[1] + fraction[0]))),
        can_id=found.span(4),
        data=(data[0], (data[1] - data[0]) // 2, 2),
        key=name if name[1] - name[0] <= 8 else None,
        open=data[1] == len(line) and found[8] is not None,
        id_base=0x20000000 if len(found[4]) == 8 and int(found[4], 16) & 0x20000000 else 0,
    )


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return any(CANDUMP_LINE.fullmatch(line) for line in head.decode("latin-1").splitlines()[:200])


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of the file."""
    return read_lines(file, report, Candump(), shape)


class Writer:
    """Writes what `candump -L` does."""

    def __init__(self, file: BinaryIO, buses: Sequence[str]) -> None:
        self._file = file
        self._buses = buses

    def write(self, batch: Frames) -> None:
        """Append frames."""
        lines = [_line(batch, i, self._buses) for i in range(len(batch))]
        self._file.write("".join(lines).encode())

    def close(self) -> None:
        """Nothing to finish."""


def _line(batch: Frames, i: int, buses: Sequence[str]) -> str:
    flags = int(batch.flags[i])
    can_id = int(batch.id[i]) | (0x20000000 if flags & ERROR else 0)
    wide = flags & (EXTENDED | ERROR)
    name = f"{can_id:08X}" if wide else f"{can_id:03X}"
    data = batch.payload(i).hex().upper()
    if flags & REMOTE:
        data = "R"
    elif flags & FD:
        data = f"#{(flags & BRS and 1) | (flags & ESI and 2) | 4:X}{data}"
    seconds, ns = divmod(int(batch.t_ns[i]), 10**9)
    fraction = f"{ns // 1000:06d}" if ns % 1000 == 0 else f"{ns:09d}"
    direction = " T" if flags & TX else ""
    return f"({seconds:010d}.{fraction}) {buses[batch.bus[i]]} {name}#{data}{direction}\n"
