"""The text of a DBC file: from bytes, and cut into statements. The half of reading one that knows no CAN."""

from __future__ import annotations

import codecs
import re

KEYWORDS = frozenset([
    "VERSION", "NS_", "NS_DESC_", "BS_", "BU_", "BO_", "SG_", "EV_", "ENVVAR_DATA_", "VAL_", "VAL_TABLE_",
    "CM_", "BO_TX_BU_", "BA_DEF_", "BA_DEF_DEF_", "BA_DEF_REL_", "BA_DEF_DEF_REL_", "BA_REL_", "BA_",
    "SIG_GROUP_", "SIG_VALTYPE_", "SG_MUL_VAL_", "SGTYPE_", "SIG_TYPE_REF_", "SIGTYPE_VALTYPE_",
    "BU_SG_REL_", "BU_EV_REL_", "BU_BO_REL_", "FILTER", "CAT_DEF_", "CAT_", "EV_DATA_", "SGTYPE_VAL_",
    "BA_DEF_SGTYPE_", "BA_SGTYPE_",
])  # fmt: skip
WORD = re.compile(r"[ \t]*([^\s:\"]*)")
_BEGINS = re.compile(
    r'BO_ \d+ [^\s:]+ ?: ?\d|[ \t]*SG_ \w[^":|]*:[^"|]*\|[^"@]*@|CM_ (?:SG_ |BO_ |BU_ |EV_ |")|BA_ "|VAL_ \d'
    r'|BA_DEF_ +(?:BU_ |BO_ |SG_ |EV_ |")|BA_DEF_DEF_ +"|SIG_VALTYPE_ \d|SG_MUL_VAL_ \d'
)
"""A line that looks so much like the start of a statement that a string open before it was never ended."""

NO_SEMICOLON = "no semicolon at the end"
NO_QUOTE = "a string that does not end"


def decode(raw: bytes) -> tuple[str, str, str | None]:
    """The bytes of a file as text, the name of the encoding, and what is wrong with it; never fails.

    UTF-8 is taken where it fits. Else Windows-1252, in which bytes above 127 stand alone (a degree sign, an
    umlaut), or GB 18030, in which they come in rows.
    """
    if raw.isascii():
        return raw.decode("ascii"), "ASCII", None
    for mark, encoding, name in _MARKED:
        if raw.startswith(mark):
            try:
                return raw.decode(encoding), name, None
            except UnicodeDecodeError as error:
                line = raw.count(b"\n", 0, error.start) + 1
                return raw.decode(encoding, "replace"), name, f"not {name} from line {line} on"
    try:
        return raw.decode("utf-8"), "UTF-8", None
    except UnicodeDecodeError:
        pass
    single = paired = 0
    for row in _HIGH.findall(raw):
        if len(row) == 1:
            single += 1
        else:
            paired += len(row)
    order = ("gb18030", "cp1252") if paired > single else ("cp1252", "gb18030")
    for encoding in order:
        try:
            return raw.decode(encoding), _NAMES[encoding], None
        except UnicodeDecodeError:
            pass
    return (
        raw.decode("latin-1"),
        "ISO 8859-1",
        "neither UTF-8 nor Windows-1252 nor GB 18030: letters are lost",
    )


_MARKED = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8 with byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
_NAMES = {"cp1252": "Windows-1252", "gb18030": "GB 18030"}
_HIGH = re.compile(rb"[\x80-\xff]+")


def lines_of(text: str) -> list[str]:
    """The lines, whatever ends them."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def statement(lines: list[str], at: int) -> tuple[str, int, str | None]:
    """The statement, ending with ";", that starts at lines[at]; the index of the next line; what is wrong.

    Every line is looked at once or, after a string that does not end, twice.
    """
    first, is_open = at, _odd(lines[at])
    at += 1
    while True:
        if is_open:
            at, is_open, ended = _string_end(lines, at)
            if not ended:
                return "\n".join(lines[first:at]), at, NO_QUOTE
        elif lines[at - 1].rstrip().endswith(";"):
            return "\n".join(lines[first:at]), at, None
        elif at == len(lines) or not lines[at].strip() or starts_with_keyword(lines[at]):
            return "\n".join(lines[first:at]), at, NO_SEMICOLON
        else:
            is_open = _odd(lines[at])
            at += 1


def starts_with_keyword(line: str) -> bool:
    """Whether a statement begins here."""
    word = WORD.match(line)
    return word is not None and word[1] in KEYWORDS


def _string_end(lines: list[str], at: int) -> tuple[int, bool, bool]:
    """From the line after the one in which a string was left open: the index of the line after its end,
    whether that line leaves another open, and whether there was an end at all."""
    start, begins = at, None
    while at < len(lines):
        line = lines[at]
        quote = _quote(line)
        if quote >= 0 and line[quote + 1 :].lstrip().startswith(";"):
            return at + 1, _odd(line[quote + 1 :]), True
        if begins is None and _BEGINS.match(line):
            begins = at
        if quote >= 0:
            if begins is not None:
                return begins, False, False
            if _odd(line):
                return at + 1, False, True
        at += 1
    return (start if begins is None else begins), False, False


def _quote(line: str) -> int:
    at = line.find('"')
    while at > 0 and line[at - 1] == "\\":
        at = line.find('"', at + 1)
    return at


def _odd(line: str) -> bool:
    return (line.count('"') - line.count('\\"')) % 2 == 1


def parted(line: str) -> list[str]:
    """A line with several statements, cut after each semicolon outside a string."""
    parts, begin, inside = [], 0, False
    for at, character in enumerate(line):
        if character == '"' and line[at - 1 : at] != "\\":
            inside = not inside
        elif character == ";" and not inside:
            parts.append(line[begin : at + 1])
            begin = at + 1
    if line[begin:].strip():
        parts.append(line[begin:])
    return parts
