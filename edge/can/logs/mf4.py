"""ASAM MDF 4 with CAN bus logging, finished or cut off, as loggers and asammdf write it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO, cast

import numpy as np

from edge.can.frames import NONE, Frames, concat
from edge.can.logs.binary import channel_name
from edge.can.logs.mf4_blocks import VLSD, VLSD_GROUP, Blocks, DataGroup
from edge.can.logs.mf4_frames import PADDING, Layout, frames_of, layout_of, number_of
from edge.can.logs.mf4_values import Values
from edge.can.logs.report import BadDataError, Report

NAME = "mf4"
SUFFIXES: tuple[str, ...] = (".mf4",)

_SIGNATURES = (b"MDF     ", b"UnFinMF ")
_OFFSETS_MISSING = 1 << 6
"""What a cut-off writer left undone: the offsets of values of variable length."""
_CHUNK_FRAMES = 16384
_MAX_VALUE = 1 << 20
_UNKNOWN = -2
_FOR_EVER = 2**63 - 1


def recognises(head: bytes) -> bool:
    """Whether a file that begins so is one."""
    return head.startswith(_SIGNATURES)


def read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    """The frames, in batches, in the order of time across the groups of the file."""
    with report.path.open("rb") as plain:
        if recognises(plain.read(len(_SIGNATURES[0]))):
            yield from _read(plain, report)
            return
    with tempfile.TemporaryFile() as unpacked:  # links lead back and forth in it
        try:
            shutil.copyfileobj(file, unpacked)
        except OSError as error:
            report.complain(f"byte {unpacked.tell()}", f"the file is damaged, the rest is lost ({error})")
        yield from _read(cast(BinaryIO, unpacked), report)


def _read(file: BinaryIO, report: Report) -> Iterator[Frames]:
    streams: list[Iterator[Frames]] = []
    try:
        blocks = Blocks(file)
        if not blocks.version.startswith("4"):
            raise BadDataError(f"MDF {blocks.version}: only 4 is read; convert it, with asammdf for example")
        if blocks.unfinished & _OFFSETS_MISSING:
            raise BadDataError(
                "its writer was cut off before it noted where the data are: mend it with asammdf"
            )
        for stream in _streams(blocks, report):
            streams.append(stream)
    except BadDataError as error:
        report.complain("blocks", str(error))
    yield from (found for found in (streams[0] if len(streams) == 1 else _merged(streams)) if len(found))


def _streams(blocks: Blocks, report: Report) -> Iterator[Iterator[Frames]]:
    """Of each group of data that has CAN in it."""
    for _, block in blocks.data_groups():
        try:
            group = blocks.data_group(block)
        except BadDataError as error:
            report.complain("blocks", str(error))
            continue
        layouts = {one.record_id: layout for one in group.groups if (layout := layout_of(one))}
        if layouts:
            yield _Stream(blocks, report, group, layouts).frames()


class _Stream:
    """The frames of one group of data."""

    def __init__(self, blocks: Blocks, report: Report, group: DataGroup, layouts: dict[int, Layout]) -> None:
        self._blocks = blocks
        self._report = report
        self._group = group
        self._layouts = layouts
        self._where = f"data at byte {group.data}"
        self._bus_of_channel = np.full(1 << 16, _UNKNOWN, np.int16)
        self._values: dict[int, Values] = {}  # of record ids, and of the groups that are such values
        by_address = {one.at: one.record_id for one in group.groups if one.flags & VLSD_GROUP}
        for number, layout in layouts.items():
            channel = layout.fields.get("DataBytes")
            if channel is None or channel.kind != VLSD:
                continue
            of_group = by_address.get(channel.data)
            if of_group is None:
                self._values[number] = Values(self._careful(blocks.data(channel.data)))
            else:
                self._values[number] = self._values.setdefault(of_group, Values(iter(())))

    def frames(self) -> Iterator[Frames]:
        """In batches, in the order of the file."""
        pieces = self._careful(self._blocks.data(self._group.data))
        if self._group.id_bytes:
            yield from self._unsorted(pieces)
        else:
            yield from self._sorted(pieces, *next(iter(self._layouts.items())))

    def _careful(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Ends where the file is damaged."""
        try:
            yield from pieces
        except BadDataError as error:
            self._report.complain(self._where, f"{error}: the rest of these data is lost")

    def _sorted(self, pieces: Iterator[bytes], number: int, layout: Layout) -> Iterator[Frames]:
        size = layout.group.size
        left = -1 if self._blocks.unfinished else layout.group.records
        rest = b""
        for piece in pieces:
            rest = rest + piece if rest else piece
            count = len(rest) // size
            count = count if left < 0 else min(count, left)
            for first in range(0, count, _CHUNK_FRAMES):
                few = min(count - first, _CHUNK_FRAMES)
                yield self._read(rest[first * size : (first + few) * size], few, number)
            rest = rest[count * size :]
            left = left if left < 0 else left - count
            if not left:
                return
        if left > 0:
            self._report.complain(self._where, f"{left} records are missing", left)

    def _unsorted(self, pieces: Iterator[bytes]) -> Iterator[Frames]:
        sizes = {one.record_id: 0 if one.flags & VLSD_GROUP else one.size for one in self._group.groups}
        waiting = dict.fromkeys(self._layouts, b"")
        rest, known = b"", True
        while known:
            piece = next(pieces, b"")
            data = rest + piece
            starts, used, known = _walk(data, self._group.id_bytes, sizes)
            if not known:
                self._report.complain(
                    self._where, "a record of no known group: the rest of these data is lost"
                )
            rest = data[used:]
            last = not piece or not known
            for number, (begins, ends) in starts.items():
                if number in self._layouts:
                    waiting[number] += b"".join([data[i:j] for i, j in zip(begins, ends, strict=True)])
                elif number in self._values:
                    self._values[number].push(
                        b"".join([data[i:j] for i, j in zip(begins, ends, strict=True)])
                    )
            parts = []
            for number, layout in self._layouts.items():
                count = self._ready(waiting[number], number, last)
                size = layout.group.size
                parts.append(self._read(waiting[number][: count * size], count, number))
                waiting[number] = waiting[number][count * size :]
            together = concat(parts)
            if len(together):
                yield together[np.argsort(together.t_ns, kind="stable")]
            if last:
                break
        if rest and known:
            self._report.complain(self._where, "the last record is cut short")

    def _ready(self, records: bytes, number: int, last: bool) -> int:
        """How many of the records have their payloads already."""
        layout = self._layouts[number]
        count = len(records) // layout.group.size
        values = self._values.get(number)
        if values is None or last or not count:
            return count
        offsets = number_of(records + bytes(PADDING), count, layout.group.size, layout.fields["DataBytes"])
        late = np.flatnonzero(offsets >= values.end)
        return int(late[0]) if len(late) else count

    def _read(self, records: bytes, count: int, number: int) -> Frames:
        if not count:
            return NONE
        values = self._values.get(number, _NO_VALUES)
        padded = records + bytes(PADDING)
        layout, start_ns = self._layouts[number], self._blocks.start_ns
        return frames_of(padded, count, layout, start_ns, self._buses, values.at, self._complain)

    def _complain(self, count: int, why: str) -> None:
        self._report.complain(self._where, why, count)

    def _buses(self, channels: np.ndarray) -> np.ndarray:
        channels = np.minimum(channels, len(self._bus_of_channel) - 1)
        buses = self._bus_of_channel[channels]
        unknown = buses == _UNKNOWN
        if unknown.any():
            for channel in np.unique(channels[unknown]).tolist():
                try:
                    self._bus_of_channel[channel] = self._report.bus(channel_name(channel))
                except BadDataError:
                    self._bus_of_channel[channel] = -1
            buses = self._bus_of_channel[channels]
        return buses


_NO_VALUES = Values(iter(()))


def _walk(
    data: bytes, id_bytes: int, sizes: dict[int, int]
) -> tuple[dict[int, tuple[list[int], list[int]]], int, bool]:
    """Begins and ends of the records of each group, without their ids, and of values with their lengths; how
    much is used; whether all ids are known."""
    found: dict[int, tuple[list[int], list[int]]] = {number: ([], []) for number in sizes}
    at, length = 0, len(data)
    while at + id_bytes <= length:
        number = data[at] if id_bytes == 1 else int.from_bytes(data[at : at + id_bytes], "little")
        size = sizes.get(number)
        if size is None:
            return found, at, False
        begin = at + id_bytes
        if not size:  # of variable length
            if begin + 4 > length:
                break
            size = 4 + int.from_bytes(data[begin : begin + 4], "little")
            if size > _MAX_VALUE:
                return found, at, False
        if begin + size > length:
            break
        begins, ends = found[number]
        begins.append(begin)
        at = begin + size
        ends.append(at)
    return found, at, True


def _merged(streams: list[Iterator[Frames]]) -> Iterator[Frames]:
    """In the order of time: no more is given out than all of the streams have reached."""
    waiting: dict[int, Frames] = {}
    alive = dict(enumerate(streams))
    while alive or waiting:
        for i in [i for i in alive if i not in waiting]:
            batch = next((found for found in alive[i] if len(found)), None)
            if batch is None:
                del alive[i]
            else:
                waiting[i] = batch
        if not waiting:
            return
        until = min((int(waiting[i].t_ns.max()) for i in alive), default=_FOR_EVER)
        parts = []
        for i, batch in list(waiting.items()):
            ripe = batch.t_ns <= until
            if ripe.all():
                parts.append(waiting.pop(i))
            else:
                parts.append(batch[ripe])
                waiting[i] = batch[~ripe]
        together = concat(parts)
        yield together if len(parts) == 1 else together[np.argsort(together.t_ns, kind="stable")]
