"""A model file becomes something that runs: judged, held against its entry in the zoo, warmed up."""

from __future__ import annotations

import contextlib
import importlib
import math
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from edge import clock, config
from edge.vision.adapters import Tensor
from edge.vision.backends import Engine, Network, reason
from edge.vision.model_file import ModelFile, judge, read
from edge.vision.zoo import Entry, ModelError

BACKENDS = {"onnxruntime": "edge.vision.backends.onnx_runtime", "openvino": "edge.vision.backends.open_vino"}

WARM_UP_LIMIT_S = 20.0  # a network that takes longer for its first picture is of no use to a car


class RunError(ModelError):
    """A network that was opened, but failed over one picture: what it looks for is unknown."""


class Session:
    """An open model, warmed up.

    inputs, outputs: by name, in the model's order; sizes that are not fixed in the file are the entry's.
    providers_used: what runs it, in the order in which it is asked; notes: fall-backs and what else a person
    should know. began_ns, ended_ns, run_ns: when the first run since `start_timing` began, when the last one
    ended, and how long all of them together took.
    """

    def __init__(self, engine: Engine, where: Path) -> None:
        self._run = engine.run
        self._errors = engine.errors
        self.stop = engine.stop
        self._where = where
        self.inputs = engine.inputs
        self.outputs = engine.outputs
        self.providers_used = engine.used
        self.notes = engine.notes
        self.start_timing()

    def start_timing(self) -> None:
        """Forget the times of earlier runs."""
        self.began_ns = 0
        self.ended_ns = 0
        self.run_ns = 0

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs, in the model's order. Raises RunError if the network fails, or gives what is no number
        in one of the places that are looked at: all of a small output, 256 of a large one."""
        began_ns = clock.now_ns()
        try:
            outputs = self._run(feed)
        except self._errors as error:
            raise RunError(f"{self._where}: its run failed: {reason(error)}") from None
        self.ended_ns = clock.now_ns()
        self.began_ns = self.began_ns or began_ns
        self.run_ns += self.ended_ns - began_ns
        for output, name in zip(outputs, self.outputs, strict=True):
            # A score that is no number is above no threshold, and nothing seen would be said of a clear road.
            if output.dtype.kind == "f" and not _finite(_sample(output)):
                raise RunError(f"{self._where}: its output {name} has values that are no numbers")
        return outputs


def open_session(path: Path, perception: config.Perception, entry: Entry | None = None) -> Session:
    """A model file, ready to run as `perception` says; entry: what the zoo says of it. Raises ModelError."""
    try:
        with _bounded_memory(perception):
            return _judge_and_open(path, perception, entry)
    except MemoryError:
        raise ModelError(f"{path}: wants more memory than it may have here: use a smaller one") from None


def _judge_and_open(path: Path, perception: config.Perception, entry: Entry | None) -> Session:
    cache = cache_of(perception)
    content = read(path)
    file = judge(content, path)
    if entry is None:
        return _open(content, path, file, perception, cache)
    file = _as_said(file, entry, path)
    from edge.vision import fold

    faster = fold.folded(path, entry, cache)
    if faster is None:
        return _open(content, path, file, perception, cache, entry)
    try:
        return _open(faster, path, judge(faster, path), perception, cache, entry)
    except ModelError as error:
        # If it is not only the faster form that cannot be run, this tells.
        session = _open(content, path, file, perception, cache, entry)
        session.notes += (f"fed with numbers: its faster form cannot be run: {error}",)
        return session


def _open(
    content: bytes,
    path: Path,
    file: ModelFile,
    perception: config.Perception,
    cache: Path | None,
    entry: Entry | None = None,
) -> Session:
    threads = perception.threads or config.threads_each(1)
    backend = importlib.import_module(BACKENDS[perception.backend])
    session = Session(backend.open_engine(Network(content, path, file, threads, perception, cache)), path)
    _warm_up(session, entry, path)
    session.start_timing()
    return session


def _sample(output: np.ndarray) -> np.ndarray:
    return output.reshape(-1)[:: 1 if output.size <= 1024 else output.size // 256 | 1]


def _finite(numbers: np.ndarray) -> bool:
    # One sum tells of nearly every array that all of it is finite, in a tenth of the time.
    return math.isfinite(numbers.sum()) or bool(np.isfinite(numbers).all())


def cache_of(perception: config.Perception) -> Path | None:
    """Where what is made from models is kept; None: nowhere."""
    if perception.cache is not None:
        return Path(perception.cache).expanduser() if perception.cache else None
    try:
        return config.cache()
    except RuntimeError:  # no home
        return None


def _as_said(file: ModelFile, entry: Entry, path: Path) -> ModelFile:
    """The file, sizes that it leaves open as the zoo says them. Raises ModelError if it is another."""
    for what, said, found in (
        ("inputs", entry.inputs, file.inputs),
        ("outputs", entry.outputs, file.outputs),
    ):
        if list(said) != list(found):
            raise ModelError(f"{path}: its {what} are {', '.join(found)}; the zoo says {', '.join(said)}")
    inputs = {}
    for name, (shape, dtype) in file.inputs.items():
        said_shape = entry.inputs[name]
        if not fits(shape, said_shape):
            raise ModelError(f"{path}: its input {name} has the size {shape}; the zoo says {said_shape}")
        if dtype not in (np.float32, np.uint8):
            raise ModelError(
                f"{path}: its input {name} is {dtype}; networks are fed float32 or uint8: export it again"
            )
        inputs[name] = Tensor(tuple(a or b for a, b in zip(shape, said_shape, strict=True)), dtype)
    return msgspec.structs.replace(file, inputs=inputs)


def fits(found: tuple[int, ...], said: tuple[int, ...]) -> bool:
    """Whether a size is as said; 0 is any size."""
    return len(found) == len(said) and all(a == b or not a or not b for a, b in zip(found, said, strict=True))


def _warm_up(session: Session, entry: Entry | None, path: Path) -> None:
    """Run it once, and hold what it gives against what the zoo says."""
    if not all(size for shape, _ in session.inputs.values() for size in shape):
        return  # what it will be fed is not known yet
    in_time = threading.Timer(WARM_UP_LIMIT_S, session.stop)
    in_time.start()
    try:
        outputs = session.run(
            {name: np.zeros(shape, dtype) for name, (shape, dtype) in session.inputs.items()}
        )
    finally:
        in_time.cancel()
    if entry is None:
        return
    for output, (name, said) in zip(outputs, entry.outputs.items(), strict=True):
        if output.dtype.kind == "f" and not _finite(output):
            raise ModelError(f"{path}: of a black picture its output {name} has values that are no numbers")
        if not fits(output.shape, said):
            raise ModelError(f"{path}: its output {name} has the size {output.shape}; the zoo says {said}")


# ---------------------------------------------------------------- memory

_lock = threading.Lock()
_opening = 0
_limits_before = (-1, -1)


@contextlib.contextmanager
def _bounded_memory(perception: config.Perception) -> Iterator[None]:
    """While a model is opened and first run this process may have half of the machine's memory: a file that
    wants more is refused, where the system would end the process and perhaps others."""
    global _opening, _limits_before
    if sys.platform != "linux" or any("CPU" not in provider for provider in perception.providers):
        yield  # those of graphics cards map far more than they use
        return
    import resource

    with _lock:
        _opening += 1
        if _opening == 1:
            _limits_before = resource.getrlimit(resource.RLIMIT_DATA)
            half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
            limits = [half, *(limit for limit in _limits_before if limit >= 0)]
            resource.setrlimit(resource.RLIMIT_DATA, (min(limits), _limits_before[1]))
    try:
        yield
    finally:
        with _lock:
            _opening -= 1
            if not _opening:
                resource.setrlimit(resource.RLIMIT_DATA, _limits_before)
