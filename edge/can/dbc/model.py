"""What a CAN database says: messages, signals, nodes, attributes, and what was wrong with the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from edge.can.frames import KEY_EXTENDED
from edge.config import UserError

Value = str | int | float
"""Of an attribute; an enumeration's is its name."""


class DbcError(UserError):
    """A file that is no CAN database; the text says which and why."""


class Signal(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One signal: physical value = raw * scale + offset.

    start: as in the file, the least significant bit if little_endian, else the most significant, counted from
    bit 0 of byte 0 up. is_float: IEEE 754 of that length. minimum, maximum: physical, None when the file
    gives no range. chosen_by: name of the multiplexing signal and the raw ranges for which this one is there.
    choices: names of raw values. initial_raw: GenSigStartValue. attributes: those that the file sets.
    """

    name: str
    start: int
    length: int
    little_endian: bool
    signed: bool
    scale: float | int
    offset: float | int
    minimum: float | int | None
    maximum: float | int | None
    unit: str
    is_float: bool = False
    is_multiplexer: bool = False
    chosen_by: tuple[str, tuple[tuple[int, int], ...]] | None = None
    choices: dict[int, str] = {}
    receivers: tuple[str, ...] = ()
    comment: str | None = None
    initial_raw: float | int | None = None
    attributes: dict[str, Value] = {}

    def span(self) -> tuple[int, int]:
        """First and one past the last bit that it takes, bit 0 of byte 0 first, or bit 7 if big-endian."""
        first = self.start if self.little_endian else self.start ^ 7
        return first, first + self.length

    def bytes_needed(self) -> int:
        """How long a frame must be to hold it."""
        return (self.span()[1] + 7) // 8

    def raw_range(self) -> tuple[int, int]:
        """Smallest and greatest raw integer that fits."""
        if self.signed:
            return -(1 << self.length - 1), (1 << self.length - 1) - 1
        return 0, (1 << self.length) - 1


class Message(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One message.

    key: the id, bit 31 set if extended; length in bytes; sender: as in the file; senders: all that may send
    it, without the format's name for nobody. cycle_ms: GenMsgCycleTime, None if not given. attributes: those
    that the file sets. is_fd: VFrameFormat says CAN FD. pgn: the J1939 parameter group by which to match it,
    whatever the priority, source and destination; None: by its id.
    """

    key: int
    name: str
    length: int
    sender: str
    signals: tuple[Signal, ...]
    cycle_ms: float | int | None = None
    attributes: dict[str, Value] = {}
    comment: str | None = None
    senders: tuple[str, ...] = ()
    is_fd: bool = False
    pgn: int | None = None

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


class Node(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One control unit."""

    name: str
    comment: str | None = None
    attributes: dict[str, Value] = {}


class AttributeDefinition(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """BA_DEF_: of what ("BU_", "BO_", "SG_", "EV_", "" the network), its type (INT, HEX, FLOAT, STRING,
    ENUM), the names of an ENUM, and the value of all that set none (BA_DEF_DEF_)."""

    of: str
    type: str
    choices: tuple[str, ...] = ()
    default: Value | None = None


class Defect(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is wrong in a line of a file (0: it is not known which); loses: something that it means
    cannot be had from the database."""

    line: int
    what: str
    loses: bool = True


class Database(msgspec.Struct, frozen=True, array_like=True):
    """A file: the messages by key, the rest, and what was wrong.

    encoding: in which the file was read. comment, attributes: of the network.
    """

    path: str
    messages: Mapping[int, Message]
    found: tuple[Defect, ...] = ()
    encoding: str = ""
    version: str = ""
    nodes: tuple[Node, ...] = ()
    comment: str | None = None
    attributes: dict[str, Value] = {}
    definitions: dict[str, AttributeDefinition] = {}

    @property
    def defects(self) -> tuple[str, ...]:
        """What was wrong: "FILE:LINE: what", without the line where a format has none."""
        return tuple(
            f"{self.path}:{defect.line}: {defect.what}" if defect.line else f"{self.path}: {defect.what}"
            for defect in self.found
        )

    def named(self, name: str) -> Message | None:
        """The message of that name."""
        return next((message for message in self.messages.values() if message.name == name), None)


Databases = Sequence[tuple[Database, str | None]]
"""Each with the bus that it describes; None: every bus."""


def pgn_of(id: int) -> int:
    """The parameter group number in a 29-bit id, or in its key (SAE J1939-21, 5.1.2): when PF is below 240,
    PS is the destination and not part of it."""
    pgn = id >> 8 & 0x3FFFF
    return pgn & 0x3FF00 if pgn >> 8 & 0xFF < 240 else pgn
