"""What runs a network: one file per runtime, each with `open_engine`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge import config
from edge.vision.adapters import Tensor
from edge.vision.model_file import ModelFile


class Network(NamedTuple):
    """A judged model file on its way into a runtime.

    content: ONNX; where: for messages; file: what it says of itself, its open sizes as they will be fed where
    that is known; threads: for its run; cache: a directory for what is made from models, None: none.
    """

    content: bytes
    where: Path
    file: ModelFile
    threads: int
    settings: config.Perception
    cache: Path | None


class Engine(NamedTuple):
    """An open network.

    run: all outputs in the model's order, for inputs by name; stop: makes a run that is under way in another
    thread, and all later ones, end with an error; errors: what it raises for trouble of a network; used: what
    really runs it; notes: what a person should know.
    """

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    run: Callable[[dict[str, np.ndarray]], list[np.ndarray]]
    stop: Callable[[], None]
    errors: tuple[type[Exception], ...]
    used: tuple[str, ...]
    notes: tuple[str, ...]


def reason(error: Exception) -> str:
    """What a runtime says is wrong, in one line, without the place in its source."""
    if isinstance(error, UnicodeDecodeError):
        return "a name in it is no text; the file is damaged: fetch it again"
    lines = str(error).splitlines() or [type(error).__name__]
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : (\w+) : ", r"\1: ", " ".join(lines))
    text = re.sub(r"Exception from src/\S+ |Check '.*?' failed at src/\S+ ", "", text)
    return re.sub(r"/\S*onnxruntime/\S+:\d+ .*?\)(?: const)?(?: \[[^]]*\])? (?=\S)", "", text)[:300].strip()
