"""The judge: asn1tools, with modules written for these tests, from which valid messages are drawn."""

from functools import cache
from pathlib import Path

import asn1tools
from hypothesis import strategies as st

HERE = Path(__file__).parent


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
