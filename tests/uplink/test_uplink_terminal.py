"""The uplink against a platform in memory, in simulated time."""

import pytest
from platform_808 import NoLink, Platform, PlatformLink, read_location
from test_uplink_reports import UTC, S, car, warning

from edge.config import ConfigError, Jt808, Uplink
from edge.uplink.jt808_uplink import Jt808Uplink, check

FIELDS = {
    "enabled": True, "address": "platform.example", "port": 7611, "phone": "13912345678",
    "manufacturer": "ICV", "model": "edge", "terminal_id": "ABC1234", "plate": "苏A12345",
}  # fmt: skip


class Rig:
    """An uplink, a platform and the time."""

    def __init__(self, tmp_path, platform=None, chunk=1 << 16, max_queued=1000, **changes):
        self.platform = platform or Platform()
        self.settings = Jt808(**{**FIELDS, **changes})
        self.reachable = True
        self.attempts = []
        self.links = []
        self.said = []
        self.now_ns = 0
        self._chunk = chunk
        self._path = tmp_path
        self._max_queued = max_queued
        self.start()

    def start(self):
        self.uplink = Jt808Uplink(self.settings, self._path, self._max_queued, self._connect)

    def _connect(self, address, port, turn):
        assert (address, port) == ("platform.example", 7611)
        self.attempts.append(self.now_ns / S)
        if not self.reachable:
            return NoLink()
        self.links.append(PlatformLink(self.platform, self._chunk))
        return self.links[-1]

    def run(self, seconds, step_s=0.1):
        for _ in range(round(seconds / step_s)):
            self.said += self.uplink.step(self.now_ns)
            self.now_ns += int(step_s * S)

    def report(self, count=1):
        for _ in range(count):
            self.uplink.offer(car(self.now_ns / S), UTC + self.now_ns)
            self.now_ns += int(self.settings.interval_s * S)

    def ids(self):
        return [message["id"] for message in self.platform.messages]

    def times(self):
        return [read_location(body)["time"] for body in self.platform.kept]


@pytest.mark.parametrize("version", [2013, 2019])
@pytest.mark.parametrize("chunk", [1 << 16, 1, 13])
def test_register_authenticate_report(tmp_path, version, chunk):
    rig = Rig(tmp_path, chunk=chunk, version=version)
    rig.report(3)
    rig.run(60, step_s=0.1 if chunk > 100 else 0.01)
    assert rig.ids()[:5] == [0x0100, 0x0102, 0x0200, 0x0200, 0x0200]
    assert {m["version"] for m in rig.platform.messages} == {version}
    assert {m["phone"].lstrip("0") for m in rig.platform.messages} == {"13912345678"}
    assert [m["serial"] for m in rig.platform.messages][:5] == [0, 1, 2, 3, 4]
    assert len(rig.platform.kept) == 3
    assert rig.uplink._queue.depth == 0
    assert rig.said[0].state == "ok"


def test_the_code_is_kept_over_a_restart(tmp_path):
    rig = Rig(tmp_path)
    rig.run(1)
    rig.uplink.close()
    rig.start()
    rig.run(1)
    assert rig.ids() == [0x0100, 0x0102, 0x0102]


def test_a_code_that_the_platform_has_forgotten_is_renewed(tmp_path):
    rig = Rig(tmp_path)
    rig.run(1)
    rig.uplink.close()
    rig.platform.codes.clear()
    rig.start()
    rig.report()
    rig.run(1)
    assert rig.ids() == [0x0100, 0x0102, 0x0102, 0x0100, 0x0102, 0x0200]


@pytest.mark.parametrize(
    ("result", "word"), [(1, "already"), (2, "plate"), (3, "already"), (4, "terminal_id")]
)
def test_a_refused_registration_says_what_to_do_and_is_tried_again(tmp_path, result, word):
    rig = Rig(tmp_path)
    rig.platform.registration_result = result
    rig.report()
    rig.run(5)
    assert word in rig.said[0].detail
    assert rig.said[0].state == "degraded"
    assert set(rig.ids()) == {0x0100}
    rig.platform.registration_result = 0
    rig.run(60)
    assert rig.said[-1].state == "ok"
    assert len(rig.platform.kept) == 1


def test_heartbeats_since_2019_periodically(tmp_path):
    rig = Rig(tmp_path, heartbeat_s=20.0)
    rig.run(101)
    assert rig.ids().count(0x0002) == 5


def test_heartbeats_of_2013_only_when_nothing_else_is_sent(tmp_path):
    rig = Rig(tmp_path, heartbeat_s=20.0, version=2013)
    rig.run(1)
    for _ in range(10):
        rig.report()
        rig.now_ns -= 10 * S
        rig.run(10)
    assert 0x0002 not in rig.ids()
    rig.run(41)
    assert rig.ids().count(0x0002) >= 2


def test_a_repetition_is_the_same_frame_and_the_waits_grow(tmp_path):
    rig = Rig(tmp_path, heartbeat_s=10_000.0)
    rig.run(1)
    rig.platform.silent_on = {1, 2, 3, 4}
    rig.report()
    rig.now_ns = S
    sent = []
    for _ in range(3450):
        before = len(rig.platform.messages)
        rig.run(0.1)
        sent += [(rig.now_ns / S, m) for m in rig.platform.messages[before:] if m["id"] == 0x0200]
        if len(rig.links) > 1:
            break
    times = [t for t, _ in sent]
    assert [round(times[n + 1] - times[n]) for n in range(3)] == [10, 20, 60]
    assert len({m["serial"] for _, m in sent[:4]}) == 1
    assert round(rig.now_ns / S - times[0]) in range(330, 335), "10 + 20 + 60 + 240 s, then a new connection"
    rig.run(2)
    assert len(rig.platform.kept) == 1


def test_waits_between_attempts_grow_to_64_s_and_nothing_is_lost(tmp_path):
    rig = Rig(tmp_path)
    rig.reachable = False
    rig.report(3)
    start_s = rig.now_ns / S
    rig.run(600)
    waits = [rig.attempts[n + 1] - rig.attempts[n] for n in range(len(rig.attempts) - 1)]
    for n, wait in enumerate(waits):
        assert 0.5 * min(2**n, 64) - 0.1 <= wait <= min(2**n, 64) + 0.2, (n, wait)
    assert rig.attempts[0] == start_s, "at once after the start"
    assert "Connection refused" in rig.said[0].detail
    assert rig.said[0].figures["queued_reports"] == 3
    rig.reachable = True
    rig.run(70)
    assert len(rig.platform.kept) == 3


def test_a_full_queue_loses_the_oldest_routine_and_counts_it(tmp_path):
    rig = Rig(tmp_path, max_queued=4)
    rig.reachable = False
    rig.uplink.offer(warning(0), UTC)
    rig.report(6)
    rig.run(2)
    assert rig.said[-1].figures["dropped_routine"] == 3
    assert rig.said[-1].figures["dropped_alarms"] == 0
    rig.reachable = True
    rig.run(200)
    assert [t[-4:] for t in rig.times()] == ["0000", "0030", "0040", "0050"]


def test_a_connection_that_drops_in_the_middle_loses_nothing(tmp_path):
    platform = Platform()
    platform.hangs_up_on = {3, 9, 20}
    rig = Rig(tmp_path, platform)
    rig.report(40)
    rig.run(400)
    assert sorted(set(rig.times())) == sorted(rig.times()), "what was not kept comes once"
    assert len(rig.times()) == 40
    assert platform.connections == 4


def test_at_least_once_when_the_answer_is_lost(tmp_path):
    platform = Platform()
    platform.forgets_to_answer = {2}
    rig = Rig(tmp_path, platform)
    rig.report(5)
    rig.run(100)
    times = rig.times()
    assert len(set(times)) == 5
    assert len(times) == 6, "only the one that was kept but not answered is there twice"


def test_false_answers_among_the_right_ones_change_nothing(tmp_path):
    platform = Platform()
    platform.wrong = ("noise", "checksum", "serial", "id", "stranger", "short", "twice")
    rig = Rig(tmp_path, platform)
    rig.report(20)
    rig.run(60)
    assert len(rig.times()) == len(set(rig.times())) == 20
    assert rig.uplink._queue.depth == 0
    assert platform.connections == 1
    assert rig.uplink._terminal.strays > 0
    assert rig.uplink._terminal.bad > 0


def test_answers_that_are_only_false_acknowledge_nothing(tmp_path):
    rig = Rig(tmp_path)
    rig.run(1)
    rig.platform.silent_on = set(range(1, 100))
    rig.report(3)
    rig.run(5)
    sent = [m for m in rig.platform.messages if m["id"] == 0x0200]
    for message in sent:
        serial = ((message["serial"] + 500) % 65536).to_bytes(2, "big")
        rig.links[-1].push(rig.platform.say(message, 0x8001, serial + b"\x02\x00\x00"))
    rig.run(2)
    assert rig.uplink._queue.depth == 3


@pytest.mark.parametrize("result", [1, 77])
def test_a_platform_that_cannot_take_reports_gets_them_later(tmp_path, result):
    platform = Platform()
    platform.results = {1: result, 2: result, 3: result}
    rig = Rig(tmp_path, platform)
    rig.report(2)
    rig.run(100)
    assert len(set(rig.times())) == 2


@pytest.mark.parametrize("result", [2, 3])
def test_a_report_that_is_refused_as_wrong_does_not_stop_the_others(tmp_path, result):
    platform = Platform()
    rig = Rig(tmp_path, platform)
    rig.run(1)
    platform.results = {1: result, 2: result, 3: result}
    rig.report(1)
    rig.run(3)
    rig.report(2)
    rig.run(13)
    assert len(platform.kept) == 2
    assert rig.said[-1].figures["refused_reports"] == 1
    assert rig.uplink._queue.depth == 0


def test_alarm_handled_is_an_acknowledgement(tmp_path):
    platform = Platform()
    platform.results = {1: 4}
    rig = Rig(tmp_path, platform)
    rig.uplink.offer(warning(0, level="alarm"), UTC)
    rig.run(1)
    assert rig.uplink._queue.depth == 0


def test_what_the_platform_asks_is_answered_and_not_obeyed(tmp_path):
    rig = Rig(tmp_path)
    rig.run(1)
    to = rig.platform.messages[0]
    for message_id, body in [(0x8103, b"\0"), (0x8105, b"\x04"), (0x8204, b""), (0x8004, b"\0" * 6)]:
        rig.links[-1].push(rig.platform.say(to, message_id, body))
    rig.run(1)
    answers = [m["body"] for m in rig.platform.messages if m["id"] == 0x0001]
    assert [(a[2:4].hex(), a[4]) for a in answers] == [("8103", 3), ("8105", 3), ("8204", 0)]


def test_a_platform_that_asks_without_end_and_never_reads_is_left(tmp_path):
    rig = Rig(tmp_path)
    rig.run(1)
    to, link = rig.platform.messages[0], rig.links[-1]
    link.send = lambda data: 0
    link.push(rig.platform.say(to, 0x8103, b"\0") * 4000)
    rig.run(1)
    assert link.state() == "closed"
    assert "does not read" in rig.said[-1].detail


def test_no_connection_in_time_is_given_up(tmp_path):
    rig = Rig(tmp_path)
    link = NoLink()
    link.state = lambda: "connecting"
    rig.uplink._connect = lambda *_: link
    rig.run(15)
    assert "no connection in time" in rig.said[-1].detail


def test_alarm_numbers_go_on_after_a_restart(tmp_path):
    rig = Rig(tmp_path)
    rig.uplink.offer(warning(0), UTC)
    rig.uplink.close()
    rig.start()
    rig.uplink.offer(warning(1), UTC)
    rig.run(1)
    items = [read_location(body)["items"][0x64] for body in rig.platform.kept]
    assert [int.from_bytes(item[:4], "big") for item in items] == [0, 1]


def test_a_message_that_cannot_be_said_is_counted(tmp_path):
    rig = Rig(tmp_path)
    rig.uplink.offer(car(0, latitude_deg=float("nan")), UTC)
    rig.run(1)
    assert rig.said[-1].figures["unsayable_reports"] == 1


def test_a_corrupt_queue_is_said(tmp_path):
    (tmp_path / "jt808.db").write_bytes(b"garbage" * 1000)
    rig = Rig(tmp_path)
    rig.run(1)
    assert "corrupt" in rig.said[-1].detail


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"address": ""}, "address"), ({"port": 0}, "port"), ({"phone": ""}, "phone"),
     ({"phone": "12a"}, "phone"), ({"phone": "1" * 21}, "20 digits"),
     ({"phone": "1" * 13, "version": 2013}, "12 digits"),
     ({"interval_s": 0.0}, "interval_s"), ({"manufacturer": "x" * 12}, "manufacturer"),
     ({"plate_colour": 300}, "plate colour")],
)  # fmt: skip
def test_settings_that_cannot_be_sent_are_named(changes, word):
    with pytest.raises(ConfigError, match=word):
        check(Jt808(**{**FIELDS, **changes}))


def test_it_is_off_unless_asked_for():
    assert Uplink().jt808.enabled is False
