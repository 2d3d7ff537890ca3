"""The transport protocol of SAE J1939-21 heard by a third party: messages of 9 to 1785 bytes.

Broadcast (BAM) and between two (RTS, CTS, with retransmission). Not the extended protocol (ETP, beyond 1785
bytes). Clauses are those of J1939-21 (2010), 5.10.
"""

from __future__ import annotations

import numpy as np

from edge.can.dbc.model import pgn_of
from edge.can.frames import ERROR, EXTENDED, KEY_EXTENDED, REMOTE, Frames
from edge.can.transport.pdu import Losses, Pdu

MAX_SESSIONS = 4096
GLOBAL = 0xFF

_CONTROL, _DATA = 0x00EC0000, 0x00EB0000  # TP.CM and TP.DT: PGN 60416 and 60160, as they stand in an id
_PGN_PART = 0x03FF0000
_RTS, _CTS, _END, _BAM, _ABORT = 16, 17, 19, 32, 255
_T1_NS, _T2_NS, _T3_NS, _T4_NS = 750_000_000, 1_250_000_000, 1_250_000_000, 1_050_000_000  # 5.10.2.4

_WHY = {
    1: "already in a session",
    2: "no resources",
    3: "time-out",
    4: "asked to go on while data was sent",
    5: "too many retransmissions",
    6: "unexpected data",
    7: "bad sequence number",
    8: "duplicate sequence number",
    9: "too long",
}
"""Reasons of an abort, 5.10.3.5."""


def source_of(key: int) -> int:
    """The source address of an extended id."""
    return key & 0xFF


def destination_of(key: int) -> int:
    """The destination address of an extended id: 255, global, where its PGN has none."""
    return key >> 8 & 0xFF if (key >> 16 & 0xFF) < 240 else GLOBAL


class _Session:
    """A message that was announced. have: which packets came; next: the one that should come; until: the last
    one that may come before the receiver speaks again; deadline_ns: when its time is over; done: given out,
    but the receiver may ask for some of it again."""

    __slots__ = ("count", "data", "deadline_ns", "done", "have", "key", "next", "size", "start_ns", "until")

    def __init__(self, t_ns: int, key: int, size: int, count: int, broadcast: bool) -> None:
        self.start_ns, self.key, self.size, self.count = t_ns, key, size, count
        self.data = bytearray(count * 7)
        self.have = 0
        self.next = 1
        self.until = count if broadcast else 0
        self.done = False
        self.deadline_ns = t_ns + (_T1_NS if broadcast else _T3_NS)


Place = tuple[int, int, int]
"""Bus, source, destination: there is one session between two at a time (5.10.3.1)."""


class J1939Transport:
    """Puts messages together; give it all frames, in their order: those of other PGNs cost next to nothing.

    losses: messages that were not completed, by bus, id and reason.
    """

    def __init__(self) -> None:
        self.losses = Losses()
        self._sessions: dict[Place, _Session] = {}
        self._adrift: set[Place] = set()

    def take(self, frames: Frames) -> tuple[Pdu, ...]:
        """The messages that these frames complete. Pdu.key has the PGN, source and destination."""
        part = frames.id & np.uint32(_PGN_PART)
        wanted = (part == _CONTROL) | (part == _DATA)
        wanted &= frames.flags & (EXTENDED | ERROR | REMOTE) == EXTENDED
        where = np.flatnonzero(wanted)
        if not len(where):
            return ()
        raw = np.ascontiguousarray(frames.data[where, :8]).tobytes()
        done: list[Pdu] = []
        for i, (t_ns, bus, number, length) in enumerate(
            zip(
                frames.t_ns[where].tolist(),
                frames.bus[where].tolist(),
                frames.id[where].tolist(),
                frames.length[where].tolist(),
                strict=True,
            )
        ):
            place = (bus, number & 0xFF, number >> 8 & 0xFF)
            if length != 8:
                self.losses.add(bus, number | KEY_EXTENDED, "transport frame without 8 bytes")
            elif number & _PGN_PART == _DATA:
                self._packet(place, t_ns, raw[i * 8 : i * 8 + 8], done)
            else:
                self._control(place, t_ns, number, raw[i * 8 : i * 8 + 8])
        return tuple(done)

    def expire(self, now_ns: int) -> None:
        """Give up what has been silent for too long; at the end of a log with its last time."""
        for place in [p for p, s in self._sessions.items() if now_ns > s.deadline_ns]:
            self._end(place, "time-out")

    def unfinished(self) -> int:
        """Messages that were announced and may still be completed."""
        return sum(not session.done for session in self._sessions.values())

    # ------------------------------------------------------------ frames

    def _control(self, place: Place, t_ns: int, number: int, data: bytes) -> None:
        bus, source, destination = place
        kind = data[0]
        pgn = int.from_bytes(data[5:8], "little")
        back = (bus, destination, source)
        if kind in (_BAM, _RTS):
            self._announce(place, t_ns, number, data)
        elif kind == _CTS:
            session = self._alive(back, t_ns)
            if session is not None and pgn_of(session.key) == pgn_of(pgn << 8):
                self._go_on(session, t_ns, data)
        elif kind == _END:
            session = self._alive(back, t_ns)
            if session is not None:
                self._end(back, "packets missing")
        elif kind == _ABORT:
            for one in (place, back):
                session = self._alive(one, t_ns)
                if session is not None and pgn_of(session.key) == pgn_of(pgn << 8):
                    self._end(one, f"aborted: {_WHY.get(data[1], f'reason {data[1]}')}")
        else:
            self.losses.add(bus, number | KEY_EXTENDED, "unknown control byte")

    def _announce(self, place: Place, t_ns: int, number: int, data: bytes) -> None:
        bus, source, destination = place
        broadcast = data[0] == _BAM
        if place in self._sessions:
            self._end(place, "time-out" if t_ns > self._sessions[place].deadline_ns else "announced anew")
        size, count = int.from_bytes(data[1:3], "little"), data[3]
        pgn = int.from_bytes(data[5:8], "little") & 0x3FFFF
        key = KEY_EXTENDED | number & 0x1C000000 | pgn << 8 | source
        if (pgn >> 8 & 0xFF) < 240:
            key = key & ~0xFF00 | destination << 8
        if not 9 <= size <= 1785 or count != (size + 6) // 7 or broadcast != (destination == GLOBAL):
            self.losses.add(bus, key, "announcement that contradicts itself")
            self._drift(place)
            return
        if len(self._sessions) >= MAX_SESSIONS:
            self._end(next(iter(self._sessions)), "too many messages at once")
        self._adrift.discard(place)
        self._sessions[place] = _Session(t_ns, key, size, count, broadcast)

    def _go_on(self, session: _Session, t_ns: int, data: bytes) -> None:
        """Clear to send: so many packets from there on, or again from there on; none: wait."""
        count, first = data[1], data[2]
        if count == 0:
            session.deadline_ns = t_ns + _T4_NS
            return
        if 1 <= first <= session.count:
            session.next = first
            session.until = min(first + count - 1, session.count)
        session.deadline_ns = t_ns + _T2_NS

    def _packet(self, place: Place, t_ns: int, data: bytes, done: list[Pdu]) -> None:
        session = self._alive(place, t_ns)
        if session is None:
            if place not in self._adrift:
                self._drift(place)
                self.losses.add(place[0], _data_key(place), "began before we listened")
            return
        number = data[0]
        broadcast = place[2] == GLOBAL
        if not 1 <= number <= session.count or (broadcast and number != session.next):
            self._end(place, "wrong sequence number")
            return
        session.data[number * 7 - 7 : number * 7] = data[1:]
        session.have |= 1 << number
        session.next = number + 1
        session.deadline_ns = t_ns + (_T1_NS if number < session.until else _T3_NS)
        if session.done or session.have != (1 << session.count + 1) - 2:
            return
        done.append(Pdu(session.start_ns, t_ns, place[0], session.key, bytes(session.data[: session.size])))
        session.done = True
        if broadcast:
            del self._sessions[place]

    # ------------------------------------------------------------ sessions

    def _alive(self, place: Place, t_ns: int) -> _Session | None:
        session = self._sessions.get(place)
        if session is not None and t_ns > session.deadline_ns:
            self._end(place, "time-out")
            return None
        return session

    def _end(self, place: Place, reason: str) -> None:
        """The session is over; if it was not completed, for this reason."""
        session = self._sessions.pop(place)
        if not session.done:
            self._drift(place)
            self.losses.add(place[0], session.key, reason)

    def _drift(self, place: Place) -> None:
        if len(self._adrift) >= MAX_SESSIONS:
            self._adrift.clear()
        self._adrift.add(place)


def _data_key(place: Place) -> int:
    return KEY_EXTENDED | 7 << 26 | _DATA | place[2] << 8 | place[1]
