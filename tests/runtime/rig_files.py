"""Configs and scenarios that the tests of the runtime drive."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge import config as cfg
from edge.runtime.setup import Setup, complete
from edge.vision.zoo import ModelError, Zoo

ROOT = Path(__file__).resolve().parents[2]

SCENARIO = """
# SIMULATION. A car ahead, seen and heard.
title = "test"
duration_s = {seconds}
own = {{ speed_kmh = 60.0 }}
road = {{ lanes_forward = 1, lanes_oncoming = 1, lane_width_m = 3.5 }}
vehicles = [{{ name = "lead", ahead_m = 30.0, speed_kmh = 60.0, station_id = 4660 }}]
driver = {{ look = 3 }}
"""

CAN = """
[[can]]
name = "can0"
kind = "simulated"
"""
OTHERS = """
[[gnss]]
kind = "simulated"

[v2x]
station_id = 4242
link = {{ kind = "simulated" }}
security = {{ accept_unsigned = true }}
"""
CAMERAS = """
[[cameras]]
name = "road"
role = "road"
kind = "simulated"
geometry = "configs/cameras/simulated.toml"
models = ["icv-road"]
fps = {fps}

[[cameras]]
name = "driver"
role = "driver"
kind = "simulated"
models = ["icv-driver"]
fps = {fps}
"""


def needs_own_models() -> None:
    zoo = Zoo()
    try:
        for name in ("icv-road", "icv-driver"):
            zoo.locate(name)
    except ModelError as error:
        pytest.skip(str(error))


def write_rig(
    directory: Path, parts: str = CAN + OTHERS, *, seconds: float = 2.0, top: str = "", fps: float = 10.0
) -> Path:
    """A config, and the scenario beside it. Returns the config's path."""
    (directory / "scenario.toml").write_text(SCENARIO.format(seconds=seconds))
    path = directory / "rig.toml"
    head = 'name = "rig"\nvehicle = "configs/vehicles/simulated.toml"\nscenario = "scenario.toml"\n'
    path.write_text(head + top + parts.format(fps=fps))
    return path


def read_rig(path: Path) -> Setup:
    return complete(cfg.read(path, cfg.Config), path)


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **more}


def icv(
    *arguments: object, cwd: Path, timeout_s: float = 60.0, **more: str
) -> subprocess.CompletedProcess[str]:
    """icv as a user runs it, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "edge.cli.main", *map(str, arguments)],
        cwd=cwd, env=environment(**more), capture_output=True, text=True, timeout=timeout_s,
    )  # fmt: skip
