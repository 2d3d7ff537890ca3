"""Measures icv-light and icv-sign on what they never learnt from, as their cards have it.

    python models/training/evaluate_small.py light
    python models/training/evaluate_small.py sign --gtsrb DIR/GTSRB/Final_Test --tt100k DIR/DataSet/test

Through the adapters, so that what is counted is what a view would say. The real signs are for measuring only
and not part of the project: GTSRB (Stallkamp et al. 2012) as its authors give it, and signs cut out of
Tsinghua-Tencent 100K (Zhu et al. 2016; CC BY-NC), one folder for each of its classes.
"""

from __future__ import annotations

import argparse
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import light_data
import sign_data
from crops import SHARED, Crop

from edge import config
from edge.messages import Sign, TrafficLight
from edge.vision.adapters import Seen
from edge.vision.adapters.lights import Lights
from edge.vision.adapters.signs import Signs
from edge.vision.evaluate import datasets
from edge.vision.evaluate.datasets import Light
from edge.vision.picture import Picture
from edge.vision.sessions import open_session
from edge.vision.zoo import Zoo

UNSEEN = 1_000_000  # the first seed that was not learnt from
COLUMNS = ("red", "yellow", "green", "off", None)
GTSRB = {
    **dict(enumerate(f"speed_limit_{limit}" for limit in (20, 30, 50, 60, 70, 80))),
    6: "end_of_limit", 7: "speed_limit_100", 8: "speed_limit_120", 9: "no_overtaking", 10: "no_overtaking",
    11: "warning", 12: "priority_road", 13: "give_way", 14: "stop", 15: "prohibition", 16: "prohibition",
    17: "no_entry", **dict.fromkeys(range(18, 32), "warning"), 32: "end_of_limit",
    **dict.fromkeys(range(33, 41), "mandatory"), 41: "end_of_limit", 42: "end_of_limit",
}  # fmt: skip
TT100K = {
    "ps": "stop", "pg": "give_way", "pne": "no_entry", "p1": "no_overtaking", "pn": "no_parking",
    "pnl": "no_parking", "ip": "pedestrian_crossing", "negative": "other",
    "po": None, "io": None, "wo": None, "pe": None,  # many things in one
}  # fmt: skip

LABELS = Path(__file__).parent / "labels"


def gtsrb(folder: Path) -> Iterator[Light]:
    """GTSRB, final test, every second picture (the others were looked at while the renderer was written)."""
    (answers,) = (path for path in folder.rglob("GT-final_test.csv"))
    with answers.open(encoding="utf-8") as file:
        for row in [*csv.DictReader(file, delimiter=";")][1::2]:
            image = cv2.imread(str(folder / "Images" / row["Filename"]))
            # Copies of it have been resized.
            across, down = image.shape[1] / float(row["Width"]), image.shape[0] / float(row["Height"])
            left, top, right, bottom = (float(row[f"Roi.{side}"]) for side in ("X1", "Y1", "X2", "Y2"))
            box = (left * across, top * down, right * across, bottom * down)
            yield Light(image, box, GTSRB[int(row["ClassId"])])


def tt100k(folder: Path) -> Iterator[Light]:
    """Signs of Chinese streets; each picture is taken for the box."""
    for path in sorted(folder.glob("*/*")):
        kind = kind_of_tt100k(path.parent.name)
        image = cv2.imread(str(path)) if kind else None
        if kind and image is not None:
            yield Light(image, (0.0, 0.0, float(image.shape[1]), float(image.shape[0])), kind)


def kind_of_tt100k(code: str) -> str | None:
    """Our kind for a class of TT100K; None: it has none."""
    if code in TT100K:
        return TT100K[code]
    if limit := re.fullmatch(r"pl(\d+)", code):
        kind = f"speed_limit_{limit[1]}"
        return kind if kind in sign_data.CLASSES else None
    if re.fullmatch(r"pr\d+", code):
        return "end_of_limit"
    return {"w": "warning", "i": "mandatory", "p": "prohibition"}.get(code[0])


def light_figures(name: str, crops: Iterable[Light], adapter: Lights) -> None:
    """Prints what was said of lights of each state."""
    said: Counter[tuple[str, str | None]] = Counter()
    for crop in crops:
        seen = adapter.see(_picture(crop), Seen(lights=(TrafficLight(score=1.0, box=crop.box),)))
        assert seen.lights
        said[crop.state, seen.lights[0].state] += 1
    lights = {pair: n for pair, n in said.items() if pair[0] != "none"}
    total = sum(lights.values())
    if not total:
        print(f"{name}: not there")
        return
    right = sum(n for (truth, state), n in lights.items() if truth == state)
    silent = sum(n for (_, state), n in lights.items() if state is None)
    print(f"{name}: {total} lights; right {right / total:.4f}, said nothing of {silent / total:.4f}, "
          f"right where it spoke {right / max(1, total - silent):.4f}")  # fmt: skip
    for truth in light_data.CLASSES:
        row = [said[truth, state] for state in COLUMNS]
        if any(row):
            print(f"  {truth:7s}", " ".join(f"{state}: {n}" for state, n in zip(COLUMNS, row, strict=True)))


def sign_figures(name: str, crops: Iterable[Light], adapter: Signs) -> None:
    """Prints how many signs were named, rightly named, and what the most common mistakes are."""
    said: Counter[tuple[str, str | None]] = Counter()
    for crop in crops:
        seen = adapter.see(_picture(crop), Seen(signs=(Sign(score=1.0, box=crop.box),)))
        assert seen.signs
        said[crop.state, seen.signs[0].kind] += 1
    signs = {pair: n for pair, n in said.items() if pair[0] != "other"}
    total, named = sum(signs.values()), sum(n for (_, kind), n in signs.items() if kind)
    if not total:
        print(f"{name}: not there")
        return
    right = sum(n for (truth, kind), n in signs.items() if truth == kind)
    limits = {pair: n for pair, n in signs.items() if pair[0][:5] == (pair[1] or "")[:5] == "speed"}
    wrong = sum(n for (truth, kind), n in limits.items() if truth != kind)
    nothing = {pair: n for pair, n in said.items() if pair[0] == "other"}
    print(f"{name}: {total} signs; right {right / total:.4f}, said nothing of {1 - named / total:.4f}, "
          f"right where it spoke {right / max(1, named):.4f}; a wrong number on {wrong} of "
          f"{sum(limits.values())} speed limits; of {sum(nothing.values())} that are none, "
          f"{sum(n for (_, kind), n in nothing.items() if kind)} were called one")  # fmt: skip
    for kind in sign_data.CLASSES:
        of_kind = {found: n for (truth, found), n in said.items() if truth == kind}
        if n := sum(of_kind.values()):
            hit = of_kind.get(None if kind == "other" else kind, 0)
            slips = sorted(((m, f) for f, m in of_kind.items() if f not in (kind, None)), reverse=True)[:3]
            print(f"  {kind:20s} {hit / n:.3f} of {n}", ", ".join(f"{f}: {m}" for m, f in slips))


def _picture(crop: Light) -> Picture:
    return Picture(t_ns=0, frame_id=0, image=crop.image)


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=("light", "sign"))
    parser.add_argument("--gtsrb", type=Path, help="its folder Final_Test")
    parser.add_argument("--tt100k", type=Path, help="a folder with one folder for each class")
    parser.add_argument("--rendered", type=int, default=1000)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    name = f"icv-{args.what}"
    zoo = Zoo()
    entry = zoo.entry(name)
    session = open_session(zoo.locate(name), config.Perception(), entry)
    if args.what == "light":
        adapter = Lights(session, entry)
        light_figures("foreign crops", datasets.light_crops(SHARED), adapter)
        held_out = light_data.real_set("held_out")
        light_figures("held-out photographs", _named(held_out, light_data.CLASSES), adapter)
        drawn = light_data.rendered_set(UNSEEN, args.rendered)
        light_figures("rendered, unseen", _named(drawn, light_data.CLASSES), adapter)
        return
    signs = Signs(session, entry)
    sign_figures(
        "rendered, unseen", _named(sign_data.rendered_set(UNSEEN, args.rendered), sign_data.CLASSES), signs
    )
    sign_figures("by eye", datasets.signs(SHARED, LABELS), signs)
    if args.gtsrb:
        sign_figures("GTSRB", gtsrb(args.gtsrb), signs)
    if args.tt100k:
        sign_figures("TT100K", tt100k(args.tt100k), signs)


def _named(crops: Iterable[Crop], classes: tuple[str, ...]) -> Iterator[Light]:
    return (Light(crop.image, crop.box, classes[crop.label]) for crop in crops)


if __name__ == "__main__":
    main()
