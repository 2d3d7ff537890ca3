"""DBC files (Vector's format for CAN databases): the first half of reading one, from text to drafts.

What cannot be understood is a defect, reported by line, and costs no more than itself. Time is linear in the
length of the text. Source: the format's public descriptions and the files in use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from edge.can.dbc.check import range_trouble
from edge.can.dbc.model import Defect
from edge.can.dbc.text import KEYWORDS, WORD, lines_of, parted, starts_with_keyword, statement
from edge.can.frames import KEY_EXTENDED

INDEPENDENT = "VECTOR__INDEPENDENT_SIG_MSG"
"""Holds the signals that no message carries."""
INDEPENDENT_KEY = 0xC0000000
_MAX_MESSAGE_BYTES = 4095  # ISO-TP's; J1939 transport carries 1785, CAN FD 64
_MAX_STRANGERS = 100
LEAST, MOST = -(1 << 63), (1 << 64) - 1

_BO = re.compile(r"\s*BO_\s+([0-9]{1,15})\s+([^\s:]+)\s*:\s*([0-9]{1,15})(?:\s+(\S+))?")
_BO_SPACED = re.compile(r"\s*BO_\s+([0-9]{1,15})\s+([^:]{1,200}?)\s*:\s*([0-9]{1,15})(?:\s+(\S+))?")
_SG = re.compile(
    r"[ \t]*SG_\s+([A-Za-z_][A-Za-z0-9_]*)(?:\s+(M|m[0-9]{1,15}M?))?\s*:\s*([^\"]{1,500})"
    r'"([^"]*)"\s*(.*)'
)
_SG_ODD = re.compile(
    r'[ \t]*SG_\s+([^\s:"]+)(?:\s+(M|m[0-9]{0,15}M?))?\s*:\s*([^"]{1,500})(?:"([^"]*)")?\s*(.*)', re.DOTALL
)
_LAYOUT = re.compile(
    r"([0-9]{1,15})\s*\|\s*([0-9]{1,15})\s*@\s*([01])\s*([+-])\s*\(\s*([^\s,]+)\s*,\s*([^\s)]+)\s*\)"
    r"\s*(?:\[\s*([^\s|]+)\s*\|\s*([^\s\]]+)\s*\])?\s*"
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_SG_SPACED = re.compile(r"([ \t]*SG_)\s+([^:|@]{1,200}?)(\s+(?:M|m[0-9]{0,15}M?))?(\s*:.*)", re.DOTALL)
_VERSION = re.compile(r'\s*VERSION\s*"([^"]*)"')
_C_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

JOINED = (
    "BA_DEF_",
    "BA_DEF_DEF_",
    "VAL_TABLE_",
    "BO_TX_BU_",
    "SIG_VALTYPE_",
    "SG_MUL_VAL_",
    "VAL_",
    "CM_",
    "BA_",
)
"""The statements that speak of messages and signals defined elsewhere, in the order in which to join them."""


class Layout(NamedTuple):
    """Where a signal is and what it means. impossible: why there can be none; odd: what is wrong with the
    range."""

    start: int
    length: int
    little_endian: bool
    signed: bool
    scale: float | int
    offset: float | int
    minimum: float | int | None
    maximum: float | int | None
    impossible: str | None = None
    odd: str | None = None


DraftSignal = tuple[int, "str | None", Layout, "str | None", str]
"""Its line, multiplexing mark, layout, unit (None: it does not end), receivers."""


@dataclass
class Draft:
    """A message while it is read."""

    line: int
    key: int
    name: str
    length: int
    sender: str
    signals: dict[str, DraftSignal] = field(default_factory=dict)


@dataclass
class Drafts:
    """What the text holds. statements: those of JOINED, each with its line; empty: no keyword of the format
    was seen."""

    messages: dict[int, Draft] = field(default_factory=dict)
    statements: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: {k: [] for k in JOINED})
    nodes: dict[str, int] = field(default_factory=dict)
    version: str = ""
    defects: list[Defect] = field(default_factory=list)
    empty: bool = True


def parse(text: str) -> Drafts:
    """All statements of a text."""
    parser = _Parser()
    parser.read(lines_of(text))
    return parser.drafts


@lru_cache(maxsize=16384)
def layout_of(text: str) -> Layout | None:
    """From "7|8@0+ (1,0) [0|255]"; None: it is none. Files repeat a few of them over and over."""
    found = _LAYOUT.fullmatch(text)
    if not found:
        return None
    start, length, little, signed = int(found[1]), int(found[2]), found[3] == "1", found[4] == "-"
    scale, offset = number_of(found[5]), number_of(found[6])
    if not 0 < length <= 64 or start + length > 8 * _MAX_MESSAGE_BYTES or not scale or offset is None:
        what = f"{length} bits from {start}, scale {found[5]}, offset {found[6]}: cannot be"
        return Layout(0, 0, little, signed, 1, 0, None, None, what)
    minimum, maximum, odd = number_of(found[7] or "0"), number_of(found[8] or "0"), None
    if minimum is None or maximum is None or minimum >= maximum:
        if minimum is None or minimum != maximum:
            odd = f"[{found[7]}|{found[8]}] is no range, not taken"
        minimum = maximum = None
    else:
        odd = range_trouble(length, signed, scale, offset, minimum, maximum)
    return Layout(start, length, little, signed, scale, offset, minimum, maximum, None, odd)


def number_of(text: str) -> int | float | None:
    """None: it is none, or not finite. What 64 bits cannot hold is a float."""
    if len(text) > 100 or not _NUMBER.fullmatch(text):
        return None
    number: int | float = int(text) if text.lstrip("+-").isdigit() else float(text)
    if LEAST <= number <= MOST:
        return number
    return float(number) if abs(number) < float("inf") else None


def key_of(number: int) -> int:
    """The key of a message from its number in the file."""
    return number | KEY_EXTENDED if 0x7FF < number < KEY_EXTENDED else number


def start_of(text: str) -> str:
    """The beginning of a text, to be shown."""
    return repr(text.strip()[:60])


class _Parser:
    def __init__(self) -> None:
        self.drafts = Drafts()
        self._line = 0
        self._strangers = 0
        self._current: Draft | None = None
        self._apart = False  # the signals of INDEPENDENT, or of a message that was left out

    def read(self, lines: list[str]) -> None:
        """All of them. Written for speed: most lines are signals, or statements that end in their line."""
        match_signal, count, at = _SG.match, len(lines), 0
        statements = self.drafts.statements
        while at < count:
            line = lines[at]
            at += 1
            keyword = line.partition(" ")[0]
            if keyword in statements:
                if line[-1] == ";" and line.count(";") == 1 and line.count('"') % 2 == 0:
                    statements[keyword].append((at, line))
                    continue
            elif found := match_signal(line):
                name, mux, place, unit, receivers = found.groups()
                draft = self._current
                layout = layout_of(place)
                if layout and draft and name not in draft.signals:
                    draft.signals[name] = (at, mux, layout, unit, receivers)
                    continue
            if line and not line.isspace():
                self._line = at
                at = self._other(lines, at - 1)
        if any(statements.values()):
            self.drafts.empty = False
        if self._strangers > _MAX_STRANGERS:
            self._complain(f"{self._strangers - _MAX_STRANGERS} more lines are not understood")

    def _other(self, lines: list[str], first: int) -> int:
        """What is not as simple as that. Returns the index of the next line."""
        line, at = lines[first], first + 1
        word = WORD.match(line)
        keyword = word[1] if word else ""
        if keyword == line.strip() and (keyword in self.drafts.statements or keyword == "SG_"):
            return at  # in the list after NS_
        if keyword in self.drafts.statements:
            return self._long_statement(keyword, lines, first)
        if keyword == "SG_":
            return self._odd_signal(lines, first)
        if keyword == "BU_":
            while at < len(lines) and lines[at][:1].isspace() and not starts_with_keyword(lines[at]):
                line += lines[at]
                at += 1
            self._nodes(line)
        elif keyword == "BO_":
            self._message(line)
        elif keyword == "VERSION":
            self._version(line)
        elif keyword not in KEYWORDS:
            self._stranger(line)
        return at

    def _complain(self, what: str, loses: bool = True) -> None:
        self.drafts.defects.append(Defect(self._line, what, loses))

    def _stranger(self, line: str) -> None:
        if not line.lstrip().startswith("//"):
            self._strangers += 1
            if self._strangers <= _MAX_STRANGERS:
                self._complain(f"not understood, no keyword of the format: {start_of(line)}")

    def _long_statement(self, keyword: str, lines: list[str], first: int) -> int:
        """One over several lines, or several in one line. Returns the index of the next line."""
        text, at, trouble = statement(lines, first)
        if trouble:
            self._complain(f"{keyword}: {trouble}", loses=False)
        parts = parted(text)
        for part in parts:
            word = WORD.match(part.lstrip())
            if word and word[1] in self.drafts.statements:
                self.drafts.statements[word[1]].append((self._line, part.strip()))
            else:
                self._complain(f"not understood: {start_of(part)}")
        return at

    def _version(self, line: str) -> None:
        self.drafts.empty = False
        if found := _VERSION.match(line):
            self.drafts.version = found[1]

    def _nodes(self, line: str) -> None:
        self.drafts.empty = False
        for name in line.partition(":")[2].split():
            if name in self.drafts.nodes:
                self._complain(f"node {name}: twice", loses=False)
            self.drafts.nodes.setdefault(name, self._line)

    def _name(self, kind: str, name: str) -> None:
        if not _C_NAME.fullmatch(name):
            self._complain(f"{kind} {name}: no name by the format, which wants a C identifier", loses=False)
        elif name in KEYWORDS:
            self._complain(f"{kind} {name}: a keyword of the format as name", loses=False)

    def _message(self, line: str) -> None:
        self._current, self._apart, self.drafts.empty = None, True, False
        found = _BO.match(line) or _BO_SPACED.match(" ".join(line.split()))
        if not found:
            self._complain(f"not a message, left out with its signals: {start_of(line)}")
            return
        number, name, length = int(found[1]), found[2], int(found[3])
        key = key_of(number)
        if name == INDEPENDENT or key == INDEPENDENT_KEY:
            return
        if key & ~(KEY_EXTENDED | 0x1FFFFFFF):
            self._complain(f"message {name}: id {number} has too many bits, left out")
            return
        if key != number:
            self._complain(
                f"message {name}: id {number} has more than 11 bits and no mark, taken as extended",
                loses=False,
            )
        if length > _MAX_MESSAGE_BYTES:
            self._complain(f"message {name}: {length} bytes, more than any transport carries, left out")
            return
        if old := self.drafts.messages.get(key):
            self._complain(f"message {name}: the same id as {old.name} in line {old.line}, which it replaces")
        self._name("message", name)
        self._apart = False
        self._current = self.drafts.messages[key] = Draft(self._line, key, name, length, found[4] or "")

    def _odd_signal(self, lines: list[str], first: int) -> int:
        """One that _SG does not match: over several lines, oddly named or marked, or none at all."""
        at = first + 1
        while at < min(len(lines), first + 8) and lines[at].strip() and not starts_with_keyword(lines[at]):
            at += 1
        text = " ".join(" ".join(lines[first:at]).split())
        found = _SG_ODD.match(text)
        if not found and (parts := _SG_SPACED.match(text)):
            found = _SG_ODD.match(f"{parts[1]} {parts[2].replace(' ', _SPACE)}{parts[3] or ''}{parts[4]}")
        layout = layout_of(found[3]) if found else None
        if found and layout:
            name, mux = found[1].replace(_SPACE, " "), found[2]
            self._name("signal", name)
            if mux in ("m", "mM"):
                self._complain(f"signal {name}: {mux} without a number, taken as M", loses=False)
                mux = "M"
            unit = None if found[4] is None and found[5].startswith('"') else found[4] or ""
            self._signal(name, (first + 1, mux, layout, unit, "" if unit is None else found[5]))
            return at
        self._complain(f"not a signal: {start_of(lines[first])}")
        return first + 1

    def _signal(self, name: str, signal: DraftSignal) -> None:
        draft = self._current
        if draft is None:
            if not self._apart:
                self._complain(f"signal {name}: belongs to no message, left out")
        elif name in draft.signals:
            self._complain(f"signal {name}: twice in one message, the second left out")
        else:
            draft.signals[name] = signal


_SPACE = "\x02"
"""Stands for a space in a signal's name while its line is matched."""
