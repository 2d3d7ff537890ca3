"""Perception in its own processes, as the program runs it: two at once, the first result, memory."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from edge import config as cfg
from edge.clock import now_ns
from edge.messages import encode
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile
from edge.vision.picture import Picture

Say = Callable[[str], None]
Two = tuple[cfg.Camera, cfg.Camera, cfg.Perception]

FRAMES = 24_000
WARM_UP = 2_000
ROAD_EACH = 8  # pictures of the driver to one of the road, whose network takes longer
STARTS = 5
LIMIT_S = 120.0


# ------------------------------------------------ two at once


def measure_two(
    two: Two, pictures: dict[str, list[np.ndarray]], seconds: float, say: Say
) -> dict[str, Figure]:
    """A road and a driver picture at the same moment, each in its process; and each alone, by turns."""
    say("road and driver at once ...")
    *cameras, perception = two
    ends = [_start(_serve, camera, perception, pictures[camera.role][:4]) for camera in cameras]
    pipes = [pipe for _, pipe in ends]
    try:
        for pipe in pipes:
            _hear(pipe)
        took: dict[str, list[float]] = {"road": [], "driver": [], "both": []}
        end_ns = now_ns() + round(seconds * 1e9)
        while now_ns() < end_ns or len(took["both"]) < 20:
            for turn, asked in (("road", pipes[:1]), ("both", pipes), ("driver", pipes[1:])):
                began_ns = now_ns()
                for pipe in asked:
                    with contextlib.suppress(BrokenPipeError):  # it ended, which is heard below
                        pipe.send_bytes(b"see")
                ended_ns = max(int(_hear(pipe)) for pipe in asked)
                took[turn].append((ended_ns - began_ns) / 1e6)
    finally:
        _end(ends)
    median = {turn: quantile(ms[5:], 0.5) for turn, ms in took.items()}
    slower = max(median["road"], median["driver"])
    names = [camera.models[0] if len(camera.models) == 1 else "all of the driver" for camera in cameras]
    title = "road and driver at once, of the slower of the two alone"
    return {
        "two_makespan": Figure(title, median["both"] / slower, "x"),
        "two_road": Figure(f"  {names[0]} alone: median", median["road"], "ms"),
        "two_driver": Figure(f"  {names[1]} alone: median", median["driver"], "ms"),
        "two_both": Figure("  both at once: median", median["both"], "ms"),
    }


def _serve(
    pipe: Connection, camera: cfg.Camera, perception: cfg.Perception, pictures: list[np.ndarray]
) -> None:
    from edge.vision.perceive import Perception

    eyes = Perception(camera, perception)
    pipe.send_bytes(b"0")
    number = 0
    with contextlib.suppress(EOFError, BrokenPipeError):  # the measuring is over
        while pipe.recv_bytes() == b"see":
            eyes.see(Picture(t_ns=0, frame_id=number, image=pictures[number % len(pictures)]))
            pipe.send_bytes(str(now_ns()).encode())
            number += 1


# ------------------------------------------------ start


def measure_start(two: Two, say: Say) -> dict[str, Figure]:
    """From the start of two processes to what each saw in a picture; optimised models are kept already."""
    say("start ...")
    *cameras, perception = two
    firsts, imports = [], []
    for _ in range(STARTS + 1):
        began_ns = now_ns()
        ends = [_start(_first, camera, perception) for camera in cameras]
        try:
            firsts.append((max(int(_hear(pipe)) for _, pipe in ends) - began_ns) / 1e9)
        finally:
            _end(ends)
        began_ns = now_ns()
        subprocess.run([sys.executable, "-c", "import onnxruntime, cv2"], check=True)
        imports.append((now_ns() - began_ns) / 1e9)
    title, beside = (
        "start of both processes to the first result of both",
        "python -c 'import onnxruntime, cv2'",
    )
    return {  # the first of them fills the caches
        "start_first_result": Figure(title, quantile(firsts[1:], 0.5), "s"),
        "start_imports": Figure(f"  beside: {beside}", quantile(imports[1:], 0.5), "s"),
    }


def _first(pipe: Connection, camera: cfg.Camera, perception: cfg.Perception) -> None:
    from edge.vision.perceive import Perception

    eyes = Perception(camera, perception)
    eyes.see(Picture(t_ns=0, frame_id=0, image=np.full((720, 1280, 3), 100, np.uint8)))
    pipe.send_bytes(str(now_ns()).encode())
    _wait_for_end(pipe)


# ------------------------------------------------ memory


def measure_memory(
    cameras: tuple[cfg.Camera, cfg.Camera], perception: cfg.Perception, say: Say
) -> dict[str, Figure]:
    """How much a process grows over 24,000 pictures, after it has warmed up."""
    say(f"memory over {FRAMES:,} pictures ...")
    ends = [_start(_look_long, cameras, perception)]
    try:
        first, last = (int(part) for part in _hear(ends[0][1], 60 * LIMIT_S).split())
    finally:
        _end(ends)
    return {
        "memory_growth": Figure(f"memory that {FRAMES:,} pictures leave behind", (last - first) / 1e6, "MB"),
        "memory": Figure("  of a process with both cameras' networks", last / 1e6, "MB"),
    }


def _look_long(pipe: Connection, cameras: tuple[cfg.Camera, cfg.Camera], perception: cfg.Perception) -> None:
    from edge.vision.perceive import Perception

    eyes = [Perception(camera, perception) for camera in cameras]
    rng = np.random.default_rng(0)
    first = 0
    for number in range(WARM_UP + FRAMES):
        if number == WARM_UP:
            first = _resident_bytes()
        # New arrays each time, as a camera gives them, and of two sizes, as two cameras do.
        which = 0 if number % ROAD_EACH == 0 else 1
        image = rng.integers(0, 256, (180, 320, 3) if number % 2 else (240, 320, 3), np.uint8)
        encode(eyes[which].see(Picture(t_ns=number, frame_id=number, image=image)))
    pipe.send_bytes(f"{first} {_resident_bytes()}".encode())
    _wait_for_end(pipe)


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


# ------------------------------------------------ processes

End = tuple[multiprocessing.process.BaseProcess, Connection]


def _start(main: Callable[..., None], *arguments: object) -> End:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=main, args=(theirs, *arguments), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _hear(pipe: Connection, limit_s: float = LIMIT_S) -> bytes:
    """What a process says. Raises cfg.UserError if it ended or says nothing."""
    try:
        if pipe.poll(limit_s):
            return pipe.recv_bytes()
    except (EOFError, ConnectionResetError):
        raise cfg.UserError("a process that was measured ended; what it said stands above") from None
    raise cfg.UserError(f"a process that was measured said nothing for {limit_s:g} s")


def _wait_for_end(pipe: Connection) -> None:
    while not pipe.poll(1.0):
        pass


def _end(ends: list[End]) -> None:
    for process, pipe in ends:
        pipe.close()
        process.join(timeout=2.0)
        if process.is_alive():
            process.kill()
            process.join()
