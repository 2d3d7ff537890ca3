"""OpenVINO: as exact as ONNX Runtime; faster where less precision is enough and the processor has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from edge.vision.adapters import Tensor
from edge.vision.backends import Engine, Network, reason
from edge.vision.zoo import ModelError


def open_engine(network: Network) -> Engine:
    """Raises ModelError. [perception.options.openvino] holds `device` and OpenVINO's properties."""
    try:
        import openvino
    except ImportError as error:
        raise ModelError(
            f'backend = "openvino": {error}; install it with: pip install openvino, '
            f'or say backend = "onnxruntime"'
        ) from None
    properties: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": network.threads,
        # Its own choice where the processor can is bf16, and that is not what the network was measured with.
        "INFERENCE_PRECISION_HINT": network.settings.precision,
        # The loop and the other camera share these processors: the system knows better who goes where.
        "ENABLE_CPU_PINNING": False,
    } | network.settings.options.get("openvino", {})
    device = str(properties.pop("device", "CPU"))
    if device != "CPU":
        for of_processors in ("INFERENCE_NUM_THREADS", "ENABLE_CPU_PINNING"):
            properties.pop(of_processors)
    try:
        core = openvino.Core()
        model = core.read_model(network.content)
        if model.is_dynamic():
            model.reshape({name: _sizes(shape) for name, (shape, _) in network.file.inputs.items()})
        compiled = core.compile_model(model, device, properties)
        request = compiled.create_infer_request()
        used = tuple(f"OpenVINO {name}" for name in compiled.get_property("EXECUTION_DEVICES"))
    except RuntimeError as error:
        raise ModelError(
            f"{network.where}: not a model that openvino {openvino.__version__} can load: {reason(error)} "
            f'({network.file}); say backend = "onnxruntime", or export it with opset 17'
        ) from None

    def run(feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        # Asynchronous, so that `stop` can end it.
        request.start_async(feed, share_inputs=True)
        request.wait()
        return [np.array(tensor.data) for tensor in request.output_tensors]

    return Engine(
        {name: Tensor(_fixed(port), port.element_type.to_dtype()) for name, port in _named(compiled.inputs)},
        {
            name: Tensor(_fixed(port), port.element_type.to_dtype())
            for name, port in zip(network.file.outputs, compiled.outputs, strict=True)
        },
        run,
        request.cancel,
        (RuntimeError,),
        used,
        (),
    )


def _sizes(shape: tuple[int, ...]) -> list[int]:
    return [size or -1 for size in shape]


def _named(ports: list[Any]) -> list[tuple[str, Any]]:
    return [(port.get_any_name(), port) for port in ports]


def _fixed(port: Any) -> tuple[int, ...]:
    shape = port.get_partial_shape()
    return tuple(size.get_length() if size.is_static else 0 for size in shape) if shape.rank.is_static else ()
