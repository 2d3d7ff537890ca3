"""Trains models/icv-road.onnx: road, lane marks and road users from one small network.

Three stages of rendered and, if they are there, real pictures: these first with what people labelled, then
with what the teachers see too; last more of two-wheelers and of the night.
Deterministic for one version of torch and the same pictures; about two hours on one CPU core.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import cv2
import numpy as np
import torch
from learning import learn
from networks import KINDS, ROAD_HEIGHT, ROAD_WIDTH, RoadDecoder, RoadNet, export
from road_data import Sample, labelled_set, learning_set, random_mosaic, random_view, real_set
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
BATCH = 16
RARE = ("motorcycle", "bicycle", "person")
TWO_WHEELERS = (KINDS.index("motorcycle"), KINDS.index("bicycle"))
DARK = 60  # mean of a picture by night
OUTPUTS = ("surface", "boxes", "scores", "kinds")


def losses(net: nn.Module, batch: list[np.ndarray]) -> dict[str, Tensor]:
    """Surfaces: cross-entropy, and Dice for marks and kerbs. Centres: the focal loss of CornerNet. Boxes:
    generalised IoU.
    """
    pictures, surface, surface_weight, heat, heat_weight, sides, sides_weight = map(torch.from_numpy, batch)
    surfaces, centres, distances = net(pictures)

    weight = surface_weight * torch.tensor([1.0, 3.0, 3.0])[:, None, None]
    entropy = functional.binary_cross_entropy_with_logits(
        surfaces, surface, weight, reduction="sum"
    ) / weight.sum().clamp(1)
    thin, wanted = torch.sigmoid(surfaces[:, 1:]) * surface_weight[:, 1:], (surface * surface_weight)[:, 1:]
    both, either = (thin * wanted).sum((0, 2, 3)), (thin.square() + wanted.square()).sum((0, 2, 3))
    mark, kerb = 1 - (2 * both + 1) / (either + 1)

    p = torch.sigmoid(centres).clamp(1e-4, 1 - 1e-4)
    hit = (heat > 0.999).float()
    loss = -hit * (1 - p).square() * p.log() - (1 - hit) * (1 - heat).pow(4) * p.square() * (1 - p).log()
    count = (hit * heat_weight).sum().clamp(1)
    focal = (loss * heat_weight).sum() / count

    low = torch.minimum(distances, sides)
    high = torch.maximum(distances, sides)
    both = (low[:, 0] + low[:, 2]) * (low[:, 1] + low[:, 3])
    hull = (high[:, 0] + high[:, 2]) * (high[:, 1] + high[:, 3])
    ours = (distances[:, 0] + distances[:, 2]) * (distances[:, 1] + distances[:, 3])
    theirs = (sides[:, 0] + sides[:, 2]) * (sides[:, 1] + sides[:, 3])
    union = ours + theirs - both
    giou = both / union - (hull - union) / hull
    box = ((1 - giou) * sides_weight).sum() / sides_weight.sum().clamp(1)
    return {"surface": entropy, "mark": 0.3 * mark, "kerb": 0.1 * kerb, "centre": 0.5 * focal, "box": box}


def batches(sets: list[tuple[list[Sample], int, float]], seed: int):  # type: ignore[no-untyped-def]
    """step -> arrays of one batch. Of each set: how many pictures, which share of them is a mosaic of 4."""

    def make(step: int) -> list[np.ndarray]:
        random = np.random.default_rng([seed, step])
        cv2.setRNGSeed(step)
        rows = []
        for samples, count, mosaics in sets:
            for _ in range(count):
                if random.random() < mosaics:
                    four = [samples[index] for index in random.integers(0, len(samples), 4)]
                    view, target = random_mosaic(four, random)
                else:
                    view, target = random_view(samples[random.integers(0, len(samples))], random)
                rows.append((view, *target))
        return [np.stack(column) for column in zip(*rows, strict=True)]

    return make


def main() -> None:
    """Reads the arguments and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "icv-road.onnx")
    parser.add_argument("--data", type=Path, default=HERE.parents[1].parent / "shared" / "data")
    parser.add_argument(
        "--teachers", type=Path, help="directory of the public models; default DATA/../models"
    )
    parser.add_argument("--cache", type=Path, default=HERE / "data")
    parser.add_argument("--scenes", type=int, default=3000, help="rendered scenes to learn from")
    parser.add_argument("--first-steps", type=int, default=6000)
    parser.add_argument("--steps", type=int, default=4500)
    parser.add_argument("--finish-steps", type=int, default=1800)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=shutil.which("g++") is not None,
        help="faster, if there is a C++ compiler",
    )  # fmt: skip
    parser.add_argument("--start", type=Path, help="weights of an earlier network to begin with")
    parser.add_argument(
        "--export-now", action="store_true", help="write what the last stage has learnt so far"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    net = RoadNet().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    stages = [args.cache / f"road_{stage}.pt" for stage in ("first", "taught", "finish")]
    if args.export_now:
        newest = max((path for path in stages if path.exists()), key=lambda path: path.stat().st_mtime)
        net.load_state_dict(torch.load(newest, weights_only=True)["average"])
        return written(net, args.out)

    scenes = learning_set(args.scenes, args.cache)
    rare = [scene for scene in scenes if {KINDS[int(k)] for k in scene.boxes[:, 0] if k >= 0} & set(RARE)]
    first, then = [(scenes, 10, 0.0), (rare, 6, 0.0)], [(scenes, 8, 0.0), (rare, 8, 0.0)]
    real = (args.data / "images" / "highway_objects").is_dir()
    if real:
        first = [(labelled_set(args.data), 8, 0.35), (scenes, 4, 0.0), (rare, 4, 0.0)]
    else:
        print(f"{args.data} has no pictures: trained on rendered ones alone, and weak on real ones")
    if args.start:
        widen(net, torch.load(args.start, weights_only=True)["average"])
    if args.first_steps:
        net = learn(
            net, batches(first, 1), losses, last=args.first_steps, rate=2e-3,
            checkpoint=stages[0], compiled=args.compile,
        )  # fmt: skip
    if real:
        objects, frames = real_set(args.data, args.teachers or args.data.parent / "models", args.cache)
        then = [(objects, 7, 0.35), (frames, 3, 0.1), (scenes, 3, 0.0), (rare, 3, 0.0)]
        riders = [scene for scene in rare if np.isin(scene.boxes[:, 0], TWO_WHEELERS).any()]
        walkers = [scene for scene in rare if (scene.boxes[:, 0] == KINDS.index("person")).any()]
        dark = [scene for scene in scenes if scene.image.mean() < DARK]
        finish = [
            (objects, 6, 0.25),
            (frames, 3, 0.1),
            (riders, 2, 0.0),
            (walkers, 3, 0.0),
            (dark, 1, 0.0),
            (scenes, 1, 0.0),
        ]
    # Edges and colours have been learnt by now; without the largest maps a step costs a quarter less.
    net.down4.requires_grad_(False)
    net = learn(
        net, batches(then, 2), losses, last=args.steps, rate=2e-3, checkpoint=stages[1], compiled=args.compile
    )
    if real and args.finish_steps:
        net = learn(
            net, batches(finish, 3), losses, last=args.finish_steps, rate=1e-3,
            checkpoint=stages[2], compiled=args.compile,
        )  # fmt: skip
    written(net, args.out)


def widen(net: nn.Module, earlier: dict[str, Tensor]) -> None:
    """Takes over the weights of a network with fewer layers or maps; what is new starts with little say."""
    state = net.state_dict()
    for name, value in state.items():
        if name in earlier:
            (value[: len(earlier[name])] if value.ndim else value).copy_(earlier[name])
        elif ".body." in name and name.endswith("1.weight") and value.ndim == 1:
            value.fill_(0.2)
    net.load_state_dict(state)


def written(net: nn.Module, path: Path) -> None:
    """Exports and says what came out."""
    example = np.full((1, ROAD_HEIGHT, ROAD_WIDTH, 3), 114, np.uint8)
    example[0, : ROAD_HEIGHT // 2] = np.random.default_rng(0).integers(0, 255, example[0, 128:].shape)
    worst = export(RoadDecoder(net), example, OUTPUTS, path)
    print(f"{path}: {path.stat().st_size} bytes, differs from torch by at most {worst:.1e}")


if __name__ == "__main__":
    main()
