"""A network of another size is made when it is fetched, and is what the zoo says or nothing."""

import hashlib

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.vision.resize import resized
from edge.vision.zoo import ModelError, Zoo


@pytest.fixture
def square(tmp_path):
    """A mean over 2x2 px, of 8x8."""
    weights = numpy_helper.from_array(np.full((1, 3, 2, 2), 1 / 12, np.float32), "w")
    node = helper.make_node("Conv", ["images", "w"], ["means"], strides=[2, 2])
    graph = helper.make_graph(
        [node],
        "square",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, [1, 1, 4, 4])],
        [weights],
    )
    path = tmp_path / "public" / "square.onnx"
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def zoo_with(tmp_path, square, sha256):
    entry = """
    role = "road"\nfinds = ["objects"]\nadapter = "a:B"\ninput = "x"\nbytes = 1
    licence_code = "x"\nlicence_weights = "x"\n"""
    own = hashlib.sha256(square.read_bytes()).hexdigest()
    (tmp_path / "zoo.toml").write_text(f"""
    [square]\nfile = "square.onnx"\nsha256 = "{own}"\n{entry}
    inputs = {{ images = [1, 3, 8, 8] }}\noutputs = {{ means = [1, 1, 4, 4] }}
    [wide]\nfile = "wide.onnx"\nsha256 = "{sha256}"\nmade_from = "square"\n{entry}
    inputs = {{ images = [1, 3, 4, 8] }}\noutputs = {{ means = [1, 1, 2, 4] }}
    """)
    return Zoo(tmp_path / "zoo.toml")


def test_the_wide_network_sees_in_its_part_of_the_picture_what_the_square_one_sees(tmp_path, square):
    entry = zoo_with(tmp_path, square, "0").entry("wide")
    wide = onnxruntime.InferenceSession(resized(square.read_bytes(), entry))
    picture = np.random.default_rng(0).random((1, 3, 8, 8), np.float32)
    (whole,) = onnxruntime.InferenceSession(square).run(None, {"images": picture})
    (part,) = wide.run(None, {"images": picture[:, :, :4]})
    assert wide.get_outputs()[0].shape == [1, 1, 2, 4]
    assert part == pytest.approx(whole[:, :, :2], abs=1e-6)


def test_fetching_makes_it_and_checks_its_hash(tmp_path, square):
    entry = zoo_with(tmp_path, square, "0").entry("wide")
    made = hashlib.sha256(resized(square.read_bytes(), entry)).hexdigest()
    zoo = zoo_with(tmp_path, square, made)
    with pytest.raises(ModelError, match="icv models fetch wide"):
        zoo.locate("wide")
    assert zoo.fetch("wide") == zoo.locate("wide")


def test_another_result_than_the_zoos_is_refused_and_not_kept(tmp_path, square):
    zoo = zoo_with(tmp_path, square, "0" * 64)
    with pytest.raises(ModelError, match="another version of onnx"):
        zoo.fetch("wide")
    assert not zoo.place("wide").exists()


def test_without_onnx_it_is_said_what_to_install(tmp_path, square, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *arguments, **more):
        if name == "onnx":
            raise ImportError(name)
        return real(name, *arguments, **more)

    entry = zoo_with(tmp_path, square, "0").entry("wide")
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModelError, match=r"icv-edge\[models\]"):
        resized(square.read_bytes(), entry)
