"""Real DBC files, and drawn ones, against cantools and canmatrix."""

import logging
import warnings
from pathlib import Path

import cantools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.can.dbc import parse_dbc, read_database, read_dbc
from edge.can.frames import KEY_EXTENDED

canmatrix = pytest.importorskip("canmatrix.formats")
opendbc = pytest.importorskip("opendbc")

OPENDBC = Path(opendbc.__file__).parent / "dbc"
FILES = sorted(OPENDBC.rglob("*.dbc"))
REAL = Path(__file__).parents[3] / "shared" / "data" / "can"
CODECS = {"UTF-8": "utf-8", "UTF-8 with byte order mark": "utf-8-sig", "GB 18030": "gb18030"}


def key_of(message):
    return message.frame_id | (KEY_EXTENDED if message.is_extended_frame else 0)


def attributes(theirs):
    """Of a message or signal of cantools, enumerations by name as ours are."""
    named = {}
    for name, attribute in (theirs.dbc.attributes or {}).items():
        choices = attribute.definition.choices
        is_enum = attribute.definition.type_name == "ENUM"
        named[name] = choices[attribute.value] if is_enum and choices else attribute.value
    return named


def assert_equal(ours, theirs):
    """All that both know of a file."""
    definitions = theirs.dbc.attribute_definitions
    start = definitions.get("GenSigStartValue")
    known = {key_of(message): message for message in theirs.messages}
    assert set(ours.messages) == set(known)
    for key, message in known.items():
        mine = ours.messages[key]
        assert (mine.name, mine.length, mine.comment) == (message.name, message.length, message.comment)
        assert (mine.cycle_ms or 0) == (message.cycle_time or 0)
        assert set(mine.senders) == set(message.senders) - {"Vector__XXX"}
        assert mine.is_fd == bool(message.is_fd)
        assert mine.attributes == attributes(message)
        if message.protocol == "j1939":
            parts = cantools.j1939.frame_id_unpack(message.frame_id)
            specific = parts.pdu_specific if parts.pdu_format >= 240 else 0
            assert mine.pgn == cantools.j1939.pgn_pack(
                parts.reserved, parts.data_page, parts.pdu_format, specific
            )
        signals = {signal.name: signal for signal in message.signals}
        assert {signal.name for signal in mine.signals} == set(signals)
        for signal in mine.signals:
            other = signals[signal.name]
            little_endian = other.byte_order == "little_endian"
            assert (signal.start, signal.length, signal.little_endian, signal.signed, signal.is_float) == (
                other.start, other.length, little_endian, other.is_signed, other.is_float,
            ), f"{message.name}.{signal.name}"  # fmt: skip
            assert (signal.scale, signal.offset, signal.unit) == (other.scale, other.offset, other.unit or "")
            assert signal.choices == {raw: str(name) for raw, name in (other.choices or {}).items()}
            assert (signal.comment, list(signal.receivers)) == (other.comment, other.receivers)
            assert signal.attributes == attributes(other)
            default = start.default_value if start else None
            assert signal.initial_raw == (default if other.raw_initial is None else other.raw_initial)
            limits = (other.minimum, other.maximum)
            believed = None not in limits and limits[0] < limits[1]
            assert (signal.minimum, signal.maximum) == (limits if believed else (None, None))
            chosen_by = signal.chosen_by or (None, ())
            assert chosen_by[0] == other.multiplexer_signal
            values = {value for low, high in chosen_by[1] for value in range(low, high + 1)}
            assert values == set(other.multiplexer_ids or ())
    nodes = {node.name: node.comment for node in theirs.nodes}
    assert {node.name: node.comment for node in ours.nodes} == nodes
    assert ours.version == (theirs.version or "")
    for name, definition in definitions.items():
        mine = ours.definitions[name]
        assert (mine.type, list(mine.choices)) == (definition.type_name, definition.choices or [])
        if definition.type_name != "ENUM" or definition.default_value in mine.choices:
            assert mine.default == definition.default_value


def loaded_by_cantools(path, encoding):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cantools.database.load_file(path, strict=False, encoding=CODECS.get(encoding, "cp1252"))
        except (cantools.database.Error, ValueError):
            return None


def compared(files):
    """How many signals were compared."""
    count = 0
    for path in files:
        ours = read_dbc(path, cache=False)
        theirs = loaded_by_cantools(path, ours.encoding)
        if theirs is None or path.name == "vw_pq.dbc":  # it has a multiplexer that is not marked as one
            continue
        assert_equal(ours, theirs)
        count += sum(len(message.signals) for message in ours.messages.values())
    return count


def test_every_file_of_opendbc_loads():
    assert len(FILES) > 90
    for path in FILES:
        database = read_dbc(path, cache=False)
        sources = any("IMPORT" in defect for defect in database.defects)
        assert database.messages or sources, path.name


def test_files_of_opendbc_say_what_cantools_reads_in_them():
    assert compared(FILES[::5]) > 2_000


@pytest.mark.slow
def test_all_files_of_opendbc_say_what_cantools_reads_in_them():
    assert compared(FILES) > 24_000


def test_real_files_say_what_cantools_reads_in_them(real):
    assert compared(sorted(real.glob("*/*.dbc"))) > 400


@pytest.mark.parametrize("name", ["FORD_CADS", "hyundai_2015_ccan", "vw_mqb", "ESR"])
def test_signals_lie_where_canmatrix_sees_them(name):
    logging.getLogger("canmatrix").setLevel(logging.CRITICAL)
    ours = read_dbc(OPENDBC / f"{name}.dbc", cache=False)
    compared = 0
    for frame in canmatrix.loadp_flat(str(OPENDBC / f"{name}.dbc")).frames:
        if frame.name == "VECTOR__INDEPENDENT_SIG_MSG":
            continue
        mine = ours.messages[frame.arbitration_id.id | frame.arbitration_id.extended << 31]
        assert (mine.name, mine.length) == (frame.name, frame.size)
        signals = {signal.name: signal for signal in mine.signals}
        for theirs in frame.signals:
            signal = signals[theirs.name]
            start = theirs.start_bit if theirs.is_little_endian else theirs.get_startbit(bit_numbering=1)
            assert (signal.start, signal.length, signal.little_endian, signal.signed) == (
                start, theirs.size, theirs.is_little_endian, theirs.is_signed,
            )  # fmt: skip
            assert (signal.scale, signal.offset) == (float(theirs.factor), float(theirs.offset))
            compared += 1
    assert compared > 200


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,12}", fullmatch=True).map(lambda name: f"{name}x")
TEXTS = st.text("abc ;:|@'\n()[]BO_ SG_ 1.5\u00b0\u00e4\u91cc", max_size=25)


@st.composite
def whole_files(draw):
    """A file with every kind of statement that cantools reads."""
    nodes = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    lines = [f'VERSION "{draw(NAMES)}"', "", "NS_ :", "\tCM_", "\tBA_", "", "BS_:", f"BU_: {' '.join(nodes)}"]
    keys = st.one_of(st.integers(0, 0x7FF), st.integers(0, 0x1FFFFFFF).map(lambda id: id | KEY_EXTENDED))
    said, names = [], draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    for name, key in zip(names, draw(st.lists(keys, min_size=3, max_size=3, unique=True)), strict=False):
        lines += ["", f"BO_ {key} {name}: 8 {draw(st.sampled_from([*nodes, 'Vector__XXX']))}"]
        for number, signal in enumerate(draw(st.lists(NAMES, max_size=4, unique=True))):
            sign, order = draw(st.sampled_from("+-")), draw(st.integers(0, 1))
            start = 16 * number if order else 16 * number + 7
            scale, offset = draw(st.sampled_from(["1", "0.5", "-2", "1E-3"])), draw(st.integers(-50, 50))
            low, high = sorted(draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9))))
            lines.append(
                f" SG_ {signal} : {start}|{draw(st.integers(1, 16))}@{order}{sign} ({scale},{offset})"
                f' [{low}|{high}] "{draw(st.sampled_from(["", "km/h", "%"]))}" {",".join(nodes)}'
            )
            if draw(st.booleans()):
                said.append(f'CM_ SG_ {key} {signal} "{draw(TEXTS)}";')
            if draw(st.booleans()):
                said.append(f'VAL_ {key} {signal} 0 "{draw(TEXTS)}" 1 "on" ;')
            if draw(st.booleans()):
                said.append(f'BA_ "GenSigStartValue" SG_ {key} {signal} {draw(st.integers(-3, 99))};')
        if draw(st.booleans()):
            said.append(f'CM_ BO_ {key} "{draw(TEXTS)}";')
        if draw(st.booleans()):
            said.append(f'BA_ "GenMsgCycleTime" BO_ {key} {draw(st.integers(0, 1000))};')
        if draw(st.booleans()):
            said.append(f'BA_ "VFrameFormat" BO_ {key} {draw(st.integers(0, 3))};')
        if draw(st.booleans()):
            said.append(f"BO_TX_BU_ {key} : {','.join(nodes)};")
    said += [f'CM_ BU_ {nodes[0]} "{draw(TEXTS)}";', f'BA_ "Odd" "{draw(TEXTS)}";']
    definitions = [
        'BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;', 'BA_DEF_ SG_ "GenSigStartValue" FLOAT 0 100;',
        'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","StandardCAN_FD","J1939PG";',
        'BA_DEF_ "Odd" STRING ;', f'BA_DEF_DEF_ "GenMsgCycleTime" {draw(st.integers(0, 100))};',
        'BA_DEF_DEF_ "GenSigStartValue" 0;', 'BA_DEF_DEF_ "VFrameFormat" "StandardCAN";',
        'BA_DEF_DEF_ "Odd" "";',
    ]  # fmt: skip
    said = draw(st.permutations(said))
    return "\n".join([*lines, "", *definitions, *said, ""])


@given(whole_files())
@settings(max_examples=40, deadline=None)
def test_drawn_files_say_what_cantools_reads_in_them(text):
    theirs = cantools.database.load_string(text, "dbc", strict=False)
    ours = parse_dbc(text)
    assert not [defect for defect in ours.found if defect.loses]
    for message in theirs.messages:  # J1939 has 29 bits
        if not message.is_extended_frame:
            message.protocol = None
    assert_equal(ours, theirs)


KCD = """<?xml version="1.0" encoding="UTF-8"?>
<NetworkDefinition xmlns="http://kayak.2codeornot2code.org/1.0">
 <Document name="x" version="1" author="x" company="x" date="x"/>
 <Node id="1" name="ECU"/>
 <Bus name="Motor">
  <Message id="0x123" name="ABC" length="8" interval="20">
   <Producer><NodeRef id="1"/></Producer>
   <Signal name="SPEED" offset="3" length="13">
    <Value slope="0.1" intercept="-4" unit="km/h" type="signed"/>
   </Signal>
   <Signal name="BIG" offset="20" length="16" endianess="big"/>
   <Multiplex name="MUX" offset="40" length="4">
    <MuxGroup count="0"><Signal name="A" offset="48" length="8"/></MuxGroup>
    <MuxGroup count="2"><Signal name="B" offset="48" length="8"/></MuxGroup>
   </Multiplex>
   <Signal name="MODE" offset="60" length="2"><LabelSet><Label name="off" value="0"/></LabelSet></Signal>
  </Message>
  <Message id="0x1ABCDE" name="LONG" format="extended" length="2"><Signal name="X" offset="0"/></Message>
 </Bus>
</NetworkDefinition>
"""
SYM = """FormatVersion=6.0 // Do not edit this line!
Title="x"

{ENUMS}
Enum=Mode(0="off", 1="on")

{SIGNALS}
Sig=Left unsigned 16 /f:0.01 /u:km/h
Sig=Right signed 12 -m

{SENDRECEIVE}

[Wheels]
ID=1A0h
Type=Standard
Len=8
CycleTime=50
Var=State unsigned 40,2 /e:Mode
Sig=Left 0
Sig=Right 20
"""


@pytest.mark.parametrize("wrong", ['slope="nan"', 'slope="inf"', 'slope="1" intercept="nan"'])
def test_a_scale_or_offset_that_is_no_number_costs_its_signal(tmp_path, wrong):
    path = tmp_path / "x.kcd"
    path.write_text(KCD.replace('slope="0.1" intercept="-4"', wrong))
    database = read_database(path)
    assert [s.name for s in database.messages[0x123].signals if s.name in ("SPEED", "BIG")] == ["BIG"]
    assert "SPEED" in database.defects[0]


@pytest.mark.parametrize(("suffix", "text"), [(".kcd", KCD), (".sym", SYM), (".KCD", KCD)])
@pytest.mark.parametrize("seed", range(3))
def test_other_formats_decode_as_cantools_decodes_them(tmp_path, suffix, text, seed):
    import random

    from edge.can.decode import decoder

    path = tmp_path / f"x{suffix}"
    path.write_text(text)
    ours = read_database(path)
    theirs = cantools.database.load_file(path, strict=False)
    assert set(ours.messages) == {key_of(message) for message in theirs.messages}
    compared = 0
    for message in theirs.messages:
        mine = ours.messages[key_of(message)]
        assert (mine.name, mine.cycle_ms) == (message.name, message.cycle_time)
        assert {s.name for s in mine.signals} == {s.name for s in message.signals}
        names = [signal.name for signal in mine.signals]
        chance = random.Random(seed)
        for _ in range(20):
            data = chance.randbytes(message.length)
            try:
                expected = message.decode(data, decode_choices=False)
            except cantools.database.DecodeError:  # no group for that value of the multiplexer
                continue
            values = decoder(mine, names)(data)
            assert {n: v for n, v in zip(names, values, strict=True) if v is not None} == expected
            compared += 1
    assert compared
