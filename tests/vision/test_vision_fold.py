"""Folded networks give what their originals give; onnxruntime runs both."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

onnx = pytest.importorskip("onnx", reason="the package onnx is not here")
ort = pytest.importorskip("onnxruntime")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edge.vision import fold  # noqa: E402
from edge.vision.zoo import Entry, Zoo  # noqa: E402

SHARED = Path(__file__).parents[3] / "shared"
HEIGHT, WIDTH = 10, 12
NUMBER = st.floats(-3, 3).map(lambda value: round(value, 3))


def entry(**fields: object) -> Entry:
    plain = {
        "file": "net.onnx", "sha256": "ab", "bytes": 1, "role": "road", "finds": ("objects",),
        "adapter": "a:b", "input": "", "inputs": {"x": (1, 3, HEIGHT, WIDTH)}, "outputs": {},
        "licence_code": "",
        "licence_weights": "",
    }  # fmt: skip
    return Entry(**(plain | fields))


def network(
    nodes: list, constants: dict[str, np.ndarray], inputs: dict[str, tuple[int, ...]], opset: int = 13
) -> bytes:
    """A model with one output, y, of any shape."""
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(v, n) for n, v in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = 8
    return model.SerializeToString()


def weights(outputs: int, channels: int, kernel: int) -> np.ndarray:
    return np.random.default_rng(kernel).normal(size=(outputs, channels, kernel, kernel)).astype(np.float32)


def run(model: bytes, feed: dict[str, np.ndarray]) -> np.ndarray:
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, feed)[0]


def kinds(model: bytes) -> list[str]:
    return [node.op_type for node in onnx.load_model_from_string(model).graph.node]


def compare(model: bytes, told: Entry, pixels: np.ndarray) -> None:
    """Against what the entry says, computed here in double precision."""
    small = fold.fold(model, told)
    value = pixels[..., ::-1] if told.rgb else pixels
    fed = value.astype(np.float64) * np.array(told.scale) + np.array(told.offset)
    planes = next(iter(told.inputs.values()))[1] == 3
    expected = run(model, {"x": np.float32(fed.transpose(2, 0, 1) if planes else fed)[None]})
    got = run(small, {"x": pixels[None]})
    assert np.abs(got - expected).max() <= 1e-4 * max(1.0, np.abs(expected).max())


@given(
    scale=st.tuples(NUMBER, NUMBER, NUMBER),
    offset=st.tuples(NUMBER, NUMBER, NUMBER),
    rgb=st.booleans(),
    border=st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1), (0, 0, 1, 1), (2, 1, 0, 0)]),
    before=st.sampled_from(["", "scaled", "moved", "both", "mirrored", "branch"]),
    bias=st.booleans(),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_a_convolution_takes_bytes_and_gives_the_same_to_its_very_border(
    scale: tuple[float, float, float], offset: tuple[float, float, float], rgb: bool,
    border: tuple[int, ...], before: str, bias: bool, seed: int,
) -> None:  # fmt: skip
    constants = {"w": weights(5, 3, 3)}
    nodes, at = [], "x"
    if before in ("scaled", "both"):
        constants["a"] = np.array([0.5, 2.0, -1.0], np.float32).reshape(1, 3, 1, 1)
        nodes.append(helper.make_node("Mul", ["a", at], ["scaled"]))
        at = "scaled"
    if before in ("moved", "both"):
        constants["b"] = np.array([7.0, -3.0, 11.0], np.float32).reshape(3, 1, 1)
        nodes.append(helper.make_node("Sub", [at, "b"], ["moved"]))
        at = "moved"
    if before == "mirrored":
        constants["p"] = np.array([0, 0, 1, 1, 0, 0, 2, 2], np.int64)
        nodes.append(helper.make_node("Pad", [at, "p"], ["padded"], mode="reflect"))
        at = "padded"
    names = [at, "w"]
    if bias:
        constants["c"] = np.arange(5, dtype=np.float32)
        names.append("c")
    if before == "branch":  # its picture has two readers: nothing can be folded
        nodes.append(helper.make_node("ReduceMean", [at], ["mean"], axes=[1, 2, 3]))
        nodes.append(helper.make_node("Conv", names, ["z"], pads=border))
        nodes.append(helper.make_node("Add", ["z", "mean"], ["y"]))
    else:
        nodes.append(helper.make_node("Conv", names, ["y"], pads=border))
    model = network(nodes, constants, {"x": (1, 3, HEIGHT, WIDTH)})
    pixels = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    compare(model, entry(scale=scale, offset=offset, rgb=rgb), pixels)


def test_an_offset_goes_into_the_bias_only_where_there_is_no_border() -> None:
    told = entry(scale=1 / 127.5, offset=-1.0, rgb=True)
    for border, kept in ((0, ["Transpose", "Cast", "Conv"]), (1, ["Transpose", "Cast", "Add", "Conv"])):
        model = network(
            [helper.make_node("Conv", ["x", "w"], ["y"], pads=[border] * 4)],
            {"w": weights(4, 3, 3)},
            {"x": (1, 3, HEIGHT, WIDTH)},
        )
        assert kinds(fold.fold(model, told)) == kept


@pytest.mark.parametrize("shape", [(1, 3, HEIGHT, WIDTH), (1, HEIGHT, WIDTH, 3)])
@pytest.mark.parametrize("rgb", [False, True])
def test_a_network_that_does_not_begin_with_a_convolution(shape: tuple[int, ...], rgb: bool) -> None:
    axes = [2, 3] if shape[1] == 3 else [1, 2]
    model = network([helper.make_node("ReduceMax", ["x"], ["y"], axes=axes)], {}, {"x": shape})
    told = entry(inputs={"x": shape}, scale=(0.1, 0.2, 0.3), offset=(1.0, 2.0, 3.0), rgb=rgb)
    compare(model, told, np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))


def test_a_network_that_takes_pixels_and_turns_them_into_planes() -> None:
    model = network(
        [
            helper.make_node("Transpose", ["x"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planes", "w"], ["y"], pads=[1, 1, 1, 1], strides=[2, 2]),
        ],
        {"w": weights(4, 3, 3)},
        {"x": (1, HEIGHT, WIDTH, 3)},
    )
    told = entry(inputs={"x": (1, HEIGHT, WIDTH, 3)}, scale=0.5, rgb=True)
    compare(model, told, np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    assert kinds(fold.fold(model, told)) == ["Transpose", "Cast", "Conv"]


@pytest.mark.parametrize("offset", [0.0, 2.0])
def test_the_focus_of_yolox_becomes_a_convolution_over_px(offset: float) -> None:
    """Every second px of every second row, four times, as 12 channels: YOLOX, network_blocks.Focus."""
    parts, nodes = [], []
    constants: dict[str, np.ndarray] = {"w": weights(4, 12, 3), "two": np.array([2], np.int64)}
    constants |= {"far": np.array([2**31 - 1], np.int64), "rows": np.array([2], np.int64)}
    constants |= {"columns": np.array([3], np.int64)}
    constants |= {f"n{k}": np.array([k], np.int64) for k in (0, 1)}
    for row, column in ((0, 0), (1, 0), (0, 1), (1, 1)):
        name = f"s{row}{column}"
        nodes.append(helper.make_node("Slice", ["x", f"n{row}", "far", "rows", "two"], [name + "r"]))
        nodes.append(helper.make_node("Slice", [name + "r", f"n{column}", "far", "columns", "two"], [name]))
        parts.append(name)
    nodes.append(helper.make_node("Concat", parts, ["blocks"], axis=1))
    nodes.append(helper.make_node("Conv", ["blocks", "w"], ["y"], pads=[1, 1, 1, 1]))
    model = network(nodes, constants, {"x": (1, 3, HEIGHT, WIDTH)})
    told = entry(scale=(0.5, 1.0, 2.0), offset=offset, rgb=True)
    compare(model, told, np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))
    assert kinds(fold.fold(model, told))[-1] == "Conv"
    assert "SpaceToDepth" not in kinds(fold.fold(model, told))


def test_a_constant_without_axes_stays_one() -> None:
    model = network(
        [
            helper.make_node("Conv", ["x", "w"], ["z"]),
            helper.make_node("Gather", ["z", "second"], ["map"], axis=1),  # (1, H, W), not (1, 1, H, W)
            helper.make_node("ReduceMax", ["map"], ["y"], axes=[1], keepdims=0),
        ],
        {"w": weights(3, 3, 3), "second": np.array(1, np.int64)},
        {"x": (1, 3, HEIGHT, WIDTH)},
    )
    compare(model, entry(), np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))


def test_two_pictures_and_an_angle() -> None:
    model = network(
        [
            helper.make_node("Conv", ["left", "w"], ["l"]),
            helper.make_node("Conv", ["right", "w"], ["r"]),
            helper.make_node("Sub", ["l", "r"], ["d"]),
            helper.make_node("ReduceMean", ["d"], ["m"], axes=[2, 3], keepdims=0),
            helper.make_node("Mul", ["m", "angles"], ["y"]),
        ],
        {"w": weights(3, 3, 3)},
        {"left": (1, 3, 8, 8), "right": (1, 3, 8, 8), "angles": (1, 3)},
    )
    told = entry(
        inputs={"left": (1, 3, 8, 8), "right": (1, 3, 8, 8), "angles": (1, 3)}, scale=0.01, offset=-0.5
    )
    small = fold.fold(model, told)
    left, right = np.random.default_rng(1).integers(0, 256, (2, 1, 8, 8, 3), np.uint8)
    angles = np.array([[3.0, -5.0, 7.0]], np.float32)
    floats = [(image.transpose(0, 3, 1, 2) * 0.01 - 0.5).astype(np.float32) for image in (left, right)]
    expected = run(model, {"left": floats[0], "right": floats[1], "angles": angles})
    assert np.allclose(run(small, {"left": left, "right": right, "angles": angles}), expected, atol=1e-4)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "net.onnx"
    found.write_bytes(
        network([helper.make_node("Conv", ["x", "w"], ["y"])], {"w": weights(4, 3, 3)}, {"x": (1, 3, 10, 12)})
    )
    return found


def never(*_: object) -> bytes:
    raise AssertionError("made once more")


def test_kept_in_the_cache_and_made_anew_for_other_numbers(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    assert fold.why_not(entry(), cache) == "fed with numbers until it is first used"
    first = fold.folded(path, entry(), cache)
    assert first is not None
    assert fold.why_not(entry(), cache) == ""
    assert fold.folded(path, entry(scale=0.5), cache) != first
    assert fold.folded(path, entry(), None) is None
    assert fold.folded(path, entry(input="uint8 BGR"), cache) is None
    monkeypatch.setattr(fold, "fold", never)
    assert fold.folded(path, entry(), cache) == first


def test_what_was_damaged_in_the_cache_is_made_anew(path: Path, tmp_path: Path) -> None:
    first = fold.folded(path, entry(), tmp_path / "cache")
    (there,) = (file for file in (tmp_path / "cache").rglob("*") if file.is_file())
    whole = bytearray(there.read_bytes())
    whole[len(whole) // 2] ^= 1  # a weight: as good a network as before, and another
    there.write_bytes(whole)
    assert fold.folded(path, entry(), tmp_path / "cache") == first


def test_what_cannot_be_folded_is_left_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"no model at all")
    assert fold.folded(path, entry(), tmp_path) is None
    assert "numbers: " in fold.why_not(entry(), tmp_path)
    monkeypatch.setattr(fold, "fold", never)
    assert fold.folded(path, entry(), tmp_path) is None


def test_a_cache_that_cannot_be_written_is_no_cache_and_nothing_is_made_for_it(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setattr(fold, "fold", never)
    assert fold.folded(path, entry(), blocked / "cache") is None
    assert "cannot be kept" in fold.why_not(entry(), blocked / "cache")


def test_what_was_made_elsewhere_is_used_without_the_package(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = fold.folded(path, entry(), tmp_path / "cache")
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert fold.folded(path, entry(), tmp_path / "cache") == made
    assert fold.folded(path, entry(scale=0.5), tmp_path / "cache") is None
    assert "icv-edge[models]" in fold.why_not(entry(scale=0.5), tmp_path / "cache")


def test_trouble_of_the_moment_is_not_kept_as_a_reason(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fold, "fold", full)
        assert fold.folded(path, entry(), tmp_path / "cache") is None
    assert fold.folded(path, entry(), tmp_path / "cache") is not None
    assert len(list((tmp_path / "cache" / "bytes").iterdir())) == 1  # no parts are left


def test_a_network_that_fails_over_noise_is_left_as_it_is() -> None:
    model = network(
        [
            helper.make_node("Conv", ["x", "w"], ["z"]),
            helper.make_node("Cast", ["index"], ["whole"], to=TensorProto.INT64),
            helper.make_node("Gather", ["z", "whole"], ["y"], axis=1),
        ],
        {"w": weights(4, 3, 3), "far": np.array([100], np.int64)},
        {"x": (1, 3, HEIGHT, WIDTH), "index": (1,)},
    )
    nodes = onnx.load_model_from_string(model)
    nodes.graph.node[2].input[1] = "far_index"
    nodes.graph.node.insert(2, helper.make_node("Add", ["whole", "far"], ["far_index"]))
    told = entry(inputs={"x": (1, 3, HEIGHT, WIDTH), "index": (1,)})
    with pytest.raises(fold.FoldError, match="held against its original"):
        fold.fold(nodes.SerializeToString(), told)


def test_what_is_no_number_does_not_pass_for_equal() -> None:
    plain, wrong = (
        network(nodes, {"w": weights(4, 3, 3)}, {"x": (1, 3, 10, 12)})
        for nodes in (
            [helper.make_node("Conv", ["x", "w"], ["y"])],
            [
                helper.make_node("Conv", ["x", "w"], ["z"]),
                helper.make_node("Sub", ["z", "z"], ["none"]),
                helper.make_node("Div", ["none", "none"], ["y"]),
            ],
        )
    )
    assert not fold.difference(plain, wrong, entry()) <= fold.TOLERANCE


def test_a_network_that_noise_blinds_is_compared_with_open_eyes() -> None:
    """As the mask of a transformer does: where it is not 0, nothing but NaN comes out."""
    blind = [
        helper.make_node("Mul", ["mask", "zero"], ["none"]),
        helper.make_node("Div", ["none", "mask"], ["nan"]),  # 0 / 0 where the mask is 0
        helper.make_node("IsNaN", ["nan"], ["open"]),
        helper.make_node("Where", ["open", "z", "lost"], ["y"]),
    ]
    one, other = (
        network(
            [helper.make_node("Conv", ["x", "w"], ["z"]), *blind],
            {"w": w, "zero": np.zeros(1, np.float32), "lost": np.full(1, np.nan, np.float32)},
            {"x": (1, 3, 10, 12), "mask": (1, 1, 1, 1)},
        )
        for w in (weights(4, 3, 3), weights(4, 3, 3) * 1.5)
    )
    told = entry(inputs={"x": (1, 3, 10, 12), "mask": (1, 1, 1, 1)})
    assert fold.difference(one, one, told) == 0.0
    assert fold.difference(one, fold.fold(one, told), told) <= 1e-5
    assert fold.difference(one, fold.fold(other, told), told) > 0.1


PUBLIC = [name for name, told in Zoo().entries.items() if fold.pictures(told) and not told.own]


@pytest.mark.parametrize("name", PUBLIC)
def test_public_networks_folded_give_what_they_gave(name: str) -> None:
    cv2 = pytest.importorskip("cv2")
    told = Zoo().entry(name)
    path = SHARED / "models" / told.file
    if not path.exists():
        pytest.skip(f"{path} is not here")
    if max(np.prod(shape) for shape in told.inputs.values()) > 700_000:
        pytest.skip("takes seconds; the fold itself checks it when it is made")
    model = path.read_bytes()
    images = [cv2.imread(str(p)) for p in sorted((SHARED / "data" / "images").rglob("*.jpg"))[::400][:2]]
    assert fold.difference(model, fold.fold(model, told), told, images) <= 1e-4
