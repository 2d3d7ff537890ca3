"""The generator of encoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edge.v2x.uper.lines import (
    Generator,
    bounds,
    chunks,
    inlined,
    is_extensible,
    optional_members,
    runs,
    shared_types,
    width_of,
)
from edge.v2x.uper.types import (
    Bits,
    Boolean,
    Choice,
    Default,
    Enumerated,
    Group,
    Integer,
    Null,
    Octets,
    Open,
    OpenBy,
    Sequence,
    SequenceOf,
    Text,
    Type,
    Unread,
)


class Writer(Generator):
    """encode(value): n is what was written as one int, behind a 1 that keeps its leading zeros.

    Lists and open types have an n of their own.
    """

    def __init__(
        self,
        names: Iterator[int] | None = None,
        constants: dict[str, Any] | None = None,
        functions: dict[int, str] | None = None,
    ) -> None:
        super().__init__(names, constants)
        self._fields: list[tuple[str, int]] = []  # expression of a non-negative int, width
        self._checks: list[str] = []
        self._functions = {} if functions is None else functions
        self._n = "n"

    def function(self, kind: Type, name: str) -> str:
        """The source of encode for `kind`."""
        source = "".join(self._shared(shared) for shared in shared_types(kind))
        self._depth = 2
        self.line("n = 1")
        self._write(kind, "value")
        self.flush()
        self.line("if type(n) is not int:")  # an int of numpy would have overflowed silently
        self.line("    raise TypeError(n)")
        self.line("r = n.bit_length() - 1")
        self.line("if r > LONGEST:")
        self.line("    raise ValueError(f'{r // 8} octets are too many')")
        self.line("return (n << -r % 8).to_bytes((r + 7) // 8 + 1, 'big')[1:] or bytes(1)")
        tail = [
            "    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:",
            f"        found = fault(KIND, value, {name!r})",
            "        what = f'cannot be encoded: {error}'",
            f"        raise found or CodecError({name!r}, what, 'unencodable') from None",
        ]
        return source + "\n".join(["def encode(value):", "    try:", *inlined(self.lines), *tail]) + "\n"

    def _shared(self, kind: Type) -> str:
        """A function for a type that is there more than once; from then on it is called."""
        name = self.name("write_")
        inner = Writer(self._names, self.constants, self._functions)
        inner.line("n = 1")
        inner._write(kind, "value")
        inner.flush()
        self._functions[id(kind)] = name
        return "\n".join([f"def {name}(value):", *inlined(inner.lines), "    return n"]) + "\n"

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
        parts = [f"{self._n} << {total}"]
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
        self.line(f"{self._n} = {' | '.join(parts)}")

    def _put(self, expression: str, width: int) -> None:
        if width:
            self._fields.append((expression, width))

    def _put_now(self, bits: str, width: str) -> None:
        self.flush()
        self.line(f"{self._n} = {self._n} << {width} | {bits}")

    def _put_made(self, call: str) -> None:
        """What a function of edge.v2x.uper.support gives: bits and how many."""
        bits, width = self.name("b"), self.name("k")
        self.line(f"{bits}, {width} = {call}")
        self._put_now(bits, width)

    def _put_apart(self, other: str) -> None:
        """What was gathered in a variable of its own."""
        self.flush()
        width = self.name("k")
        self.line(f"{width} = {other}.bit_length() - 1")
        self.line(f"{self._n} = {self._n} << {width} | {other} ^ 1 << {width}")

    @contextmanager
    def _apart(self) -> Iterator[str]:
        """What is written in it is gathered in a variable of its own."""
        self.flush()
        before, self._n = self._n, self.name("n")
        self.line(f"{self._n} = 1")
        yield self._n
        self.flush()
        self._n = before

    def _number(self, variable: str, low: int, high: int) -> None:
        self._checks.append(f"{low} <= {variable} <= {high}")
        offset = f"({variable} - {low})" if low > 0 else f"({variable} + {-low})" if low else variable
        self._put(offset, width_of(low, high))

    def _write(self, kind: Type, variable: str) -> None:
        if id(kind) in self._functions:
            made = self.name("n")
            self.line(f"{made} = {self._functions[id(kind)]}({variable})")
            self._put_apart(made)
        elif isinstance(kind, Integer):
            if kind.low is None or kind.high is None:
                self._put_made(f"integer_bits({variable}, {kind.low})")
            else:
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
        elif isinstance(kind, Text):
            self._text(kind, variable)
        elif isinstance(kind, Open):
            self._put_made(f"length_bits(len({variable}))")
            self._put_now(f"int.from_bytes({variable}, 'big')", f"8 * len({variable})")
        elif isinstance(kind, Sequence):
            self._sequence(kind, variable)
        elif isinstance(kind, SequenceOf):
            self._sequence_of(kind, variable)
        elif isinstance(kind, Choice):
            self._choice(kind, variable)
        elif isinstance(kind, Null):
            self._checks.append(f"{variable} is None")
        elif isinstance(kind, Default):
            self._write(kind.kind, variable)
        elif isinstance(kind, Unread):
            self.line("raise ValueError")
        else:
            raise TypeError(kind)

    def _enumerated(self, kind: Enumerated, variable: str) -> None:
        names, more = kind.names.split(), kind.more.split()
        width = width_of(0, len(names) - 1) + (kind.extensible or bool(more))
        if not more:
            self._put(f"{self.constant({name: i for i, name in enumerate(names)})}[{variable}]", width)
            return
        table = {name: (i, width) for i, name in enumerate(names)}
        table.update({name: (0x80 | i, 8) for i, name in enumerate(more)})
        self._put_made(f"{self.constant(table)}[{variable}]")

    def _length(self, length: str, low: int, high: int | None, extensible: bool) -> None:
        """Clauses 11.9 and 20."""
        if high is None:
            self._checks.append(f"{length} >= {low}")
            self._put_made(f"length_bits({length})")
        elif not extensible:
            self._number(length, low, high)
        else:
            with self.block(f"if {low} <= {length} <= {high}:"):
                self._put("0", 1)
                self._put(f"({length} - {low})" if low else length, width_of(low, high))
            with self.block("else:"):
                self._put("1", 1)
                self._put_made(f"length_bits({length})")

    def _bits(self, kind: Bits, variable: str) -> None:
        self._put("0", int(kind.extensible))
        if not kind.variable:
            self._checks.append(f"0 <= {variable} < {1 << kind.low}")
            self._put(variable, kind.low)
            return
        bits, size = self.name("b"), self.name("k")
        self.line(f"{bits}, {size} = {variable}")
        self._number(size, kind.low, kind.high)
        self.flush()  # a size that is none must not be shifted by
        self._checks.append(f"0 <= {bits} < 1 << {size}")
        self._put_now(bits, size)

    def _octets(self, kind: Octets, variable: str) -> None:
        low, high = bounds(kind)
        if low == high and not kind.extensible:
            self._checks.append(f"len({variable}) == {low}")
            self._put(f"int.from_bytes({variable}, 'big')", 8 * low)
            return
        length = self.name("k")
        self.line(f"{length} = len({variable})")
        self._length(length, low, high, kind.extensible)
        self._put_now(f"int.from_bytes({variable}, 'big')", f"8 * {length}")

    def _text(self, kind: Text, variable: str) -> None:
        text, length, width = self.name("b"), self.name("k"), self.name("k")
        self.line(f"{text}, {length}, {width} = text_bits({variable}, {kind.kind!r})")
        if kind.kind == "utf8":
            self._length(length, 0, None, False)
        else:
            self._length(length, *bounds(kind), kind.extensible)
        self._put_now(text, width)

    def _sequence(self, kind: Sequence, variable: str) -> None:
        """Clause 19: the extension bit, the presence bitmap, the members, the additions."""
        added = self.name("q") if kind.more else "0"
        counts = []
        if kind.more:
            tests = []
            for i, (key, member) in enumerate(kind.more.items()):
                tests.append(f"({_is_there(key, member, variable)}) << {len(kind.more) - 1 - i}")
                inner = member.members if isinstance(member, Group) else {key: member}
                counts += [f"({name.rstrip('?')!r} in {variable})" for name in inner]
            self.line(f"{added} = {' | '.join(tests)}")
        if is_extensible(kind):
            self._put(f"({added} > 0)" if kind.more else "0", 1)
        self._members(kind.members, variable, counts)
        if kind.more:
            with self.block(f"if {added}:"):
                self._additions(kind.more, variable, added)

    def _members(self, members: Mapping[str, Type], variable: str, counts: list[str] | None) -> None:
        """counts: how many members there are beside these; None: nobody counts here."""
        optional = optional_members(members)
        present = self.name("p")
        if optional:
            tests = [f"({_is_there(key, members[key], variable)})" for key in optional]
            shifted = [f"{test} << {len(optional) - 1 - i}" for i, test in enumerate(tests)]
            self.line(f"{present} = {' | '.join([*shifted[:-1], tests[-1]])}")
            self._put(present, len(optional))
        if counts is not None:
            if any(isinstance(members[key], Default) for key in optional):
                counts = counts + [f"({key.rstrip('?')!r} in {variable})" for key in optional]
            elif optional:
                counts = [*counts, present if len(optional) == 1 else f"{present}.bit_count()"]
            self._checks.append(
                f"len({variable}) == {' + '.join([str(len(members) - len(optional)), *counts])}"
            )
        for key, member in members.items():
            item, name = self.name("v"), key.rstrip("?")
            if key not in optional:
                self.line(f"{item} = {variable}[{name!r}]")
                self._member(member, item, variable)
                continue
            bit = 1 << len(optional) - 1 - optional.index(key)
            with self.block(f"if {present} & {bit}:" if len(optional) > 1 else f"if {present}:"):
                self.line(f"{item} = {variable}[{name!r}]")
                self._member(member, item, variable)

    def _member(self, kind: Type, item: str, sequence: str) -> None:
        if not isinstance(kind, OpenBy):
            self._write(kind, item)
            return
        self.flush()
        chosen = self.name("i")
        self.line(f"{chosen} = {sequence}[{kind.by!r}]")
        for i, (number, inner) in enumerate(kind.types.items()):
            with self.block(f"{'el' if i else ''}if {chosen} == {number}:"):
                self._closed(inner, item)
        with self.block("else:" if kind.types else "if True:"):
            self._write(Open(), item)

    def _closed(self, kind: Type, variable: str) -> None:
        """As an open type, with its length."""
        with self._apart() as n:
            self._write(kind, variable)
        self._put_made(f"closed({n})")

    def _additions(self, more: Mapping[str, Type], variable: str, added: str) -> None:
        if len(more) > 64:
            raise TypeError("more than 64 extension additions")
        self._put(str(len(more) - 1), 7)
        self._put(added, len(more))
        for i, (key, member) in enumerate(more.items()):
            with self.block(f"if {added} >> {len(more) - 1 - i} & 1:"):
                if isinstance(member, Group):
                    with self._apart() as n:
                        self._members(member.members, variable, None)
                    self._put_made(f"closed({n})")
                else:
                    self._closed(member, f"{variable}[{key.rstrip('?')!r}]")

    def _sequence_of(self, kind: SequenceOf, variable: str) -> None:
        length, item = self.name("k"), self.name("v")
        self.line(f"{length} = len({variable})")
        self._length(length, *bounds(kind), kind.extensible)
        with self._apart() as n, self.block(f"for {item} in {variable}:"):
            self._write(kind.item, item)
        self._put_apart(n)

    def _choice(self, kind: Choice, variable: str) -> None:
        """Clause 23: the extension bit, the index, the alternative."""
        chosen, item = self.name("c"), self.name("v")
        self.line(f"{chosen}, {item} = {variable}")
        self.flush()
        width = width_of(0, len(kind.alternatives) - 1) + is_extensible(kind)
        for i, (first, names, member) in enumerate(runs(kind.alternatives)):
            index, test = str(first), f"{chosen} == {names[0]!r}"
            if len(names) > 1:
                table = self.constant({name: first + k for k, name in enumerate(names)})
                index, test = f"{table}[{chosen}]", f"{chosen} in {table}"
            with self.block(f"{'el' if i else ''}if {test}:"):
                self._put(index, width)
                self._write(member, item)
        for i, (name, member) in enumerate(kind.more.items()):
            with self.block(f"elif {chosen} == {name!r}:"):
                self._put("1", 1)
                self._put_made(f"small_bits({i})")
                self._closed(member, item)
        with self.block("else:"):
            self.line("raise ValueError")


def _is_there(key: str, kind: Type, variable: str) -> str:
    """Whether a member is written: a test on the value of its SEQUENCE."""
    if isinstance(kind, Default):
        return f"{variable}.get({key.rstrip('?')!r}, {kind.value!r}) != {kind.value!r}"
    if isinstance(kind, Group):
        return " or ".join(f"({_is_there(name, inner, variable)})" for name, inner in kind.members.items())
    return f"{key.rstrip('?')!r} in {variable}"
