"""Write the golden files in networks/: what real networks say, and what a judge makes of it.

    python tests/vision/golden/make_golden.py        needs ../shared and the packages onnxruntime and openvino

Each file holds the raw outputs of a public network, run by bare onnxruntime on a public picture that is laid
out here with plain OpenCV, thinned out to what tells something, and what a judge that is not this project's
code reads in exactly these numbers: OpenCV's FaceDetectorYN, OpenVINO's DetectionOutput, the formulas of the
papers in plain loops, or somebody who looked at the picture. Only numbers are kept, no pictures.
"""

from __future__ import annotations

import base64
import json
import math
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SHARED = ROOT.parent / "shared"
ZOO = {
    name: {"min_score": 0.5} | entry
    for name, entry in tomllib.loads((ROOT / "models/zoo.toml").read_text()).items()
}
NMS = 0.45
GROUPS = (("car", "truck", "bus"), ("motorcycle",), ("bicycle",), ("person",))


# ---------------------------------------------------------------- pictures and networks


def still(name: str, number: int) -> np.ndarray:
    video = cv2.VideoCapture(str(SHARED / "data/video" / name))
    video.set(cv2.CAP_PROP_POS_FRAMES, number)
    return video.read()[1]


def image(name: str) -> np.ndarray:
    return cv2.imread(str(SHARED / "data/images" / name))


def batch(bgr: np.ndarray, mean=(0.0, 0.0, 0.0), deviation=(1.0, 1.0, 1.0), rgb=False) -> np.ndarray:
    pixels = bgr[:, :, ::-1] if rgb else bgr
    return ((pixels.astype(np.float32) - mean) / deviation).transpose(2, 0, 1)[None].astype(np.float32)


def letterbox(bgr: np.ndarray, size: int, grey: int) -> tuple[np.ndarray, float]:
    height, width = bgr.shape[:2]
    scale = min(size / height, size / width)
    canvas = np.full((size, size, 3), grey, np.uint8)
    small = cv2.resize(bgr, (round(width * scale), round(height * scale)))
    canvas[: small.shape[0], : small.shape[1]] = small
    return canvas, scale


def run(model: str, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(
        str(SHARED / "models" / ZOO[model]["file"]), providers=["CPUExecutionProvider"]
    )
    return session.run(None, feed)


def crop(
    bgr: np.ndarray, corners: list[list[float]], width: int, height: int
) -> tuple[np.ndarray, np.ndarray]:
    """What lies between three corners (left top, right top, left bottom), and the way back."""
    inside = np.array([[0, 0], [width, 0], [0, height]], np.float32)
    there = cv2.getAffineTransform(np.array(corners, np.float32), inside)
    cut = cv2.warpAffine(bgr, there, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return cut, cv2.invertAffineTransform(there)


def square(x: float, y: float, side: float, angle: float) -> list[list[float]]:
    """Corners of a square round (x, y), its upper edge turned clockwise as seen by the angle."""
    middle, along = complex(x, y), complex(math.cos(angle), math.sin(angle)) * side / 2
    down = along * 1j
    return [[z.real, z.imag] for z in (middle - along - down, middle + along - down, middle - along + down)]


# ---------------------------------------------------------------- files


def packed(
    array: np.ndarray, view: tuple[int, ...], axis: int, rows: np.ndarray, kind: str
) -> dict[str, Any]:
    """Some rows of an array that is seen in another shape; the others are told to be 0."""
    kept = np.take(array.reshape(view), rows, axis=axis).astype(kind)
    return {
        "shape": list(array.shape),
        "view": list(view),
        "axis": axis,
        "rows": [int(row) for row in rows],
        "kind": kind,
        "values": base64.b64encode(kept.tobytes()).decode(),
    }


def whole(array: np.ndarray) -> dict[str, Any]:
    flat = array.reshape(1, -1)
    return packed(array, flat.shape, 0, np.array([0]), "float32")


def unpacked(output: dict[str, Any]) -> np.ndarray:
    """As the tests read it."""
    array = np.zeros(output["view"], np.float32)
    shape = list(array.shape)
    shape[output["axis"]] = len(output["rows"])
    values = np.frombuffer(base64.b64decode(output["values"]), output["kind"]).reshape(shape)
    index: list[Any] = [slice(None)] * array.ndim
    index[output["axis"]] = output["rows"]
    array[tuple(index)] = values
    return array.reshape(output["shape"])


def write(name: str, model: str, picture: str, size: tuple[int, int], **content: Any) -> None:
    text = json.dumps(
        {"model": model, "picture": picture, "size": list(size)} | content, separators=(",", ":")
    )
    (HERE / "networks" / f"{name}.json").write_text(text + "\n")
    print(f"{name:28} {len(text) / 1e3:6.1f} kB  {json.dumps(content['expected'])[:150]}")


def rounded(values: Any, digits: int = 3) -> Any:
    return np.round(np.asarray(values, float), digits).tolist()


# ---------------------------------------------------------------- judges


def overlap(one: list[float], other: list[float]) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    if across <= 0 or down <= 0:
        return 0.0
    areas = [(b[2] - b[0]) * (b[3] - b[1]) for b in (one, other)]
    return across * down / (sum(areas) - across * down)


def greedy(found: list[tuple[str, float, list[float]]], size: tuple[int, int]) -> list[list[Any]]:
    """The best of overlapping boxes of a group, one after another, as every textbook has it."""
    kept: list[tuple[str, float, list[float]]] = []
    for kind, score, box in sorted(found, key=lambda item: -item[1]):
        limits = (size[0], size[1], size[0], size[1])
        box = [min(max(value, 0.0), float(limit)) for value, limit in zip(box, limits, strict=True)]
        group = next((g for g in GROUPS if kind in g), (kind,))
        if all(k not in group or overlap(b, box) <= NMS for k, _, b in kept):
            kept.append((kind, score, box))
    return [[kind, round(score, 4), *rounded(box, 2)] for kind, score, box in kept]


def yolox_rows(output: np.ndarray, size: int) -> list[tuple[float, float, float, float, np.ndarray]]:
    """Middle and size in px of the input, and scores of all classes: arXiv 2107.08430 and YOLOX's demo."""
    rows = []
    index = 0
    for stride in (8, 16, 32):
        for y in range(size // stride):
            for x in range(size // stride):
                tx, ty, tw, th, objectness, *classes = output[0, index].astype(float)
                rows.append(
                    (
                        (tx + x) * stride, (ty + y) * stride, math.exp(tw) * stride, math.exp(th) * stride,
                        np.array([objectness, *classes]),
                    )
                )  # fmt: skip
                index += 1
    return rows


def yolox_judge(
    output: np.ndarray, entry: dict[str, Any], scale: float, size: tuple[int, int]
) -> dict[str, Any]:
    found = []
    wanted = [(number, kind) for number, kind in enumerate(entry["kinds"]) if kind]
    for x, y, w, h, scores in yolox_rows(output, entry["inputs"]["images"][2]):
        best, _, kind = max((scores[0] * scores[1 + number], -number, kind) for number, kind in wanted)
        if best >= entry["min_score"]:
            box = [(x - w / 2) / scale, (y - h / 2) / scale, (x + w / 2) / scale, (y + h / 2) / scale]
            found.append((kind, float(best), box))
    kept = greedy(found, size)
    return {
        "objects": [row for row in kept if row[0] not in ("traffic light", "stop sign")],
        "lights": [row for row in kept if row[0] == "traffic light"],
        "signs": [row for row in kept if row[0] == "stop sign"],
    }


def openvino_judge(
    outputs: list[np.ndarray], entry: dict[str, Any], size: tuple[int, int]
) -> list[list[Any]]:
    """The very layer that was cut off these networks."""
    import openvino
    from openvino import opset8

    parameters = [
        opset8.parameter(list(array.shape), np.float32, name=name)
        for array, name in zip(outputs, ("offsets", "classes", "priors"), strict=True)
    ]
    layer = opset8.detection_output(
        *parameters,
        {
            "background_label_id": entry["kinds"].index(""),
            "top_k": 400,
            "keep_top_k": [200],
            "nms_threshold": NMS,
            "confidence_threshold": entry["min_score"],
            "code_type": "caffe.PriorBoxParameter.CENTER_SIZE",
            "share_location": True,
            "variance_encoded_in_target": False,
            "normalized": True,
            "clip_after_nms": True,
        },
    )
    model = openvino.Core().compile_model(openvino.Model([layer], parameters), "CPU")
    found = []
    for number, label, score, *box in model(outputs)[0].reshape(-1, 7).tolist():
        if number < 0:  # the end; what follows is not filled in
            break
        if score > 0:
            box = [value * size[axis % 2] for axis, value in enumerate(box)]
            found.append([entry["kinds"][int(label)], round(score, 4), *rounded(box, 2)])
    return sorted(found, key=lambda row: -row[1])


def yunet_judge(bgr: np.ndarray, scale: float) -> dict[str, Any]:
    """OpenCV's own reader of this very file, on the picture as it was laid out."""
    path = str(SHARED / "models" / ZOO["yunet_n_320_320"]["file"])
    detector = cv2.FaceDetectorYN.create(path, "", (320, 320), ZOO["yunet_n_320_320"]["min_score"], 0.3)
    found = detector.detect(bgr)[1]
    row = max(found.tolist(), key=lambda row: row[2] * row[3])
    left, top, width, height = (value / scale for value in row[:4])
    points = (np.array(row[4:14]).reshape(5, 2) / scale).tolist()
    return {"score": row[14], "box": [left, top, left + width, top + height], "landmarks": points}


# ---------------------------------------------------------------- road


def yolox() -> None:
    entry = ZOO["yolox_nano_416"]
    for name, picture in (
        ("yolox_cars", "carnd_P2/test6.jpg"),
        ("yolox_stop_sign", "coco_ccby/000000297343.jpg"),
        (
            "yolox_lights",
            "cinta_traffic_lights/test/traffic-light--180-_jpg.rf.ef27fa528c0f2fa4d314b8bcc342da43.jpg",
        ),
    ):
        bgr = image(picture)
        size = (bgr.shape[1], bgr.shape[0])
        canvas, scale = letterbox(bgr, 416, entry["pad"])
        (output,) = run("yolox_nano_416", {"images": batch(canvas)})
        likely = np.flatnonzero(output[0, :, 4] > 0.2)
        others = np.random.default_rng(1).choice(len(output[0]), 20, replace=False)
        rows = np.unique(np.concatenate((likely, others)))
        # Classes that the zoo does not name are kept too, so that a wrong column would be noticed.
        raw = packed(output, (3549, 85), 0, rows, "float16")
        expected = yolox_judge(unpacked(raw), entry, scale, size)
        exact = yolox_judge(output, entry, scale, size)
        assert {k: len(v) for k, v in exact.items()} == {k: len(v) for k, v in expected.items()}
        write(
            name, "yolox_nano_416", picture, size, judge="the paper's formula in plain loops",
            outputs=[raw], expected=expected,
        )  # fmt: skip


def ssd() -> None:
    for model, side in (
        ("vehicle-detection-adas-0002", (672, 384)),
        ("person-vehicle-bike-detection-2002", (512, 512)),
    ):
        entry = ZOO[model]
        bgr = image("carnd_P2/test6.jpg")
        size = (bgr.shape[1], bgr.shape[0])
        (name,) = entry["inputs"]
        offsets, classes, priors = run(model, {name: batch(cv2.resize(bgr, side))})
        count, kinds = offsets.size // 4, len(entry["kinds"])
        wanted = [number for number, kind in enumerate(entry["kinds"]) if kind]
        likely = np.flatnonzero(classes.reshape(count, kinds)[:, wanted].max(axis=1) > 0.2)
        rows = np.unique(np.concatenate((likely, np.random.default_rng(1).choice(count, 20, replace=False))))
        raw = [
            packed(offsets, (count, 4), 0, rows, "float32"),
            packed(classes, (count, kinds), 0, rows, "float32"),
            packed(priors, (2, count, 4), 1, rows, "float32"),
        ]
        expected = openvino_judge([unpacked(part) for part in raw], entry, size)
        assert len(expected) == len(openvino_judge([offsets, classes, priors], entry, size))
        write(
            f"ssd_{model}", model, "carnd_P2/test6.jpg", size, judge="OpenVINO, DetectionOutput",
            outputs=raw, expected={"objects": expected},
        )  # fmt: skip


def road_segmentation() -> None:
    """What is told apart is kept as a small PNG of classes."""
    bgr = image("carnd_P1/solidWhiteCurve.jpg")
    (output,) = run("road-segmentation-adas-0001", {"data": batch(cv2.resize(bgr, (448, 256)))})
    classes = output[0].argmax(axis=0).astype(np.uint8)
    png = base64.b64encode(cv2.imencode(".png", classes)[1].tobytes()).decode()
    write(
        "road_segmentation", "road-segmentation-adas-0001", "carnd_P1/solidWhiteCurve.jpg", (960, 540),
        judge="by eye: x of the own lane's lines at row 440; y where the road ends, mostly at cars",
        classes=png,
        expected={
            "lanes_at_440": [316, 713],
            "free_space": {
                "150": 349, "236": 351, "300": 330, "490": 320, "600": 333, "720": 356, "850": 382
            },
        },
    )  # fmt: skip


def lstr() -> None:
    bgr = image("carnd_P1/solidWhiteCurve.jpg")
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    feed = {
        "input_rgb": batch(cv2.resize(bgr, (640, 360)), mean * 255, deviation * 255),
        "input_mask": np.zeros((1, 1, 360, 640), np.float32),
    }
    outputs = run("lstr_360x640", feed)
    lines = []
    for (no, yes), curve in zip(outputs[0][0].tolist(), outputs[1][0].tolist(), strict=True):
        if yes > no:
            upper, lower, k, f, m, n, b, c = curve
            points = []
            for step in range(5):
                y = upper + (lower - upper) * (0.1 + 0.2 * step)
                points.append([960 * (k / (y - f) ** 2 + m / (y - f) + n + b * y - c), 540 * y])
            score = math.exp(yes) / (math.exp(yes) + math.exp(no))
            ends = sorted((540 * min(lower, 1.0), 540 * max(upper, 0.0)), reverse=True)
            lines.append({"score": round(score, 4), "points": rounded(points, 2), "ends": rounded(ends, 2)})
    write(
        "lstr", "lstr_360x640", "carnd_P1/solidWhiteCurve.jpg", (960, 540),
        judge="arXiv 2011.04233, equation 7, in plain loops",
        outputs=[whole(output) for output in outputs[:4]] + [None],
        expected={"lanes": lines},
    )  # fmt: skip


# ---------------------------------------------------------------- driver

CLIP = "incluit_driver_video1.mp4"


def yunet(bgr: np.ndarray, frame: int) -> dict[str, Any]:
    canvas, scale = letterbox(bgr, 320, 0)
    outputs = run("yunet_n_320_320", {"input": batch(canvas)})
    raw = []
    scores = [np.sqrt(outputs[level] * outputs[level + 3])[0, :, 0] for level in range(3)]
    kept = [np.unique([*np.flatnonzero(score > 0.2), *range(5)]).astype(int) for score in scores]
    for index, output in enumerate(outputs):
        raw.append(packed(output, output.shape[1:], 0, kept[index % 3], "float32"))
    face = yunet_judge(canvas, scale)
    write(
        f"yunet_{frame}", "yunet_n_320_320", f"{CLIP}#{frame}", (bgr.shape[1], bgr.shape[0]),
        judge="OpenCV, FaceDetectorYN with the same file", outputs=raw,
        expected={
            "score": round(face["score"], 4), "box": rounded(face["box"], 2),
            "landmarks": rounded(face["landmarks"], 2),
        },
    )  # fmt: skip
    return face


def upright(face: dict[str, Any]) -> float:
    (rx, ry), (lx, ly) = face["landmarks"][:2]
    return math.atan2(ly - ry, lx - rx)


def driver(frame: int, yaw: tuple[float, float], pitch: tuple[float, float]) -> None:
    """yaw, pitch: between which, by eye, in degrees, to the driver's left and up positive."""
    bgr = still(CLIP, frame)
    size = (bgr.shape[1], bgr.shape[0])
    face = yunet(bgr, frame)
    left, top, right, bottom = face["box"]
    x, y, longer = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)

    def told(
        name: str, model: str, judge: str, outputs: list[Any], expected: dict[str, Any], **more: Any
    ) -> None:
        write(
            f"{name}_{frame}", model, f"{CLIP}#{frame}", size, judge=judge, face=face,
            outputs=outputs, expected=expected, **more,
        )  # fmt: skip

    cut, back = crop(bgr, square(x, y, 1.5 * longer, upright(face)), 192, 192)
    outputs = run("facemesh_192", {"image": batch(cut, (127.5,) * 3, (127.5,) * 3, rgb=True)})
    mesh = cv2.transform(outputs[0].reshape(1, 468, 3)[:, :, :2], back)[0]
    some = [1, 33, 133, 263, 362, 61, 291, 10, 152]
    if frame in (0, 170):
        told(
            "facemesh", "facemesh_192", "the crop's affine map turned back by OpenCV; eyes open by eye",
            [whole(output) for output in outputs],
            {"points": {str(i): rounded(mesh[i], 2) for i in some}, "eyes_open": frame == 0},
        )  # fmt: skip

    width, height = right - left, bottom - top
    box = (left - 0.1 * width, top - 0.125 * height, right + 0.1 * width, bottom + 0.125 * height)
    cut, _ = crop(bgr, [[box[0], box[1]], [box[2], box[1]], [box[0], box[3]]], 224, 224)
    mean, deviation = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
    (output,) = run("openseeface_lm0", {"input": batch(cut, mean, deviation, rgb=True)})
    rows = []
    points = []
    maps = output[0].reshape(3, 66, 28 * 28)
    for point in range(66):
        hottest = max(range(28 * 28), key=lambda cell: maps[0, point, cell])
        cold = (hottest + 300) % 784
        rows += [part * 66 * 784 + point * 784 + cell for part in range(3) for cell in (hottest, cold)]
        shift = [math.log(min(max(p, 1e-7), 1 - 1e-7) / (1 - min(max(p, 1e-7), 1 - 1e-7))) / 16
                 for p in (float(maps[1, point, hottest]), float(maps[2, point, hottest]))]  # fmt: skip
        down = 223 * (hottest // 28) / 27 + 223 * shift[0]
        across = 223 * (hottest % 28) / 27 + 223 * shift[1]
        points.append([box[0] + across * (box[2] - box[0]) / 224, box[1] + down * (box[3] - box[1]) / 224])
    if frame in (0, 150):
        told(
            "openseeface", "openseeface_lm0", "what OpenSeeFace's tracker does, in plain loops",
            [packed(output, (output.size,), 0, np.array(sorted(rows)), "float32")],
            {"landmarks": rounded(points, 2)},
        )  # fmt: skip

    cut, back = crop(bgr, square(x, y, longer, 0.0), 48, 48)
    (output,) = run("landmarks-regression-retail-0009", {"0": batch(cut)})
    five = cv2.transform(output.reshape(1, 5, 2) * 48, back)[0]
    if frame in (0, 150):
        told(
            "landmarks5", "landmarks-regression-retail-0009", "the crop's affine map turned back by OpenCV",
            [whole(output)], {"landmarks": rounded(five, 2)},
        )  # fmt: skip

    cut, _ = crop(bgr, square(x, y, 1.05 * longer, 0.0), 60, 60)
    outputs = run("head-pose-estimation-adas-0001", {"data": batch(cut)})
    told(
        "headpose", "head-pose-estimation-adas-0001", "by eye",
        [whole(output) for output in outputs], {"yaw_deg": list(yaw), "pitch_deg": list(pitch)},
    )  # fmt: skip

    if frame == 0:
        eyes(bgr, face, outputs, told)


def eyes(bgr: np.ndarray, face: dict[str, Any], pose: list[np.ndarray], told: Any) -> None:
    """Open-closed eye and gaze of one who looks ahead with open eyes."""
    (rx, ry), (lx, ly) = face["landmarks"][:2]
    apart, angle = math.hypot(lx - rx, ly - ry), upright(face)
    outputs = []
    for x, y in ((rx, ry), (lx, ly)):
        cut, _ = crop(bgr, square(x, y, 0.6 * apart, angle), 32, 32)
        outputs += run("open-closed-eye-0001", {"input.1": batch(cut, (127,) * 3, (255,) * 3)})
    told("eyes", "open-closed-eye-0001", "by eye", [whole(output) for output in outputs], {"open": True})

    roll, pitch, yaw = (float(output.ravel()[0]) for output in pose)
    cuts = [crop(bgr, square(x, y, 0.5 * apart, angle), 60, 60)[0] for x, y in ((rx, ry), (lx, ly))]
    feed = {"left_eye_image": batch(cuts[0]), "right_eye_image": batch(cuts[1])}
    (vector,) = run(
        "gaze-estimation-adas-0002", feed | {"head_pose_angles": np.array([[yaw, pitch, 0]], np.float32)}
    )
    x, y, z = vector[0].tolist()
    turned = complex(x, -y) * complex(math.cos(angle), math.sin(angle))  # px: down is positive
    right, up = turned.real, -turned.imag
    length = math.sqrt(right**2 + up**2 + z**2)
    told(
        "gaze", "gaze-estimation-adas-0002", "trigonometry; by eye within 15 degrees of straight ahead",
        [whole(vector)],
        {"yaw_deg": round(math.degrees(math.asin(right / math.hypot(right, z))), 3),
         "pitch_deg": round(math.degrees(math.asin(up / length)), 3)},
        head={"head_yaw_deg": yaw, "head_pitch_deg": -pitch, "head_roll_deg": -roll},
    )  # fmt: skip


if __name__ == "__main__":
    yolox()
    ssd()
    road_segmentation()
    lstr()
    driver(0, (-8, 8), (-12, 12))
    driver(104, (-15, 15), (20, 60))
    driver(150, (-15, 15), (-50, -15))
    driver(170, (15, 70), (-25, 15))
    driver(210, (-80, -25), (-20, 25))
