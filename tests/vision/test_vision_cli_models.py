import hashlib
import json
import math
import re
from pathlib import Path

import pytest

from edge.cli.main import main
from edge.vision.golden import picture
from edge.vision.zoo import Zoo

MODELS = Path(__file__).resolve().parents[2].parent / "shared/models"
needs_models = pytest.mark.skipif(not MODELS.is_dir(), reason=f"public models are not in {MODELS}")


def run(capsys, *arguments):
    code = main(["models", *arguments, "--json"])
    return code, {row["name"]: row for row in json.loads(capsys.readouterr().out)}


def test_list_says_of_every_model_where_it_is_from_and_its_licences(capsys, tmp_path):
    code, rows = run(capsys, "list", "--in", str(tmp_path))
    assert code == 0
    assert set(rows) == set(Zoo().entries)
    for row in rows.values():
        assert row["licence_weights"]
        assert row["state"] == ("here" if row["own"] else "absent")


@needs_models
def test_fetched_from_a_directory_a_model_is_here_and_right(capsys, tmp_path):
    code, rows = run(capsys, "fetch", "yunet_n_320_320", "--from", str(MODELS), "--to", str(tmp_path))
    assert (code, rows["yunet_n_320_320"]["state"]) == (0, "here")
    code, rows = run(capsys, "check", "--in", str(tmp_path))
    assert code == 0
    assert rows["yunet_n_320_320"]["state"] == "right"
    assert rows["yunet_n_320_320"]["difference"] < 0.001
    assert rows["yolox_nano_416"]["state"] == "absent"


@needs_models
def test_all_from_a_directory_takes_what_lies_there(capsys, tmp_path):
    (tmp_path / "some").mkdir()
    name = "open-closed-eye-0001.onnx"
    (tmp_path / "some" / name).write_bytes((MODELS / name).read_bytes())
    code, rows = run(capsys, "fetch", "--all", "--from", str(tmp_path / "some"), "--to", str(tmp_path / "to"))
    assert (code, list(rows)) == (0, ["open-closed-eye-0001"])


def test_a_wrong_file_is_found_by_check_and_refused_by_fetch(capsys, tmp_path):
    (tmp_path / "yunet_n_320_320.onnx").write_bytes(b"something else")
    code, rows = run(capsys, "check", "--in", str(tmp_path))
    assert (code, rows["yunet_n_320_320"]["state"]) == (1, "wrong")
    code, rows = run(
        capsys, "fetch", "yunet_n_320_320", "--from", str(tmp_path), "--to", str(tmp_path / "to")
    )
    assert (code, rows["yunet_n_320_320"]["state"]) == (1, "refused")
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fetch"], "name models"),
        (["fetch", "nosuch"], "no model 'nosuch'"),
        (["fetch", "yunet_n_320_320", "--from", "/nowhere"], "no such directory"),
    ],
)
def test_wrong_use_is_said_in_one_line(capsys, arguments, said):
    assert main(["models", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_model_that_is_named_and_absent_fails_the_check(capsys, tmp_path):
    code, rows = run(capsys, "check", "yunet_n_320_320", "--in", str(tmp_path))
    assert (code, rows["yunet_n_320_320"]["state"]) == (1, "absent")


def test_pictures_that_are_nowhere_are_not_none_of_them(capsys):
    assert main(["models", "quantise", "icv-eye", "--pictures", "/nowhere"]) == 2
    assert "--pictures /nowhere: no such directory" in capsys.readouterr().err


def test_golden_numbers_of_another_length_are_named(capsys, rig):
    path = Path(rig).with_name("golden.json")
    golden = json.loads(path.read_text())
    golden["right"]["outputs"]["b"].pop()
    path.write_text(json.dumps(golden))
    code, rows = run(capsys, "check", "right", "--config", rig)
    assert (code, rows["right"]["state"]) == (1, "wrong")
    assert "golden.json: cannot be used" in rows["right"]["detail"]


def test_what_is_fetched_says_its_licence_first(capsys, tmp_path):
    assert main(["models", "fetch", "converted-by-nobody", "--to", str(tmp_path)]) == 2
    capsys.readouterr()
    (tmp_path / "from").mkdir()
    main(["models", "fetch", "yunet_n_320_320", "--from", str(tmp_path / "from"), "--to", str(tmp_path)])
    said = capsys.readouterr().err
    assert said.startswith(
        "yunet_n_320_320: 0.3 MB; licence of the code Apache-2.0, of the weights Apache-2.0"
    )
    assert "WIDER FACE (research use" in said


def test_our_own_models_say_here_what_they_said_to_plain_onnxruntime(capsys):
    own = {name for name, entry in Zoo().entries.items() if entry.own}
    code, rows = run(capsys, "check", *own)
    assert (code, set(rows)) == (0, own)
    for row in rows.values():
        assert row["state"] == "right"
        assert row["difference"] is not None, "models/training/golden.py was not run after a training"


@pytest.fixture
def rig(tmp_path):
    """A rig with a zoo of its own: a network that doubles what it is fed, under two names."""
    onnx = pytest.importorskip("onnx")
    shape = [1, 3, 4, 4]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape) for name in ("a", "b")]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Add", ["a", "a"], ["b"])], "twice", [ends[0]], [ends[1]]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8)
    data = model.SerializeToString()
    (tmp_path / "twice.onnx").write_bytes(data)
    (tmp_path / "blind.py").write_text(
        "class Blind:\n    def __init__(self, session, entry):\n        pass\n"
    )
    digest = hashlib.sha256(data).hexdigest()
    table = f"""
file = "twice.onnx"
own = true
role = "road"
finds = ["objects"]
adapter = "blind.py:Blind"
input = "BGR"
inputs = {{ a = [1, 3, 4, 4] }}
outputs = {{ b = [1, 3, 4, 4] }}
licence_code = "MIT"
licence_weights = "MIT"
bytes = {len(data)}
sha256 = "{digest}"
"""
    (tmp_path / "zoo.toml").write_text("".join(f"[{name}]{table}" for name in ("right", "rounded", "wrong")))
    fed = picture(4, 4, "road").transpose(2, 0, 1).astype(float)
    golden = {
        name: {"sha256": digest, "outputs": {"b": numbers_by_hand(fed * factor)}}
        for name, factor in (("right", 2.0), ("rounded", 2.02), ("wrong", 3.0))
    }
    (tmp_path / "golden.json").write_text(json.dumps(golden))
    path = tmp_path / "rig.toml"
    path.write_text('name = "x"\nvehicle = "car.toml"\n[perception]\nzoo = "zoo.toml"\n')
    return str(path)


def numbers_by_hand(output):
    flat = output.ravel().tolist()
    parts = [flat[i : i + 6] for i in range(0, 48, 6)]
    square = math.sqrt(sum(value * value for value in flat) / 48)
    return [min(flat), max(flat), sum(flat) / 48, square, *(sum(part) / 6 for part in parts)]


def test_a_network_that_says_something_else_is_noticed_and_by_how_much(capsys, rig):
    code, rows = run(capsys, "check", "right", "rounded", "wrong", "--config", rig)
    assert code == 1
    assert rows["right"]["detail"].endswith("as it should be")
    assert rows["rounded"]["state"] == "right"
    # A hundredth of the peaks; of the brightest of the eight parts a little more, against the whole.
    assert 0.0099 <= rows["rounded"]["difference"] < 0.013
    assert re.search(r"b differs by 1\.\d%, as with fewer bits", rows["rounded"]["detail"])
    assert rows["wrong"]["state"] == "wrong"
    assert re.search(r"says something else than it should: b differs by 3\d%", rows["wrong"]["detail"])


def test_a_card_tells_licences_data_and_limits(capsys):
    assert main(["models", "card", "yunet_n_320_320"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "licence of the weights Apache-2.0" in said
    assert "trained on WIDER FACE (research use; pictures from Flickr)" in said
    assert "limits" in said


def test_the_card_of_our_own_is_its_whole_page(capsys):
    assert main(["models", "card", "icv-road"]) == 0
    assert "What it is not good for" in capsys.readouterr().out


def test_a_card_as_json_is_a_table(capsys):
    assert main(["models", "card", "yolox_nano_416", "--json"]) == 0
    card = json.loads(capsys.readouterr().out)
    assert card["sha256"] == Zoo().entry("yolox_nano_416").sha256
    assert isinstance(card["figures"], list)


def test_bench_measures_the_whole_way_and_the_bare_run(capsys):
    assert main(["models", "bench", "icv-light", "--quick", "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["models"]["icv-light"]
    speed = measured["speed"]
    assert measured["sha256"] == Zoo().entry("icv-light").sha256
    assert all(value > 0 for value in speed.values())
    assert speed["whole_ms"] >= speed["run_ms"]


def test_bench_says_that_eyes_cannot_be_measured_without_a_face(capsys, tmp_path):
    assert main(["models", "bench", "icv-eye", "--quick", "--models", str(tmp_path)]) == 0
    captured = capsys.readouterr()
    assert "of icv-eye only the speed is measured: icv models fetch yunet_n_320_320" in captured.err


def test_bench_draws_no_bar_into_a_pipe(capsys):
    assert main(["models", "bench", "icv-light", "--quick"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "no model 'nosuch'"),
        (["--write", "docs"], "--write needs --data DIR"),
        (["--write", "docs", "--data", "."], "--write needs all data sets"),
        (["icv-light", "--write", "docs", "--data", "."], "--write tells of all models"),
        (["icv-light", "--data", "/nowhere"], "--data /nowhere: no such directory"),
    ],
)
def test_bench_says_what_it_needs(capsys, arguments, said):
    assert main(["models", "bench", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_bench_says_which_model_is_absent(capsys, tmp_path):
    arguments = ["bench", "icv-light", "yolox_nano_416", "--quick", "--models", str(tmp_path)]
    assert main(["models", *arguments]) == 1
    captured = capsys.readouterr()
    assert "get it with: icv models fetch yolox_nano_416" in captured.err
    assert "icv-light" in captured.out
