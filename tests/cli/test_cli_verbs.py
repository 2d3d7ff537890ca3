"""The command line as a person meets it."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import __version__
from edge.cli.main import VERBS, main

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = [sys.executable, "-m", "edge.cli.main"]


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run([*SCRIPT, *arguments], cwd=cwd, env=env, capture_output=True, text=True, timeout=60)


def ended(capsys, *arguments: str) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    found = capsys.readouterr()
    return end.value.code, found.out, found.err


def test_help_lists_every_verb_and_every_verb_has_a_file(capsys):
    code, out, _ = ended(capsys, "--help")
    assert code == 0
    files = {path.stem for path in (ROOT / "edge/cli").glob("*.py")}
    folders = {path.parent.name for path in (ROOT / "edge/cli").glob("*/__init__.py")}
    assert set(VERBS) == (files | folders) - {"__init__", "main", "report", "dbc_option"}
    for verb, what in VERBS.items():
        assert f"  {verb} " in out
        assert what.split()[0] in out


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_of_its_own(verb, capsys):
    code, out, err = ended(capsys, verb, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: icv {verb}")
    assert "==SUPPRESS==" not in out
    module = importlib.import_module(f"edge.cli.{verb}")
    assert module.run.__doc__


def test_version(capsys):
    assert ended(capsys, "--version")[:2] == (0, f"icv-edge {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [["nosuch"], [], ["run"], ["replay", "--nosuch"], ["drive"], ["demo", "x"]]
)
def test_wrong_use_is_told_with_status_2(arguments, capsys):
    code, _, err = ended(capsys, *arguments)
    assert code == 2
    assert "usage: icv" in err
    assert "Traceback" not in err


def test_nothing_heavy_is_imported_for_help():
    program = (
        "import sys\nfrom edge.cli.main import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'cv2', 'onnxruntime', 'msgspec', 'can'} & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True)
    assert found.stdout.splitlines()[-1] == "[]", found


@pytest.mark.parametrize("arguments", ["--help", "models list", "replay --help", "demo --help"])
def test_a_reader_that_goes_away_is_no_trouble(arguments):
    """Like `icv ... | head -1`, with nobody there any more when something is written at last."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    try:
        found = subprocess.run(
            [*SCRIPT, *arguments.split()], env=env, stdout=write_end, stderr=subprocess.PIPE, timeout=60
        )
    finally:
        os.close(write_end)
    assert found.stderr == b""
    assert found.returncode in (
        (0, 141) if "--help" in arguments else (141,)
    )  # argparse drops help in silence


def test_a_missing_config_is_the_users_to_mend(tmp_path):
    found = run("run", "--config", "nosuch.toml", cwd=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("icv run: nosuch.toml: cannot be read")
    assert "Traceback" not in found.stderr
