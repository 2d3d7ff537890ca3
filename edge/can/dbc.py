"""DBC files (Vector's format for CAN databases), read with tolerance.

What cannot be understood is a defect, reported by line, and costs no more than itself. Source: the format's
public descriptions and the files in use; judged in the tests against cantools.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge.can.dbc_text import KEYWORD, decode, statements
from edge.can.frames import KEY_EXTENDED
from edge.config import UserError

_INDEPENDENT = 0xC0000000  # the id of VECTOR__INDEPENDENT_SIG_MSG: signals that no message carries
_MAX_MESSAGE_BYTES = 64


class DbcError(UserError):
    """A file that is no DBC; the text says which and why."""


@dataclass(frozen=True)
class Signal:
    """One signal: physical value = raw * scale + offset.

    start: as in the file, the least significant bit if little_endian, else the most significant, counted from
    bit 0 of byte 0 up. is_float: IEEE 754 of that length. minimum, maximum: physical, None when the file
    gives no range. chosen_by: name of the multiplexing signal and the raw ranges for which this one is there.
    """

    name: str
    start: int
    length: int
    little_endian: bool
    signed: bool
    scale: float | int
    offset: float | int
    minimum: float | None
    maximum: float | None
    unit: str
    is_float: bool = False
    is_multiplexer: bool = False
    chosen_by: tuple[str, tuple[tuple[int, int], ...]] | None = None
    choices: dict[int, str] = field(default_factory=dict)

    def span(self) -> tuple[int, int]:
        """First and one past the last bit that it takes, bit 0 of byte 0 first, or bit 7 if big-endian."""
        first = self.start if self.little_endian else _sequential(self.start)
        return first, first + self.length

    def bytes_needed(self) -> int:
        """How long a frame must be to hold it."""
        return (self.span()[1] + 7) // 8

    def raw_range(self) -> tuple[int, int]:
        """Smallest and greatest raw integer that fits."""
        if self.signed:
            return -(1 << self.length - 1), (1 << self.length - 1) - 1
        return 0, (1 << self.length) - 1


@dataclass(frozen=True)
class Message:
    """One message. key: the id, bit 31 set if extended; length in bytes; cycle_ms: GenMsgCycleTime, None if
    not given; attributes: all others of the file."""

    key: int
    name: str
    length: int
    sender: str
    signals: tuple[Signal, ...]
    cycle_ms: float | None = None
    attributes: dict[str, str | float] = field(default_factory=dict)

    @property
    def id(self) -> int:
        """11 or 29 bits."""
        return self.key & ~KEY_EXTENDED

    @property
    def extended(self) -> bool:
        """True: 29 bits."""
        return bool(self.key & KEY_EXTENDED)

    def signal(self, name: str) -> Signal | None:
        """The signal of that name."""
        return next((signal for signal in self.signals if signal.name == name), None)


@dataclass(frozen=True)
class Database:
    """The messages by key, and what was wrong with the file: "FILE:LINE: what"."""

    path: str
    messages: dict[int, Message]
    defects: tuple[str, ...]

    def named(self, name: str) -> Message | None:
        """The message of that name."""
        return next((message for message in self.messages.values() if message.name == name), None)


Databases = Sequence[tuple[Database, str | None]]
"""Each with the bus that it describes; None: every bus."""


def read_dbc(path: str | Path) -> Database:
    """A file in UTF-8, Windows-1252 or GB 18030. Raises DbcError if it cannot be read or has no message."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise DbcError(f"{path}: cannot be read: {error.strerror or error}") from None
    return parse_dbc(decode(raw), str(path))


def parse_dbc(text: str, path: str = "<dbc>") -> Database:
    """The text of a DBC file. Raises DbcError if it defines no message."""
    parser = _Parser(path)
    for line, statement in statements(text):
        parser.take(line, statement)
    database = parser.finish()
    if not database.messages:
        first = f"; first trouble: {database.defects[0]}" if database.defects else ""
        raise DbcError(f"{path}: not a DBC file: it defines no message (BO_){first}")
    return database


# ---------------------------------------------------------------- from statements to messages

_NUMBER = r"[+-]?(?:\d{1,40}\.?\d{0,40}|\.\d{1,40})(?:[eE][+-]?\d{1,4})?"
_COUNT = r"\d{1,15}"
_BO = re.compile(r"\s*BO_\s+(\d{1,15})\s+([^\s:]+)\s*:\s*(\d{1,15})(?:\s+(\S+))?")
_SG = re.compile(
    rf"\s*SG_\s+([^\s:]+)(?:\s+(M|m{_COUNT}M?))?\s*:\s*({_COUNT})\s*\|\s*({_COUNT})\s*@\s*([01])\s*([+-])"
    rf"\s*\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)\s*(?:\[\s*({_NUMBER})\s*\|\s*({_NUMBER})\s*\])?"
    r'\s*(?:"([^"]*)")?'
)
_VAL = re.compile(r"VAL_\s+(\d{1,15})\s+(\S+)\s+(.*)", re.DOTALL)
_VAL_NAMED_TABLE = re.compile(r"\s*([A-Za-z_]\w*)\s*;?\s*$")
_VAL_TABLE = re.compile(r"VAL_TABLE_\s+(\S+)\s+(.*)", re.DOTALL)
_PAIR = re.compile(r'([+-]?\d{1,20})(?:\.0*)?\s+"([^"]*)"')
_VALTYPE = re.compile(r"SIG_VALTYPE_\s+(\d{1,15})\s+([^\s:]+)\s*:?\s*(\d)")
_MUL_VAL = re.compile(r"SG_MUL_VAL_\s+(\d{1,15})\s+(\S+)\s+(\S+)\s+(.*)", re.DOTALL)
_RANGE = re.compile(r"(\d{1,15})\s*-\s*(\d{1,15})")
_BA_MESSAGE = re.compile(r'BA_\s+"([^"]+)"\s+BO_\s+(\d{1,15})\s+(?:"([^"]*)"|([^\s;]+))')


class _Parser:
    def __init__(self, path: str) -> None:
        self._path = path
        self._defects: list[tuple[int, str]] = []
        self._messages: dict[int, Message] = {}
        self._signals: dict[int, dict[str, Signal]] = {}
        self._lines: dict[tuple[int, str], int] = {}
        self._tables: dict[str, dict[int, str]] = {}
        self._ranges: dict[tuple[int, str], tuple[str, tuple[tuple[int, int], ...]]] = {}
        self._selected: dict[tuple[int, str], int] = {}
        self._current: int | None = None
        self._line = 0

    def take(self, line: int, statement: str) -> None:
        self._line = line
        keyword = KEYWORD.match(statement)
        read = {
            "BO_": self._message,
            "SG_": self._signal,
            "VAL_": self._choices,
            "VAL_TABLE_": self._table,
            "SIG_VALTYPE_": self._float,
            "SG_MUL_VAL_": self._multiplexed,
            "BA_": self._attribute,
        }.get(keyword[1] if keyword else "")
        if read:
            read(statement)
        elif not keyword and re.match(r"\s*(BO_|SG_)", statement):
            self._complain(f"not understood: {statement.strip()[:60]!r}")

    def finish(self) -> Database:
        messages = {}
        for key, message in self._messages.items():
            signals = self._resolve(key, message)
            self._judge(message, signals)
            messages[key] = replace(message, signals=tuple(signals))
        self._defects.sort()
        return Database(
            self._path, messages, tuple(f"{self._path}:{line}: {what}" for line, what in self._defects)
        )

    def _complain(self, what: str, line: int | None = None) -> None:
        self._defects.append((self._line if line is None else line, what))

    def _message(self, statement: str) -> None:
        self._current = None
        found = _BO.match(statement)
        if not found:
            self._complain(f"not a message: {statement.strip()[:60]!r}")
            return
        key, name, length, sender = int(found[1]), found[2], int(found[3]), found[4] or ""
        if key == _INDEPENDENT:
            return
        if key & ~(KEY_EXTENDED | 0x1FFFFFFF):
            self._complain(f"message {name}: id {key} has too many bits, left out")
            return
        if 0x7FF < key < KEY_EXTENDED:
            self._complain(f"message {name}: id {key} has more than 11 bits and no mark, taken as extended")
            key |= KEY_EXTENDED
        if key in self._messages:
            self._complain(f"message {name}: the same id as {self._messages[key].name}, which it replaces")
        if length > _MAX_MESSAGE_BYTES:
            self._complain(f"message {name}: {length} bytes")
        self._messages[key] = Message(key, name, length, sender, ())
        self._signals[key] = {}
        self._lines[key, ""] = self._line
        self._current = key

    def _signal(self, statement: str) -> None:
        found = _SG.match(statement)
        if not found:
            self._complain(f"not a signal: {statement.strip()[:60]!r}")
            return
        if self._current is None:
            return
        name, mux, start, length, order, sign, scale, offset, low, high, unit = found.groups()
        minimum, maximum = (_number(low), _number(high)) if low is not None else (0, 0)
        signal = Signal(
            name=name,
            start=int(start),
            length=int(length),
            little_endian=order == "1",
            signed=sign == "-",
            scale=_number(scale),
            offset=_number(offset),
            minimum=minimum if minimum < maximum else None,
            maximum=maximum if minimum < maximum else None,
            unit=unit or "",
            is_multiplexer=bool(mux) and mux.endswith("M"),
        )
        signals = self._signals[self._current]
        fits = 0 < signal.length <= 64 and signal.span()[1] <= 8 * _MAX_MESSAGE_BYTES
        if not fits or signal.scale == 0 or not math.isfinite(signal.scale + signal.offset):
            self._complain(f"signal {name}: {length} bits from {start}, scale {scale}, left out")
        elif name in signals:
            self._complain(f"signal {name}: twice in one message, left out")
        else:
            signals[name] = signal
            self._lines[self._current, name] = self._line
            if mux and mux != "M":
                self._selected[self._current, name] = int(mux[1:].rstrip("M"))

    def _known(self, key: str, name: str) -> tuple[int, Signal] | None:
        number = int(key)
        if 0x7FF < number < KEY_EXTENDED:
            number |= KEY_EXTENDED
        signal = self._signals.get(number, {}).get(name)
        return (number, signal) if signal else None

    def _choices(self, statement: str) -> None:
        found = _VAL.match(statement.strip())
        if not found or not (known := self._known(found[1], found[2])):
            return  # VAL_ of environment variables, or of a signal that was left out
        named = _VAL_NAMED_TABLE.match(found[3])
        choices = self._tables.get(named[1], {}) if named else _pairs(found[3])
        self._signals[known[0]][found[2]] = replace(known[1], choices=choices)

    def _table(self, statement: str) -> None:
        if found := _VAL_TABLE.match(statement.strip()):
            self._tables[found[1]] = _pairs(found[2])

    def _float(self, statement: str) -> None:
        found = _VALTYPE.match(statement.strip())
        if not found:
            self._complain(f"not understood: {statement.strip()[:60]!r}")
            return
        known = self._known(found[1], found[2])
        if not known or found[3] == "0":
            return
        if known[1].length not in (16, 32, 64):
            self._complain(f"signal {found[2]}: a float of {known[1].length} bits, left out")
            del self._signals[known[0]][found[2]]
        else:
            self._signals[known[0]][found[2]] = replace(known[1], is_float=True)

    def _multiplexed(self, statement: str) -> None:
        found = _MUL_VAL.match(statement.strip())
        if found and (known := self._known(found[1], found[2])):
            ranges = tuple((int(low), int(high)) for low, high in _RANGE.findall(found[4]))
            self._ranges[known[0], found[2]] = (found[3], ranges)

    def _attribute(self, statement: str) -> None:
        found = _BA_MESSAGE.match(statement.strip())
        if not found:
            return
        number = int(found[2])
        key = number | KEY_EXTENDED if 0x7FF < number < KEY_EXTENDED else number
        message = self._messages.get(key)
        if not message:
            return
        text = found[3] if found[3] is not None else found[4]
        value = text if found[3] is not None or not re.fullmatch(_NUMBER, text) else _number(text)
        if found[1] == "GenMsgCycleTime" and isinstance(value, (int, float)):
            self._messages[key] = replace(message, cycle_ms=value if value > 0 else None)
        else:
            self._messages[key] = replace(message, attributes={**message.attributes, found[1]: value})

    def _resolve(self, key: int, message: Message) -> list[Signal]:
        """The signals, each knowing by which other and for which values it is present."""
        signals = self._signals[key]
        plain = [s.name for s in signals.values() if s.is_multiplexer and (key, s.name) not in self._selected]
        resolved = []
        for signal in signals.values():
            line = self._lines[key, signal.name]
            chosen_by = self._ranges.get((key, signal.name))
            if (selected := self._selected.get((key, signal.name))) is not None and not chosen_by:
                if len(plain) != 1:
                    self._complain(
                        f"signal {signal.name}: multiplexed by {len(plain)} signals, left out", line
                    )
                    continue
                chosen_by = (plain[0], ((selected, selected),))
            if chosen_by and (chosen_by[0] not in signals or _circular(key, signal.name, self._ranges)):
                self._complain(f"signal {signal.name}: its multiplexer {chosen_by[0]} is unusable", line)
                continue
            resolved.append(replace(signal, chosen_by=chosen_by))
        names = {signal.name for signal in resolved}
        return [signal for signal in resolved if not signal.chosen_by or signal.chosen_by[0] in names]

    def _judge(self, message: Message, signals: list[Signal]) -> None:
        taken: dict[int, str] = {}
        for signal in signals:
            line = self._lines[message.key, signal.name]
            if signal.bytes_needed() > message.length:
                self._complain(
                    f"signal {signal.name}: beyond the {message.length} bytes of {message.name}", line
                )
            if signal.chosen_by:
                continue
            bits = _bits(signal)
            overlapped = sorted({taken[bit] for bit in bits if bit in taken})
            if overlapped:
                self._complain(f"signal {signal.name}: overlaps {', '.join(overlapped)}", line)
            taken.update(dict.fromkeys(bits, signal.name))


def _number(text: str) -> float | int:
    return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)


def _pairs(text: str) -> dict[int, str]:
    return {int(number): name for number, name in _PAIR.findall(text)}


def _sequential(start: int) -> int:
    """A big-endian start bit, counted in the order of transmission: bit 7 of byte 0 is 0."""
    return start // 8 * 8 + 7 - start % 8


def _bits(signal: Signal) -> list[int]:
    first, end = signal.span()
    bits = range(first, end)
    return list(bits) if signal.little_endian else [_sequential(bit) for bit in bits]


def _circular(
    key: int, name: str, ranges: dict[tuple[int, str], tuple[str, tuple[tuple[int, int], ...]]]
) -> bool:
    seen = {name}
    at: str | None = name
    while at is not None and (key, at) in ranges:
        at = ranges[key, at][0]
        if at in seen:
            return True
        seen.add(at)
    return False
