"""The generator of decoders."""

from __future__ import annotations

from edge.v2x.uper.lines import Generator, chunks, optional_members, width_of
from edge.v2x.uper.types import (
    Bits,
    Boolean,
    Choice,
    Enumerated,
    Integer,
    Octets,
    Open,
    Sequence,
    SequenceOf,
    Type,
    Unread,
)


class Reader(Generator):
    """decode(data): n is all bits as one int, r how many are still to be read."""

    def __init__(self) -> None:
        super().__init__()
        self._fields: list[tuple[str, int, str]] = []  # variable, width, where
        self._checks: list[tuple[str, int, str]] = []  # variable, highest value, where
        self._after: list[str] = []

    def function(self, kind: Type, name: str) -> str:
        """The source of decode for `kind`."""
        value = self._read(kind, name)
        self.flush()
        self.line("if r > 7:")
        self.line(f"    raise CodecError({name!r}, f'{{r // 8}} octets left over')")
        self.line("if r and n & (1 << r) - 1:")
        self.line(f"    raise CodecError({name!r}, 'the padding is not zero')")
        self.line(f"return {value}")
        head = ["def decode(data):", "    n = int.from_bytes(data, 'big')", "    r = len(data) * 8"]
        return "\n".join(head + self.lines) + "\n"

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
            self._advance(str(sum(widths)), fields[0][2])
            left = sum(widths)
            for start, end in chunks(widths):
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

    def _advance(self, width: str, where: str) -> None:
        self.line(f"r -= {width}")
        self.line("if r < 0:")
        self.line(f"    raise CodecError({where!r}, 'the data ends here')")

    def _number(self, low: int, high: int, where: str) -> str:
        """A constrained whole number, clause 11.5."""
        width = width_of(low, high)
        if width == 0:
            return str(low)
        variable = self._field(width, where)
        if high - low != (1 << width) - 1:
            self._checks.append((variable, high - low, where))
        return f"{variable} + {low}" if low > 0 else f"{variable} - {-low}" if low else variable

    def _read(self, kind: Type, where: str) -> str:
        """An expression for the value, good once the open run is flushed."""
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
        if isinstance(kind, Open):
            self.flush()
            length = self.name("k")
            self.line(f"{length}, r = read_length(n, r, {where!r})")
            return self._raw_octets(length, where)
        if isinstance(kind, Unread):
            self.flush()
            self.line("r = 0")
            return "None"
        if isinstance(kind, Sequence):
            return self._sequence(kind, where)
        if isinstance(kind, SequenceOf):
            return self._sequence_of(kind, where)
        return self._choice(kind, where)

    def _integer(self, kind: Integer, where: str) -> str:
        if not kind.extensible:
            return self._number(kind.low, kind.high, where)
        extended, value = self._field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_integer(n, r, {where!r})")
        with self.block("else:"):
            self._then(f"{value} = {self._number(kind.low, kind.high, where)}")
        return value

    def _enumerated(self, kind: Enumerated, where: str) -> str:
        names, more = tuple(kind.names.split()), tuple(kind.more.split())
        table = self.constant(names)
        if not kind.extensible:
            return f"{table}[{self._number(0, len(names) - 1, where)}]"
        extended, value = self._field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_small(n, r, {where!r})")
            added = self.constant(more)
            self.line(f"{value} = {added}[{value}] if {value} < {len(more)} else {value} + {len(names)}")
        with self.block("else:"):
            self._then(f"{value} = {table}[{self._number(0, len(names) - 1, where)}]")
        return value

    def _bits(self, kind: Bits, where: str) -> str:
        if kind.variable:
            length, value = self.name("k"), self.name("x")
            self._then(f"{length} = {self._number(kind.low, kind.high, where)}")
            self.flush()
            self._advance(length, where)
            self.line(f"{value} = n >> r & (1 << {length}) - 1")
            return f"({value}, {length})"
        if not kind.extensible:
            return self._field(kind.low, where)
        extended, value = self._field(1, where), self.name("x")
        with self.block(f"if {extended}:"):
            self.line(f"k, r = read_length(n, r, {where!r})")
            self._advance("k", where)
            self.line(f"{value} = (n >> r & (1 << k) - 1) << {kind.low} >> k")
        with self.block("else:"):
            self._then(f"{value} = {self._field(kind.low, where)}")
        return value

    def _octets(self, kind: Octets, where: str) -> str:
        if kind.high <= kind.low:
            return f"{self._field(8 * kind.low, where)}.to_bytes({kind.low}, 'big')"
        length = self.name("k")
        self._then(f"{length} = {self._number(kind.low, kind.high, where)}")
        self.flush()
        return self._raw_octets(length, where)

    def _raw_octets(self, length: str, where: str) -> str:
        value = self.name("x")
        self._advance(f"8 * {length}", where)
        self.line(f"{value} = (n >> r & (1 << 8 * {length}) - 1).to_bytes({length}, 'big')")
        return value

    def _sequence(self, kind: Sequence, where: str) -> str:
        """Clause 19: the extension bit, the presence bitmap, the members, the additions."""
        extended = self._field(1, where) if kind.extensible else ""
        optional = optional_members(kind)
        present = self._field(len(optional), where) if optional else ""
        items: list[str] = []
        result = ""
        for key, member in kind.members.items():
            name = key.rstrip("?")
            if key == name:
                value = self._read(member, f"{where}.{name}")
                if result:
                    self._then(f"{result}[{name!r}] = {value}")
                else:
                    items.append(f"{name!r}: {value}")
                continue
            self.flush()
            if not result:
                result = self.name("d")
                self.line(f"{result} = {{{', '.join(items)}}}")
            bit = 1 << len(optional) - 1 - optional.index(key)
            with self.block(f"if {present} & {bit}:"):
                value = self._read(member, f"{where}.{name}")
                self._then(f"{result}[{name!r}] = {value}")
        if extended:
            with self.block(f"if {extended}:"):
                self.line(f"r = skip_additions(n, r, {where!r})")
        return result or f"{{{', '.join(items)}}}"

    def _sequence_of(self, kind: SequenceOf, where: str) -> str:
        length, result = self.name("k"), self.name("l")
        if kind.extensible:
            extended = self._field(1, where)
            with self.block(f"if {extended}:"):
                self.line(f"{length}, r = read_length(n, r, {where!r})")
            with self.block("else:"):
                self._then(f"{length} = {self._number(kind.low, kind.high, where)}")
        else:
            self._then(f"{length} = {self._number(kind.low, kind.high, where)}")
            self.flush()
        self.line(f"{result} = []")
        with self.block(f"for _ in range({length}):"):
            self._then(f"{result}.append({self._read(kind.item, where)})")
        return result

    def _choice(self, kind: Choice, where: str) -> str:
        """Clause 23: the extension bit, the index, the alternative."""
        result, count = self.name("c"), len(kind.alternatives)
        if not kind.extensible:
            self._alternatives(kind, where, result)
            return result
        extended = self._field(1, where)
        with self.block(f"if {extended}:"):
            index, length = self.name("i"), self.name("k")
            self.line(f"{index}, r = read_small(n, r, {where!r})")
            self.line(f"{length}, r = read_length(n, r, {where!r})")
            self.line(f"{result} = ({index} + {count}, {self._raw_octets(length, where)})")
        with self.block("else:"):
            self._alternatives(kind, where, result)
        return result

    def _alternatives(self, kind: Choice, where: str, result: str) -> None:
        index = self.name("i")
        self._then(f"{index} = {self._number(0, len(kind.alternatives) - 1, where)}")
        for i, (name, member) in enumerate(kind.alternatives.items()):
            with self.block(f"{'el' if i else ''}if {index} == {i}:"):
                value = self._read(member, f"{where}.{name}")
                self._then(f"{result} = ({name!r}, {value})")
