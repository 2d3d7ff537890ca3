"""What is heard by radio becomes PeerHeard, Gap and Health."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from edge.messages import Gap, Health, Message, PeerHeard
from edge.v2x.hear import hear
from edge.v2x.moments import Now
from edge.v2x.network import Packet, Source, read
from edge.v2x.sets import Heard
from edge.v2x.station import Station
from edge.v2x.uper import CodecError

_QUIET_NS = 10_000_000_000
_MAX_SENDERS = 4096
_FIRST_OCTETS = 24
Record = Callable[[str, int, bytes], None]


class V2xInlet:
    """Everything that the link of the station brings, of every standard that is known.

    Dropped and counted by reason in a Gap: what cannot be read ("undecodable", "unknown", "unsupported",
    ...), "unsigned" unless the config accepts such, "duplicate" (the same message of the same sender again,
    or the same packet by another way), "no content" (read, but it says nothing that we understand, or does
    not know its own position). The first of the unreadable shows its first octets in a Health "degraded",
    which holds until 10 s have passed without any. Our own packets are passed over.
    """

    name = "v2x"

    def __init__(self, station: Station, record: Record | None = None) -> None:
        self._station = station
        self._record = record
        self._own = {f"{station.station_id:016x}", str(station.station_id)}
        self._last: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._lost: Counter[str] = Counter()
        self._state = ""
        self._trouble = ""
        self._unreadable_ns = -_QUIET_NS

    def fileno(self) -> int | None:
        """The link's, while it is open."""
        return self._station.fileno()

    def poll(self, now_ns: int) -> Sequence[Message]:
        """What came up to now; never waits, never raises for the link."""
        station, record = self._station, self._record
        out: list[Message] = []
        packets = station.receive(now_ns)
        own = station.own_source(now_ns) if packets else None
        for t_ns, data in packets:
            if record is not None:
                record(self.name, t_ns, data)
            try:
                packet = read(data)
                message = self._message(packet, station.now(t_ns), own)
            except CodecError as error:
                self.refuse(error, data, now_ns)
                continue
            if message is not None:
                out.append(message)
        self._report(now_ns, out)
        return out

    def refuse(self, error: CodecError, data: bytes, now_ns: int) -> None:
        """Count what cannot be read or believed, and keep the first octets of the first."""
        if error.reason == "own":
            return
        self._lost[error.reason] += 1
        self._unreadable_ns = now_ns
        self._trouble = self._trouble or f"{error.reason}: {error}; first octets {data[:_FIRST_OCTETS].hex()}"

    def close(self) -> None:
        """Close the link."""
        self._station.close()

    def _message(self, packet: Packet, now: Now, own: Source | None) -> PeerHeard | None:
        if packet.secured is not None:
            raise CodecError("packet", "secured packets are not read yet", "secured")
        if not self._station.config.security.accept_unsigned:
            self._lost["unsigned"] += 1
            return None
        for forward in self._station.router.hear(packet, now.t_ns, own):
            if self._station.config.send:
                self._station.send(forward, now.t_ns)
        if not packet.payload:
            return None  # a beacon
        heard = hear(packet, now)
        if heard.sender in self._own:
            return None
        if self._repeats(heard, packet.payload):
            self._lost["duplicate"] += 1
        elif heard.content is None:
            self._lost["no content"] += 1
        else:
            return PeerHeard(
                t_ns=now.t_ns,
                link=self.name,
                standard=heard.standard,
                message=heard.message,
                sender=heard.sender,
                counter=heard.counter,
                trust="unsigned",
                content=heard.content,
                measured_ns=heard.measured_ns,
            )
        return None

    def _repeats(self, heard: Heard, payload: bytes) -> bool:
        key, now = f"{heard.standard}:{heard.message}:{heard.sender}", (heard.counter, payload)
        before = self._last.pop(key, None)
        self._last[key] = now
        if len(self._last) > _MAX_SENDERS:
            self._last.popitem(last=False)
        return before == now

    def _report(self, now_ns: int, out: list[Message]) -> None:
        for reason, count in self._lost.items():
            out.append(Gap(t_ns=now_ns, source=self.name, reason=reason, count=count))
        self._lost.clear()
        state, detail = "ok", ""
        if self._station.trouble:
            state, detail = "failed", self._station.trouble
        elif self._trouble and self._state == "degraded":
            state = "degraded"
        elif self._trouble:
            state, detail = "degraded", self._trouble
        elif self._state == "degraded" and now_ns - self._unreadable_ns < _QUIET_NS:
            state = "degraded"
        self._trouble = ""
        if state != self._state:
            self._state = state
            out.append(Health(t_ns=now_ns, source=self.name, state=state, detail=detail))  # type: ignore[arg-type]
