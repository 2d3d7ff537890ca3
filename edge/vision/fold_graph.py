"""A graph of ONNX whose input is made to take the bytes of a picture. Needs the package onnx.

Scale and order of the channels go into the weights exactly. An offset goes into the bias only where the
convolution adds no border: a border of zeros is in the network's numbers, and there the bias would be wrong.
Elsewhere one addition stays in front of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.vision.zoo import Entry

_ORDER_OF_PLANES = (0, 3, 1, 2)


class Graph:
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


def fold_input(graph: Graph, name: str, entry: Entry) -> bool:
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
    graph: Graph, begin: str, scale: np.ndarray, offset: np.ndarray, order: list[int], axis: int
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


def _by_channel(graph: Graph, node: Any, taken: str) -> np.ndarray | None:
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


def _can_take(graph: Graph, node: Any, block: int) -> bool:
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
