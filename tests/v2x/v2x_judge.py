"""Judges of the codecs and of the tables, for the test of any message in a few lines.

The codec, by asn1tools with a module made of our own table (its bits, not the table, are judged):

    @MANY
    @given(values(BSM))
    def test_bsm(value):
        agree(BSM, value)

The table, by pycrate's compiled official module where there is one, with the same values:

    from pycrate_asn1dir import ITS_CAM_2
    agree_official(CAM, value, ITS_CAM_2.CAM_PDU_Descriptions.CAM)

`agree_official` makes pycrate encode our value and compares the bits, decodes them, and decodes what pycrate
says again. Names that differ from the official ones would fail there, so they are judged too. What an
official module has no type for (Unread) cannot be drawn. `values(kind)` draws by a seed: small, full and
middling values with edges and with known extension additions; it never overruns on a large message.

By hand: `some(kind, random)` one value, `to_asn1tools` / `from_asn1tools`, `to_pycrate` / `from_pycrate`.
The modules beside this file (*.asn) were written from the standards by hand: `judge(name)` compiles one,
`messages(name, type)` draws pairs (theirs, ours) from its text; they judge table and codec together.
"""

import tempfile
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random

import asn1tools
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from edge.v2x.uper import (
    Bits,
    Boolean,
    Choice,
    Codec,
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
)
from edge.v2x.uper.asn1_text import asn1_text
from edge.v2x.uper.values import ALPHABETS, members_of

HERE = Path(__file__).parent
MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
_LEAVES = 600
_KEPT = {}


def _once(kind, what, make):
    """One codec and one compiled module for each table; kinds are kept so that their ids stay theirs."""
    key = id(kind), what
    if key not in _KEPT:
        _KEPT[key] = kind, make()
    return _KEPT[key][1]


def codec_of(kind):
    return _once(kind, "codec", lambda: Codec("M", kind))


def asn1tools_of(kind):
    return _once(kind, "asn1tools", lambda: asn1tools.compile_string(asn1_text("M", kind), "uper"))


def pycrate_of(kind):
    """A module of pycrate made of our own table, for what asn1tools does otherwise than X.691 says."""
    return _once(kind, "pycrate", lambda: _pycrate(asn1_text("M", kind)))


def _pycrate(text):
    from pycrate_asn1c import asnproc

    names = {}
    with tempfile.NamedTemporaryFile("r", suffix=".py") as file, redirect_stdout(StringIO()):
        asnproc.compile_text([text])
        asnproc.generate_modules(asnproc.PycrateGenerator, file.name)
        asnproc.GLOBAL.clear()
        exec(file.read(), names)
    return names["Made"].M


def agree(kind, value, codec=None):
    """Both encode alike, and each decodes what the other encodes."""
    codec, judge_ = codec or codec_of(kind), asn1tools_of(kind)
    theirs = to_asn1tools(kind, value)
    wire = judge_.encode("M", theirs, check_constraints=True)
    assert codec.encode(value) == wire
    assert codec.decode(wire) == value
    assert from_asn1tools(kind, judge_.decode("M", codec.encode(value))) == value


def agree_official(kind, value, official, codec=None):
    """pycrate's object of the official type encodes our value to the same bits, and reads ours."""
    codec = codec or codec_of(kind)
    wire = codec.encode(value)
    official.set_val(to_pycrate(kind, value))
    assert official.to_uper() == wire
    official.from_uper(wire)
    assert from_pycrate(kind, official.get_val()) == value
    assert codec.decode(wire) == value


# ---------------------------------------------------------------- drawing


def values(kind):
    """A strategy of valid values, those with members of DEFAULT complete."""
    return st.integers(0, (1 << 32) - 1).map(lambda seed: some(kind, Random(seed)))


def some(kind, random):
    """One valid value."""
    return _Draw(random).value(kind)


class _Draw:
    def __init__(self, random):
        self.random = random
        self.full = random.choice((0.0, 0.3, 0.6, 1.0))
        self.left = _LEAVES

    def wanted(self):
        return self.left > 0 and self.random.random() < self.full

    def number(self, low, high):
        if self.random.random() < 0.4:
            return self.random.choice(sorted({low, min(low + 1, high), max(high - 1, low), high}))
        return self.random.randint(low, high)

    def size(self, low, high, most):
        top = low + most if high is None else min(max(low, high), low + most)
        return self.random.randint(low, top) if self.left > 0 else low

    def value(self, kind):
        self.left -= 1
        random = self.random
        if isinstance(kind, Default):
            return kind.value if random.random() < 0.3 else self.value(kind.kind)
        if isinstance(kind, Integer):
            low = -(1 << 40) if kind.low is None else kind.low
            return self.number(low, low + (1 << 41) if kind.high is None else kind.high)
        if isinstance(kind, Boolean):
            return random.random() < 0.5
        if isinstance(kind, Enumerated):
            return random.choice(f"{kind.names} {kind.more}".split())
        if isinstance(kind, Bits):
            count = random.randint(kind.low, kind.high) if kind.variable else kind.low
            bits = self.number(0, (1 << count) - 1)
            return (bits, count) if kind.variable else bits
        if isinstance(kind, Octets):
            return random.randbytes(self.size(kind.low, kind.high, 40))
        if isinstance(kind, Open):
            return random.randbytes(random.choice((1, 2, 3, 7, 30, 130)))
        if isinstance(kind, Text):
            alphabet = "aä€\U0001f697 " if kind.kind == "utf8" else ALPHABETS[kind.kind]
            return "".join(random.choices(alphabet, k=self.size(kind.low, kind.high, 40)))
        if isinstance(kind, Null):
            return None
        if isinstance(kind, SequenceOf):
            return [self.value(kind.item) for _ in range(self.size(kind.low, kind.high, 4))]
        if isinstance(kind, Choice):
            name = random.choice([*kind.alternatives, *kind.more])
            return name, self.value({**kind.alternatives, **kind.more}[name])
        assert isinstance(kind, Sequence), kind
        return self.sequence(kind)

    def sequence(self, kind):
        out = {}
        self.members(kind.members, out)
        for key, member in kind.more.items():
            if isinstance(member, Group):
                if self.wanted():
                    inner = {}
                    self.members(member.members, inner)
                    if any(
                        not isinstance(m, Default) or m.value != inner[k.rstrip("?")]
                        for k, m in member.members.items()
                        if k.rstrip("?") in inner
                    ):  # a group of which nothing would be written is not there
                        out.update(inner)
            elif isinstance(member, Default) or self.wanted():
                out[key.rstrip("?")] = self.value(member)
        return out

    def members(self, members, out):
        for key, member in members.items():
            if key.endswith("?") and not self.wanted():
                continue
            if isinstance(member, OpenBy):
                known = sorted(member.types)
                if known and self.random.random() < 0.8:
                    out[member.by] = self.random.choice(known)
                member = member.types.get(out[member.by], Open())
            out[key.rstrip("?")] = self.value(member)


# ---------------------------------------------------------------- other people's values


def to_asn1tools(kind, value):
    """Bit strings are (bytes, size) there; an open type is the octets that asn1tools itself makes."""
    return _convert(kind, value, _To())


def from_asn1tools(kind, value):
    return _convert(kind, value, _From())


def to_pycrate(kind, value):
    """Bit strings are (int, size) there, NULL is 0; an open type is a pair of a name and its octets."""
    return _convert(kind, value, _ToPycrate())


def from_pycrate(kind, value):
    return _convert(kind, value, _FromPycrate())


class _To:
    def bits(self, kind, value):
        number, count = value if kind.variable else (value, kind.low)
        return (number << -count % 8).to_bytes((count + 7) // 8, "big"), count

    def null(self, value):
        return None

    def open(self, kind, value):
        return value if kind is None else asn1tools_of(kind).encode("M", to_asn1tools(kind, value))


class _From:
    def bits(self, kind, value):
        data, count = value
        number = int.from_bytes(data, "big") >> -count % 8
        return (number, count) if kind.variable else number

    def null(self, value):
        return None

    def open(self, kind, value):
        if kind is None:
            return value
        return from_asn1tools(kind, asn1tools_of(kind).decode("M", value))


class _ToPycrate:
    def bits(self, kind, value):
        return value if kind.variable else (value, kind.low)

    def null(self, value):
        return 0

    def open(self, kind, value):
        return ("_unk_004", value if kind is None else codec_of(kind).encode(value))


class _FromPycrate:
    def bits(self, kind, value):
        return tuple(value) if kind.variable else value[0]

    def null(self, value):
        return None

    def open(self, kind, value):
        name, inner = value
        if name.startswith("_unk"):
            return inner if kind is None else codec_of(kind).decode(inner)
        return from_pycrate(kind, inner)


def _convert(kind, value, way):
    if isinstance(kind, Default):
        return _convert(kind.kind, value, way)
    if isinstance(kind, Bits):
        return way.bits(kind, value)
    if isinstance(kind, Null):
        return way.null(value)
    if isinstance(kind, Open):
        return way.open(None, value) if not isinstance(way, _To | _From) else value
    if isinstance(kind, SequenceOf):
        return [_convert(kind.item, item, way) for item in value]
    if isinstance(kind, Choice):
        name, inner = value
        return name, _convert({**kind.alternatives, **kind.more}[name], inner, way)
    if isinstance(kind, Sequence):
        known, out = members_of(kind), {}
        for name, item in value.items():
            member = known[name]
            if isinstance(member, OpenBy):
                out[name] = way.open(member.types.get(value[member.by]), item)
            else:
                out[name] = _convert(member, item, way)
        return out
    return value


# ---------------------------------------------------------------- modules written by hand


@cache
def judge(name):
    return asn1tools.compile_files([str(HERE / f"{name}.asn")], "uper")


def messages(name, type_name):
    """Pairs (theirs, ours) of valid values of a type of the module, drawn from its ASN.1 text."""
    (module,) = asn1tools.parse_files([str(HERE / f"{name}.asn")]).values()
    return _values({"type": type_name}, module["types"])


def _values(ast, types):
    kind = ast["type"]
    if kind in types:
        return _values(types[kind], types)
    if kind == "INTEGER":
        low, high = ast["restricted-to"][0]
        edges = st.sampled_from(sorted({low, low + 1, high - 1, high}))
        return st.one_of(st.integers(low, high), edges).map(_same)
    if kind == "BOOLEAN":
        return st.booleans().map(_same)
    if kind == "ENUMERATED":
        return st.sampled_from([value[0] for value in ast["values"] if value]).map(_same)
    if kind == "OCTET STRING":
        low, high = _size(ast)
        return st.binary(min_size=low, max_size=high).map(_same)
    if kind == "BIT STRING":
        low, high = _size(ast)
        sizes = st.integers(low, high).flatmap(lambda n: st.tuples(st.integers(0, (1 << n) - 1), st.just(n)))
        return sizes.map(lambda v: (_bits(*v), v if high > low else v[0]))
    if kind == "SEQUENCE OF":
        low, high = _size(ast)
        lists = st.lists(_values(ast["element"], types), min_size=low, max_size=min(high, low + 4))
        return lists.map(lambda pairs: ([a for a, _ in pairs], [b for _, b in pairs]))
    members = [member for member in ast["members"] if member]
    if kind == "CHOICE":
        return st.one_of(
            [_values(m, types).map(lambda v, n=m["name"]: ((n, v[0]), (n, v[1]))) for m in members]
        )
    assert kind == "SEQUENCE", kind
    present = {m["name"]: _values(m, types) for m in members if not m.get("optional")}
    optional = {m["name"]: _values(m, types) for m in members if m.get("optional")}
    both = st.fixed_dictionaries(present, optional=optional)
    return both.map(lambda d: ({k: v[0] for k, v in d.items()}, {k: v[1] for k, v in d.items()}))


def _same(value):
    return value, value


def _size(ast):
    if "size" not in ast:
        return 1, 40
    size = ast["size"][0]
    return size if isinstance(size, tuple) else (size, size)


def _bits(value, count):
    padded = value << -count % 8
    return padded.to_bytes((count + 7) // 8, "big"), count
