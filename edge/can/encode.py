"""Encoding: physical values to the data of a frame, with counter and checksum where the file tells how."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from edge.can.dbc import Database, Message, Signal

CHECKSUM_ATTRIBUTE = "IcvChecksum"
"""A message of a DBC file with BA_ "IcvChecksum" "CRC8_SAE_J1850" has its checksum in the signal CHECKSUM."""

_CRC8 = "CRC8_SAE_J1850"
_FORMATS = {16: ("<e", "<H"), 32: ("<f", "<I"), 64: ("<d", "<Q")}


class EncodeError(ValueError):
    """A value that does not fit or a name that does not exist; the text says which."""


def encode(message: Message, values: Mapping[str, float]) -> bytes:
    """The data of a frame, message.length bytes. Values are physical; those not given are raw 0.

    A signal that multiplexing leaves out must not be given. CHECKSUM is filled where the DBC file says how.
    Raises EncodeError for an unknown name or a value that does not fit its bits.
    """
    unknown = sorted(set(values) - {signal.name for signal in message.signals})
    if unknown:
        raise EncodeError(f"message {message.name} has no signal {', '.join(unknown)}")
    width = message.length * 8
    raw = {
        signal.name: _raw(signal, values[signal.name]) for signal in message.signals if signal.name in values
    }
    number = 0
    for signal in message.signals:
        if signal.name not in raw:
            continue
        if not _is_there(message, signal, raw):
            raise EncodeError(
                f"{message.name}.{signal.name}: not in this frame, by the value of its multiplexer"
            )
        number |= _placed(message, signal, raw[signal.name], width)
    data = number.to_bytes(message.length, "little")
    if message.attributes.get(CHECKSUM_ATTRIBUTE) == _CRC8 and "CHECKSUM" not in values:
        data = _with_checksum(message, data)
    return data


def checksum_holds(message: Message, data: bytes) -> bool | None:
    """Whether the CHECKSUM of a frame is right; None: the DBC file does not say how it is made."""
    if message.attributes.get(CHECKSUM_ATTRIBUTE) != _CRC8:
        return None
    return len(data) == message.length and _with_checksum(message, data) == data


class Encoder:
    """Encodes the messages of a database by name and keeps their counters.

    A signal COUNTER that is not given goes up by one with each frame of its message, and wraps.
    """

    def __init__(self, database: Database) -> None:
        self._messages = {message.name: message for message in database.messages.values()}
        self._counters: dict[str, int] = {}

    def message(self, name: str) -> Message:
        """The message of that name. Raises EncodeError."""
        if name not in self._messages:
            raise EncodeError(f"no message {name} in the DBC file")
        return self._messages[name]

    def encode(self, name: str, values: Mapping[str, float]) -> tuple[int, bytes]:
        """Key (bit 31 marks an extended id) and data. Raises EncodeError as `encode` and `message` do."""
        message = self.message(name)
        counter = message.signal("COUNTER")
        if counter and "COUNTER" not in values:
            count = self._counters.get(name, 0)
            values = {**values, "COUNTER": count}
            self._counters[name] = (count + 1) % (1 << counter.length)
        return message.key, encode(message, values)


def crc8_sae_j1850(data: bytes) -> int:
    """CRC-8 SAE J1850: polynomial 0x1D, start 0xFF, final XOR 0xFF (the check of "123456789" is 0x4B)."""
    crc = 0xFF
    for byte in data:
        crc = _CRC8_TABLE[crc ^ byte]
    return crc ^ 0xFF


def _crc8_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte << 1) ^ (0x11D if byte & 0x80 else 0)
    return byte


_CRC8_TABLE = tuple(_crc8_of(byte) for byte in range(256))


def _with_checksum(message: Message, data: bytes) -> bytes:
    """CRC-8 over the id (high byte, low byte) and the data without the checksum's own byte."""
    signal = message.signal("CHECKSUM")
    if signal is None or signal.length != 8 or signal.span()[0] % 8:
        return data
    at = signal.span()[0] // 8
    crc = crc8_sae_j1850((message.id & 0xFFFF).to_bytes(2, "big") + data[:at] + data[at + 1 :])
    return data[:at] + bytes([crc]) + data[at + 1 :]


def _raw(signal: Signal, value: float) -> int:
    """The raw bits, as an unsigned integer; the nearest raw value, ties to even."""
    try:
        if signal.is_float:
            floating, integer = _FORMATS[signal.length]
            number = (value - signal.offset) / signal.scale
            return struct.unpack(integer, struct.pack(floating, number))[0]
        exact = isinstance(value, int) and signal.scale == 1 and isinstance(signal.offset, int)
        raw = value - signal.offset if exact else round((value - signal.offset) / signal.scale)
    except (ValueError, OverflowError):
        raise EncodeError(f"{signal.name}: {value} cannot be encoded") from None
    low, high = signal.raw_range()
    if not low <= raw <= high:
        least, most = sorted((low * signal.scale + signal.offset, high * signal.scale + signal.offset))
        raise EncodeError(f"{signal.name}: {value} is not within {least} to {most} {signal.unit}".rstrip())
    return int(raw) & ((1 << signal.length) - 1)


def _is_there(message: Message, signal: Signal, raw: Mapping[str, int]) -> bool:
    while signal.chosen_by:
        name, ranges = signal.chosen_by
        chooser = raw.get(name, 0)
        if not any(low <= chooser <= high for low, high in ranges):
            return False
        found = message.signal(name)
        if found is None:
            return False
        signal = found
    return True


def _placed(message: Message, signal: Signal, raw: int, width: int) -> int:
    first, end = signal.span()
    if end > width:
        raise EncodeError(f"{message.name}.{signal.name}: beyond the {message.length} bytes of its message")
    if signal.little_endian:
        return raw << first
    return int.from_bytes((raw << width - end).to_bytes(message.length, "big"), "little")
