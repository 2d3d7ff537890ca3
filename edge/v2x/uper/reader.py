"""The generator of decoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from edge.v2x.uper.lines import (
    TEXT_BITS,
    Generator,
    bounds,
    chunks,
    extent,
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
)

Wanted = dict[str, Any] | str | None
"""What is asked of a type: a dict by member, the name of the variable that takes it whole, None: nothing."""

WHOLE = "whole"


class Reader(Generator):
    """decode(data): n is all bits as one int, r how many are still to be read."""

    def __init__(
        self,
        names: Iterator[int] | None = None,
        constants: dict[str, Any] | None = None,
        functions: dict[int, str] | None = None,
    ) -> None:
        super().__init__(names, constants)
        self._fields: list[tuple[str, int, str]] = []  # variable ("": not wanted), width, where
        self._checks: list[tuple[str, int, str]] = []  # variable, highest value, where
        self._after: list[str] = []
        self._functions = {} if functions is None else functions
        self._at = "r"
        self._prefix = ""

    def function(self, kind: Type, name: str) -> str:
        """The source of decode for `kind`."""
        source = "".join(self._shared(shared) for shared in shared_types(kind))
        value = self._read(kind, name, WHOLE, False)
        self.flush()
        self.line(f"if r > {8 if extent(kind)[1] == 0 else 7}:")
        self.line(f"    raise CodecError({name!r}, f'{{(r + 7) // 8}} octets left over')")
        self.line("if n & (1 << r) - 1:")
        self.line(f"    raise CodecError({name!r}, 'the padding is not zero')")
        self.line(f"return {value}")
        head = ["def decode(data):", "    r = len(data) * 8", "    if r > LONGEST:"]
        head += [f"        raise CodecError({name!r}, f'{{r // 8}} octets are no message')"]
        head += ["    n = int.from_bytes(data, 'big')"]
        return source + "\n".join(head + self.lines) + "\n"

    def glance(self, kind: Type, name: str, paths: tuple[str, ...]) -> str:
        """The source of peek for the members at these paths, names joined by dots."""
        wanted: dict[str, Any] = {}
        for i, path in enumerate(paths):
            place = wanted
            *outer, last = path.split(".")
            for step in outer:
                place = place.setdefault(step, {})
            place[last] = f"t{i}"
        self._known(kind, wanted)
        self._read(kind, name, wanted, False)
        self.flush()
        targets = [f"t{i}" for i in range(len(paths))]
        self.line(f"return ({', '.join(targets)},)")
        head = ["def peek(data):", "    r = len(data) * 8", "    if r > LONGEST:"]
        head += [f"        raise CodecError({name!r}, f'{{r // 8}} octets are no message')"]
        head += ["    n = int.from_bytes(data, 'big')", f"    {' = '.join(targets)} = None"]
        return "\n".join(head + self.lines) + "\n"

    def _known(self, kind: Type, wanted: dict[str, Any]) -> None:
        members = kind.alternatives if isinstance(kind, Choice) else getattr(kind, "members", {})
        plain = {key.rstrip("?"): member for key, member in members.items()}
        for step, inner in wanted.items():
            if step not in plain:
                raise KeyError(f"no member {step!r}")
            if isinstance(inner, dict):
                self._known(plain[step], inner)

    def _shared(self, kind: Type) -> str:
        """A function for a type that is there more than once; from then on it is called."""
        name = self.name("read_")
        inner = Reader(self._names, self.constants, self._functions)
        inner._prefix = "where + "
        value = inner._read(kind, "", WHOLE, False)
        inner.flush()
        self._functions[id(kind)] = name
        return "\n".join([f"def {name}(n, r, where):", *inner.lines, f"    return {value}, r"]) + "\n"

    def _q(self, where: str) -> str:
        """A place as an expression."""
        return f"{self._prefix}{where!r}"

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
            self.line(f"if {' or '.join(f'{v} > {high}' for v, high, _ in checks)}:")
            tests = "".join(f"({v}, {high}, {self._q(where)}), " for v, high, where in checks)
            self.line(f"    raise out_of_range(({tests}))")
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
        self.line("if r < 0:")
        self.line(f"    raise CodecError({self._q(where)}, 'the data ends here')")

    def _number(self, low: int, high: int, where: str) -> str:
        """A constrained whole number, clause 11.5."""
        width = width_of(low, high)
        if width == 0:
            return str(low)
        variable = self._field(width, where)
        if high - low != (1 << width) - 1:
            self._checks.append((variable, high - low, where))
        return f"{variable} + {low}" if low > 0 else f"{variable} - {-low}" if low else variable

    def _read(self, kind: Type, where: str, wanted: Wanted, later: bool) -> str:
        """An expression for the value, good once the open run is flushed; "None" for what is not wanted.

        later: something behind it is wanted, or the whole is.
        """
        if wanted is None:
            if not later:
                return "None"
            least, most = extent(kind)
            if least == most:
                if least:
                    self._fields.append(("", least, where))
                return "None"
        if id(kind) in self._functions and wanted == WHOLE:
            self.flush()
            value = self.name("x")
            self.line(f"{value}, r = {self._functions[id(kind)]}(n, r, {self._q(where)})")
            return value
        if isinstance(wanted, str) and wanted != WHOLE:
            self._then(f"{wanted} = {self._read(kind, where, WHOLE, later)}")
            return "None"
        if isinstance(kind, Sequence):
            return self._sequence(kind, where, wanted, later)
        if isinstance(kind, SequenceOf):
            return self._sequence_of(kind, where, wanted)
        if isinstance(kind, Choice):
            return self._choice(kind, where, wanted, later)
        if isinstance(kind, Default):
            return self._read(kind.kind, where, wanted, later)
        return self._simple(kind, where)

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
        if not kind.extensible:
            return self._number(kind.low, kind.high, where)
        extended = self._field(1, where)
        with self.block(f"if {extended}:"):
            self.line(f"{value}, r = read_integer(n, r, None, {self._q(where)})")
        with self.block("else:"):
            self._then(f"{value} = {self._number(kind.low, kind.high, where)}")
        return value

    def _enumerated(self, kind: Enumerated, where: str) -> str:
        names, more = tuple(kind.names.split()), tuple(kind.more.split())
        table = self.constant(names)
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
        elif extensible:
            extended = self._field(1, where)
            with self.block(f"if {extended}:"):
                self.line(f"{length}, r = read_length(n, r, {self._q(where)})")
            with self.block("else:"):
                self._then(f"{length} = {self._number(low, high, where)}")
        else:
            self._then(f"{length} = {self._number(low, high, where)}")
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

    # ------------------------------------------------------------ what is made of others

    def _sequence(self, kind: Sequence, where: str, wanted: Wanted, later: bool) -> str:
        """Clause 19: the extension bit, the presence bitmap, the members, the additions."""
        extended = self._field(1, where) if is_extensible(kind) else ""
        value = self._members(kind.members, where, wanted, later, bool(kind.more))
        if extended and (later or wanted == WHOLE):
            self.flush()
            with self.block(f"if {extended}:"):
                if kind.more and wanted == WHOLE:
                    self._additions(kind.more, where, value)
                else:
                    self.line(f"r = skip_additions(n, r, {self._q(where)})")
        return value

    def _members(
        self, members: Mapping[str, Type], where: str, wanted: Wanted, later: bool, named: bool
    ) -> str:
        """An expression for the dict of them; named: it must be a variable."""
        optional = optional_members(members)
        present = self._field(len(optional), where) if optional else ""
        items: list[str] = []
        values: dict[str, str] = {}
        result = ""
        keys = list(members)
        asked = {name: wanted if wanted == WHOLE else _inner(wanted, name.rstrip("?")) for name in keys}
        for i, key in enumerate(keys):
            member, name = members[key], key.rstrip("?")
            place, want = f"{where}.{name}", asked[key]
            behind = later or any(asked[other] for other in keys[i + 1 :])
            if key not in optional:
                value = self._member(member, place, want, behind, values)
                if want != WHOLE:
                    continue
                values[name] = value
                if result:
                    self._then(f"{result}[{name!r}] = {value}")
                    values[name] = f"{result}[{name!r}]"
                else:
                    items.append(f"{name!r}: {value}")
                continue
            if want is None and not behind:
                continue
            if not result and want == WHOLE:
                self.flush()
                result = self.name("d")
                self.line(f"{result} = {{{', '.join(items)}}}")
            bit = 1 << len(optional) - 1 - optional.index(key)
            with self.block(f"if {present} & {bit}:"):
                value = self._member(member, place, want, behind, values)
                if want == WHOLE:
                    self._then(f"{result}[{name!r}] = {value}")
                    values[name] = f"{result}[{name!r}]"
            if isinstance(member, Default) and isinstance(want, str):
                with self.block("else:"):
                    target = f"{result}[{name!r}]" if want == WHOLE else want
                    self.line(f"{target} = {member.value!r}")
        if wanted != WHOLE:
            return "None"
        if named and not result:
            self.flush()
            result = self.name("d")
            self.line(f"{result} = {{{', '.join(items)}}}")
        return result or f"{{{', '.join(items)}}}"

    def _member(self, kind: Type, where: str, wanted: Wanted, later: bool, before: dict[str, str]) -> str:
        if isinstance(kind, OpenBy) and wanted == WHOLE:
            return self._open_by(kind, before[kind.by], where)
        return self._read(Open() if isinstance(kind, OpenBy) else kind, where, wanted, later)

    def _additions(self, more: Mapping[str, Type], where: str, result: str) -> None:
        """The extension additions that we know, clause 19.7 to 9; those behind are passed over."""
        count, bitmap = self.name("k"), self.name("p")
        self.line(f"{count}, {bitmap}, r = read_additions(n, r, {self._q(where)})")
        for i, (key, member) in enumerate(more.items()):
            name = key.rstrip("?")
            with self.block(f"if {count} > {i} and {bitmap} >> {count} - {i + 1} & 1:"):
                if isinstance(member, Group):
                    with self._inside(Sequence(member.members), where):
                        value = self._members(member.members, where, WHOLE, True, False)
                        self._then(f"{result}.update({value})")
                else:
                    with self._inside(member, f"{where}.{name}"):
                        value = self._read(member, f"{where}.{name}", WHOLE, True)
                        self._then(f"{result}[{name!r}] = {value}")
            if isinstance(member, Default):
                with self.block("else:"):
                    self.line(f"{result}[{name!r}] = {member.value!r}")
        with self.block(f"if {count} > {len(more)}:"):
            unknown = f"{bitmap} & (1 << {count} - {len(more)}) - 1"
            self.line(f"r = skip_open(n, r, ({unknown}).bit_count(), {self._q(where)})")

    @contextmanager
    def _inside(self, kind: Type, where: str) -> Iterator[None]:
        """What is read in it is one open type: it must end where its length says."""
        self.flush()
        end, most = self.name("e"), 7 if extent(kind)[1] != 0 else 8
        self.line(f"{end}, r = read_open(n, r, {self._q(where)})")
        yield
        self.flush()
        self.line(f"if not {end} <= r <= {end} + {most} or n >> {end} & (1 << r - {end}) - 1:")
        self.line(f"    raise misfit(r - {end}, {self._q(where)})")
        self.line(f"r = {end}")

    def _open_by(self, kind: OpenBy, chosen: str, where: str) -> str:
        self.flush()
        value, key = self.name("x"), self.name("i")
        self.line(f"{key} = {chosen}")
        for i, (number, inner) in enumerate(kind.types.items()):
            with self.block(f"{'el' if i else ''}if {key} == {number}:"):
                with self._inside(inner, where):
                    self._then(f"{value} = {self._read(inner, where, WHOLE, True)}")
        with self.block("else:" if kind.types else "if True:"):
            self.line(f"{value} = {self._simple(Open(), where)}")
        return value

    def _sequence_of(self, kind: SequenceOf, where: str, wanted: Wanted) -> str:
        low, high = bounds(kind)
        length = self._length(low, high, kind.extensible, where)
        self.flush()
        result = self.name("l")
        least, most = extent(kind.item)
        if wanted is None and least == most:
            self._advance(f"{least} * {length}", where)
            return "None"
        if wanted is not None:
            self.line(f"{result} = []")
        if least == most and least and self._at == "r":
            self._advance(f"{least} * {length}", where)
            self._at = self.name("s")
            span = f"range(r + {least} * {length} - {least}, r - 1, -{least})"
            with self.block(f"for {self._at} in {span}:"):
                self._then(f"{result}.append({self._read(kind.item, where, WHOLE, True)})")
            self._at = "r"
            return result
        if least:
            self.line(f"if {least} * {length} > r:" if least > 1 else f"if {length} > r:")
            self.line(f"    raise CodecError({self._q(where)}, 'the data ends here')")
        with self.block(f"for _ in range({length}):"):
            value = self._read(kind.item, where, wanted, True)
            if wanted is not None:
                self._then(f"{result}.append({value})")
        return result if wanted is not None else "None"

    def _choice(self, kind: Choice, where: str, wanted: Wanted, later: bool) -> str:
        """Clause 23: the extension bit, the index, the alternative."""
        result = self.name("c")
        if not is_extensible(kind):
            self._alternatives(kind, where, result, wanted, later)
            return result if wanted == WHOLE else "None"
        extended = self._field(1, where)
        with self.block(f"if {extended}:"):
            if wanted == WHOLE or later:
                self._addition(kind, where, result)
        with self.block("else:"):
            self._alternatives(kind, where, result, wanted, later)
        return result if wanted == WHOLE else "None"

    def _addition(self, kind: Choice, where: str, result: str) -> None:
        index, length = self.name("i"), self.name("k")
        self.line(f"{index}, r = read_small(n, r, {self._q(where)})")
        for i, (name, member) in enumerate(kind.more.items()):
            with self.block(f"{'el' if i else ''}if {index} == {i}:"):
                with self._inside(member, f"{where}.{name}"):
                    value = self._read(member, f"{where}.{name}", WHOLE, True)
                    self._then(f"{result} = ({name!r}, {value})")
        with self.block("else:" if kind.more else "if True:"):
            self.line(f"{length}, r = read_length(n, r, {self._q(where)})")
            self.line(
                f"{result} = ({index} + {len(kind.alternatives)}, {self._raw_octets(length, where)})"
            )

    def _alternatives(self, kind: Choice, where: str, result: str, wanted: Wanted, later: bool) -> None:
        index = self._number(0, len(kind.alternatives) - 1, where)
        if index != "0":
            chosen = self.name("i")
            self._then(f"{chosen} = {index}")
            index = chosen
        groups = list(runs(kind.alternatives)) if wanted == WHOLE else []
        if wanted != WHOLE:
            groups = [(i, [name], member) for i, (name, member) in enumerate(kind.alternatives.items())]
        for k, (first, names, member) in enumerate(groups):
            test = f"{index} == {first}" if len(names) == 1 else f"{first} <= {index} < {first + len(names)}"
            with self.block(f"{'el' if k else ''}if {test}:"):
                place = f"{where}.{names[0]}" if len(names) == 1 else where
                want = wanted if wanted == WHOLE else _inner(wanted, names[0])
                value = self._read(member, place, want, later)
                if wanted == WHOLE:
                    table = repr(names[0])
                    if len(names) > 1:
                        table = f"{self.constant(tuple(names))}[{index}{f' - {first}' if first else ''}]"
                    self._then(f"{result} = ({table}, {value})")


def _inner(wanted: Wanted, name: str) -> Wanted:
    return wanted.get(name) if isinstance(wanted, dict) else None

