"""What every V2X link does alike."""

import select
import socket

import pytest

from edge import clock
from edge.v2x.links.loopback import Loopback
from edge.v2x.links.udp import UdpMulticast


def _free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _udp():
    port = _free_port()
    return tuple(UdpMulticast("239.255.42.98", port) for _ in range(2))


def _loopback():
    return Loopback.pair(clock.LiveClock())


@pytest.fixture(params=[_udp, _loopback], ids=["udp", "loopback"])
def ends(request):
    pair = request.param()
    yield pair
    for end in pair:
        end.close()


class TestLink:
    def test_nothing_is_there_at_first_and_nobody_waits(self, ends):
        assert ends[0].receive() == []

    def test_packets_arrive_whole_in_order_and_stamped(self, ends):
        sender, receiver = ends
        packets = [bytes((i,)) * (i + 1) for i in range(50)] + [b"\xff" * 2000]
        before_ns = clock.now_ns()
        for packet in packets:
            sender.send(packet)
        arrived = receiver.receive()
        after_ns = clock.now_ns()
        assert [data for _, data in arrived] == packets
        stamps = [t_ns for t_ns, _ in arrived]
        slack_ns = 1_000_000  # the kernel stamps with the date's clock
        assert stamps == sorted(stamps)
        assert before_ns - slack_ns <= stamps[0]
        assert stamps[-1] <= after_ns
        assert receiver.receive() == []

    def test_both_ways(self, ends):
        ends[1].send(b"back")
        assert [data for _, data in ends[0].receive()] == [b"back"]

    def test_a_file_number_wakes_who_waits_on_it(self, ends):
        sender, receiver = ends
        number = receiver.fileno()
        if number is None:
            return
        assert select.select([number], [], [], 0)[0] == []
        sender.send(b"x")
        assert select.select([number], [], [], 1)[0] == [number]

    def test_closing_twice_does_no_harm_and_sending_then_is_an_error(self, ends):
        sender, receiver = ends
        sender.close()
        sender.close()
        with pytest.raises(OSError):
            sender.send(b"x")
        assert receiver.receive() == []

    def test_sending_to_one_who_left_is_no_error(self, ends):
        sender, receiver = ends
        receiver.close()
        sender.send(b"x")
