"""DBC files: what their statements say of messages, signals and nodes that other lines define."""

from __future__ import annotations

import re

import msgspec

from edge.can.dbc.model import AttributeDefinition, Defect, Value
from edge.can.dbc.parse import LEAST, MOST, Drafts, key_of, number_of, start_of

_ID = r"([0-9]{1,15})"
_VAL = re.compile(rf"\s*VAL_\s+{_ID}\s+(\S+)\s+(.*)", re.DOTALL)
_TABLE_NAME = re.compile(r"\s*([A-Za-z_]\w*)[\s;]*$")
_VAL_TABLE = re.compile(r"\s*VAL_TABLE_\s+(\S+)\s+(.*)", re.DOTALL)
_PAIR = re.compile(r'([+-]?[0-9]{1,20})(?:\.0{0,20})?\s*"([^"]*)"')
_PAIR_ESCAPED = re.compile(r'([+-]?[0-9]{1,20})(?:\.0{0,20})?\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_VALTYPE = re.compile(rf"\s*SIG_VALTYPE_\s+{_ID}\s+([^\s:]+)[\s:]*([0-9])")
_MUL_VAL = re.compile(rf"\s*SG_MUL_VAL_\s+{_ID}\s+(\S+)\s+(\S+)\s+(.*)", re.DOTALL)
_RANGE = re.compile(r"([0-9]{1,15})\s*-\s*([0-9]{1,15})")
_NAME = r'([^\s"]+)(?=[\s"])'  # whole: to try its beginnings, too, would cost the square of its length
_OF = rf"(?:(?:(BO_)\s+{_ID}|(SG_)\s+{_ID}\s+{_NAME}|(BU_|EV_)\s+{_NAME})\s*)?"
_BA = re.compile(rf'\s*BA_\s+"([^"]*)"\s*{_OF}(".*"|[^\s;"]+)[\s;]*$', re.DOTALL)
_CM = re.compile(rf'\s*CM_\s+{_OF}"(.*)', re.DOTALL)
_BA_DEF = re.compile(r'\s*BA_DEF_\s+(?:(BU_|BO_|SG_|EV_)\s*)?"([^"]*)"\s*([A-Z]+)(.*)', re.DOTALL)
_BA_DEF_DEF = re.compile(r'\s*BA_DEF_DEF_\s+"([^"]*)"\s*(".*"|[^\s;"]+)[\s;]*$', re.DOTALL)
_BO_TX_BU = re.compile(rf"\s*BO_TX_BU_\s+{_ID}[\s:]*([^;]*)", re.DOTALL)
_STRING = re.compile(r'"([^"]*)"')


class Extra(msgspec.Struct):
    """What is said of a message, a signal or a node outside its own line; line: the first that says it."""

    line: int
    comment: str | None = None
    attributes: dict[str, Value] = {}
    choices: dict[int, str] = {}
    value_type: str = "0"
    chosen_by: tuple[str, tuple[tuple[int, int], ...]] | None = None
    senders: list[str] = []


class Said:
    """All of it, by key of message, name of signal and name of node."""

    def __init__(self, drafts: Drafts) -> None:
        self.messages: dict[int, Extra] = {}
        self.signals: dict[int, dict[str, Extra]] = {}
        self.nodes: dict[str, Extra] = {}
        self.network = Extra(0)
        self.definitions: dict[str, AttributeDefinition] = {}
        self._defects = drafts.defects
        self._line = 0
        self._tables: dict[str, dict[int, str]] = {}
        self._undefined: set[str] = set()
        self._values: dict[tuple[str, str], Value | None] = {}
        read = {
            "BA_DEF_": self._definition, "BA_DEF_DEF_": self._default, "VAL_TABLE_": self._table,
            "BO_TX_BU_": self._senders, "SIG_VALTYPE_": self._value_type, "SG_MUL_VAL_": self._multiplexed,
            "VAL_": self._choices, "CM_": self._comment, "BA_": self._attribute,
        }  # fmt: skip
        for keyword, statements in drafts.statements.items():
            take = read[keyword]
            for self._line, text in statements:
                if not take(text):
                    self._complain(f"not understood: {start_of(text)}")

    def default(self, name: str) -> Value | None:
        """Of an attribute."""
        definition = self.definitions.get(name)
        return definition.default if definition else None

    def _complain(self, what: str, loses: bool = True) -> None:
        self._defects.append(Defect(self._line, what, loses))

    def _of_message(self, number: str) -> Extra:
        key = key_of(int(number))
        return self.messages.get(key) or self.messages.setdefault(key, Extra(self._line))

    def _of_signal(self, number: str, name: str) -> Extra:
        key = key_of(int(number))
        signals = self.signals.get(key)
        if signals is None:
            signals = self.signals[key] = {}
        return signals.get(name) or signals.setdefault(name, Extra(self._line))

    def _of(self, groups: tuple[str, ...]) -> Extra:
        """Whom a comment or an attribute is about, from the groups of _OF."""
        message, message_id, signal, signal_id, signal_name, kind, name = groups
        if signal:
            return self._of_signal(signal_id, signal_name)
        if message:
            return self._of_message(message_id)
        if kind == "BU_":
            return self.nodes.get(name) or self.nodes.setdefault(name, Extra(self._line))
        return Extra(0) if kind else self.network  # environment variables are not read

    def _comment(self, text: str) -> bool:
        found = _CM.match(text)
        if not found:
            return False
        body = found[8].rstrip().removesuffix(";").rstrip().removesuffix('"').replace('\\"', '"')
        extra = self._of(found.groups()[:7])
        if extra is self.network:
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
        groups = found.groups()
        name = groups[0]
        known = name, groups[8]
        value = self._values.get(known)
        if value is None:
            value = self._values[known] = self._value(*known)
        if value is not None:
            self._of(groups[1:8]).attributes[name] = value
        return True

    def _value(self, name: str, text: str) -> Value | None:
        """The value of an attribute by its definition; None: it has none, which is complained of."""
        definition = self.definitions.get(name)
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
        number = number_of(text)
        if kind == "ENUM" and definition:
            if text in definition.choices:
                return text
            if isinstance(number, int) and 0 <= number < len(definition.choices):
                return definition.choices[number]
        if number is None:
            if text or kind != "ENUM":
                self._complain(f"attribute {name}: {text!r} is no value of it")
            return None
        whole = kind in ("INT", "HEX") and LEAST <= number <= MOST and number == number // 1
        return int(number) if whole else number

    def _definition(self, text: str) -> bool:
        found = _BA_DEF.match(text)
        if not found:
            return False
        choices = tuple(_STRING.findall(found[4])) if found[3] == "ENUM" else ()
        if found[2] in self.definitions:
            self._complain(f"attribute {found[2]}: defined twice, the last counts", loses=False)
        self.definitions[found[2]] = AttributeDefinition(found[1] or "", found[3], choices)
        return True

    def _default(self, text: str) -> bool:
        found = _BA_DEF_DEF.match(text)
        if not found:
            return False
        definition = self.definitions.get(found[1])
        value = self._value(found[1], found[2])
        if definition and value is not None:
            self.definitions[found[1]] = AttributeDefinition(
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
        choices = {raw: label for number, label in pairs if LEAST <= (raw := int(number)) <= MOST}
        if len(choices) < len(pairs):
            self._complain(f"value table of {name}: a value named twice or too great", loses=False)
        if escaped:
            choices = {number: label.replace('\\"', '"') for number, label in choices.items()}
        elif text.count('"') != 2 * len(pairs):
            self._complain(f"value table of {name}: not all of it is understood")
        return choices
