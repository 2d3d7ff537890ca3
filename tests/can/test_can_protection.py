import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import config
from edge.can.dbc import parse_dbc, read_dbc
from edge.can.frames import concat, frames
from edge.can.logs.reader import read_log
from edge.can.protection import Verdict, protection_of

GOOD, LENGTH, CHECKSUM, COUNTER = Verdict

DBC = """BO_ 100 M: 8 X
 SG_ COUNTER : 51|4@0+ (1,0) [0|15] "" X
 SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] "" X
 SG_ VALUE : 7|16@0+ (1,0) [0|65535] "" X
BO_ 101 COUNTED: 4 X
 SG_ COUNTER : 0|2@1+ (1,0) [0|3] "" X
BO_ 102 PLAIN: 8 X
 SG_ VALUE : 7|16@0+ (1,0) [0|65535] "" X
 SG_ LONG : 23|32@0+ (1,0) [0|0] "" X
BO_ 103 TESLA: 8 X
 SG_ T_Checksum : 56|8@1+ (1,0) [0|255] "" X
 SG_ T_Counter : 52|4@1+ (1,0) [0|15] "" X
"""


def vehicle(**settings):
    return config.convert({"title": "x", **settings}, config.Vehicle, "test")


def message(name):
    return parse_dbc(DBC).named(name)


def of(payloads, key=100):
    return frames(
        range(len(payloads)), [key] * len(payloads), [0] * len(payloads), [0] * len(payloads), payloads
    )


def both(make, payloads, key=100):
    """The verdicts of a rule, one at a time and together."""
    single, together = make(), make()
    one = [single.verdict(payload) for payload in payloads]
    assert together.verdicts(of(payloads, key)).tolist() == one
    return one


def test_what_is_protected():
    toyota = vehicle(maker="toyota")
    assert protection_of(message("M")) is None
    assert protection_of(message("M"), vehicle()) is None
    assert protection_of(message("M"), toyota) is not None
    assert protection_of(message("PLAIN"), toyota) is None
    none = vehicle(maker="toyota", protection={"M": {"kind": "none"}})
    assert protection_of(message("M"), none) is None
    tesla = protection_of(message("TESLA"), vehicle(maker="tesla"))
    assert tesla.verdict(tesla.fill(bytes(range(8)))) == GOOD
    assert protection_of(message("M"), vehicle(maker="tesla")) is None


def test_a_dbc_file_may_have_its_own_maker(tmp_path):
    path = tmp_path / "radar.dbc"
    path.write_text(DBC)
    database = read_dbc(path)
    asked = vehicle(maker="toyota", dbc=[{"file": "radar.dbc", "maker": "none"}])
    assert protection_of(database.named("M"), asked, database) is None
    asked = vehicle(dbc=[{"file": "somewhere/radar.dbc", "maker": "toyota"}])
    assert protection_of(database.named("M"), asked, database) is not None


@given(st.data())
@settings(max_examples=80, deadline=None)
def test_frames_count_as_in_opendbc(data):
    """Its rule: a right checksum, and fewer than 5 errors of the counter."""
    judges = pytest.importorskip("opendbc.can.dbc")
    parser = pytest.importorskip("opendbc.can.parser")
    rule = protection_of(message("M"), vehicle(maker="toyota"))
    steps = data.draw(
        st.lists(st.one_of(st.just(1), st.just(1), st.none(), st.integers(0, 15)), min_size=1, max_size=60)
    )
    counter, payloads = data.draw(st.integers(0, 15)), []
    theirs = parser.MessageState(100, "M", 8, [])
    theirs.counter = counter - 1 & 15  # ours begins with the first frame
    expected = []
    for place, step in enumerate(steps):
        counter = counter + (1 if step is None else step) * (place > 0) & 15
        payload = bytearray(b"\1\2\3\4\5\6" + bytes([counter, 0]))
        payload[7] = judges.toyota_checksum(100, None, payload)
        payload[0] ^= step is None
        payloads.append(bytes(payload))
        expected.append(theirs.update_counter(counter, 4) and step is not None)
    found = both(lambda: protection_of(message("M"), vehicle(maker="toyota")), payloads)
    assert [verdict == GOOD for verdict in found] == expected
    cut = data.draw(st.integers(0, len(payloads)))
    parts = [rule.check(of(part)) for part in (payloads[:cut], payloads[cut:])]
    assert np.concatenate(parts).tolist() == expected


def test_filled_frames_count_and_damaged_ones_do_not():
    for kind in ("toyota", "chrysler", "vw_pq", "icv", "nissan", "hyundai_7b"):
        make = lambda kind=kind: protection_of(message("M"), vehicle(protection={"M": {"kind": kind}}))  # noqa: E731
        sender = make()
        sent = [sender.fill(bytes([i, 2, 3, 4, 5, 6, 7, 8])) for i in range(20)]
        assert [payload[6] & 15 for payload in sent] == [i % 16 for i in range(20)]
        assert both(make, sent) == [GOOD] * 20
        assert both(make, [bytes([p[0], p[1] ^ 0x80, *p[2:]]) for p in sent]) == [CHECKSUM] * 20, kind
    kept = sender.fill(b"\0\0\0\0\0\0\5\xaa", {"COUNTER", "CHECKSUM"})
    assert kept == b"\0\0\0\0\0\0\5\xaa"


def test_a_frame_too_short_for_its_checksum_does_not_count():
    make = lambda: protection_of(message("M"), vehicle(maker="vw_pq"))  # noqa: E731
    good = make().fill(bytes(8))
    assert both(make, [good, good[:7], b"", good]) == [GOOD, LENGTH, LENGTH, GOOD]


def test_counter_alone():
    make = lambda: protection_of(message("COUNTED"), vehicle(maker="honda"))  # noqa: E731
    counts = [3, 0, 1, 1, 1, 1, 1, 1, 2, 3]
    expected = [GOOD] * 7 + [COUNTER] + [GOOD] * 2
    assert both(make, [bytes([c, 0, 0, 0]) for c in counts], 101) == expected


@pytest.mark.parametrize(
    ("kind", "more", "module"),
    [
        ("1A", {"data_id": 0x1234}, "p01"),
        ("1C", {"data_id": 0x1234, "offset_bytes": 4}, "p01"),
        ("2", {"data_ids": list(range(100, 116))}, "p02"),
        ("5", {"data_id": 0x1234, "offset_bytes": 3}, "p05"),
    ],
)
def test_e2e_by_config(kind, more, module):
    asked = vehicle(protection={"PLAIN": {"kind": kind, **more}})
    make = lambda: protection_of(message("PLAIN"), asked)  # noqa: E731
    judge = pytest.importorskip(f"e2e.{module}")
    check = getattr(judge, f"e2e_{module}_check")
    arguments = {"offset": more["offset_bytes"]} if "offset_bytes" in more else {}
    if kind == "1C":
        arguments["data_id_mode"] = judge.E2E_P01_DATAID_NIBBLE
    sender = make()
    sent = [sender.fill(bytes([i] * 8)) for i in range(40)]
    for payload in sent:
        assert check(bytearray(payload), more.get("data_id", bytes(more.get("data_ids", ()))), **arguments)
    first = GOOD if kind == "5" else COUNTER  # profiles 1 and 2 trust nobody at first sight
    assert both(make, sent, 102) == [first] + [GOOD] * 39
    damaged = [bytes([payload[0] ^ 1]) + payload[1:] for payload in sent]
    assert both(make, damaged, 102) == [CHECKSUM] * 40
    assert both(make, [*sent[:3], sent[2], sent[2], sent[10]], 102)[3:] == [COUNTER] * 3
    assert both(make, [sent[0][:7], sent[0] + b"\0"], 102) == [LENGTH] * 2


def test_profile_1_at_the_places_of_signals():
    text = DBC + 'BO_ 104 E: 8 X\n SG_ CRC : 16|8@1+ (1,0) [0|0] "" X\n SG_ CNT : 28|4@1+ (1,0) [0|0] "" X\n'
    given = {"kind": "1A", "data_id": 5, "checksum": "CRC", "counter": "CNT"}
    rule = protection_of(parse_dbc(text).named("E"), vehicle(protection={"E": given}))
    sent = [rule.fill(bytes(8)) for _ in range(3)]
    assert [payload[3] >> 4 for payload in sent] == [0, 1, 2]
    assert len({payload[2] for payload in sent}) == 3
    assert {payload[:2] + payload[4:] for payload in sent} == {bytes(6)}


def test_settings_that_cannot_be_are_told():
    for wrong, what in (
        ({"kind": "5"}, "needs a data_id"),
        ({"kind": "2", "data_ids": [1, 2]}, "16 numbers"),
        ({"kind": "toyota", "checksum": "CRC"}, "no signal CRC"),
        ({"kind": "toyota", "counter": "LONG"}, "at most 16"),
        ({"kind": "1A", "data_id": 1, "checksum": "VALUE"}, "8 bits in one byte"),
        ({"kind": "1A", "data_id": 70000}, "16 bits"),
        ({"kind": "5", "data_id": 1, "offset_bytes": 7}, "beyond"),
    ):
        with pytest.raises(config.ConfigError, match=re.escape("[protection.PLAIN]: ") + ".*" + what):
            protection_of(message("PLAIN"), vehicle(protection={"PLAIN": wrong}))


def test_a_real_toyota_counts(real):
    """All frames of a minute of driving whose messages have a checksum; the judge is opendbc's parser."""
    dbc = pytest.importorskip("opendbc.can.dbc")
    toyota = config.read(config.shipped("configs/vehicles/toyota_rav4.toml"), config.Vehicle)
    assert toyota.maker == "toyota"
    log = read_log(real / "toyota_rav4/drive.log.gz")
    batches = list(log)
    protected = 0
    for bus, name in ((0, "powertrain"), (1, "adas")):
        database = read_dbc(real / f"toyota_rav4/{name}.dbc")
        for message in database.messages.values():
            rule = protection_of(message, toyota, database)
            if rule is None:
                continue
            for batch in batches:
                found = batch[(batch.bus == bus) & (batch.id == message.id)]
                for i in range(0, len(found), 50):
                    payload = found.payload(i)
                    assert dbc.toyota_checksum(message.id, None, bytearray(payload)) == payload[-1]
                assert rule.check(found).all(), message.name
                protected += len(found)
                same = protection_of(message, toyota, database)
                assert all(same.verdict(found.payload(i)) == GOOD for i in range(0, min(len(found), 40)))
                assert all(a <= b for a, b in pairwise(found.t_ns.tolist()))
    assert protected > 40_000


def test_a_damaged_toyota_counts_where_opendbc_counts_it(real):
    """Bits turned over and frames lost; each frame is judged by opendbc's CANParser too."""
    parser = pytest.importorskip("opendbc.can.parser")
    toyota = config.read(config.shipped("configs/vehicles/toyota_rav4.toml"), config.Vehicle)
    log = read_log(real / "toyota_rav4/drive.log.gz")
    everything = concat(list(log))
    radar = everything[everything.bus == 1]
    database = read_dbc(real / "toyota_rav4/adas.dbc")
    random = np.random.default_rng(4)
    refused = 0
    for name in ("TRACK_A_0", "TRACK_A_7", "TRACK_B_8", "TRACK_B_15"):
        message = database.named(name)
        found = radar[radar.id == message.id]
        found = found[random.random(len(found)) > 0.2 * random.random()]
        data = found.data.copy()
        hit = np.flatnonzero(random.random(len(found)) < 0.1)
        data[hit, random.integers(0, message.length, len(hit))] ^= 1 << random.integers(
            0, 8, len(hit)
        ).astype(np.uint8)
        found = replace(found, data=data)
        judge = parser.CANParser("toyota_adas", [(name, 20)], 1).message_states[message.id]
        judge.counter = int(data[0, 0]) - 1 & 255
        expected = [judge.parse(1, found.payload(i)) for i in range(len(found))]
        assert protection_of(message, toyota, database).check(found).tolist() == expected
        rule = protection_of(message, toyota, database)
        assert [rule.verdict(found.payload(i)) == GOOD for i in range(len(found))] == expected
        refused += expected.count(False)
    assert refused > 200


@pytest.mark.parametrize(
    ("name", "kind", "checksum", "counter"),
    [
        ("Steering", "nibble_xor", "Checksum", "Counter"),
        ("VCU_109", "nibble_sum", "Checksum", "Counter"),
        ("SCU_10C", "nibble_sum", "Checksum", "Counter"),
        ("IEB_387_WHEEL", "hyundai_7b", "WHL_PUL_Chksum", "AliveCounterWHL_PUL"),
    ],
)
def test_a_real_kona_counts(real, name, kind, checksum, counter):
    """The judge is the car."""
    message = read_dbc(real / "kona_ev/pcan.dbc").named(name)
    given = {"kind": kind, "checksum": checksum, "counter": counter}
    log = read_log(real / "kona_ev/230112-7-2019-pcan-ccan-power-off-on-ready-off.csv")
    everything = concat(list(log))
    seen = set()
    for bus in range(len(log.buses)):
        found = everything[(everything.id == message.id) & (everything.bus == bus)]
        seen.update(found.payload(i) for i in range(len(found)))
        rule = protection_of(message, vehicle(protection={name: given}))
        assert rule.check(found).all()
    assert len(seen) > 3
    for payload in seen:
        damaged = bytes([payload[0] ^ 4]) + payload[1:]
        assert protection_of(message, vehicle(protection={name: given})).verdict(damaged) == CHECKSUM
