"""The generator of decoders: the open run of fields, and the types that are made of no others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from edge.v2x.uper.lines import TEXT_BITS, Generator, bounds, chunks, width_of
from edge.v2x.uper.types import Bits, Boolean, Enumerated, Integer, Null, Octets, Open, Text, Type


class Leaves(Generator):
    """n is all bits of a message as one int, r how many are still to be read.

    fast: what is generated takes for granted that no extension is there which has no table, and raises a bare
    ValueError or IndexError for anything out of order; it is done again then by the other, careful sort.
    """

    def __init__(
        self,
        names: Iterator[int] | None = None,
        constants: dict[str, Any] | None = None,
        functions: dict[int, str] | None = None,
        fast: bool = False,
    ) -> None:
        super().__init__(names, constants)
        self._fast = fast
        self._fields: list[tuple[str, int, str]] = []  # variable ("": not wanted), width, where
        self._checks: list[tuple[str, int, str]] = []  # variable, highest value, where
        self._after: list[str] = []
        self._functions = {} if functions is None else functions
        self._at = "r"
        self._prefix = ""

    def _q(self, where: str) -> str:
        """A place as an expression."""
        return "''" if self._fast else f"{self._prefix}{where!r}"

    def _field(self, width: int, where: str) -> str:
        variable = self.name("v")
        self._fields.append((variable, width, where))
        return variable

    def _then(self, text: str) -> None:
        """A line for after the open run."""
        self._after.append(text)

    def flush(self) -> None:
        """Check, advance and cut the open run."""
        fields, checks, after = self._fields, self._checks, self._after
        self._fields, self._checks, self._after = [], [], []
        if fields:
            widths = [width for _, width, _ in fields]
            if self._at == "r":
                self._advance(str(sum(widths)), fields[0][2])
            left = sum(widths)
            for start, end in chunks(widths):
                size = sum(widths[start:end])
                left -= size
                self._cut(fields[start:end], size, f"n >> {self._at}" + (f" + {left}" if left else ""))
        if checks:
            tests = " or ".join(f"{v} > {high}" if high else v for v, high, _ in checks)
            self.line(f"if {tests}:")
            cases = "".join(f"({v}, {high}, {self._q(where)}), " for v, high, where in checks)
            self.line("    raise ValueError" if self._fast else f"    raise out_of_range(({cases}))")
        for text in after:
            self.line(text)

    def _cut(self, fields: list[tuple[str, int, str]], size: int, source: str) -> None:
        wanted = [variable for variable, _, _ in fields if variable]
        if not wanted:
            return
        if len(fields) == 1:
            self.line(f"{wanted[0]} = {source} & {(1 << size) - 1}")
            return
        word = self.name("w")
        self.line(f"{word} = {source} & {(1 << size) - 1}")
        total = size
        for variable, width, _ in fields:
            size -= width
            if variable:
                mask = f" & {(1 << width) - 1}" if size + width < total else ""
                self.line(f"{variable} = {word}{f' >> {size}' if size else ''}{mask}")

    def _advance(self, width: str, where: str) -> None:
        self.line(f"r -= {width}")
        if not self._fast:  # there a shift by less than nothing is the error
            self.line("if r < 0:")
            self.line(f"    raise CodecError({self._q(where)}, 'the data ends here')")

    def _none(self, where: str) -> None:
        """An extension bit that must not be set."""
        self._checks.append((self._field(1, where), 0, where))

    def _number(self, low: int, high: int, where: str, extensible: bool = False) -> str:
        """A constrained whole number, clause 11.5; extensible: with the extension bit, which must be 0."""
        width = width_of(low, high) + extensible
        if width == 0:
            return str(low)
        variable = self._field(width, where)
        if high - low != (1 << width) - 1:
            self._checks.append((variable, high - low, where))
        return f"{variable} + {low}" if low > 0 else f"{variable} - {-low}" if low else variable

    def _simple(self, kind: Type, where: str) -> str:
        if isinstance(kind, Integer):
            return self._integer(kind, where)
        if isinstance(kind, Boolean):
            return f"{self._field(1, where)} == 1"
        if isinstance(kind, Enumerated):
            return self._enumerated(kind, where)
        if isinstance(kind, Bits):
            return self._bits(kind, where)
        if isinstance(kind, Octets):
            return self._octets(kind, where)
        if isinstance(kind, Text):
            return self._text(kind, where)
        if isinstance(kind, Null):
            return "None"
        self.flush()
        if isinstance(kind, Open):
            length = self.name("k")
            self.line(f"{length}, r = read_length(n, r, {self._q(where)})")
            return self._raw_octets(length, where)
        self.line("r = 0")
        return "None"

    def _integer(self, kind: Integer, where: str) -> str:
        value = self.name("x")
        if kind.low is None or kind.high is None:
            self.flush()
            self.line(f"{value}, r = read_integer(n, r, {kind.low}, {self._q(where)})")
            return value
        if self._fast or not kind.extensible:
            return self._number(kind.low, kind.high, where, kind.extensible)
        extended = self._field(1, where)
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_integer(n, r, None, {self._q(where)})")
        with self.block("else:"):
            self._then(f"{value} = {self._number(kind.low, kind.high, where)}")
        return value

    def _enumerated(self, kind: Enumerated, where: str) -> str:
        names, more = tuple(kind.names.split()), tuple(kind.more.split())
        table = self.constant(names)
        if self._fast:
            width = width_of(0, len(names) - 1) + (kind.extensible or bool(more))
            return f"{table}[{self._field(width, where) if width else 0}]"
        if not kind.extensible and not more:
            return f"{table}[{self._number(0, len(names) - 1, where)}]"
        extended, value = self._field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_small(n, r, {self._q(where)})")
            added = self.constant(more)
            self.line(f"{value} = {added}[{value}] if {value} < {len(more)} else {value} + {len(names)}")
        with self.block("else:"):
            self._then(f"{value} = {table}[{self._number(0, len(names) - 1, where)}]")
        return value

    def _length(self, low: int, high: int | None, extensible: bool, where: str) -> str:
        """How many there are, clauses 11.9 and 20; known once the open run is flushed, which it may be."""
        if low == high and not extensible:
            return str(low)
        length = self.name("k")
        if high is None:
            self.flush()
            self.line(f"{length}, r = read_length(n, r, {self._q(where)})")
        elif extensible and not self._fast:
            extended = self._field(1, where)
            with self.block(f"if {extended}:"):
                self.line(f"{length}, r = read_length(n, r, {self._q(where)})")
            with self.block("else:"):
                self._then(f"{length} = {self._number(low, high, where)}")
        else:
            self._then(f"{length} = {self._number(low, high, where, extensible)}")
            self.flush()
        return length

    def _bits(self, kind: Bits, where: str) -> str:
        if not kind.variable and not kind.extensible:
            return self._field(kind.low, where)
        value = self.name("x")
        if kind.variable:
            length = self._length(kind.low, kind.high, kind.extensible, where)
            self._advance(length, where)
            self.line(f"{value} = n >> r & (1 << {length}) - 1")
            return f"({value}, {length})"
        if self._fast:
            self._none(where)
            return self._field(kind.low, where)
        extended = self._field(1, where)
        with self.block(f"if {extended}:"):
            self.line(f"k, r = read_length(n, r, {self._q(where)})")
            self._advance("k", where)
            self.line(f"{value} = (n >> r & (1 << k) - 1) << {kind.low} >> k")
        with self.block("else:"):
            self._then(f"{value} = {self._field(kind.low, where)}")
        return value

    def _octets(self, kind: Octets, where: str) -> str:
        low, high = bounds(kind)
        if low == high and not kind.extensible:
            if not low:
                return "b''"
            return f"{self._field(8 * low, where)}.to_bytes({low}, 'big')"
        return self._raw_octets(self._length(low, high, kind.extensible, where), where)

    def _raw_octets(self, length: str, where: str) -> str:
        value = self.name("x")
        self._advance(f"8 * {length}", where)
        self.line(f"{value} = (n >> r & (1 << 8 * {length}) - 1).to_bytes({length}, 'big')")
        return value

    def _text(self, kind: Text, where: str) -> str:
        self.flush()
        value = self.name("x")
        low, high = (0, None) if kind.kind == "utf8" else bounds(kind)
        length = self._length(low, high, kind.extensible and kind.kind != "utf8", where)
        width = TEXT_BITS.get(kind.kind, 8)
        self._advance(f"{width} * {length}", where)
        self.line(
            f"{value} = read_text(n >> r & (1 << {width} * {length}) - 1,"
            f" {length}, {kind.kind!r}, {self._q(where)})"
        )
        return value
