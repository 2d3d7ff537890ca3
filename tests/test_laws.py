"""The laws that code can break without anybody noticing: who may import whom, and who may ask for the time.

Every file is read as a tree, so that an import inside a function counts like one at the top.
"""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ROOMS_OF_IO = ("can", "vision", "positioning", "v2x", "uplink", "drives", "sim")
GROUND = ("messages", "clock", "config")
ALLOWED: dict[str, tuple[str, ...]] = {
    "": (),  # edge/__init__.py
    "messages": (),
    "clock": (),
    "config": (),
    "core": ("messages", "config"),
    **dict.fromkeys(ROOMS_OF_IO, GROUND),
    "runtime": (*GROUND, "core", *ROOMS_OF_IO),
    "web": (*GROUND, "core", *ROOMS_OF_IO, "runtime"),
    "cli": (*GROUND, "core", *ROOMS_OF_IO, "runtime", "web"),
}

CORE_PACKAGES = ("numpy", "msgspec")
IMPURE = (
    "asyncio", "ctypes", "datetime", "fcntl", "io", "logging", "mmap", "multiprocessing", "os", "pathlib",
    "queue", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "subprocess", "sys",
    "tempfile", "threading", "time", "urllib", "uuid",
)  # fmt: skip
"""Of the standard library: what reads a clock, the environment, chance or a file, or starts something."""


class Import:
    """One import: of whom, by whom, where, and whether it runs when the module is loaded."""

    def __init__(self, path: Path, line: int, name: str, at_load: bool) -> None:
        self.path, self.line, self.name, self.at_load = path, line, name, at_load
        self.top = name.partition(".")[0]

    def __str__(self) -> str:
        return f"{self.path}:{self.line} imports {self.name}"


@functools.cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imports(root: Path, path: Path) -> list[Import]:
    """All imports of a file, with relative ones made absolute; `from x import y` counts as x.y."""
    tree = parsed(path)
    inside = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for node in ast.walk(function)
    }
    package = path.relative_to(root).parts[:-1]
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names = [f"{base}.{alias.name}" for alias in node.names]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name | ast.Attribute)
            and (node.func.id if isinstance(node.func, ast.Name) else node.func.attr)
            in ("import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            names = [str(node.args[0].value)]
        found += [Import(path.relative_to(root), node.lineno, name, id(node) not in inside) for name in names]
    return found


def files(root: Path) -> list[Path]:
    return sorted((root / "edge").rglob("*.py"))


def room(path: Path) -> str:
    """edge/can/dbc.py -> can; edge/clock.py -> clock; edge/__init__.py -> ''."""
    parts = path.with_suffix("").parts[1:]
    return "" if parts[0] == "__init__" else parts[0]


def wrong_directions(root: Path) -> list[str]:
    wrong = []
    for path in files(root):
        here = room(path.relative_to(root))
        assert here in ALLOWED, f"{path}: a room that DESIGN does not know"
        for found in imports(root, path):
            if found.top != "edge" or found.name == "edge":
                continue
            there = found.name.split(".")[1]
            if there != here and there in ALLOWED and there not in ALLOWED[here]:
                wrong.append(str(found))
    return wrong


def impurities(root: Path) -> list[str]:
    wrong = []
    for path in files(root):
        if room(path.relative_to(root)) != "core":
            continue
        for found in imports(root, path):
            pure = found.top in sys.stdlib_module_names and found.top not in IMPURE
            if found.top not in ("edge", *CORE_PACKAGES) and not pure:
                wrong.append(str(found))
            if found.name.startswith("numpy.random"):
                wrong.append(str(found))
        wrong += [
            f"{path.relative_to(root)}:{node.lineno} calls {name}"
            for node, name in calls(path)
            if name in ("open", "print", "input", "exec", "eval") or ".random" in name
        ]
    return wrong


@functools.cache
def calls(path: Path) -> list[tuple[ast.Call, str]]:
    """Calls of what has a dotted name, with that name."""
    nodes = [node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call)]
    return [(node, name) for node in nodes if (name := dotted(node.func))]


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def readers_of_time(root: Path) -> list[str]:
    return [
        str(found)
        for path in files(root)
        if room(path.relative_to(root)) != "clock"
        for found in imports(root, path)
        if found.top == "time" or found.name in ("datetime.datetime.now", "datetime.datetime.utcnow")
    ] + [
        f"{path.relative_to(root)}:{node.lineno} calls {name}"
        for path in files(root)
        if room(path.relative_to(root)) != "clock"
        for node, name in calls(path)
        if name.endswith(("datetime.now", "datetime.utcnow", "date.today"))
    ]


def readers_of_the_environment(root: Path) -> list[str]:
    """Settings come from the config. Telling libraries something by a variable is no mode; `icv doctor`
    (runtime/machine*.py) looks at the environment because that is what it reports on."""
    wrong = []
    for path in files(root):
        if path.name.startswith("machine"):
            continue
        nodes = list(ast.walk(parsed(path)))
        written = {
            id(node.value)
            for node in nodes
            if (isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store))
            or (isinstance(node, ast.Attribute) and node.attr == "setdefault")
        }
        for node in nodes:
            name = dotted(node) if isinstance(node, ast.Attribute | ast.Name) else ""
            if (
                name in ("os.getenv", "getenv", "os.environb", "os.environ", "environ")
                and id(node) not in written
            ):
                wrong.append(f"{path.relative_to(root)}:{node.lineno} reads {name}")
    return wrong


def early_networks(root: Path) -> list[str]:
    """onnxruntime is imported in functions only, so that `edge` has turned its telemetry off before."""
    return [
        str(found)
        for path in files(root)
        for found in imports(root, path)
        if found.top == "onnxruntime" and found.at_load
    ]


LAWS = {
    "imports run one way": wrong_directions,
    "the core is pure": impurities,
    "edge/clock.py alone reads time": readers_of_time,
    "no mode by environment variable": readers_of_the_environment,
    "onnxruntime only after edge": early_networks,
}


@pytest.mark.parametrize("law", LAWS)
def test_law(law: str) -> None:
    assert LAWS[law](ROOT) == []


VIOLATIONS = [
    ("imports run one way", "core/rule.py", "def f():\n    from edge.can import frames\n"),
    ("imports run one way", "core/rule.py", "from edge.clock import now_ns\n"),
    ("imports run one way", "can/bus.py", "import edge.core.core\n"),
    ("imports run one way", "can/bus.py", "from edge import vision\n"),
    ("imports run one way", "sim/world.py", "from ..runtime import loop\n"),
    ("imports run one way", "messages.py", "import edge.config\n"),
    ("imports run one way", "vision/a/b.py", "from ...can import dbc\n"),
    ("imports run one way", "drives/x.py", "import importlib\nimportlib.import_module('edge.cli.main')\n"),
    ("imports run one way", "runtime/x.py", "from edge.cli import main\n"),
    ("the core is pure", "core/rule.py", "import os\n"),
    ("the core is pure", "core/rule.py", "from time import monotonic\n"),
    ("the core is pure", "core/rule.py", "import cv2\n"),
    ("the core is pure", "core/rule.py", "import numpy as np\nx = np.random.default_rng()\n"),
    ("the core is pure", "core/rule.py", "def f():\n    return open('x')\n"),
    ("edge/clock.py alone reads time", "can/bus.py", "def f():\n    import time\n"),
    ("edge/clock.py alone reads time", "can/bus.py", "import datetime as d\nd.datetime.now()\n"),
    ("no mode by environment variable", "cli/run.py", "import os\nos.environ.get('ICV_REPLAY')\n"),
    ("no mode by environment variable", "cli/run.py", "import os\nos.getenv('ICV_REPLAY')\n"),
    ("onnxruntime only after edge", "vision/a.py", "import onnxruntime\n"),
    (
        "onnxruntime only after edge",
        "vision/a.py",
        "try:\n    from onnxruntime import capi\nexcept ImportError: pass\n",
    ),
]


@pytest.mark.parametrize(("law", "path", "text"), VIOLATIONS)
def test_a_planted_violation_is_found(tmp_path: Path, law: str, path: str, text: str) -> None:
    planted = tmp_path / "edge" / path
    planted.parent.mkdir(parents=True)
    planted.write_text(text)
    (found,) = LAWS[law](tmp_path)
    assert f"edge/{path}" in found


def test_what_is_allowed_passes(tmp_path: Path) -> None:
    for path, text in {
        "core/rule.py": "import math, dataclasses\nimport numpy as np\nfrom edge import messages\n",
        "can/bus.py": "from edge import clock, config\nfrom .frames import Frames\nimport socket\n",
        "clock.py": "import time, datetime\n",
        "vision/sessions.py": "def f():\n    import onnxruntime\n",
        "cli/run.py": "def f():\n    from edge.runtime.live import run_live\n",
    }.items():
        (tmp_path / "edge" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "edge" / path).write_text(text)
    assert [found for law in LAWS.values() for found in law(tmp_path)] == []


def test_telemetry_of_onnxruntime_is_off_once_edge_is_imported() -> None:
    program = "import edge, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    environment = {**os.environ, "ORT_DISABLE_TELEMETRY": "0", "PYTHONPATH": str(ROOT)}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert found.stdout.strip() == "1", found.stderr
