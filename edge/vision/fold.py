"""A network that takes the bytes of a picture, made from one that takes numbers.

Published networks want float planes: scaled, moved, often red first. All that is linear, so it can go into
the weights of their first convolution, and what is left to do for each picture is to resize it. The numbers
are those of the model's entry in the zoo. The result is accepted only if it gives what the original gives.

Scale and order of the channels go into the weights exactly. An offset goes into the bias only where the
convolution adds no border: a border of zeros is in the network's numbers, and there the bias would be wrong.
Elsewhere one addition stays in front of it.
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
from edge.vision.zoo import Entry

VERSION = 3  # of what is made
TOLERANCE = 1e-3  # of the largest value of an output: float sums in another order
# Of networks that are not as the entry says, or give what is no array of numbers.
_STRANGE = (ValueError, TypeError, AttributeError, LookupError)
_ORDER_OF_PLANES = (0, 3, 1, 2)


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
        graph = _Graph(_plain(model))
        names = [name for name in pictures(entry) if name in graph.inputs]
        if not [name for name in names if _fold_input(graph, name, entry)]:
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


# ---------------------------------------------------------------- the graph


class _Graph:
    """A graph under change. inputs: without what is constant; constants by name."""

    def __init__(self, model: Any) -> None:
        from onnx import numpy_helper

        self.model = model
        self.nodes: list[Any] = list(model.graph.node)
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        self.inputs = {node.name: node for node in model.graph.input if node.name not in self.constants}
        self.results = {node.name for node in model.graph.output}
        self._begin: list[Any] = []
        self._count = 0

    def readers(self, name: str) -> list[Any]:
        """The nodes that take a tensor."""
        return [node for node in self.nodes if name in node.input]

    def constant(self, value: np.ndarray) -> str:
        """A new one; returns its name."""
        name = self._name()
        self.constants[name] = value
        return name

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node in front of all there are; returns the name of its output."""
        from onnx import helper

        name = self._name()
        self._begin.append(helper.make_node(kind, inputs, [name], **attributes))
        return name

    def feed_bytes(self, name: str, shape: list[int]) -> None:
        """Make an input uint8."""
        from onnx import TensorProto, helper

        sizes = [size or None for size in shape]
        self.inputs[name].CopyFrom(helper.make_tensor_value_info(name, TensorProto.UINT8, sizes))

    def remove(self, node: Any) -> None:
        """Take a node out."""
        self.nodes.remove(node)

    def redirect(self, old: str, new: str) -> None:
        """Whoever took `old` takes `new`, other than the nodes that were added."""
        for node in self.nodes:
            for index, name in enumerate(node.input):
                if name == old:
                    node.input[index] = new

    def finish(self) -> bytes:
        """The model, without what nobody needs any more."""
        from onnx import numpy_helper

        graph = self.model.graph
        nodes = [*self._begin, *self.nodes]
        needed, kept = set(self.results), []
        for node in reversed(nodes):  # they stand in the order in which they run
            if needed & set(node.output):
                kept.append(node)
                needed |= set(node.input)
        graph.ClearField("node")
        graph.node.extend(reversed(kept))
        graph.ClearField("initializer")
        graph.initializer.extend(
            numpy_helper.from_array(np.asarray(value, order="C"), name)
            for name, value in self.constants.items()
            if name in needed
        )
        graph.ClearField("value_info")  # what was said of tensors that are others now
        result: bytes = self.model.SerializeToString()
        return result

    def _name(self) -> str:
        self._count += 1
        return f"icv/{self._count}"


def _fold_input(graph: _Graph, name: str, entry: Entry) -> bool:
    """Make one input take bytes. False where it does not take a picture as floats."""
    from onnx import TensorProto

    kind = graph.inputs[name].type.tensor_type
    shape = [size.dim_value for size in kind.shape.dim]
    if kind.elem_type != TensorProto.FLOAT or len(shape) != 4 or 3 not in (shape[1], shape[3]):
        return False
    planes = shape[1] == 3
    said = entry.inputs[name]
    shape = [size or told for size, told in zip(shape, said, strict=True)]
    scale = np.broadcast_to(np.asarray(entry.scale, np.float64), 3).copy()
    offset = np.broadcast_to(np.asarray(entry.offset, np.float64), 3).copy()
    order = [2, 1, 0] if entry.rgb else [0, 1, 2]  # of the pixel's channels, as the network has them

    readers, follow = graph.readers(name), name
    graph.feed_bytes(name, [shape[0], shape[2], shape[3], 3] if planes else shape)
    if not planes:
        if len(readers) != 1 or tuple(_attribute(readers[0], "perm", ())) != _ORDER_OF_PLANES:
            begin = graph.add("Cast", name, to=TensorProto.FLOAT)
            graph.redirect(follow, _in_numbers(graph, begin, scale, offset, order, -1))
            return True
        follow = readers[0].output[0]
        graph.remove(readers[0])
    # The axes are turned while there is a quarter of the memory to move.
    begin = graph.add("Cast", graph.add("Transpose", name, perm=_ORDER_OF_PLANES), to=TensorProto.FLOAT)

    path: list[Any] = []  # what the picture goes through unchanged in all but its sizes
    channels = [(0, 0, channel) for channel in range(3)]  # row and column in a block of px, channel
    block, at = 1, follow
    while True:
        readers = [node for node in graph.readers(at) if node.op_type != "Shape"]
        if len(readers) != 1 or at in graph.results:
            break
        (node,) = readers
        values = _by_channel(graph, node, at) if block == 1 else None
        if values is not None:
            scale, offset = _then(node, values, at, scale, offset)
            graph.remove(node)
            graph.redirect(node.output[0], at)
        elif node.op_type == "Pad" and block == 1 and _attribute(node, "mode", b"constant") != b"constant":
            path.append(node)
            at = node.output[0]
        elif node.op_type == "SpaceToDepth" and block == 1 and not path:
            block = _attribute(node, "blocksize", 1)
            path.append(node)
            at = node.output[0]
            channels = [(r, c, k) for r in range(block) for c in range(block) for k in range(3)]
        elif node.op_type == "Gather" and block > 1 and _attribute(node, "axis", 0) == 1:
            picked = graph.constants.get(node.input[1])
            if picked is None or picked.ndim != 1:
                break
            channels = [channels[index] for index in picked.tolist()]
            path.append(node)
            at = node.output[0]
        else:
            break
    readers = [node for node in graph.readers(at) if node.op_type != "Shape"]
    convolution = readers[0] if len(readers) == 1 and readers[0].op_type == "Conv" else None
    if convolution is None or not scale.all() or not _can_take(graph, convolution, block):
        graph.redirect(follow, _in_numbers(graph, begin, scale, offset, order, 1))
        return True
    weights = graph.constants[convolution.input[1]].astype(np.float64)
    if block > 1:
        weights = _spread(weights, channels, block)
        _widen(convolution, weights.shape[2:], block)
        for node in path:
            graph.remove(node)
        convolution.input[0] = follow
    if offset.any() and not _adds_no_border(convolution):
        before = np.empty(3)
        before[order] = offset / scale
        begin = graph.add("Add", begin, graph.constant(before.astype(np.float32).reshape(1, 3, 1, 1)))
    elif offset.any():
        bias = weights.sum(axis=(2, 3)) @ offset
        if len(convolution.input) > 2:
            bias += graph.constants[convolution.input[2]]
            del convolution.input[2]
        convolution.input.append(graph.constant(bias.astype(np.float32)))
    by_pixel = np.empty_like(weights)
    by_pixel[:, order] = weights * scale[:, None, None]
    convolution.input[1] = graph.constant(by_pixel.astype(np.float32))
    graph.redirect(follow, begin)
    return True


def _in_numbers(
    graph: _Graph, begin: str, scale: np.ndarray, offset: np.ndarray, order: list[int], axis: int
) -> str:
    """Nodes that do in the graph what could not be folded; axis: of the channels, 1 or -1."""
    along = (1, 3, 1, 1) if axis == 1 else (3,)
    if order != [0, 1, 2]:
        begin = graph.add("Gather", begin, graph.constant(np.array(order, np.int64)), axis=axis)
    if (scale != 1).any():
        begin = graph.add("Mul", begin, graph.constant(scale.astype(np.float32).reshape(along)))
    if offset.any():
        begin = graph.add("Add", begin, graph.constant(offset.astype(np.float32).reshape(along)))
    return begin


def _by_channel(graph: _Graph, node: Any, taken: str) -> np.ndarray | None:
    """The constant that a node adds or multiplies, one value for each of 3 channels."""
    if node.op_type not in ("Mul", "Add", "Sub", "Div") or list(node.input).count(taken) != 1:
        return None
    (other,) = (name for name in node.input if name != taken)
    values = graph.constants.get(other)
    if values is None or values.size not in (1, 3) or (values.size == 3 and values.shape[-3:] != (3, 1, 1)):
        return None
    if values.ndim > 4 or (node.op_type in ("Sub", "Div") and node.input[0] != taken):
        return None
    return np.broadcast_to(values.reshape(-1).astype(np.float64), 3)


def _then(
    node: Any, values: np.ndarray, taken: str, scale: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Scale and offset with one more step done after them."""
    if node.op_type == "Mul":
        return scale * values, offset * values
    if node.op_type == "Div":
        return scale / values, offset / values
    return scale, offset + values if node.op_type == "Add" else offset - values


def _can_take(graph: _Graph, node: Any, block: int) -> bool:
    """Whether scale and order can go into this convolution, and blocks of px into its steps."""
    weights = graph.constants.get(node.input[1])
    bias_known = len(node.input) < 3 or node.input[2] in graph.constants
    if weights is None or weights.ndim != 4 or _attribute(node, "group", 1) != 1 or not bias_known:
        return False
    if _attribute(node, "auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        return False
    plain = all(n == 1 for key in ("strides", "dilations") for n in _attribute(node, key, ()))
    return weights.shape[1] == 3 * block * block and (block == 1 or plain)


def _adds_no_border(node: Any) -> bool:
    return not any(_attribute(node, "pads", ()))


def _spread(weights: np.ndarray, channels: list[tuple[int, int, int]], block: int) -> np.ndarray:
    """Weights over blocks of px laid out as channels -> weights over the px themselves."""
    outputs, _, height, width = weights.shape
    wide = np.zeros((outputs, 3, height * block, width * block))
    for index, (row, column, channel) in enumerate(channels):
        wide[:, channel, row::block, column::block] += weights[:, index]
    return wide


def _widen(node: Any, kernel: tuple[int, ...], block: int) -> None:
    """Let a convolution go over px where it went over blocks of them."""
    from onnx import helper

    pads = [pad * block for pad in _attribute(node, "pads", (0, 0, 0, 0))]
    kept = [a for a in node.attribute if a.name not in ("kernel_shape", "strides", "pads", "auto_pad")]
    node.ClearField("attribute")
    node.attribute.extend(kept)
    for key, value in (("kernel_shape", kernel), ("strides", (block, block)), ("pads", pads)):
        node.attribute.append(helper.make_attribute(key, [int(n) for n in value]))


def _attribute(node: Any, key: str, default: Any) -> Any:
    from onnx import helper

    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == key), default)


# ---------------------------------------------------------------- files and sessions


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
