"""Decoding one frame: straight-line Python, generated once per message for the signals that are asked for.

Only numbers enter the generated code, never a name or other text of a DBC file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence

from edge.can.dbc import Message, Signal
from edge.can.decode.field import is_whole, j1939_limit

Values = tuple[float | None, ...]
"""One per signal asked for: None when multiplexing leaves it out of this frame, NaN when the frame is too
short to hold it or it says "error" or "not available" as J1939 does."""

_Numbers = Callable[[int, int], Values]
_NAN = float("nan")


def decoder(message: Message, names: Sequence[str]) -> Callable[[bytes], Values]:
    """A function from the data of a frame, of any length, to the physical values of these signals, in this
    order.

    The values equal cantools' in every bit. Raises KeyError for a name that the message does not have.
    """
    signals = {signal.name: signal for signal in message.signals}
    wanted = [signals[name] for name in names]
    width = _width(message)
    full = _compile(
        "data",
        [f"data = data.ljust({width}, b'\\0')[:{width}]"],
        _values(message, wanted, signals, width),
        width,
    )
    ends = [signal.bytes_needed() for signal in wanted]
    chooser_ends = [max((c.bytes_needed() for c in _choosers(s, signals)), default=0) for s in wanted]
    longest = max([*ends, *chooser_ends], default=0)

    def decode(data: bytes) -> Values:
        values = full(data)
        size = len(data)
        if size < longest:
            return tuple(
                None if value is None or chooser_end > size else value if end <= size else _NAN
                for value, end, chooser_end in zip(values, ends, chooser_ends, strict=True)
            )
        return values

    return decode


def word_decoder(message: Message, names: Sequence[str]) -> _Numbers:
    """The same for the 8 bytes of a frame, given as a little-endian and as a big-endian number.

    The signals must be within these bytes, and the frame long enough for all of them.
    """
    signals = {signal.name: signal for signal in message.signals}
    return _compile("little, big", [], _values(message, [signals[name] for name in names], signals, 8), None)


def _width(message: Message) -> int:
    needed = [signal.bytes_needed() for signal in message.signals]
    return max([8 if message.length <= 8 else 64, *needed])


def _compile(parameters: str, first: Sequence[str], result: str, width: int | None) -> Callable[..., Values]:
    code = [f"def decode({parameters}):", *(f" {line}" for line in first)]
    if width is not None:
        orders = [order for order in ("little", "big") if order in result]
        code += [f" {order} = int.from_bytes(data, '{order}')" for order in orders]
    code += [f" return ({result})"]
    scope: dict[str, Callable[..., Values]] = {}
    exec("\n".join(code), {"_float": _float, "_nan": _NAN}, scope)
    return scope["decode"]


def _values(message: Message, wanted: Sequence[Signal], signals: Mapping[str, Signal], width: int) -> str:
    j1939 = message.pgn is not None
    return " ".join(_value(signal, signals, width, j1939) + "," for signal in wanted)


def _value(signal: Signal, signals: Mapping[str, Signal], width: int, j1939: bool) -> str:
    limit = j1939_limit(signal) if j1939 else None
    raw = _raw(signal, width)
    if signal.is_float:
        raw = f"_float({raw}, {signal.length})"
    value = _scaled("raw" if limit is not None else raw, signal)
    if limit is not None:
        value = f"({value} if (raw := {raw}) <= {limit} else _nan)"
    conditions = _conditions(signal, signals, width)
    return f"({value} if {' and '.join(conditions)} else None)" if conditions else value


def _scaled(raw: str, signal: Signal) -> str:
    """As a float: a whole number, however long, times 1.0 is rounded as float() does."""
    scale, offset = signal.scale, signal.offset
    if scale == 1 and offset == 0:
        return raw if signal.is_float else f"{raw} * 1.0"
    if not signal.is_float and is_whole(scale) and is_whole(offset):
        return f"({raw} * {int(scale)} + {int(offset)}) * 1.0"
    if offset == 0 and scale > 0 and not signal.is_float:
        return f"{raw} * {scale!r}"
    return f"{raw} * {scale!r} + {offset!r}"


def _raw(signal: Signal, width: int) -> str:
    first, end = signal.span()
    number, shift = ("little", first) if signal.little_endian else ("big", width * 8 - end)
    raw = f"({number} >> {shift} & {(1 << signal.length) - 1})"
    if signal.signed and not signal.is_float:
        half = 1 << signal.length - 1
        raw = f"(({raw} ^ {half}) - {half})"
    return raw


def _choosers(signal: Signal, signals: Mapping[str, Signal]) -> list[Signal]:
    found = []
    while signal.chosen_by:
        signal = signals[signal.chosen_by[0]]
        found.append(signal)
    return found


def _conditions(signal: Signal, signals: Mapping[str, Signal], width: int) -> list[str]:
    conditions: list[str] = []
    while signal.chosen_by:
        name, ranges = signal.chosen_by
        signal = signals[name]
        chooser = _raw(signal, width)
        tests = [f"{low} <= {chooser} <= {high}" for low, high in ranges]
        conditions.insert(0, f"({' or '.join(tests) or 'False'})")
    return conditions


_FORMATS = {16: ("<H", "<e"), 32: ("<I", "<f"), 64: ("<Q", "<d")}


def _float(raw: int, bits: int) -> float:
    integer, floating = _FORMATS[bits]
    return struct.unpack(floating, struct.pack(integer, raw))[0]
