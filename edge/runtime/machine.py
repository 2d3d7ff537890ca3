"""What this machine has and lacks: each check gives findings, changes nothing, and never raises."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import edge
from edge.config import UserError
from edge.runtime import machine_devices as devices
from edge.runtime import machine_system as system
from edge.runtime.finding import Finding, text_of

PYTHONS = ((3, 10), (3, 13))
PACKAGES = ("numpy", "msgspec", "mcap", "zstandard", "lz4", "serial", "can", "tqdm")
MIN_MEMORY_BYTES = 512 * 1024**2
IMPORT_TIMEOUT_S = 120.0

ORT_PROGRAM = (
    "import edge, json, onnxruntime as o; print(json.dumps([o.__version__, o.get_available_providers()]))"
)
GST_PROGRAM = (
    "import gi, json; gi.require_version('Gst', '1.0'); from gi.repository import Gst; "
    "print(json.dumps([Gst.version_string()]))"
)
PICAMERA_PROGRAM = "import json, picamera2; print(json.dumps(['here']))"
CV_PROGRAM = "import edge, json, cv2; print(json.dumps([cv2.__version__, cv2.getBuildInformation()]))"


def examine(directory: str | Path = "drives", root: Path = Path("/")) -> list[Finding]:
    """All findings. directory: where drives go; root: where /sys, /proc and /dev are, for trials."""
    checks: tuple[tuple[str, Callable[[], Iterator[Finding]]], ...] = (
        ("machine", lambda: machine(root)),
        ("program", packages),
        ("program", inference),
        ("program", opencv),
        ("program", camera_programs),
        ("models", models),
        ("can", lambda: devices.can(root)),
        ("cameras", lambda: devices.cameras(root)),
        ("serial", devices.serial_ports),
        ("real time", lambda: system.real_time(root)),
        ("clock", lambda: system.clocks(root)),
        ("disk", lambda: system.disk(Path(directory))),
        ("heat", lambda: system.heat(root)),
    )
    findings: list[Finding] = []
    for topic, check in checks:
        try:
            findings += check()
        except (OSError, ValueError, AttributeError) as error:  # an odd system must not hide the other checks
            name = "this check"
            findings.append(Finding(topic=topic, name=name, state="warning", found=f"did not work: {error}"))
    return findings


def machine(root: Path) -> Iterator[Finding]:
    """The board, Python, processors and memory."""
    model = text_of(root / "proc/device-tree/model") or platform.machine()
    yield Finding(topic="machine", name="board", state="ok", found=f"{model}, {platform.platform()}")
    version = sys.version_info[:2]
    yield Finding(
        topic="machine",
        name="Python",
        state="ok" if PYTHONS[0] <= version <= PYTHONS[1] else "warning",
        found=platform.python_version(),
        advice="" if PYTHONS[0] <= version <= PYTHONS[1] else "tried with Python 3.10 to 3.13 only",
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding(
        topic="machine",
        name="processors",
        state="ok" if cores >= 2 else "warning",
        found=str(cores),
        advice="" if cores >= 2 else "the loop wants one for itself, and each camera another",
    )
    memory = _memory(root)
    if memory is not None:
        total, available = memory
        enough = available >= MIN_MEMORY_BYTES
        yield Finding(
            topic="machine",
            name="memory",
            state="ok" if enough else "warning",
            found=f"{total / 1024**3:.1f} GiB, {available / 1024**3:.1f} GiB free",
            advice="" if enough else "stop other programs; two camera workers need about 0.5 GiB",
        )


def _memory(root: Path) -> tuple[int, int] | None:
    lines = (line.split() for line in (text_of(root / "proc/meminfo") or "").splitlines())
    values = {words[0]: int(words[1]) * 1024 for words in lines if len(words) == 3 and words[1].isdigit()}
    if "MemTotal:" not in values or "MemAvailable:" not in values:
        return None
    return values["MemTotal:"], values["MemAvailable:"]


def packages() -> Iterator[Finding]:
    """What we import that cannot crash."""
    for name in PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            yield _broken_package(name, str(error))
    yield Finding(topic="program", name="icv-edge", state="ok", found=f"{edge.__version__}, {edge.__file__}")


def _broken_package(name: str, why: str) -> Finding:
    advice = "install the program again: python -m pip install --force-reinstall ."
    return Finding(topic="program", name=name, state="broken", found=why.strip()[-200:], advice=advice)


def _try_import(program: str) -> tuple[list, str]:
    """What a program printed as JSON, or [] and why not. A process of its own: a wheel made for another
    processor ends in an illegal instruction, not in an exception."""
    home = str(Path(edge.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (home, os.environ.get("PYTHONPATH"))))
    try:
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            timeout=IMPORT_TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": paths},
        )
    except subprocess.TimeoutExpired:
        return [], f"importing it takes more than {IMPORT_TIMEOUT_S:.0f} s"
    if done.returncode < 0:
        return [], f"importing it ends with signal {-done.returncode}: a wheel for another processor?"
    if done.returncode:
        return [], (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return json.loads(done.stdout.splitlines()[-1]), ""


def inference() -> Iterator[Finding]:
    """ONNX Runtime: its version, where it runs networks, and that it is told not to report to its maker."""
    found, error = _try_import(ORT_PROGRAM)
    if not found:
        yield _broken_package("onnxruntime", error)
        return
    version, providers = found
    yield Finding(
        topic="program", name="ONNX Runtime", state="ok", found=f"{version}: {', '.join(providers)}"
    )
    accelerated = {"CUDAExecutionProvider", "TensorrtExecutionProvider"} & set(providers)
    if Path("/etc/nv_tegra_release").exists() and not accelerated:
        yield Finding(
            topic="program",
            name="GPU",
            state="warning",
            found="a Jetson whose ONNX Runtime has no GPU provider",
            advice="install the onnxruntime-gpu wheel for your JetPack in place of onnxruntime",
        )
    if _installed("onnxruntime") and _installed("onnxruntime-gpu"):
        yield Finding(
            topic="program",
            name="ONNX Runtime",
            state="warning",
            found="onnxruntime and onnxruntime-gpu are both installed, into the same folder",
            advice="uninstall both, then install one",
        )
    silent = os.environ.get("ORT_DISABLE_TELEMETRY") == "1"
    yield Finding(
        topic="program",
        name="telemetry",
        state="ok" if silent else "broken",
        found="ONNX Runtime is told not to report" if silent else "ORT_DISABLE_TELEMETRY is not 1",
        advice="" if silent else "something removed it from the environment after `import edge` set it",
    )


def _installed(distribution: str) -> bool:
    try:
        importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def opencv() -> Iterator[Finding]:
    """OpenCV, and which kinds of camera its build can open."""
    found, error = _try_import(CV_PROGRAM)
    if not found:
        yield _broken_package("opencv-python", error)
        return
    version, build = found
    facts = dict(line.split(":", 1) for line in build.splitlines() if ":" in line)
    has = {key.strip(): value.strip().startswith("YES") for key, value in facts.items()}
    yield Finding(topic="program", name="OpenCV", state="ok", found=version)
    if not has.get("FFMPEG"):
        advice = "files and rtsp:// addresses cannot be read: install opencv-python from PyPI"
        yield Finding(topic="program", name="FFmpeg", state="missing", found="not in OpenCV", advice=advice)


def camera_programs() -> Iterator[Finding]:
    """What the kinds of camera beside V4L2 and files need; absent, it is only told."""
    for name, program, kind, packages in (
        ("GStreamer", GST_PROGRAM, "gstreamer (Jetson CSI)", "python3-gi gir1.2-gst-plugins-base-1.0"),
        ("Picamera2", PICAMERA_PROGRAM, "picamera2 (Raspberry Pi CSI)", "python3-picamera2"),
    ):
        found, _ = _try_import(program)
        if found:
            yield Finding(topic="program", name=name, state="ok", found=found[0])
        else:
            advice = (
                f"cameras of kind {kind} need it: sudo apt install {packages}, and a venv made with "
                "--system-site-packages"
            )
            yield Finding(topic="program", name=name, state="missing", found="not here", advice=advice)


def models() -> Iterator[Finding]:
    """The files of models/zoo.toml and their hashes."""
    from edge.vision.zoo import ModelError, Zoo, how_to_get

    try:
        zoo = Zoo()
    except UserError as error:
        yield Finding(topic="models", name="zoo", state="broken", found=str(error), advice="install again")
        return
    absent = [
        name for name, entry in sorted(zoo.entries.items()) if not (entry.own or zoo.place(name).exists())
    ]
    if absent:
        advice = "for real pictures: icv models fetch --all, or --from DIR; icv models list says more"
        found = f"{len(absent)} not fetched: {', '.join(absent)}"
        yield Finding(topic="models", name="public networks", state="missing", found=found, advice=advice)
    for name, entry in sorted(zoo.entries.items()):
        if name in absent:
            continue
        try:
            zoo.locate(name)
        except ModelError as error:
            advice = how_to_get(name, entry)
            yield Finding(topic="models", name=name, state="broken", found=str(error), advice=advice)
        else:
            found = f"{entry.role}: {', '.join(entry.finds)}"
            yield Finding(topic="models", name=name, state="ok", found=found)
