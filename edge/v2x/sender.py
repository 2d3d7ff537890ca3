"""What the gate lets out by radio becomes packets on the link."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from edge.messages import Announce
from edge.v2x.station import Content, Outgoing, Station
from edge.v2x.uper import CodecError

if TYPE_CHECKING:
    from edge.v2x.voice_csae53 import Csae53Voice
    from edge.v2x.voice_etsi import EtsiVoice

_PATIENT_CLASSES = 2  # traffic classes 0 and 1: events
_PATIENCE_NS = 1_000_000_000
_MOST_WAITING = 32


class V2xSender:
    """The mouth of a station. How often and whether at all is the gate's business.

    sent, failed, held: how many packets, held being those that congestion control kept back for good: events
    wait for it up to a second, what is told again soon anyway does not. trouble: what the last failure was,
    "" when the last packet went.
    """

    def __init__(self, station: Station) -> None:
        self.station = station
        self.sent = 0
        self.failed = 0
        self.held = 0
        self.trouble = ""
        self._waiting: deque[tuple[int, int, bytes]] = deque()  # since when, traffic class, packet
        self._voice = _voice(station)

    def take(self, announce: Announce, t_ns: int) -> list[bytes]:
        """Send it now; the packets, none when it cannot be encoded. Never raises for the link."""
        return self.tell(announce.content, t_ns)

    def tell(self, content: Content, t_ns: int) -> list[bytes]:
        """As `take`, without asking who let it out: for simulated stations."""
        try:
            outgoing = self._voice.packets(content, self.station.now(t_ns))
        except CodecError as error:
            self._fail(str(error))
            return []
        self._send(outgoing, t_ns)
        return [packet for _, packet in outgoing]

    def due(self, now_ns: int) -> None:
        """Send what has become due since: repetitions, others' packets that we pass on.

        And change the pseudonym when it is time.
        """
        station = self.station
        name = station.renamed(now_ns, self._voice.telling)
        if name is not None:
            self._voice.rename(name)
        try:
            outgoing = self._voice.due(station.now(now_ns))
        except CodecError as error:
            self._fail(str(error))
            outgoing = []
        self._send_waiting(now_ns)
        self._send(outgoing, now_ns)
        for packet in station.router.due(now_ns) if station.config.send else ():
            station.send(packet, now_ns)

    def packets(self, content: Content, t_ns: int) -> list[bytes]:
        """Made and counted, not sent. Raises CodecError for what no message can hold."""
        return [packet for _, packet in self._voice.packets(content, self.station.now(t_ns))]

    def _send(self, outgoing: list[Outgoing], t_ns: int) -> None:
        station = self.station
        if not station.config.send:
            return
        for traffic_class, packet in outgoing:
            station.router.sent(packet, t_ns)
            if station.dcc is None or station.dcc.may_send(traffic_class, len(packet), t_ns):
                self._go(packet, t_ns)
            elif traffic_class < _PATIENT_CLASSES and len(self._waiting) < _MOST_WAITING:
                self._waiting.append((t_ns, traffic_class, packet))
            else:
                self.held += 1

    def _send_waiting(self, now_ns: int) -> None:
        dcc = self.station.dcc
        while self._waiting:
            since_ns, traffic_class, packet = self._waiting[0]
            if now_ns - since_ns > _PATIENCE_NS:
                self.held += 1
            elif dcc is None or dcc.may_send(traffic_class, len(packet), now_ns):
                self._go(packet, now_ns)
            else:
                return
            self._waiting.popleft()

    def _go(self, packet: bytes, t_ns: int) -> None:
        if self.station.send(packet, t_ns):
            self.sent += 1
            self.trouble = ""
        else:
            self._fail(self.station.trouble)

    def _fail(self, trouble: str) -> None:
        self.failed += 1
        self.trouble = trouble


def _voice(station: Station) -> EtsiVoice | Csae53Voice:
    """How the station speaks; only that standard is imported."""
    if station.config.standard == "etsi":
        from edge.v2x.voice_etsi import EtsiVoice

        return EtsiVoice(station)
    from edge.v2x.voice_csae53 import Csae53Voice

    return Csae53Voice(station)
