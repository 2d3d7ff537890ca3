import json
from pathlib import Path

import pytest

from edge.cli.main import main
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
