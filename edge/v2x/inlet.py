"""What is heard by radio becomes PeerHeard, Gap and Health."""

from __future__ import annotations

import math
import zlib
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from edge.messages import Gap, Health, Message, PeerHeard, RemoteObject
from edge.v2x.hear import hear, peek, prepare
from edge.v2x.moments import Now
from edge.v2x.network import Packet, read, read_inside
from edge.v2x.network.area import offset_m
from edge.v2x.sets import Glimpse, Heard
from edge.v2x.station import Station
from edge.v2x.uper import CodecError

_QUIET_NS = 10_000_000_000
_MAX_SENDERS = 4096
_FIRST_OCTETS = 24
_NO_TROUBLE = ("duplicate", "out of area", "for another")
_AIDS = {
    ("etsi", "CAM"): (36,), ("etsi", "DENM"): (37,), ("etsi", "SPATEM"): (137,), ("etsi", "MAPEM"): (138,),
    ("etsi", "IVIM"): (139,), ("etsi", "CPM"): (639,), ("etsi", "VAM"): (638,),
    ("j2735", "BSM"): (32,), ("j2735", "SPAT"): (130, 0x204097), ("j2735", "MAP"): (130, 0x204097),
}  # fmt: skip
"""What a message must be signed as, on whatever port it came; of China's set the config says it."""
_NEVER_TWICE = ("BSM", "CAM", "VAM")
Record = Callable[[str, int, bytes], None]
_Believed = tuple[Packet, Now, str, int]
"""A packet that is believed, or need not be: who signed it, "" nobody, and as what application."""


class V2xInlet:
    """Everything that the link of the station brings, of every standard that is known.

    Dropped and counted by reason in a Gap: what cannot be read ("undecodable", "unknown", "unsupported",
    ...) or not be believed ("forged", "expired", "unknown signer", ...), "unsigned" unless the config accepts
    such, "signed" while there are no keys to verify with, "duplicate" (the same message of the same sender
    again, or the same packet by another way), "not verified in time", "no content" (read, but it says nothing
    that we understand, or does not know its own position). The first of the unreadable shows its first
    octets in a Health "degraded", which holds until 10 s have passed without any. Our own packets are passed
    over.
    """

    name = "v2x"

    def __init__(self, station: Station, record: Record | None = None) -> None:
        self._station = station
        self._record = record
        self._last: OrderedDict[tuple[str, str, str], tuple[int, bytes]] = OrderedDict()
        self._lost: Counter[str] = Counter()
        self._state = ""
        self._trouble = ""
        self._unreadable_ns = -_QUIET_NS
        prepare(station.config.standard)
        aids = station.config.dsmp_aids
        names = ("BSM", "MAP", "SPAT", "RSI", "RSM")
        self._aids = _AIDS | {("csae53", name): (getattr(aids, name.lower()),) for name in names}

    def fileno(self) -> int | None:
        """The link's, while it is open."""
        return self._station.fileno()

    def poll(self, now_ns: int) -> Sequence[Message]:
        """What came up to now; never waits, never raises for the link."""
        station, record = self._station, self._record
        out: list[Message] = []
        believed: list[_Believed] = []
        packets = station.receive(now_ns)
        accept_unsigned = station.config.security.accept_unsigned
        for t_ns, data in packets:
            if record is not None:
                record(self.name, t_ns, data)
            try:
                packet, now = read(data), station.now(t_ns)
                if packet.secured is not None:
                    self._queue(packet, now)
                elif accept_unsigned:
                    believed.append((packet, now, "", 0))
                else:
                    self._lost["unsigned"] += 1
            except CodecError as error:
                self._refuse(error, data, now_ns)
        self._take(believed, now_ns, out)
        self._verified(now_ns, out)
        self._report(now_ns, out)
        return out

    def verified(self, now_ns: int) -> Sequence[Message]:
        """What the thread that verifies has finished."""
        out: list[Message] = []
        self._verified(now_ns, out)
        return out

    def close(self) -> None:
        """Close the link."""
        self._station.close()

    def _queue(self, packet: Packet, now: Now) -> None:
        """What is signed waits for its turn; what it says is looked at, not believed, to know how urgent."""
        station = self._station
        verifying = station.verifying
        if verifying is None or station.signer is None:
            self._lost["signed"] += 1
            return
        signed = verifying.read(packet)
        if signed.signer.hex() == station.signer.digest:
            return
        inside = read_inside(packet, signed.payload)
        if station.router.knows(inside, now.t_ns):
            station.router.give_way(inside)
            raise CodecError("GeoNetworking", f"{inside.kind} was heard before", "duplicate")
        source, place = inside.source, None
        glimpse = peek(inside, now) if inside.payload else None
        if source is not None:
            place = source.latitude, source.longitude
        elif glimpse is not None:
            place = round(glimpse.latitude_deg * 1e7), round(glimpse.longitude_deg * 1e7)
        threat = _threat(glimpse, station.own(now.t_ns))
        stream = zlib.crc32(inside.payload) if glimpse is None else 0  # one event does not displace another
        verifying.put(inside, signed, now, place, threat, stream)

    def _verified(self, now_ns: int, out: list[Message]) -> None:
        verifying = self._station.verifying
        if verifying is None:
            return
        believed: list[_Believed] = []
        for done in verifying.take(now_ns):
            task = done.task
            if done.refused is not None:
                self._refuse(done.refused, task.inside.data, now_ns)
            else:
                believed.append((task.inside, task.now, done.signer, task.signed.aid))
        self._take(believed, now_ns, out)
        self._lost.update(verifying.lost())

    def _take(self, believed: list[_Believed], now_ns: int, out: list[Message]) -> None:
        """Each step is done for all before the next: a full channel goes through a tenth faster like that."""
        if not believed:
            return
        fresh = []
        station = self._station
        own, router, names = station.own_source(now_ns), station.router, station.names
        for each in believed:
            packet, now, _, _ = each
            try:
                for forward in router.hear(packet, now.t_ns, own):
                    if station.config.send:
                        station.send(forward, now.t_ns)
            except CodecError as error:
                self._refuse(error, packet.data, now_ns)
            else:
                if packet.payload:  # else it is a beacon
                    fresh.append(each)
        for packet, now, signer, aid in fresh:
            try:
                heard = hear(packet, now)
                if heard.sender not in names:
                    if signer:
                        self._check(heard, signer, aid)
                    self._say(heard, packet.payload, now, signer, out)
            except CodecError as error:
                self._refuse(error, packet.data, now_ns)

    def _check(self, heard: Heard, signer: str, aid: int) -> None:
        """Whether who signed it may say it. Raises CodecError "permission"."""
        verifying = self._station.verifying
        if aid not in self._aids.get((heard.standard, heard.message), (aid,)):
            raise CodecError(heard.message, f"signed for application {aid}", "permission")
        if verifying is not None:
            verifying.check_content(signer, aid, heard)

    def _say(self, heard: Heard, payload: bytes, now: Now, signer: str, out: list[Message]) -> None:
        if self._repeats(heard, payload):
            if heard.message in _NEVER_TWICE:  # events and maps are repeated on purpose
                self._lost["duplicate"] += 1
        elif heard.content is None:
            self._lost["no content"] += 1
        else:
            message = PeerHeard(
                t_ns=now.t_ns,
                link=self.name,
                standard=heard.standard,
                message=heard.message,
                sender=heard.sender,
                counter=heard.counter,
                trust="signed" if signer else "unsigned",
                content=heard.content,
                measured_ns=heard.measured_ns,
            )
            out.append(message)

    def _repeats(self, heard: Heard, payload: bytes) -> bool:
        key, now = (heard.standard, heard.message, heard.sender), (heard.counter, payload)
        before = self._last.pop(key, None)
        self._last[key] = now
        if len(self._last) > _MAX_SENDERS:
            self._last.popitem(last=False)
        return before == now

    def _refuse(self, error: CodecError, data: bytes, now_ns: int) -> None:
        if error.reason == "own":
            return
        self._lost[error.reason] += 1
        if error.reason in _NO_TROUBLE:
            return
        self._unreadable_ns = now_ns
        self._trouble = self._trouble or f"{error.reason}: {error}; first octets {data[:_FIRST_OCTETS].hex()}"

    def _report(self, now_ns: int, out: list[Message]) -> None:
        for reason, count in self._lost.items():
            out.append(Gap(t_ns=now_ns, source=self.name, reason=reason, count=count))
        self._lost.clear()
        state, detail = "ok", ""
        if self._station.trouble:
            state, detail = "failed", self._station.trouble
        elif self._state == "degraded" and now_ns - self._unreadable_ns < _QUIET_NS:
            state = "degraded"
        elif self._trouble:
            state, detail = "degraded", self._trouble
        self._trouble = ""
        if state != self._state:
            self._state = state
            out.append(Health(t_ns=now_ns, source=self.name, state=state, detail=detail))  # type: ignore[arg-type]


class VerifiedInlet:
    """The other end of verifying in a thread: it wakes the loop when a message is believed."""

    name = "v2x verified"

    def __init__(self, inlet: V2xInlet, station: Station) -> None:
        self._inlet = inlet
        self._station = station

    def fileno(self) -> int | None:
        """Readable when something has been verified."""
        return None if self._station.verifying is None else self._station.verifying.fileno()

    def poll(self, now_ns: int) -> Sequence[Message]:
        """What has been."""
        return self._inlet.verified(now_ns)

    def close(self) -> None:
        """The station ends the thread."""


def _threat(glimpse: Glimpse | None, own: RemoteObject | None) -> float:
    """How soon a sender could be here, negative seconds: his distance at both our speeds; sooner if sudden.

    Events and roadside messages, which have no glimpse, are as urgent as a vehicle that is 3 s away.
    """
    if glimpse is None:
        return -3.0
    if own is None:
        return 0.0 if glimpse.sudden else -10.0
    north_m, east_m = offset_m(
        own.latitude_deg, own.longitude_deg, glimpse.latitude_deg, glimpse.longitude_deg
    )
    speed_mps = abs(glimpse.speed_mps or 0.0) + abs(own.speed_mps or 0.0) + 1.0
    seconds = math.hypot(north_m, east_m) / speed_mps
    return -seconds / 4 if glimpse.sudden else -seconds
