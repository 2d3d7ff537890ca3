"""What is heard by radio becomes PeerHeard, Gap and Health."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

from edge.config import V2x
from edge.messages import Gap, Health, Message, PeerHeard
from edge.v2x.hear import Heard, hear
from edge.v2x.links import Link
from edge.v2x.links.udp import UdpMulticast
from edge.v2x.uper import CodecError

_RETRY_NS = 1_000_000_000
_QUIET_NS = 10_000_000_000
_MAX_SENDERS = 1024
_FIRST_OCTETS = 24


class V2xInlet:
    """Everything that the link brings, of every standard that is known.

    Signatures are not checked yet: every message is marked "unsigned", and refused (Gap "unsigned") unless
    the config accepts such. Dropped and counted by reason in a Gap: "undecodable", "unknown" (first octet),
    "unsupported" (another message, version or header), "secured", "no position", "duplicate" (same sender,
    counter and content as the last one). The first of the unreadable shows its first octets in a Health
    "degraded", which holds until 10 s have passed without any. Our own packets, known by station_id, are
    passed over.

    link: None opens UDP multicast as the config says, and again once a second when it fails.
    """

    def __init__(
        self,
        config: V2x,
        link: Link | None = None,
        record: Callable[[str, int, bytes], None] | None = None,
        station_id: int | None = None,
    ) -> None:
        own = config.station_id if station_id is None else station_id
        self.name = "v2x"
        self._config = config
        self._given = link
        self._link = link
        self._record = record
        self._own = set() if own is None else {f"{own:016x}", str(own)}
        self._last: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._state = ""
        self._retry_ns = 0
        self._unreadable_ns = -_QUIET_NS

    def fileno(self) -> int | None:
        """The link's, while it is open."""
        return None if self._link is None else self._link.fileno()

    def poll(self, now_ns: int) -> Sequence[Message]:
        """What came up to now; never waits, never raises for the link."""
        out: list[Message] = []
        if self._link is None and now_ns >= self._retry_ns:
            self._open(now_ns, out)
        if self._link is None:
            return out
        try:
            packets = self._link.receive()
        except OSError as error:
            self._lose(now_ns, error, out)
            return out
        lost: Counter[str] = Counter()
        trouble = ""
        for t_ns, data in packets:
            if self._record is not None:
                self._record(self.name, t_ns, data)
            try:
                message = self._message(t_ns, data, lost)
            except CodecError as error:
                lost[error.reason] += 1
                self._unreadable_ns = now_ns
                trouble = trouble or f"{error.reason}: {error}; first octets {data[:_FIRST_OCTETS].hex()}"
                continue
            if message is not None:
                out.append(message)
        out += [Gap(t_ns=now_ns, source=self.name, reason=why, count=n) for why, n in lost.items()]
        if trouble and self._state != "degraded":
            self._say("degraded", now_ns, trouble, out)
        elif self._state != "ok" and now_ns - self._unreadable_ns >= _QUIET_NS:
            self._say("ok", now_ns, "", out)
        return out

    def close(self) -> None:
        """Close the link."""
        if self._link is not None:
            self._link.close()
            self._link = None
            self._retry_ns = 1 << 63

    def _message(self, t_ns: int, data: bytes, lost: Counter[str]) -> PeerHeard | None:
        heard = hear(data)
        if heard.sender in self._own:
            return None
        if self._repeats(heard, data):
            lost["duplicate"] += 1
        elif not self._config.security.accept_unsigned:
            lost["unsigned"] += 1
        elif heard.content is None:
            lost["no position"] += 1
        else:
            return PeerHeard(
                t_ns=t_ns,
                link=self.name,
                standard=heard.standard,
                message=heard.message,
                sender=heard.sender,
                counter=heard.counter,
                trust="unsigned",
                content=heard.content,
            )
        return None

    def _repeats(self, heard: Heard, data: bytes) -> bool:
        key, now = f"{heard.standard}:{heard.sender}", (heard.counter, data)
        before = self._last.pop(key, None)
        self._last[key] = now
        if len(self._last) > _MAX_SENDERS:
            self._last.popitem(last=False)
        return before == now

    def _open(self, now_ns: int, out: list[Message]) -> None:
        config = self._config.link
        try:
            self._link = self._given or UdpMulticast(config.group, config.port, config.interface)
        except (OSError, ValueError) as error:
            self._retry_ns = now_ns + _RETRY_NS
            where = f"{config.group}:{config.port} on {config.interface}"
            if self._state != "failed":
                self._say(
                    "failed",
                    now_ns,
                    f"{where}: {error}; check [v2x.link] group, port and interface, retrying",
                    out,
                )

    def _lose(self, now_ns: int, error: OSError, out: list[Message]) -> None:
        if self._link is not None and self._given is None:
            self._link.close()
            self._link = None
        self._retry_ns = now_ns + _RETRY_NS
        if self._state != "failed":
            self._say("failed", now_ns, f"{error}; the network went away, retrying", out)

    def _say(self, state: str, now_ns: int, detail: str, out: list[Message]) -> None:
        self._state = state
        out.append(Health(t_ns=now_ns, source=self.name, state=state, detail=detail))  # type: ignore[arg-type]
