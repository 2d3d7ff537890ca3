"""The generator of decoders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from edge.v2x.uper.leaves import Leaves
from edge.v2x.uper.lines import (
    bounds,
    check_paths,
    extent,
    inlined,
    is_extensible,
    optional_members,
    runs,
    shared_types,
)
from edge.v2x.uper.support import LONGEST
from edge.v2x.uper.types import Choice, Default, Group, Open, OpenBy, Sequence, SequenceOf, Type

Wanted = dict[str, Any] | str | None
"""What is asked of a type: a dict by member, the name of the variable that takes it whole, None: nothing."""

WHOLE = "whole"

_NOTHINGS = 64


class Reader(Leaves):
    """decode(data), whole, and peek(data) for a few members."""

    def function(self, kind: Type, name: str) -> str:
        """The source of decode for `kind`."""
        self._depth += self._fast
        source = "".join(self._shared(shared) for shared in shared_types(kind))
        value = self._read(kind, name, WHOLE, False)
        self.flush()
        most = 8 if extent(kind)[1] == 0 else 7
        if self._fast:
            self.line(f"if r > {most} or n & (1 << r) - 1:")
            self.line("    raise ValueError")
        else:
            self.line(f"if r > {most}:")
            self.line(f"    raise CodecError({name!r}, f'{{r // 8}} octets left over')")
            self.line("if n & (1 << r) - 1:")
            self.line(f"    raise CodecError({name!r}, 'the padding is not zero')")
        self.line(f"return {value}")
        return source + self._whole("decode", name, LONGEST // 8)

    def glance(self, kind: Type, name: str, paths: tuple[str, ...]) -> str:
        """The source of peek for the members at these paths, names joined by dots."""
        check_paths(kind, paths)
        wanted: dict[str, Any] = {}
        for i, path in enumerate(paths):
            place = wanted
            *outer, last = path.split(".")
            for step in outer:
                place = place.setdefault(step, {})
            place[last] = f"t{i}"
        self._depth += self._fast
        targets = [f"t{i}" for i in range(len(paths))]
        self.line(f"{' = '.join(targets)} = None")
        self._read(kind, name, wanted, False)
        self.flush()
        self.line(f"return ({', '.join(targets)},)")
        return self._whole("peek", name, _reach(self.lines))

    def _whole(self, function: str, name: str, longest: int) -> str:
        """The lines with what is in front of them and behind."""
        indent = "    " * self._depth
        head = [f"def {function}(data):", "    try:"] if self._fast else [f"def {function}(data):"]
        tail = ["    except (ValueError, IndexError, CodecError):", "        return careful(data)"]
        if function == "peek":
            head += [f"{indent}data = data[:{longest}]", f"{indent}r = len(data) * 8"]
        else:
            head += [f"{indent}r = len(data) * 8", f"{indent}if r > {8 * longest}:"]
            head += [f"{indent}    raise CodecError({name!r}, f'{{r // 8}} octets are no message')"]
        head += [f"{indent}n = int.from_bytes(data, 'big')"]
        return "\n".join(head + inlined(self.lines) + tail * self._fast) + "\n"

    def _shared(self, kind: Type) -> str:
        """A function for a type that is there more than once; from then on it is called."""
        name = self.name("read_")
        inner = Reader(self._names, self.constants, self._functions, self._fast)
        inner._prefix = "where + "
        value = inner._read(kind, "", WHOLE, False)
        inner.flush()
        inner.line(f"return {value}, r")
        self._functions[id(kind)] = name
        return "\n".join([f"def {name}(n, r, where):", *inlined(inner.lines), ""])

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

    def _sequence(self, kind: Sequence, where: str, wanted: Wanted, later: bool) -> str:
        """Clause 19: the extension bit, the presence bitmap, the members, the additions."""
        extended = ""
        if self._fast and not kind.more and kind.extensible:
            self._none(where)
        elif is_extensible(kind):
            extended = self._field(1, where)
        value = self._members(kind.members, where, wanted, later, bool(kind.more))
        if extended and (later or wanted == WHOLE):
            with self.block(f"if {extended}:"):
                if kind.more and wanted == WHOLE:
                    self._additions(kind.more, where, value)
                else:
                    self.line(f"r = skip_additions(n, r, {self._q(where)})")
            defaults = {k.rstrip("?"): m.value for k, m in kind.more.items() if isinstance(m, Default)}
            if defaults and wanted == WHOLE:
                with self.block("else:"):
                    self.line(f"{value}.update({defaults!r})")
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
            with self.block(f"if {present} & {bit}:" if len(optional) > 1 else f"if {present}:"):
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
        self.line("    raise ValueError" if self._fast else f"    raise misfit(r - {end}, {self._q(where)})")
        self.line(f"r = {end}")

    def _open_by(self, kind: OpenBy, chosen: str, where: str) -> str:
        self.flush()
        value, key = self.name("x"), self.name("i")
        self.line(f"{key} = {chosen}")
        for i, (number, inner) in enumerate(kind.types.items()):
            with self.block(f"{'el' if i else ''}if {key} == {number}:"), self._inside(inner, where):
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
        if most == 0 and (high is None or high > _NOTHINGS):
            raise TypeError(f"{where}: a list of up to {high} values that take no bit may be made of no data")
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
        if least and not self._fast:
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
        if self._fast and not kind.more and kind.extensible:
            self._none(where)
        if not is_extensible(kind) or (self._fast and not kind.more):
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
            place = f"{where}.{name}"
            with self.block(f"{'el' if i else ''}if {index} == {i}:"), self._inside(member, place):
                self._then(f"{result} = ({name!r}, {self._read(member, place, WHOLE, True)})")
        with self.block("else:" if kind.more else "if True:"):
            self.line(f"{length}, r = read_length(n, r, {self._q(where)})")
            self.line(f"{result} = ({index} + {len(kind.alternatives)}, {self._raw_octets(length, where)})")

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
            head = f"{'el' if k else ''}if {test}:" if k < len(groups) - 1 else "else:"
            with self.block(head) if len(groups) > 1 else nullcontext():
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


def _reach(lines: list[str]) -> int:
    """How many octets these lines can need at the most."""
    widths = [line.split("r -= ")[1] for line in lines if "r -= " in line]
    if any("(n, r" in line or "range(" in line for line in lines) or not all(w.isdigit() for w in widths):
        return LONGEST // 8
    return sum(map(int, widths)) // 8 + 1
