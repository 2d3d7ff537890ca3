"""The generator of encoders."""

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


class Writer(Generator):
    """encode(value): n is what was written as one int, r how many bits it has."""

    def __init__(self) -> None:
        super().__init__()
        self._fields: list[tuple[str, int]] = []  # expression of a non-negative int, width
        self._checks: list[str] = []

    def function(self, kind: Type, name: str) -> str:
        """The source of encode for `kind`."""
        self._depth = 2
        self.line("n = r = 0")
        self._write(kind, "value")
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
        """Check and append the open run."""
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
        for start, end in chunks(widths):
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

    def _put(self, expression: str, width: int) -> None:
        if width:
            self._fields.append((expression, width))

    def _put_now(self, bits: str, width: str) -> None:
        self.flush()
        self.line(f"n = n << {width} | {bits}")
        self.line(f"r += {width}")

    def _number(self, variable: str, low: int, high: int) -> None:
        self._checks.append(f"{low} <= {variable} <= {high}")
        offset = f"({variable} - {low})" if low > 0 else f"({variable} + {-low})" if low else variable
        self._put(offset, width_of(low, high))

    def _write(self, kind: Type, variable: str) -> None:
        if isinstance(kind, Integer):
            self._put("0", int(kind.extensible))
            self._number(variable, kind.low, kind.high)
        elif isinstance(kind, Boolean):
            self._checks.append(f"{variable} in (0, 1)")
            self._put(variable, 1)
        elif isinstance(kind, Enumerated):
            self._enumerated(kind, variable)
        elif isinstance(kind, Bits):
            self._bits(kind, variable)
        elif isinstance(kind, Octets):
            self._octets(kind, variable)
        elif isinstance(kind, Open):
            bits, width = self.name("b"), self.name("k")
            self.line(f"{bits}, {width} = length_bits(len({variable}))")
            self._put_now(bits, width)
            self._put_now(f"int.from_bytes({variable}, 'big')", f"8 * len({variable})")
        elif isinstance(kind, Unread):
            self.line("raise ValueError")
        elif isinstance(kind, Sequence):
            self._sequence(kind, variable)
        elif isinstance(kind, SequenceOf):
            self._put("0", int(kind.extensible))
            length, item = self.name("k"), self.name("v")
            self.line(f"{length} = len({variable})")
            self._number(length, kind.low, kind.high)
            with self.block(f"for {item} in {variable}:"):
                self._write(kind.item, item)
        else:
            self._choice(kind, variable)

    def _enumerated(self, kind: Enumerated, variable: str) -> None:
        names, more = kind.names.split(), kind.more.split()
        width = width_of(0, len(names) - 1) + kind.extensible
        if not more:
            self._put(f"{self.constant({name: i for i, name in enumerate(names)})}[{variable}]", width)
            return
        table = {name: (i, width) for i, name in enumerate(names)}
        table.update({name: (0x80 | i, 8) for i, name in enumerate(more)})
        bits, size = self.name("b"), self.name("k")
        self.line(f"{bits}, {size} = {self.constant(table)}[{variable}]")
        self._put_now(bits, size)

    def _bits(self, kind: Bits, variable: str) -> None:
        self._put("0", int(kind.extensible))
        if not kind.variable:
            self._checks.append(f"0 <= {variable} < {1 << kind.low}")
            self._put(variable, kind.low)
            return
        bits, size = self.name("b"), self.name("k")
        self.line(f"{bits}, {size} = {variable}")
        self._number(size, kind.low, kind.high)
        self._checks.append(f"0 <= {bits} < 1 << {size}")
        self._put_now(bits, size)

    def _octets(self, kind: Octets, variable: str) -> None:
        if kind.high <= kind.low:
            self._checks.append(f"len({variable}) == {kind.low}")
            self._put(f"int.from_bytes({variable}, 'big')", 8 * kind.low)
            return
        length = self.name("k")
        self.line(f"{length} = len({variable})")
        self._number(length, kind.low, kind.high)
        self._put_now(f"int.from_bytes({variable}, 'big')", f"8 * {length}")

    def _sequence(self, kind: Sequence, variable: str) -> None:
        self._put("0", int(kind.extensible))
        optional = optional_members(kind)
        present = self.name("p")
        if optional:
            tests = [
                f"({key[:-1]!r} in {variable}) << {len(optional) - 1 - i}" for i, key in enumerate(optional)
            ]
            self.line(f"{present} = {' | '.join(tests)}")
            self._put(present, len(optional))
        count = f" + {present}.bit_count()" if optional else ""
        self._checks.append(f"len({variable}) == {len(kind.members) - len(optional)}{count}")
        for key, member in kind.members.items():
            item, name = self.name("v"), key.rstrip("?")
            if key == name:
                self.line(f"{item} = {variable}[{name!r}]")
                self._write(member, item)
                continue
            bit = 1 << len(optional) - 1 - optional.index(key)
            with self.block(f"if {present} & {bit}:"):
                self.line(f"{item} = {variable}[{name!r}]")
                self._write(member, item)

    def _choice(self, kind: Choice, variable: str) -> None:
        self._put("0", int(kind.extensible))
        chosen, item = self.name("c"), self.name("v")
        self.line(f"{chosen}, {item} = {variable}")
        for i, (name, member) in enumerate(kind.alternatives.items()):
            with self.block(f"{'el' if i else ''}if {chosen} == {name!r}:"):
                self._put(str(i), width_of(0, len(kind.alternatives) - 1))
                self._write(member, item)
        with self.block("else:"):
            self.line("raise ValueError")
