"""DBC files (Vector's format for CAN databases): the first half of reading one, from text to drafts.

What cannot be understood is a defect, reported by line, and costs no more than itself. Time is linear in the
length of the text. Source: the format's public descriptions and the files in use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from edge.can.dbc_model import Defect
from edge.can.dbc_text import KEYWORDS, WORD, lines_of, parted, starts_with_keyword, statement
from edge.can.frames import KEY_EXTENDED

INDEPENDENT = "VECTOR__INDEPENDENT_SIG_MSG"
"""Holds the signals that no message carries."""
INDEPENDENT_KEY = 0xC0000000
_MAX_MESSAGE_BYTES = 4095  # ISO-TP's; J1939 transport carries 1785, CAN FD 64
_MAX_STRANGERS = 100

_BO = re.compile(r"\s*BO_\s+([0-9]{1,15})\s+([^\s:]+)\s*:\s*([0-9]{1,15})(?:\s+(\S+))?")
_BO_SPACED = re.compile(r"\s*BO_\s+([0-9]{1,15})\s+([^:]{1,200}?)\s*:\s*([0-9]{1,15})(?:\s+(\S+))?")
_SG = re.compile(
    r"[ \t]*SG_\s+([^\s:]+)(?:\s+(M|m[0-9]{1,15}M?))?\s*:"
    r"\s*([0-9]{1,15})\s*\|\s*([0-9]{1,15})\s*@\s*([01])\s*([+-])\s*\(\s*([^\s,]+)\s*,\s*([^\s)]+)\s*\)\s*(?:\[\s*([^\s|]+)\s*\|\s*([^\s\]]+)\s*\])?"
    r'\s*(?:"([^"]*)")?\s*(.*)'
)
_SG_SPACED = re.compile(r"([ \t]*SG_)\s+([^:|@]{1,200}?)(\s+(?:M|m[0-9]{1,15}M?))?(\s*:.*)", re.DOTALL)
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


@dataclass
class Draft:
    """A message while it is read; signals: the groups of its line by name, as text, and the line."""

    line: int
    key: int
    name: str
    length: int
    sender: str
    signals: dict[str, tuple[int, tuple[str | None, ...]]] = field(default_factory=dict)


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
        match_signal, match_word, count, at = _SG.match, WORD.match, len(lines), 0
        statements = self.drafts.statements
        read_line = {"BO_": self._message, "BU_": self._nodes, "VERSION": self._version}
        while at < count:
            line = lines[at]
            at += 1
            self._line = at
            if found := match_signal(line):
                self._signal(found)
                continue
            word = match_word(line)
            keyword = word[1] if word else ""
            if not keyword:
                if line and not line.isspace():
                    self._stranger(line)
            elif keyword in statements:
                end = line.rstrip()
                if end.endswith(";") and line.count(";") == 1 and line.count('"') % 2 == 0:
                    statements[keyword].append((at, end))
                elif end.strip() != keyword:  # in the list after NS_
                    at = self._long_statement(keyword, lines, at - 1)
            elif keyword in read_line:
                self.drafts.empty = False
                read_line[keyword](line)
            elif keyword == "SG_":
                at = self._odd_signal(lines, at - 1)
            elif keyword not in KEYWORDS:
                self._stranger(line)
        if any(statements.values()):
            self.drafts.empty = False
        if self._strangers > _MAX_STRANGERS:
            self._complain(f"{self._strangers - _MAX_STRANGERS} more lines are not understood")

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
        if found := _VERSION.match(line):
            self.drafts.version = found[1]

    def _nodes(self, line: str) -> None:
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
        self._current, self._apart = None, True
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
        """One that _SG does not match: over several lines, with a space in its name, or none at all."""
        at = first + 1
        while at < min(len(lines), first + 8) and lines[at].strip() and not starts_with_keyword(lines[at]):
            at += 1
        text = " ".join(" ".join(lines[first:at]).split())
        found = _SG.match(text)
        if not found and (parts := _SG_SPACED.match(text)):
            found = _SG.match(f"{parts[1]} {parts[2].replace(' ', _SPACE)}{parts[3] or ''}{parts[4]}")
        if found:
            self._signal(found)
            return at
        if lines[first].strip() != "SG_":
            self._complain(f"not a signal: {start_of(lines[first])}")
        return first + 1

    def _signal(self, found: re.Match[str]) -> None:
        draft, groups = self._current, found.groups()
        name = groups[0].replace(_SPACE, " ")
        if draft is None:
            if not self._apart:
                self._complain(f"signal {name}: belongs to no message, left out")
        elif name in draft.signals:
            self._complain(f"signal {name}: twice in one message, the second left out")
        else:
            draft.signals[name] = self._line, groups
            if not name.isidentifier() or not name.isascii() or name in KEYWORDS:
                self._name("signal", name)


_SPACE = "\x1f"
"""Stands for a space in a signal's name while its line is matched."""
