"""`icv models bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge.cli.models.option import chosen, perception_of, zoo_of, zoo_options

if TYPE_CHECKING:
    from edge.vision.evaluate.bench import Rendered


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (default: all that are here)")
    parser.add_argument(
        "--data", metavar="DIR", help="real pictures with labels; without it only speed and rendered pictures"
    )
    parser.add_argument(
        "--write",
        metavar="DOCS",
        help="where models.md and pictures/ go, such as docs; the figures go beside models/zoo.toml",
    )
    parser.add_argument("--quick", action="store_true", help="fewer pictures and rounds: about two minutes")
    zoo_options(parser)


def run(args: argparse.Namespace) -> int:
    """0; 1 if a model is absent that was named, or data that a written page needs."""
    import sys
    from pathlib import Path

    import msgspec

    from edge.config import UserError
    from edge.runtime.bench import machine
    from edge.vision.evaluate.bench import Wanted, at_hand, bench
    from edge.vision.evaluate.datasets import missing
    from edge.vision.evaluate.page import markdown, text
    from edge.vision.evaluate.results import write_results

    perception = perception_of(args)
    if not args.config:  # what is compared is one network on one processor
        perception = msgspec.structs.replace(perception, threads=1)
    zoo = zoo_of(perception)
    data = Path(args.data).expanduser() if args.data else None
    labels = zoo.path.parent / "training/labels"
    if args.write and args.names:
        raise UserError("--write tells of all models, those that are not named would be lost: give no NAME")
    if data is not None:
        if not data.is_dir():
            raise UserError(f"--data {data}: no such directory")
        if not labels.is_dir():
            print(
                f"{labels} is not there: what people labelled comes with a checkout alone, and is left out",
                file=sys.stderr,
            )
        absent_data = missing(data)
        for name in absent_data:
            print(f"{data / name} is not there: what is measured on it is left out", file=sys.stderr)
        if args.write and absent_data:
            raise UserError(f"--write needs all data sets; {len(absent_data)} are not in {data}")
    elif args.write:
        raise UserError("--write needs --data DIR, with the real pictures that the page is about")
    names, absent = at_hand(zoo, perception, chosen(zoo, args.names))
    for reason in absent.values():
        print(reason, file=sys.stderr)
    if not names:
        raise UserError("no model is at hand: icv models fetch brings public ones")
    here = at_hand(zoo, perception, list(zoo.entries))[0]
    needy = [name for name in names if "face" in zoo.entry(name).needs]
    if needy and not any("face" in zoo.entry(name).finds and not zoo.entry(name).own for name in here):
        print(
            f"no public model that finds faces is at hand, so that of {', '.join(needy)} only the speed is "
            "measured: icv models fetch yunet_n_320_320",
            file=sys.stderr,
        )
    wanted = Wanted(tuple(names), data, labels, rendered(args.quick), args.quick)
    results = bench(wanted, perception, zoo, machine(), _stage)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode(results), indent=1).decode())
    else:
        print(text(results))
    if args.write:
        from edge.vision.evaluate.gallery import draw_gallery

        docs = Path(args.write)
        write_results(results, zoo.path.with_name("figures.json"))
        drawn = draw_gallery(docs / "pictures", wanted, perception, zoo)
        (docs / "models.md").write_text(markdown(results, zoo.entries), encoding="utf-8")
        for path in (zoo.path.with_name("figures.json"), docs / "models.md", *drawn):
            print(f"written: {path}", file=sys.stderr)
    return int(any(name in absent for name in args.names))


def _stage(title: str) -> Callable[[], None]:
    """A counter of pictures on the terminal, one for each part."""
    from tqdm import tqdm

    bar = tqdm(desc=title, unit=" pictures", leave=False, disable=None)  # None: on a terminal only

    def step() -> None:
        bar.update()

    return step


def rendered(quick: bool) -> Rendered:
    """Scenes and drivers of edge.sim that nothing was trained on."""
    from collections.abc import Iterator

    import numpy as np

    from edge.messages import Face
    from edge.sim.driver_picture import draw_driver
    from edge.sim.road_picture import draw_road
    from edge.sim.truth import driver_truth, random_driver, random_scene, road_truth
    from edge.vision.evaluate.bench import Rendered
    from edge.vision.evaluate.datasets import Objects
    from edge.vision.evaluate.on_drivers import Driver

    first = 1_000_000  # seeds from here on are never trained on: models/training/road_data.py, driver_data.py
    road_size, driver_size = (640, 360), (640, 480)

    def roads() -> Iterator[Objects]:
        for seed in range(first, first + (8 if quick else 40)):
            scene, geometry = random_scene(seed)
            boxes: dict[str, list[tuple[float, float, float, float]]] = {}
            ignored: list[tuple[float, float, float, float]] = []
            for user in road_truth(scene, geometry, *road_size).objects:
                in_sight = user.visible_ratio > 0.25 and user.box[3] - user.box[1] >= road_size[1] / 40
                (boxes.setdefault(user.kind, []) if in_sight else ignored).append(user.box)
            yield Objects(
                draw_road(scene, geometry, *road_size),
                {kind: np.array(some, np.float64) for kind, some in boxes.items()},
                np.array(ignored, np.float64).reshape(-1, 4),
            )

    def drivers() -> Iterator[Driver]:
        for seed in range(first, first + (30 if quick else 150)):
            state, look = random_driver(seed)
            truth = driver_truth(state, *driver_size, look)
            face = None
            if truth is not None:
                face = Face(
                    score=1.0,
                    box=truth.box,
                    left_eye_open=truth.left_eye_open,
                    right_eye_open=truth.right_eye_open,
                    head_yaw_deg=truth.head_yaw_deg,
                    head_pitch_deg=truth.head_pitch_deg,
                    head_roll_deg=truth.head_roll_deg,
                    gaze_yaw_deg=truth.gaze_yaw_deg,
                    gaze_pitch_deg=truth.gaze_pitch_deg,
                )
            yield Driver(
                draw_driver(state, *driver_size, look),
                face,
                truth is not None and truth.left_eye_seen,
                truth is not None and truth.right_eye_seen,
            )

    return Rendered(roads, drivers)
