"""What holds for any sequence of messages at all."""

from __future__ import annotations

import ast
import math
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

import edge.core
from edge.config import CoreConfig, GateRule, GateSettings, Geometry, Rules, Vehicle
from edge.core.core import Core
from edge.core.gate import Gate
from edge.messages import (
    CAR_SIGNALS,
    Announce,
    Command,
    Detections,
    DriverView,
    Face,
    Gap,
    Health,
    LaneLine,
    Motion,
    PeerHeard,
    Position,
    RemoteObject,
    Request,
    RoadView,
    Signals,
    Tick,
    Transmit,
    decode,
    encode,
    read_only,
)

RULE = GateRule(bus="can0", message="A", signal="X", minimum=-1.0, maximum=6.0, max_rate_per_s=20.0)
SHOW = GateRule(bus="can0", message="A", signal="Y", minimum=0.0, maximum=9.0)
CONFIG = CoreConfig(
    vehicle=Vehicle(title="any", gate={"brake": RULE, "warn_display": SHOW}),
    geometry={"road": Geometry(width_px=1280, height_px=720, focal_px=1000.0, pitch_deg=1.0, yaw_deg=-2.0)},
    rules=Rules(gate=GateSettings(dry_run=False)),
    send_v2x=True,
)

any_float = (
    st.floats(allow_nan=True, allow_infinity=True) | st.floats(-100, 100) | st.integers(-50, 50).map(float)
)
finite = st.floats(allow_nan=False, allow_infinity=False)
maybe = st.none() | any_float
px = st.floats(-50, 1400) | any_float
times = st.integers(0, 20_000_000_000) | st.integers(-(2**63), 2**63 - 1)
kinds = st.sampled_from(["car", "truck", "bus", "motorcycle", "bicycle", "person", "dog"])


@st.composite
def detections(draw):
    n = draw(st.integers(0, 5))
    return Detections(
        kinds=tuple(draw(kinds) for _ in range(n)),
        scores=read_only([draw(st.floats(0, 1) | any_float) for _ in range(n)]),
        boxes=read_only([[draw(px) for _ in range(4)] for _ in range(n)] or [[]]).reshape(n, 4),
    )


lines = st.builds(
    LaneLine,
    points=st.lists(st.tuples(px, px), min_size=2, max_size=8).map(read_only),
    score=st.floats(0, 1),
)
size = {"width_px": st.integers(0, 4000), "height_px": st.integers(0, 3000)}
picture = {"taken_ns": times, "frame_id": st.integers(0, 99), "models": st.just(("m",)), **size}
latitudes, longitudes = st.floats(-90, 90), st.floats(-180, 180)
inputs = st.one_of(
    st.lists(
        st.tuples(st.sampled_from(sorted(CAR_SIGNALS)) | st.just("else"), maybe, times), max_size=6
    ).flatmap(
        lambda rows: st.builds(
            Signals,
            t_ns=times,
            bus=st.just("can0"),
            names=st.just(tuple(r[0] for r in rows)),
            values=st.just(tuple(r[1] for r in rows)),
            stamps_ns=st.just(tuple(r[2] for r in rows)),
        )
    ),
    st.builds(
        RoadView,
        t_ns=times,
        camera=st.sampled_from(["road", "other"]),
        detections=st.none() | detections(),
        lanes=st.none() | st.lists(lines, max_size=3).map(tuple),
        **picture,
    ),
    st.builds(
        DriverView,
        t_ns=times,
        camera=st.just("driver"),
        face=st.none()
        | st.builds(
            Face,
            score=st.floats(0, 1),
            box=st.just((0.0, 0.0, 1.0, 1.0)),
            left_eye_open=maybe,
            right_eye_open=maybe,
            head_yaw_deg=maybe,
            head_pitch_deg=maybe,
            gaze_yaw_deg=maybe,
            gaze_pitch_deg=maybe,
        ),
        **picture,
    ),
    st.builds(
        Position,
        t_ns=times,
        source=st.just("gnss"),
        latitude_deg=latitudes,
        longitude_deg=longitudes,
        speed_mps=maybe,
        heading_deg=maybe,
        accuracy_m=maybe,
    ),
    st.builds(
        Motion,
        t_ns=times,
        source=st.just("imu"),
        acceleration_mps2=st.tuples(finite, finite, finite),
        rate_radps=st.tuples(finite, finite, finite),
    ),
    st.builds(
        PeerHeard,
        t_ns=times,
        link=st.just("v2x"),
        standard=st.just("etsi"),
        message=st.just("CAM"),
        sender=st.sampled_from(["1", "2", "3"]),
        counter=st.integers(0, 3),
        trust=st.just("unsigned"),
        content=st.builds(
            RemoteObject,
            kind=kinds,
            latitude_deg=latitudes,
            longitude_deg=longitudes,
            speed_mps=maybe,
            heading_deg=maybe,
            acceleration_mps2=maybe,
            events=st.sampled_from([(), ("hard_braking",)]),
        ),
    ),
    st.builds(Tick, t_ns=times, number=st.integers(0, 9)),
    st.builds(Gap, t_ns=times, source=st.just("can:can0"), reason=st.just("x"), count=st.integers(1, 9)),
    st.builds(
        Health,
        t_ns=times,
        source=st.sampled_from(["can:can0", "v2x", "camera:road"]),
        state=st.sampled_from(["ok", "failed"]),
    ),
    st.builds(Command, t_ns=times, name=st.just("a"), value=st.just("b"), asked_by=st.just("c")),
)


def _in_time(pairs):
    """The same inputs as a stream whose time goes on, as a loop makes it, with a step back now and then."""
    now_ns, stream = 1_000_000_000, []
    for message, later_ns in pairs:
        now_ns += later_ns
        changes = {"t_ns": now_ns}
        if hasattr(message, "taken_ns"):
            changes["taken_ns"] = now_ns - 30_000_000
        if isinstance(message, Signals):
            changes["stamps_ns"] = (now_ns - 1_000_000,) * len(message.names)
        stream.append(structs.replace(message, **changes))
    return stream


streams = st.lists(inputs, max_size=40) | st.lists(
    st.tuples(inputs, st.integers(0, 60_000_000) | st.integers(-20_000_000, 2_000_000_000)), max_size=60
).map(_in_time)
loose = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@loose
@given(streams)
def test_any_sequence_gives_the_same_outputs_live_and_replayed(messages):
    """Replay feeds what the recording gives back, so every input goes through its encoding once."""
    live, replayed = Core(CONFIG), Core(CONFIG)
    for message in messages:
        said = [encode(out) for out in live.step(message)]
        assert [encode(out) for out in replayed.step(decode(encode(message)))] == said
        for line in said:
            decode(line)
            assert b"NaN" not in line


@loose
@given(streams)
def test_the_gate_lets_nothing_out_of_bounds_through_under_any_sequence(messages):
    core = Core(CONFIG)
    radio_ns: int | None = None
    for message in messages:
        for out in core.step(message):
            if isinstance(out, Transmit):
                assert set(out.signals) == {"X", "Y"}
                assert RULE.minimum <= out.signals["X"] <= RULE.maximum
                assert SHOW.minimum <= out.signals["Y"] <= SHOW.maximum
            if isinstance(out, Announce) and isinstance(out.content, RemoteObject):
                assert radio_ns is None or out.t_ns - radio_ns >= 100_000_000
                radio_ns = out.t_ns


@loose
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["brake", "warn_display", "brake"]),
            any_float,
            st.integers(0, 200_000_000),
            st.integers(-60_000_000, 120_000_000),
        ),
        max_size=30,
    )
)
def test_the_gate_keeps_bounds_rates_intervals_and_ages(wishes):
    gate = Gate(CONFIG.vehicle.gate, GateSettings(dry_run=False, max_age_ms=50.0))
    now_ns, last = 0, {"brake": (None, 0.0), "warn_display": (None, 0.0)}
    for what, value, later_ns, age_ns in wishes:
        now_ns += later_ns
        request = Request(t_ns=now_ns, what=what, value=value, cause="", based_on_ns=now_ns - age_ns)
        verdict = gate.judge(request, now_ns)
        if isinstance(verdict, str):
            continue
        assert math.isfinite(value)
        assert 0 <= age_ns <= 50_000_000
        rule = CONFIG.vehicle.gate[what]
        sent = verdict.signals[rule.signal]
        assert rule.minimum <= sent <= rule.maximum
        before_ns, before = last[what]
        assert before_ns is None or now_ns - before_ns >= 50_000_000
        if rule.max_rate_per_s is not None and before_ns is not None and now_ns - before_ns <= 1_000_000_000:
            assert abs(sent - before) <= rule.max_rate_per_s * (now_ns - before_ns) / 1e9 + 1e-9
        if before_ns is None and rule.max_rate_per_s is not None:
            assert abs(sent) <= rule.max_rate_per_s * 0.05 + 1e-9
        last[what] = (now_ns, sent)


def test_a_wish_that_is_not_on_the_list_stays_inside():
    gate = Gate({}, GateSettings())
    assert isinstance(gate.judge(Request(t_ns=0, what="brake", value=1.0, cause="", based_on_ns=0), 0), str)


ALLOWED = {
    "__future__",
    "collections",
    "collections.abc",
    "itertools",
    "math",
    "typing",
    "msgspec",
    "numpy",
    "edge.messages",
    "edge.config",
}


def test_the_core_is_pure():
    """No room but messages and config, nothing that reads, waits or guesses; and only exact arithmetic.

    libm's sines differ by platform, numpy's sums and products by processor, Python's sum of floats by
    version: only what IEEE 754 rounds exactly, element by element, may be used.
    """
    exact = {"sqrt", "fabs", "fmod", "pi"}
    exact_arrays = {
        "abs", "arange", "argmax", "argmin", "argsort", "array", "broadcast_to", "concatenate", "empty",
        "float64", "floor", "fmod", "full", "full_like", "inf", "int64", "maximum", "minimum", "nan",
        "ndarray", "negative", "nonzero", "repeat", "rint", "searchsorted", "sqrt", "unique", "where",
        "zeros", "zeros_like", "cumsum",  # of counts
    }  # fmt: skip
    for path in Path(edge.core.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                imported = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                imported = [node.module or ""]
            else:
                imported = []
            for name in imported:
                assert name in ALLOWED or name == "edge.core" or name.startswith("edge.core."), (
                    path.name,
                    name,
                )
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "math"
            ):
                assert node.attr in exact, (path.name, node.attr)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "np":
                assert node.attr in exact_arrays, (path.name, node.attr)
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)), path.name
            assert not isinstance(node, (ast.Global, ast.Nonlocal)), path.name
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"open", "print", "hash", "id", "input", "eval", "exec"}, path.name
