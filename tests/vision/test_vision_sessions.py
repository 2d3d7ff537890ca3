import hashlib

import msgspec
import numpy as np
import pytest

from edge import config
from edge.vision import kept, sessions
from edge.vision.sessions import RunError, open_session
from edge.vision.zoo import Entry, ModelError

onnx = pytest.importorskip("onnx", reason="makes the small models of these tests")
onnxruntime = pytest.importorskip("onnxruntime")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT
CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"


def save(path, nodes, sizes=(1, 4), constants=(), result=("y", None)):
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", FLOAT, sizes)],
        [helper.make_tensor_value_info(result[0], FLOAT, result[1])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def doubling(tmp_path):
    """A model that doubles four numbers."""
    return save(
        tmp_path / "doubling.onnx", [helper.make_node("Add", ["x", "x"], ["y"])], result=("y", [1, 4])
    )


@pytest.fixture
def convolving(tmp_path):
    """A model that ONNX Runtime lays out anew for the processor."""
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(16, 16, 3, 3)).astype(np.float32) for _ in range(3)]
    nodes = [helper.make_node("Conv", [f"a{i}" if i else "x", f"w{i}"], [f"a{i + 1}"]) for i in range(3)]
    return save(
        tmp_path / "convolving.onnx",
        [*nodes, helper.make_node("Relu", ["a3"], ["y"])],
        (1, 16, 12, 12),
        [onnx.numpy_helper.from_array(w, f"w{i}") for i, w in enumerate(weights)],
    )


@pytest.fixture
def perception(tmp_path):
    return config.Perception(threads=1, cache=str(tmp_path / "kept"))


def entry(path, inputs, outputs):
    return Entry(
        file=path.name,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        bytes=path.stat().st_size,
        role="road",
        finds=("objects",),
        adapter="none",
        input="numbers",
        inputs=inputs,
        outputs=outputs,
        licence_code="none",
        licence_weights="none",
    )


def test_a_session_runs_and_says_what_it_takes_and_gives(doubling, perception):
    session = open_session(doubling, perception)
    assert session.inputs == {"x": ((1, 4), np.float32)}
    assert session.outputs == {"y": ((1, 4), np.float32)}
    assert session.began_ns == 0
    (doubled,) = session.run({"x": np.array([[1, 2, 3, 4]], np.float32)})
    assert doubled.tolist() == [[2, 4, 6, 8]]
    assert session.providers_used == (CPU,)
    assert session.notes == ()
    assert 0 < session.run_ns <= session.ended_ns - session.began_ns


# ---------------------------------------------------------------- providers


@pytest.fixture
def providers(monkeypatch):
    """Stand-ins for an ONNX Runtime with graphics cards: told which providers break, and which are dropped
    without a word, as happens where CUDA's libraries are missing. Returns what sessions were asked for."""
    real, asked = onnxruntime.InferenceSession, []

    def install(listed=(TENSORRT, CUDA), breaks=(), dropped=()):
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*listed, CPU])

        class Session(real):
            def __init__(self, content, options, providers, **rest):
                asked.append(providers)
                names = [p if isinstance(p, str) else p[0] for p in providers]
                for name in names:
                    if name in breaks:
                        raise RuntimeError(f"{name}: libnvinfer.so.10: cannot open shared object file\nmore")
                super().__init__(content, options, providers=[CPU], **rest)
                self._used = [name for name in names if name not in dropped]

            def get_providers(self):
                return self._used

            def get_provider_graph_assignment_info(self):
                part = type("Part", (), {"get_nodes": lambda self: [None] * self.count})
                parts = []
                for name, count in ((self._used[0], 9), (CPU, 2)):
                    parts.append(part())
                    parts[-1].ep_name, parts[-1].count = name, count
                return parts

        monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
        return asked

    return install


def asking(perception, *names, **rest):
    return msgspec.structs.replace(perception, providers=names, **rest)


def test_a_provider_that_is_not_there_is_said_aloud(doubling, perception):
    session = open_session(doubling, asking(perception, "NoSuchExecutionProvider", CPU))
    (note,) = session.notes
    assert "NoSuchExecutionProvider was asked for" in note
    assert "really used: CPUExecutionProvider" in note


def test_a_provider_that_does_not_start_is_left_out_and_the_next_one_is_used(doubling, perception, providers):
    providers(breaks=(TENSORRT,))
    session = open_session(doubling, asking(perception, TENSORRT, CUDA))
    assert session.providers_used == (CUDA, CPU)
    assert any(
        note.startswith(f"{TENSORRT} was asked for, but did not start")
        and "libnvinfer.so.10" in note
        and note.endswith(f"really used: {CUDA}, {CPU}")
        for note in session.notes
    ), session.notes


def test_a_provider_that_is_listed_and_dropped_is_said_aloud(doubling, perception, providers):
    providers(dropped=(CUDA,))
    session = open_session(doubling, asking(perception, CUDA))
    assert session.providers_used == (CPU,)
    (note,) = session.notes
    assert f"{CUDA} was asked for, but did not start: its device or its libraries are missing" in note


def test_all_providers_that_break_leave_the_processor(doubling, perception, providers):
    providers(breaks=(TENSORRT, CUDA))
    session = open_session(doubling, asking(perception, TENSORRT, CUDA))
    assert session.providers_used == (CPU,)
    assert len(session.notes) == 2
    (doubled,) = session.run({"x": np.ones((1, 4), np.float32)})
    assert doubled.tolist() == [[2, 2, 2, 2]]


def test_how_much_runs_on_the_processor_after_all_is_said(doubling, perception, providers):
    providers()
    session = open_session(doubling, asking(perception, CUDA))
    assert f"2 of 11 operators run on the processor, not on {CUDA}" in session.notes


def test_options_of_a_provider_are_the_users_before_ours(doubling, perception, providers, tmp_path):
    asked = providers()
    said = {TENSORRT: {"trt_engine_cache_enable": False, "device_id": 1}}
    open_session(doubling, asking(perception, TENSORRT, CUDA, precision="f16", options=said))
    (tensorrt, ours), (cuda, _), processor = asked[0]
    assert (tensorrt, cuda, processor) == (TENSORRT, CUDA, CPU)
    assert ours["trt_fp16_enable"] == "1"
    assert ours["trt_engine_cache_enable"] == "False"
    assert ours["device_id"] == "1"
    assert ours["trt_engine_cache_path"] == str(tmp_path / "kept" / TENSORRT)
    assert (tmp_path / "kept" / TENSORRT).is_dir()


def test_precision_is_exact_unless_the_config_says_otherwise(doubling, perception, providers):
    asked = providers()
    open_session(doubling, asking(perception, TENSORRT, CUDA))
    options = dict(asked[0][:2])
    assert options[TENSORRT]["trt_fp16_enable"] == "0"
    assert options[CUDA]["use_tf32"] == "0"


def test_two_wheels_of_onnxruntime_at_once_are_said_aloud(doubling, perception, monkeypatch, tmp_path):
    for name in ("onnxruntime-1.32.0", "onnxruntime_gpu-1.31.1", "onnxruntime_extensions-0.14.0"):
        (tmp_path / "packages" / f"{name}.dist-info").mkdir(parents=True)
    package = tmp_path / "packages" / "onnxruntime" / "__init__.py"
    monkeypatch.setattr(onnxruntime, "__file__", str(package))
    (note,) = open_session(doubling, perception).notes
    assert "onnxruntime and onnxruntime-gpu are installed together" in note
    assert "pip uninstall onnxruntime onnxruntime-gpu, then install the one" in note


# ---------------------------------------------------------------- threads


def test_threads_do_not_spin_and_are_as_told(doubling, perception, monkeypatch):
    seen, real = [], onnxruntime.InferenceSession

    def session(content, options, **rest):
        seen.append(options)
        return real(content, options, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    open_session(doubling, msgspec.structs.replace(perception, threads=3, cache=""))
    (options,) = seen
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    open_session(doubling, msgspec.structs.replace(perception, spinning=True, cache=""))
    assert seen[1].get_session_config_entry("session.intra_op.allow_spinning") == "1"


@pytest.mark.parametrize(
    ("processors", "networks", "each"),
    [(1, 1, 1), (2, 1, 1), (2, 2, 1), (4, 1, 4), (4, 2, 2), (4, 3, 1), (4, 9, 1), (16, 2, 8), (16, 3, 5)],
)
def test_processors_are_shared_out_among_networks(monkeypatch, processors, networks, each):
    monkeypatch.setattr(sessions.os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    assert config.threads_each(networks) == each


# ---------------------------------------------------------------- what is kept


def kept_files(perception):
    return sorted((config.Path(perception.cache) / "onnxruntime").glob("*"))


def feed():
    return {"x": np.random.default_rng(1).normal(size=(1, 16, 12, 12)).astype(np.float32)}


def test_what_is_kept_gives_bit_for_bit_what_was_made(convolving, perception):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    bare = onnxruntime.InferenceSession(str(convolving), options, providers=[CPU]).run(None, feed())
    made = open_session(convolving, perception).run(feed())
    (file,) = kept_files(perception)
    before = file.read_bytes()
    loaded = open_session(convolving, perception).run(feed())
    assert made[0].tobytes() == loaded[0].tobytes() == bare[0].tobytes()
    assert kept_files(perception) == [file]
    assert file.read_bytes() == before


def test_what_is_kept_is_used(convolving, perception, monkeypatch):
    open_session(convolving, perception)
    seen, real = [], onnxruntime.InferenceSession

    def session(content, options, **rest):
        seen.append((content, options.graph_optimization_level))
        return real(content, options, **rest)

    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    open_session(convolving, perception)
    ((content, level),) = seen
    assert content == kept_files(perception)[0].read_bytes()[32:] != convolving.read_bytes()
    assert level == onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "whole, but no model"])
def test_a_damaged_file_that_was_kept_is_made_again(convolving, perception, damage):
    right = open_session(convolving, perception).run(feed())
    (file,) = kept_files(perception)
    whole = bytearray(file.read_bytes())
    if damage == "cut":
        file.write_bytes(whole[: len(whole) // 2])
    elif damage == "flip":
        whole[len(whole) // 2] ^= 4  # in a weight: only the digest tells
        file.write_bytes(whole)
    elif damage == "empty":
        file.write_bytes(b"")
    else:
        file.write_bytes(hashlib.blake2b(b"nothing", digest_size=32).digest() + b"nothing")
    again = open_session(convolving, perception).run(feed())
    assert again[0].tobytes() == right[0].tobytes()
    (file,) = kept_files(perception)
    assert kept.load(file) is not None


def test_another_model_or_version_or_processor_is_kept_apart(convolving, doubling, perception, monkeypatch):
    open_session(convolving, perception)
    open_session(doubling, perception)
    assert len(kept_files(perception)) == 2
    monkeypatch.setattr(onnxruntime, "__version__", "9.9.9")
    open_session(doubling, perception)
    assert len(kept_files(perception)) == 3
    monkeypatch.setattr(kept, "processor", lambda: "another")
    open_session(doubling, perception)
    assert len(kept_files(perception)) == 4


def test_a_directory_that_cannot_be_written_costs_time_and_nothing_else(convolving, tmp_path):
    (tmp_path / "file").write_text("")
    perception = config.Perception(threads=1, cache=str(tmp_path / "file" / "kept"))
    first, second = open_session(convolving, perception), open_session(convolving, perception)
    (note,) = first.notes
    assert "cannot be kept" in note
    assert "Not a directory" in note
    assert second.notes == ()  # said once
    assert first.run(feed())[0].tobytes() == second.run(feed())[0].tobytes()


def test_nothing_is_kept_where_the_config_says_so(convolving, tmp_path, monkeypatch):
    monkeypatch.setattr(config, "cache", lambda: pytest.fail("asked for"))
    assert open_session(convolving, config.Perception(cache="")).notes == ()


def test_only_so_many_files_are_kept_and_the_last_used_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(kept, "MAX_FILES", 3)
    for number in range(5):
        with kept.part(tmp_path / f"{number}") as part:
            part.write_bytes(b"%d" % number)
            assert kept.save(tmp_path / f"{number}", part) == ""
            kept.os.utime(tmp_path / f"{number}", ns=(number, number))
        if number == 2:
            assert kept.load(tmp_path / "0") == b"0"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "3", "4"]


def test_the_directory_is_where_the_user_keeps_such_things(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert config.cache() == tmp_path / ".cache" / "icv-edge" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert config.cache() == tmp_path / ".cache" / "icv-edge" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert config.cache() == tmp_path / "elsewhere" / "icv-edge" / "models"


# ---------------------------------------------------------------- what the zoo says


def test_sizes_that_are_not_fixed_are_those_of_the_zoo(tmp_path, perception):
    path = save(tmp_path / "any.onnx", [helper.make_node("Add", ["x", "x"], ["y"])], ("n", "m"))
    assert open_session(path, perception).inputs == {"x": ((0, 0), np.float32)}
    session = open_session(path, perception, entry(path, {"x": (2, 3)}, {"y": (2, 3)}))
    assert session.inputs == {"x": ((2, 3), np.float32)}
    assert session.run({"x": np.ones((2, 3), np.float32)})[0].tolist() == [[2, 2, 2], [2, 2, 2]]


@pytest.mark.parametrize(
    ("inputs", "outputs", "said"),
    [
        ({"z": (1, 4)}, {"y": (1, 4)}, "its inputs are x; the zoo says z"),
        ({"x": (1, 4)}, {"y": (1, 4), "w": (1,)}, "its outputs are y; the zoo says y, w"),
        ({"x": (1, 5)}, {"y": (1, 4)}, r"its input x has the size \(1, 4\); the zoo says \(1, 5\)"),
        ({"x": (4,)}, {"y": (1, 4)}, r"its input x has the size \(1, 4\); the zoo says \(4,\)"),
        ({"x": (1, 4)}, {"y": (1, 9)}, r"its output y has the size \(1, 4\); the zoo says \(1, 9\)"),
    ],
)
def test_a_model_that_is_not_as_the_zoo_says_is_refused(doubling, perception, inputs, outputs, said):
    with pytest.raises(ModelError, match=said):
        open_session(doubling, perception, entry(doubling, inputs, outputs))
    open_session(doubling, perception, entry(doubling, {"x": (0, 4)}, {"y": (1, 0)}))  # 0: any


# ---------------------------------------------------------------- over a picture


def test_a_run_that_fails_is_named_and_the_next_one_works(doubling, perception):
    session = open_session(doubling, perception)
    with pytest.raises(RunError, match=r"doubling\.onnx: its run failed: INVALID_ARGUMENT: .*x"):
        session.run({"x": np.ones((3, 9), np.float32)})
    assert session.run({"x": np.ones((1, 4), np.float32)})[0].tolist() == [[2, 2, 2, 2]]


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_no_numbers_are_named(doubling, perception, wrong):
    session = open_session(doubling, perception)
    with pytest.raises(RunError, match=r"its output y has values that are no numbers"):
        session.run({"x": np.array([[0, 0, wrong, 0]], np.float32)})


def test_a_missing_model_is_a_clear_error(tmp_path):
    with pytest.raises(ModelError, match=r"gone\.onnx: cannot be read: No such file"):
        open_session(tmp_path / "gone.onnx", config.Perception())
    with pytest.raises(ModelError, match="not a model: it is no file"):
        open_session(tmp_path, config.Perception())


def test_a_faster_form_that_cannot_be_run_is_said_and_the_model_runs_as_it_is(
    doubling, perception, monkeypatch
):
    said = entry(doubling, {"x": (1, 4)}, {"y": (1, 4)})
    monkeypatch.setattr("edge.vision.fold.folded", lambda *_: b"<no network>")
    session = open_session(doubling, perception, said)
    assert [note for note in session.notes if "its faster form cannot be run" in note]
    (doubled,) = session.run({"x": np.array([[1, 2, 3, 4]], np.float32)})
    assert doubled.tolist() == [[2, 4, 6, 8]]
