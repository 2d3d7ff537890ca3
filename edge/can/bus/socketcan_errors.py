"""Error frames in words. Source: Linux include/uapi/linux/can/error.h.

Such a frame is made by the driver: its id is a set of classes, its data say more about them.
"""

from __future__ import annotations

LOST_ARBITRATION, CONTROLLER, PROTOCOL, TRANSCEIVER, NO_ACK = 0x02, 0x04, 0x08, 0x10, 0x20
BUS_OFF, BUS_ERROR, RESTARTED, COUNTERS = 0x40, 0x80, 0x100, 0x200
TX_TIMEOUT = 0x01

RX_OVERFLOW, TX_OVERFLOW = 0x01, 0x02  # data[1], of a CONTROLLER frame
WARNING, PASSIVE, ACTIVE = 0x04 | 0x08, 0x10 | 0x20, 0x40

_CONTROLLER = (
    (RX_OVERFLOW, "receive overflow of the controller"),
    (TX_OVERFLOW, "transmit overflow of the controller"),
    (0x04, "error warning, receiving"),
    (0x08, "error warning, sending"),
    (0x10, "error passive, receiving"),
    (0x20, "error passive, sending"),
    (ACTIVE, "error active again"),
)
_VIOLATIONS = (
    (0x01, "single bit"),
    (0x02, "form"),
    (0x04, "bit stuffing"),
    (0x08, "dominant bit read as recessive"),
    (0x10, "recessive bit read as dominant"),
    (0x20, "overload"),
    (0x40, "active error announced"),
    (0x80, "while sending"),
)
_PLACES = {
    0x03: "start of frame", 0x02: "id bits 28-21", 0x06: "id bits 20-18", 0x04: "SRR bit", 0x05: "IDE bit",
    0x07: "id bits 17-13", 0x0F: "id bits 12-5", 0x0E: "id bits 4-0", 0x0C: "RTR bit", 0x0D: "reserved bit 1",
    0x09: "reserved bit 0", 0x0B: "data length", 0x0A: "data", 0x08: "CRC", 0x18: "CRC delimiter",
    0x19: "ACK slot", 0x1B: "ACK delimiter", 0x1A: "end of frame", 0x12: "intermission",
}  # fmt: skip
_WIRE_HIGH = {4: "broken", 5: "shorted to the battery", 6: "shorted to the supply", 7: "shorted to ground"}


def error_words(kind: int, data: bytes) -> str:
    """What an error frame says: "bus-off", "protocol violation: bit stuffing, in data", ...; "error" if it
    says nothing. kind: its id; data: its data, of 8 bytes."""
    data = data.ljust(8, b"\0")
    said: list[str] = []
    if kind & BUS_OFF:
        said.append("bus-off")
    if kind & RESTARTED:
        said.append("controller restarted")
    if kind & TX_TIMEOUT:
        said.append("sending timed out")
    if kind & NO_ACK:
        said.append("nobody acknowledges")
    if kind & CONTROLLER:
        said += [word for bit, word in _CONTROLLER if data[1] & bit] or ["controller trouble"]
    if kind & PROTOCOL:
        what = [word for bit, word in _VIOLATIONS if data[2] & bit]
        place = f", in {_PLACES[data[3]]}" if data[3] in _PLACES else ""
        said.append("protocol violation" + (": " if what else "") + ", ".join(what) + place)
    if kind & TRANSCEIVER:
        said.append(_transceiver(data[4]))
    if kind & LOST_ARBITRATION:
        said.append("arbitration lost" + (f" in bit {data[0]}" if data[0] else ""))
    if kind & BUS_ERROR and not kind & PROTOCOL:
        said.append("bus error")
    counts = error_counts(kind, data)
    if counts is not None:
        said.append(f"{counts[0]} errors sending, {counts[1]} receiving")
    return "; ".join(said) or "error"


def error_counts(kind: int, data: bytes) -> tuple[int, int] | None:
    """The controller's counters, sending and receiving, if the frame has them: older drivers do not mark
    them, so zeros of theirs count as unknown."""
    if kind & COUNTERS or (kind & CONTROLLER and (data[6] or data[7])):
        return data[6], data[7]
    return None


def _transceiver(status: int) -> str:
    said = []
    if status & 0x0F in _WIRE_HIGH:
        said.append(f"CAN-H {_WIRE_HIGH[status & 0x0F]}")
    if status >> 4 == 8:
        said.append("CAN-L shorted to CAN-H")
    elif status >> 4 in _WIRE_HIGH:
        said.append(f"CAN-L {_WIRE_HIGH[status >> 4]}")
    return "transceiver: " + (", ".join(said) or "trouble")
