"""ONNX Runtime: a model file becomes something that runs, and says on what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from edge import clock, config
from edge.vision.adapters import Tensor
from edge.vision.zoo import ModelError

CPU = "CPUExecutionProvider"


class Session:
    """An open model. providers_used: in the order in which ONNX Runtime asks them; notes: fall-backs.

    began_ns, ended_ns, run_ns: when the first run since `start_timing` began, when the last one ended, and
    how long all of them together took.
    """

    def __init__(self, path: Path, perception: config.Perception) -> None:
        """Raises ModelError. The order of perception.providers is tried; the CPU is always the last."""
        # Imported here: it costs 0.1 s, which only those who run a model should pay.
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        available = onnxruntime.get_available_providers()
        asked = [provider for provider in perception.providers if provider != CPU]
        chosen = [provider for provider in asked if provider in available]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.inter_op_num_threads = 1
        options.intra_op_num_threads = perception.threads
        # Threads that spin between runs take the cores from the loop and from the other camera.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=[*chosen, CPU])
        except (
            state.Fail,
            state.InvalidArgument,
            state.InvalidGraph,
            state.InvalidProtobuf,
            state.NoModel,
            state.NoSuchFile,
            state.NotImplemented,
            state.RuntimeException,
            RuntimeError,
        ) as error:
            reason = str(error).splitlines()[0][:300]
            raise ModelError(
                f"{path}: not a model that onnxruntime {onnxruntime.__version__} can load: {reason}; "
                f"check it with: icv models check"
            ) from None
        self.providers_used: tuple[str, ...] = tuple(self._session.get_providers())
        self.inputs = {node.name: _tensor(node) for node in self._session.get_inputs()}
        self.outputs = {node.name: _tensor(node) for node in self._session.get_outputs()}
        self.notes = tuple(_fall_backs(asked, available, self.providers_used))
        self.start_timing()

    def start_timing(self) -> None:
        """Forget the times of earlier runs."""
        self.began_ns = 0
        self.ended_ns = 0
        self.run_ns = 0

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """All outputs, in the model's order."""
        began_ns = clock.now_ns()
        outputs: list[np.ndarray] = self._session.run(None, feed)
        self.ended_ns = clock.now_ns()
        self.began_ns = self.began_ns or began_ns
        self.run_ns += self.ended_ns - began_ns
        return outputs


def open_session(path: Path, perception: config.Perception) -> Session:
    """A model file, ready to run as `perception` says. Raises ModelError."""
    return Session(path, perception)


def _tensor(node: Any) -> Tensor:
    kind = node.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else 0 for size in node.shape)
    return Tensor(shape, np.dtype({"float": "float32", "double": "float64"}.get(kind, kind)))


def _fall_backs(asked: list[str], available: list[str], used: tuple[str, ...]) -> list[str]:
    notes = []
    for provider in asked:
        if provider not in available:
            notes.append(
                f"{provider} was asked for, but this onnxruntime has only {', '.join(available)}; "
                f"really used: {', '.join(used)}"
            )
        elif provider not in used:
            notes.append(f"{provider} was asked for, but did not start; really used: {', '.join(used)}")
    return notes
