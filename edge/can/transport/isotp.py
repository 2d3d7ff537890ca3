"""ISO-TP (ISO 15765-2:2016) heard by a third party: messages of up to 4 GiB out of CAN and CAN FD frames.

Nothing is sent. What the two partners agreed upon is not known here but for what the frames tell, so that
frames of wrong lengths cost the message, as they do at the receiver.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from edge.can.frames import ERROR, FD_LENGTHS, KEY_EXTENDED, REMOTE, Frames
from edge.can.transport.pdu import Losses, Pdu

N_CR_NS = 1_000_000_000
"""ISO 15765-2, table 16: between flow control and consecutive frame, and between consecutive frames."""
MAX_SESSIONS = 4096
_MAX_BYTES = 1 << 20

_SINGLE, _FIRST, _CONSECUTIVE, _FLOW_CONTROL = range(4)
_OVERFLOW = 2
_PHYSICAL, _FUNCTIONAL = 0x18DA0000, 0x18DB0000  # ISO 15765-2, 10.3.3: normal fixed addressing, 29 bits
_DIAGNOSTIC_11 = range(0x7E0, 0x7F0)  # ISO 15765-4, 10.5.2; 0x7DF asks all
_LENGTH_OF_FRAME = np.array([next(n for n in FD_LENGTHS if n >= length) for length in range(65)]).tolist()


def is_diagnostic(keys: np.ndarray) -> np.ndarray:
    """bool (n,): ids that standards keep for diagnostics on ISO-TP: 0x7DF, 0x7E0-0x7EF, 0x18DA.., 0x18DB.."""
    short = (keys == 0x7DF) | ((keys & ~np.uint32(0xF)) == 0x7E0)
    fixed = keys & np.uint32(0xFFFE0000)
    return short | (fixed == (_PHYSICAL | KEY_EXTENDED))


def answering_key(key: int) -> int | None:
    """The id on which the partner of `key` speaks, where standards fix it: 0x7E0 and 0x7E8, 0x18DAttss and
    0x18DAsstt."""
    if key in _DIAGNOSTIC_11:
        return key ^ 8
    if key & 0xFFFF0000 == _PHYSICAL | KEY_EXTENDED:
        return key & 0xFFFF0000 | (key & 0xFF) << 8 | key >> 8 & 0xFF
    return None


class _Session:
    """A message that has begun. silent_ns: when its time is over; number: of the next consecutive frame."""

    __slots__ = ("data", "last_ns", "number", "size", "start_ns", "width")

    def __init__(self, t_ns: int, size: int, data: bytes, width: int) -> None:
        self.start_ns = self.last_ns = t_ns
        self.size = size
        self.data = bytearray(data)
        self.width = width
        self.number = 1


class IsoTp:
    """Puts messages together, each id (and bus, and address) for itself; give it all frames, in their order.

    keys: the ids that carry ISO-TP, bit 31 set if extended; None: those that standards keep for diagnostics,
    see is_diagnostic. Any CAN frame can look like ISO-TP, so others must be named. partners: the id on which
    the other side sends its flow control, where answering_key does not know it; without it an abort by the
    receiver is noticed only by the silence after it. address_byte: extended or mixed addressing, the first
    byte of each frame is an address (all ids of one IsoTp have it, or none). max_bytes: longer messages are
    not put together.

    losses: messages that were not completed, by bus, id and reason.
    """

    def __init__(
        self,
        keys: Collection[int] | None = None,
        *,
        partners: Mapping[int, int] | None = None,
        address_byte: bool = False,
        max_bytes: int = _MAX_BYTES,
    ) -> None:
        self.losses = Losses()
        self._keys = None if keys is None else np.array(sorted(keys), dtype=np.uint32)
        self._partners = dict(partners or {})
        self._partners.update({other: key for key, other in self._partners.items()})
        self._head = 1 if address_byte else 0
        self._max_bytes = max_bytes
        self._sessions: dict[tuple[int, int, int | None], _Session] = {}
        self._adrift: set[tuple[int, int, int | None]] = set()  # its message is lost; the rest of it may come

    def take(self, frames: Frames) -> tuple[Pdu, ...]:
        """The messages that these frames complete, in the order of their last frames."""
        keys = frames.keys()
        wanted = is_diagnostic(keys) if self._keys is None else np.isin(keys, self._keys)
        wanted &= frames.flags & (ERROR | REMOTE) == 0
        where = np.flatnonzero(wanted)
        if not len(where):
            return ()
        width = frames.data.shape[1]
        raw = frames.data[where].tobytes()
        done: list[Pdu] = []
        for i, (t_ns, bus, key, length) in enumerate(
            zip(
                frames.t_ns[where].tolist(),
                frames.bus[where].tolist(),
                keys[where].tolist(),
                frames.length[where].tolist(),
                strict=True,
            )
        ):
            self._frame(t_ns, bus, key, raw[i * width : i * width + length], done)
        return tuple(done)

    def expire(self, now_ns: int) -> None:
        """Give up what has been silent for longer than N_Cr; at the end of a log with its last time."""
        for place in [p for p, s in self._sessions.items() if now_ns - s.last_ns > N_CR_NS]:
            self._lose(place, "time-out")

    def unfinished(self) -> int:
        """Messages that have begun and may still be completed."""
        return len(self._sessions)

    def _frame(self, t_ns: int, bus: int, key: int, data: bytes, done: list[Pdu]) -> None:
        head = self._head
        address = data[0] if head and data else None
        place = (bus, key, address)
        if len(data) <= head:
            self.losses.add(bus, key, "frame too short")
            return
        kind = data[head] >> 4
        if kind == _SINGLE:
            self._interrupt(place, t_ns)
            low = data[head] & 0xF
            start = head + 1
            if len(data) > 8:  # CAN FD, 9.6.2.1: the length has a byte of its own
                low, start = (data[start] if low == 0 else 0), start + 1
            if 0 < low <= len(data) - start:
                done.append(Pdu(t_ns, t_ns, bus, key, data[start : start + low], address))
            else:
                self.losses.add(bus, key, "single frame with an impossible length")
        elif kind == _CONSECUTIVE:
            self._consecutive(place, t_ns, data, done)
        elif kind == _FIRST:
            self._first(place, t_ns, data)
        elif kind == _FLOW_CONTROL:
            self._flow_control(place, t_ns, data)
        else:
            self.losses.add(bus, key, "unknown kind of frame")

    def _first(self, place: tuple[int, int, int | None], t_ns: int, data: bytes) -> None:
        self._interrupt(place, t_ns)
        head = self._head
        start = head + 2
        size = 0
        if len(data) >= 8:
            size = int.from_bytes(data[head : head + 2], "big") & 0xFFF
            if size == 0:
                start = head + 6
                size = int.from_bytes(data[head + 2 : start], "big")
                if size <= 0xFFF:
                    size = 0  # 9.6.3.2: the escape is for what needs it
        single = len(data) - head - (1 if len(data) == 8 else 2)
        if size <= max(single, 0) or len(data) != _LENGTH_OF_FRAME[len(data)]:
            self._adrift.add(place)
            self.losses.add(place[0], place[1], "first frame with an impossible length")
        elif size > self._max_bytes:
            self._adrift.add(place)
            self.losses.add(place[0], place[1], f"longer than {self._max_bytes} bytes")
        else:
            if len(self._sessions) >= MAX_SESSIONS:
                self._lose(next(iter(self._sessions)), "too many messages at once")
            self._adrift.discard(place)
            self._sessions[place] = _Session(t_ns, size, data[start:], len(data))

    def _consecutive(
        self, place: tuple[int, int, int | None], t_ns: int, data: bytes, done: list[Pdu]
    ) -> None:
        session = self._sessions.get(place)
        if session is not None and t_ns - session.last_ns > N_CR_NS:
            self._lose(place, "time-out")
            session = None
        if session is None:
            if place not in self._adrift:
                self._drift(place)
                self.losses.add(place[0], place[1], "began before we listened")
            return
        if data[self._head] & 0xF != session.number & 0xF:
            self._lose(place, "wrong sequence number")
            return
        payload = data[self._head + 1 :]
        left = session.size - len(session.data)
        if len(data) != session.width and len(payload) < left:  # only the last may have another length
            self._lose(place, "consecutive frame of another length")
            return
        session.data += payload[:left]
        session.last_ns = t_ns
        session.number += 1
        if left <= len(payload):
            del self._sessions[place]
            bus, key, address = place
            done.append(Pdu(session.start_ns, t_ns, bus, key, bytes(session.data), address))

    def _flow_control(self, place: tuple[int, int, int | None], t_ns: int, data: bytes) -> None:
        """It is the partner who sends; its session is the one that goes on, waits, or is refused."""
        bus, key, address = place
        partner = self._partners.get(key, answering_key(key))
        if partner is None:
            return
        for other in ((bus, partner, address), *(self._of(bus, partner) if self._head else ())):
            session = self._sessions.get(other)
            if session is None:
                continue
            if data[self._head] & 0xF == _OVERFLOW:
                self._lose(other, "refused by the receiver: too long for it")
            else:
                session.last_ns = max(session.last_ns, t_ns)
            return

    def _of(self, bus: int, key: int) -> list[tuple[int, int, int | None]]:
        """Sessions of an id under any address: with extended addressing each side names the other."""
        return [place for place in self._sessions if place[:2] == (bus, key)]

    def _interrupt(self, place: tuple[int, int, int | None], t_ns: int) -> None:
        self._adrift.discard(place)
        session = self._sessions.get(place)
        if session is not None:
            late = t_ns - session.last_ns > N_CR_NS
            self._lose(place, "time-out" if late else "interrupted by a new message")
            self._adrift.discard(place)

    def _lose(self, place: tuple[int, int, int | None], reason: str) -> None:
        del self._sessions[place]
        self._drift(place)
        self.losses.add(place[0], place[1], reason)

    def _drift(self, place: tuple[int, int, int | None]) -> None:
        if len(self._adrift) >= MAX_SESSIONS:
            self._adrift.clear()
        self._adrift.add(place)
