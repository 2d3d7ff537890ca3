"""Decoding: straight-line Python, generated once per message for the signals that are asked for.

Only numbers enter the generated code, never a name or other text of a DBC file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from edge.can.dbc import Message, Signal

Values = tuple[float | None, ...]
"""One per signal asked for: None when multiplexing leaves it out of this frame, NaN when the frame is too
short to hold it."""


def decoder(message: Message, names: Sequence[str]) -> Callable[[bytes], Values]:
    """A function from the data of a frame to the physical values of these signals, in this order.

    The values equal cantools' in every bit. Raises KeyError for a name that the message does not have.
    """
    signals = {signal.name: signal for signal in message.signals}
    wanted = [signals[name] for name in names]
    width = max([8 if message.length <= 8 else 64, *(signal.bytes_needed() for signal in message.signals)])
    result = " ".join(_value(signal, signals, width) + "," for signal in wanted)
    code = ["def decode(data):", f" data = data.ljust({width}, b'\\0')[:{width}]"]
    code += [f" {order} = int.from_bytes(data, '{order}')" for order in ("little", "big") if order in result]
    code += [f" return ({result})"]
    scope: dict[str, Callable[[bytes], Values]] = {}
    exec("\n".join(code), {"_float": _float}, scope)
    full = scope["decode"]
    ends = [_end(signal, signals) for signal in wanted]
    longest = max(ends, default=0)

    def decode(data: bytes) -> Values:
        values = full(data)
        if len(data) < longest:
            size = len(data)
            return tuple(
                value if end <= size else float("nan") for value, end in zip(values, ends, strict=True)
            )
        return values

    return decode


def _value(signal: Signal, signals: dict[str, Signal], width: int) -> str:
    raw = _raw(signal, width)
    if signal.is_float:
        raw = f"_float({raw}, {signal.length})"
    if signal.scale == 1 and signal.offset == 0:
        value = raw
    elif not signal.is_float and all(_is_exact(number) for number in (signal.scale, signal.offset)):
        value = f"{raw} * {int(signal.scale)} + {int(signal.offset)}"
    else:
        value = f"{raw} * {signal.scale!r} + {signal.offset!r}"
    value = f"float({value})"
    conditions = _conditions(signal, signals, width)
    return f"({value} if {' and '.join(conditions)} else None)" if conditions else value


def _is_exact(number: float | int) -> bool:
    return abs(number) < 1e200 and float(number).is_integer()


def _raw(signal: Signal, width: int) -> str:
    first, end = signal.span()
    number, shift = ("little", first) if signal.little_endian else ("big", width * 8 - end)
    raw = f"({number} >> {shift} & {(1 << signal.length) - 1})"
    if signal.signed and not signal.is_float:
        half = 1 << signal.length - 1
        raw = f"(({raw} ^ {half}) - {half})"
    return raw


def _conditions(signal: Signal, signals: dict[str, Signal], width: int) -> list[str]:
    conditions: list[str] = []
    while signal.chosen_by:
        name, ranges = signal.chosen_by
        signal = signals[name]
        chooser = _raw(signal, width)
        tests = [f"{low} <= {chooser} <= {high}" for low, high in ranges]
        conditions.insert(0, f"({' or '.join(tests) or 'False'})")
    return conditions


def _end(signal: Signal, signals: dict[str, Signal]) -> int:
    end = signal.bytes_needed()
    return max(end, _end(signals[signal.chosen_by[0]], signals)) if signal.chosen_by else end


_FORMATS = {16: ("<H", "<e"), 32: ("<I", "<f"), 64: ("<Q", "<d")}


def _float(raw: int, bits: int) -> float:
    integer, floating = _FORMATS[bits]
    return struct.unpack(floating, struct.pack(integer, raw))[0]
