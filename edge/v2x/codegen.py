"""From a schema table to two straight-line Python functions, in Unaligned PER (ITU-T X.691).

Every run of fields of fixed width, however deeply nested, becomes one range check, one advance and a few
shifts of one big int. Presence bitmaps, extension bits and indexes are such fields too. What a newer version
of a standard has added is skipped by its length, as X.691 intends. Clauses are those of X.691 (02/2021).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    CodecError,
    Enumerated,
    Integer,
    Octets,
    Open,
    Sequence,
    SequenceOf,
    Type,
    Unread,
    fault,
)

_CHUNK_BITS = 60
"""Fields are cut out of, and put into, the big int by chunks that CPython handles as two digits."""


class Codec:
    """The functions for one type.

    encode(value) -> bytes and decode(bytes) -> value raise CodecError and nothing else; decode refuses
    octets left over and padding that is not zero. source: what was generated, to read.
    """

    def __init__(self, name: str, kind: Type) -> None:
        self.name = name
        self.kind = kind
        writer, reader = _Writer(), _Reader()
        self.source = writer.function(kind, name) + "\n" + reader.function(kind, name)
        names: dict[str, Any] = {
            **writer.constants, **reader.constants,
            "CodecError": CodecError, "fault": fault, "KIND": kind,
            "read_length": _read_length, "read_small": _read_small, "read_integer": _read_integer,
            "skip_additions": _skip_additions, "out_of_range": _out_of_range, "length_bits": _length_bits,
        }  # fmt: skip
        exec(compile(self.source, f"<uper {name}>", "exec"), names)
        self.encode: Callable[[Any], bytes] = names["encode"]
        self.decode: Callable[[bytes], Any] = names["decode"]


# ---------------------------------------------------------------- what the generated functions call


def _read_length(n: int, r: int, where: str) -> tuple[int, int]:
    """A length determinant, clause 11.9.3.5 to 7; not fragmented (16 K and more)."""
    r -= 8
    length = n >> r & 0xFF if r >= 0 else 0
    if length & 0x80:
        r -= 8
        length = n >> r & 0x3FFF if r >= 0 else 0
        if r >= 0 and n >> r & 0x4000:
            raise CodecError(where, "longer than 16383, which no message of a radio is")
    if r < 0:
        raise CodecError(where, "the data ends here")
    return length, r


def _read_small(n: int, r: int, where: str) -> tuple[int, int]:
    """A normally small non-negative whole number, clause 11.6."""
    r -= 7
    if r < 0:
        raise CodecError(where, "the data ends here")
    if not n >> r & 0x40:
        return n >> r & 0x3F, r
    octets, r = _read_length(n, r + 6, where)
    r -= 8 * octets
    if r < 0:
        raise CodecError(where, "the data ends here")
    return n >> r & (1 << 8 * octets) - 1, r


def _read_integer(n: int, r: int, where: str) -> tuple[int, int]:
    """An integer outside its root range, clause 13.2.4: two's complement with a length."""
    octets, r = _read_length(n, r, where)
    r -= 8 * octets
    if r < 0 or octets == 0:
        raise CodecError(where, "the data ends here")
    value = n >> r & (1 << 8 * octets) - 1
    return value - (value >> 8 * octets - 1 << 8 * octets), r


def _skip_additions(n: int, r: int, where: str) -> int:
    """Pass over the extension additions of a SEQUENCE, clause 19.7 to 9."""
    count, r = _read_small(n, r, where)
    count += 1
    r -= count
    if r < 0:
        raise CodecError(where, "the data ends here")
    for _ in range((n >> r & (1 << count) - 1).bit_count()):
        octets, r = _read_length(n, r, where)
        r -= 8 * octets
        if r < 0:
            raise CodecError(where, "the data ends here")
    return r


def _out_of_range(checks: tuple[tuple[int, int, str], ...]) -> CodecError:
    value, span, where = next(c for c in checks if c[0] > c[1])
    return CodecError(where, f"{value - span} above the highest value")


def _length_bits(length: int) -> tuple[int, int]:
    """A length determinant and how many bits it takes."""
    if length > 0x3FFF:
        raise ValueError(length)
    return (length, 8) if length < 0x80 else (length | 0x8000, 16)


# ---------------------------------------------------------------- the generators


def _width(low: int, high: int) -> int:
    return (high - low).bit_length()


def _optional(kind: Sequence) -> list[str]:
    return [name for name in kind.members if name.endswith("?")]


class _Generator:
    """Lines of one function, and the run of fixed-width fields that is still open."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.constants: dict[str, Any] = {}
        self._depth = 1
        self._names = 0

    def name(self, prefix: str) -> str:
        self._names += 1
        return f"{prefix}{self._names}"

    def constant(self, value: Any) -> str:
        name = self.name(type(self).__name__[1] + "_")
        self.constants[name] = value
        return name

    def line(self, text: str) -> None:
        self.lines.append("    " * self._depth + text)

    def flush(self) -> None:
        raise NotImplementedError

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        """A conditional part: what is open before it and in it must be dealt with where it is."""
        self.flush()
        self.line(head)
        self._depth += 1
        start = len(self.lines)
        yield
        self.flush()
        if len(self.lines) == start:
            self.line("pass")
        self._depth -= 1


def _chunks(widths: list[int]) -> Iterator[tuple[int, int]]:
    """Slices (from, to) of the fields, each of at most _CHUNK_BITS or of one field."""
    start = total = 0
    for i, width in enumerate(widths):
        if i > start and total + width > _CHUNK_BITS:
            yield start, i
            start, total = i, 0
        total += width
    if start < len(widths):
        yield start, len(widths)


class _Reader(_Generator):
    """decode(data): n is all bits as one int, r how many are still to be read."""

    def __init__(self) -> None:
        super().__init__()
        self._fields: list[tuple[str, int, str]] = []  # variable, width, where
        self._checks: list[tuple[str, int, str]] = []  # variable, highest value, where
        self._after: list[str] = []

    def function(self, kind: Type, name: str) -> str:
        value = self.read(kind, name)
        self.flush()
        self.line("if r > 7:")
        self.line(f"    raise CodecError({name!r}, f'{{r // 8}} octets left over')")
        self.line("if r and n & (1 << r) - 1:")
        self.line(f"    raise CodecError({name!r}, 'the padding is not zero')")
        self.line(f"return {value}")
        head = ["def decode(data):", "    n = int.from_bytes(data, 'big')", "    r = len(data) * 8"]
        return "\n".join(head + self.lines) + "\n"

    def field(self, width: int, where: str) -> str:
        variable = self.name("v")
        self._fields.append((variable, width, where))
        return variable

    def then(self, text: str) -> None:
        """A line for after the open run."""
        self._after.append(text)

    def flush(self) -> None:
        fields, checks, after = self._fields, self._checks, self._after
        self._fields, self._checks, self._after = [], [], []
        if fields:
            widths = [width for _, width, _ in fields]
            self.advance(str(sum(widths)), fields[0][2])
            left = sum(widths)
            for start, end in _chunks(widths):
                size = sum(widths[start:end])
                left -= size
                source = f"n >> r + {left}" if left else "n >> r"
                if end - start == 1:
                    self.line(f"{fields[start][0]} = {source} & {(1 << size) - 1}")
                    continue
                self.line(f"w = {source} & {(1 << size) - 1}")
                for variable, width, _ in fields[start:end]:
                    size -= width
                    self.line(f"{variable} = w{f' >> {size}' if size else ''} & {(1 << width) - 1}")
        if checks:
            self.line(f"if {' or '.join(f'{v} > {high}' for v, high, _ in checks)}:")
            tests = "".join(f"({v}, {high}, {where!r}), " for v, high, where in checks)
            self.line(f"    raise out_of_range(({tests}))")
        for text in after:
            self.line(text)

    def advance(self, width: str, where: str) -> None:
        self.line(f"r -= {width}")
        self.line("if r < 0:")
        self.line(f"    raise CodecError({where!r}, 'the data ends here')")

    def number(self, low: int, high: int, where: str) -> str:
        """A constrained whole number, clause 11.5."""
        width = _width(low, high)
        if width == 0:
            return str(low)
        variable = self.field(width, where)
        if high - low != (1 << width) - 1:
            self._checks.append((variable, high - low, where))
        return f"{variable} + {low}" if low > 0 else f"{variable} - {-low}" if low else variable

    def read(self, kind: Type, where: str) -> str:
        """An expression for the value, good once the open run is flushed."""
        if isinstance(kind, Integer):
            return self.integer(kind, where)
        if isinstance(kind, Boolean):
            return f"{self.field(1, where)} == 1"
        if isinstance(kind, Enumerated):
            return self.enumerated(kind, where)
        if isinstance(kind, Bits):
            return self.bits(kind, where)
        if isinstance(kind, Octets):
            return self.octets(kind, where)
        if isinstance(kind, Open):
            self.flush()
            length = self.name("k")
            self.line(f"{length}, r = read_length(n, r, {where!r})")
            return self.raw_octets(length, where)
        if isinstance(kind, Unread):
            self.flush()
            self.line("r = 0")
            return "None"
        if isinstance(kind, Sequence):
            return self.sequence(kind, where)
        if isinstance(kind, SequenceOf):
            return self.sequence_of(kind, where)
        return self.choice(kind, where)

    def integer(self, kind: Integer, where: str) -> str:
        if not kind.extensible:
            return self.number(kind.low, kind.high, where)
        extended, value = self.field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_integer(n, r, {where!r})")
        with self.block("else:"):
            self.then(f"{value} = {self.number(kind.low, kind.high, where)}")
        return value

    def enumerated(self, kind: Enumerated, where: str) -> str:
        names, more = tuple(kind.names.split()), tuple(kind.more.split())
        table = self.constant(names)
        if not kind.extensible:
            return f"{table}[{self.number(0, len(names) - 1, where)}]"
        extended, value = self.field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_small(n, r, {where!r})")
            added = self.constant(more)
            self.line(f"{value} = {added}[{value}] if {value} < {len(more)} else {value} + {len(names)}")
        with self.block("else:"):
            self.then(f"{value} = {table}[{self.number(0, len(names) - 1, where)}]")
        return value

    def bits(self, kind: Bits, where: str) -> str:
        if kind.variable:
            length, value = self.name("k"), self.name("x")
            self.then(f"{length} = {self.number(kind.low, kind.high, where)}")
            self.flush()
            self.advance(length, where)
            self.line(f"{value} = n >> r & (1 << {length}) - 1")
            return f"({value}, {length})"
        if not kind.extensible:
            return self.field(kind.low, where)
        extended, value = self.field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"k, r = read_length(n, r, {where!r})")
            self.advance("k", where)
            self.line(f"{value} = (n >> r & (1 << k) - 1) << {kind.low} >> k")
        with self.block("else:"):
            self.then(f"{value} = {self.field(kind.low, where)}")
        return value

    def octets(self, kind: Octets, where: str) -> str:
        if kind.high <= kind.low:
            return f"{self.field(8 * kind.low, where)}.to_bytes({kind.low}, 'big')"
        length = self.name("k")
        self.then(f"{length} = {self.number(kind.low, kind.high, where)}")
        self.flush()
        return self.raw_octets(length, where)

    def raw_octets(self, length: str, where: str) -> str:
        value = self.name("x")
        self.advance(f"8 * {length}", where)
        self.line(f"{value} = (n >> r & (1 << 8 * {length}) - 1).to_bytes({length}, 'big')")
        return value

    def sequence(self, kind: Sequence, where: str) -> str:
        """Clause 19: the extension bit, the presence bitmap, the members, the additions."""
        extended = self.field(1, where) if kind.extensible else ""
        optional = _optional(kind)
        present = self.field(len(optional), where) if optional else ""
        items: list[str] = []
        result = ""
        for key, member in kind.members.items():
            name = key.rstrip("?")
            if key == name:
                value = self.read(member, f"{where}.{name}")
                if result:
                    self.then(f"{result}[{name!r}] = {value}")
                else:
                    items.append(f"{name!r}: {value}")
                continue
            self.flush()
            if not result:
                result = self.name("d")
                self.line(f"{result} = {{{', '.join(items)}}}")
            bit = 1 << len(optional) - 1 - optional.index(key)
            with self.block(f"if {present} & {bit}:"):
                value = self.read(member, f"{where}.{name}")
                self.then(f"{result}[{name!r}] = {value}")
        if extended:
            with self.block(f"if {extended}:"):
                self.line(f"r = skip_additions(n, r, {where!r})")
        return result or f"{{{', '.join(items)}}}"

    def sequence_of(self, kind: SequenceOf, where: str) -> str:
        length, result = self.name("k"), self.name("l")
        if kind.extensible:
            extended = self.field(1, where)
            with self.block(f"if {extended}:"):
                self.line(f"{length}, r = read_length(n, r, {where!r})")
            with self.block("else:"):
                self.then(f"{length} = {self.number(kind.low, kind.high, where)}")
        else:
            self.then(f"{length} = {self.number(kind.low, kind.high, where)}")
            self.flush()
        self.line(f"{result} = []")
        with self.block(f"for _ in range({length}):"):
            self.then(f"{result}.append({self.read(kind.item, where)})")
        return result

    def choice(self, kind: Choice, where: str) -> str:
        """Clause 23: the extension bit, the index, the alternative."""
        result, count = self.name("c"), len(kind.alternatives)
        if not kind.extensible:
            self.alternatives(kind, where, result)
            return result
        extended = self.field(1, where)
        with self.block(f"if {extended}:"):
            index, length = self.name("i"), self.name("k")
            self.line(f"{index}, r = read_small(n, r, {where!r})")
            self.line(f"{length}, r = read_length(n, r, {where!r})")
            self.line(f"{result} = ({index} + {count}, {self.raw_octets(length, where)})")
        with self.block("else:"):
            self.alternatives(kind, where, result)
        return result

    def alternatives(self, kind: Choice, where: str, result: str) -> None:
        index = self.name("i")
        self.then(f"{index} = {self.number(0, len(kind.alternatives) - 1, where)}")
        for i, (name, member) in enumerate(kind.alternatives.items()):
            with self.block(f"{'el' if i else ''}if {index} == {i}:"):
                value = self.read(member, f"{where}.{name}")
                self.then(f"{result} = ({name!r}, {value})")


class _Writer(_Generator):
    """encode(value): n is what was written as one int, r how many bits it has."""

    def __init__(self) -> None:
        super().__init__()
        self._fields: list[tuple[str, int]] = []  # expression of a non-negative int, width
        self._checks: list[str] = []

    def function(self, kind: Type, name: str) -> str:
        self._depth = 2
        self.line("n = r = 0")
        self.write(kind, "value")
        self.flush()
        self.line("if type(n) is not int:")  # an int of numpy would have overflowed silently
        self.line("    raise TypeError(n)")
        self.line("return (n << -r % 8).to_bytes((r + 7) // 8 or 1, 'big')")
        tail = [
            "    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:",
            f"        found = fault(KIND, value, {name!r})",
            f"        raise found or CodecError({name!r}, f'cannot be encoded: {{error}}') from None",
        ]
        return "\n".join(["def encode(value):", "    try:", *self.lines, *tail]) + "\n"

    def flush(self) -> None:
        fields, checks = self._fields, self._checks
        self._fields, self._checks = [], []
        if checks:
            self.line(f"if not ({' and '.join(checks)}):")
            self.line("    raise ValueError")
        if not fields:
            return
        widths = [width for _, width in fields]
        total = left = sum(widths)
        parts = [f"n << {total}"]
        for start, end in _chunks(widths):
            size = sum(widths[start:end])
            left -= size
            chunk = []
            for expression, width in fields[start:end]:
                size -= width
                if expression != "0":
                    chunk.append(f"{expression} << {size}" if size else expression)
            if chunk:
                parts.append(f"({' | '.join(chunk)}) << {left}" if left else " | ".join(chunk))
        self.line(f"n = {' | '.join(parts)}")
        self.line(f"r += {total}")

    def put(self, expression: str, width: int) -> None:
        if width:
            self._fields.append((expression, width))

    def put_now(self, bits: str, width: str) -> None:
        self.flush()
        self.line(f"n = n << {width} | {bits}")
        self.line(f"r += {width}")

    def number(self, variable: str, low: int, high: int) -> None:
        self._checks.append(f"{low} <= {variable} <= {high}")
        offset = f"({variable} - {low})" if low > 0 else f"({variable} + {-low})" if low else variable
        self.put(offset, _width(low, high))

    def write(self, kind: Type, variable: str) -> None:
        if isinstance(kind, Integer):
            self.put("0", int(kind.extensible))
            self.number(variable, kind.low, kind.high)
        elif isinstance(kind, Boolean):
            self._checks.append(f"{variable} in (0, 1)")
            self.put(variable, 1)
        elif isinstance(kind, Enumerated):
            self.enumerated(kind, variable)
        elif isinstance(kind, Bits):
            self.bits(kind, variable)
        elif isinstance(kind, Octets):
            self.octets(kind, variable)
        elif isinstance(kind, Open):
            bits, width = self.name("b"), self.name("k")
            self.line(f"{bits}, {width} = length_bits(len({variable}))")
            self.put_now(bits, width)
            self.put_now(f"int.from_bytes({variable}, 'big')", f"8 * len({variable})")
        elif isinstance(kind, Unread):
            self.line("raise ValueError")
        elif isinstance(kind, Sequence):
            self.sequence(kind, variable)
        elif isinstance(kind, SequenceOf):
            self.put("0", int(kind.extensible))
            length, item = self.name("k"), self.name("v")
            self.line(f"{length} = len({variable})")
            self.number(length, kind.low, kind.high)
            with self.block(f"for {item} in {variable}:"):
                self.write(kind.item, item)
        else:
            self.choice(kind, variable)

    def enumerated(self, kind: Enumerated, variable: str) -> None:
        names, more = kind.names.split(), kind.more.split()
        width = _width(0, len(names) - 1) + kind.extensible
        if not more:
            self.put(f"{self.constant({name: i for i, name in enumerate(names)})}[{variable}]", width)
            return
        table = {name: (i, width) for i, name in enumerate(names)}
        table.update({name: (0x80 | i, 8) for i, name in enumerate(more)})
        bits, size = self.name("b"), self.name("k")
        self.line(f"{bits}, {size} = {self.constant(table)}[{variable}]")
        self.put_now(bits, size)

    def bits(self, kind: Bits, variable: str) -> None:
        self.put("0", int(kind.extensible))
        if not kind.variable:
            self._checks.append(f"0 <= {variable} < {1 << kind.low}")
            self.put(variable, kind.low)
            return
        bits, size = self.name("b"), self.name("k")
        self.line(f"{bits}, {size} = {variable}")
        self.number(size, kind.low, kind.high)
        self._checks.append(f"0 <= {bits} < 1 << {size}")
        self.put_now(bits, size)

    def octets(self, kind: Octets, variable: str) -> None:
        if kind.high <= kind.low:
            self._checks.append(f"len({variable}) == {kind.low}")
            self.put(f"int.from_bytes({variable}, 'big')", 8 * kind.low)
            return
        length = self.name("k")
        self.line(f"{length} = len({variable})")
        self.number(length, kind.low, kind.high)
        self.put_now(f"int.from_bytes({variable}, 'big')", f"8 * {length}")

    def sequence(self, kind: Sequence, variable: str) -> None:
        self.put("0", int(kind.extensible))
        optional = _optional(kind)
        present = self.name("p")
        if optional:
            tests = [
                f"({key[:-1]!r} in {variable}) << {len(optional) - 1 - i}" for i, key in enumerate(optional)
            ]
            self.line(f"{present} = {' | '.join(tests)}")
            self.put(present, len(optional))
        count = f" + {present}.bit_count()" if optional else ""
        self._checks.append(f"len({variable}) == {len(kind.members) - len(optional)}{count}")
        for key, member in kind.members.items():
            item, name = self.name("v"), key.rstrip("?")
            if key == name:
                self.line(f"{item} = {variable}[{name!r}]")
                self.write(member, item)
                continue
            bit = 1 << len(optional) - 1 - optional.index(key)
            with self.block(f"if {present} & {bit}:"):
                self.line(f"{item} = {variable}[{name!r}]")
                self.write(member, item)

    def choice(self, kind: Choice, variable: str) -> None:
        self.put("0", int(kind.extensible))
        chosen, item = self.name("c"), self.name("v")
        self.line(f"{chosen}, {item} = {variable}")
        for i, (name, member) in enumerate(kind.alternatives.items()):
            with self.block(f"{'el' if i else ''}if {chosen} == {name!r}:"):
                self.put(str(i), _width(0, len(kind.alternatives) - 1))
                self.write(member, item)
        with self.block("else:"):
            self.line("raise ValueError")
