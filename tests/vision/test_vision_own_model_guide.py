"""docs/own-model.md does what it says: its blocks are run in the order in which they stand there."""

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="the package onnx is not here")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from edge import config  # noqa: E402
from edge.cli.main import main  # noqa: E402
from edge.vision.perceive import Perception  # noqa: E402
from edge.vision.picture import Picture  # noqa: E402
from edge.vision.zoo import ModelError, Zoo  # noqa: E402

GUIDE = Path(__file__).resolve().parents[2] / "docs/own-model.md"
EXPORT, LANES_TABLE, ADAPTER, RIG, YOLO_TABLE = (
    text for _, text in re.findall(r"```(python|toml)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
)


def filled_in(table, printed):
    """The guide's table with the hash and size that `icv models table` printed."""
    for key in ("sha256", "bytes"):
        (line,) = re.findall(rf"^{key} = .*$", printed, re.MULTILINE)
        table, count = re.subn(rf"^{key} = .*$", line, table, flags=re.MULTILINE)
        assert count == 1
    return table


def printed_table(capsys, path):
    assert main(["models", "table", str(path)]) == 0
    return capsys.readouterr().out


def check(capsys, rig, name):
    code = main(["models", "check", "--config", str(rig), name, "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    return code, row


def camera_of(rig, **changed):
    """The camera and the [perception] of a rig, as a run has them."""
    read = config.read(rig, config.Config)
    return read.cameras[0], config.placed(read.perception, rig)


@pytest.fixture
def rig(tmp_path, capsys, monkeypatch):
    """All of the guide, done."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    subprocess.run([sys.executable, "-c", EXPORT], cwd=tmp_path, check=True)
    printed = printed_table(capsys, tmp_path / "my-lanes.onnx")
    (tmp_path / "my-zoo.toml").write_text(filled_in(LANES_TABLE, printed))
    (tmp_path / "my_lanes.py").write_text(ADAPTER)
    (tmp_path / "rig.toml").write_text(RIG)
    return tmp_path / "rig.toml"


def test_what_the_verb_prints_is_a_zoo_file_but_for_what_only_its_owner_knows(rig, capsys, tmp_path):
    (tmp_path / "printed.toml").write_text(printed_table(capsys, tmp_path / "my-lanes.onnx"))
    printed = Zoo(also=tmp_path / "printed.toml").entry("my-lanes")
    told = Zoo(also=tmp_path / "my-zoo.toml").entry("my-lanes")
    assert (printed.sha256, printed.bytes, printed.file) == (told.sha256, told.bytes, told.file)
    assert (printed.inputs, printed.outputs) == (told.inputs, told.outputs)
    assert main(["models", "table", str(tmp_path / "my-lanes.onnx"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["inputs"] == {"picture": [1, 3, 180, 320]}


def test_the_example_is_right_and_finds_the_lines_that_are_drawn(rig, capsys):
    code, row = check(capsys, rig, "my-lanes")
    assert (code, row["state"]) == (0, "right"), row
    image = np.full((720, 1280, 3), 70, np.uint8)
    cv2.line(image, (200, 719), (600, 300), (255, 255, 255), 14)
    cv2.line(image, (1100, 719), (700, 300), (255, 255, 255), 14)
    camera, perception = camera_of(rig)
    view = Perception(camera, perception).see(Picture(t_ns=0, frame_id=0, image=image), 0)
    crossings = [np.interp(500, line.points[::-1, 1], line.points[::-1, 0]) for line in view.lanes]
    expected = [200 + 400 * 219 / 419, 1100 - 400 * 219 / 419]
    assert crossings == pytest.approx(expected, abs=6)


def test_it_runs_beside_a_model_of_ours_and_not_beside_one_that_looks_for_the_same(rig):
    import msgspec

    camera, perception = camera_of(rig)
    both = msgspec.structs.replace(camera, models=("my-lanes", "road-segmentation-adas-0001"))
    with pytest.raises(ModelError, match=r"both my-lanes and road-seg.* look for lanes; keep one of them"):
        Perception(both, perception)


def test_a_model_that_was_trained_again_is_refused_until_its_hash_is_written(rig, capsys, tmp_path):
    model = tmp_path / "my-lanes.onnx"
    model.write_bytes(model.read_bytes() + b"\x3a\x00")
    code, row = check(capsys, rig, "my-lanes")
    assert (code, row["state"]) == (1, "wrong")
    assert "SHA-256" in row["detail"]


@pytest.mark.parametrize(
    ("adapter", "said"),
    [
        ("", "cannot be loaded"),
        ("class MyLanes\n    pass\n", "cannot be loaded"),
        ("import nonsense_that_is_not_there\n", "cannot be loaded"),
        (ADAPTER.replace("outputs[0][0, 0]", "outputs[1]"), "are not those of its adapter: IndexError"),
        (ADAPTER.replace("(1, 1, self._", "(1, 9, self._"), "are not what my_lanes.py:MyLanes reads"),
    ],
)
def test_a_fault_in_the_adapter_is_told_with_its_place(rig, tmp_path, adapter, said):
    (tmp_path / "my_lanes.py").write_text(adapter)
    with pytest.raises(ModelError, match="my-lanes") as told:
        Perception(*camera_of(rig))
    assert said in str(told.value)


def test_names_of_the_shipped_zoo_are_taken(rig, tmp_path):
    text = (tmp_path / "my-zoo.toml").read_text().replace("[my-lanes]", "[icv-road]")
    (tmp_path / "my-zoo.toml").write_text(text)
    with pytest.raises(config.ConfigError, match=r"\[icv-road\] is already in .*give it another name"):
        Zoo(also=tmp_path / "my-zoo.toml")


def constant_yolo(path, rows):
    """A network that always says the same: it keeps its input, or it would have none."""
    nothing = np.zeros((1, 1, 1, 1), np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMax", ["images"], ["most"], axes=[1, 2, 3], keepdims=1),
            helper.make_node("Mul", ["most", "nothing"], ["gone"]),
            helper.make_node("Squeeze", ["gone", "last"], ["zero"]),
            helper.make_node("Add", ["rows", "zero"], ["output0"]),
        ],
        "yolo",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, (1, 3, 320, 320))],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, rows.shape)],
        [
            numpy_helper.from_array(rows, "rows"),
            numpy_helper.from_array(nothing, "nothing"),
            numpy_helper.from_array(np.array([3]), "last"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, str(path))


def test_the_yolo_table_needs_no_adapter(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    rows = np.zeros((1, 8, 2100), np.float32)
    rows[0, :, 40] = [160, 80, 40, 20, 0.1, 0.9, 0.0, 0.0]  # a truck
    rows[0, :, 41] = [161, 80, 40, 20, 0.8, 0.1, 0.0, 0.0]  # the same taken for a car
    rows[0, :, 900] = [20, 20, 10, 30, 0.0, 0.0, 0.0, 0.7]  # a traffic light
    rows[0, :, 1200] = [90, 90, 10, 30, 0.0, 0.0, 0.9, 0.0]  # of a class that nobody wants
    constant_yolo(tmp_path / "my-yolo.onnx", rows)
    printed = printed_table(capsys, tmp_path / "my-yolo.onnx")
    (tmp_path / "my-zoo.toml").write_text(filled_in(YOLO_TABLE, printed))
    (tmp_path / "rig.toml").write_text(RIG.replace("my-lanes", "my-yolo"))
    code, row = check(capsys, tmp_path / "rig.toml", "my-yolo")
    assert (code, row["state"]) == (0, "right"), row
    networks = Perception(*camera_of(tmp_path / "rig.toml"))
    view = networks.see(Picture(t_ns=0, frame_id=0, image=np.zeros((360, 640, 3), np.uint8)), 0)
    assert view.detections.kinds == ("truck",)
    assert view.detections.boxes.tolist() == [[280, 140, 360, 180]]
    assert [light.box for light in view.lights] == [(30, 10, 50, 70)]
    assert view.signs is None
