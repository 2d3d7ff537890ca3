import csv

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import config
from edge.can.dbc import parse_dbc, read_dbc
from edge.can.encode import EncodeError, Encoder
from edge.can.frames import EXTENDED, FD, KEY_EXTENDED, REMOTE, frames
from edge.can.inlet import LogInlet
from edge.can.protection import Verdict, protection_of
from edge.can.vehicle import VehicleReader, match_vehicle, read_databases
from edge.messages import CAR_SIGNALS, Signals

SIMULATED = config.shipped("configs/vehicles/simulated.toml")


@pytest.fixture
def simulated():
    return config.read(SIMULATED, config.Vehicle)


@pytest.fixture
def reader(simulated):
    return VehicleReader(simulated, read_databases(simulated, SIMULATED))


@pytest.fixture
def encoder():
    return Encoder(read_dbc(SIMULATED.with_suffix(".dbc")))


def batch(*said, bus=0):
    keys, payloads = zip(*said, strict=True)
    return frames(
        range(len(said)), [k & ~KEY_EXTENDED for k in keys], [0] * len(said), [bus] * len(said), payloads
    )


def test_every_signal_of_the_simulated_car(reader, encoder):
    said = [
        encoder.encode("SPEED", {"SPEED": 72.0}),
        encoder.encode("MOTION", {"ACCELERATION": -3.5, "LATERAL_ACCELERATION": 1.25, "YAW_RATE": -18.0}),
        encoder.encode("STEERING", {"ANGLE": 90.0, "TORQUE": -2.0}),
        encoder.encode("PEDALS", {"ACCELERATOR": 12.5, "BRAKE": 50.0, "BRAKE_PRESSED": 1}),
        encoder.encode("BODY", {"INDICATOR_LEFT": 1, "INDICATOR_RIGHT": 0, "GEAR": 1}),
        encoder.encode("STABILITY", {"ABS_ACTIVE": 1, "ESC_ACTIVE": 0}),
    ]
    found = reader.read(batch(*said), ("can0",))
    assert isinstance(found, Signals)
    assert found.bus == "can0"
    assert (found.t_ns, found.stamps_ns[0]) == (5, 0)
    assert dict(zip(found.names, found.values, strict=True)) == pytest.approx({
        "speed_mps": 20.0, "acceleration_mps2": -3.5, "lateral_acceleration_mps2": 1.25,
        "yaw_rate_radps": -np.pi / 10, "steering_angle_rad": np.pi / 2, "steering_torque_nm": -2.0,
        "accelerator_ratio": 0.125, "brake_ratio": 0.5, "brake_pressed": 1.0, "indicator_left": 1.0,
        "indicator_right": 0.0, "reverse": 1.0, "abs_active": 1.0, "esc_active": 0.0,
    })  # fmt: skip
    assert reader.missing == ()


def test_damage_of_any_bit_makes_the_value_unknown(reader, encoder):
    key, data = encoder.encode("SPEED", {"SPEED": 50.0})
    for bit in range(64):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        found = reader.read(batch((key, bytes(damaged))), ("can0",))
        assert found.values == (None,)
    assert sum(reader.invalid.values()) == 64
    assert reader.invalid["speed_mps", "checksum"] >= 62


def test_short_frame_and_value_out_of_range_are_unknown(reader, encoder):
    key, data = encoder.encode("SPEED", {"SPEED": 50.0})
    assert reader.read(batch((key, data[:1])), ("can0",)).values == (None,)
    key, data = encoder.encode("SPEED", {"SPEED": 310.0}, strict=False)
    assert reader.read(batch((key, data)), ("can0",)).values == (None,)


def test_what_is_no_data_is_passed_over(reader):
    assert reader.read(batch((0x7FF, b"12345678")), ("can0",)) is None
    asked = frames([1], [180], [REMOTE], [0], [b""])
    assert reader.read(asked, ("can0",)) is None


def test_counter_goes_up_and_wraps(encoder):
    database = read_dbc(SIMULATED.with_suffix(".dbc"))
    counters = []
    for _ in range(18):
        key, data = encoder.encode("SPEED", {"SPEED": 10.0})
        assert protection_of(database.messages[key]).verdict(data) == Verdict.GOOD
        counters.append(data[6] & 15)
    assert counters == [*range(16), 0, 1]
    with pytest.raises(EncodeError, match="no message NONE"):
        encoder.encode("NONE", {})


DBC = """BO_ 100 M: 8 X
 SG_ MODE M : 0|8@1+ (1,0) [0|0] "" X
 SG_ A m1 : 8|8@1+ (1,0) [0|65535] "" X
 SG_ B m2 : 8|8@1+ (1,0) [0|100] "" X
"""


def vehicle(**signals):
    return config.convert({"title": "x", "signals": signals}, config.Vehicle, "test")


def test_multiplexed_signals_come_when_they_are_there():
    both = vehicle(speed_mps={"signal": "M.A", "scale": 0.5}, brake_ratio={"signal": "M.B", "scale": 0.01})
    reader = VehicleReader(both, [(parse_dbc(DBC), None)])
    found = reader.read(
        batch((100, b"\x01\xc8"), (100, b"\x02\x32"), (100, b"\x02\xc8"), (100, b"\x03\x00")), ("a",)
    )
    assert found.names == ("speed_mps", "brake_ratio", "brake_ratio")
    # 65535 is more than 8 bits hold, so that range is no range; 200 is beyond 100.
    assert found.values == (100.0, 0.5, None)


def test_range_of_the_vehicle_file_replaces_that_of_the_dbc():
    reader = VehicleReader(
        vehicle(brake_ratio={"signal": "M.B", "minimum": 10, "maximum": 250}), [(parse_dbc(DBC), None)]
    )
    found = reader.read(batch((100, b"\x02\xc8"), (100, b"\x02\x05"), (100, b"\x02\xff")), ("a",))
    assert found.values == (200.0, None, None)


MS = 1_000_000
TIMED = """BO_ 100 FAST: 8 X
 SG_ A : 0|8@1+ (1,0) [0|0] "" X
 SG_ B : 8|8@1+ (1,0) [0|0] "" X
BO_ 101 SLOW: 8 X
 SG_ C : 0|8@1+ (1,0) [0|0] "" X
BO_ 102 UNTOLD: 8 X
 SG_ D : 0|8@1+ (1,0) [0|0] "" X
BA_ "GenMsgCycleTime" BO_ 100 20;
BA_ "GenMsgCycleTime" BO_ 101 100;
"""


def timed(**more):
    signals = {
        "speed_mps": {"signal": "FAST.A"},
        "brake_ratio": {"signal": "FAST.B"},
        "yaw_rate_radps": {"signal": "SLOW.C"},
        "reverse": {"signal": "UNTOLD.D"},
    }
    asked = config.convert({"title": "x", "signals": signals, **more}, config.Vehicle, "test")
    return VehicleReader(asked, [(parse_dbc(TIMED), None)])


def at(t_ms, *ids):
    n = len(ids)
    return frames([round(t_ms * MS)] * n, ids, [0] * n, [0] * n, [b"\1\2"] * n)


def told(reader, now_ms, bus="can0"):
    return [(m.t_ns / MS, m.names, m.values, m.stamps_ns) for m in reader.overdue(round(now_ms * MS), bus)]


def test_a_message_that_stops_makes_its_signals_unknown_once():
    reader = timed()
    assert told(reader, 1e6) == []  # what never came is not told
    reader.read(at(0, 100, 101), ("can0",))
    assert told(reader, 200) == []
    none = ("speed_mps", "brake_ratio"), (None, None), (200 * MS, 200 * MS)
    assert told(reader, 201) == [(200, *none)]
    assert told(reader, 300) == []
    assert told(reader, 300, "can1") == []
    reader.read(at(900, 100), ("can0",))
    # In the order in which their time was up.
    late = told(reader, 2000)
    assert [(t_ms, names) for t_ms, names, _, _ in late] == [
        (1000, ("yaw_rate_radps",)),
        (1100, ("speed_mps", "brake_ratio")),
    ]
    assert reader.invalid == {
        ("speed_mps", "time-out"): 2,
        ("brake_ratio", "time-out"): 2,
        ("yaw_rate_radps", "time-out"): 1,
    }


@given(st.lists(st.integers(0, 2000)))
@settings(max_examples=30, deadline=None)
def test_what_is_overdue_does_not_depend_on_when_it_is_asked(asked):
    def said(asked_ms):
        reader, out = timed(), []
        times = dict.fromkeys(range(0, 500, 20), (100, 101)) | dict.fromkeys(range(500, 2000, 100), (101,))
        for t in sorted({*times, *asked_ms}):
            if t in asked_ms:
                out += reader.overdue(t * MS, "can0")
            if t in times:
                batch = at(t, *times[t])
                out += reader.overdue(int(batch.t_ns[0]), "can0")
                out.append(reader.read(batch, ("can0",)))
        return out

    assert said([2001]) == said([*asked, 2001])
    assert any(m.values == (None, None) for m in said([2001]))


def test_time_outs_can_be_set():
    reader = timed(timeout_periods=3.0, timeouts_ms={"SLOW": 0.0, "UNTOLD": 50.0})
    reader.read(at(0, 100, 101, 102), ("can0",))
    assert [(t_ms, names[0]) for t_ms, names, _, _ in told(reader, 1e6)] == [
        (50, "reverse"),
        (60, "speed_mps"),
    ]
    never = timed(timeout_periods=0.0)
    never.read(at(0, 100, 101, 102), ("can0",))
    assert told(never, 1e6) == []


def test_a_period_that_nobody_tells_is_measured():
    reader = timed()
    for i in range(30):
        reader.read(at(50 * i, 102), ("can0",))
    assert told(reader, 29 * 50 + 500) == []
    assert [t_ms for t_ms, *_ in told(reader, 29 * 50 + 501)] == [29 * 50 + 500]
    new = timed()  # until then it is taken as 1 s
    new.read(at(0, 102), ("can0",))
    assert [t_ms for t_ms, *_ in told(new, 1e6)] == [10_000]


def test_why_values_are_unknown_is_counted(reader, encoder):
    good = [encoder.encode("SPEED", {"SPEED": 50.0}) for _ in range(2)]
    key, data = good[0]
    reader.read(batch(good[0], (key, data[:1]), (key, data[:7] + b"\0")), ("can0",))
    reader.read(batch(encoder.encode("SPEED", {"SPEED": 310.0}, strict=False)), ("can0",))
    for count in range(0, 100, 2):  # every second frame is lost
        lost = encoder.encode("SPEED", {"SPEED": 1.0, "COUNTER": count % 16})
        found = reader.read(batch(lost), ("can0",))
    assert found.values == (None,)
    assert {why for _, why in reader.invalid} == {"length", "checksum", "range", "counter"}
    assert reader.invalid["speed_mps", "length"] == 1


def test_j1939_messages_are_found_by_their_group(real):
    database = read_dbc(real / "j1939_truck/j1939_demo.dbc")
    name = next(m.name for m in database.messages.values() if m.pgn == 65265)
    signal = next(s.name for s in database.named(name).signals if "Speed" in s.name)
    asked = vehicle(speed_mps={"signal": f"{name}.{signal}", "scale": 1 / 3.6})
    reader = VehicleReader(asked, [(database, None)])
    raw = (72 * 256).to_bytes(2, "little")
    for id, heard in ((0x18FEF100, True), (0x0CFEF127, True), (0x18FEF200, False)):
        batch_ = frames([1], [id], [EXTENDED], [0], [b"\xff" + raw + b"\xff" * 5])
        found = reader.read(batch_, ("can0",))
        assert (found is not None) == heard
        if heard:
            assert found.values == pytest.approx((20.0,))
    standard = frames([1], [0x6F1], [0], [0], [b"\xff" + raw + b"\xff" * 5])
    assert reader.read(standard, ("can0",)) is None


def test_protection_by_the_vehicle_file():
    text = TIMED + 'BO_ 104 SAFE: 8 X\n SG_ V : 16|8@1+ (1,0) [0|0] "" X\n'
    asked = config.convert(
        {
            "title": "x",
            "signals": {"speed_mps": {"signal": "SAFE.V"}},
            "protection": {"SAFE": {"kind": "5", "data_id": 7, "offset_bytes": 5}},
        },
        config.Vehicle,
        "test",
    )
    database = parse_dbc(text)
    reader, sender = VehicleReader(asked, [(database, None)]), Encoder(database, asked)
    sent = [sender.encode("SAFE", {"V": i}) for i in range(4)]
    found = reader.read(batch(sent[0], sent[1], sent[1], sent[3], sent[2]), ("can0",))
    assert found.values == (0.0, 1.0, None, None, None)
    wrong = msgspec.structs.replace(asked, protection={"SAFE": config.Protection(kind="5")})
    with pytest.raises(config.ConfigError, match=r"\[protection.SAFE\]: .* data_id"):
        VehicleReader(wrong, [(database, None)])


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_any_frames_give_known_or_unknown_values(data):
    """Any id, length and content: values or None, in small batches as in large ones."""
    asked = config.read(SIMULATED, config.Vehicle)
    databases = read_databases(asked, SIMULATED)
    ids = st.sampled_from([180, 193, 37, 225, 422, 0x7FF, 0x18FEF100])
    payload = st.one_of(st.binary(max_size=8), st.binary(max_size=64))
    said = data.draw(st.lists(st.tuples(ids, payload, st.integers(0, 127)), max_size=20))
    said = [(id, p[:8] if flag & FD == 0 else p, flag) for id, p, flag in said]
    said += [(180, Encoder(databases[0][0]).encode("SPEED", {"SPEED": 36.0})[1], 0)]
    idle = [(0x7FE, b"", 0)] * 200
    together = []
    for parts in ([said], [idle + said], [[one] for one in said]):
        reader = VehicleReader(asked, databases)
        found = []
        for part in parts:
            ids_, payloads, flags = zip(*part, strict=True)
            batch_ = frames([0] * len(part), ids_, flags, [0] * len(part), payloads)
            signals = reader.read(batch_, ("can0",))
            if signals is not None:
                found += list(zip(signals.names, signals.values, strict=True))
        together.append(found)
    assert together[0] == together[1] == together[2]
    assert together[0]


def test_settings_for_messages_that_are_not_there_are_told():
    asked = config.convert(
        {
            "title": "x",
            "signals": {"speed_mps": {"signal": "FAST.A"}},
            "protection": {"FASTER": {"kind": "none"}},
            "timeouts_ms": {"SLOW": 1.0, "SLOWER": 1.0},
        },
        config.Vehicle,
        "test",
    )
    reader = VehicleReader(asked, [(parse_dbc(TIMED), None)])
    assert reader.missing == ("FASTER of [protection]", "SLOWER of [timeouts_ms]")


def test_what_a_checksum_may_be_is_told():
    for given_, what in (("toyotta", "did you mean 'toyota'"), ("bmw", "known here: chrysler, ")):
        with pytest.raises(config.ConfigError, match=what):
            config.convert({"title": "x", "maker": given_}, config.Vehicle, "test")


def test_buses():
    database = parse_dbc(DBC)
    any_bus = VehicleReader(vehicle(speed_mps={"signal": "M.A"}), [(database, None)])
    by_dbc = VehicleReader(vehicle(speed_mps={"signal": "M.A"}), [(database, "can1")])
    by_mapping = VehicleReader(vehicle(speed_mps={"signal": "M.A", "bus": "can1"}), [(database, None)])
    said = (100, b"\x01\x01")
    for bus, expected in ((0, (True, False, False)), (1, (True, True, True))):
        readers = (any_bus, by_dbc, by_mapping)
        found = tuple(r.read(batch(said, bus=bus), ("can0", "can1")) is not None for r in readers)
        assert found == expected
    nowhere = VehicleReader(vehicle(speed_mps={"signal": "M.A", "bus": "can0"}), [(database, "can1")])
    assert nowhere.missing == ("speed_mps (M.A)",)


def test_missing_definitions_are_told():
    reader = VehicleReader(
        vehicle(speed_mps={"signal": "M.NO"}, brake_ratio={"signal": "M.B"}), [(parse_dbc(DBC), None)]
    )
    assert reader.missing == ("speed_mps (M.NO)",)


def test_shipped_vehicles_say_what_the_core_understands():
    paths = sorted(config.shipped("configs/vehicles").glob("*.toml"))
    assert len(paths) >= 3
    for path in paths:
        assert set(config.read(path, config.Vehicle).signals) <= set(CAR_SIGNALS), path


def test_gate_of_the_simulated_car_can_be_encoded(simulated, encoder):
    for rule in simulated.gate.values():
        for value in (rule.minimum, rule.maximum):
            encoder.encode(rule.message, {rule.signal: value})


def test_vehicle_of_a_dbc_is_found(real):
    def found(*names):
        return match_vehicle([(read_dbc(real / name), None) for name in names])

    path, matched, total = found("toyota_rav4/powertrain.dbc", "toyota_rav4/adas.dbc")
    assert (path.name, matched) == ("toyota_rav4.toml", total)
    path, matched, total = found("kona_ev/pcan.dbc")
    assert (path.name, matched) == ("kia_kona_ev.toml", total)
    path, _, _ = match_vehicle([(read_dbc(SIMULATED.with_suffix(".dbc")), None)])
    assert path.name == "simulated.toml"
    assert match_vehicle([(parse_dbc(DBC), None)]) == (None, 0, 0)


def drive(real, vehicle_name, log, *dbcs):
    databases = [(read_dbc(real / name), None) for name in dbcs]
    path = config.shipped(f"configs/vehicles/{vehicle_name}.toml")
    reader = VehicleReader(config.read(path, config.Vehicle), databases)
    assert reader.missing == ()
    inlet = LogInlet(real / log, reader)
    values = {}
    for message in inlet.poll(inlet.end_ns):
        if isinstance(message, Signals):
            for name, value, t_ns in zip(message.names, message.values, message.stamps_ns, strict=True):
                values.setdefault(name, []).append((t_ns / 1e9, np.nan if value is None else value))
    return {name: np.array(rows) for name, rows in values.items()}


def test_toyota_agrees_with_its_satellite_receiver(real):
    found = drive(
        real, "toyota_rav4", "toyota_rav4/drive.log.gz", "toyota_rav4/powertrain.dbc", "toyota_rav4/adas.dbc"
    )
    with (real / "toyota_rav4" / "gnss.csv").open() as file:
        fixes = np.array([[float(row["t_unix_s"]), float(row["speed_mps"])] for row in csv.DictReader(file)])
    speed = found["speed_mps"]
    off = np.interp(fixes[:, 0], speed[:, 0], speed[:, 1]) - fixes[:, 1]
    assert np.sqrt((off**2).mean()) < 0.35
    # Acceleration and speed must tell the same story, within what a sloping road adds.
    acceleration = found["acceleration_mps2"]
    gained = np.concatenate([[0], np.cumsum(acceleration[:-1, 1] * np.diff(acceleration[:, 0]))])
    driven = np.interp(acceleration[:, 0], speed[:, 0], speed[:, 1])
    assert np.corrcoef(gained, driven)[0, 1] > 0.95
    assert abs(acceleration[:, 1]).max() < 4
    # To the left positive, all three.
    lateral, yaw = found["lateral_acceleration_mps2"], found["yaw_rate_radps"]
    turning = np.interp(lateral[:, 0], yaw[:, 0], yaw[:, 1]) * np.interp(lateral[:, 0], *speed.T)
    smooth = [np.convolve(x, np.ones(100) / 100, "valid") for x in (lateral[:, 1], turning)]
    assert np.corrcoef(*smooth)[0, 1] > 0.7
    steering = np.interp(yaw[:, 0], *found["steering_angle_rad"].T)
    assert np.corrcoef(steering, yaw[:, 1])[0, 1] > 0.5
    braking = np.interp(acceleration[:, 0], *found["brake_pressed"].T) > 0.5
    assert acceleration[braking, 1].mean() < -0.2 < acceleration[~braking, 1].mean()
    assert np.unique(found["reverse"][:, 1]).tolist() == [0.0]


def test_kona_stands_still(real):
    found = drive(
        real, "kia_kona_ev", "kona_ev/230112-7-2019-pcan-ccan-power-off-on-ready-off.csv", "kona_ev/pcan.dbc"
    )
    assert (found["speed_mps"][:, 1] == 0).all()
    yaw = found["yaw_rate_radps"][:, 1]
    assert np.isnan(yaw).any()  # the sensor was just switched on
    assert np.nanmax(abs(yaw)) < 0.01
    assert np.nanmax(abs(found["steering_angle_rad"][:, 1])) < 2 * np.pi


ONE = 'BO_ 100 ONE: 8 X\n SG_ A : 0|8@1+ (1,0) [0|0] "" X\n SG_ B : 8|8@1+ (1,0) [0|0] "" X\n'
OTHER = 'BO_ 100 OTHER: 8 X\n SG_ A : 16|8@1+ (1,0) [0|0] "" X\n'


def read_on(databases, signals, *ids_and_buses, flags=0):
    """What a reader gives of frames 01 02 03 ..., and what it says is missing."""
    reader = VehicleReader(config.Vehicle(title="", signals=signals), databases)
    data = bytes(range(1, 9))
    ids, buses = zip(*ids_and_buses, strict=True)
    n = len(ids)
    found = reader.read(frames(range(n), ids, [flags] * n, buses, [data] * n), ("can0", "can1"))
    assert found
    return list(zip(found.names, found.values, found.stamps_ns, strict=True)), reader.missing


def signal(name, bus=None):
    return config.SignalMapping(signal=name, bus=bus)


def test_a_database_given_twice_counts_once():
    twice = [(parse_dbc(ONE), None), (parse_dbc(ONE), None)]
    assert read_on(twice, {"speed_mps": signal("ONE.A")}, (100, 0)) == ([("speed_mps", 1.0, 0)], ())


def test_an_id_that_two_databases_define_means_one_message():
    both = {"speed_mps": signal("ONE.A"), "brake_pressed": signal("OTHER.A")}
    found, missing = read_on([(parse_dbc(ONE), None), (parse_dbc(OTHER), None)], both, (100, 0))
    assert found == [("speed_mps", 1.0, 0)]
    assert missing == ("brake_pressed (OTHER.A: another message has its id)",)
    found, missing = read_on([(parse_dbc(ONE), None), (parse_dbc(OTHER), "can1")], both, (100, 0), (100, 1))
    assert found == [("speed_mps", 1.0, 0), ("brake_pressed", 3.0, 1)]
    assert not missing


def test_signals_of_one_message_may_be_asked_of_different_buses():
    asked = {"speed_mps": signal("ONE.A", "can0"), "brake_pressed": signal("ONE.B")}
    found, missing = read_on([(parse_dbc(ONE), None)], asked, (100, 0), (100, 1))
    assert found == [("speed_mps", 1.0, 0), ("brake_pressed", 2.0, 0), ("brake_pressed", 2.0, 1)]
    assert not missing


J1939 = """BO_ 2364540158 FIRST: 8 X
 SG_ A : 0|8@1+ (1,0) [0|0] "" X
 SG_ COUNTER : 8|4@1+ (1,0) [0|0] "" X

BO_ 2364540159 SECOND: 8 X
 SG_ B : 16|8@1+ (1,0) [0|0] "" X

BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";
BA_DEF_DEF_ "VFrameFormat" "J1939PG";
"""
FIRST, SECOND, UNNAMED = 0x0CF004FE, 0x0CF004FF, 0x18F00400


@pytest.mark.parametrize("asked", [["FIRST.A"], ["SECOND.B"], ["SECOND.B", "FIRST.A"]])
def test_of_messages_with_one_parameter_group_the_sender_tells_which(asked):
    signals = {name: signal(one) for name, one in zip(("speed_mps", "brake_pressed"), asked, strict=False)}
    of = {"FIRST.A": [(1.0, 0), (1.0, 2)], "SECOND.B": [(3.0, 1)]}  # as Decoder gives them
    senders = [(FIRST, 0), (SECOND, 0), (UNNAMED, 0)]
    found, missing = read_on([(parse_dbc(J1939), None)], signals, *senders, flags=EXTENDED)
    expected = [(name, *one) for name, its in signals.items() for one in of[its.signal]]
    assert sorted(found) == sorted(expected)
    assert not missing


def test_each_sender_of_a_j1939_message_has_its_own_counter():
    vehicle = config.Vehicle(
        title="",
        signals={"speed_mps": signal("FIRST.A")},
        protection={"FIRST": config.Protection(kind="counter")},
    )
    reader = VehicleReader(vehicle, [(parse_dbc(J1939), None)])
    counts = [(i // 2 & 15, 3)[i % 2] for i in range(40)]  # two in turn; the second one's stands still
    data = [bytes([i, count]) + bytes(6) for i, count in enumerate(counts)]
    batch = frames(range(40), [FIRST, UNNAMED] * 20, [EXTENDED] * 40, [0] * 40, data)
    values = reader.read(batch, ("can0",)).values
    assert values[::2] == tuple(float(i) for i in range(0, 40, 2))
    assert set(values[21::2]) == {None}
