"""OBD-II mode 01: what the bytes of each parameter (PID) say. Source: SAE J1979 (2017), appendix B."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of an answer: value None where it is no number or not available; text: in words or hex."""

    name: str
    value: float | None
    unit: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class _Field:
    """value = number * scale + offset; divisor in place of scale where that is the exact way."""

    name: str
    unit: str
    first: int
    size: int
    scale: float = 1.0
    offset: float = 0.0
    divisor: float = 1.0
    signed: bool = False
    absent: int | None = None  # this raw number says that there is no such thing

    def read(self, data: bytes) -> Reading:
        number = int.from_bytes(data[self.first : self.first + self.size], "big", signed=self.signed)
        if number == self.absent:
            return Reading(self.name, None, self.unit, "not fitted")
        return Reading(self.name, number * self.scale / self.divisor + self.offset, self.unit)


def _one(
    name: str,
    unit: str,
    size: int = 1,
    scale: float = 1.0,
    offset: float = 0.0,
    divisor: float = 1.0,
    signed: bool = False,
) -> tuple[_Field, ...]:
    return (_Field(name, unit, 0, size, scale, offset, divisor, signed),)


def _percent(name: str) -> tuple[_Field, ...]:
    return _one(name, "%", scale=100, divisor=255)


def _trims(what: str, banks: tuple[int, int]) -> tuple[_Field, ...]:
    return tuple(_Field(f"{what}, bank {bank}", "%", i, 1, 100, -100, 128) for i, bank in enumerate(banks))


def _fields() -> dict[int, tuple[_Field, ...]]:
    pids = {
        0x01: (),  # flags: see readings
        0x04: _percent("calculated engine load"),
        0x05: _one("engine coolant temperature", "degC", offset=-40),
        0x06: _one("short term fuel trim, bank 1", "%", 1, 100, -100, divisor=128),
        0x07: _one("long term fuel trim, bank 1", "%", 1, 100, -100, divisor=128),
        0x08: _one("short term fuel trim, bank 2", "%", 1, 100, -100, divisor=128),
        0x09: _one("long term fuel trim, bank 2", "%", 1, 100, -100, divisor=128),
        0x0A: _one("fuel pressure", "kPa", scale=3),
        0x0B: _one("intake manifold absolute pressure", "kPa"),
        0x0C: _one("engine speed", "rpm", 2, divisor=4),
        0x0D: _one("vehicle speed", "km/h"),
        0x0E: _one("timing advance", "deg", divisor=2, offset=-64),
        0x0F: _one("intake air temperature", "degC", offset=-40),
        0x10: _one("mass air flow", "g/s", 2, divisor=100),
        0x11: _percent("throttle position"),
        0x1F: _one("time since engine start", "s", 2),
        0x21: _one("distance with the malfunction indicator on", "km", 2),
        0x22: _one("fuel rail pressure, relative to manifold", "kPa", 2, scale=0.079),
        0x23: _one("fuel rail gauge pressure", "kPa", 2, scale=10),
        0x2C: _percent("commanded exhaust gas recirculation"),
        0x2D: _one("exhaust gas recirculation error", "%", 1, 100, -100, divisor=128),
        0x2E: _percent("commanded evaporative purge"),
        0x2F: _percent("fuel tank level"),
        0x30: _one("warm-ups since codes were cleared", ""),
        0x31: _one("distance since codes were cleared", "km", 2),
        0x32: _one("evaporative system vapour pressure", "Pa", 2, divisor=4, signed=True),
        0x33: _one("barometric pressure", "kPa"),
        0x42: _one("control module voltage", "V", 2, divisor=1000),
        0x43: _one("absolute load", "%", 2, scale=100, divisor=255),
        0x44: _one("commanded air-fuel equivalence ratio", "", 2, scale=2, divisor=65536),
        0x45: _percent("relative throttle position"),
        0x46: _one("ambient air temperature", "degC", offset=-40),
        0x47: _percent("absolute throttle position B"),
        0x48: _percent("absolute throttle position C"),
        0x49: _percent("accelerator pedal position D"),
        0x4A: _percent("accelerator pedal position E"),
        0x4B: _percent("accelerator pedal position F"),
        0x4C: _percent("commanded throttle actuator"),
        0x4D: _one("time with the malfunction indicator on", "min", 2),
        0x4E: _one("time since codes were cleared", "min", 2),
        0x52: _percent("ethanol in the fuel"),
        0x53: _one("absolute evaporative system vapour pressure", "kPa", 2, divisor=200),
        0x54: _one("evaporative system vapour pressure", "Pa", 2, signed=True),
        0x55: _trims("short term secondary oxygen sensor trim", (1, 3)),
        0x56: _trims("long term secondary oxygen sensor trim", (1, 3)),
        0x57: _trims("short term secondary oxygen sensor trim", (2, 4)),
        0x58: _trims("long term secondary oxygen sensor trim", (2, 4)),
        0x59: _one("fuel rail absolute pressure", "kPa", 2, scale=10),
        0x5A: _percent("relative accelerator pedal position"),
        0x5B: _percent("hybrid battery remaining life"),
        0x5C: _one("engine oil temperature", "degC", offset=-40),
        0x5D: _one("fuel injection timing", "deg", 2, divisor=128, offset=-210),
        0x5E: _one("engine fuel rate", "l/h", 2, divisor=20),
        0x61: _one("driver's demand engine torque", "%", offset=-125),
        0x62: _one("actual engine torque", "%", offset=-125),
        0x63: _one("engine reference torque", "Nm", 2),
        0xA6: _one("odometer", "km", 4, divisor=10),
    }  # fmt: skip
    for n in range(8):
        sensor = f"oxygen sensor {n + 1}"
        pids[0x14 + n] = (
            _Field(f"{sensor} voltage", "V", 0, 1, divisor=200),
            _Field(f"{sensor} short term trim", "%", 1, 1, 100, -100, 128, absent=0xFF),
        )
        ratio = _Field(f"{sensor} air-fuel equivalence ratio", "", 0, 2, 2, 0, 65536)
        pids[0x24 + n] = (ratio, _Field(f"{sensor} voltage", "V", 2, 2, 8, 0, 65536))
        pids[0x34 + n] = (ratio, _Field(f"{sensor} current", "mA", 2, 2, 1, -128, 256))
    for n, place in enumerate(
        ("bank 1, sensor 1", "bank 2, sensor 1", "bank 1, sensor 2", "bank 2, sensor 2")
    ):
        pids[0x3C + n] = _one(f"catalyst temperature, {place}", "degC", 2, divisor=10, offset=-40)
    return pids


_FIELDS = _fields()

LENGTHS: dict[int, int] = {
    **{pid: max((f.first + f.size for f in fields), default=4) for pid, fields in _FIELDS.items()},
    **dict.fromkeys(range(0x00, 0xE0, 0x20), 4),
    0x02: 2, 0x03: 2, 0x12: 1, 0x13: 1, 0x1C: 1, 0x1D: 1, 0x1E: 1, 0x41: 4, 0x4F: 4, 0x50: 4, 0x51: 1,
    0x5F: 1, 0x64: 5,
}  # fmt: skip
"""Data bytes of each PID that we know; of others an answer's end cannot be told if several were asked."""

_FUELS = (
    "not available", "gasoline", "methanol", "ethanol", "diesel", "LPG", "CNG", "propane", "electric",
    "bifuel running gasoline", "bifuel running methanol", "bifuel running ethanol", "bifuel running LPG",
    "bifuel running CNG", "bifuel running propane", "bifuel running electric",
    "bifuel running electric and combustion", "hybrid gasoline", "hybrid ethanol", "hybrid diesel",
    "hybrid electric", "hybrid running electric and combustion", "hybrid regenerative",
    "bifuel running diesel",
)  # fmt: skip


def supported(pid: int, data: bytes) -> tuple[int, ...]:
    """Which PIDs an ECU has, of the 32 after 0x00, 0x20, 0x40, ..."""
    bits = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
    return tuple(pid + 1 + n for n in range(32) if bits >> 31 - n & 1)


def readings(pid: int, data: bytes) -> tuple[Reading, ...]:
    """What the data of one PID says; of a PID that we do not know its bytes in hex.

    Raises ValueError if there are fewer bytes than it takes.
    """
    length = LENGTHS.get(pid)
    if length is not None and len(data) < length:
        raise ValueError(f"PID {pid:02X} has {length} bytes, not {len(data)}")
    if pid % 0x20 == 0 and pid < 0xE0:
        found = supported(pid, data)
        text = " ".join(f"{one:02X}" for one in found)
        return (Reading(f"supported PIDs {pid + 1:02X} to {pid + 0x20:02X}", float(len(found)), "", text),)
    if pid == 0x01:
        return (
            Reading("malfunction indicator", float(data[0] >> 7), "", "on" if data[0] & 0x80 else "off"),
            Reading("stored trouble codes", float(data[0] & 0x7F)),
        )
    if pid == 0x51:
        name = _FUELS[data[0]] if data[0] < len(_FUELS) else ""
        return (Reading("fuel type", float(data[0]), "", name),)
    if pid in _FIELDS:
        return tuple(field.read(data) for field in _FIELDS[pid])
    return (Reading(f"PID {pid:02X}", None, "", data.hex(" ").upper()),)


def split(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The PIDs of an answer (after its service byte) and their data; one of unknown length takes the rest."""
    while data:
        pid = data[0]
        length = LENGTHS.get(pid, len(data) - 1)
        yield pid, data[1 : 1 + length]
        data = data[1 + length :]
