"""What diagnostic answers say, against Wireshark and a real car; the tester against can-isotp as ECU."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from transport_judges import MS, heard, tshark

from edge.can.bus import BusError
from edge.can.frames import EXTENDED, KEY_EXTENDED, frames
from edge.can.transport import diagnostics as d
from edge.can.transport import obd
from edge.can.transport.client import LIMIT_NS, P2_ALL_NS, P2_NS, Client, answers_to
from edge.config import ConfigError, Question
from edge.messages import Ask

# ---------------------------------------------------------------- OBD-II mode 01

WIRESHARK = {
    0x04: "engine_load", 0x05: "engine_coolant_temp", 0x06: "short_term_fuel_bank1",
    0x07: "long_term_fuel_bank1", 0x08: "short_term_fuel_bank2", 0x09: "long_term_fuel_bank2",
    0x0A: "fuel_pressure", 0x0B: "intake_manifold_absolute_pressure", 0x0C: "engine_rpm",
    0x0D: "vehicle_speed", 0x0E: "timing_advance", 0x0F: "intake_air_temp", 0x10: "maf_air_flow_rate",
    0x11: "throttle_position", 0x1F: "engine_uptime", 0x21: "distance_traveled_with_mil",
    0x22: "fuel_rail_pressure", 0x23: "fuel_rail_gauge_pressure", 0x2C: "commanded_egr", 0x2D: "egr_error",
    0x2E: "commanded_evap_purge", 0x2F: "fuel_tank_level_input", 0x30: "warm_ups",
    0x31: "distance_traveled_since_code_clear", 0x33: "absolute_barometric_pressure",
    0x3C: "catalyst_temp_11", 0x3D: "catalyst_temp_21", 0x3E: "catalyst_temp_12", 0x3F: "catalyst_temp_22",
    0x42: "control_module_voltage", 0x43: "absolute_load_value", 0x44: "fuel_air_commanded_equiv_ratio",
    0x45: "relative_throttle_position", 0x46: "ambient_air_temp", 0x47: "absolute_throttle_position_B",
    0x48: "absolute_throttle_position_C", 0x49: "accelerator_pedal_position_D",
    0x4A: "accelerator_pedal_position_E", 0x4B: "accelerator_pedal_position_F",
    0x4C: "commanded_throttle_actuator", 0x4D: "time_run_with_mil", 0x4E: "time_since_trouble_code_clear",
    0x52: "ethanol_fuel", 0x53: "absolute_evap_system_vapor_pressure", 0x59: "fuel_rail_absolute_pressure",
    0x5A: "relative_accelerator_pedal_position", 0x5B: "hybrid_battery_remaining_life",
    0x5C: "engine_oil_temp", 0x5D: "fuel_injection_timing", 0x5E: "engine_fuel_rate",
    0x61: "torque_driver_demand_engine", 0x62: "torque_actual_engine", 0x63: "torque_reference_engine",
}  # fmt: skip

WIRESHARK_OPTIONS = ["-o", "iso15765.can.ids:0x7e8", "-d", "iso15765.subdissector,obd-ii"]


def test_wireshark_reads_the_same_values(tmp_path):
    asked = [(pid, bytes([a, b, 3, 4])) for pid in WIRESHARK for a, b in ((0, 0), (255, 255), (0x1A, 0xF8))]
    cut = [(pid, data[: obd.LENGTHS[pid]]) for pid, data in asked]
    rows = [(0x7E8, (bytes([2 + len(data), 0x41, pid]) + data).ljust(8, b"\0")) for pid, data in cut]
    fields = ["frame.number", *(f"obd-ii.mode01_{name}" for name in WIRESHARK.values())]
    said = tshark(tmp_path, heard(rows), WIRESHARK_OPTIONS, fields)
    compared = set()
    for row in said:
        pid, data = asked[int(row[0]) - 1]
        theirs = row[1 + list(WIRESHARK).index(pid)]
        if theirs:
            (reading,) = obd.readings(pid, data)
            assert reading.value == pytest.approx(float(theirs), rel=1e-5, abs=1e-5), reading
            compared.add(pid)
    if not compared:
        pytest.skip("this tshark does not read OBD-II")
    assert len(compared) >= len(WIRESHARK) - 4


O2 = "oxygen sensor 1"


@pytest.mark.parametrize(
    ("pid", "data", "expected"),
    [
        (0x0C, "1AF8", [("engine speed", 1726.0, "rpm")]),  # the standard's own example
        (0x0D, "FF", [("vehicle speed", 255.0, "km/h")]),
        (0x05, "7B", [("engine coolant temperature", 83.0, "degC")]),
        (0x32, "FFFE", [("evaporative system vapour pressure", -0.5, "Pa")]),
        (0x01, "83 07 65 00", [("malfunction indicator", 1.0, ""), ("stored trouble codes", 3.0, "")]),
        (0x14, "5A FF", [(f"{O2} voltage", 0.45, "V"), (f"{O2} short term trim", None, "%")]),
        (0x34, "80 00 80 00", [(f"{O2} air-fuel equivalence ratio", 1.0, ""), (f"{O2} current", 0.0, "mA")]),
        (0xA6, "00 0F 42 40", [("odometer", 100_000.0, "km")]),
        (0x51, "04", [("fuel type", 4.0, "")]),
        (0xC7, "01 02", [("PID C7", None, "")]),
    ],
)  # fmt: skip
def test_values_units_and_names(pid, data, expected):
    found = obd.readings(pid, bytes.fromhex(data))
    assert [(r.name, r.value, r.unit) for r in found] == expected


def test_supported_pids_are_a_bitmap():
    """The example of SAE J1979 for PID 00: BE 1F A8 13."""
    pids = obd.supported(0, bytes.fromhex("BE1FA813"))
    assert " ".join(f"{pid:02X}" for pid in pids) == "01 03 04 05 06 07 0C 0D 0E 0F 10 11 13 15 1C 1F 20"
    (reading,) = obd.readings(0x20, bytes.fromhex("80000001"))
    assert (reading.name, reading.value, reading.text) == ("supported PIDs 21 to 40", 2.0, "21 40")


def test_several_pids_in_one_answer():
    found = d.answer(bytes.fromhex("41 0C 1A F8 0D 50 05 7B"))
    assert [(r.name, r.value) for r in found.readings] == [
        ("engine speed", 1726.0), ("vehicle speed", 80.0), ("engine coolant temperature", 83.0),
    ]  # fmt: skip


def test_a_real_car_answers(real):
    """Seven PIDs and more, asked some times a second for 400 s; the limits are those of a car on a road."""
    asammdf = pytest.importorskip("asammdf")
    with asammdf.MDF(real / "j1939_truck" / "drive.mf4") as mdf:
        get = lambda name: mdf.get(f"CAN_DataFrame.{name}", group=0, raw=True).samples  # noqa: E731
        rows = [
            bytes(row[1 : 1 + row[0]])
            for number, row in zip(get("ID"), np.asarray(get("DataBytes"), np.uint8), strict=True)
            if number & 0x1FFFFFFF == 0x7E8
        ]
    seen = {}
    for row in rows:
        for reading in d.answer(row).readings:
            seen.setdefault(reading.name, []).append(reading.value)
    assert len(rows) == 4610
    for name, low, high in (
        ("engine speed", 0, 5000), ("vehicle speed", 0, 140), ("engine coolant temperature", 20, 110),
        ("control module voltage", 11, 15), ("barometric pressure", 95, 105), ("throttle position", 0, 100),
        ("actual engine torque", -30, 110), ("fuel tank level", 40, 60),
    ):  # fmt: skip
        assert low <= min(seen[name]) <= max(seen[name]) <= high, name
    assert max(seen["engine speed"]) > 1000
    assert max(seen["vehicle speed"]) > 20


# ---------------------------------------------------------------- UDS


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("0420", "P0420"), ("0113", "P0113"), ("4123", "C0123"), ("9234", "B1234"), ("C100", "U0100"),
        ("FFFF", "U3FFF"), ("04201C", "P0420-1C"), ("042000", "P0420"), ("D3A287", "U13A2-87"),
    ],
)  # fmt: skip
def test_trouble_codes_as_people_write_them(code, text):
    assert d.trouble_code(bytes.fromhex(code)) == text


def test_trouble_codes_by_status():
    """The example of ISO 14229-1 for reportDTCByStatusMask: 0A9B17 with status 24, 0805 11 with 2F."""
    found = d.answer(bytes.fromhex("59 02 7F 0A9B17 24 080511 2F"))
    assert (found.service, found.readings[0].value) == (0x19, 2.0)
    assert found.readings[0].text == (  # 24: bits 2 and 5; 2F: bits 0 to 3 and 5
        "P0A9B-17 pending, test failed since cleared; P0805-11 test failed, test failed this cycle, pending,"
        " confirmed, test failed since cleared"
    )
    assert d.trouble_codes(bytes.fromhex("0A9B1724")) == (("P0A9B-17", 0x24),)
    assert d.status_words(0x24) == ("pending", "test failed since cleared")
    assert d.answer(bytes.fromhex("59 02 7F")).readings[0].value == 0.0


def test_data_refusals_and_requests():
    found = d.answer(bytes.fromhex("62 F1 90 57 30"))
    assert (found.identifier, found.readings[0].text) == (0xF190, "57 30")
    found = d.answer(bytes.fromhex("7F 22 31"))
    assert (found.service, found.refusal, found.why) == (0x22, 0x31, "request out of range")
    assert d.answer(bytes.fromhex("7F 22 F0")).why == "negative response F0"
    assert d.answer(bytes.fromhex("7E 00")).service == 0x3E
    assert d.request(0x01, 0x0C).hex() == "010c"
    assert d.request(0x22, 0xF190).hex() == "22f190"
    assert d.request(0x19, 0x08).hex() == "190208"
    assert d.request(0x3E, 0).hex() == "3e00"


@pytest.mark.parametrize(
    ("service", "identifier"), [(0x2E, 1), (0x31, 0), (0x01, 256), (0x22, -1), (0x3E, 1)]
)
def test_what_does_not_only_read_cannot_be_asked(service, identifier):
    with pytest.raises(ValueError, match=f"{service:02X}"):
        d.request(service, identifier)


@pytest.mark.fuzz
@given(st.sampled_from([b"", b"\x41", b"\x59\x02", b"\x62", b"\x7e", b"\x7f"]), st.binary(max_size=40))
def test_any_answer(head, data):
    try:
        found = d.answer(head + data)
    except ValueError:
        return
    assert 0 <= found.service <= 0xFF
    assert all(r.value is None or np.isfinite(r.value) for r in found.readings)


# ---------------------------------------------------------------- the tester and an ECU


class Car:
    """ECUs made of can-isotp's stack, on the other end of a client; time is ours."""

    def __init__(self, questions, answers, *, answer_ids=((0x7E0, 0x7E8),), all_id=0x7DF):
        self.isotp = pytest.importorskip("isotp")
        self.client = Client(questions, self.send)
        self.questions = {q.name: q for q in questions}
        self.answers, self.all_id, self.t_ns = answers, all_id, 10**12
        self.sent, self.on_bus, self.stacks, self.dead = [], [], [], False
        for request_id, response_id in answer_ids:
            self.stacks.append((request_id, [], self._stack(request_id, response_id)))

    def _stack(self, request_id, response_id):
        wide = response_id > 0x7FF
        mode = self.isotp.AddressingMode.Normal_29bits if wide else self.isotp.AddressingMode.Normal_11bits
        inbox = []
        stack = self.isotp.TransportLayerLogic(
            rxfn=lambda timeout: inbox.pop(0) if inbox else None,
            txfn=lambda m: self.on_bus.append((response_id | (KEY_EXTENDED if wide else 0), bytes(m.data))),
            address=self.isotp.Address(mode, txid=response_id, rxid=request_id),
            params={"stmin": 0, "tx_padding": 0},
        )
        stack.inbox = inbox
        return stack

    def send(self, bus, key, data):
        if self.dead:
            raise BusError(f"{bus}: is down")
        assert len(data) == 8
        self.sent.append((key, data))
        number = key & 0x1FFFFFFF
        for request_id, _, stack in self.stacks:
            if number in (request_id, self.all_id):
                stack.inbox.append(
                    self.isotp.CanMessage(arbitration_id=request_id, data=data, extended_id=number > 0x7FF)
                )

    def ask(self, name="q", dry_run=False):
        q = self.questions[name]
        self.client.take(
            Ask(t_ns=self.t_ns, bus=q.bus, name=name, request_id=q.request_id, service=q.service,
                identifier=q.identifier, dry_run=dry_run)
        )  # fmt: skip

    def run(self, ms=1, step_ms=1):
        """Time goes by; what the client says meanwhile."""
        said = []
        for _ in range(ms // step_ms):
            self.t_ns += step_ms * MS
            for request_id, _, stack in self.stacks:
                stack.process(0)
                if stack.available():
                    asked = bytes(stack.recv())
                    found = self.answers(request_id, asked)
                    for one in found if isinstance(found, list) else [found]:
                        if one is not None:
                            stack.send(one)
                            for _ in range(3):
                                stack.process(0)
            while self.on_bus:
                key, data = self.on_bus.pop(0)
                self.hear(key, data)
                for _, _, stack in self.stacks:
                    stack.process(0)
            said += self.client.poll(self.t_ns)
        return said

    def hear(self, key, data, bus="can0"):
        flags = EXTENDED if key & KEY_EXTENDED else 0
        return self.client.hear(bus, frames([self.t_ns], [key & 0x1FFFFFFF], [flags], [0], [data])).tolist()


def question(**options):
    return Question(**{"name": "q", "bus": "can0", "service": 0x01, "identifier": 0x0C, **options})


RPM = bytes.fromhex("410C1AF8")


def test_a_short_answer():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: RPM if asked == b"\x01\x0c" else None)
    car.ask()
    (answer,) = car.run(20)
    assert (answer.name, answer.source, answer.what, answer.value, answer.unit, answer.reason) == (
        "q", "7E8", "engine speed", 1726.0, "rpm", "",
    )  # fmt: skip
    assert car.sent == [(0x7E0, bytes.fromhex("02010CCCCCCCCCCC"))]
    assert car.run(2000, 100) == []


def test_a_long_answer_takes_one_flow_control():
    vin = b"WVWZZZ1JZ3W386752"
    asked = question(service=0x22, identifier=0xF190, request_id=0x7E0)
    car = Car([asked], lambda ecu, request: b"\x62\xf1\x90" + vin)
    car.ask()
    (answer,) = car.run(50)
    assert bytes.fromhex(answer.text) == vin
    assert answer.value is None  # no number of 17 bytes
    assert car.sent[1:] == [(0x7E0, bytes.fromhex("300000CCCCCCCCCC"))]


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ({}, 0x8001FF), ({"signed": True}, 0x8001FF - (1 << 24)), ({"first_byte": 1, "bytes": 1}, 1.0),
        ({"bytes": 2, "scale": 0.5, "offset": -10.0}, 0x8001 * 0.5 - 10),
    ],
)  # fmt: skip
def test_the_bytes_of_a_data_identifier_make_a_value(options, value):
    asked = question(service=0x22, identifier=0x0101, request_id=0x7E0, unit="V", **options)
    car = Car([asked], lambda ecu, request: bytes.fromhex("6201018001FF"))
    car.ask()
    (answer,) = car.run(20)
    assert (answer.value, answer.unit, answer.text) == (value, "V", "80 01 FF")


def test_too_few_bytes_are_no_value():
    asked = question(service=0x22, identifier=0x0101, request_id=0x7E0, first_byte=2, bytes=2)
    car = Car([asked], lambda ecu, request: bytes.fromhex("6201018001FF"))
    car.ask()
    (answer,) = car.run(20)
    assert answer.value is None
    assert "too few" in answer.reason


def test_all_ecus_are_asked_and_each_answer_is_told():
    ids = ((0x7E0, 0x7E8), (0x7E2, 0x7EA))
    car = Car(
        [question(identifier=0)],
        lambda ecu, asked: bytes([0x41, 0, 0xBE, 0x1F, 0xA8, ecu & 0xFF]),
        answer_ids=ids,
    )
    car.ask()
    said = car.run(300)
    assert [(answer.source, answer.what) for answer in said] == [
        ("7E8", "supported PIDs 01 to 20"), ("7EA", "supported PIDs 01 to 20"),
    ]  # fmt: skip
    assert {key for key, _ in car.sent} == {0x7DF}


def test_29_bit_ids_and_trouble_codes():
    wide = ((0x18DA10F1, 0x18DAF110),)
    codes = bytes.fromhex("5902FF") + bytes.fromhex("0420002F 04210024 C1000008".replace(" ", ""))
    asked = question(service=0x19, identifier=0x08, request_id=0x18DB33F1)
    car = Car(
        [asked],
        lambda ecu, request: codes if request == b"\x19\x02\x08" else None,
        answer_ids=wide,
        all_id=0x18DB33F1,
    )
    car.ask()
    (answer,) = car.run(300)
    assert (answer.source, answer.value) == ("18DAF110", 3.0)
    assert [one.split()[0] for one in answer.text.split("; ")] == ["P0420", "P0421", "U0100"]
    assert [key for key, _ in car.sent] == [0x18DB33F1 | KEY_EXTENDED, 0x18DA10F1 | KEY_EXTENDED]


def test_a_refusal_is_told_and_pending_is_waited_for():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: bytes.fromhex("7F0122"))
    car.ask()
    (answer,) = car.run(20)
    assert (answer.value, answer.reason, answer.source) == (None, "conditions not correct", "7E8")

    car = Car([question(request_id=0x7E0)], lambda ecu, asked: bytes.fromhex("7F0178"))
    car.ask()
    assert car.run(3000, 10) == []
    car.on_bus.append((0x7E8, b"\x04" + RPM))
    (answer,) = car.run(10)
    assert answer.value == 1726.0


def test_an_ecu_that_promises_for_ever_is_given_up():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: None)
    car.ask()
    said = []
    for _ in range(70):
        car.on_bus.append((0x7E8, bytes.fromhex("037F0178")))
        said += car.run(100, 100)
    (answer,) = said
    assert answer.reason == f"no answer within {LIMIT_NS / 1e9:.1f} s"


def test_silence_and_a_broken_answer_are_told():
    car = Car([question(request_id=0x7E0), question(name="all")], lambda ecu, asked: None)
    car.ask()
    (answer,) = car.run(2 * P2_NS // MS, 10)
    assert answer.reason == "no answer within 1.0 s"
    car.ask("all")
    (answer,) = car.run(2 * P2_ALL_NS // MS, 10)
    assert answer.reason == "no answer within 0.2 s"
    car.ask()
    car.on_bus.append((0x7E8, bytes.fromhex("1014410C01020304")))
    (answer,) = car.run(3000, 10)
    assert answer.reason == "no whole answer: it broke off"
    car.ask()
    car.on_bus += [(0x7E8, bytes.fromhex("1014410C01020304")), (0x7E8, bytes.fromhex("2201020304050607"))]
    (answer,) = car.run(3000, 10)
    assert answer.reason == "no whole answer: wrong sequence number"


def test_answers_to_others_are_passed_over():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: None)
    assert car.hear(0x7E8, b"\x04" + RPM) == [True]  # but they are no sign of a bus awake
    assert car.hear(0x123, b"\x04" + RPM) == [False]
    assert car.hear(0x7E8, b"\x04" + RPM, bus="can1") == [False]
    assert car.run(5) == []
    car.ask()
    for data in ("03410D50", "0562F19041", "037F2231", "02", "FFFFFFFF", ""):
        car.hear(0x7E8, bytes.fromhex(data))
    car.hear(0x7E9, b"\x04" + RPM)
    car.hear(0x7E8, b"\x04" + RPM, bus="can1")
    assert car.run(5) == []
    car.hear(0x7E8, b"\x04" + RPM)
    assert [answer.value for answer in car.run(5)] == [1726.0]


def test_nothing_is_sent_of_itself_nor_in_a_dry_run():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: RPM)
    car.ask(dry_run=True)
    car.hear(0x7E8, bytes.fromhex("1014410C01020304"))  # nobody of us asked
    car.run(100)
    assert car.sent == []


def test_a_flood_of_first_frames_is_answered_once():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: None)
    car.ask()
    for _ in range(50):
        car.hear(0x7E8, bytes.fromhex("1014410C01020304"))
        car.hear(0x7E8, bytes.fromhex("037F0178"))  # and it promises one more
    assert len(car.sent) == 2


def test_a_flood_of_answers_is_one_answer_and_prolongs_nothing():
    car = Car([question()], lambda ecu, asked: None)
    car.ask()
    said = []
    for _ in range(50):
        car.hear(0x7E8, b"\x04" + RPM)
        car.hear(0x7E8, bytes.fromhex("037F0178"))
        said += car.run(10)
    car.ask()
    car.hear(0x7E8, b"\x04" + RPM)
    assert len(said + car.run(1)) == 2


def test_a_long_answer_to_another_tester_is_not_told_to_go_on():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: None)
    car.ask()
    car.hear(0x7E8, bytes.fromhex("100A62F190010203"))
    car.hear(0x7E8, bytes.fromhex("2104050607"))
    assert len(car.sent) == 1
    car.hear(0x7E8, bytes.fromhex("1014410C01020304"))
    assert len(car.sent) == 2


def test_one_ecu_of_all_that_were_asked_is_told_to_go_on_under_its_own_id():
    asked = question(service=0x22, identifier=0xF190, response_id=0x7E8)
    car = Car([asked], lambda ecu, request: b"\x62\xf1\x90" + bytes(30))
    car.ask()
    assert len(car.run(50)) == 1
    assert [key for key, _ in car.sent] == [0x7DF, 0x7E0]


@pytest.mark.parametrize("size", [8, 9, 129, 4092])
def test_a_data_identifier_of_any_length(size):
    """Some 128 bytes are more than a float can hold."""
    asked = question(service=0x22, identifier=0xF190, request_id=0x7E0)
    car = Car([asked], lambda ecu, request: b"\x62\xf1\x90" + b"\xff" * size)
    car.ask()
    (answer,) = car.run(1500)
    assert len(bytes.fromhex(answer.text)) == size
    assert (answer.value is None) is (size > 8)


def test_a_second_question_waits_for_the_first():
    car = Car([question(request_id=0x7E0), question(name="b", identifier=0x0D)], lambda ecu, asked: None)
    car.ask()
    car.ask("b")
    (answer,) = car.run(10)
    assert (answer.name, answer.reason) == ("b", "the last question is not finished")
    assert len(car.sent) == 1


def test_a_bus_that_is_gone_is_told():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: RPM)
    car.dead = True
    car.ask()
    (answer,) = car.run(1)
    assert answer.reason == "can0: is down"


@pytest.mark.parametrize(
    ("questions", "words"),
    [
        ([question(), question()], "same name"),
        ([question(request_id=0x79B)], "say response_id"),
        ([question(response_id=0x7BB)], "say its own request_id"),
        ([question(period_s=0.0)], "period_s"),
    ],
)
def test_questions_that_cannot_be_asked(questions, words):
    with pytest.raises(ConfigError, match=words):
        Client(questions, lambda *_: None)


def test_own_ids_need_the_answering_id():
    asked = question(service=0x22, identifier=7, request_id=0x79B, response_id=0x7BB)
    car = Car([asked], lambda ecu, request: b"\x62\0\x07" + bytes(30), answer_ids=((0x79B, 0x7BB),))
    car.ask()
    assert [answer.source for answer in car.run(50)] == ["7BB"]
    assert {key for key, _ in car.sent} == {0x79B}
    assert answers_to([question()]) == {(0x7E8, 0x9FFFFFF8)}


def test_an_answer_that_contradicts_the_standard_is_told():
    car = Car([question(request_id=0x7E0)], lambda ecu, asked: b"\x41\x0c\x1a")
    car.ask()
    (answer,) = car.run(2000, 10)
    assert answer.reason == "no whole answer: PID 0C has 2 bytes, not 1"


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.sampled_from([0x7E8, 0x7E9, 0x7EF, 0x123]), st.binary(max_size=8)), max_size=40))
def test_whatever_ecus_say(rows):
    """At most one flow control for each ECU; every exchange ends."""
    sent = []
    client = Client([question()], lambda bus, key, data: sent.append(key))
    again = Ask(t_ns=0, bus="can0", name="q", request_id=0x7DF, service=1, identifier=0x0C, dry_run=False)
    client.take(again)
    for i, (number, data) in enumerate(rows):
        client.hear("can0", frames([i * MS], [number], [0], [0], [data]))
    client.poll(2 * LIMIT_NS)
    assert len(sent) <= 1 + 8
    client.take(msgspec.structs.replace(again, t_ns=3 * LIMIT_NS))
    assert client.poll(3 * LIMIT_NS) == []
