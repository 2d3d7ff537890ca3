"""A receiver on a (pseudo) serial port that comes and goes; recorded lines; tables."""

import itertools
import os
import random
import select
from pathlib import Path

import pytest
from test_positioning_nmea import GGA, RMC, sealed

from edge.config import Gnss
from edge.messages import Gap, Health, Position
from edge.positioning.inlet import LineInlet, SerialNmeaInlet
from edge.positioning.recorded import RecordedError, nmea_lines, open_recorded

S = 1_000_000_000
TABLE = Path(__file__).parents[2].parent / "shared/data/can/toyota_rav4/gnss.csv"


def epoch(second):
    body = (RMC[1:-3], GGA[1:-3])
    return [sealed(b.replace("123519", f"1235{second:02}")) for b in body]


def positions(messages):
    return [m for m in messages if isinstance(m, Position)]


def states(messages):
    return [m.state for m in messages if isinstance(m, Health)]


class Wire:
    """A pseudo terminal behind a name that stays the same when it is plugged in again."""

    def __init__(self, path):
        self.path = path
        self.near = None

    def plug(self):
        self.near, self._far = os.openpty()
        self.path.symlink_to(os.ttyname(self._far))

    def unplug(self):
        os.close(self._far)
        os.close(self.near)
        self.path.unlink()

    def say(self, inlet, *lines):
        os.write(self.near, "".join(f"{line}\r\n" for line in lines).encode("latin-1"))
        assert select.select([inlet.fileno()], [], [], 2)[0]


def test_a_receiver_is_plugged_in_pulled_out_and_plugged_in_again(tmp_path):
    wire = Wire(tmp_path / "ttyACM0")
    recorded = []
    inlet = SerialNmeaInlet(Gnss(port=str(wire.path)), lambda *raw: recorded.append(raw))
    said = [m for t in range(20) for m in inlet.poll(t * S // 10)]
    (health,) = said
    assert (health.state, health.source) == ("failed", "gnss")
    assert str(wire.path) in health.detail
    assert inlet.fileno() is None

    wire.plug()
    assert inlet.poll(2 * S) == []
    wire.say(inlet, *epoch(1), *epoch(2))
    messages = inlet.poll(2 * S + 1)
    assert [p.t_ns for p in positions(messages)] == [2 * S + 1] * 2
    assert states(messages) == ["ok"]
    assert recorded[0] == ("gnss", 2 * S + 1, epoch(1)[0].encode())

    wire.unplug()
    assert states(inlet.poll(3 * S)) == ["failed"]
    assert [m for t in range(9) for m in inlet.poll(3 * S + t * S // 10)] == []

    wire.plug()
    inlet.poll(4 * S)
    wire.say(inlet, *epoch(4), *epoch(5))
    messages = inlet.poll(4 * S + 1)
    assert len(positions(messages)) == 2
    assert states(messages) == ["ok"]
    inlet.close()
    inlet.close()
    assert inlet.poll(9 * S) == []
    wire.unplug()


def test_halves_of_lines_garbage_and_silence(tmp_path):
    wire = Wire(tmp_path / "tty")
    wire.plug()
    inlet = SerialNmeaInlet(Gnss(port=str(wire.path)))
    inlet.poll(0)
    text = "\r\n".join(epoch(1) + epoch(2)) + "\r\n"
    found = []
    for start in range(0, len(text), 7):
        os.write(wire.near, text[start : start + 7].encode())
        select.select([inlet.fileno()], [], [], 2)
        found += inlet.poll(start)
    assert len(positions(found)) == 2
    os.write(wire.near, b"\xff\xfe\x00" * 200 + b"\n" + RMC.replace("48", "49").encode() + b"\r\n")
    select.select([inlet.fileno()], [], [], 2)
    lost = [m for t in range(5) for m in inlet.poll(1000 + t) if isinstance(m, Gap)]
    assert {gap.reason for gap in lost} == {"no sentence", "checksum"}
    (health,) = [m for m in inlet.poll(10 * S) if isinstance(m, Health)]
    assert health.state == "degraded"
    assert "baud" in health.detail
    assert list(inlet.poll(11 * S)) == []
    inlet.close()
    wire.unplug()


def test_no_fix_is_said_once():
    line = sealed("GNRMC,123510.00,V,,,,,,,230394,,,N")
    later = sealed("GNRMC,123511.00,V,,,,,,,230394,,,N")
    inlet = LineInlet("gnss", [(0, line), (1, later), (2, line), (3, later)])
    messages = [m for t in range(5) for m in inlet.poll(t)]
    assert states(messages) == ["degraded"]


def test_lines_come_at_their_time():
    lines = [(s * S, line) for s in range(10, 15) for line in epoch(s)]
    inlet = LineInlet("gnss:sim", iter(lines))
    assert inlet.poll(10 * S - 1) == []
    assert positions(inlet.poll(10 * S)) == []
    found = positions(inlet.poll(12 * S))
    assert [p.t_ns for p in found] == [10 * S, 11 * S, 12 * S]
    assert {p.source for p in found} == {"gnss:sim"}
    assert [p.t_ns for p in positions(inlet.poll(99 * S))] == [13 * S, 14 * S]


def test_damaged_lines_give_counts_and_nothing_else():
    dice = random.Random(4)
    lines = []
    for number in range(5000):
        line = bytearray(dice.choice(epoch(number % 60)).encode())
        line[dice.randrange(len(line))] = dice.randrange(256)
        lines.append((number, bytes(line)))
    inlet = LineInlet("gnss", lines)
    messages = inlet.poll(5000)
    lost = sum(m.count for m in messages if isinstance(m, Gap))
    assert all(isinstance(m, Position | Gap | Health) for m in messages)
    assert 4700 < lost <= 5000


def test_a_text_file_of_nmea(tmp_path):
    path = tmp_path / "drive.nmea"
    path.write_text("\r\n".join(["junk", *epoch(1), *epoch(2), *epoch(3)]))
    lines = nmea_lines(path, 5 * S)
    assert [t for t, _ in lines] == [5 * S, 5 * S, 5 * S, 6 * S, 6 * S, 7 * S, 7 * S]
    start_unix_s = 764_426_099.5  # 12:34:59.5
    inlet, end_ns = open_recorded(path, 5 * S, start_unix_s)
    assert end_ns == int(8.5 * S)
    found = positions(inlet.poll(99 * S))
    assert [p.t_ns for p in found] == [int(6.5 * S), int(7.5 * S), int(8.5 * S)]
    path.write_text("no sentence\n")
    with pytest.raises(RecordedError, match="no NMEA sentence"):
        open_recorded(path, 0)
    with pytest.raises(RecordedError, match="cannot be read"):
        open_recorded(tmp_path / "absent.nmea", 0)


def test_a_text_file_over_midnight_without_dates(tmp_path):
    path = tmp_path / "night.txt"
    body = GGA[1:-3]
    path.write_text(
        "\n".join(sealed(body.replace("123519", time)) for time in ("235959", "000000", "000001"))
    )
    assert [t for t, _ in nmea_lines(path, 0)] == [0, S, 2 * S]


def test_a_table(tmp_path):
    path = tmp_path / "gnss.csv"
    path.write_text(
        "t_unix_s,latitude_deg,longitude_deg,altitude_m,speed_mps,bearing_deg\n"
        "1533226488.301,37.7209977,-122.4723053,33.37,7.823,2.14\n"
        "oops,37.7,-122.4,,,\n"
        "1533226488.390,137.7,-122.4,,,\n"
        "1533226489.301,37.7210050,-122.4723050,,,\n"
    )
    inlet, end_ns = open_recorded(path, 10 * S, 1533226488.0)
    assert end_ns == 11 * S + 301_000_000
    messages = inlet.poll(10 * S + 301_000_000)
    assert messages[0] == Gap(t_ns=10 * S + 301_000_000, source="gnss", reason="row", count=2)
    assert [where.removeprefix(str(path))[:3] for where in inlet.bad] == [":3:", ":4:"]
    (first,) = positions(messages)
    assert (first.t_ns, first.utc_ns) == (10 * S + 301_000_000, 1_533_226_488_301_000_000)
    assert (first.altitude_m, first.speed_mps, first.heading_deg) == (33.37, 7.823, 2.14)
    (second,) = inlet.poll(99 * S)
    assert (second.t_ns, second.altitude_m, second.speed_mps) == (11 * S + 301_000_000, None, None)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a,b\n1,2\n", "lacks the column t_unix_s"),
        ("t_unix_s,latitude_deg,longitude_deg\n", "no row"),
        ("\x00", "t.csv"),
    ],
)
def test_a_table_that_is_none(tmp_path, text, why):
    path = tmp_path / "t.csv"
    path.write_text(text)
    with pytest.raises(RecordedError, match=why):
        open_recorded(path, 0)


@pytest.mark.skipif(not TABLE.exists(), reason="the real drive is not on this machine")
def test_a_real_minute_of_a_u_blox():
    inlet, end_ns = open_recorded(TABLE, 0)
    found = inlet.poll(10**12)
    assert end_ns == found[-1].t_ns
    assert len(found) == 579
    assert found[0].t_ns == 0
    assert 55 * S < found[-1].t_ns < 65 * S
    assert all(a.t_ns < b.t_ns for a, b in itertools.pairwise(found))
