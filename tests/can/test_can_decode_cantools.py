"""The decoder against cantools, on random databases and on all real logs."""

import struct

import can
import cantools
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.can.dbc import parse_dbc, read_dbc
from edge.can.decode import Decoder, decoder, names
from edge.can.frames import EXTENDED, concat, frames
from edge.can.logs.reader import read_log

ENGINES = ("python", "pairs", "grouped")
SCALES = (
    "1", "2", "0.01", "0.1", "-1", "-0.5", "1E-05", "0.0573", "1.0", "3.0", "100", "1e3", "-7", "1048577",
    "9007199254740993", "0.3333333333333333", "1e-300", "1e250",
)  # fmt: skip
OFFSETS = (
    "0",
    "-40",
    "0.5",
    "-18.375",
    "1000",
    "0.0",
    "-0.0",
    "9007199254740993",
    "-9223372036854775808",
    "1e19",
)


def bits(number):
    number = float(number)
    return "nan" if number != number else struct.pack("<d", number)


@st.composite
def signal_texts(draw, name, size, taken, mux=""):
    floating = draw(st.sampled_from([0, 0, 0, 0, 16, 32, 64]))
    room = size * 8
    length = floating if 0 < floating <= room else draw(st.integers(1, min(64, room)))
    first = draw(st.integers(0, room - length))
    if draw(st.booleans()):
        first = first // 8 * 8
    little = draw(st.booleans())
    start = first if little else first // 8 * 8 + 7 - first % 8
    place = {first + i if little else (first + i) ^ 7 for i in range(length)}
    if place & taken:  # cantools cannot decode some signals that overlap
        return None, 0
    taken |= place
    is_float = length == floating
    sign = "-" if is_float else draw(st.sampled_from("+-"))
    scale, offset = draw(st.sampled_from(SCALES)), draw(st.sampled_from(OFFSETS))
    text = f' SG_ {name} {mux} : {start}|{length}@{int(little)}{sign} ({scale},{offset}) [0|0] "u" X'
    return text, is_float and length


@st.composite
def databases(draw):
    """The text of a DBC file; every value of a multiplexer chooses something, else cantools refuses it."""
    lines, kinds = ['VERSION ""', "BS_:", "BU_: X"], []
    for number in range(draw(st.integers(1, 4))):
        size = draw(st.sampled_from([1, 2, 5, 8, 8, 8, 8, 12, 64, 64]))
        key = 0x100 + number if draw(st.booleans()) else 0x80000000 | 0x18FF0000 + number
        lines.append(f"BO_ {key} M{number}: {size} X")
        taken = set()
        kind = draw(st.sampled_from(["", "", "simple", "extended"])) if size > 4 else ""
        if kind:
            taken |= {0, 1, *range(8, 24)}
            lines.append(' SG_ MUX M : 0|2@1+ (1,0) [0|0] "" X')
            nested = kind == "extended" and draw(st.booleans())
            for i in range(4):
                own = "m1M" if nested and i == 1 else f"m{i}"
                length = 2 if nested and i == 1 else draw(st.integers(1, 8))
                scale = 1 if nested and i == 1 else draw(st.sampled_from(SCALES))
                lines.append(f' SG_ any{i} {own} : 8|{length}@1+ ({scale},0) [0|0] "" X')
                if kind == "extended":
                    values = "0-0, 0-0" if i == 0 else f"{i}-{i}"
                    kinds.append(f"SG_MUL_VAL_ {key} any{i} MUX {values};")
            if nested:
                for i, values in enumerate(("0-1", "2-2, 3-3", "1-3")):
                    sign = draw(st.sampled_from("+-"))
                    lines.append(f' SG_ deep{i} m{i} : {10 + i * 4}|{2 + i}@1{sign} (0.5,{i}) [0|0] "" X')
                    kinds.append(f"SG_MUL_VAL_ {key} deep{i} any1 {values};")
        for name in draw(st.lists(st.sampled_from("ABCDEFGHIJ"), unique=True, max_size=8)):
            mux = f"m{draw(st.integers(0, 3))}" if kind == "simple" and draw(st.booleans()) else ""
            text, floating = draw(signal_texts(name, size, taken, mux))
            if text:
                lines.append(text)
                if floating:
                    kinds.append(f"SIG_VALTYPE_ {key} {name} : {2 if floating == 64 else 1};")
                elif draw(st.booleans()):
                    kinds.append(f'VAL_ {key} {name} 0 "zero" 1 "one" -1 "minus" 255 "ff" ;')
    return "\n".join([*lines, *kinds, ""])


def judged(text, theirs, payloads):
    """Frames of all messages and what cantools says: {signal: (value, raw, name or value)} each."""
    batch, expected = [], []
    for message in theirs.messages:
        for payload in payloads(message):
            try:
                options = {"allow_truncated": True}
                scaled = message.decode(payload, decode_choices=False, **options)
                raw = message.decode(payload, decode_choices=False, scaling=False, **options)
                named = message.decode(payload, **options)
            except (cantools.database.DecodeError, KeyError):
                continue  # a multiplexer that is cut off
            flags = EXTENDED if message.is_extended_frame else 0
            batch.append(frames([0], [message.frame_id], [flags], [0], [payload]))
            expected.append({f"{message.name}.{k}": (v, raw[k], named[k]) for k, v in scaled.items()})
    return concat(batch), expected


def agree(found, signals, expected):
    rows = found.rows()
    ours = [{} for _ in expected]
    for i, s, value in zip(rows.frame.tolist(), rows.signal.tolist(), rows.value.tolist(), strict=True):
        ours[i][signals[s].name] = value
    for one, other in zip(ours, expected, strict=True):
        assert {n: bits(v) for n, v in one.items() if n in other} == {n: bits(v[0]) for n, v in other.items()}
        # what cantools leaves out does not fit in the frame
        assert all(value != value for name, value in one.items() if name not in other)
    for column in found.columns():
        signal = signals[column.signal]
        texts = names(signal.signal, column.raw)
        for i, raw, text in zip(column.frame.tolist(), column.raw.tolist(), texts, strict=True):
            if signal.name in expected[i]:
                _, their_raw, their_name = expected[i][signal.name]
                assert bits(raw) == bits(their_raw)
                assert type(raw) is float or raw == their_raw
                assert text == (str(their_name) if not isinstance(their_name, (int, float)) else None)


def compare(text, random):
    ours, theirs = parse_dbc(text), cantools.database.load_string(text, "dbc", strict=False)

    def payloads(message):
        size = message.length
        yield from (random.randbytes(size) for _ in range(3))
        yield from (b"\xff" * size, bytes(size), b"\x80" * size)
        if not message.is_multiplexed():
            yield from (random.randbytes(random.randrange(size)), (random.randbytes(size) + b"more")[:64])

    batch, expected = judged(text, theirs, payloads)
    decoding = Decoder([(ours, None)])
    for engine in ENGINES:
        agree(decoding.decode(batch, ["can0"], engine), decoding.signals, expected)
    keys = batch.keys().tolist()
    for i, key in enumerate(keys):
        message = ours.messages[key]
        one = decoder(message, [signal.name for signal in message.signals])(batch.payload(i))
        for signal, value in zip(message.signals, one, strict=True):
            name = f"{message.name}.{signal.name}"
            if value is None or name not in expected[i]:
                assert value is None or value != value
            else:
                assert bits(value) == bits(expected[i][name][0])


@pytest.mark.fuzz
@given(databases(), st.randoms(use_true_random=False))
def test_as_cantools_on_random_databases(text, random):
    compare(text, random)


def their_database(path):
    try:
        return cantools.database.load_file(path, strict=False)
    except cantools.database.UnsupportedDatabaseFormatError:
        # It wants the sections BS_ and BU_, which this file lacks.
        text = path.read_text(encoding="cp1252").replace("NS_DESC_", "NS_DESC_\nBS_:\nBU_:", 1)
        return cantools.database.load_string(text, "dbc", strict=False)


def judge_log(log, buses, described):
    """Every value of all engines is cantools'. Returns how many values and signals there were."""
    decoding = Decoder([(read_dbc(path), bus) for path, bus in described])
    peers = [(their_database(path), bus) for path, bus in described]
    by_bus = [
        {
            message.frame_id | message.is_extended_frame << 31: message
            for database, on in peers
            if on in (None, name)
            for message in database.messages
        }
        for name in buses
    ]
    expected, refused = [], []
    called = {signal.name: i for i, signal in enumerate(decoding.signals)}
    for i, (key, bus) in enumerate(zip(log.keys().tolist(), log.bus.tolist(), strict=True)):
        message = by_bus[bus].get(key)
        if message is None:
            continue
        try:
            decoded = message.decode(log.payload(i), decode_choices=False, allow_truncated=True)
        except cantools.database.DecodeError:
            assert message.is_multiplexed()  # by a value of which nothing is known, or cut off
            refused.append(i)
            continue
        expected += [(i, called[f"{message.name}.{name}"], float(value)) for name, value in decoded.items()]
    expected.sort()
    for engine in ENGINES:
        rows = decoding.decode(log, buses, engine).rows()
        there = ~np.isnan(rows.value) & ~np.isin(rows.frame, refused)
        assert rows.frame[there].tolist() == [i for i, _, _ in expected]
        assert rows.signal[there].tolist() == [signal for _, signal, _ in expected]
        theirs = np.array([value for _, _, value in expected], np.float64)
        np.testing.assert_array_equal(rows.value[there].view(np.uint64), theirs.view(np.uint64))
    return len(expected), len({signal for _, signal, _ in expected})


TOYOTA = (("powertrain.dbc", "can0"), ("adas.dbc", "can1"))
KONA = (("pcan.dbc", "can0"), ("bcan.dbc", "can1"))
J1939 = (("j1939_demo.dbc", None), ("tp_uds.dbc", None))


@pytest.mark.parametrize(
    ("path", "described", "values", "signals"),
    [
        ("toyota_rav4/drive.log.gz", TOYOTA, 387_651, 352),
        ("kona_ev/221217-1-2021-pcan-bcan-no-key.csv", KONA, 34_095, 129),
        ("kona_ev/230112-7-2019-pcan-ccan-power-off-on-ready-off.csv", KONA[:1], 154_091, 432),
        ("kona_ev/bms_idle.asc", KONA[:1], 1179, 43),
        ("j1939_truck/drive.mf4", J1939, 0, 0),
        ("j1939_truck/uds.mf4", J1939, 0, 0),
    ],
)
def test_every_value_of_a_real_log(real, path, described, values, signals):
    reader = read_log(real / path)
    log = concat(list(reader))
    files = [((real / path).parent / name, bus) for name, bus in described]
    assert judge_log(log, reader.buses, files) == (values, signals)


def test_j1939_as_asammdf_finds_it(real, tmp_path):
    """By parameter group from any source. asammdf leaves out all above FAFF: FB..FD, which are indicators and
    reserved, are numbers for us."""
    asammdf = pytest.importorskip("asammdf")
    dbc = real / "j1939_truck" / "j1939_demo.dbc"
    random = np.random.default_rng(5)
    tops = (b"\xff\xff", b"\x00\xfe", b"\xff\xfd", b"\x00\xfb", b"\xff\xfa")
    with can.MF4Writer(tmp_path / "truck.mf4") as writer:
        for i in range(300):
            data = bytearray(random.bytes(8))
            if i % 4 == 0:
                data[1:3] = data[3:5] = tops[i // 4 % len(tops)]
            group = (0xF004, 0xFEF1, 0xF003)[i % 3]
            key = int(random.integers(8)) << 26 | group << 8 | int(random.integers(256))
            writer(can.Message(1.6e9 + i / 100, key, data=data, channel=0))
    reader = read_log(tmp_path / "truck.mf4")
    log = concat(list(reader))
    decoding = Decoder([(read_dbc(dbc), None)])
    columns = list(decoding.decode(log, reader.buses).columns())
    assert len(columns) == 2
    with asammdf.MDF(tmp_path / "truck.mf4") as mdf:
        found = mdf.extract_bus_logging({"CAN": [(dbc, 0)]})
        for column in columns:
            theirs = {}  # it finds each frame twice
            for group, index in found.channels_db[decoding.signals[column.signal].signal.name]:
                signal = found.get(group=group, index=index)
                theirs |= dict(zip(signal.timestamps.tolist(), signal.samples.tolist(), strict=True))
            assert len(column.value) == 100
            assert column.value[column.raw <= 0xFAFF].tolist() == [theirs[t] for t in sorted(theirs)]
            assert np.isnan(column.value).tolist() == (column.raw >= 0xFE00).tolist()
