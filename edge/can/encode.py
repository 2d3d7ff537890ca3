"""Encoding: values to the data of a frame, with counter and checksum where it is known how they are made."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from edge import config
from edge.can.dbc import Database, Message, Signal
from edge.can.decode.field import is_whole
from edge.can.protection import Protection, protection_of

Value = float | int | str
"""A number, or the name that the DBC file gives to a raw value."""

_FORMATS = {16: ("<e", "<H"), 32: ("<f", "<I"), 64: ("<d", "<Q")}


class EncodeError(ValueError):
    """A value that does not fit or a name that does not exist; the text says which."""


def encode(message: Message, values: Mapping[str, Value], *, raw: bool = False, strict: bool = True) -> bytes:
    """The data of a frame, message.length bytes, without counter or checksum: see Encoder.

    values by signal: physical, or as they are sent if raw (numbers, also of float signals). What is not given
    is GenSigStartValue, else raw 0. Strict: a physical value must be within the DBC's range, too, not only
    within its bits. A signal that multiplexing leaves out must not be given. Raises EncodeError for an
    unknown name or a value that does not fit.
    """
    unknown = sorted(set(values) - {signal.name for signal in message.signals})
    if unknown:
        raise EncodeError(f"message {message.name} has no signal {', '.join(unknown)}")
    bits = {}
    for signal in message.signals:
        if signal.name in values:
            bits[signal.name] = _bits(signal, values[signal.name], raw, strict)
        else:
            bits[signal.name] = _start(signal)
    number = 0
    width = message.length * 8
    for signal in sorted(message.signals, key=lambda one: one.name in values):  # what is given lies on top
        name, given = signal.name, signal.name in values
        end = signal.span()[1]
        there = _is_there(message, signal, bits)
        if given and not there:
            raise EncodeError(f"{message.name}.{name}: not in this frame, by the value of its multiplexer")
        if given and end > width:
            raise EncodeError(f"{message.name}.{name}: beyond the {message.length} bytes of its message")
        if there and end <= width:
            mask = _placed(signal, (1 << signal.length) - 1, message.length)
            number = number & ~mask | _placed(signal, bits[name], message.length)
    return number.to_bytes(message.length, "little")


class Encoder:
    """Encodes the messages of a database by name, with their counters and checksums.

    How those are made: see protection.protection_of; any other signal COUNTER goes up by one with each frame
    of its message, and wraps. One that is given is sent as it is given. Raises ConfigError for a [protection]
    that cannot be.
    """

    def __init__(self, database: Database, vehicle: config.Vehicle | None = None) -> None:
        self._database = database
        self._vehicle = vehicle
        self._messages = {message.name: message for message in database.messages.values()}
        self._protections: dict[str, Protection | None] = {}
        for name in vehicle.protection if vehicle else ():
            if name in self._messages:
                self._protection(self._messages[name])  # so that its faults are told at once

    def message(self, name: str) -> Message:
        """The message of that name. Raises EncodeError."""
        if name not in self._messages:
            raise EncodeError(f"no message {name} in the DBC file")
        return self._messages[name]

    def encode(
        self, name: str, values: Mapping[str, Value], *, raw: bool = False, strict: bool = True
    ) -> tuple[int, bytes]:
        """Key (bit 31 marks an extended id) and data. Raises EncodeError as `encode` and `message` do."""
        message = self.message(name)
        data = encode(message, values, raw=raw, strict=strict)
        protection = self._protection(message)
        return message.key, protection.fill(data, values.keys()) if protection else data

    def _protection(self, message: Message) -> Protection | None:
        if message.name not in self._protections:
            found = protection_of(message, self._vehicle, self._database)
            if found is None and message.signal("COUNTER"):
                found = protection_of(message, _counting(message.name))
            self._protections[message.name] = found
        return self._protections[message.name]


def _counting(name: str) -> config.Vehicle:
    return config.Vehicle(title="", protection={name: config.Protection(kind="counter")})


def _bits(signal: Signal, value: Value, raw: bool, strict: bool) -> int:
    """What is sent, as an unsigned integer; the nearest raw value, ties to even."""
    if isinstance(value, str):
        chosen = next((number for number, name in signal.choices.items() if name == value), None)
        if chosen is None:
            known = ", ".join(signal.choices.values()) or "none"
            raise EncodeError(f"{signal.name}: no choice {value!r}; there are: {known}")
        return _bits(signal, chosen, True, strict)
    if strict and not raw:
        _check_range(signal, value)
    try:
        if signal.is_float:
            floating, integer = _FORMATS[signal.length]
            number = value if raw else (value - signal.offset) / signal.scale
            return int(struct.unpack(integer, struct.pack(floating, number))[0])
        sent = round(value) if raw else _raw(signal, value)
    except (ValueError, OverflowError):
        raise EncodeError(f"{signal.name}: {value} cannot be encoded") from None
    low, high = signal.raw_range()
    if not low <= sent <= high:
        least, most = (low, high) if raw else sorted(n * signal.scale + signal.offset for n in (low, high))
        raise EncodeError(f"{signal.name}: {value} is not within {least} to {most} {signal.unit}".rstrip())
    return sent & ((1 << signal.length) - 1)


def _start(signal: Signal) -> int:
    try:
        return _bits(signal, signal.initial_raw or 0, True, False)
    except EncodeError:
        return 0  # a start value that does not fit is a slip of the file


def _raw(signal: Signal, value: float | int) -> int:
    if isinstance(value, int) and is_whole(signal.scale) and is_whole(signal.offset):
        whole, rest = divmod(value - int(signal.offset), int(signal.scale))
        if not rest:
            return whole  # exact beyond the 53 bits of a float
    return round((value - signal.offset) / signal.scale)


def _check_range(signal: Signal, value: float) -> None:
    low, high, rounding = signal.minimum, signal.maximum, abs(signal.scale) * 1e-6
    if (low is not None and value < low - rounding) or (high is not None and value > high + rounding):
        raise EncodeError(f"{signal.name}: {value} is not within {low} to {high} {signal.unit}".rstrip())


def _is_there(message: Message, signal: Signal, bits: Mapping[str, int]) -> bool:
    while signal.chosen_by:
        name, ranges = signal.chosen_by
        chooser = message.signal(name)
        if chooser is None or not any(low <= bits[name] <= high for low, high in ranges):
            return False
        signal = chooser
    return True


def _placed(signal: Signal, bits: int, length: int) -> int:
    """The bits at their place in the frame's data, read as a little-endian number."""
    first, end = signal.span()
    if signal.little_endian:
        return bits << first
    return int.from_bytes((bits << length * 8 - end).to_bytes(length, "big"), "little")
