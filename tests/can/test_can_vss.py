import builtins
import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.can.dbc import read_dbc
from edge.can.decode import Decoder
from edge.can.frames import frames
from edge.can.vss import VssMapper, find_signals, vss_columns
from edge.can.vss.expression import Expression, ExpressionError, NoValueError
from edge.can.vss.overlay import Leaf, Overlay, OverlayError, read_overlay

VEHICLES = Path(__file__).parents[2] / "configs" / "vehicles"
MS = 1_000_000


# ---------------------------------------------------------------- formulas


@pytest.mark.parametrize(
    ("formula", "x", "value"),
    [
        ("floor(x+0.5)", 12.5, 13.0),
        ("floor((x*40)-100)", 2.0, -20.0),
        ("x*9/5+32", 100.0, 212.0),
        ("10*7%4", 0.0, 30.0),  # % before *
        ("2^3^2", 0.0, 64.0),  # from left to right
        ("-x^2", 3.0, -9.0),
        ("2**x", 10.0, 1024.0),
        ("2*-x", 3.0, -6.0),
        ("1 < x < 3", 5.0, True),  # (1 < 5) < 3
        ("not x > 3 and x != 2", 1.0, True),
        ("x > 5 or x == 1", 1.0, True),
        ("if(x > 0, 'ON', \"OFF\")", 1.0, "ON"),
        ("if(x > 0, 'ON', \"OFF\")", 0.0, "OFF"),
        ("'gear ' || x", 3.0, "gear 3"),
        ("min(x, 2, 7) + max(1, x)", 5.0, 7.0),
        ("round(sqrt(abs(x)))", -10.0, 3.0),
        ("1e2 + .5 + 2.", 0.0, 102.5),
        ("sind(x)", 90.0, 1.0),
        ("log(x)", math.e, 1.0),
        ("log(x, 10)", 1000.0, math.log(1000, 10)),
        ("PI * x", 2.0, 2 * math.pi),
    ],
)
def test_formulas(formula, x, value):
    assert Expression(formula)(x) == value


OPERATORS = ["+", "-", "*", "/", "%", "^", "==", "!=", "<", ">", "<=", ">=", "and", "or"]
NUMBERS = ["x", "2", "0.5", "3", "10", "1e2", "PI", "E"]
FORMULAS = st.recursive(
    st.sampled_from(NUMBERS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(OPERATORS), inner).map(" ".join),
        inner.map("({})".format),
        st.tuples(st.sampled_from(["sin", "abs", "floor", "sqrt", "round", "atand"]), inner).map(
            "{0[0]}({0[1]})".format
        ),
        st.tuples(st.sampled_from(["min", "max", "atan2"]), inner, inner).map(
            "{0[0]}({0[1]}, {0[2]})".format
        ),
    ),
    max_leaves=6,
)


@given(FORMULAS, st.sampled_from([0.0, 1.0, -3.5, 25.0]))
@settings(max_examples=300, deadline=None)
def test_formulas_are_as_kuksa_evaluates_them(formula, x):
    judge = pytest.importorskip("py_expression_eval", reason="no py_expression_eval here").Parser()
    if formula.count("^") > 1:
        return  # its whole numbers grow without an end
    try:
        theirs = judge.parse(formula).evaluate({"x": x})
    except Exception:  # noqa: BLE001 - it raises just that for what it cannot parse, as a function's power
        return
    try:
        ours = Expression(formula)(x)
    except NoValueError:
        assert isinstance(theirs, complex) or theirs != theirs or "^" in formula
        return
    if isinstance(theirs, bool) and isinstance(ours, float):
        theirs = float(theirs)  # the least of numbers and truths is a number here
    if not isinstance(theirs, complex):
        assert ours == pytest.approx(theirs, rel=1e-15)


@pytest.mark.parametrize(
    ("formula", "column"),
    [
        ("x +", 4), ("y * 2", 1), ("x * (2", 7), ("x ) 2", 3), ("__import__('os')", 1), ("x.real", 2),
        ("floor x", 7), ("2 x", 3), ("pow(x)", 1), ("x @ 2", 3), ("", 1), ("x = 2", 3), ("random(1)", 1),
        ("min(x,", 7), ("'abc", 1), ("(" * 50 + "x" + ")" * 50, 41), ("-" * 900 + "x", 41),
        ("x+" * 600, 1000), ("x + 0x" + "F" * 300, 5),
    ],
)  # fmt: skip
def test_bad_formulas_name_the_character(formula, column):
    with pytest.raises(ExpressionError) as error:
        Expression(formula)
    assert error.value.column == column
    assert f"at character {column}" in str(error.value)


@pytest.mark.parametrize(
    "formula",
    [
        "1/x",
        "x % 0",
        "sqrt(-1)",
        "10^10^10^10",
        "(-8)^0.5",
        "fac(200)",
        "'a' + x",
        "exp(1e9)",
        "fac(-1)",
        "'a' < 1",
        "((x==x)+(x==x))" + "^((x==x)+(x==x))" * 55,  # of whole numbers: more digits than there is memory
    ],
)
def test_no_value_is_said(formula):
    with pytest.raises(NoValueError):
        Expression(formula)(0.0)


@given(
    st.one_of(st.text(max_size=40), FORMULAS, st.text("x0.+-*/()^,%<>=!|'\"aeminflor ", max_size=40)),
    st.floats(),
)
@pytest.mark.fuzz
def test_any_text_is_a_formula_or_an_error(formula, x):
    try:
        value = Expression(formula)(x)
    except (ExpressionError, NoValueError):
        return
    assert isinstance(value, bool | float | str)


# ---------------------------------------------------------------- overlays


def overlay_file(tmp_path, leaf, name="o.json"):
    path = tmp_path / name
    tree = {
        "Vehicle": {"type": "branch", "children": {"Speed": {"type": "sensor", "datatype": "float", **leaf}}}
    }
    path.write_text(json.dumps(tree))
    return path


def test_json_and_vspec(tmp_path):
    path = overlay_file(
        tmp_path,
        {
            "unit": "km/h",
            "min": 0,
            "dbc2vss": {"signal": "S", "interval_ms": 100, "transform": {"math": "x*2"}},
            "vss2dbc": {},
        },
    )
    overlay = read_overlay(path)
    (leaf,) = overlay.leaves
    assert (leaf.path, leaf.datatype, leaf.signal, leaf.interval_ms, leaf.on_change) == (
        "Vehicle.Speed", "float", "S", 100, False,
    )  # fmt: skip
    assert (leaf.unit, leaf.minimum, leaf.math.formula) == ("km/h", 0, "x*2")
    assert overlay.notes == ("Vehicle.Speed: vss2dbc is not used: nothing is sent to the car",)
    pytest.importorskip("yaml")
    vspec = tmp_path / "o.vspec"
    vspec.write_text(
        "Vehicle.Gear:\n  type: sensor\n  datatype: int8\n  dbc:\n    signal: M.G\n    on_change: true\n"
        "    transform:\n      mapping:\n      - from: P\n        to: 0\n      - {from: 3, to: -1}\n"
        "Vehicle.Speed:\n  type: sensor\n  datatype: float\n  dbc2vss: {signal: S}\n"
        "Vehicle.Width:\n  type: attribute\n  datatype: uint16\n"
    )
    gear, speed = read_overlay(vspec).leaves
    assert gear == Leaf("Vehicle.Gear", "int8", "M.G", 0, True, None, (("P", 0), (3, -1)))
    assert speed == Leaf("Vehicle.Speed", "float", "S", 1000, False)


@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        ({"dbc2vss": {}}, "without a signal"),
        ({"dbc2vss": "S"}, "no table"),
        ({"dbc2vss": {"signal": "S"}, "dbc": {"signal": "S"}}, "both dbc and dbc2vss"),
        ({"dbc2vss": {"signal": "S", "on_change": 1}}, "on_change is 1"),
        ({"dbc2vss": {"signal": "S", "interval_ms": 0.5}}, "interval_ms is 0.5"),
        ({"dbc2vss": {"signal": "S", "interval_ms": True}}, "interval_ms is True"),
        ({"dbc2vss": {"signal": "S", "interval": 5}}, "'interval'"),
        ({"dbc2vss": {"signal": "S", "transform": {}}}, "one of math and mapping"),
        ({"dbc2vss": {"signal": "S", "transform": {"math": "x", "mapping": []}}}, "one of math and mapping"),
        ({"dbc2vss": {"signal": "S", "transform": {"math": "x + y"}}}, "at character 5: x + y"),
        ({"dbc2vss": {"signal": "S", "transform": {"math": 3}}}, "math is no text"),
        ({"dbc2vss": {"signal": "S", "transform": {"mapping": [{"from": 1}]}}}, "entry 1: needs from and to"),
        ({"dbc2vss": {"signal": "S", "transform": {"mapping": {"a": 1}}}}, "mapping is no list"),
        (
            {"dbc2vss": {"signal": "S", "transform": {"mapping": [{"from": 1, "to": "on"}]}}},
            "'on' is no float",
        ),
        (
            {"dbc2vss": {"signal": "S", "transform": {"mapping": [{"from": 1, "to": float("nan")}]}}},
            "from and to are numbers",
        ),
        ({"datatype": "float[]", "dbc2vss": {"signal": "S"}}, "datatype 'float[]'"),
        ({"datatype": None, "dbc2vss": {"signal": "S"}}, "datatype None"),
        ({"min": "0", "dbc2vss": {"signal": "S"}}, "min is '0'"),
    ],
)
def test_a_wrong_leaf_is_named(tmp_path, leaf, why):
    path = overlay_file(tmp_path, leaf)
    with pytest.raises(OverlayError) as error:
        read_overlay(path)
    assert str(error.value).startswith(f"{path}: Vehicle.Speed: ")
    assert why in str(error.value)


def test_files_that_are_no_overlay(tmp_path, monkeypatch):
    deep = "[" * 100_000
    cases = {
        "a.json": "{", "b.json": "[]", "c.json": "{}", "d.json": deep, "e.json": "<html>", "f.vspec": "a: [",
        "g.yaml": "- 1", "h.json": '{"a": ' * 90 + "{}" + "}" * 90, "i.vspec": "when: 2024-99-99",
        "k.json": '{"a": ' + "1" * 5000 + "}",
    }  # fmt: skip
    for name, content in cases.items():
        (tmp_path / name).write_text(content)
        with pytest.raises(OverlayError, match=name):
            read_overlay(tmp_path / name)
    (tmp_path / "j.json").write_bytes(b"\xff\xfe")
    for name in ("j.json", "missing.json"):
        with pytest.raises(OverlayError, match=name):
            read_overlay(tmp_path / name)
    real_import = builtins.__import__

    def no_yaml(name, *args, **kwargs):
        if name == "yaml":
            raise ImportError(name)
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", no_yaml)
    with pytest.raises(OverlayError, match="pip install"):
        read_overlay(tmp_path / "f.vspec")


@given(st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([
            "type", "datatype", "children", "dbc2vss", "dbc", "signal", "interval_ms", "on_change",
            "transform", "math", "mapping", "from", "to", "min", "Vehicle",
        ]), inner | st.sampled_from(["sensor", "branch", "float", "x*2"]), max_size=6),
    ), max_leaves=30,
))  # fmt: skip
@pytest.mark.fuzz
def test_any_json_is_an_overlay_or_an_error(tmp_path_factory, tree):
    path = tmp_path_factory.mktemp("vss") / "o.json"
    path.write_text(json.dumps(tree))
    try:
        overlay = read_overlay(path)
    except OverlayError:
        return
    assert overlay.leaves


# ---------------------------------------------------------------- values


def results(leaf, values):
    mapper = VssMapper(Overlay((leaf,)))
    out = []
    for t_ms, value, *choice in values:
        out += [(t // MS, result) for t, _, result in mapper.take(t_ms * MS, "S", value, *choice)]
    return out, mapper


def test_interval():
    leaf = Leaf("Vehicle.Speed", "float", "S", 100)
    out, _ = results(leaf, [(0, 1), (50, 2), (99, 3), (100, 4), (180, 5), (250, 6), (300, 7)])
    assert out == [(0, 1.0), (100, 4.0), (250, 6.0)]
    out, _ = results(Leaf("Vehicle.Speed", "float", "S"), [(0, 1), (999, 2), (1000, 3)])
    assert out == [(0, 1.0), (1000, 3.0)]


def test_change():
    out, _ = results(Leaf("V", "float", "S", 0, True), [(0, 1), (1, 1), (2, 2), (3, 2), (4, 1)])
    assert out == [(0, 1.0), (2, 2.0), (4, 1.0)]
    # an unchanged value uses up the interval, as in Kuksa
    out, _ = results(Leaf("V", "float", "S", 100, True), [(0, 1), (100, 1), (150, 2), (200, 2), (300, 2)])
    assert out == [(0, 1.0), (200, 2.0)]


def test_a_log_that_begins_again():
    out, _ = results(Leaf("V", "float", "S", 100), [(1000, 1), (950, 2), (1050, 3), (0, 4), (100, 5)])
    assert out == [(1000, 1.0), (0, 4.0), (100, 5.0)]


def test_what_is_not_available_gives_nothing():
    out, mapper = results(Leaf("V", "float", "S", 100), [(0, math.nan), (1, 5)])
    assert out == [(1, 5.0)]
    assert not mapper.refused


def test_mapping_of_numbers_and_names():
    leaf = Leaf("V", "int8", "S", 0, mapping=(("P", 126), (1, -1), (2.5, 7)))
    out, mapper = results(leaf, [(0, 0, "P"), (1, 1, "R"), (2, 2.5), (3, 9, "X"), (4, 9)])
    assert out == [(0, 126), (1, -1), (2, 7)]
    assert mapper.refused == {("V", "the mapping has no entry for it"): 2}


@pytest.mark.parametrize(
    ("datatype", "value", "choice", "expected"),
    [
        ("uint8", 255.9, None, 255), ("uint8", 256, None, None), ("uint8", -1, None, None), 
        ("int8", -128.5, None, -128),
        ("uint64", 2.0**63, None, 2**63), ("float", 0.1, None, 0.1), ("double", 3, None, 3.0),
        ("boolean", 1, None, True), ("boolean", 0, "OFF", False), ("string", 1, "ON", "ON"),
        ("string", 5.0, None, "5"), ("string", 2.5, None, "2.5"), ("int32", 7, "SEVEN", 7),
        ("uint8", math.inf, None, None),
    ],
)  # fmt: skip
def test_datatypes(datatype, value, choice, expected):
    out, mapper = results(Leaf("V", datatype, "S", 0), [(0, value, choice)])
    assert out == ([] if expected is None else [(0, expected)])
    assert not out or type(out[0][1]) is type(expected)
    assert sum(mapper.refused.values()) == (expected is None)


def test_limits_and_formulas():
    leaf = Leaf("V", "uint8", "S", 0, math=Expression("100/x"), minimum=0, maximum=100)
    out, mapper = results(leaf, [(0, 0), (1, 1), (2, 0.5), (3, -1), (4, 3, "NAMED")])
    assert out == [(1, 100), (4, 33)]
    assert sum(mapper.refused.values()) == 3


def test_names_with_and_without_the_message():
    mapper = VssMapper(
        Overlay((Leaf("A", "float", "S", 0), Leaf("B", "float", "M.S", 0), Leaf("C", "float", "N.S", 0)))
    )
    assert [path for _, path, _ in mapper.take(0, "M.S", 1.0)] == ["B", "A"]
    assert [path for _, path, _ in mapper.take(0, "S", 1.0)] == ["A"]
    assert mapper.take(0, "T", 1.0) == []
    assert mapper.signals == ("S", "M.S", "N.S")


# ---------------------------------------------------------------- a car


@pytest.fixture(scope="module")
def simulated():
    return [(read_dbc(VEHICLES / "simulated.dbc"), None)], read_overlay(VEHICLES / "simulated.vss.json")


def test_the_simulated_car_has_every_signal_of_its_overlay(simulated):
    databases, overlay = simulated
    found = find_signals([leaf.signal for leaf in overlay.leaves], databases)
    assert (found.missing, found.ambiguous) == ((), {})
    assert len(found.names) == len(overlay.leaves) == 12
    found = find_signals(["COUNTER", "SPEED", "NOTHING"], databases)
    assert found.missing == ("NOTHING",)
    assert set(found.ambiguous) == {"COUNTER"}
    assert found.ambiguous["COUNTER"][:2] == ("SPEED.COUNTER", "MOTION.COUNTER")


@given(st.lists(st.tuples(
    st.integers(0, 60), st.sampled_from([180, 193, 37, 210, 225, 422]), st.binary(min_size=0, max_size=8),
), min_size=1, max_size=60), st.integers(1, 59), st.booleans())  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_columns_are_as_one_by_one(simulated, rows, cut, in_order):
    databases, overlay = simulated
    overlay = Overlay(
        (*overlay.leaves, Leaf("Vehicle.Any", "uint8", "COUNTER", 70), Leaf("Vehicle.G", "string", "GEAR", 0))
    )
    decoder = Decoder(databases, find_signals([leaf.signal for leaf in overlay.leaves], databases).names)
    t_ns = np.cumsum([step for step, _, _ in rows]) * MS
    if not in_order:
        t_ns = t_ns[::-1].copy()
    batch = frames(
        t_ns, [can_id for _, can_id, _ in rows], [0] * len(rows), [0] * len(rows), [data for *_, data in rows]
    )
    one, many = VssMapper(overlay), VssMapper(overlay)
    singly: dict[str, list] = {}
    together: dict[str, list] = {}
    for part in (batch[:cut], batch[cut:]):
        decoded = decoder.decode(part, ["can0"])
        for column in vss_columns(many, decoder, decoded, part.t_ns):
            together.setdefault(column.leaf.path, []).extend(
                zip(column.t_ns.tolist(), column.values, strict=True)
            )
        values = decoded.rows()
        for frame, index, value in zip(values.frame, values.signal, values.value, strict=True):
            signal = decoder.signals[index]
            choice = signal.signal.choices.get(int(value)) if value == value else None
            for t, path, result in one.take(int(part.t_ns[frame]), signal.name, float(value), choice):
                singly.setdefault(path, []).append((t, result))
    assert {path: points for path, points in together.items() if points} == singly
    assert one.refused == many.refused
