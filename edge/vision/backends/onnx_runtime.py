"""ONNX Runtime: providers in the order of the config, and a cache of optimised networks for the processor."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.vision import kept
from edge.vision.adapters import Tensor
from edge.vision.backends import Engine, Network, reason
from edge.vision.zoo import ModelError

CPU = "CPUExecutionProvider"
MAX_CONSTANT_BYTES = 1 << 26  # that the optimiser may compute beforehand
WHEELS = (
    "onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino", "onnxruntime-directml", "onnxruntime-qnn",
    "onnxruntime-cann", "onnxruntime-migraphx", "onnxruntime-rocm", "onnxruntime-training",
)  # fmt: skip
"""All of them bring the same files: two of them at once are a mixture of both."""

TYPES = {"float": "float32", "double": "float64"}


def errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises for trouble of a network."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    return (
        state.Fail,
        state.InvalidArgument,
        state.InvalidGraph,
        state.InvalidProtobuf,
        state.NoModel,
        state.NoSuchFile,
        state.NotImplemented,
        state.RuntimeException,
        state.EPFail,
        RuntimeError,
        UnicodeDecodeError,  # of an error that quotes a damaged name
    )


def open_engine(network: Network) -> Engine:
    """Raises ModelError. Providers that do not start are left out, and that is a note."""
    # Imported here: it costs 0.1 s, which only those who run a model should pay.
    import onnxruntime

    wrong = errors()
    not_started: tuple[type[Exception], ...] = (*wrong, ValueError)
    settings = network.settings
    available = onnxruntime.get_available_providers()
    asked = [provider for provider in settings.providers if provider != CPU]
    chosen = [provider for provider in asked if provider in available]
    reasons: dict[str, str] = {}
    notes = list(_mixtures())
    session = None
    while chosen and session is None:
        listed = [(name, _options(name, network)) for name in chosen]
        try:
            session = _session(network.content, _session_options(network), [*listed, CPU])
        except not_started as error:
            reasons[chosen.pop(0)] = reason(error)
    if session is None:
        try:
            session, kept_note = _on_the_processor(network, wrong)
        except wrong as error:
            raise ModelError(
                f"{network.where}: not a model that onnxruntime {onnxruntime.__version__} can load: "
                f"{reason(error)} ({network.file}); {_advice(str(error))}"
            ) from None
        notes += kept_note
    used = tuple(session.get_providers())
    notes += _fall_backs(asked, available, used, reasons)
    notes += _placement(session, used)
    return Engine(
        {node.name: _fed(_tensor(node), network.file.inputs[node.name]) for node in session.get_inputs()},
        {node.name: _tensor(node) for node in session.get_outputs()},
        *_run_and_stop(session),
        wrong,
        used,
        tuple(notes),
    )


def _fed(found: Tensor, said: Tensor) -> Tensor:
    """With the sizes that will be fed."""
    return Tensor(tuple(a or b for a, b in zip(found.shape, said.shape, strict=True)), found.dtype)


def _run_and_stop(
    session: Any,
) -> tuple[Callable[[dict[str, np.ndarray]], list[np.ndarray]], Callable[[], None]]:
    import onnxruntime

    options = onnxruntime.RunOptions()

    def run(feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        outputs: list[np.ndarray] = session.run(None, feed, options)
        return outputs

    def stop() -> None:
        options.terminate = True

    return run, stop


def _session(content: bytes, options: Any, providers: list[Any]) -> Any:
    import onnxruntime

    # Its own fall-back prints and hides the reason; it runs again what just failed, too.
    return onnxruntime.InferenceSession(content, options, providers=providers, enable_fallback=False)


def _session_options(network: Network) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what is fatal is raised as well
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = network.threads
    # Threads that spin between runs take the cores from the loop and from the other camera.
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "1" if network.settings.spinning else "0"
    )
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(MAX_CONSTANT_BYTES)
    )
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    for name, (shape, _) in network.file.inputs.items():
        for label, size in zip(network.file.free[name], shape, strict=True):
            if label and size:
                options.add_free_dimension_override_by_name(label, size)
    return options


def _on_the_processor(network: Network, wrong: tuple[type[Exception], ...]) -> tuple[Any, list[str]]:
    """A session on the CPU: from what is kept, or optimised now and kept."""
    import onnxruntime

    levels = onnxruntime.GraphOptimizationLevel
    if network.cache is None:
        return _session(network.content, _session_options(network), [CPU]), []
    name = kept.key(
        hashlib.sha256(network.content).hexdigest(),
        onnxruntime.__version__,
        [list(shape) for shape, _ in network.file.inputs.values()],
        1,
    )
    place = network.cache / "onnxruntime" / name
    content = kept.load(place)
    if content is not None:
        options = _session_options(network)
        # The layout of this processor is in the file already; what ONNX Runtime would do again takes longest.
        options.graph_optimization_level = levels.ORT_DISABLE_ALL
        try:
            return _session(content, options, [CPU]), []
        except wrong:
            kept.remove(place)
    trouble = ""
    with kept.part(place) as part:
        if isinstance(part, Path):
            options = _session_options(network)
            options.optimized_model_filepath = str(part)
            try:
                session = _session(network.content, options, [CPU])
                trouble = kept.save(place, part)
            except wrong as error:
                session, trouble = None, reason(error)
        else:
            session, trouble = None, part
    if session is None:
        session = _session(network.content, _session_options(network), [CPU])
    if trouble and trouble not in _said:
        _said.add(trouble)
        return session, [f"what is made from models cannot be kept ({trouble}): starts take longer"]
    return session, []


_said: set[str] = set()
"""Troubles of the cache, each said once in a process."""


def _options(provider: str, network: Network) -> dict[str, str]:
    """Ours: what makes the second start quick, and the precision of the config. The user's go before them."""
    settings, exact = network.settings, network.settings.precision == "f32"
    half = "1" if settings.precision == "f16" else "0"
    ours: dict[str, str] = {}
    folder = str(network.cache / provider) if network.cache else None
    if provider == "TensorrtExecutionProvider":
        ours = {"trt_fp16_enable": half}
        if folder:
            ours |= {
                "trt_engine_cache_enable": "1", "trt_engine_cache_path": folder,
                "trt_timing_cache_enable": "1", "trt_timing_cache_path": folder,
            }  # fmt: skip
    elif provider == "CUDAExecutionProvider":
        ours = {"use_tf32": "0" if exact else "1"}
    elif provider == "OpenVINOExecutionProvider":
        ours = {"precision": {"f32": "FP32", "f16": "FP16", "bf16": "FP16"}[settings.precision]}
        if folder:
            ours["cache_dir"] = folder
    elif provider == "CoreMLExecutionProvider":
        ours = {"ModelFormat": "MLProgram", "AllowLowPrecisionAccumulationOnGPU": "0" if exact else "1"}
        if folder:
            ours["ModelCacheDirectory"] = folder
    elif provider == "XnnpackExecutionProvider":
        ours = {"intra_op_num_threads": str(network.threads)}
    elif provider == "ACLExecutionProvider":
        ours = {"enable_fast_math": "false" if exact else "true"}
    if folder and folder in ours.values():
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            ours = {name: value for name, value in ours.items() if value != folder and "_cache_" not in name}
    said = settings.options.get(provider, {})
    return ours | {name: str(value) for name, value in said.items()}


def _mixtures() -> list[str]:
    """Of wheels that overwrite each other's files, as their own notes beside the package tell."""
    import onnxruntime

    found = sorted(
        note.stem.split("-")[0] for note in _notes_of_wheels(Path(onnxruntime.__file__).parents[1])
    )
    if len(found) < 2:
        return []
    names = [name.replace("_", "-") for name in found]
    return [
        f"{' and '.join(names)} are installed together and overwrite each other's files: "
        f"pip uninstall {' '.join(names)}, then install the one that is wanted"
    ]


def _notes_of_wheels(packages: Path) -> list[Path]:
    # importlib.metadata would say the same and costs 20 ms of the start.
    return [
        note
        for note in packages.glob("onnxruntime*.*-info")
        if note.name.partition("-")[0].replace("_", "-").lower() in WHEELS
    ]


def _fall_backs(
    asked: list[str], available: list[str], used: tuple[str, ...], reasons: dict[str, str]
) -> list[str]:
    notes = []
    really = f"really used: {', '.join(used)}"
    for provider in asked:
        if provider not in available:
            notes.append(
                f"{provider} was asked for, but this onnxruntime has only {', '.join(available)}; {really}"
            )
        elif provider in reasons:
            notes.append(f"{provider} was asked for, but did not start: {reasons[provider]}; {really}")
        elif provider not in used:
            notes.append(
                f"{provider} was asked for, but did not start: its device or its libraries are missing, or "
                f"of another version; what ONNX Runtime says of it is on the error output; {really}"
            )
    return notes


def _placement(session: Any, used: tuple[str, ...]) -> list[str]:
    """How much runs on the processor after all, where ONNX Runtime (from 1.24) can say."""
    if used == (CPU,) or not hasattr(session, "get_provider_graph_assignment_info"):
        return []
    counts: dict[str, int] = {}
    for part in session.get_provider_graph_assignment_info():
        counts[part.ep_name] = counts.get(part.ep_name, 0) + len(part.get_nodes())
    if not counts.get(CPU):
        return []
    return [f"{counts[CPU]} of {sum(counts.values())} operators run on the processor, not on {used[0]}"]


def _tensor(node: Any) -> Tensor:
    kind = node.type.removeprefix("tensor(").removesuffix(")")
    shape = tuple(size if isinstance(size, int) else 0 for size in node.shape)
    return Tensor(shape, np.dtype(TYPES.get(kind, kind)))


def _advice(reason: str) -> str:
    if "opset" in reason or "IR version" in reason:
        return "export it with an older opset (17 runs everywhere), or install a newer onnxruntime"
    if "not a registered function/op" in reason or "No Op registered" in reason:
        return "export it with standard operators alone"
    if "NOT_IMPLEMENTED" in reason:
        return "its operators or types are not made for this processor: export it with float32, opset 17"
    if "allocate" in reason or "bad_alloc" in reason:
        return "it wants more memory than it may have here: use a smaller one"
    return "check it with: icv models check"
