"""Files that are no models, damaged ones, and such as were made to do harm: named and refused."""

import contextlib
import pickle
import re
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import config
from edge.vision import model_file, sessions
from edge.vision.model_file import judge
from edge.vision.sessions import open_session
from edge.vision.zoo import ModelError

onnx = pytest.importorskip("onnx", reason="makes the models of these tests")
helper, FLOAT, INT64 = onnx.helper, onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
node = helper.make_node
MODELS = Path(__file__).resolve().parents[2] / "models"
PUBLIC = Path(__file__).resolve().parents[3] / "shared" / "models"
PERCEPTION = config.Perception(threads=1, cache="")


def constant(name, value, **rest):
    return onnx.numpy_helper.from_array(np.asarray(value, **rest), name)


def model(nodes, constants=(), sizes=(1, 4), outputs=("y",), opset=17, functions=(), domains=(), **rest):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", FLOAT, sizes)],
        [helper.make_tensor_value_info(name, FLOAT, None) for name in outputs],
        constants,
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, functions=functions, **{"ir_version": 8, **rest})


def add(*names):
    return [node("Add", list(names), ["y"])]


def refused(tmp_path, content):
    """What is said of such a file."""
    path = tmp_path / "hostile.onnx"
    path.write_bytes(content if isinstance(content, bytes) else content.SerializeToString())
    with pytest.raises(ModelError) as caught:
        open_session(path, PERCEPTION)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


# ---------------------------------------------------------------- no models


def pickled():
    return pickle.dumps({"conv.weight": [1.0]}, protocol=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG picture"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a JPEG picture"),
        (b"\x20\0\0\0TFL3" + bytes(40), "a TensorFlow Lite file: convert it"),
        (pickled(), "a pickle of Python, as PyTorch saved: export the network as ONNX"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "an HDF5 file, as Keras saves"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "a pointer of Git LFS"),
        (b"<!DOCTYPE html><html>404</html>", "a web page"),
        (b'<?xml version="1.0"?><net name="x"/>', "XML, as OpenVINO saves"),
        (b"7767517\n3 3\nInput", "a network of ncnn"),
        (b"\x1f\x8b\x08\0" + bytes(40), "compressed: unpack it"),
        (b"\x30\0\0\0ORTM" + bytes(40), "in ONNX Runtime's own format"),
        (b"not a model at all, just words\n", "no ONNX file, or "),
        (bytes(4096), "no ONNX file, or "),
        (b"\xff" * 4096, "no ONNX file, or "),
        (b"\x08\x08", "no ONNX file, or not all of it: it lacks a graph, the version of its operators"),
    ],
)
def test_what_is_no_model_is_named(tmp_path, content, said):
    assert refused(tmp_path, content).startswith("not a model that can be run: ")
    assert said in refused(tmp_path, content)


def test_a_zip_as_pytorch_saves_it_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "net.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickled())
    assert "a zip archive, as PyTorch" in refused(tmp_path, (tmp_path / "net.pt").read_bytes())


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_a_real_model_that_was_cut_off_is_named(tmp_path, share):
    whole = (MODELS / "icv-road.onnx").read_bytes()
    assert "cut off" in refused(tmp_path, whole[: int(len(whole) * share)])


# ---------------------------------------------------------------- models that cannot be run


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (model(add("x", "x"), opset=99), r"Opset 99 .*export it with an older opset"),
        (model(add("x", "x"), ir_version=99), r"IR version: 99.*or install a newer onnxruntime"),
        (model([node("Frobnicate", ["x"], ["y"])]), "No Op registered for Frobnicate"),
        (
            model([node("Frobnicate", ["x"], ["y"], domain="evil")], domains=["evil"]),
            "its operator Frobnicate is of 'evil', a library of operators that is not part of ONNX",
        ),
        (
            model([node("Frobnicate", ["x"], ["y"], domain="com.microsoft")], domains=["com.microsoft"]),
            "Frobnicate.* is not a registered function/op.*standard operators alone",
        ),
        (
            model([node("EPContext", ["x"], ["y"], domain="com.microsoft")], domains=["com.microsoft"]),
            "compiled for one device",
        ),
        (model(add("x", "x"), outputs=()), "the network has no outputs"),
        (model(add("x", "nowhere")), "Node input 'nowhere' is not a graph input"),
        (model(add("x", "x"), outputs=("z",)), r"output \(z\) does not exist"),
        (
            model([node("Add", ["x", "b"], ["a"]), node("Add", ["a", "x"], ["b"]), *add("b", "x")]),
            "the graph is not acyclic",
        ),
        (model([node("Add", ["x", "y"], ["y"])]), "the graph is not acyclic"),
        (model([node("Add", ["x", "x"], ["y"]), *add("x", "x")]), "Duplicate definition of name"),
        (
            model(
                [node("Conv", ["x", "w"], ["y"], strides=[0, 0])],
                [constant("w", np.ones((1, 3, 3, 3), "f"))],
                (1, 3, 8, 8),
            ),
            "its operator Conv has strides of 0",
        ),
        (
            model([node("Sqrt", ["m"], ["n"]), *add("x", "n")], [constant("m", np.float32([-1]))]),
            "its output y has values that are no numbers",
        ),
        (
            model([node("Reshape", ["x", "k"], ["y"])], [constant("k", np.int64([5, 7]))]),
            "its run failed: .*cannot be reshaped",
        ),
    ],
)
def test_a_model_that_cannot_be_run_is_named(tmp_path, made, said):
    assert onnx_matches(said, refused(tmp_path, made))


def onnx_matches(said, text):
    assert re.search(said, text), text
    return True


# ---------------------------------------------------------------- models made to do harm


def outside(location):
    tensor = onnx.TensorProto(name="w", data_type=FLOAT, dims=[1, 4], data_location=1)
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        tensor.external_data.add(key=key, value=value)
    return tensor


def branches(then):
    otherwise = helper.make_graph(
        [node("Identity", ["x"], ["e"])], "e", [], [helper.make_tensor_value_info("e", FLOAT, None)]
    )
    return node("If", ["c"], ["y"], then_branch=then, else_branch=otherwise)


def hidden(tensor):
    """A constant in an attribute of a node of a graph of a node."""
    return helper.make_graph(
        [node("Constant", [], ["q"], value=tensor)],
        "t",
        [],
        [helper.make_tensor_value_info("q", FLOAT, None)],
    )


@pytest.mark.parametrize(
    "location", ["../../../../etc/passwd", "/etc/passwd", "weights.bin", "link.bin", "*/_ORT_MEM_ADDR_/*", ""]
)
def test_weights_in_other_files_are_refused_wherever_they_are_named(tmp_path, location):
    (tmp_path / "weights.bin").write_bytes(bytes(16))
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    yes = constant("c", np.bool_(True))
    for made in (
        model(add("x", "w"), [outside(location)]),
        model([node("Constant", [], ["w"], value=outside(location)), *add("x", "w")]),
        model([branches(hidden(outside(location)))], [yes]),
    ):
        said = refused(tmp_path, made)
        assert "outside the file: files beside a model are not read" in said
        assert repr(location) in said


def sized(dims, data=b"1234"):
    return onnx.TensorProto(name="w", data_type=FLOAT, dims=dims, raw_data=data)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (model(add("x", "x"), sizes=(1 << 20, 1 << 20)), "its input 'x' has the size .* are run here"),
        (model(add("x", "w"), [sized([1 << 40])]), "its constant 'w' has the size .* are run here"),
        (model(add("x", "w"), [sized([1 << 32, 1 << 32])]), "its constant 'w' has the size"),
        (model(add("x", "w"), [sized([-4])]), "has a size below 0"),
        (model(add("x", "w"), [sized([2])]), "damaged: its constant 'w' of 2 numbers has 4 bytes"),
    ],
)
def test_enormous_and_wrong_sizes_are_refused(tmp_path, made, said):
    assert onnx_matches(said, refused(tmp_path, made))


def blown_up(operator, constants):
    names = [name for name, _ in constants]
    return model(
        [node(operator, names, ["b"]), node("ReduceMax", ["b"], ["m"], keepdims=0), *add("x", "m")],
        [constant(name, value) for name, value in constants],
    )


@pytest.mark.parametrize(
    "made",
    [
        blown_up("ConstantOfShape", [("s", np.int64([1 << 20, 1 << 20]))]),
        blown_up("ConstantOfShape", [("s", np.int64([1 << 32, 1 << 32, 1 << 32]))]),
        blown_up("Expand", [("one", np.ones((1, 1), "f")), ("s", np.int64([1 << 20, 1 << 20]))]),
        blown_up("Range", [("a", np.float32(0)), ("b", np.float32(1e12)), ("c", np.float32(1))]),
        blown_up("Tile", [("one", np.ones((1, 1), "f")), ("s", np.int64([1 << 20, 1 << 20]))]),
        model([node("Pad", ["x", "p"], ["y"])], [constant("p", np.int64([1 << 40, 0, 0, 0]))]),
        model(
            [node("Resize", ["x", "", "s"], ["y"])],
            [constant("s", np.float32([1, 1, 1e6, 1e6]))],
            (1, 3, 8, 8),
        ),
    ],
)
def test_a_model_that_wants_all_memory_is_refused_and_none_is_taken(tmp_path, made):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_DATA), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = refused(tmp_path, made)
    assert "its run failed" in said or "can load" in said
    assert resource.getrlimit(resource.RLIMIT_DATA) == before[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before[1] < 200_000  # kB


@pytest.mark.skipif(sys.platform != "linux", reason="the bound is of Linux")
def test_memory_is_bounded_even_where_the_machine_would_give_it(tmp_path, monkeypatch):
    """A model that wants as much as a machine has is refused before the system ends the process."""
    resource = pytest.importorskip("resource")
    before, real = resource.getrlimit(resource.RLIMIT_DATA), sessions.os.sysconf
    has = int(Path("/proc/self/statm").read_text().split()[5]) + 75_000  # pages: 300 MB more than now
    monkeypatch.setattr(
        sessions.os, "sysconf", lambda name: 2 * has if name == "SC_PHYS_PAGES" else real(name)
    )
    made = blown_up("ConstantOfShape", [("s", np.int64([1 << 28]))])  # 1 GB
    assert onnx_matches("Failed to allocate|bad_alloc", refused(tmp_path, made))
    assert resource.getrlimit(resource.RLIMIT_DATA) == before


def function(name, *calls, domain="d"):
    names = ["a", *(f"t{index}" for index in range(len(calls) - 1)), "b"]
    nodes = [
        node(call, [names[index]] * (2 if call == "Add" else 1), [names[index + 1]],
             domain="" if call == "Add" else domain)
        for index, call in enumerate(calls)
    ]  # fmt: skip
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    return helper.make_function(domain, name, ["a"], ["b"], nodes, opsets)


def calling(name, *functions):
    return model([node(name, ["x"], ["y"], domain="d")], functions=functions, domains=["d"])


def test_functions_that_end_in_themselves_are_refused(tmp_path):
    assert "its function F calls itself" in refused(tmp_path, calling("F", function("F", "F")))
    round_about = calling("F", function("F", "G"), function("G", "H"), function("H", "F"))
    assert "calls itself" in refused(tmp_path, round_about)


def test_functions_that_double_and_double_are_refused(tmp_path):
    doubling = [function("L0", "Add", "Add"), *(function(f"L{k}", *[f"L{k - 1}"] * 2) for k in range(1, 40))]
    assert "1.1e+12 operators, its functions written out" in refused(tmp_path, calling("L39", *doubling))


def test_weights_in_other_files_are_refused_in_what_a_function_takes_for_granted_too(tmp_path):
    made = function("F", "Add")
    made.attribute_proto.append(helper.make_attribute("value", outside("../secret")))
    assert "'../secret', outside the file" in refused(tmp_path, calling("F", made))


def test_a_model_with_functions_of_its_own_runs(tmp_path):
    path = tmp_path / "calling.onnx"
    path.write_bytes(calling("G", function("F", "Add"), function("G", "F", "F")).SerializeToString())
    assert open_session(path, PERCEPTION).run({"x": np.ones((1, 4), np.float32)})[0].tolist() == [
        [4, 4, 4, 4]
    ]


def test_graphs_within_graphs_without_end_are_refused(tmp_path):
    content, kind = b"", 7
    for _ in range(2000):  # a graph in an attribute of a node of a graph ...
        attribute = b"\x32" + _length(content) + content
        inner = b"\x2a" + _length(attribute) + attribute
        content = b"\x0a" + _length(inner) + inner
    whole = b"\x08\x08\x42\x02\x10\x11" + bytes([kind << 3 | 2]) + _length(content) + content
    assert "graphs within graphs" in refused(tmp_path, whole)


def _length(content):
    size, out = len(content), b""
    while size > 127:
        out, size = out + bytes([size & 127 | 128]), size >> 7
    return out + bytes([size])


def test_a_model_that_never_ends_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(sessions, "WARM_UP_LIMIT_S", 0.2)
    info = helper.make_tensor_value_info
    body = helper.make_graph(
        [node("Identity", ["c"], ["c2"]), node("Add", ["a", "a"], ["a2"])],
        "body",
        [info("i", INT64, []), info("c", onnx.TensorProto.BOOL, []), info("a", FLOAT, [1, 4])],
        [info("c2", onnx.TensorProto.BOOL, []), info("a2", FLOAT, [1, 4])],
    )
    made = model(
        [node("Loop", ["n", "t", "x"], ["y"], body=body)],
        [constant("n", np.int64(1 << 60)), constant("t", np.bool_(True))],
    )
    assert "terminate" in refused(tmp_path, made)


def test_a_file_of_too_many_bytes_or_parts_is_refused(tmp_path, monkeypatch):
    made = model(add("x", "x"))
    monkeypatch.setattr(model_file, "MAX_FIELDS", 5)
    assert "more than 5 parts" in refused(tmp_path, made)
    monkeypatch.setattr(model_file, "MAX_BYTES", 5)
    assert "bytes; a network of up to 5 is run here" in refused(tmp_path, made)


def test_names_in_a_file_cannot_write_on_the_terminal(tmp_path):
    evil = model([node("\x1b[2J\nroot", ["x"], ["y"], domain="\x1b]0;e\x07")], domains=["\x1b]0;e\x07"])
    assert "\x1b" not in refused(tmp_path, evil)


@pytest.mark.parametrize("name", [b"Frobnicate", b"nowhere", b"x"])
def test_a_name_that_is_no_text_is_named(tmp_path, name):
    """ONNX Runtime quotes it in its error, and Python cannot read that."""
    whole = model([node("Frobnicate", ["x", "nowhere"], ["y"])]).SerializeToString()
    said = refused(tmp_path, whole.replace(name, name[:-1] + b"\xe9"))
    assert "damaged" in said or "not a model" in said, "older versions quote no name"


# ---------------------------------------------------------------- the judge says what onnx says


def files():
    return sorted(MODELS.glob("*.onnx")) + (sorted(PUBLIC.glob("*.onnx")) if PUBLIC.is_dir() else [])


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_what_is_read_of_a_real_model_is_what_onnx_reads(path):
    content = path.read_bytes()
    read, said = judge(content, path), onnx.load_model_from_string(content)
    constants = {tensor.name for tensor in said.graph.initializer}
    assert read.ir_version == said.ir_version
    assert read.producer == said.producer_name
    assert read.opsets == {opset.domain: opset.version for opset in said.opset_import}
    for found, values in ((read.inputs, said.graph.input), (read.outputs, said.graph.output)):
        wanted = {
            value.name: (
                tuple(size.dim_value for size in value.type.tensor_type.shape.dim),
                helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type),
            )
            for value in values
            if value.name not in constants
        }
        assert found == wanted
        assert list(found) == list(wanted)


# ---------------------------------------------------------------- drawn

SMALL = model(
    [
        node("Conv", ["x", "w"], ["c"]),
        branches(hidden(constant("v", np.ones((1, 4), "f")))),
        node("Relu", ["c"], ["z"]),
    ],
    [constant("w", np.ones((2, 3, 3, 3), "f")), constant("c", np.bool_(True))],
    (1, 3, 8, 8),
    functions=[function("F", "Add")],
    domains=["d"],
).SerializeToString()  # fmt: skip


@given(st.binary(max_size=400))
@pytest.mark.fuzz
def test_any_bytes_are_judged(content):
    with pytest.raises(ModelError, match=r"^drawn\.onnx: not a model that can be run: .*$"):
        judge(content, Path("drawn.onnx"))


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@pytest.mark.fuzz
def test_any_damage_is_judged(damage):
    content = bytearray(SMALL)
    for at, byte in damage:
        content[at] = byte
    with contextlib.suppress(ModelError):
        judge(bytes(content), Path("drawn.onnx"))


@given(st.integers(0, 2**63), st.integers(0, 7))
@pytest.mark.fuzz
def test_lengths_that_lie_are_judged(length, bits):
    lie = b"\x3a" + _length(b"") if not length else b"\x3a" + struct.pack("<B", 0x80 | bits) * 9 + b"\x01"
    with pytest.raises(ModelError):
        judge(b"\x08\x08" + lie + SMALL[:50], Path("drawn.onnx"))
