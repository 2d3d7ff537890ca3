"""Prints the figures of the cards: on pictures that were never trained on.

    python models/training/evaluate.py road|driver [--draw FOLDER] [--model FILE]

Reads the ONNX files and uses them as the adapters do. Rendered scenes have seeds from 1 000 000 on.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from networks import KINDS, ROAD_STRIDE, SURFACES, session
from road_data import IGNORED, UNKNOWN, Sample, overlap

from edge.config import Perception
from edge.vision.adapters import Seen
from edge.vision.adapters.own_road import OwnRoad
from edge.vision.evaluate.datasets import highway_objects
from edge.vision.evaluate.metrics import Boxes, area_under_curve, average_precision
from edge.vision.picture import Picture
from edge.vision.sessions import open_session
from edge.vision.zoo import Zoo

HERE = Path(__file__).parent
MODELS = HERE.parent
DATA = HERE.parents[1].parent / "shared" / "data"


def suppressed(scores: np.ndarray, boxes: np.ndarray, limit: float = 0.5) -> np.ndarray:
    """Indices that greedy suppression keeps, best first."""
    kept: list[int] = []
    shares = overlap(boxes, boxes)
    for i in np.argsort(-scores, kind="stable"):
        if not kept or shares[i, kept].max() < limit:
            kept.append(int(i))
    return np.array(kept, int)


def milliseconds(model: onnxruntime.InferenceSession, picture: np.ndarray, times: int = 100) -> float:
    """Median of one run on one thread."""
    name = model.get_inputs()[0].name
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        model.run(None, {name: picture})
        taken.append(time.perf_counter() - start)
    return float(np.median(taken) * 1000)


def road(draw: Path | None, scenes: int, file: Path | None) -> None:
    """Figures of icv-road."""
    from road_data import HELD_OUT_SEEDS, held_out, rendered_set

    file = file or MODELS / "icv-road.onnx"
    model = session(file)
    rendered = rendered_set(HELD_OUT_SEEDS, scenes, HERE / "data")
    print(f"one run: {milliseconds(model, _view(rendered[0].image)[0]):.1f} ms")
    print(f"\nrendered, {scenes} scenes never seen:")
    _road_figures(model, rendered, draw and draw / "rendered", boxes=True)
    _line_figures(rendered, file)
    if not (DATA / "images" / "highway_objects" / "test").is_dir():
        print(f"\n{DATA} is not there: no figures on real pictures")
        return
    print("\nhighway_objects/test, boxes by people:")
    _road_figures(model, _highway(), draw and draw / "highway", boxes=True)
    for name, samples in held_out(DATA, DATA.parent / "models", HERE / "data").items():
        print(f"\n{name}, against road-segmentation-adas-0001 (512x896) and two detectors that agree:")
        _road_figures(model, samples, draw and draw / name.split(",")[0].replace("/", "_"), boxes=True)


def _highway() -> list[Sample]:
    """highway_objects/test without the pictures that are in the splits that were learnt from, too."""
    samples = []
    for picture in highway_objects(DATA, HERE / "labels"):
        boxes = [(KINDS.index(kind), *box) for kind, some in picture.boxes.items() for box in some]
        boxes += [(IGNORED, *box) for box in picture.ignored]
        mask = np.full(picture.image.shape[:2], UNKNOWN, np.uint8)
        samples.append(Sample(picture.image, mask, np.array(boxes, np.float32).reshape(-1, 5), True, (1, 1)))
    return samples


def _view(image: np.ndarray) -> tuple[np.ndarray, float]:
    from road_data import letterbox, plain_view

    return plain_view(image)[None], letterbox(image.shape[1], image.shape[0])


def _road_figures(model, samples, folder: Path | None, boxes: bool) -> None:  # type: ignore[no-untyped-def]
    found: dict[str, list[Boxes]] = {kind: [] for kind in KINDS}
    truth: dict[str, list[np.ndarray]] = {kind: [] for kind in KINDS}
    ignored: list[np.ndarray] = []
    ghosts = 0
    counts = np.zeros((len(SURFACES), 3))  # both, ours, theirs
    for number, sample in enumerate(samples):
        view, scale = _view(sample.image)
        surface, box, score, kind = model.run(None, {"picture": view})
        high, wide = (round(size * scale / ROAD_STRIDE) for size in sample.image.shape[:2])
        mask = cv2.resize(sample.mask, (wide * 4, high * 4), interpolation=cv2.INTER_NEAREST)
        known = mask != 255
        truths = ((mask == 1) | (mask == 2), mask == 2, mask == 3)
        for row, theirs in enumerate(truths[: len(surface)]):
            whole = cv2.resize(
                surface[row, :high, :wide], (wide * 4, high * 4), interpolation=cv2.INTER_LINEAR
            )
            ours = whole > 127
            counts[row] += [(a & known).sum() for a in (ours & theirs, ours, theirs)]
        keep = score > 0.02
        box, score, kind = box[keep] / scale, score[keep], kind[keep]
        kept = suppressed(score, box)
        box, score, kind = box[kept], score[kept], kind[kept]
        small = sample.boxes[:, 4] - sample.boxes[:, 2] < 6 / scale
        all_truth = sample.boxes[:, 1:]
        ignored.append(all_truth[small | (sample.boxes[:, 0] < 0)])
        for index, name in enumerate(KINDS):
            found[name].append(Boxes(box[kind == index], score[kind == index]))
            truth[name].append(all_truth[(sample.boxes[:, 0] == index) & ~small])
        sure = box[score > 0.4]
        if len(sure):
            touch = overlap(sure, all_truth).max(1, initial=0.0)
            ghosts += int((touch < 0.1).sum())
        if folder and number < 40:
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number:03}.png"), drawn(view[0], surface, box * scale, score, kind))
    for row, name in enumerate(SURFACES):
        if counts[row, 2]:
            both, ours, theirs = counts[row]
            print(f"  {name}: IoU {both / (ours + theirs - both):.3f}, precision {both / max(ours, 1):.3f}, "
                  f"recall {both / theirs:.3f}")  # fmt: skip
    if not boxes:
        return
    for name in KINDS:
        number = sum(map(len, truth[name]))
        if number:
            print(f"  {name}: AP50 {_ap50(found[name], truth[name], ignored):.3f} of {number}")
    vehicles = ("car", "truck", "bus")
    some = {kind: truth[kind] for kind in vehicles}
    precisions = [_ap50(found[kind], truth[kind], ignored) for kind in vehicles]
    together = _ap50(
        _together({kind: found[kind] for kind in vehicles}),
        [np.concatenate(parts) for parts in zip(*some.values(), strict=True)],
        ignored,
    )
    print(
        f"  vehicles: AP50 {together:.3f} as one kind, {np.nanmean(precisions):.3f} mean of car, truck, bus"
    )
    everything = [np.concatenate(parts) for parts in zip(*truth.values(), strict=True)]
    print(f"  any kind: AP50 {_ap50(_together(found), everything, ignored):.3f}")
    print(f"  {ghosts} boxes over 0.4 on nothing, in {len(ignored)} pictures")


def _line_figures(rendered, file: Path) -> None:  # type: ignore[no-untyped-def]
    """How well the lines of the adapter lie on the lines of our own lane, in the nearer half of each."""
    from road_data import HELD_OUT_SEEDS, SIZES, random_scene, road_truth

    adapter = OwnRoad(open_session(file, Perception()), Zoo().entry("icv-road"))
    total, misses = 0, []
    for number, sample in enumerate(rendered):
        scene, geometry = random_scene(HELD_OUT_SEEDS + number)
        truth = road_truth(scene, geometry, *SIZES[(HELD_OUT_SEEDS + number) % len(SIZES)])
        found = adapter.see(Picture(t_ns=0, frame_id=0, image=sample.image), Seen()).lanes or ()
        scale = _view(sample.image)[1]
        for line in truth.lines:
            near = line.points[line.points[:, 1] >= line.points[:, 1].mean()]
            if not line.side or len(near) < 3:
                continue
            total += 1
            best = np.inf
            for points in (lane.points[::-1] for lane in found):
                inside = near[(near[:, 1] >= points[0, 1]) & (near[:, 1] <= points[-1, 1])]
                if len(inside) >= len(near) / 2:
                    miss = np.abs(np.interp(inside[:, 1], points[:, 1], points[:, 0]) - inside[:, 0])
                    best = min(best, float(np.median(miss)) * scale)
            if best < 6.0:
                misses.append(best)
    print(
        f"  lines of our own lane: {len(misses)} of {total} found within 6 px of the network's picture, "
        f"median miss {np.median(misses):.2f} px"
    )


def _ap50(found: list[Boxes], truth: list[np.ndarray], ignored: list[np.ndarray]) -> float:
    value = average_precision(found, truth, ignored)
    return float("nan") if value is None else value


def _together(found: dict[str, list[Boxes]]) -> list[Boxes]:
    return [
        Boxes(*(np.concatenate(parts) for parts in zip(*kinds, strict=True)))
        for kinds in zip(*found.values(), strict=True)
    ]


def drawn(
    view: np.ndarray, surface: np.ndarray, boxes: Iterable[np.ndarray], scores: np.ndarray, kinds: np.ndarray
) -> np.ndarray:
    """The network's picture with what it found."""
    size = (view.shape[1], view.shape[0])
    picture = view.astype(np.float32)
    for part, colour in ((surface[0], (0, 120, 0)), (surface[1], (0, 0, 255)), (surface[-1], (255, 0, 255))):
        share = cv2.resize(part, size, interpolation=cv2.INTER_LINEAR)[..., None] / 255 * 0.4
        picture = picture * (1 - share) + np.array(colour) * share
    picture = picture.astype(np.uint8)
    for box, score, kind in zip(boxes, scores, kinds, strict=True):
        if score > 0.3:
            left, top, right, bottom = (int(v) for v in box)
            cv2.rectangle(picture, (left, top), (right, bottom), (0, 255, 255), 1)
            cv2.putText(
                picture, f"{KINDS[kind][:5]} {score:.2f}", (left, max(top - 2, 8)), 0, 0.32, (255, 255, 0), 1
            )
    return picture


def driver(draw: Path | None, looks: int) -> None:
    """Figures of icv-driver."""
    from driver_data import HELD_OUT_SEEDS, SURELY_CLOSED, SURELY_OPEN, rendered_set
    from networks import DRIVER_ANGLES

    model = session(MODELS / "icv-driver.onnx")
    test = rendered_set(HELD_OUT_SEEDS, looks, HERE / "data")
    outputs = [model.run(None, {"picture": look.image[None]}) for look in test]
    found = [np.stack(column) for column in zip(*outputs, strict=True)]
    shares, boxes, angles = (np.stack([look[i] for look in test]) for i in (1, 2, 3))
    there = shares[:, 0] > 0
    print(f"one run: {milliseconds(model, test[0].image[None]):.2f} ms; {looks} rendered looks never seen")
    wrong = ((found[0][:, 0] > 0.5) != there).sum()
    print(f"  face: {wrong} wrong of {looks} at 0.5 ({(~there).sum()} without a face)")
    for side, name in ((1, "left"), (2, "right")):
        for limit, which in ((180.0, "any pose"), (35.0, "head yaw within 35 deg")):
            chosen = there & (np.abs(angles[:, 0]) <= limit)
            wide = chosen & (shares[:, side] >= SURELY_OPEN)
            shut = chosen & (shares[:, side] <= SURELY_CLOSED)
            area = area_under_curve(found[0][wide, side], found[0][shut, side])
            right = (found[0][wide, side] > 0.5).sum() + (found[0][shut, side] <= 0.5).sum()
            print(
                f"  {name} eye, {which}: AUC {area:.4f}, right {right / (wide | shut).sum():.3f} "
                f"of {wide.sum()} open, {shut.sum()} closed"
            )
    share = np.array(
        [overlap(a[None], b[None])[0, 0] for a, b in zip(found[1][there], boxes[there], strict=True)]
    )
    print(f"  face box: IoU mean {share.mean():.3f}, over 0.5 {np.mean(share > 0.5):.3f}")
    wide = there & (np.nan_to_num(shares[:, 1:]).max(1) >= SURELY_OPEN)  # closed lids hide where one looks
    for i, name in enumerate(DRIVER_ANGLES):
        of, which = (wide, ", an eye open") if name.startswith("gaze") else (there, "")
        miss = np.abs(found[2][of, i] - angles[of, i])
        print(f"  {name}{which}: mean error {miss.mean():.2f}, 95 % below {np.percentile(miss, 95):.1f}")
    if draw:
        draw.mkdir(parents=True, exist_ok=True)
        for number, (look, output) in enumerate(zip(test[:40], outputs, strict=False)):
            cv2.imwrite(str(draw / f"{number:03}.png"), drawn_driver(look, output))


def drawn_driver(look, output: list[np.ndarray]) -> np.ndarray:  # type: ignore[no-untyped-def]
    """The picture four times as large; truth in green, what was found in yellow."""
    picture = cv2.resize(look.image, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    sets = ((look.shares, look.box, look.angles, (0, 255, 0)), (*output, (0, 255, 255)))
    for row, (shares, box, angles, colour) in enumerate(sets):
        left, top, right, bottom = (int(value * 4) for value in box)
        if shares[0] > 0.5:
            cv2.rectangle(picture, (left, top), (right, bottom), colour, 1)
        text = " ".join(f"{value:.2f}" for value in shares) + " " + " ".join(f"{v:.0f}" for v in angles)
        cv2.putText(picture, text, (6, 450 + 20 * row), 0, 0.5, colour, 1)
    return picture


def main() -> None:
    """Reads the arguments and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("which", choices=("road", "driver"))
    parser.add_argument("--draw", type=Path, help="folder for pictures with what was found")
    parser.add_argument("--model", type=Path, help="road: another file than models/icv-road.onnx")
    parser.add_argument("--scenes", type=int, help="rendered pictures; default 200 roads, 600 drivers")
    args = parser.parse_args()
    if args.which == "road":
        road(args.draw, args.scenes or 200, args.model)
    else:
        driver(args.draw, args.scenes or 600)


if __name__ == "__main__":
    main()
