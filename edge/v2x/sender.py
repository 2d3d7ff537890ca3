"""What the gate lets out by radio becomes a packet on the link."""

from __future__ import annotations

from edge.config import V2x
from edge.messages import Announce, RemoteObject
from edge.v2x import csae53
from edge.v2x.etsi import cam as etsi
from edge.v2x.links import Link
from edge.v2x.links.udp import UdpMulticast
from edge.v2x.moments import Now
from edge.v2x.network import headers as network
from edge.v2x.uper import CodecError

_RETRY_NS = 1_000_000_000
_LOW_FREQUENCY_NS = 500_000_000  # EN 302 637-2 clause 6.1.3


class V2xSender:
    """Sends our own state as BSM or CAM, as config.standard says. How often is the gate's business.

    link: None opens UDP multicast for sending as the config says, and again once a second when it fails.
    sent, failed: how many; trouble: what the last failure was, "" when the last packet went. What is sent
    is not signed: there is no security yet. Raises ValueError for a station_id that does not fit.
    """

    def __init__(self, config: V2x, link: Link | None, station_id: int) -> None:
        bits = 32 if config.standard == "etsi" else 64
        if not 0 <= station_id < 1 << bits:
            raise ValueError(f"[v2x] station_id: {station_id} does not fit in {bits} bits")
        self.sent = 0
        self.failed = 0
        self.trouble = ""
        self._config = config
        self._given = link
        self._link = link
        self._station_id = station_id
        self._count = 0
        self._low_frequency_ns: int | None = None
        self._retry_ns = 0

    def take(self, announce: Announce, t_ns: int, utc_ns: int) -> bytes:
        """Send it. The packet, or b"" when its content cannot be encoded; never raises for the link.

        t_ns: now; utc_ns: the date of now, for the time stamps in the message.
        """
        try:
            packet = self.packet(announce.content, t_ns, utc_ns)
        except CodecError as error:
            self._fail(str(error))
            return b""
        if self._config.send:
            self._send(packet, t_ns)
        return packet

    def packet(self, content: RemoteObject, t_ns: int, utc_ns: int) -> bytes:
        """The next packet, counted but not sent. Raises CodecError for an impossible position."""
        if self._config.standard == "csae53":
            payload = csae53.bsm(content, self._station_id, self._count, Now(t_ns, utc_ns))
            packet = network.wrap_dsmp(payload, self._config.dsmp_aid)
        else:
            last_ns = self._low_frequency_ns
            low_frequency = last_ns is None or t_ns - last_ns >= _LOW_FREQUENCY_NS
            cam = etsi.cam(content, self._station_id, utc_ns, low_frequency)
            payload = etsi.CAM_CODEC.encode(cam)
            source = _source(cam, self._station_id, utc_ns)
            packet = network.wrap_single_hop(payload, source, network.BTP_PORT_CAM)
            if low_frequency:
                self._low_frequency_ns = t_ns
        self._count += 1
        return packet

    def close(self) -> None:
        """Close the link that was opened here."""
        if self._link is not None and self._given is None:
            self._link.close()
            self._link = None

    def _send(self, packet: bytes, t_ns: int) -> None:
        config = self._config.link
        if self._link is None and t_ns < self._retry_ns:
            self._fail(self.trouble)
            return
        try:
            if self._link is None:
                self._link = UdpMulticast(config.group, config.port, config.interface, listen=False)
            self._link.send(packet)
        except (OSError, ValueError) as error:
            self.close()
            self._retry_ns = t_ns + _RETRY_NS
            self._fail(f"{config.group}:{config.port} on {config.interface}: {error}")
        else:
            self.sent += 1
            self.trouble = ""

    def _fail(self, trouble: str) -> None:
        self.failed += 1
        self.trouble = trouble


def _source(cam: dict[str, dict], station_id: int, utc_ns: int) -> network.Source:
    parameters = cam["cam"]["camParameters"]
    basic, high = parameters["basicContainer"], parameters["highFrequencyContainer"][1]
    position, heading = basic["referencePosition"], high["heading"]["headingValue"]
    speed = high["speed"]["speedValue"]
    return network.Source(
        station_type=basic["stationType"],
        address=station_id,
        timestamp_ms=etsi.timestamp_its(utc_ns) % (1 << 32),
        latitude=position["latitude"],
        longitude=position["longitude"],
        speed=0 if speed == 16383 else speed,
        heading=0 if heading == 3601 else heading,
    )
