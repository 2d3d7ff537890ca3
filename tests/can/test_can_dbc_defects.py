"""What is wrong with a DBC file is told by line; what is no DBC file is told as such; nothing hangs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.can.dbc import DbcError, parse_dbc, pgn_of, read_dbc
from edge.can.dbc.text import decode

HEAD = 'BU_: ECU\nBO_ 256 A: 8 ECU\n SG_ S : 0|8@1+ (1,0) [0|0] "" ECU\n'  # three lines


def found(text):
    """Line, whether something is lost, and what, of a text after HEAD."""
    return [(defect.line, defect.loses, defect.what) for defect in parse_dbc(HEAD + text).found]


@pytest.mark.parametrize(
    ("text", "line", "loses", "what"),
    [
        (' SG_ T : 4|8@1+ (1,0) [0|0] "" X', 4, False, "T: overlaps S"),
        (' SG_ T : 3|8@0+ (1,0) [0|0] "" X', 4, False, "T: overlaps S"),
        (' SG_ T : 60|8@1+ (1,0) [0|0] "" X', 4, True, "beyond the 8 bytes"),
        (' SG_ T : 63|12@0+ (1,0) [0|0] "" X', 4, True, "beyond the 8 bytes"),
        (' SG_ T : 8|0@1+ (1,0) [0|0] "" X', 4, True, "0 bits from 8"),
        (' SG_ T : 8|65@1+ (1,0) [0|0] "" X', 4, True, "65 bits"),
        (' SG_ T : 8|8@1+ (0,0) [0|0] "" X', 4, True, "scale 0"),
        (' SG_ T : 8|8@1+ (1e999,0) [0|0] "" X', 4, True, "scale 1e999"),
        (' SG_ T : 8|8@1+ (1,0) [0|300] "" X', 4, False, "beyond what 8 bits hold"),
        (' SG_ T : 8|8@1+ (1,0) [9|2] "" X', 4, False, "[9|2] is no range"),
        (' SG_ S : 8|8@1+ (1,0) [0|0] "" X', 4, True, "twice"),
        (' SG_ 2nd : 8|8@1+ (1,0) [0|0] "" X', 4, False, "C identifier"),
        (' SG_ T\u00fcr : 8|8@1+ (1,0) [0|0] "" X', 4, False, "C identifier"),
        (' SG_ my name : 8|8@1+ (1,0) [0|0] "" X', 4, False, "C identifier"),
        (' SG_ T : 8|8@1+ (1,0) [0|0] "km X', 4, True, "unit that does not end"),
        (' SG_ T : 8|8@2+ (1,0) [0|0] "" X', 4, True, "not a signal"),
        (' SG_ T m1 : 8|8@1+ (1,0) [0|0] "" X', 4, True, "by 0 signals"),
        ("BO_ 256 B: 8 X", 4, True, "same id as A in line 2"),
        ("BO_ 257 A: 8 X", 4, False, "same name as in line 2"),
        ("BO_ 4096 B: 8 X", 4, False, "taken as extended"),
        ("BO_ 4000000000 B: 8 X", 4, True, "too many bits"),
        ("BO_ 257 B: 99999 X", 4, True, "99999 bytes"),
        ("BO_ 257 B: 12 X", 4, False, "12 bytes"),
        ("BO_ 257 8th: 8 X", 4, False, "C identifier"),
        ("BO_ 257 BO_: 8 X", 4, False, "keyword of the format as name"),
        ("BO_ nonsense", 4, True, "not a message"),
        ("\n\nWHAT_ 1 2;", 6, True, "no keyword of the format"),
        ('\nCM_ "open\nBO_ 257 B: 8 X', 5, False, "does not end"),
        ('CM_ SG_ 256 S "no end"\nBO_ 257 B: 8 X', 4, False, "no semicolon"),
        ('CM_ SG_ 256 T "x";', 4, True, "T, which A does not have"),
        ('CM_ BO_ 300 "x";', 4, True, "message 300, which there is not"),
        ('CM_ 256 "x";', 4, True, "not understood"),
        ('VAL_ 256 T 0 "x" ;', 4, True, "T, which A does not have"),
        ('VAL_ 300 S 0 "x" ;', 4, True, "of message 300"),
        ('VAL_ 256 S 0 "x" 256 "y" ;', 3, False, "names the value 256"),
        ('VAL_ 256 S 0 "x" 0 "y" ;', 4, False, "named twice"),
        ('VAL_ 256 S 0 "x" y "z" ;', 4, True, "not all of it"),
        ("VAL_ 256 S Table ;", 4, True, "Table: not defined"),
        ('BA_ "Made" BO_ 256 1;', 4, False, "Made: not defined"),
        ('BA_DEF_ BO_ "N" INT 0 9;\nBA_ "N" BO_ 256 x;', 5, True, "no value of it"),
        ("SIG_VALTYPE_ 256 S : 1;", 4, True, "a float of 8 bits"),
        ('CM_ "IMPORT other.dbc";', 4, True, "not followed"),
        ('BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN";\nBA_ "VFrameFormat" BO_ 256 1;',
         2, False, "id of 11 bits"),
    ],
)  # fmt: skip
def test_a_defect_is_told_by_line(text, line, loses, what):
    (defect,) = found(text + "\n")
    assert defect[:2] == (line, loses)
    assert what in defect[2]


MUX = HEAD + ' SG_ M M : 8|2@1+ (1,0) [0|0] "" X\n'


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (' SG_ A m0 : 16|8@1+ (1,0) [0|0] "" X\n SG_ B m1 : 16|8@1+ (1,0) [0|0] "" X\n', None),
        (' SG_ A m0 : 16|8@1+ (1,0) [0|0] "" X\n SG_ B m0 : 20|8@1+ (1,0) [0|0] "" X\n', "overlaps A"),
        (' SG_ A : 16|8@1+ (1,0) [0|0] "" X\n SG_ B m0 : 20|8@1+ (1,0) [0|0] "" X\n', "overlaps A"),
        (' SG_ A m4 : 16|8@1+ (1,0) [0|0] "" X\n', "A: never there"),
        (' SG_ A m0 : 16|8@1+ (1,0) [0|0] "" X\n SG_ B m0 : 16|8@1+ (1,0) [0|0] "" X\n'
         "SG_MUL_VAL_ 256 A M 0-1;\nSG_MUL_VAL_ 256 B M 1-2;\n", "overlaps A"),
        (' SG_ A m0 : 16|8@1+ (1,0) [0|0] "" X\n SG_ B m0 : 16|8@1+ (1,0) [0|0] "" X\n'
         "SG_MUL_VAL_ 256 A M 0-1;\nSG_MUL_VAL_ 256 B M 2-3;\n", None),
        (' SG_ A m0 : 16|8@1+ (1,0) [0|0] "" X\nSG_MUL_VAL_ 256 A NONE 0-1;\n', "NONE is unusable"),
        (' SG_ A m0M : 16|8@1+ (1,0) [0|0] "" X\nSG_MUL_VAL_ 256 A A 0-1;\n', "A is unusable"),
        (' SG_ A m0M : 16|8@1+ (1,0) [0|0] "" X\n SG_ B m1 : 24|8@1+ (1,0) [0|0] "" X\n'
         ' SG_ C m2 : 24|8@1+ (1,0) [0|0] "" X\nSG_MUL_VAL_ 256 A M 0-1;\nSG_MUL_VAL_ 256 B A 1-1;\n'
         "SG_MUL_VAL_ 256 C A 2-2;\n", None),
    ],
)  # fmt: skip
def test_multiplexed_signals_overlap_only_when_both_can_be_there(text, wrong):
    defects = parse_dbc(MUX + text).found
    assert [wrong in defect.what for defect in defects] == ([True] if wrong else [])


def test_nothing_else_is_touched_by_a_defect():
    database = parse_dbc(
        HEAD + 'CM_ SG_ 256 S "never ends\nBO_ 257 B: 8 X\n SG_ T : 0|8@1+ (1,0) [0|0] "" X\n'
        'VAL_ 256 S 0 "a" 1 "b"\nVAL_ 257 T 0 "c" ;  VAL_ 256 S 5 "e;f" ;\n'
    )
    assert [message.name for message in database.messages.values()] == ["A", "B"]
    assert database.named("A").signal("S").comment == "never ends"
    assert database.named("B").signal("T").choices == {0: "c"}
    assert database.named("A").signal("S").choices == {5: "e;f"}


def test_odd_but_meant():
    """Forms that strict readers refuse."""
    text = (
        "BU_: A\n  B\n\tC\n// a remark\nBO_ 1 X : 8 A\n"
        ' SG_ a:7|8@0-(1.5,-.5)[ -1 | 2.5 ]"\u00b0C"B , C\n'
        ' SG_ b : 8|8@1+ (1,0)\n   [0|0] "" B\n'
        ' SG_ long name m : 16|2@1+ (1,0) [0|0] "" B\n'
        " SG_ c : 24|8@1+ (1,0)\n"
    )
    message = parse_dbc(text).named("X")
    assert [s.name for s in message.signals] == ["a", "b", "long name", "c"]
    a, _, chooser, _ = message.signals
    assert (a.start, a.scale, a.offset, a.minimum, a.maximum, a.unit) == (7, 1.5, -0.5, -1, 2.5, "\u00b0C")
    assert a.receivers == ("B", "C")
    assert chooser.is_multiplexer
    assert [node.name for node in parse_dbc(text).nodes] == ["A", "B", "C"]


def test_long_names_replace_short_ones_everywhere():
    text = (
        MUX + ' SG_ A m1 : 16|8@1+ (1,0) [0|0] "" ECU\n'
        'BA_DEF_ SG_ "SystemSignalLongSymbol" STRING ;\nBA_DEF_ BO_ "SystemMessageLongSymbol" STRING ;\n'
        'BA_DEF_ BU_ "SystemNodeLongSymbol" STRING ;\n'
        'BA_ "SystemSignalLongSymbol" SG_ 256 M "The_very_long_name_of_the_multiplexer";\n'
        'BA_ "SystemMessageLongSymbol" BO_ 256 "The_very_long_name_of_the_message";\n'
        'BA_ "SystemNodeLongSymbol" BU_ ECU "The_unit";\nVAL_ 256 M 1 "one" ;\n'
    )
    database = parse_dbc(text)
    message = database.named("The_very_long_name_of_the_message")
    assert message.signal("A").chosen_by == ("The_very_long_name_of_the_multiplexer", ((1, 1),))
    assert message.signal("The_very_long_name_of_the_multiplexer").choices == {1: "one"}
    assert (message.sender, message.signal("A").receivers, database.nodes[0].name) == (
        "The_unit", ("The_unit",), "The_unit",
    )  # fmt: skip


def test_j1939_by_format_and_by_protocol():
    # PGN 61444 (EEC1) is broadcast; 0xEF00 (proprietary A) carries a destination, which is no part of it.
    text = (
        f"BO_ 2364540158 EEC1: 8 X\nBO_ {0x98EF17FE} PropA: 8 X\nBO_ 100 Plain: 8 X\n"
        'BA_DEF_ BO_ "VFrameFormat" ENUM "StandardCAN","ExtendedCAN","reserved","J1939PG";\n'
        'BA_DEF_ "ProtocolType" STRING ;\nBA_ "ProtocolType" "J1939";\n'
    )
    messages = parse_dbc(text).messages.values()
    assert [message.pgn for message in messages] == [61444, 0xEF00, None]
    told = text + 'BA_ "VFrameFormat" BO_ 2364540158 1;\nBA_ "VFrameFormat" BO_ 2565806078 3;\n'
    assert [message.pgn for message in parse_dbc(told).messages.values()] == [None, 0xEF00, None]
    assert pgn_of(0x0CF00400) == 61444
    assert pgn_of(0x18EF21F9) == pgn_of(0x18EF00FE) == 0xEF00
    assert pgn_of(0x1DFFFFFF) == 0x1FFFF


@pytest.mark.parametrize(
    ("encoding", "text", "name"),
    [
        ("ascii", "deg", "ASCII"),
        ("utf-8", "\u00b0C \u91cc", "UTF-8"),
        ("utf-8-sig", "\u00b0C", "UTF-8 with byte order mark"),
        ("utf-16", "\u00b0C", "UTF-16"),
        ("cp1252", "\u00b0C, T\u00fcr \u2013 \u20ac", "Windows-1252"),
        ("gb18030", "\u901f\u5ea6", "GB 18030"),
        ("gb18030", "\u5ea6", "GB 18030"),
    ],
)  # fmt: skip
def test_the_encoding_is_found_and_told(tmp_path, encoding, text, name):
    path = tmp_path / "x.dbc"
    path.write_bytes((HEAD + f'CM_ SG_ 256 S "{text}";\n').encode(encoding))
    database = read_dbc(path, cache=False)
    assert (database.encoding, database.found) == (name, ())
    assert database.named("A").signal("S").comment == text


def test_a_broken_encoding_is_a_defect(tmp_path):
    path = tmp_path / "x.dbc"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode() + b'CM_ "\xff";\n')
    (defect,) = read_dbc(path, cache=False).found
    assert "from line 4 on" in defect.what


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it is empty"),
        (b"\n \r\n", "it is empty"),
        (b'<!DOCTYPE html>\n<html lang="en"><head>', "HTML page"),
        (b"\n\n<html><body>404</body></html>", "HTML page"),
        (b"\x7fELF\x00\x01\x02", "binary"),
        (bytes(range(256)) * 50, "binary"),
        (b"<?xml version='1.0'?><AUTOSAR/>", "XML"),
        (b"(1.0) can0 123#00\n" * 100, "no message"),
        (b"x" * 3_000_000, "no message"),
    ],
)  # fmt: skip
def test_what_is_no_dbc_file_is_told(tmp_path, content, what):
    (tmp_path / "x.dbc").write_bytes(content)
    with pytest.raises(DbcError, match=rf"x\.dbc: not a DBC file: .*{what}"):
        read_dbc(tmp_path / "x.dbc", cache=False)


def test_a_folder_or_a_missing_file_is_told(tmp_path):
    for path in (tmp_path, tmp_path / "none.dbc", "\0"):
        with pytest.raises(DbcError, match="cannot be read"):
            read_dbc(path)


def test_mac_and_mixed_line_ends_count_as_lines():
    text = HEAD.replace("\n", "\r") + "\r\nBO_ bad\n"
    (defect,) = parse_dbc(text).found
    assert defect.line == 5


N = 20_000


@pytest.mark.parametrize(
    "text",
    [
        "SG_" + " " * N + "x", " SG_ " + "a " * N + ":", "BO_ 1" + " " * N + "x", "BO_ 1 a" + " " * N + "x",
        ' SG_ a : 0|8@1+ (' + " " * N + '1,0) "', " SG_ a : " + "1" * N + '|8@1+ (1,0) [0|0] "" X',
        "VAL_ 256 S " + "1" * N + ";", "VAL_ 256 S 1." + "0" * N + ";", 'VAL_ 256 S 1 "' + "\\" * N + ";",
        'BA_ "x" SG_ 256 ' + "a" * N + '";', 'BA_ "x" BU_ ' + "a" * N + '";',
        'BA_ "x"' + " " * N + ";x", 'BA_ "x" 1' + " " * N + "x;", "CM_ " + " " * N + ";",
        "BA_DEF_ " + '"' * N,
        'BA_DEF_DEF_ "a" ' + " " * N + "x y;", "SG_MUL_VAL_ 256 S S 1" + " " * N + ";", 'CM_ "a\n' * 2000,
        'CM_ "a' + "\nBO_ 1 A: 8 X" * 2000, "rubbish\n" * N, '"' * N, "\0" * N,
        "".join(f' SG_ S{i} : 0|8@1+ (1,0) [0|0] "" X\n' for i in range(5000)),
        "".join(f' SG_ S{i} m0M : 16|8@1+ (1,0) [0|0] "" X\n' for i in range(1000))
        + "".join(f"SG_MUL_VAL_ 256 S{i + 1} S{i} 0-0;\n" for i in range(999)),
    ],
)  # fmt: skip
def test_hostile_text_ends(text):
    assert parse_dbc(HEAD + text).messages


def test_rubbish_is_not_listed_line_by_line_for_ever():
    defects = parse_dbc(HEAD + "rubbish\n" * 5000).found
    assert len(defects) < 200
    assert "4900 more lines" in defects[-1].what


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_text(raw):
    text, encoding, _ = decode(raw)
    assert isinstance(text, str)
    assert encoding
