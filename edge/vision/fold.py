"""A network that takes the bytes of a picture, made from one that takes numbers.

Published networks want float planes: scaled, moved, often red first. All that is linear, so it can go into
the weights of their first convolution, and what is left to do for each picture is to resize it. The numbers
are those of the model's entry in the zoo. The result is accepted only if it gives what the original gives.
"""

from __future__ import annotations

import contextlib
import hashlib
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from edge.vision import kept
from edge.vision.backends import onnx_runtime, reason
from edge.vision.fold_graph import Graph, fold_input
from edge.vision.zoo import Entry

VERSION = 3  # of what is made
TOLERANCE = 1e-3  # of the largest value of an output: float sums in another order
# Of networks that are not as the entry says, or give what is no array of numbers.
_STRANGE = (ValueError, TypeError, AttributeError, LookupError)


class FoldError(ValueError):
    """A network that is left as it is; the text says why."""


def folded(path: Path, entry: Entry, cache: Path | None) -> bytes | None:
    """What to open in place of a model's own file, made when first asked for and kept in `cache`.

    None: the model is to be opened as it is, since it takes bytes already or for what `why_not` tells.
    """
    if cache is None or not entry.sha256 or not pictures(entry):
        return None
    there = _place(entry, cache)
    content = kept.load(there)
    if content is not None or kept.load(_refusal(there)) is not None:
        return content
    try:
        import onnx  # noqa: F401
    except ImportError:
        return None
    # It takes seconds: not done where each start would do it again.
    with kept.part(there) as part:
        if not isinstance(part, Path):
            return None
        try:
            content = fold(path.read_bytes(), entry)
        except FoldError as error:
            part.write_text(str(error), encoding="utf-8")
            kept.save(_refusal(there), part)
            return None
        except (OSError, MemoryError):  # of this moment, not of the model
            return None
        with contextlib.suppress(OSError):  # a full disk: it is made again next time
            part.write_bytes(content)
            kept.save(there, part)
    return content


def why_not(entry: Entry, cache: Path | None) -> str:
    """What to say of a model that takes numbers although it need not, "" where there is nothing to say."""
    if not pictures(entry):
        return ""
    if cache is None:
        return "fed with numbers: there is no cache to keep a faster form in"
    there = _place(entry, cache)
    if there.exists():
        return ""
    if (reason := kept.load(_refusal(there))) is not None:
        return f"fed with numbers: {reason.decode()}"
    try:
        import onnx  # noqa: F401
    except ImportError:
        return "fed with numbers: its faster form is made by the package onnx: pip install 'icv-edge[models]'"
    with kept.part(there) as part:
        if not isinstance(part, Path):
            return f"fed with numbers: its faster form cannot be kept ({part})"
    return "fed with numbers until it is first used"


def pictures(entry: Entry) -> list[str]:
    """The inputs that take a picture, of a model that is not known to take bytes."""
    if entry.input.startswith("uint8"):
        return []
    return [name for name, shape in entry.inputs.items() if len(shape) == 4 and 3 in (shape[1], shape[3])]


def fold(model: bytes, entry: Entry) -> bytes:
    """A network that takes uint8 (1, H, W, 3), BGR, and gives what `model` gives for pixel * scale + offset.

    Raises FoldError if that cannot be made, or gives something else. Needs the package onnx.
    """
    wrong: tuple[type[Exception], ...] = (*onnx_runtime.errors(), *_STRANGE)
    try:
        graph = Graph(_plain(model))
        names = [name for name in pictures(entry) if name in graph.inputs]
        if not [name for name in names if fold_input(graph, name, entry)]:
            raise FoldError("it takes no picture as numbers")
        result = graph.finish()
        worst = difference(model, result, entry)
    except FoldError:
        raise
    except wrong as error:
        raise FoldError(f"it cannot be held against its original: {reason(error)}") from None
    if not worst <= TOLERANCE:
        raise FoldError(f"folded, its outputs differ by {worst:.2g} of their largest value")
    return result


def difference(model: bytes, other: bytes, entry: Entry, images: list[np.ndarray] | None = None) -> float:
    """How far a folded network is from its original: the largest difference of any output, as a share of the
    largest value there. images: of any size, uint8 BGR, which are stretched; without them two patterns that
    show an error at the border or between channels. NaN where one of them gives what is no number."""
    import cv2

    one, two = _open(model), _open(other)
    taken = {node.name: node for node in one.get_inputs()}
    bytes_of = {node.name for node in two.get_inputs() if node.type == "tensor(uint8)"}
    differences = [0.0]
    rng = np.random.default_rng(0)
    for index in range(len(images) if images else 2):
        first: dict[str, np.ndarray] = {}
        second: dict[str, np.ndarray] = {}
        others: dict[str, np.ndarray] = {}
        for name, node in taken.items():
            shape = _shape_of(node, entry)
            if name not in bytes_of:
                numbers = {"tensor(int64)": np.int64, "tensor(bool)": np.bool_}.get(node.type, np.float32)
                others[name] = rng.uniform(-1, 1, shape).astype(numbers)
                continue
            planes = shape[1] == 3
            height, width = shape[2:] if planes else shape[1:3]
            pixels = (
                cv2.resize(images[index], (width, height)) if images else _pattern(index, height, width, rng)
            )
            second[name] = pixels[None]
            first[name] = textbook(pixels, entry, planes)
        expected = one.run(None, first | others)
        if not all(np.isfinite(array).all() for array in expected):
            # Behind a mask of noise nothing is left of the picture; one of zeros hides nothing.
            others = {name: np.zeros_like(array) for name, array in others.items()}
            expected = one.run(None, first | others)
        for a, b in zip(expected, two.run(None, second | others), strict=True):
            size = float(np.abs(a).max(initial=1e-6))
            differences.append(float(np.abs(a.astype(np.float64) - b).max(initial=0.0)) / size)
    return float(np.max(differences))  # Python's own would pass over NaN


def textbook(pixels: np.ndarray, entry: Entry, planes: bool = True) -> np.ndarray:
    """What the original is fed for uint8 (H, W, 3), BGR, computed as its publishers say it."""
    channels = pixels[:, :, ::-1] if entry.rgb else pixels
    fed = (channels * np.asarray(entry.scale) + np.asarray(entry.offset)).astype(np.float32)
    return np.ascontiguousarray((fed.transpose(2, 0, 1) if planes else fed)[None])


# ---------------------------------------------------------------- sessions


def _plain(model: bytes) -> Any:
    """The model with its constants computed and its batch norms in its convolutions, in standard ONNX."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "plain.onnx"
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(target)
        _open(model, options)
        plain = _parsed(target.read_bytes())
    used = {node.domain for node in plain.graph.node}
    domains = [domain for domain in plain.opset_import if domain.domain in used]
    plain.ClearField("opset_import")
    plain.opset_import.extend(domains)
    return plain


def _parsed(model: bytes) -> Any:
    """Raises FoldError."""
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        parsed = onnx.load_model_from_string(model)
    except DecodeError:
        raise FoldError("it is not an ONNX file") from None
    if any(tensor.external_data for tensor in parsed.graph.initializer):
        raise FoldError("its weights lie in other files")
    return parsed


def _open(model: bytes, options: Any = None) -> Any:
    """A session with one thread. Raises FoldError."""
    import onnxruntime

    options = options or onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=[onnx_runtime.CPU])
    except onnx_runtime.errors() as error:
        raise FoldError(reason(error)) from None


def _shape_of(node: Any, entry: Entry) -> list[int]:
    """The sizes of an input, those that are free from the zoo."""
    told = entry.inputs.get(node.name, ())
    sizes = [size if isinstance(size, int) else 0 for size in node.shape]
    return [size or (told[axis] if axis < len(told) else 0) or 1 for axis, size in enumerate(sizes)]


def _pattern(index: int, height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    if index == 0:  # noise, and a bright border
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        image[:2] = image[-2:] = image[:, :2] = image[:, -2:] = 255
        return image
    rows, columns = np.mgrid[0:height, 0:width]
    waves = (np.sin(rows / 9 + k) + np.cos(columns / 7 - k) for k in range(3))
    return np.stack([127 + 60 * wave for wave in waves], axis=-1).astype(np.uint8)


def _place(entry: Entry, cache: Path) -> Path:
    """Named by all that it was made of; the processor is none of that."""
    said = repr((entry.sha256, entry.scale, entry.offset, entry.rgb, entry.inputs, VERSION))
    name = f"{Path(entry.file).stem}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"
    return cache / "bytes" / name


def _refusal(there: Path) -> Path:
    """Where it is kept why there is none."""
    return there.with_name(f"{there.name}.txt")
