"""What every backend must do, against bare onnxruntime: those that are installed are tested."""

import importlib.util
import threading
from pathlib import Path

import numpy as np
import pytest

from edge import config
from edge.vision.sessions import BACKENDS, RunError, Session, open_session
from edge.vision.zoo import ModelError, Zoo

onnx = pytest.importorskip("onnx", reason="makes the small model of these tests")
onnxruntime = pytest.importorskip("onnxruntime")
helper = onnx.helper
PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "models"
TOLERANCE = 1e-4  # of the largest value of an output: float32, sums in another order


@pytest.fixture(params=BACKENDS)
def backend(request, tmp_path):
    if not importlib.util.find_spec(request.param):
        pytest.skip(f"{request.param} is not installed: pip install {request.param}")
    return config.Perception(backend=request.param, threads=1, cache=str(tmp_path / "kept"))


@pytest.fixture
def two_in_two_out(tmp_path):
    """Inputs and outputs whose order is not that of their names, of several types."""
    info, kinds = helper.make_tensor_value_info, onnx.TensorProto
    weights = np.random.default_rng(0).normal(size=(8, 3, 3, 3)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["z_pixels"], ["numbers"], to=kinds.FLOAT),
            helper.make_node("Transpose", ["numbers"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planes", "w"], ["c"], pads=[1, 1, 1, 1]),
            helper.make_node("Sigmoid", ["c"], ["s"]),
            helper.make_node("Mul", ["s", "a_scale"], ["y"]),
            helper.make_node("ReduceMax", ["s"], ["most"], axes=[2, 3], keepdims=0),
        ],
        "two",
        [info("z_pixels", kinds.UINT8, [1, 9, 12, 3]), info("a_scale", kinds.FLOAT, [1])],
        [info("y", kinds.FLOAT, [1, 8, 9, 12]), info("most", kinds.FLOAT, [1, 8])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "two.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def bare(path, feed):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"]).run(
        None, feed
    )


def picture(session: Session, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {
        name: rng.integers(0, 256, shape).astype(np.uint8) if dtype == np.uint8 else rng.random(shape, dtype)
        for name, (shape, dtype) in session.inputs.items()
    }


def close(found, wanted):
    for a, b in zip(found, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        assert np.abs(a.astype(float) - b).max(initial=0) <= TOLERANCE * np.abs(b).max(initial=1)


def test_it_says_what_it_takes_and_gives_in_the_models_order(two_in_two_out, backend):
    session = open_session(two_in_two_out, backend)
    assert list(session.inputs.items()) == [
        ("z_pixels", ((1, 9, 12, 3), np.uint8)),
        ("a_scale", ((1,), np.float32)),
    ]
    assert list(session.outputs.items()) == [
        ("y", ((1, 8, 9, 12), np.float32)),
        ("most", ((1, 8), np.float32)),
    ]
    assert session.providers_used
    assert session.notes == ()


def test_it_gives_what_bare_onnxruntime_gives(two_in_two_out, backend):
    session = open_session(two_in_two_out, backend)
    for seed in range(5):
        feed = picture(session, seed)
        close(session.run(feed), bare(two_in_two_out, feed))
        reversed_feed = dict(reversed(feed.items()))
        close(session.run(reversed_feed), bare(two_in_two_out, feed))


def test_it_gives_the_same_when_opened_again(two_in_two_out, backend):
    first = open_session(two_in_two_out, backend)
    feed = picture(first, 1)
    again = open_session(two_in_two_out, backend)
    for a, b in zip(first.run(feed), again.run(feed), strict=True):
        assert a.tobytes() == b.tobytes()


def test_our_road_model_gives_what_bare_onnxruntime_gives(backend):
    zoo = Zoo()
    path = zoo.locate("icv-road")
    session = open_session(path, backend, zoo.entry("icv-road"))
    feed = {"picture": np.full((1, 256, 416, 3), 90, np.uint8)}
    feed["picture"][:, 140:, 100:300] = 200
    for a, b, name in zip(session.run(feed), bare(path, feed), session.outputs, strict=True):
        assert a.shape == b.shape, name
        assert a.dtype == b.dtype, name
        if name == "surface":  # probabilities as bytes: half a step may fall to either side
            assert np.abs(a.astype(int) - b).max() <= 1
        if name == "scores":
            assert np.abs(a - b).max() <= 1e-4


@pytest.mark.parametrize(
    "name", ["open-closed-eye-0001", "landmarks-regression-retail-0009", "yunet_n_320_320"]
)
def test_public_models_give_what_bare_onnxruntime_gives(backend, name):
    zoo = Zoo()
    path = PUBLIC / zoo.entry(name).file
    if not path.exists():
        pytest.skip(f"{path} is not here")
    session = open_session(path, backend)
    feed = picture(session, 3)
    close(session.run(feed), bare(path, feed))


def test_what_it_gave_stays_when_it_runs_again(two_in_two_out, backend):
    session = open_session(two_in_two_out, backend)
    first = session.run(picture(session, 1))
    before = [output.copy() for output in first]
    session.run(picture(session, 2))
    for output, was in zip(first, before, strict=True):
        assert output.tobytes() == was.tobytes()


def test_times_are_of_the_runs_since_they_were_forgotten(two_in_two_out, backend):
    session = open_session(two_in_two_out, backend)
    assert (session.began_ns, session.ended_ns, session.run_ns) == (0, 0, 0)
    for seed in range(3):
        session.run(picture(session, seed))
    assert 0 < session.run_ns <= session.ended_ns - session.began_ns
    session.start_timing()
    assert (session.began_ns, session.ended_ns, session.run_ns) == (0, 0, 0)


def test_a_picture_of_another_size_is_named_and_the_next_one_seen(two_in_two_out, backend):
    session = open_session(two_in_two_out, backend)
    feed = picture(session, 1)
    with pytest.raises(RunError, match=r"two\.onnx: its run failed"):
        session.run({**feed, "z_pixels": np.zeros((1, 8, 8, 3), np.uint8)})
    close(session.run(feed), bare(two_in_two_out, feed))


def test_a_model_that_cannot_be_loaded_is_named(two_in_two_out, backend):
    model = onnx.load(str(two_in_two_out))
    model.graph.node[3].op_type = "Frobnicate"
    two_in_two_out.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"two\.onnx: not a model that .* can load: "):
        open_session(two_in_two_out, backend)


def test_two_sessions_run_at_once(two_in_two_out, backend):
    sessions = [open_session(two_in_two_out, backend) for _ in range(2)]
    wrong = []

    def work(session, seed):
        feed = picture(session, seed)
        wanted = bare(two_in_two_out, feed)
        for _ in range(20):
            if not all(np.allclose(a, b, atol=1e-4) for a, b in zip(session.run(feed), wanted, strict=True)):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(session, seed)) for seed, session in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_backend_that_is_not_installed_says_how_to_get_it(two_in_two_out, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(ModelError, match="install it with: pip install openvino, or say backend"):
        open_session(two_in_two_out, config.Perception(backend="openvino", cache=""))
