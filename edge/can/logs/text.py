"""Textual logs: lines that are alike are read together, the others one at a time; a bad line is located,
counted and skipped."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from enum import Enum
from typing import BinaryIO

import numpy as np

from edge.can.frames import EXTENDED, FD, FD_LENGTHS, REMOTE, Frames, frames
from edge.can.logs.report import BadDataError, Report
from edge.can.logs.shapes import LEAD, MAX_T_NS, TAIL, Block, Columns, Shape, Template

CHUNK_FRAMES = 16384
"""Frames come in batches of about this many."""

Found = tuple[int, str, int, int, bytes]
"""t_ns, name of the bus, id, flags, payload (of a remote frame as many zeros as it asks for)."""


class Header(Enum):
    """What a line that holds no frame may say."""

    CHANGED = 1
    """From here on the same text means something else (another base, another start time)."""


Parse = Callable[[str], Found | Header | None]
"""The frame of a line, None for a line that holds none by right; raises BadDataError for a bad one. It is
called with the lines that have no Shape known yet, in the order of the file."""

_BLOCK_BYTES = 3 << 19
_MAX_LINE = 1 << 16
_ALIKE = 16
"""So many lines of one length in a block, and it is worth while to learn their shape."""
_MAX_TEMPLATES = 256


def read_lines(
    file: BinaryIO, report: Report, parse: Parse, shape: Callable[[str], Shape | None] | None = None
) -> Iterator[Frames]:
    """The frames of a textual log, a batch from each block of 1.5 MiB.

    parse reads a line; shape says where the fields of such a line lie, None if it must always be parsed.
    """
    lines = _Lines(report, parse, shape)
    for block in blocks(file, report):
        batch = lines.read(block)
        if len(batch):
            yield batch


def blocks(file: BinaryIO, report: Report) -> Iterator[Block]:
    """All lines of a file; complains of a damaged file and of lines without an end.

    A block is good until the next one is asked for.
    """
    raw = bytearray(LEAD + _MAX_LINE + _BLOCK_BYTES + TAIL)
    room = memoryview(raw)
    number = 1
    rest = 0  # bytes of a line whose end is still to come, from LEAD on
    endless = False
    while True:
        try:
            size = _read_into(file, room[LEAD + rest : LEAD + rest + _BLOCK_BYTES])
        except (EOFError, zlib.error, OSError) as error:
            report.complain(number, f"the file is damaged, the rest is lost ({error})", keep=True)
            size = 0
        if not size:
            break
        begin, end = LEAD, LEAD + rest + size
        if number == 1 and not rest and raw.startswith(b"\xef\xbb\xbf", LEAD):
            begin += 3
        cut = raw.rfind(b"\n", begin, end) + 1
        if endless and cut:
            begin, number, endless = raw.index(b"\n", begin, end) + 1, number + 1, False
        if cut > begin:
            block = _block(raw, begin, cut, number)
            yield block
            number += len(block.start)
        rest = 0 if endless else end - (cut or begin)
        if rest > _MAX_LINE:
            report.complain(number, "a line without an end")
            rest, endless = 0, True
        raw[LEAD : LEAD + rest] = raw[end - rest : end]
    if raw[LEAD : LEAD + rest].strip():
        raw[LEAD + rest] = 10
        yield _block(raw, LEAD, LEAD + rest + 1, number)


def _read_into(file: BinaryIO, room: memoryview) -> int:
    readinto = getattr(file, "readinto", None)
    if readinto:
        return int(readinto(room))
    piece = file.read(len(room))
    room[: len(piece)] = piece
    return len(piece)


def _block(raw: bytes | bytearray, begin: int, cut: int, number: int) -> Block:
    text = np.frombuffer(raw, np.uint8)
    end = np.flatnonzero(text[begin:cut] == 10)
    end += begin
    start = np.empty_like(end)
    start[0] = begin
    np.add(end[:-1], 1, out=start[1:])
    length = end - start
    if raw.find(b"\r", begin, cut) >= 0:
        length -= text[end - 1] == 13
    return Block(raw, start, length, number)


class _Lines:
    """Learns the shapes of a file while it reads."""

    def __init__(self, report: Report, parse: Parse, shape: Callable[[str], Shape | None] | None) -> None:
        self._report = report
        self._parse = parse
        self._shape = shape
        self._templates: dict[int, list[Template]] = {}  # by length; under 0 those for several lengths
        self._known: dict[str, int] = {}

    def read(self, block: Block) -> Frames:
        out = Columns(len(block.start))
        for length, templates in sorted(self._templates.items(), reverse=True):
            rows = np.flatnonzero(block.length == length if length else ~out.good)
            counts = [0] * len(templates)
            for i, template in enumerate(templates):
                counts[i] = template.read(block, rows, out)
                if counts[i] == len(rows):
                    break
                rows = rows[~out.good[rows]]
            # the one that fits this stretch of the file first
            templates[:] = [templates[i] for i in np.argsort(counts, kind="stable")[::-1]]
        waits: dict[int, tuple[int, int]] = {}
        pending = np.flatnonzero(~out.good)
        while len(pending):
            pending = self._one_by_one(block, pending, waits, out)
        return out.frames()

    def _one_by_one(
        self, block: Block, pending: np.ndarray, waits: dict[int, tuple[int, int]], out: Columns
    ) -> np.ndarray:
        """Parse these lines; stops with those still to do once a shape was learned or forgotten.

        waits: by length, how many lines to parse before the next attempt to learn, and how many after a
        failed one: twice as many each time, as numbers that grow a digit have few lines alike at first.
        """
        for i in range(len(pending)):
            row = int(pending[i])
            line = block.line(row)
            found = self._slow(line, block.number + row, row, out)
            if found is Header.CHANGED:
                self._templates.clear()
                out.forget(row)
                return np.arange(row + 1, len(block.start))
            length = len(line)
            if self._shape is None or not isinstance(found, tuple):
                continue
            wait, next_wait = waits.get(length, (0, 1))
            if wait:
                waits[length] = wait - 1, next_wait
                continue
            rest = pending[i + 1 :]
            rows = rest[block.length[rest] == length]
            template = self._learn(line, found) if len(rows) >= _ALIKE else None
            if template is None or template.read(block, rest if template.open else rows, out) < _ALIKE:
                waits[length] = next_wait, 2 * next_wait
            if template:
                return rest[~out.good[rest]]
        return pending[:0]

    def _slow(self, line: bytes, number: int, row: int, out: Columns) -> Found | Header | None:
        text = line.decode("latin-1")
        try:
            found = self._parse(text)
            if isinstance(found, tuple):
                t_ns, name, can_id, flags, payload = found
                bus = self._known.get(name)
                check_frame(t_ns, flags, payload)
                if bus is None:
                    bus = self._known[name] = self._report.bus(name)
                out.put(row, t_ns, can_id, flags, bus, payload)
            return found
        except BadDataError as error:
            self._report.complain(number, f"{error}: {text.strip()[:80]!r}")
            return None

    def _learn(self, line: bytes, found: Found) -> Template | None:
        """The template for lines like this one, new or with one more key; None if there can be none."""
        t_ns, name, _, flags, payload = found
        shape = self._shape and self._shape(line.decode("latin-1"))
        if not shape:
            return None
        try:
            template = Template(line, shape, t_ns, flags, len(payload))
        except ValueError:
            return None
        bus = self._known[name]
        template.learn(line, bus, flags)
        if not _reads(template, line, found):
            return None
        kind = 0 if template.open else len(line)
        alike = self._templates.setdefault(kind, [])
        for known in alike:
            if known.identity == template.identity:
                known.learn(line, bus, flags)
                return known
        if sum(map(len, self._templates.values())) >= _MAX_TEMPLATES:
            self._templates = {kind: alike}
        alike.append(template)
        return template


def _reads(template: Template, line: bytes, found: Found) -> bool:
    """Whether the template says of its own sample what the parser said."""
    t_ns, _, can_id, flags, payload = found
    raw = b"".join([bytes(LEAD), line, b"\n", bytes(TAIL)])
    sample, one = _block(raw, LEAD, LEAD + len(line) + 1, 1), Columns(1)
    template.read(sample, np.array([0]), one)
    data = b"" if flags & REMOTE else payload
    return bool(one.good[0]) and (one.t_ns[0], one.id[0], one.frames().payload(0)) == (t_ns, can_id, data)


def check_id(identifier: int, flags: int) -> None:
    """Raises BadDataError for an id that does not fit its 11 or 29 bits."""
    if not 0 <= identifier <= (0x1FFFFFFF if flags & EXTENDED else 0x7FF):
        raise BadDataError("an id of too many bits")


def check_frame(t_ns: int, flags: int, payload: bytes) -> None:
    """Raises BadDataError for a frame that cannot be."""
    if len(payload) > 8 and (not flags & FD or len(payload) not in FD_LENGTHS):
        raise BadDataError(f"{len(payload)} bytes of data")
    if not -MAX_T_NS < t_ns < MAX_T_NS:
        raise BadDataError("a time out of all range")


class Batch:
    """Collects single frames into Frames."""

    def __init__(self) -> None:
        self._columns: tuple[list[int], list[int], list[int], list[int], list[bytes]] = ([], [], [], [], [])

    def __len__(self) -> int:
        return len(self._columns[0])

    def add(self, t_ns: int, can_id: int, flags: int, bus: int, payload: bytes) -> None:
        """One frame. Raises BadDataError for one that cannot be."""
        check_frame(t_ns, flags, payload)
        times, ids, all_flags, buses, payloads = self._columns
        times.append(t_ns)
        ids.append(can_id)
        all_flags.append(flags)
        buses.append(bus)
        payloads.append(payload)

    def take(self) -> Frames:
        """All that were added since the last time."""
        batch = frames(*self._columns)
        for column in self._columns:
            column.clear()
        return batch
