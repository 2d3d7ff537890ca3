"""How long frames occupy their bus: the bits on the wire, stuff bits counted one by one.

Source: ISO 11898-1:2015, 10.4 (frame formats), 10.5 (bit stuffing); CRC-15 of classic CAN.
"""

from __future__ import annotations

import numpy as np

from edge.can.frames import BRS, ERROR, EXTENDED, FD, REMOTE, Frames

_AFTER_CRC = 1 + 2 + 7 + 3  # CRC delimiter, acknowledgement, end of frame, intermission
_BLOCK = 4096
_CRC_15 = 0x4599


def wire_ns(frames: Frames, bitrate_bps: float, data_bitrate_bps: float | None = None) -> np.ndarray:
    """int64 (n,): how long each frame occupies its bus, intermission included; error frames 0.

    Exact for classic CAN. Of CAN FD the stuff bits of the 5 bits between BRS and the data are counted at the
    nominal rate. data_bitrate_bps: of frames with bit rate switch; None: they are taken to be sent at the
    nominal one.
    """
    at_nominal, at_data = wire_bits(frames)
    ns = at_nominal * (1e9 / bitrate_bps) + at_data * (1e9 / (data_bitrate_bps or bitrate_bps))
    return np.rint(ns).astype(np.int64)


def wire_bits(frames: Frames) -> tuple[np.ndarray, np.ndarray]:
    """int64 (n,) twice: bits at the nominal and at the data bit rate, see wire_ns."""
    nominal, fast = np.zeros(len(frames), np.int64), np.zeros(len(frames), np.int64)
    for start in range(0, len(frames), _BLOCK):
        block = frames[start : start + _BLOCK]
        kinds = block.flags & (ERROR | FD | EXTENDED)
        for kind in np.unique(kinds).tolist():
            rows = np.flatnonzero(kinds == kind)
            if kind & ERROR:
                continue
            bits = _fd_bits if kind & FD else _classic_bits
            nominal[start + rows], fast[start + rows] = bits(block[rows], bool(kind & EXTENDED))
    return nominal, fast


def _classic_bits(frames: Frames, extended: bool) -> tuple[np.ndarray, np.ndarray]:
    """The header fills whole bytes but for a few bits before it; so do the data; then 15 bits of CRC."""
    remote = (frames.flags & REMOTE != 0).astype(np.uint64)
    ids, length = frames.id.astype(np.uint64), np.minimum(frames.length, 8)
    if extended:  # SOF, id 28-18, SRR, IDE, id 17-0, RTR, r1, r0, DLC: 39 bits
        header = (ids >> 18) << 27 | 3 << 25 | (ids & 0x3FFFF) << 7 | remote << 6 | length
        size, before = 5, 1
    else:  # SOF, id, RTR, IDE, r0, DLC: 19 bits
        header = ids << 7 | remote << 6 | length
        size, before = 3, 5
    count = length * (remote == 0)
    columns = _bytes_of(header, size) + _data(frames, count)
    crc = np.zeros(len(frames), np.uint16)
    least = size + int(count.min())
    for i, column in enumerate(columns):
        following = (crc << 8 & 0x7FFF) ^ _CRC.take(crc >> 7 ^ column)
        crc = following if i < least else np.where(i - size < count, following, crc)
    columns[0] = columns[0] | np.uint16(_FILL[before])
    state, stuffed = _stuffing(columns, size, count)
    for column in (crc >> 7, (crc << 1 & 0xFF) | (~crc & 1)):  # a last bit that ends every run
        step = _STEP.take(state | column)
        state = step & _STATE
        stuffed += step & 0xFF
    bits = 8 * (size + count.astype(np.int64)) - before + 15 + _AFTER_CRC + stuffed
    return bits, np.zeros_like(bits)


def _fd_bits(frames: Frames, extended: bool) -> tuple[np.ndarray, np.ndarray]:
    """Stuffed as classic CAN up to the data; then stuff count and CRC with a fixed stuff bit every 4 bits."""
    switched = (frames.flags & BRS != 0).astype(np.uint64)
    dlc = _DLC[np.minimum(frames.length, 64)].astype(np.uint64)
    ids = frames.id.astype(np.uint64)
    if extended:  # SOF, id, SRR, IDE, id, RRS, FDF, res, BRS, ESI, DLC: 41 bits, BRS is the 36th
        header = (ids >> 18) << 29 | 3 << 27 | (ids & 0x3FFFF) << 9 | 1 << 7 | switched << 5 | dlc
        size, before, to_brs = 6, 7, 36
    else:  # SOF, id, RRS, IDE, FDF, res, BRS, ESI, DLC: 22 bits, BRS is the 17th
        header = ids << 10 | 1 << 7 | switched << 5 | dlc
        size, before, to_brs = 3, 2, 17
    count = np.minimum(frames.length, 64)
    columns = _bytes_of(header, size) + _data(frames, count)
    columns[0] = columns[0] | np.uint16(_FILL[before])
    state, in_header = _stuffing(columns[:size], size, count)
    _, in_data = _stuffing(columns[size:], 0, count, state)
    long_crc = count > 16
    after = np.where(long_crc, 4 + 21 + 7, 4 + 17 + 6)  # stuff count with parity, CRC, fixed stuff bits
    fast = 5 + 8 * count.astype(np.int64) + in_data + after
    slow = to_brs + in_header + _AFTER_CRC
    brs = switched != 0
    return np.where(brs, slow, slow + fast), np.where(brs, fast, 0)


def _stuffing(
    columns: list[np.ndarray], size: int, count: np.ndarray, state: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """State after the columns and how many bits were stuffed; columns from `size` on are data, of which a
    frame has `count`."""
    state = np.zeros(len(count), np.uint16) if state is None else state
    stuffed = np.zeros(len(count), np.int64)
    least = size + int(count.min())
    for i, column in enumerate(columns):
        step = _STEP.take(state | column)
        if i >= least:
            step = np.where(i - size < count, step, state)
        state = step & _STATE
        stuffed += step & 0xFF
    return state, stuffed


def _bytes_of(header: np.ndarray, size: int) -> list[np.ndarray]:
    shifts = np.arange(size - 1, -1, -1, dtype=np.uint64) * np.uint64(8)
    return list((header >> shifts[:, None] & np.uint64(0xFF)).astype(np.uint16))


def _data(frames: Frames, count: np.ndarray) -> list[np.ndarray]:
    return list(frames.data[:, : int(count.max())].T.astype(np.uint16))


def _crc_table() -> np.ndarray:
    table = np.arange(256) << 7
    for _ in range(8):
        table = np.where(table & 0x4000, table << 1 ^ _CRC_15, table << 1) & 0x7FFF
    return table


def _automaton() -> np.ndarray:
    """After five equal bits one of the other kind is put in. State: 1 + last bit * 5 + its run - 1, 0 at the
    start. At state * 256 + byte: the next state * 256 + how many bits were put in."""
    step = np.zeros(11 * 256, np.uint16)
    for at in range(len(step)):
        state, byte = divmod(at, 256)
        last, run, put_in = (-1, 0, 0) if state == 0 else ((state - 1) // 5, (state - 1) % 5 + 1, 0)
        for place in range(7, -1, -1):
            bit = byte >> place & 1
            last, run = (bit, run + 1) if bit == last else (bit, 1)
            if run == 5:
                last, run, put_in = 1 - bit, 1, put_in + 1
        step[at] = (1 + last * 5 + run - 1) << 8 | put_in
    return step


_CRC = _crc_table().astype(np.uint16)
_STEP = _automaton()
_STATE = np.uint16(0xFF00)
# Alternating bits in front of the start bit: no run, and the last of them is not that of the start bit.
_FILL = {1: 0b1 << 7, 2: 0b01 << 6, 5: 0b10101 << 3, 7: 0b1010101 << 1}
_DLC = np.searchsorted([*range(9), 12, 16, 20, 24, 32, 48, 64], np.arange(65))
