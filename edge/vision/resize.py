"""A network for pictures of another size, made from one that works by convolutions alone.

A square network spends two fifths of its time on the grey beside a wide picture.
"""

from __future__ import annotations

from edge.vision.zoo import Entry, ModelError


def resized(model: bytes, entry: Entry) -> bytes:
    """The same network with the inputs and outputs of `entry`. Needs the package onnx.

    Raises ModelError where that is not here. That the network can take the size, and gives what the entry
    says, is found out when it is opened.
    """
    try:
        import onnx
    except ImportError:
        raise ModelError(
            f"{entry.file} is made from {entry.made_from} by the package onnx: pip install 'icv-edge[models]'"
        ) from None
    parsed = onnx.load_model_from_string(model)
    for nodes, wanted in ((parsed.graph.input, entry.inputs), (parsed.graph.output, entry.outputs)):
        for node in nodes:
            for axis, size in zip(node.type.tensor_type.shape.dim, wanted.get(node.name, ()), strict=False):
                axis.dim_value = size
    parsed.graph.ClearField("value_info")  # sizes between, which are others now
    made: bytes = parsed.SerializeToString(deterministic=True)
    return made
