"""Packets over a cellular network (V2N): topics of an MQTT broker, QoS 0, by paho-mqtt.

Envelopes. "plain": our packet as it is. "rsu": the frame that China's road-side units and their cloud
exchange: 8 octets id of the unit | u64 ms of UTC | one or more of (u16 length | a message in UPER), numbers
little-endian; before the first length stands a u8 count where the message is a BSM. Verified on public
samples only. In it the messages of DSMP packets travel, without signatures.
"""

from __future__ import annotations

import os
import ssl
import struct
import threading
from collections import deque
from typing import Any

from edge import clock
from edge.config import V2xLink
from edge.v2x.links import MAX_PACKET
from edge.v2x.network import read, wrap_dsmp
from edge.v2x.uper import CodecError

_GRACE_NS = 10_000_000_000
_WAITING = 4096
_BURST = 256
_HEAD = struct.Struct("<8sQ")
_LENGTH = struct.Struct("<H")
_AID = 111  # for the reader's header; messages say themselves what they are


def to_rsu(message: bytes, rsu_id: str, utc_ns: int) -> bytes:
    """One message in the frame of a road-side unit."""
    is_bsm = message[:1] and message[0] >> 4 == 0  # no extension, the first alternative
    count = b"\x01" if is_bsm else b""
    unit = rsu_id.encode()[:8].ljust(8, b"\0")
    return _HEAD.pack(unit, utc_ns // 1_000_000) + count + _LENGTH.pack(len(message)) + message


def from_rsu(data: bytes) -> list[bytes]:
    """The messages in a frame of a road-side unit; none if its lengths do not fit."""
    for start in (_HEAD.size, _HEAD.size + 1):
        at, messages = start, []
        while at + _LENGTH.size < len(data):
            (length,) = _LENGTH.unpack_from(data, at)
            at += _LENGTH.size
            messages.append(data[at : at + length])
            at += length
        if messages and at == len(data) and (start == _HEAD.size or data[_HEAD.size] == len(messages)):
            return messages
    return []


class MqttBridge:
    """One client whose own thread keeps the connection, and makes it again after 1 to 30 s.

    What is sent while there is none is lost; after 10 s without, send and receive raise OSError with the
    reason. lost: how many were dropped, because nobody took them in time; damaged: because of their form.
    Raises OSError for certificate files that cannot be used, ValueError for missing keys or without the extra
    `mqtt`.
    """

    def __init__(self, config: V2xLink) -> None:
        try:
            from paho.mqtt import client as paho
        except ImportError:
            raise ValueError("a link of kind mqtt needs paho-mqtt: pip install 'icv-edge[mqtt]'") from None
        if not (config.topics or config.topic):
            raise ValueError("topics to subscribe to, or a topic to publish to, must be given")
        self._config = config
        self._arrived: deque[tuple[int, bytes]] = deque(maxlen=_WAITING)
        self._lock = threading.Lock()
        self._since_ns = clock.now_ns()
        self._reason = "no answer yet"
        self.lost = self.damaged = 0
        self._wakes, self._wake = os.pipe()
        os.set_blocking(self._wakes, False)
        os.set_blocking(self._wake, False)
        self._client: Any = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self._closed = False
        try:
            self._connect()
        except (OSError, ValueError):
            self.close()
            raise

    def _connect(self) -> None:
        config, client = self._config, self._client
        if config.user:
            client.username_pw_set(config.user, config.password or None)
        if config.tls:
            try:
                context = ssl.create_default_context(cafile=config.ca_file or None)
                if config.cert_file:
                    context.load_cert_chain(config.cert_file, config.key_file or None)
            except (OSError, ssl.SSLError) as error:
                raise OSError(f"ca_file, cert_file or key_file: {error}") from None
            client.tls_set_context(context)
        client.max_queued_messages_set(64)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        client.on_message = self._on_message
        port = config.host_port or (8883 if config.tls else 1883)
        client.connect_async(config.host, port, config.keepalive_s)
        client.loop_start()

    # ------------------------------------------------------------ in the client's thread

    def _on_connect(self, client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            self._reason = f"refused: {reason}"
            return
        self._since_ns = 0
        for topic in self._config.topics:
            client.subscribe(topic, qos=0)

    def _on_disconnect(self, _client: Any, _user: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if not self._since_ns:  # else it says why itself
            self._lose(f"disconnected: {reason}")

    def _on_connect_fail(self, _client: Any, _user: Any) -> None:
        self._lose("cannot be reached")

    def _lose(self, reason: str) -> None:
        self._reason = reason
        if not self._since_ns:
            self._since_ns = clock.now_ns()

    def _on_message(self, _client: Any, _user: Any, message: Any) -> None:
        now_ns = clock.now_ns()
        with self._lock:
            if self._closed:
                return
            first = not self._arrived
            self.lost += len(self._arrived) == _WAITING
            self._arrived.append((now_ns, bytes(message.payload)))
            if first:
                os.write(self._wake, b"x")

    # ------------------------------------------------------------ in ours

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted us, as far as we know."""
        return not self._closed and not self._since_ns

    def fileno(self) -> int | None:
        """The end of a pipe, readable while something waits."""
        return -1 if self._closed else self._wakes

    def receive(self) -> list[tuple[int, bytes]]:
        """At most 256 packets, stamped when the client's thread had them."""
        if self._closed:
            return []
        with self._lock:
            found = [self._arrived.popleft() for _ in range(min(len(self._arrived), _BURST))]
            if found and not self._arrived:
                os.read(self._wakes, 64)
        if not found:
            self._check()
        packets = []
        for t_ns, data in found:
            opened = self._opened(data)
            packets += [(t_ns, packet) for packet in opened]
            self.damaged += not opened
        return packets

    def _opened(self, data: bytes) -> list[bytes]:
        if self._config.envelope == "plain":
            return [data] if 0 < len(data) <= MAX_PACKET else []
        return [wrap_dsmp(message, _AID) for message in from_rsu(data) if message]

    def _check(self) -> None:
        if self._since_ns and clock.now_ns() - self._since_ns > _GRACE_NS:
            raise OSError(f"broker {self._config.host}: {self._reason}")

    def send(self, packet: bytes) -> None:
        """To the topic, if there is one."""
        if self._closed:
            raise OSError("this link is closed")
        if self._since_ns:
            self._check()
            self.lost += 1
            return
        if self._config.topic:
            self._client.publish(self._config.topic, self._enveloped(packet), qos=0)

    def _enveloped(self, packet: bytes) -> bytes:
        if self._config.envelope == "plain":
            return packet
        try:
            known = read(packet)
        except CodecError as error:
            raise OSError(f"not sent: {error}") from None
        if known.family != "dsmp" or known.secured is not None:
            raise OSError("the frame of road-side units carries unsigned messages of China's set only")
        return to_rsu(known.payload, self._config.rsu_id, clock.utc_ns())

    def close(self) -> None:
        """Leave the broker."""
        if self._closed:
            return
        with self._lock:
            self._closed = True
        self._client.disconnect()
        self._client.loop_stop()
        os.close(self._wakes)
        os.close(self._wake)
