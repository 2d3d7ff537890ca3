"""Diagnostic questions that only read, and what their answers say: OBD-II mode 01 and UDS.

Sources: SAE J1979 and ISO 15031-5 (OBD-II), ISO 14229-1:2020 (UDS), SAE J2012 (trouble codes).
"""

from __future__ import annotations

from dataclasses import dataclass

from edge.can.transport import obd
from edge.can.transport.obd import Reading

CURRENT_DATA, READ_DTC, READ_DATA, TESTER_PRESENT = 0x01, 0x19, 0x22, 0x3E
NEGATIVE = 0x7F
PENDING = 0x78
_BY_STATUS_MASK = 0x02

STATUS_BITS = (
    "test failed", "test failed this cycle", "pending", "confirmed", "not tested since cleared",
    "test failed since cleared", "not tested this cycle", "warning indicator requested",
)  # fmt: skip
"""Of a trouble code's status, from bit 0 up: ISO 14229-1, D.2."""

REFUSALS = {
    0x10: "general reject", 0x11: "service not supported", 0x12: "sub-function not supported",
    0x13: "incorrect message length or format", 0x14: "response too long", 0x21: "busy, repeat request",
    0x22: "conditions not correct", 0x24: "request sequence error", 0x25: "no response from a sub-net",
    0x26: "failure prevents execution", 0x31: "request out of range", 0x33: "security access denied",
    0x34: "authentication required", 0x35: "invalid key", 0x36: "exceeded number of attempts",
    0x37: "required time delay not expired", 0x70: "upload or download not accepted",
    0x71: "transfer data suspended", 0x72: "general programming failure",
    0x73: "wrong block sequence counter", 0x78: "response pending",
    0x7E: "sub-function not supported in this session", 0x7F: "service not supported in this session",
    0x81: "engine speed too high", 0x82: "engine speed too low", 0x83: "engine is running",
    0x84: "engine is not running", 0x85: "engine has not run long enough", 0x86: "temperature too high",
    0x87: "temperature too low", 0x88: "vehicle speed too high", 0x89: "vehicle speed too low",
    0x8A: "throttle or pedal too high", 0x8B: "throttle or pedal too low",
    0x8C: "transmission not in neutral", 0x8D: "transmission not in gear", 0x8F: "brake not applied",
    0x90: "shifter not in park", 0x91: "torque converter clutch locked", 0x92: "voltage too high",
    0x93: "voltage too low",
}  # fmt: skip
"""Negative response codes: ISO 14229-1, A.1."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer. service: that was asked; identifier: PID (the first), data identifier or sub-function, None
    where there is none; refusal: the negative response code; readings: what was told."""

    service: int
    identifier: int | None = None
    refusal: int | None = None
    readings: tuple[Reading, ...] = ()

    @property
    def why(self) -> str:
        """The refusal in words, "" if it is none."""
        if self.refusal is None:
            return ""
        return REFUSALS.get(self.refusal, f"negative response {self.refusal:02X}")


def request(service: int, identifier: int) -> bytes:
    """The bytes of a question: 0x01 with a PID, 0x22 with a data identifier, 0x19 (trouble codes by status)
    with a status mask, 0x3E. Raises ValueError for another service or an identifier that does not fit."""
    size = {CURRENT_DATA: 1, READ_DTC: 1, READ_DATA: 2, TESTER_PRESENT: 0}.get(service)
    if size is None:
        raise ValueError(f"service {service:02X} is not one that only reads")
    if not 0 <= identifier < 1 << 8 * size and (size or identifier):
        raise ValueError(f"service {service:02X}: identifier {identifier:#x} does not fit {size} bytes")
    if service == READ_DTC:
        return bytes([service, _BY_STATUS_MASK, identifier])
    if service == TESTER_PRESENT:
        return bytes([service, 0])
    return bytes([service]) + identifier.to_bytes(size, "big")


def answered_identifier(service: int, identifier: int) -> int | None:
    """The `Answered.identifier` of an answer to this question."""
    return {READ_DTC: _BY_STATUS_MASK, TESTER_PRESENT: None}.get(service, identifier)


def answer(data: bytes) -> Answered:
    """What an answer says; the value of a data identifier is its maker's affair: its bytes in hex.

    Raises ValueError if it is none to the services that `request` knows, or cut short.
    """
    if len(data) >= 3 and data[0] == NEGATIVE:
        return Answered(data[1], refusal=data[2])
    service = data[0] - 0x40 if data else -1
    if service == CURRENT_DATA and len(data) >= 2:
        parts = list(obd.split(data[1:]))
        return Answered(
            service, parts[0][0], None, tuple(r for pid, d in parts for r in obd.readings(pid, d))
        )
    if service == READ_DATA and len(data) >= 3:
        identifier = int.from_bytes(data[1:3], "big")
        reading = Reading(f"data {identifier:04X}", None, "", data[3:].hex(" ").upper())
        return Answered(service, identifier, None, (reading,))
    if service == READ_DTC and len(data) >= 3 and data[1] == _BY_STATUS_MASK and len(data) % 4 == 3:
        codes = trouble_codes(data[3:])
        text = "; ".join(f"{code} {', '.join(status_words(status))}".strip() for code, status in codes)
        return Answered(service, data[1], None, (Reading("trouble codes", float(len(codes)), "", text),))
    if service == TESTER_PRESENT and len(data) >= 2:
        return Answered(service, None, None, (Reading("tester present", None, "", "heard"),))
    raise ValueError(f"no answer that is known here: {data[:16].hex(' ').upper()}")


def trouble_codes(data: bytes) -> tuple[tuple[str, int], ...]:
    """(code, status) of records of four bytes, as reportDTCByStatusMask gives them (ISO 14229-1, 12.3)."""
    return tuple((trouble_code(data[i : i + 3]), data[i + 3]) for i in range(0, len(data) - 3, 4))


def trouble_code(data: bytes) -> str:
    """Two or three bytes as people write them: P0420, or P0420-1C with a failure type (J2012-DA)."""
    number = int.from_bytes(data[:2], "big")
    text = f"{'PCBU'[number >> 14]}{number >> 12 & 3}{number & 0xFFF:03X}"
    return f"{text}-{data[2]:02X}" if len(data) > 2 and data[2] else text


def status_words(status: int) -> tuple[str, ...]:
    """The set bits of a trouble code's status in words."""
    return tuple(words for bit, words in enumerate(STATUS_BITS) if status >> bit & 1)
