"""Records of CAN in an MDF 4 file (ASAM MDF bus logging: CAN_DataFrame and its like), as columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, FD_LENGTHS, REMOTE, TX, Frames
from edge.can.logs.binary import KEEP_64
from edge.can.logs.mf4_blocks import BIG_ENDIAN, FLOAT, TEXT, VLSD, Channel, Group
from edge.can.logs.mf4_values import MISSING

KINDS = ("CAN_DataFrame", "CAN_RemoteFrame", "CAN_ErrorFrame")
PADDING = 8

_BUS_ERROR, _PROTOCOL = 0x80, 0x08
"""CAN_ERR_BUSERROR, CAN_ERR_PROT of linux/can/error.h, with the kind in data[2]."""
_KIND_OF_ERROR = np.array([0, 1, 2, 4, *[0] * 252], np.uint8)
"""data[2], by ErrorType: bit, form, stuff; others have no place there."""
_LENGTH_OF_DLC = np.array([*FD_LENGTHS, *[255] * 240], np.uint8)
_IS_LENGTH = np.isin(np.arange(256), FD_LENGTHS)
_MAX_T_NS = 2.0**62

Payloads = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Of values of variable length by their offsets (uint64): (n, 64) uint8 and lengths."""


class Layout(NamedTuple):
    """How a group of CAN records is to be read."""

    kind: str
    group: Group
    master: Channel
    fields: dict[str, Channel]


def layout_of(group: Group) -> Layout | None:
    """None for a group that is no CAN bus logging."""
    for kind in KINDS:
        if kind not in group.channels or "" not in group.channels or not group.size:
            continue
        fields = {
            name.removeprefix(f"{kind}."): channel
            for name, channel in group.channels.items()
            if name.startswith(f"{kind}.")
        }
        fields = {name: channel for name, channel in fields.items() if _fits(channel, group.size)}
        if _fits(group.channels[""], group.size) and ("ID" in fields or kind == KINDS[2]):
            return Layout(kind, group, group.channels[""], fields)
    return None


def _fits(channel: Channel, size: int) -> bool:
    return channel.byte + (channel.bit + channel.bits + 7) // 8 <= size and channel.bits > 0


def frames_of(
    records: bytes,
    count: int,
    layout: Layout,
    start_ns: int,
    bus_of: Callable[[np.ndarray], np.ndarray],
    payloads: Payloads,
    complain: Callable[[int, str], None],
) -> Frames:
    """The frames of so many records, whose bytes go on for PADDING. bus_of gives the bus of a channel, -1 for
    none; complain is told how many cannot be, and why."""
    size = layout.group.size

    def field(name: str) -> np.ndarray | None:
        channel = layout.fields.get(name)
        if channel is None:
            return None
        if channel.data_type in TEXT:  # "Rx" and "Tx"
            return _matrix(records, count, size)[:, channel.byte] == ord("T")
        return number_of(records, count, size, channel)

    def mask(name: str, flag: int) -> np.ndarray:
        found = field(name)
        return (
            np.zeros(count, np.uint16) if found is None else (found != 0).astype(np.uint16) * np.uint16(flag)
        )

    t_ns, timed = _times(records, count, size, layout.master, start_ns)
    channel = field("BusChannel")
    bus = bus_of(np.ones(count, np.int64) if channel is None else channel.astype(np.int64))
    flags = mask("Dir", TX)
    faults = [(~timed, "a time out of all range"), (bus < 0, "a bus too many")]
    if layout.kind == "CAN_ErrorFrame":
        what = field("ErrorType")
        kind = (
            np.zeros(count, np.uint8)
            if what is None
            else _KIND_OF_ERROR[np.minimum(what, 255).astype(np.uint8)]
        )
        ids = np.where(kind, _BUS_ERROR | _PROTOCOL, _BUS_ERROR).astype(np.uint32)
        data = np.zeros((count, 8), np.uint8)
        data[:, 2] = kind
        flags |= np.uint16(ERROR)
        length = np.full(count, 8, np.uint8)
    else:
        stored = np.asarray(field("ID"))
        ids = (stored & 0x1FFFFFFF).astype(np.uint32)
        extended = mask("IDE", EXTENDED)
        extended |= ((stored >> 31) & 1).astype(np.uint16)  # EXTENDED is 1
        if "IDE" not in layout.fields:
            extended |= (ids > 0x7FF).astype(np.uint16)
        flags |= extended
        faults.append(((extended == 0) & (ids > 0x7FF), "an id of too many bits"))
        flags |= mask("EDL", FD) | mask("BRS", BRS) | mask("ESI", ESI)
        remote = layout.kind == "CAN_RemoteFrame"
        said, data = _lengths(field, count, (flags & FD) != 0, remote), np.zeros((count, 8), np.uint8)
        length = np.zeros(count, np.uint8) if said is None else said
        if remote:
            flags |= np.uint16(REMOTE)
        elif "DataBytes" in layout.fields:
            data, there = _bytes(records, count, size, layout.fields["DataBytes"], payloads)
            length = there if said is None else np.where(there == MISSING, there, np.minimum(said, there))
        wrong = ~_IS_LENGTH[length] | ((flags & FD == 0) & (length > 8))
        faults.append((wrong, "a length that no such frame has"))
    good = np.ones(count, bool)
    for bad, why in faults:
        bad = bad & good
        if bad.any():
            complain(int(np.count_nonzero(bad)), why)
            good &= ~bad
    found = Frames(t_ns, ids, flags, bus.astype(np.uint8), length, data)
    found = found if good.all() else found[good]
    return _trimmed(found) if layout.kind == "CAN_DataFrame" else found


def _trimmed(found: Frames) -> Frames:
    """Zeros beyond the length; 8 bytes wide, if that is enough."""
    width = 8 if not len(found) or found.length.max() <= 8 else 64
    data = found.data[:, :width]
    if data.shape[1] < width:
        data = np.pad(data, ((0, 0), (0, width - data.shape[1])))
    kept = np.ascontiguousarray(data).view("<u8") & KEEP_64[found.length, : width // 8]
    return Frames(found.t_ns, found.id, found.flags, found.bus, found.length, kept.view(np.uint8))


def _lengths(
    field: Callable[[str], np.ndarray | None], count: int, fd: np.ndarray, remote: bool
) -> np.ndarray | None:
    """As the file tells them; a remote frame has no data, what it asks for is its DLC."""
    length, dlc = field("DataLength"), field("DLC")
    if length is not None and not (remote and dlc is not None):
        return np.minimum(length, 255).astype(np.uint8)
    if dlc is None:
        return None
    on_the_wire = _LENGTH_OF_DLC[np.minimum(dlc, 255).astype(np.uint8)]
    return np.where(fd, on_the_wire, np.minimum(on_the_wire, 8)).astype(np.uint8)


def _bytes(
    records: bytes, count: int, size: int, channel: Channel, payloads: Payloads
) -> tuple[np.ndarray, np.ndarray]:
    if channel.kind == VLSD:
        return payloads(number_of(records, count, size, channel))
    width = min(channel.bits // 8, 64)
    data = np.zeros((count, 64 if width > 8 else 8), np.uint8)
    data[:, :width] = _matrix(records, count, size)[:, channel.byte : channel.byte + width]
    return data, np.full(count, width, np.uint8)


def _matrix(records: bytes, count: int, size: int) -> np.ndarray:
    return np.frombuffer(records, np.uint8, count * size).reshape(count, size)


def number_of(records: bytes, count: int, size: int, channel: Channel) -> np.ndarray:
    """The raw unsigned number of a channel in each record."""
    used = (channel.bit + channel.bits + 7) // 8
    if used == 1:
        found = np.ndarray((count,), np.uint8, records, channel.byte, (size,))
        return (found >> np.uint8(channel.bit)) & np.uint8((1 << channel.bits) - 1)
    if channel.data_type in BIG_ENDIAN:
        # right-aligned in the bytes that it takes
        found = np.zeros(count, np.uint64)
        for i in range(min(used, 8)):
            found = (found << np.uint64(8)) | np.ndarray(
                (count,), np.uint8, records, channel.byte + i, (size,)
            )
    else:
        found = np.ndarray((count,), "<u4" if used <= 4 else "<u8", records, channel.byte, (size,))
    one = found.dtype.type
    return (found >> one(channel.bit)) & one((1 << min(channel.bits, 8 * found.dtype.itemsize)) - 1)


def _times(
    records: bytes, count: int, size: int, master: Channel, start_ns: int
) -> tuple[np.ndarray, np.ndarray]:
    """ns since 1970, and which are in range. Whole ns in the file stay exact."""
    offset, factor = master.ns
    if master.data_type in FLOAT:
        order = ">" if master.data_type in BIG_ENDIAN else "<"
        raw = np.ndarray((count,), f"{order}f{4 if master.bits == 32 else 8}", records, master.byte, (size,))
        raw = raw.astype(np.float64)
    else:
        raw = number_of(records, count, size, master)
    whole = round(factor) if abs(factor) < 1e18 else 0
    with np.errstate(over="ignore", invalid="ignore"):
        if whole and abs(factor - whole) <= 1e-9 * whole:
            factor = whole
        about = raw.astype(np.float64) * factor + offset
        good = np.abs(about) < _MAX_T_NS  # False for what is no number
        if raw.dtype.kind == "u" and isinstance(factor, int):
            t_ns = np.where(good, raw, 0).astype(np.int64) * factor + (round(offset) if good.any() else 0)
        else:
            t_ns = np.rint(np.where(good, about, 0)).astype(np.int64)
    return t_ns + start_ns, good
