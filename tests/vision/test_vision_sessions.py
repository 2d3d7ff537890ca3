import numpy as np
import pytest

from edge import config
from edge.vision.sessions import open_session
from edge.vision.zoo import ModelError

onnx = pytest.importorskip("onnx", reason="makes the small models of these tests")


@pytest.fixture
def doubling(tmp_path):
    """A model that doubles four numbers."""
    helper = onnx.helper
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "x"], ["y"])],
        "doubling",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 4])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "doubling.onnx"
    onnx.save(model, str(path))
    return path


def test_a_session_runs_and_says_what_it_takes_and_gives(doubling):
    session = open_session(doubling, config.Perception())
    assert session.inputs == {"x": ((1, 4), np.float32)}
    assert session.outputs == {"y": ((1, 4), np.float32)}
    (doubled,) = session.run({"x": np.array([[1, 2, 3, 4]], np.float32)})
    assert doubled.tolist() == [[2, 4, 6, 8]]
    assert session.providers_used == ("CPUExecutionProvider",)
    assert session.notes == ()
    assert 0 < session.run_ns <= session.ended_ns - session.began_ns


def test_a_provider_that_is_not_there_is_said_aloud(doubling):
    session = open_session(
        doubling, config.Perception(providers=("NoSuchExecutionProvider", "CPUExecutionProvider"))
    )
    (note,) = session.notes
    assert "NoSuchExecutionProvider was asked for" in note
    assert "really used: CPUExecutionProvider" in note


@pytest.mark.parametrize("keep", [0, 10, 60])
def test_a_corrupt_model_is_a_clear_error(doubling, keep):
    doubling.write_bytes(doubling.read_bytes()[:keep])
    with pytest.raises(ModelError, match=r"doubling\.onnx: not a model"):
        open_session(doubling, config.Perception())


def test_a_missing_model_is_a_clear_error(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        open_session(tmp_path / "gone.onnx", config.Perception())
