"""What every V2X link does alike."""

import select
import socket
import threading
import time

import pytest
from v2x_broker import Broker

from edge import clock
from edge.config import V2xLink
from edge.v2x.links import open_link
from edge.v2x.links.cohda import Cohda
from edge.v2x.links.loopback import Loopback
from edge.v2x.links.recorded import Recorded
from edge.v2x.network import Source, read, single_hop

SOURCE = Source(station_type=5, address=0x0200_0000_0001, timestamp_ms=1, latitude=1, longitude=2)


def _free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _packet(payload):
    return single_hop(payload, SOURCE, 2001)


def _udp(_):
    config = V2xLink(group="239.255.42.98", port=_free_port())
    yield tuple(open_link(config) for _ in range(2))


def _loopback(_):
    yield Loopback.pair(clock.LiveClock())


def _recorded(tmp_path):
    pair = Loopback.pair(clock.LiveClock())
    yield tuple(Recorded(end, str(tmp_path / f"{i}.pcap")) for i, end in enumerate(pair))


def _ethernet(_):
    config = V2xLink(kind="ethernet", device="lo")
    try:
        yield tuple(open_link(config) for _ in range(2))
    except PermissionError as error:
        pytest.skip(str(error))
    except OSError as error:
        if not hasattr(socket, "AF_PACKET"):
            pytest.skip(str(error))
        raise


def _unix(tmp_path):
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    yield (
        open_link(V2xLink(kind="unix", path=other, own_path=one)),
        open_link(V2xLink(kind="unix", path=one, own_path=other)),
    )


def _cohda(_):
    """Two units on the air: what one is asked to send the other indicates."""
    requests = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for unit in requests:
        unit.bind(("127.0.0.1", 0))
    listen = [_free_port() for _ in range(2)]
    ends = tuple(
        Cohda("127.0.0.1", unit.getsockname()[1], port) for unit, port in zip(requests, listen, strict=True)
    )
    stop = threading.Event()

    def air():
        while not stop.is_set():
            for unit in select.select(requests, [], [], 0.02)[0]:
                data = unit.recv(4096)
                assert data[:2] == bytes((4, 0))
                assert int.from_bytes(data[2:4], "big") == len(data) - 4
                head, payload = data[4:28], data[70:]
                assert int.from_bytes(data[68:70], "big") == len(payload)
                body = head + bytes(48) + b"\xff\xff" + payload
                to = listen[1 - requests.index(unit)]
                unit.sendto(bytes((4, 1)) + len(body).to_bytes(2, "big") + body, ("127.0.0.1", to))

    thread = threading.Thread(target=air)
    thread.start()
    yield ends
    stop.set()
    thread.join()
    for unit in requests:
        unit.close()


def _mqtt(_):
    pytest.importorskip("paho.mqtt.client")
    broker = Broker()
    ends = tuple(
        open_link(V2xLink(kind="mqtt", host_port=broker.port, topics=(f"v2x/{heard}",), topic=f"v2x/{said}"))
        for said, heard in (("a", "b"), ("b", "a"))
    )
    deadline = time.monotonic() + 10
    while broker.subscribed() < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    yield ends
    for end in ends:
        end.close()
    broker.close()


KINDS = [_udp, _loopback, _recorded, _ethernet, _unix, _cohda, _mqtt]


@pytest.fixture(params=KINDS, ids=[make.__name__[1:] for make in KINDS])
def ends(request, tmp_path):
    made = request.param(tmp_path)
    pair = next(made)
    yield pair
    for end in pair:
        end.close()
    next(made, None)


def _heard(receiver, count):
    """So many packets, as (t_ns, payload): some links need a moment."""
    found = []
    deadline = time.monotonic() + 5
    while len(found) < count and time.monotonic() < deadline:
        number = receiver.fileno()
        if number is not None:
            select.select([number], [], [], 0.1)
        found += [(t_ns, read(data).payload) for t_ns, data in receiver.receive()]
    return found


class TestLink:
    def test_nothing_is_there_at_first_and_nobody_waits(self, ends):
        assert ends[0].receive() == []

    def test_packets_arrive_whole_in_order_and_stamped(self, ends):
        sender, receiver = ends
        payloads = [bytes((i,)) * (i + 7) for i in range(50)] + [b"\xff" * 1300]
        before_ns = clock.now_ns()
        arrived = []
        for payload in payloads:
            try:
                sender.send(_packet(payload))
            except BlockingIOError:  # the kernel keeps few datagrams of a Unix socket
                arrived += _heard(receiver, 1)
                sender.send(_packet(payload))
        arrived += _heard(receiver, len(payloads) - len(arrived))
        after_ns = clock.now_ns()
        assert [payload for _, payload in arrived] == payloads
        stamps = [t_ns for t_ns, _ in arrived]
        slack_ns = 1_000_000  # the kernel stamps with the date's clock
        assert stamps == sorted(stamps)
        assert before_ns - slack_ns <= stamps[0]
        assert stamps[-1] <= after_ns
        assert receiver.receive() == []

    def test_both_ways(self, ends):
        ends[1].send(_packet(b"and back"))
        assert [payload for _, payload in _heard(ends[0], 1)] == [b"and back"]

    def test_a_file_number_wakes_who_waits_on_it(self, ends):
        sender, receiver = ends
        number = receiver.fileno()
        if number is None:
            return
        assert select.select([number], [], [], 0)[0] == []
        sender.send(_packet(b"good morning"))
        assert select.select([number], [], [], 5)[0] == [number]
        assert len(_heard(receiver, 1)) == 1
        assert select.select([number], [], [], 0)[0] == []

    def test_closing_twice_does_no_harm_and_sending_then_is_an_error(self, ends):
        sender, receiver = ends
        sender.close()
        sender.close()
        with pytest.raises(OSError):
            sender.send(_packet(b"too late"))
        assert sender.receive() == []
        assert receiver.receive() == []

    def test_sending_to_one_who_left_is_no_error_or_an_oserror(self, ends):
        sender, receiver = ends
        receiver.close()
        try:
            sender.send(_packet(b"anybody?"))
        except OSError:  # a helper process that is not there is worth saying
            assert type(sender).__name__ == "UnixHelper"
