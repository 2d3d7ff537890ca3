"""What is wrong with a message whose lines were all understood."""

from __future__ import annotations

from functools import lru_cache

from edge.can.dbc.model import Defect, Message, Signal

_MAX_PAIRS = 20_000
_EXTENDED_FORMATS = ("ExtendedCAN", "ExtendedCAN_FD", "J1939PG")


def message(message: Message, line: int, lines: list[int], frame_format: object) -> list[Defect]:
    """The defects of a message in `line`, its signals in `lines`. frame_format: its own VFrameFormat."""
    defects = []
    transported = message.is_fd or message.pgn is not None
    if message.length > 8 and not transported:
        what = f"message {message.name}: {message.length} bytes, but its VFrameFormat is neither FD nor J1939"
        defects.append(Defect(line, what, loses=False))
    if isinstance(frame_format, str) and (frame_format in _EXTENDED_FORMATS) != message.extended:
        width = 29 if message.extended else 11
        what = f"message {message.name}: VFrameFormat {frame_format}, but an id of {width} bits"
        defects.append(Defect(line, what, loses=False))
    taken, overlap, multiplexed = 0, False, False
    limit = 8 * message.length
    for signal, at in zip(message.signals, lines, strict=True):
        bits = _bits(signal.start, signal.length, signal.little_endian)
        if bits >> limit:
            what = f"signal {signal.name}: beyond the {message.length} bytes of {message.name}"
            defects.append(Defect(at, what))
        overlap = overlap or bool(bits & taken)
        taken |= bits
        multiplexed = multiplexed or signal.chosen_by is not None
        if signal.choices:
            defects += _choices(signal, at)
    if multiplexed:
        defects += _unreachable(message, lines)
    if overlap:
        defects += _overlaps(message, lines)
    return defects


@lru_cache(maxsize=8192)
def _bits(start: int, length: int, little_endian: bool) -> int:
    """The bits that a signal takes, bit 0 of byte 0 the lowest."""
    if little_endian:
        return (1 << length) - 1 << start
    first = start ^ 7  # in the order of transmission, bit 7 of byte 0 the first
    size = (first + length + 7) // 8
    mask = (1 << length) - 1 << 8 * size - first - length
    return int.from_bytes(mask.to_bytes(size, "big"), "little")


def range_trouble(
    length: int, signed: bool, scale: float, offset: float, minimum: float, maximum: float
) -> str | None:
    """What is wrong with a physical range that the bits cannot hold."""
    least, most = (-(1 << length - 1), (1 << length - 1) - 1) if signed else (0, (1 << length) - 1)
    low, high = least * scale + offset, most * scale + offset
    if low > high:
        low, high = high, low
    half_step = abs(scale) / 2
    if minimum >= low - half_step and maximum <= high + half_step:
        return None
    return f"[{minimum}|{maximum}] is beyond what {length} bits hold, [{low:.10g}|{high:.10g}]"


def _choices(signal: Signal, line: int) -> list[Defect]:
    """Names of values that the bits cannot hold."""
    least, most = signal.raw_range()
    beyond = [raw for raw in signal.choices if not least <= raw <= most]
    if not beyond or signal.is_float:
        return []
    what = f"signal {signal.name}: names the value {beyond[0]}, which {signal.length} bits cannot hold"
    return [Defect(line, what, loses=False)]


def _unreachable(message: Message, lines: list[int]) -> list[Defect]:
    """Signals for which no value of their multiplexer is in the ranges."""
    defects = []
    signals = {signal.name: signal for signal in message.signals}
    for signal, line in zip(message.signals, lines, strict=True):
        if not signal.chosen_by:
            continue
        name, ranges = signal.chosen_by
        least, most = signals[name].raw_range()
        if not any(low <= high and low <= most and high >= least for low, high in ranges):
            what = f"signal {signal.name}: never there, {name} cannot have such a value"
            defects.append(Defect(line, what))
        elif not signals[name].is_multiplexer:
            what = f"signal {signal.name}: its multiplexer {name} is not marked as one (M)"
            defects.append(Defect(line, what, loses=False))
    return defects


Condition = tuple[tuple[str, tuple[tuple[int, int], ...]], ...]


def _overlaps(message: Message, lines: list[int]) -> list[Defect]:
    """Signals that share bits and can be in the same frame."""
    signals = {signal.name: signal for signal in message.signals}
    groups: dict[Condition, list[tuple[Signal, int, int]]] = {}
    for signal, line in zip(message.signals, lines, strict=True):
        bits = _bits(signal.start, signal.length, signal.little_endian)
        groups.setdefault(_condition(signal, signals), []).append((signal, bits, line))
    defects: list[Defect] = []
    masks: dict[Condition, int] = {}
    pairs = 0
    too_many = f"message {message.name}: too many signals share bits to look for all overlaps"
    for condition, group in groups.items():
        taken = 0
        for at, (signal, bits, line) in enumerate(group):
            if bits & taken:
                pairs += at
                if pairs > _MAX_PAIRS:
                    return [*defects, Defect(lines[0], too_many, loses=False)]
                others = [other.name for other, its, _ in group[:at] if its & bits]
                defects.append(_overlap(signal, others, line))
            taken |= bits
        masks[condition] = taken
    always = () in groups
    conditions = list(groups)
    simple = len({c[0][0] for c in conditions if c}) == 1 and all(
        len(c) <= 1 and all(low == high for low, high in c[0][1][:2]) and len(c[0][1]) == 1
        for c in conditions
        if c
    )  # then no two values of the one multiplexer come together
    for at, one in enumerate(conditions):
        rivals = ([()] if always and one else []) if simple else conditions[:at]
        for other in rivals:
            pairs += 1
            if pairs > _MAX_PAIRS:
                return [*defects, Defect(lines[0], too_many, loses=False)]
            if masks[one] & masks[other] and not _exclusive(one, other):
                for signal, bits, line in groups[one]:
                    if bits & masks[other]:
                        others = [rival.name for rival, its, _ in groups[other] if its & bits]
                        defects.append(_overlap(signal, others, line))
    return defects


def _overlap(signal: Signal, others: list[str], line: int) -> Defect:
    shown = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return Defect(line, f"signal {signal.name}: overlaps {shown}", loses=False)


def _condition(signal: Signal, signals: dict[str, Signal]) -> Condition:
    """What multiplexers must be for it to be there, the nearest first."""
    condition = []
    while signal.chosen_by:
        condition.append(signal.chosen_by)
        signal = signals[signal.chosen_by[0]]
    return tuple(condition)


def _exclusive(one: Condition, other: Condition) -> bool:
    ranges = dict(one)
    for name, theirs in other:
        if name in ranges and not any(
            low <= high_ and low_ <= high for low, high in ranges[name] for low_, high_ in theirs
        ):
            return True
    return False
