"""Quantised networks are accepted only if they see what the float ones see; onnxruntime runs both."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the package onnx is not here")
pytest.importorskip("onnxruntime.quantization")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edge.vision import quantise as module  # noqa: E402
from edge.vision.quantise import quantise  # noqa: E402
from edge.vision.zoo import ModelError, Zoo  # noqa: E402

SIZE = 32


def network(steepness: float) -> bytes:
    """Four maps, (1, 4, 32, 32), each a soft threshold of the picture's brightness, behind some layers.

    Steep ones turn the small errors of bytes into large ones.
    """
    rng = np.random.default_rng(0)
    constants = {
        "w1": rng.normal(size=(16, 3, 3, 3)).astype(np.float32) / 300,
        "w2": rng.normal(size=(16, 16, 3, 3)).astype(np.float32) / 8,
        "w3": rng.normal(size=(4, 16, 3, 3)).astype(np.float32) * steepness,
    }
    nodes = [
        helper.make_node("Conv", ["data", "w1"], ["a"], "one", pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"], "two"),
        helper.make_node("Conv", ["b", "w2"], ["c"], "three", pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["d"], "four"),
        helper.make_node("Conv", ["d", "w3"], ["e"], "five", pads=[1] * 4),
        helper.make_node("Sigmoid", ["e"], ["maps"], "six"),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, (1, 3, SIZE, SIZE))],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, (1, 4, SIZE, SIZE))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model.SerializeToString()


@pytest.fixture
def zoo(tmp_path: Path) -> Zoo:
    content = network(1.0)
    (tmp_path / "net.onnx").write_bytes(content)
    (tmp_path / "zoo.toml").write_text(
        f"""
[net]
file = "net.onnx"
sha256 = "{hashlib.sha256(content).hexdigest()}"
bytes = {len(content)}
role = "road"
finds = ["lanes"]
adapter = "edge.vision.adapters.segmentation:RoadSegmentation"
input = "BGR, stretched"
inputs = {{ data = [1, 3, {SIZE}, {SIZE}] }}
outputs = {{ maps = [1, 4, {SIZE}, {SIZE}] }}
licence_code = "none"
licence_weights = "none"
own = true
"""
    )
    return Zoo(also=tmp_path / "zoo.toml")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for index in range(24):
        soft = cv2.GaussianBlur(rng.integers(0, 256, (48, 64, 3), np.uint8), (0, 0), 4)
        cv2.imwrite(str(folder / f"{index}.png"), cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX))
    return folder


def test_what_is_accepted_is_a_model_that_a_rig_can_name(
    zoo: Zoo, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LOSS", 0.5)
    monkeypatch.setattr(module, "MAX_TIME", 1e9)  # so small a network gains nothing
    result = quantise("net", pictures, tmp_path / "made", zoo=zoo)
    assert result.maps is not None
    assert result.maps > 0.5
    made = Zoo(also=result.zoo)
    entry = made.entry("net-int8")
    assert made.locate("net-int8").read_bytes()
    assert entry.inputs == {"data": (1, SIZE, SIZE, 3)}
    kinds = {node.op_type for node in onnx.load(made.locate("net-int8")).graph.node}
    assert {"QuantizeLinear", "DequantizeLinear"} <= kinds
    assert f"{result.maps:.3f}" in entry.origin


def test_what_loses_too_much_is_refused_and_leaves_nothing(
    zoo: Zoo, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LOSS", -1.0)  # nothing is good enough
    monkeypatch.setattr(module, "MAX_TIME", 1e9)
    with pytest.raises(ModelError, match=r"refused.*loses.*IoU of maps"):
        quantise("net", pictures, tmp_path / "made", zoo=zoo)
    assert not (tmp_path / "made").exists()


def test_few_pictures_are_too_few(zoo: Zoo, pictures: Path, tmp_path: Path) -> None:
    for path in sorted(pictures.iterdir())[5:]:
        path.unlink()
    with pytest.raises(ModelError, match="5 pictures; at least 20"):
        quantise("net", pictures, tmp_path / "made", zoo=zoo)


def test_a_network_that_nothing_can_be_told_of_is_refused(
    zoo: Zoo, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_TIME", 1e9)
    monkeypatch.setattr(module, "MIN_AREA", 1.0)  # as if the maps were empty
    with pytest.raises(ModelError, match="neither boxes nor maps"):
        quantise("net", pictures, tmp_path / "made", zoo=zoo)
    assert not (tmp_path / "made").exists()


def test_where_nothing_can_be_written_is_said(
    zoo: Zoo, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LOSS", 1.0)
    monkeypatch.setattr(module, "MAX_TIME", 1e9)
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be written to"):
        quantise("net", pictures, tmp_path / "file" / "made", zoo=zoo)


def test_files_that_are_only_named_like_pictures_are_no_pictures(
    zoo: Zoo, pictures: Path, tmp_path: Path
) -> None:
    for path in sorted(pictures.iterdir())[:10]:
        path.write_text("no picture")
    with pytest.raises(ModelError, match="named like pictures"):
        quantise("net", pictures, tmp_path / "made", zoo=zoo)
