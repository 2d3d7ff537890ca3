"""DBC files, the second half of reading one: drafts and the statements about them, joined to messages."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from msgspec.structs import replace

from edge.can import dbc_check as check
from edge.can.dbc_model import AttributeDefinition, Database, Defect, Message, Node, Signal, Value, pgn_of
from edge.can.dbc_parse import INDEPENDENT_KEY, Draft, Drafts, key_of, start_of

_NOBODY = "Vector__XXX"
_MAX_BIT = 8 * 4095
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1
_FRAME_FORMATS = {
    0: "StandardCAN",
    1: "ExtendedCAN",
    3: "J1939PG",
    14: "StandardCAN_FD",
    15: "ExtendedCAN_FD",
}

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,4})?")
_ID = r"([0-9]{1,15})"
_VAL = re.compile(rf"\s*VAL_\s+{_ID}\s+(\S+)\s+(.*)", re.DOTALL)
_TABLE_NAME = re.compile(r"\s*([A-Za-z_]\w*)\s*;?\s*$")
_VAL_TABLE = re.compile(r"\s*VAL_TABLE_\s+(\S+)\s+(.*)", re.DOTALL)
_PAIR = re.compile(r'([+-]?[0-9]{1,20})(?:\.0{0,20})?\s*"([^"]*)"')
_PAIR_ESCAPED = re.compile(r'([+-]?[0-9]{1,20})(?:\.0{0,20})?\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_VALTYPE = re.compile(rf"\s*SIG_VALTYPE_\s+{_ID}\s+([^\s:]+)\s*:?\s*([0-9])")
_MUL_VAL = re.compile(rf"\s*SG_MUL_VAL_\s+{_ID}\s+(\S+)\s+(\S+)\s+(.*)", re.DOTALL)
_RANGE = re.compile(r"([0-9]{1,15})\s*-\s*([0-9]{1,15})")
_OF = rf'(?:(BO_)\s+{_ID}|(SG_)\s+{_ID}\s+([^\s"]+)|(BU_|EV_)\s+([^\s"]+))?\s*'
_BA = re.compile(rf'\s*BA_\s+"([^"]*)"\s*{_OF}("(?:.*)"|[^\s;"]+)\s*;?\s*$', re.DOTALL)
_CM = re.compile(rf'\s*CM_\s+{_OF}"(.*)', re.DOTALL)
_BA_DEF = re.compile(r'\s*BA_DEF_\s+(BU_|BO_|SG_|EV_)?\s*"([^"]*)"\s*([A-Z]+)(.*)', re.DOTALL)
_BA_DEF_DEF = re.compile(r'\s*BA_DEF_DEF_\s+"([^"]*)"\s*("(?:.*)"|[^\s;"]+)\s*;?\s*$', re.DOTALL)
_BO_TX_BU = re.compile(rf"\s*BO_TX_BU_\s+{_ID}\s*:?\s*([^;]*)", re.DOTALL)
_STRING = re.compile(r'"([^"]*)"')


@dataclass
class _Extra:
    """What is said of a message, a signal or a node outside its own line; line: the first that says it."""

    line: int
    comment: str | None = None
    attributes: dict[str, Value] = field(default_factory=dict)
    choices: dict[int, str] = field(default_factory=dict)
    value_type: str = "0"
    chosen_by: tuple[str, tuple[tuple[int, int], ...]] | None = None
    senders: list[str] = field(default_factory=list)


def join(drafts: Drafts, path: str, encoding: str) -> Database:
    """The database of a text."""
    return _Joiner(drafts).database(path, encoding)


class _Joiner:
    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._defects = drafts.defects
        self._line = 0
        self._numbers: dict[str | None, int | float | None] = {None: 0}
        self._receivers: dict[str | None, tuple[str, ...]] = {}
        self._tables: dict[str, dict[int, str]] = {}
        self._definitions: dict[str, AttributeDefinition] = {}
        self._undefined: set[str] = set()
        self._messages: dict[int, _Extra] = {}
        self._signals: dict[int, dict[str, _Extra]] = {}
        self._nodes: dict[str, _Extra] = {}
        self._network = _Extra(0)
        self._long_nodes: dict[str, str] = {}
        self._start_value: float | int | None = None

    def database(self, path: str, encoding: str) -> Database:
        read = {
            "BA_DEF_": self._definition, "BA_DEF_DEF_": self._default, "VAL_TABLE_": self._table,
            "BO_TX_BU_": self._senders, "SIG_VALTYPE_": self._value_type, "SG_MUL_VAL_": self._multiplexed,
            "VAL_": self._choices, "CM_": self._comment, "BA_": self._attribute,
        }  # fmt: skip
        for keyword, statements in self._drafts.statements.items():
            take = read[keyword]
            for self._line, text in statements:
                if not take(text):
                    self._complain(f"not understood: {start_of(text)}")
        for name, extra in self._nodes.items():
            long_name = extra.attributes.get("SystemNodeLongSymbol")
            if isinstance(long_name, str) and long_name:
                self._long_nodes[name] = long_name
        start = self._definitions.get("GenSigStartValue")
        if start and start.default is not None and not isinstance(start.default, str):
            self._start_value = start.default
        messages = {key: self._message(draft) for key, draft in self._drafts.messages.items()}
        self._unknown()
        self._twice(messages)
        if not messages:
            self._complain("defines no message (BO_)", 1)
        nodes = {name: self._nodes.get(name) or _Extra(line) for name, line in self._drafts.nodes.items()}
        self._defects.sort(key=lambda defect: defect.line)
        return Database(
            path=path,
            messages=messages,
            found=tuple(self._defects),
            encoding=encoding,
            version=self._drafts.version,
            nodes=tuple(
                Node(self._long_nodes.get(name, name), extra.comment, extra.attributes)
                for name, extra in nodes.items()
            ),
            comment=self._network.comment,
            attributes=self._network.attributes,
            definitions=self._definitions,
        )

    def _complain(self, what: str, line: int | None = None, loses: bool = True) -> None:
        self._defects.append(Defect(self._line if line is None else line, what, loses))

    # ------------------------------------------------------------ what is said of whom

    def _of_message(self, number: str) -> _Extra:
        key = key_of(int(number))
        return self._messages.get(key) or self._messages.setdefault(key, _Extra(self._line))

    def _of_signal(self, number: str, name: str) -> _Extra:
        signals = self._signals.setdefault(key_of(int(number)), {})
        return signals.get(name) or signals.setdefault(name, _Extra(self._line))

    def _of(self, found: re.Match[str], group: int) -> _Extra:
        """Whom a comment or an attribute is about, by the groups of _OF, the first of which is `group`."""
        message, message_id, signal, signal_id, signal_name, kind, name = found.groups()[group : group + 7]
        if signal:
            return self._of_signal(signal_id, signal_name)
        if message:
            return self._of_message(message_id)
        if kind == "BU_":
            return self._nodes.get(name) or self._nodes.setdefault(name, _Extra(self._line))
        return _Extra(0) if kind else self._network  # environment variables are not read

    def _comment(self, text: str) -> bool:
        found = _CM.match(text)
        if not found:
            return False
        body = found[8].rstrip().removesuffix(";").rstrip().removesuffix('"').replace('\\"', '"')
        extra = self._of(found, 0)
        if extra is self._network:
            extra.comment = (extra.comment or "") + body
            if body.startswith("IMPORT "):
                self._complain(f"{body!r}: such an import is not followed, its messages are missing")
        else:
            extra.comment = body
        return True

    def _attribute(self, text: str) -> bool:
        found = _BA.match(text)
        if not found:
            return False
        value = self._value(found[1], found[9])
        if value is not None:
            self._of(found, 1).attributes[found[1]] = value
        return True

    def _value(self, name: str, text: str) -> Value | None:
        """The value of an attribute by its definition; None: it has none, which is complained of."""
        definition = self._definitions.get(name)
        if definition is None:
            if name not in self._undefined:
                self._undefined.add(name)
                self._complain(f"attribute {name}: not defined (BA_DEF_)", loses=False)
            kind = "STRING" if text.startswith('"') else "FLOAT"
        else:
            kind = definition.type
        text = text.removeprefix('"').removesuffix('"')
        if kind == "STRING":
            return text.replace('\\"', '"')
        number = self._number(text)
        if kind == "ENUM" and definition:
            if text in definition.choices:
                return text
            if isinstance(number, int) and 0 <= number < len(definition.choices):
                return definition.choices[number]
        if number is None:
            if text or kind != "ENUM":
                self._complain(f"attribute {name}: {text!r} is no value of it")
            return None
        return int(number) if kind in ("INT", "HEX") and number == number // 1 else number

    def _definition(self, text: str) -> bool:
        found = _BA_DEF.match(text)
        if not found:
            return False
        choices = tuple(_STRING.findall(found[4])) if found[3] == "ENUM" else ()
        if found[2] in self._definitions:
            self._complain(f"attribute {found[2]}: defined twice, the last counts", loses=False)
        self._definitions[found[2]] = AttributeDefinition(found[1] or "", found[3], choices)
        return True

    def _default(self, text: str) -> bool:
        found = _BA_DEF_DEF.match(text)
        if not found:
            return False
        definition = self._definitions.get(found[1])
        value = self._value(found[1], found[2])
        if definition and value is not None:
            self._definitions[found[1]] = AttributeDefinition(
                definition.of, definition.type, definition.choices, value
            )
        return True

    def _senders(self, text: str) -> bool:
        found = _BO_TX_BU.match(text)
        if found:
            self._of_message(found[1]).senders += found[2].replace(",", " ").split()
        return found is not None

    def _value_type(self, text: str) -> bool:
        found = _VALTYPE.match(text)
        if found:
            self._of_signal(found[1], found[2]).value_type = found[3]
        return found is not None

    def _multiplexed(self, text: str) -> bool:
        found = _MUL_VAL.match(text)
        if found:
            ranges = tuple((int(low), int(high)) for low, high in _RANGE.findall(found[4]))
            self._of_signal(found[1], found[2]).chosen_by = (found[3], ranges)
        return found is not None

    def _table(self, text: str) -> bool:
        found = _VAL_TABLE.match(text)
        if found:
            self._tables[found[1]] = self._pairs(found[2], found[1])
        return found is not None

    def _choices(self, text: str) -> bool:
        found = _VAL.match(text)
        if not found:
            return text.split(None, 2)[1:2] != [";"]  # of an environment variable
        named = _TABLE_NAME.match(found[3])
        if named and named[1] not in self._tables:
            self._complain(f"value table {named[1]}: not defined (VAL_TABLE_)")
        choices = self._tables.get(named[1], {}) if named else self._pairs(found[3], found[2])
        self._of_signal(found[1], found[2]).choices = choices
        return True

    def _pairs(self, text: str, name: str) -> dict[int, str]:
        escaped = "\\" in text
        pairs = (_PAIR_ESCAPED if escaped else _PAIR).findall(text)
        choices = {raw: label for number, label in pairs if _LEAST <= (raw := int(number)) <= _MOST}
        if len(choices) < len(pairs):
            self._complain(f"value table of {name}: a value named twice or too great", loses=False)
        if escaped:
            choices = {number: label.replace('\\"', '"') for number, label in choices.items()}
        elif text.count('"') != 2 * len(pairs):
            self._complain(f"value table of {name}: not all of it is understood")
        return choices

    # ------------------------------------------------------------ messages

    def _number(self, text: str | None) -> int | float | None:
        """None: it is none, or not finite."""
        if text not in self._numbers:
            number: int | float | None = None
            if text and len(text) < 100 and _NUMBER.fullmatch(text):
                number = int(text) if text.lstrip("+-").isdigit() else float(text)
                if not _LEAST <= number <= _MOST:  # a 64-bit integer is the most that means anything
                    number = float(number) if abs(number) < float("inf") else None
            self._numbers[text] = number
        return self._numbers[text]

    def _setting(self, extra: _Extra | None, name: str) -> Value | None:
        """An attribute of a message or a signal, else its default."""
        if extra and name in extra.attributes:
            return extra.attributes[name]
        definition = self._definitions.get(name)
        return definition.default if definition else None

    def _message(self, draft: Draft) -> Message:
        extra = self._messages.pop(draft.key, None)
        extras = self._signals.pop(draft.key, {})
        signals, lines = self._signals_of(draft, extras)
        for name, unknown in extras.items():
            if name not in draft.signals:
                self._complain(f"signal {name}: {draft.name} has none of that name", unknown.line)
        cycle = self._setting(extra, "GenMsgCycleTime")
        frame_format = self._setting(extra, "VFrameFormat")
        if isinstance(frame_format, (int, float)):
            frame_format = _FRAME_FORMATS.get(int(frame_format))
        senders = [draft.sender, *(extra.senders if extra else [])]
        long_name = extra.attributes.get("SystemMessageLongSymbol") if extra else None
        message = Message(
            key=draft.key,
            name=long_name if isinstance(long_name, str) and long_name else draft.name,
            length=draft.length,
            sender=self._long_nodes.get(draft.sender, draft.sender),
            signals=tuple(signals),
            cycle_ms=cycle if isinstance(cycle, (int, float)) and cycle > 0 else None,
            attributes=extra.attributes if extra else {},
            comment=extra.comment if extra else None,
            senders=tuple(dict.fromkeys(self._long_nodes.get(n, n) for n in senders if n and n != _NOBODY)),
            is_fd=isinstance(frame_format, str) and frame_format.endswith("CAN_FD"),
            pgn=self._pgn(draft.key, extra, frame_format),
        )
        told = extra is not None and "VFrameFormat" in extra.attributes
        self._defects += check.message(message, draft.line, lines, frame_format if told else None)
        return message

    def _pgn(self, key: int, extra: _Extra | None, frame_format: Value | None) -> int | None:
        """J1939 is told by a message's VFrameFormat, else by the network's ProtocolType."""
        if key < 1 << 31:
            return None
        told = extra is not None and "VFrameFormat" in extra.attributes
        protocol = self._network.attributes.get("ProtocolType")
        j1939 = frame_format == "J1939PG" or (not told and protocol == "J1939")
        return pgn_of(key & 0x1FFFFFFF) if j1939 else None

    def _signals_of(self, draft: Draft, extras: dict[str, _Extra]) -> tuple[list[Signal], list[int]]:
        """The signals that can be decoded, and their lines."""
        number = self._number
        signals: dict[str, Signal] = {}
        selected: dict[str, int] = {}
        ranged = False
        for name, (line, groups) in draft.signals.items():
            _, mux, start, length, order, sign, scale, offset, low, high, unit, rest = groups
            bits, first, little = int(length or 0), int(start or 0), order == "1"
            factor, shift = number(scale), number(offset)
            if not 0 < bits <= 64 or first + bits > _MAX_BIT or not factor or shift is None:
                what = f"{bits} bits from {first}, scale {scale}, offset {offset}"
                self._complain(f"signal {name}: {what}: cannot be, left out", line)
                continue
            minimum, maximum = number(low), number(high)
            if minimum is None or maximum is None or minimum >= maximum:
                if minimum is None or minimum != maximum:
                    self._complain(f"signal {name}: [{low}|{high}] is no range, not taken", line, loses=False)
                minimum = maximum = None
            if rest and rest[0] == '"':
                self._complain(f"signal {name}: a unit that does not end", line)
                rest = None
            receivers = self._receivers.get(rest)
            if receivers is None:
                receivers = self._receivers[rest] = self._receivers_of(rest)
            extra = extras.get(name)
            if mux and mux != "M":
                selected[name] = int(mux[1:].removesuffix("M"))
            if extra is None:
                signals[name] = Signal(
                    name, first, bits, little, sign == "-", factor, shift, minimum, maximum, unit or "",
                    False, mux is not None and mux[-1] == "M", None, {}, receivers, None, self._start_value,
                )  # fmt: skip
                continue
            ranged = ranged or extra.chosen_by is not None
            is_float = extra.value_type in ("1", "2")
            if is_float and bits not in (16, 32, 64):
                self._complain(f"signal {name}: a float of {bits} bits, left out", extra.line)
                continue
            initial = extra.attributes.get("GenSigStartValue", self._start_value)
            signals[name] = Signal(
                name, first, bits, little, sign == "-", factor, shift, minimum, maximum, unit or "",
                is_float, mux is not None and mux[-1] == "M", None, extra.choices, receivers, extra.comment,
                None if isinstance(initial, str) else initial, extra.attributes,
            )  # fmt: skip
        if selected or ranged:
            signals = self._selected(draft, signals, selected, extras)
        if any("SystemSignalLongSymbol" in extra.attributes for extra in extras.values()):
            signals = self._renamed(draft, signals, extras)
        return list(signals.values()), [draft.signals[name][0] for name in signals]

    def _receivers_of(self, rest: str | None) -> tuple[str, ...]:
        names = tuple((rest or "").replace(",", " ").split())
        return () if names == (_NOBODY,) else tuple(self._long_nodes.get(name, name) for name in names)

    def _selected(
        self, draft: Draft, signals: dict[str, Signal], selected: dict[str, int], extras: dict[str, _Extra]
    ) -> dict[str, Signal]:
        """The signals, each knowing by which other and for which values it is present."""
        outermost = [s.name for s in signals.values() if s.is_multiplexer and s.name not in selected]
        chosen_by: dict[str, tuple[str, tuple[tuple[int, int], ...]]] = {}
        for name in signals:
            if (extra := extras.get(name)) and extra.chosen_by:
                chosen_by[name] = extra.chosen_by
            elif name in selected:
                if len(outermost) == 1:
                    chosen_by[name] = (outermost[0], ((selected[name], selected[name]),))
                else:
                    chosen_by[name] = ("", ())
        reached: dict[
            str, bool
        ] = {}  # whether the chain of multiplexers ends at a signal that is always there

        def reaches(name: str) -> bool:
            chain = []
            while name not in reached and name in signals and name in chosen_by:
                reached[name] = False  # until shown otherwise: a chain that comes back here is a circle
                chain.append(name)
                name = chosen_by[name][0]
            end = reached.get(name, name in signals)
            reached.update(dict.fromkeys(chain, end))
            return end

        for name in list(signals):
            if name not in chosen_by:
                continue
            line = draft.signals[name][0]
            by = chosen_by[name][0]
            if not by:
                self._complain(f"signal {name}: multiplexed by {len(outermost)} signals, left out", line)
                reached[name] = False
            elif not reaches(name):
                self._complain(f"signal {name}: its multiplexer {by} is unusable, left out", line)
        return {
            name: replace(signal, chosen_by=chosen_by[name]) if name in chosen_by else signal
            for name, signal in signals.items()
            if reached.get(name, True)
        }

    def _renamed(
        self, draft: Draft, signals: dict[str, Signal], extras: dict[str, _Extra]
    ) -> dict[str, Signal]:
        """The signals by their short names, with their long names in them."""
        names: dict[str, str] = {}
        for name in signals:
            long_name = extras[name].attributes.get("SystemSignalLongSymbol") if name in extras else None
            names[name] = long_name if isinstance(long_name, str) and long_name else name
        if len(set(names.values())) < len(names):
            self._complain(f"message {draft.name}: a long name twice, the short ones stay", draft.line)
            return signals
        return {
            name: replace(
                signal,
                name=names[name],
                chosen_by=signal.chosen_by and (names[signal.chosen_by[0]], signal.chosen_by[1]),
            )
            for name, signal in signals.items()
        }

    # ------------------------------------------------------------ of the whole file

    def _unknown(self) -> None:
        """What was said of messages that are not there."""
        for key, extra in self._messages.items():
            if key != INDEPENDENT_KEY:
                self._complain(f"message {key & 0x7FFFFFFF}: there is none of that id", extra.line)
        for key, signals in self._signals.items():
            for name, extra in signals.items():
                if key != INDEPENDENT_KEY:
                    what = f"signal {name}: there is no message of the id {key & 0x7FFFFFFF}"
                    self._complain(what, extra.line)

    def _twice(self, messages: dict[int, Message]) -> None:
        lines: dict[str, int] = {}
        for key, message in messages.items():
            line = self._drafts.messages[key].line
            if message.name in lines:
                what = f"message {message.name}: the same name as in line {lines[message.name]}"
                self._complain(what, line, loses=False)
            lines.setdefault(message.name, line)
