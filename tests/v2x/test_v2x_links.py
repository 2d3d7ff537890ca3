"""What single links do beyond the contract: layouts by hand, brokers that refuse or go away, a modem."""

import json
import os
import pty
import select
import socket
import ssl
import subprocess
import threading
import time
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st
from v2x_broker import Broker

from edge.config import V2xLink
from edge.v2x.links import open_link
from edge.v2x.links.cohda import indicated, request
from edge.v2x.links.modem import Modem, ModemError
from edge.v2x.links.mqtt import from_rsu, to_rsu
from edge.v2x.links.unix import UnixHelper, data_of, frame
from edge.v2x.network import Area, Source, beacon, geo_broadcast, read, single_hop, wrap_dsmp

SOURCE = Source(station_type=5, address=0x0200_0000_0001, timestamp_ms=1, latitude=480000000, longitude=2)


def until(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert condition()


# ---------------------------------------------------------------- Cohda


def test_a_request_of_the_unit_by_hand():
    """Offsets of the published drivers: BTP port at 8, latitude at 12, message at 70."""
    payload = b"\2\1\0\0\0\x2apayload"
    area = Area(shape="ellipse", latitude=-5, longitude=7, a=300, b=20, angle=90)
    data = request(read(geo_broadcast(payload, SOURCE, 2002, area, 1, traffic_class=1)))
    assert data[:8] == bytes((4, 0, 0, 66 + len(payload), 2, 4, 1, 0))
    assert int.from_bytes(data[8:10], "big") == 2002
    assert int.from_bytes(data[12:16], "big", signed=True) == -5
    assert int.from_bytes(data[16:20], "big", signed=True) == 7
    assert [int.from_bytes(data[i : i + 2], "big") for i in (20, 22, 24)] == [300, 20, 90]
    assert data[26] == 2
    assert data[70:] == payload
    assert request(read(single_hop(payload, SOURCE, 2001)))[5] == 7


def test_an_indication_of_the_unit_by_hand():
    """BTP port at 8, message at 78, as two independent drivers say."""
    payload = b"\2\2\0\0\0\x2apayload"
    data = bytes((4, 1, 0, 74 + len(payload), 2, 7, 2, 60)) + b"\x07\xd1" + bytes(66) + b"\xff\xff" + payload
    assert data[78:] == payload
    packet = read(indicated(data))
    assert (packet.service, packet.payload, packet.source.address) == (2001, payload, 42)
    for bad in (data[:77], b"\3" + data[1:], data[:1] + b"\0" + data[2:], data[:2] + b"\xff\xff" + data[4:]):
        assert indicated(bad) is None
    assert indicated(data[:76] + b"\0\3" + data[78:])[-3:] == payload[:3]
    assert indicated(data[:76] + b"\0\x99" + data[78:]) is None
    assert indicated(data + bytes(4000)) is None


def test_what_the_unit_cannot_send():
    link = open_link(V2xLink(kind="cohda", host_port=9, listen_port=0))
    link.send(beacon(SOURCE))
    for packet in (
        single_hop(b"x", SOURCE, 2001, secure=lambda inside: b"\3\x81" + inside),
        wrap_dsmp(b"x", 111),
        b"\x09",
    ):
        with pytest.raises(OSError):
            link.send(packet)
    link.close()


# ---------------------------------------------------------------- a helper process


def test_a_datagram_of_the_helper_by_hand():
    data = frame(b"\3hello", b"\2\0\0\0\0\1")
    assert data == b"\2\0\0\0\0\1" + b"\xff" * 6 + b"\0\6" + b"\3hello"
    assert data_of(data) == b"\3hello"
    for bad in (b"", data[:13], data[:-1], data + b"x", frame(b"")[:12] + b"\x09\0" + bytes(2304)):
        assert not data_of(bad)
    with pytest.raises(OSError):
        frame(bytes(2049))


def test_what_is_no_datagram_of_ours_is_counted(tmp_path):
    own = str(tmp_path / "own")
    left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    left.bind(own)
    left.close()  # as a killed program leaves it
    link = UnixHelper(str(tmp_path / "helper"), own)
    helper = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    helper.sendto(b"nonsense", own)
    helper.sendto(frame(b"\3fine"), own)
    assert [data for _, data in link.receive()] == [b"\3fine"]
    assert link.damaged == 1
    helper.close()
    link.close()
    assert not os.path.exists(own)


# ---------------------------------------------------------------- MQTT


def test_the_frame_of_road_side_units_by_hand():
    bsm, rsm = b"\x01bsm", b"\x21rsm!"
    assert to_rsu(bsm, "R1", 1_600_000_000_123_000_000) == (
        b"R1\0\0\0\0\0\0" + (1_600_000_000_123).to_bytes(8, "little") + b"\1\4\0" + bsm
    )
    assert to_rsu(rsm, "R1328409", 0) == b"R1328409" + bytes(8) + b"\5\0" + rsm
    two = bytes(16) + b"\2\4\0" + bsm + b"\3\0abc"
    assert from_rsu(two) == [bsm, b"abc"]
    for message in (bsm, rsm, bytes(700)):
        assert from_rsu(to_rsu(message, "R", 5)) == [message]
    for bad in (b"", bytes(16), two[:-1], two + b"x", bytes(16) + b"\3\4\0" + bsm):
        assert from_rsu(bad) == []


@pytest.mark.fuzz
@given(st.binary(max_size=80))
def test_any_octets_are_a_frame_of_units_or_not(data):
    assert sum(map(len, from_rsu(data))) <= len(data)
    indicated(data + bytes(40))
    data_of(data)


def _bridge(broker, **more):
    pytest.importorskip("paho.mqtt.client")
    keys = {"kind": "mqtt", "host_port": broker.port, "topics": ("rsu/#",), "topic": "rsu/1/up"} | more
    return open_link(V2xLink(**keys))


def test_messages_of_units_over_a_broker():
    broker = Broker()
    link = _bridge(broker, envelope="rsu", rsu_id="R1")
    until(broker.subscribed)
    link.send(wrap_dsmp(b"\x01bsm", 111))
    until(lambda: link.fileno() and _readable(link))
    (packet,) = [read(data) for _, data in link.receive()]
    assert (packet.family, packet.payload) == ("dsmp", b"\x01bsm")
    with pytest.raises(OSError, match="China"):
        link.send(single_hop(b"x", SOURCE, 2001))
    link._client.publish("rsu/2", b"nonsense")
    until(lambda: _readable(link))
    assert link.receive() == []
    assert link.damaged == 1
    link.close()
    broker.close()


def _readable(link):
    return bool(select.select([link.fileno()], [], [], 0)[0])


def test_the_client_comes_back_by_itself():
    broker = Broker()
    link = _bridge(broker, user="me", password="secret")
    until(broker.subscribed)
    assert b"\0\2me\0\6secret" in broker.seen[0]
    broker.drop_all()
    until(lambda: not link.connected)
    link.send(b"lost, not waited for")
    assert link.lost == 1
    until(lambda: broker.subscribed() and link.connected)
    link.send(b"\3 here again")
    until(lambda: _readable(link))
    assert [data for _, data in link.receive()] == [b"\3 here again"]
    link.close()
    broker.close()


@pytest.mark.parametrize("refuse", [5, None])
def test_a_broker_that_refuses_or_is_not_there_is_said_after_a_while(refuse, monkeypatch):
    from edge.v2x.links import mqtt

    monkeypatch.setattr(mqtt, "_GRACE_NS", 200_000_000)
    broker = Broker(refuse=refuse or 0)
    if refuse is None:
        broker.close()
    link = _bridge(broker)
    link.send(b"not yet")
    assert link.receive() == []
    time.sleep(0.3)
    with pytest.raises(OSError, match=r"refused|reached"):
        link.receive()
    with pytest.raises(OSError, match=r"refused|reached"):
        link.send(b"x")
    link.close()
    broker.close()


@pytest.mark.skipif(which("openssl") is None, reason="openssl is not installed")
def test_a_broker_behind_tls(tmp_path):
    key, certificate = str(tmp_path / "key.pem"), str(tmp_path / "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    broker = Broker(context=context)
    link = _bridge(broker, tls=True, ca_file=certificate)
    until(broker.subscribed)
    link.close()
    stranger = _bridge(broker, tls=True)
    time.sleep(0.3)
    assert not stranger.connected
    stranger.close()
    broker.close()
    with pytest.raises(OSError, match="ca_file"):
        _bridge(broker, tls=True, ca_file=str(tmp_path / "none.pem"))


def test_topics_must_be_given():
    pytest.importorskip("paho.mqtt.client")
    with pytest.raises(ValueError, match="topic"):
        open_link(V2xLink(kind="mqtt"))


# ---------------------------------------------------------------- a modem


class FakeModem:
    """The other end of a pseudo terminal: answers by the table, says what it was asked."""

    def __init__(self, answers):
        self.master, self.slave = pty.openpty()
        self.port = os.ttyname(self.slave)
        self.asked = []
        self._answers = answers
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        begun = b""
        while not self._stop.is_set():
            if not select.select([self.master], [], [], 0.02)[0]:
                continue
            begun += os.read(self.master, 256)
            while b"\r" in begun:
                line, _, begun = begun.partition(b"\r")
                self.asked.append(line.decode())
                for part in self._answers.get(line.decode(), [b"\r\nERROR\r\n"]):
                    os.write(self.master, part)
                    time.sleep(0.01)

    def say(self, data):
        os.write(self.master, data)

    def vanish(self):
        """No more answers; and the master's number must not be read by a thread when others have it."""
        self._stop.set()
        self._thread.join()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def close(self):
        self.vanish()
        os.close(self.slave)


@pytest.fixture
def modem():
    fake = FakeModem(
        {
            "AT": [b"AT\r\r\nOK\r\n"],
            "AT+CSQ": [b"\r\n+CS", b"Q: 23,99\r\n", b"\r\n+CREG: 1\r\n", b"\r\nOK\r", b"\n"],
            "AT+CGMI": [b"\r\nMaker\r\n\r\nOK\r\n"],
            "AT+QCFG=?": [b"\r\n+CME ERROR: 50\r\n"],
            "AT+SILENT": [],
        }
    )
    port = Modem(fake.port)
    yield fake, port
    port.close()
    fake.close()


def test_a_command_and_its_answer(modem):
    fake, port = modem
    assert port.ask("AT") == []
    assert port.ask("AT+CSQ") == ["+CSQ: 23,99"]
    assert port.ask("AT+CGMI") == ["Maker"]
    assert fake.asked == ["AT", "AT+CSQ", "AT+CGMI"]
    assert [line for _, line in port.unsolicited] == ["+CREG: 1"]


def test_what_comes_unasked_is_kept_and_answers_nothing(modem):
    fake, port = modem
    fake.say(b'\r\nRING\r\n\r\n+QIND: "cv2x",1\r\n')
    until(lambda: port.poll() or len(port.unsolicited) == 2)
    assert [line for _, line in port.unsolicited] == ["RING", '+QIND: "cv2x",1']
    assert port.ask("AT") == []


def test_a_refusal_is_said_in_the_modems_words(modem):
    _, port = modem
    with pytest.raises(ModemError, match=r"AT\+QCFG=\? was refused: \+CME ERROR: 50"):
        port.ask("AT+QCFG=?")
    with pytest.raises(ModemError, match=r"AT\+NO was refused: ERROR"):
        port.ask("AT+NO")


def test_silence_ends_in_time(modem):
    _, port = modem
    with pytest.raises(ModemError, match=r"no answer to AT\+SILENT within 0\.1 s"):
        port.ask("AT+SILENT", 0.1)
    assert port.ask("AT") == []
    for bad in ("AT\r", "AT\n", "ATä", ""):
        with pytest.raises(ValueError, match="not one line"):
            port.ask(bad)


def test_a_modem_that_is_not_there_or_goes_away(modem):
    fake, port = modem
    with pytest.raises(ModemError, match="dialout"):
        Modem("/dev/ttyNoSuchModem")
    fake.vanish()
    with pytest.raises(ModemError):
        port.ask("AT", 0.2)


def test_noise_on_the_line_is_no_harm(modem):
    fake, port = modem
    fake.say(os.urandom(3000).replace(b"\x03", b" ").replace(b"\x04", b" "))
    time.sleep(0.05)
    with pytest.raises(ModemError):
        port.ask("AT+SILENT", 0.1)
    assert port.ask("AT") == []
    json.dumps(list(port.unsolicited))
