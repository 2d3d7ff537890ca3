"""A network with bytes inside: smaller and faster, and only if it still sees what it saw.

Static quantisation (ONNX Runtime, QDQ) with ranges measured on real pictures. Weights are signed bytes with a
scale for each channel; what flows between layers is unsigned on x86, where signed bytes are twice as slow,
and signed on ARM. The result is held against the float network on pictures that it was not measured on, and
refused if it loses more than MAX_LOSS: there is no other reason to believe it.

Needs the package onnx. Raises ModelError for all that a person can set right.
"""

from __future__ import annotations

import hashlib
import json
import platform
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np

from edge import clock, config
from edge.messages import Detections
from edge.vision import fold
from edge.vision.adapters import Seen
from edge.vision.adapters.detections import GROUPS
from edge.vision.perceive import load
from edge.vision.picture import Picture
from edge.vision.zoo import Entry, ModelError, Zoo

MAX_LOSS = 0.03  # of what the float network finds: F1 of its boxes at IoU 0.5, IoU of its maps
MAX_TIME = 1.0  # of the float network's
SURE = 0.1  # above the threshold of a score: what is nearer to it comes and goes with any change
MIN_AREA = 0.001  # of all px: a class that is rarer there is not judged
MIN_PICTURES = 20
CALIBRATION = 48  # pictures at most; as many again to compare on
OPSET = 13  # the first that has a scale for each channel
RUNS = 20  # of each network, by turns, for the time they take
KINDS = (".jpg", ".jpeg", ".png", ".bmp")


class Quantised(msgspec.Struct, frozen=True):
    """A network that was accepted. agreement: of boxes (F1 at IoU 0.5) and of maps (IoU) with what the float
    network finds, 0 to 1, None where neither finds any; speed: its time of the float network's."""

    name: str
    zoo: Path
    boxes: float | None
    maps: float | None
    speed: float
    pictures: int


def quantise(
    name: str, pictures: Path, to: Path, models: str | None = None, zoo: Zoo | None = None
) -> Quantised:
    """Quantise a model of the zoo on the pictures of a folder; models: the directory of downloaded models.

    Writes to/NAME-int8.onnx and to/NAME-int8.toml, a zoo with this one entry, for [perception] zoo of a rig.
    Raises ModelError: also if the result loses too much, in which case nothing is written.
    """
    zoo = zoo or Zoo()
    entry = zoo.entry(name)
    if len(entry.inputs) != 1:
        raise ModelError(f"model {name}: only networks with one input, a picture, can be quantised")
    content = zoo.locate(name, models).read_bytes()
    paths = sorted(p for p in pictures.rglob("*") if p.suffix.lower() in KINDS)
    if len(paths) < MIN_PICTURES:
        raise ModelError(
            f"{pictures}: {len(paths)} pictures; at least {MIN_PICTURES} are needed, of what it will see"
        )
    step = max(1, len(paths) // (2 * CALIBRATION))
    chosen = [path for path in paths[::step][: 2 * CALIBRATION] if cv2.haveImageReader(str(path))]
    if len(chosen) < MIN_PICTURES:
        raise ModelError(f"{pictures}: most files that are named like pictures are none")
    try:
        source = fold.fold(content, entry) if fold.pictures(entry) else content
        smaller = None
        losses = []
        for keep_ends in (False, True):  # the layers that give the results are the most sensitive
            made = _quantised(source, _Feed(entry, source, chosen[::2]), keep_ends)
            result, said = _compare(name, zoo, models, made, to, chosen[1::2])
            shares = [share for share in (result.boxes, result.maps) if share is not None]
            if not shares:
                raise ModelError(
                    f"model {name}: refused. It finds neither boxes nor maps in these pictures, so that "
                    f"nobody can tell what it would lose; give others, of what it looks for"
                )
            loss = 1 - min(shares)
            if loss <= MAX_LOSS and result.speed <= MAX_TIME:
                smaller = made
                break
            losses.append(f"{loss:.1%} ({_figures(result.boxes, result.maps)})")
    except fold.FoldError as error:
        raise ModelError(f"model {name}: {error}") from None
    except ImportError as error:
        raise ModelError(
            f"quantising needs the package onnx: pip install 'icv-edge[models]' ({error})"
        ) from None
    if smaller is None:
        raise ModelError(
            f"model {name}: refused. With bytes inside it loses {' or '.join(losses)} of what it found "
            f"({MAX_LOSS:.0%} are allowed), at {result.speed:.2f} times its time"
        )
    try:
        to.mkdir(parents=True, exist_ok=True)
        (to / said.file).write_bytes(smaller)
        result.zoo.write_text(_toml(result.name, said), encoding="utf-8")
    except OSError as error:
        raise ModelError(f"{to}: cannot be written to: {error.strerror}") from None
    return result


# ---------------------------------------------------------------- making


class _Feed:
    """Pictures as the quantiser asks for them: one feed after another, then None."""

    def __init__(self, entry: Entry, model: bytes, paths: Sequence[Path]) -> None:
        import onnx

        graph = onnx.load_model_from_string(model).graph
        constants = {tensor.name for tensor in graph.initializer}
        (node,) = (node for node in graph.input if node.name not in constants)
        self._name = node.name
        sizes = [size.dim_value for size in node.type.tensor_type.shape.dim]
        self._size = (sizes[2], sizes[1])
        self._letterbox = "letterbox" in entry.input
        self._pad = entry.pad
        self._pictures = _read(paths)

    def get_next(self) -> dict[str, np.ndarray] | None:
        """One feed; None after the last."""
        image = next(self._pictures, None)
        if image is None:
            return None
        width, height = self._size
        if not self._letterbox:
            return {self._name: cv2.resize(image, self._size)[None]}
        scale = min(height / image.shape[0], width / image.shape[1])
        fitted = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        canvas = np.full((height, width, 3), self._pad, np.uint8)
        canvas[: fitted[1], : fitted[0]] = cv2.resize(image, fitted)
        return {self._name: canvas[None]}


def _quantised(model: bytes, feed: _Feed, keep_ends: bool) -> bytes:
    """The network with bytes inside; keep_ends: but for its last convolutions."""
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):
        def get_next(self) -> dict[str, np.ndarray] | None:
            return feed.get_next()

    arm = platform.machine().lower() in ("aarch64", "arm64")
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, done = (Path(folder) / f"{part}.onnx" for part in ("plain", "ready", "done"))
        onnx.save(_with_scales_by_channel(onnx.load_model_from_string(model)), str(plain))
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        graph = onnx.load(str(ready)).graph
        quantize_static(
            str(ready),
            str(done),
            Reader(),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QInt8 if arm else QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=_ends(graph, keep_ends),
            extra_options={"ActivationSymmetric": arm},
        )
        return done.read_bytes()


def _with_scales_by_channel(model: Any) -> Any:
    """The same in an opset that has them. Raises FoldError."""
    from onnx import version_converter

    if next(opset.version for opset in model.opset_import if not opset.domain) >= OPSET:
        return model
    try:
        return version_converter.convert_version(model, OPSET)
    except (RuntimeError, ValueError) as error:
        raise fold.FoldError(f"it cannot be brought to opset {OPSET}: {str(error)[:200]}") from None


def _ends(graph: Any, with_last_convolutions: bool) -> list[str]:
    """What comes after the last convolutions: decoding of boxes and scores, where bytes are too coarse."""
    inside: set[str] = set()  # tensors from which a convolution is still reached
    names = []
    for node in reversed(graph.node):
        leads_on = any(output in inside for output in node.output)
        is_last = node.op_type == "Conv" and not leads_on
        if node.op_type == "Conv" or leads_on:
            inside |= set(node.input)
        if (not leads_on and node.op_type != "Conv") or (is_last and with_last_convolutions):
            names.append(node.name)
    return names


# ---------------------------------------------------------------- comparing


def _compare(
    name: str, zoo: Zoo, models: str | None, made: bytes, to: Path, paths: Sequence[Path]
) -> tuple[Quantised, Entry]:
    """What the quantised network still finds of what the float one does, and the entry of the former."""
    entry = zoo.entry(name)
    settings = config.Perception(directory=models, threads=1)
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "zoo.toml"
        said = _entry(name, entry, made)
        (beside.parent / said.file).write_bytes(made)
        beside.write_text(_toml(f"{name}-int8", said), encoding="utf-8")
        theirs = Zoo(also=beside)
        first, first_adapter = load(name, zoo.locate(name, models), settings, zoo)
        second, second_adapter = load(f"{name}-int8", beside.parent / said.file, settings, theirs)
        outputs = (_Kept(first), _Kept(second))
        for adapter, kept in zip((first_adapter, second_adapter), outputs, strict=True):
            adapter._session = kept  # type: ignore[attr-defined]
        sure = entry.min_score + SURE
        found, wrong, missed = 0, 0, 0
        both, either, px = np.zeros(64), np.zeros(64), 0
        for image in _read(paths):
            picture = Picture(t_ns=0, frame_id=0, image=image)
            a, b = first_adapter.see(picture, Seen()), second_adapter.see(picture, Seen())
            if a.detections is not None and b.detections is not None:
                same, alone = _matches(a.detections, b.detections, sure)
                found += same
                missed += alone
                wrong += _matches(b.detections, a.detections, sure)[1]
            if not {"lanes", "road"} & set(entry.finds):
                continue
            for index, (one, two) in enumerate(
                zip(_maps(outputs[0].last), _maps(outputs[1].last), strict=True)
            ):
                both[index % 64] += np.count_nonzero(one & two)
                either[index % 64] += np.count_nonzero(one | two)
                px += one.size if index == 0 else 0
        feed = outputs[0].feed, outputs[1].feed
        took: tuple[list[int], list[int]] = ([], [])
        for _ in range(RUNS):
            for session, given, ns in zip((first, second), feed, took, strict=True):
                began_ns = clock.now_ns()
                session.run(given)
                ns.append(clock.now_ns() - began_ns)
    speed = float(np.median(took[1]) / np.median(took[0]))
    boxes = 2 * found / (2 * found + wrong + missed) if found + missed + wrong else None
    judged = either > max(0, px * MIN_AREA)
    shares = both[judged] / either[judged]
    maps = float(shares.min()) if len(shares) else None
    result = Quantised(f"{name}-int8", to / f"{name}-int8.toml", boxes, maps, speed, len(paths))
    origin = (
        f"{name} quantised by `icv models quantise`; against the float network on {len(paths)} pictures: "
        f"{_figures(boxes, maps)}; {speed:.2f} of its time on {platform.machine()}"
    )
    return result, msgspec.structs.replace(said, origin=origin)


class _Kept:
    """A session that remembers its last run."""

    def __init__(self, session: Any) -> None:
        self.inputs = session.inputs
        self.last: list[np.ndarray] = []
        self.feed: dict[str, np.ndarray] = {}
        self._session = session

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """As the session does."""
        self.feed = feed
        self.last = self._session.run(feed)
        return self.last


def _figures(boxes: float | None, maps: float | None) -> str:
    told = (("F1 of boxes", boxes), ("IoU of maps", maps))
    return ", ".join(f"{what} {share:.3f}" for what, share in told if share is not None)


def _matches(one: Detections, other: Detections, sure: float) -> tuple[int, int]:
    """How many of the sure boxes of the one the other has too, and has not: of the same group, IoU at least
    0.5, each taken once."""
    free = list(range(len(other.kinds)))
    found = alone = 0
    for kind, box, score in zip(one.kinds, one.boxes.tolist(), one.scores.tolist(), strict=True):
        if score < sure:
            continue
        for index in free:
            alike = GROUPS.get(other.kinds[index]) == GROUPS.get(kind)
            if alike and _overlap(box, other.boxes[index].tolist()) >= 0.5:
                free.remove(index)
                found += 1
                break
        else:
            alone += 1
    return found, alone


def _overlap(one: list[float], other: list[float]) -> float:
    width = max(0.0, min(one[2], other[2]) - max(one[0], other[0]))
    height = max(0.0, min(one[3], other[3]) - max(one[1], other[1]))
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height + 1e-9)


def _maps(outputs: list[np.ndarray]) -> Iterator[np.ndarray]:
    """The maps among the outputs, one of bool for each class: what is likelier than not."""
    for output in outputs:
        array = output[0] if output.ndim == 4 else output
        if array.ndim != 3:
            continue
        if array.shape[2] <= 8 < min(array.shape[:2]):
            array = array.transpose(2, 0, 1)
        if array.shape[0] <= 8 and min(array.shape[1:]) >= 16:
            yield from array >= (128 if array.dtype == np.uint8 else 0.5)


def _read(paths: Sequence[Path]) -> Iterator[np.ndarray]:
    for path in paths:
        image = cv2.imread(str(path))
        if image is not None:
            yield image


# ---------------------------------------------------------------- the entry


def _entry(name: str, entry: Entry, made: bytes) -> Entry:
    """What the zoo says of the quantised network. It takes bytes."""
    ((label, shape),) = entry.inputs.items()
    shape = (shape[0], shape[2], shape[3], 3) if shape[1] == 3 else shape
    words = entry.input if entry.input.startswith("uint8") else f"uint8 {entry.input}"
    return msgspec.structs.replace(
        entry,
        file=f"{name}-int8.onnx",
        sha256=hashlib.sha256(made).hexdigest(),
        bytes=len(made),
        input=words,
        inputs={label: shape},
        scale=1.0,
        offset=0.0,
        rgb=False,
        address=None,
        own=True,
    )


def _toml(name: str, entry: Entry) -> str:
    """One table. TOML's strings, numbers and arrays are those of JSON."""
    lines = [f"[{json.dumps(name)}]"]
    for key, value in msgspec.to_builtins(entry).items():
        if value is None:
            continue
        if isinstance(value, dict):
            inner = ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in value.items())
            lines.append(f"{key} = {{ {inner} }}")
        else:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
