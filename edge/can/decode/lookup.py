"""Which message a frame is: from bus and id to the number of a plan, for many frames at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edge.can.dbc import Message
from edge.can.decode.plan import Plan
from edge.can.frames import ERROR, EXTENDED, KEY_EXTENDED, REMOTE, Frames

_STANDARD = 1 << 11
_GOLDEN = 0x9E3779B1  # 2^32 / the golden ratio: spreads keys that follow one another
_J1939 = KEY_EXTENDED | 1 << 29  # what no id has: a key made of a parameter group alone,
_J1939_FROM = KEY_EXTENDED | 1 << 30  # or of a parameter group and the source address


class Lookup:
    """Finds the messages of plans in frames whose buses have these names.

    A plan's bus None is every bus. Where several define one id on a bus, one that names the bus goes before
    one that does not, else the first. A message with a PGN is found by it, whatever the priority, the source
    and (PDU1) the destination; where several have one PGN, the one with the frame's source address.
    """

    def __init__(self, plans: Sequence[Plan], buses: Sequence[str]) -> None:
        self._bus_bits = max(len(buses) - 1, 0).bit_length()
        self._bus_shift = np.uint32(self._bus_bits)
        small = np.min_scalar_type(len(plans))
        width = 1 << self._bus_bits
        groups = [plan.message.pgn for plan in plans if plan.message.pgn is not None]
        self._by_group = bool(groups)
        self._by_source = len(set(groups)) < len(groups)
        found: dict[int, np.ndarray] = {}
        numbered = sorted(enumerate(plans, 1), key=lambda entry: (entry[1].bus is None, entry[1].first))
        for number, plan in numbered:
            for key in _keys(plan.message):
                row = found.setdefault(key, np.zeros(width, small))
                for i, name in enumerate(buses):
                    if plan.bus in (None, name) and not row[i]:
                        row[i] = number
        self._standard = np.zeros((_STANDARD, width), small)
        for key, row in found.items():
            if key < _STANDARD:
                self._standard[key] = row
        self._standard = self._standard.ravel()
        self._keys = np.array([KEY_EXTENDED - 1, *found], np.uint32)  # the first is no frame's
        self._numbers = np.stack([np.zeros(width, small), *found.values()]).ravel()
        self._slots, self._multiplier, self._shift = _perfect_hash(self._keys)

    def find(self, frames: Frames) -> np.ndarray:
        """uint8 or uint16 (n,): number of each frame's plan, from 1; 0: none, a remote or error frame."""
        flags = frames.flags
        if not np.count_nonzero(flags) or not np.count_nonzero(flags & (EXTENDED | REMOTE | ERROR)):
            at = frames.id
            if self._bus_bits:
                at = at << self._bus_shift
                at |= frames.bus
            try:
                return self._standard.take(at)
            except IndexError:
                pass  # an id of more than 11 bits that says it is none
        return self._find_any(frames)

    def _find_any(self, frames: Frames) -> np.ndarray:
        keys = frames.keys()
        numbers = self._known(keys, frames.bus)
        if self._by_group:
            which = np.flatnonzero((numbers == 0) & (keys >= KEY_EXTENDED))
            ids, bus = frames.id[which], frames.bus[which]
            pgn = ids >> np.uint32(8) & np.uint32(0x3FFFF)
            pgn[(pgn >> np.uint32(8) & np.uint32(0xFF)) < 240] &= np.uint32(0x3FF00)
            found = self._known(pgn | np.uint32(_J1939), bus)
            if self._by_source:
                exact = self._known(pgn << np.uint32(8) | ids & np.uint32(0xFF) | np.uint32(_J1939_FROM), bus)
                found = np.where(exact, exact, found)
            numbers[which] = found
        numbers[(frames.flags & (REMOTE | ERROR)) != 0] = 0
        return numbers

    def _known(self, keys: np.ndarray, bus: np.ndarray) -> np.ndarray:
        slot = self._slots.take(keys * self._multiplier >> self._shift)
        slot *= self._keys.take(slot) == keys
        slot <<= self._bus_bits
        slot |= bus
        return self._numbers.take(slot)


def _keys(message: Message) -> tuple[int, ...]:
    if message.pgn is None:
        return (message.key,)
    return message.pgn | _J1939, message.pgn << 8 | message.key & 0xFF | _J1939_FROM


def _perfect_hash(keys: np.ndarray) -> tuple[np.ndarray, np.uint32, np.uint32]:
    """A table with the index of every key at (key * multiplier >> shift), found by trying."""
    bits = max(len(keys).bit_length() * 2 - 3, 6)
    attempt = 0
    while True:
        multiplier, shift = np.uint32(_GOLDEN * (2 * attempt + 1) & 0xFFFFFFFF), np.uint32(32 - bits)
        slots = keys * multiplier >> shift
        if len(np.unique(slots)) == len(keys):
            table = np.zeros(1 << bits, np.int32)
            table[slots] = np.arange(len(keys), dtype=np.int32)
            return table, multiplier, shift
        attempt += 1
        bits += attempt % 64 == 0
