"""Trains models/icv-road.onnx: road, lane marks and road users from one small network.

First real pictures alone, if they are there, then these and rendered ones, then mostly rendered ones, last
many with persons and two-wheelers.
Deterministic for one version of torch and the same pictures; about an hour on two CPU cores.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from learning import learn
from networks import KINDS, RoadDecoder, RoadNet, export
from road_data import Sample, learning_set, plain_view, random_view, real_set
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
BATCH = 16
RARE = ("motorcycle", "bicycle", "person")
OUTPUTS = ("surface", "boxes", "scores", "kinds")


def losses(net: nn.Module, batch: list[np.ndarray]) -> dict[str, Tensor]:
    """Road and mark: cross-entropy and Dice. Centres: the focal loss of CornerNet. Boxes: generalised IoU."""
    pictures, surface, surface_weight, heat, heat_weight, sides, sides_weight = map(torch.from_numpy, batch)
    road, centres, distances = net(pictures)

    weight = surface_weight[:, None] * torch.tensor([1.0, 3.0])[None, :, None, None]
    entropy = functional.binary_cross_entropy_with_logits(
        road, surface, weight, reduction="sum"
    ) / weight.sum().clamp(1)
    mark, wanted = torch.sigmoid(road[:, 1]) * surface_weight, surface[:, 1] * surface_weight
    dice = 1 - (2 * (mark * wanted).sum() + 1) / (mark.square().sum() + wanted.square().sum() + 1)

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
    return {"road": entropy, "mark": 0.3 * dice, "centre": 0.5 * focal, "box": box}


def batches(sets: list[tuple[list[Sample], int]], seed: int):  # type: ignore[no-untyped-def]
    """step -> arrays of one batch: of each set as many pictures as its number says."""

    def make(step: int) -> list[np.ndarray]:
        random = np.random.default_rng([seed, step])
        cv2.setRNGSeed(step)
        rows = []
        for samples, count in sets:
            for index in random.integers(0, len(samples), count):
                view, target = random_view(samples[index], random)
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
    parser.add_argument("--real-steps", type=int, default=700)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--last-steps", type=int, default=2400)
    parser.add_argument("--rare-steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    net = RoadNet().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")

    real = (args.data / "images" / "highway_objects").is_dir()
    scenes = learning_set(args.scenes, args.cache)
    rare = [scene for scene in scenes if {KINDS[int(k)] for k in scene.boxes[:, 0] if k >= 0} & set(RARE)]
    mixed, mostly, rarely = [(scenes, BATCH)], [(scenes, BATCH)], [(scenes, 8), (rare, 8)]
    if real:
        objects, frames = real_set(args.data, args.teachers or args.data.parent / "models", args.cache)
        first = [(objects, 11), (frames, 5)]
        rarely = [(scenes, 7), (rare, 6), (objects, 1), (frames, 2)]
        mixed, mostly = [(scenes, 9), (objects, 4), (frames, 3)], [(scenes, 12), (objects, 1), (frames, 3)]
        net = stage(net, first, 1, args.real_steps, args.cache / "road_real.pt")
    else:
        print(f"{args.data} has no pictures: trained on rendered ones alone, and weak on real ones")
    net = stage(net, mixed, 2, args.steps, args.cache / "road.pt")
    net = stage(net, mostly, 3, args.last_steps, args.cache / "road_last.pt")
    net = stage(net, rarely, 4, args.rare_steps, args.cache / "road_rare.pt")
    example = plain_view(scenes[0].image)[None]
    worst = export(RoadDecoder(net), example, OUTPUTS, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes, differs from torch by at most {worst:.1e}")


def stage(
    net: nn.Module, sets: list[tuple[list[Sample], int]], seed: int, steps: int, checkpoint: Path
) -> nn.Module:
    """Learns from these shares of these sets; continues if it was stopped."""
    return learn(net, batches(sets, seed), losses, last=steps, rate=2e-3, checkpoint=checkpoint)


if __name__ == "__main__":
    main()
