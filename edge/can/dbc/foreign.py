"""ARXML, KCD and SYM files: read by cantools (an extra), turned into our Database."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.can.dbc import check as check
from edge.can.dbc.model import Database, DbcError, Defect, Message, Node, Signal, pgn_of
from edge.can.frames import KEY_EXTENDED

if TYPE_CHECKING:
    import cantools.database.can as foreign

SUFFIXES = (".arxml", ".kcd", ".sym")


def read_foreign(path: str | Path) -> Database:
    """A file in one of the formats of SUFFIXES. Raises DbcError if it cannot be read or cantools is missing.

    What has no counterpart here is a defect: containers of other messages, conversions that are not linear.
    """
    try:
        import cantools
    except ImportError:
        raise DbcError(f"{path}: reading it needs cantools: pip install icv-edge[desktop]") from None
    try:
        loaded: Any = cantools.database.load_file(str(path), strict=False, sort_signals=None)
    except OSError as error:
        raise DbcError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (
        cantools.Error, SyntaxError, ValueError, LookupError, TypeError, AttributeError, AssertionError,
        ArithmeticError, RecursionError,
    ) as error:  # fmt: skip
        raise DbcError(f"{path}: cantools cannot read it: {error or type(error).__name__}") from None
    if not hasattr(loaded, "messages"):
        raise DbcError(f"{path}: describes no CAN messages")
    defects: list[Defect] = []
    messages: dict[int, Message] = {}
    for theirs in loaded.messages:
        message = _message(theirs, defects)
        if message.key in messages:
            what = f"message {message.name}: the same id as {messages[message.key].name}, which it replaces"
            defects.append(Defect(0, what))
        messages[message.key] = message
        defects += check.message(message, 0, [0] * len(message.signals), None)
    if not messages:
        defects.append(Defect(0, "defines no message"))
    nodes = tuple(Node(node.name, node.comment) for node in loaded.nodes)
    return Database(str(path), messages, tuple(defects), version=loaded.version or "", nodes=nodes)


def _message(theirs: foreign.Message, defects: list[Defect]) -> Message:
    if theirs.is_container:
        what = f"message {theirs.name}: the messages in this container are left out"
        defects.append(Defect(0, what))
    signals = {}
    for signal in theirs.signals:
        ours = _signal(signal)
        if isinstance(ours, str):
            defects.append(Defect(0, f"signal {signal.name} of {theirs.name}: {ours}, left out"))
        else:
            signals[signal.name] = ours
    there = {name: signal for name, signal in signals.items() if _reaches(signal, signals)}
    for name in signals.keys() - there.keys():
        defects.append(Defect(0, f"signal {name} of {theirs.name}: its multiplexer is unusable, left out"))
    j1939 = theirs.protocol == "j1939" and theirs.is_extended_frame
    return Message(
        key=theirs.frame_id | (KEY_EXTENDED if theirs.is_extended_frame else 0),
        name=theirs.name,
        length=theirs.length,
        sender=theirs.senders[0] if theirs.senders else "",
        signals=tuple(there.values()),
        cycle_ms=theirs.cycle_time or None,
        comment=theirs.comment,
        senders=tuple(theirs.senders),
        is_fd=bool(theirs.is_fd),
        pgn=pgn_of(theirs.frame_id) if j1939 else None,
    )


def _signal(theirs: foreign.signal.Signal) -> Signal | str:
    """The signal, or why there is none."""
    conversion: Any = theirs.conversion
    scale, offset = getattr(conversion, "scale", 1), getattr(conversion, "offset", 0)
    if isinstance(scale, list) or not isinstance(scale, (int, float)) or not isinstance(offset, (int, float)):
        return "its conversion is not linear"
    if not 0 < theirs.length <= 64 or scale == 0 or not (isfinite(scale) and isfinite(offset)):
        return f"{theirs.length} bits, scale {scale}, offset {offset}: cannot be"
    if theirs.is_float and theirs.length not in (16, 32, 64):
        return f"a float of {theirs.length} bits"
    minimum, maximum = theirs.minimum, theirs.maximum
    if minimum is None or maximum is None or minimum >= maximum:
        minimum = maximum = None
    chosen_by = None
    if theirs.multiplexer_signal is not None:
        ids = sorted(theirs.multiplexer_ids or ())
        chosen_by = (theirs.multiplexer_signal, tuple(_ranges(ids)))
    return Signal(
        name=theirs.name,
        start=theirs.start,
        length=theirs.length,
        little_endian=theirs.byte_order == "little_endian",
        signed=bool(theirs.is_signed),
        scale=scale,
        offset=offset,
        minimum=minimum,
        maximum=maximum,
        unit=theirs.unit or "",
        is_float=bool(theirs.is_float),
        is_multiplexer=bool(theirs.is_multiplexer),
        chosen_by=chosen_by,
        choices={int(raw): str(name) for raw, name in (theirs.choices or {}).items()},
        receivers=tuple(theirs.receivers),
        comment=theirs.comment,
        initial_raw=theirs.raw_initial if isinstance(theirs.raw_initial, (int, float)) else None,
    )


def _ranges(ids: list[int]) -> list[tuple[int, int]]:
    """Ascending numbers as ranges."""
    ranges: list[tuple[int, int]] = []
    for number in ids:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def _reaches(signal: Signal, signals: dict[str, Signal]) -> bool:
    """Whether its multiplexers lead to one that is always there."""
    seen = set()
    while signal.chosen_by:
        name = signal.chosen_by[0]
        if name in seen or name not in signals:
            return False
        seen.add(name)
        signal = signals[name]
    return True
