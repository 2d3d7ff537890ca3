"""What the gate lets out by radio becomes packets on the link."""

from __future__ import annotations

from edge.messages import Announce
from edge.v2x.moments import Now
from edge.v2x.station import Content, Station
from edge.v2x.uper import CodecError
from edge.v2x.voice_csae53 import Csae53Voice
from edge.v2x.voice_etsi import EtsiVoice


class V2xSender:
    """The mouth of a station. How often and whether at all is the gate's business.

    sent, failed: how many packets; trouble: what the last failure was, "" when the last packet went.
    """

    def __init__(self, station: Station) -> None:
        self.station = station
        self.sent = 0
        self.failed = 0
        self.trouble = ""
        self._voice = EtsiVoice(station) if station.config.standard == "etsi" else Csae53Voice(station)

    def take(self, announce: Announce, t_ns: int) -> list[bytes]:
        """Send it now; the packets, none when it cannot be encoded. Never raises for the link."""
        return self.tell(announce.content, t_ns)

    def tell(self, content: Content, t_ns: int) -> list[bytes]:
        """As `take`, without asking who let it out: for simulated stations."""
        try:
            packets = self.packets(content, t_ns)
        except CodecError as error:
            self._fail(str(error))
            return []
        self._send(packets, t_ns)
        return packets

    def due(self, now_ns: int) -> None:
        """Send what has become due since: repetitions, others' packets that we pass on."""
        try:
            packets = self._voice.due(self.station.now(now_ns))
        except CodecError as error:
            self._fail(str(error))
            packets = []
        self._send(packets + self.station.router.due(now_ns), now_ns)

    def packets(self, content: Content, t_ns: int) -> list[bytes]:
        """Made and counted, not sent. Raises CodecError for what no message can hold."""
        now: Now = self.station.now(t_ns)
        packets = self._voice.packets(content, now)
        for packet in packets:
            self.station.router.sent(packet, t_ns)
        return packets

    def _send(self, packets: list[bytes], t_ns: int) -> None:
        if not self.station.config.send:
            return
        for packet in packets:
            if self.station.send(packet, t_ns):
                self.sent += 1
                self.trouble = ""
            else:
                self._fail(self.station.trouble)

    def _fail(self, trouble: str) -> None:
        self.failed += 1
        self.trouble = trouble
