"""DBC files, the second half of reading one: drafts, and what is said of them, joined to messages."""

from __future__ import annotations

from msgspec.structs import replace

from edge.can.dbc import check as check
from edge.can.dbc.model import Database, Defect, Message, Node, Signal, Value, pgn_of
from edge.can.dbc.parse import INDEPENDENT_KEY, Draft, Drafts
from edge.can.dbc.said import Extra, Said
from edge.can.frames import KEY_EXTENDED

_NOBODY = "Vector__XXX"
_FRAME_FORMATS = {
    0: "StandardCAN",
    1: "ExtendedCAN",
    3: "J1939PG",
    14: "StandardCAN_FD",
    15: "ExtendedCAN_FD",
}
_NOTHING = Extra(0)
_TOO_DEEP = 9  # multiplexers, one within the other; real ones stay below 4


def join(drafts: Drafts, path: str, encoding: str) -> Database:
    """The database of a text."""
    said = Said(drafts)
    joiner = _Joiner(drafts, said)
    messages = {key: joiner.message(draft) for key, draft in drafts.messages.items()}
    drafts.defects += _of_none(said) + _twice(drafts, messages)
    if not messages:
        drafts.defects.append(Defect(1, "defines no message (BO_)"))
    drafts.defects.sort(key=lambda defect: defect.line)
    nodes = {name: said.nodes.get(name, _NOTHING) for name in drafts.nodes}
    return Database(
        path=path,
        messages=messages,
        found=tuple(drafts.defects),
        encoding=encoding,
        version=drafts.version,
        nodes=tuple(
            Node(joiner.long_nodes.get(name, name), of.comment, of.attributes) for name, of in nodes.items()
        ),
        comment=said.network.comment,
        attributes=said.network.attributes,
        definitions=said.definitions,
    )


class _Joiner:
    def __init__(self, drafts: Drafts, said: Said) -> None:
        self._said = said
        self._defects = drafts.defects
        self._receivers: dict[str, tuple[str, ...]] = {}
        self.long_nodes = {
            name: _text(extra, "SystemNodeLongSymbol") or name for name, extra in said.nodes.items()
        }
        start = said.default("GenSigStartValue")
        self._start_value = None if isinstance(start, str) else start
        self._cycle = said.default("GenMsgCycleTime")
        self._format = said.default("VFrameFormat")
        self._j1939 = said.network.attributes.get("ProtocolType") == "J1939"

    def _complain(self, what: str, line: int, loses: bool = True) -> None:
        self._defects.append(Defect(line, what, loses))

    def message(self, draft: Draft) -> Message:
        """The message, taken out of what is said, so that what is left there is said of none."""
        extra = self._said.messages.pop(draft.key, _NOTHING)
        extras = self._said.signals.pop(draft.key, {})
        signals, lines = self._signals_of(draft, extras)
        if not extras.keys() <= draft.signals.keys():
            for name, unknown in extras.items():
                if name not in draft.signals:
                    self._complain(f"speaks of signal {name}, which {draft.name} does not have", unknown.line)
        attributes = extra.attributes
        cycle = attributes.get("GenMsgCycleTime", self._cycle)
        own_format = _frame_format(attributes.get("VFrameFormat"))
        frame_format = own_format or _frame_format(self._format)
        j1939 = draft.key >= KEY_EXTENDED and (
            frame_format == "J1939PG" or (self._j1939 and own_format is None)
        )
        sender = self.long_nodes.get(draft.sender, draft.sender)
        senders = [sender] if sender and sender != _NOBODY else []
        if extra.senders:
            senders += [self.long_nodes.get(n, n) for n in extra.senders if n not in (_NOBODY, draft.sender)]
        message = Message(
            draft.key,
            _text(extra, "SystemMessageLongSymbol") or draft.name,
            draft.length,
            sender,
            tuple(signals),
            None if cycle is None or isinstance(cycle, str) or cycle <= 0 else cycle,
            attributes,
            extra.comment,
            tuple(dict.fromkeys(senders)),
            frame_format is not None and frame_format.endswith("CAN_FD"),
            pgn_of(draft.key & 0x1FFFFFFF) if j1939 else None,
        )
        self._defects += check.message(message, draft.line, lines, own_format)
        return message

    def _signals_of(self, draft: Draft, extras: dict[str, Extra]) -> tuple[list[Signal], list[int]]:
        """The signals that can be decoded, and their lines."""
        signals: dict[str, Signal] = {}
        selected: dict[str, int] = {}
        ranged, start_value = False, self._start_value
        for name, (line, mux, layout, unit, rest) in draft.signals.items():
            start, length, little, signed, scale, offset, minimum, maximum, impossible, odd = layout
            if impossible:
                self._complain(f"signal {name}: {impossible}, left out", line)
                continue
            if unit is None:
                self._complain(f"signal {name}: a unit that does not end", line)
            receivers = self._receivers.get(rest)
            if receivers is None:
                receivers = self._receivers[rest] = self._receivers_of(rest)
            multiplexer = False
            if mux:
                multiplexer = mux[-1] == "M"
                if mux != "M":
                    selected[name] = int(mux[1:].removesuffix("M"))
            extra = extras.get(name)
            if extra is None:
                if odd:
                    self._complain(f"signal {name}: {odd}", line, loses=False)
                signals[name] = Signal(
                    name, start, length, little, signed, scale, offset, minimum, maximum, unit or "",
                    False, multiplexer, None, {}, receivers, None, start_value,
                )  # fmt: skip
                continue
            ranged = ranged or extra.chosen_by is not None
            is_float = extra.value_type in ("1", "2")
            if is_float and length not in (16, 32, 64):
                self._complain(f"signal {name}: a float of {length} bits, left out", extra.line)
                continue
            if odd and not is_float:
                self._complain(f"signal {name}: {odd}", line, loses=False)
            initial = extra.attributes.get("GenSigStartValue", start_value)
            signals[name] = Signal(
                name, start, length, little, signed, scale, offset, minimum, maximum, unit or "",
                is_float, multiplexer, None, extra.choices, receivers, extra.comment,
                None if isinstance(initial, str) else initial, extra.attributes,
            )  # fmt: skip
        if selected or ranged:
            signals = self._selected(draft, signals, selected, extras)
        if any("SystemSignalLongSymbol" in extra.attributes for extra in extras.values()):
            signals = self._renamed(draft, signals, extras)
        return list(signals.values()), [draft.signals[name][0] for name in signals]

    def _receivers_of(self, rest: str) -> tuple[str, ...]:
        names = tuple(rest.replace(",", " ").split())
        return () if names == (_NOBODY,) else tuple(self.long_nodes.get(name, name) for name in names)

    def _selected(
        self, draft: Draft, signals: dict[str, Signal], selected: dict[str, int], extras: dict[str, Extra]
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
        depths: dict[str, int] = {}  # how many multiplexers stand above it; _TOO_DEEP: they lead nowhere

        def depth_of(name: str) -> int:
            chain = []
            while name not in depths and name in signals and name in chosen_by:
                depths[name] = _TOO_DEEP  # until shown otherwise: who comes back here goes in a circle
                chain.append(name)
                name = chosen_by[name][0]
            depth = depths.get(name, 0 if name in signals else _TOO_DEEP)
            for below in reversed(chain):
                depth = depths[below] = min(depth + 1, _TOO_DEEP)
            return depth

        for name in list(signals):
            if name in chosen_by and depth_of(name) == _TOO_DEEP:
                by = chosen_by[name][0]
                why = (
                    f"its multiplexer {by} is unusable" if by else f"multiplexed by {len(outermost)} signals"
                )
                self._complain(f"signal {name}: {why}, left out", draft.signals[name][0])
        return {
            name: replace(signal, chosen_by=chosen_by[name]) if name in chosen_by else signal
            for name, signal in signals.items()
            if depths.get(name, 0) < _TOO_DEEP
        }

    def _renamed(
        self, draft: Draft, signals: dict[str, Signal], extras: dict[str, Extra]
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


def _text(extra: Extra, name: str) -> str | None:
    value = extra.attributes.get(name)
    return value if isinstance(value, str) else None


def _frame_format(value: Value | None) -> str | None:
    """The name of a VFrameFormat, which some files define as a number."""
    return value if value is None or isinstance(value, str) else _FRAME_FORMATS.get(int(value))


def _of_none(said: Said) -> list[Defect]:
    """What is said of messages that are not there."""
    defects = []
    for key, extra in said.messages.items():
        if key != INDEPENDENT_KEY:
            defects.append(Defect(extra.line, f"speaks of message {key & ~KEY_EXTENDED}, which there is not"))
    for key, signals in said.signals.items():
        for name, extra in signals.items():
            if key != INDEPENDENT_KEY:
                what = f"speaks of signal {name} of message {key & ~KEY_EXTENDED}, which there is not"
                defects.append(Defect(extra.line, what))
    return defects


def _twice(drafts: Drafts, messages: dict[int, Message]) -> list[Defect]:
    """Messages of one name, or of one parameter group."""
    defects: list[Defect] = []
    lines: dict[str, int] = {}
    groups: dict[int, str] = {}
    for key, message in messages.items():
        line = drafts.messages[key].line
        if lines.setdefault(message.name, line) != line:
            what = f"message {message.name}: the same name as in line {lines[message.name]}"
            defects.append(Defect(line, what, loses=False))
        if message.pgn is not None and groups.setdefault(message.pgn, message.name) != message.name:
            what = f"message {message.name}: the same PGN {message.pgn} as {groups[message.pgn]}"
            defects.append(Defect(line, what, loses=False))
    return defects
