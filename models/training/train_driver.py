"""Trains models/icv-driver.onnx: face, eyes, head and gaze of the simulated driver.

Learns from rendered pictures alone; it is not for real people. Deterministic for one version of torch and
of edge.sim; about a quarter of an hour on one CPU core.
"""

from __future__ import annotations

import argparse
import functools
from pathlib import Path

import cv2
import numpy as np
import torch
from driver_data import SURELY_CLOSED, SURELY_OPEN, Look, random_view, rendered_set
from learning import learn
from networks import ANGLE_SCALE_DEG, DriverDecoder, DriverNet, export
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
BATCH = 48
OUTPUTS = ("probabilities", "box", "angles")


def losses(net: nn.Module, batch: list[np.ndarray], gaze: float = 1.0) -> dict[str, Tensor]:
    """gaze: how much more it counts than the head, where an eye is open.

    Cross-entropy for face and eyes, smooth L1 for the box and the angles of those that are there."""
    pictures, shares, box, angles, cut = map(torch.from_numpy, batch)
    found, found_box, found_eyes, found_angles = net(pictures, cut)
    face = shares[:, 0]
    eyes = ((shares[:, 1:] - SURELY_CLOSED) / (SURELY_OPEN - SURELY_CLOSED)).clamp(0, 1)
    there = face.sum().clamp(1)
    seen = face[:, None] * torch.isfinite(eyes)
    eye = functional.binary_cross_entropy_with_logits(found_eyes, eyes.nan_to_num(), reduction="none")
    side = functional.smooth_l1_loss(found_box / 100, box / 100, beta=0.02, reduction="none").mean(1)
    wanted = angles / ANGLE_SCALE_DEG
    angle = functional.smooth_l1_loss(found_angles, wanted, beta=0.1, reduction="none")
    if gaze != 1.0:
        wide = (shares[:, 1:].nan_to_num().amax(1) > 0.3).float()
        angle = torch.cat((angle[:, :3], angle[:, 3:] * gaze * wide[:, None]), 1)
    angle = angle.mean(1)
    return {
        "face": 0.5 * functional.binary_cross_entropy_with_logits(found, face),
        "eyes": (eye * seen).sum() / seen.sum().clamp(1),
        "box": 4.0 * (side * face).sum() / there,
        "angles": 2.0 * (angle * face).sum() / there,
    }


def batches(looks: list[Look], seed: int):  # type: ignore[no-untyped-def]
    """step -> arrays of one batch."""

    def make(step: int) -> list[np.ndarray]:
        random = np.random.default_rng([seed, step])
        cv2.setRNGSeed(step)
        rows = [random_view(looks[index], random) for index in random.integers(0, len(looks), BATCH)]
        pictures, shares, box, angles = (np.stack(column) for column in zip(*rows, strict=True))
        # The square round the face is learnt from where the face roughly is: it will not be found exactly.
        size = np.tile(box[:, 2:] - box[:, :2], 2)
        cut = np.where(shares[:, :1] > 0, box + size * random.normal(0.0, 0.04, box.shape), (40, 30, 90, 90))
        return [pictures, shares, box, angles, cut.astype(np.float32)]

    return make


def main() -> None:
    """Reads the arguments and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "icv-driver.onnx")
    parser.add_argument("--cache", type=Path, default=HERE / "data")
    parser.add_argument("--looks", type=int, default=6000, help="rendered pictures to learn from")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--gaze-steps", type=int, default=1500)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    net = DriverNet().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    looks = rendered_set(0, args.looks, args.cache)
    net = learn(
        net,
        batches(looks, 1),
        losses,
        last=args.steps,
        rate=2e-3,
        checkpoint=args.cache / "driver.pt",
    )
    # The eyes are few pixels: what they look at is learnt last, and must then count.
    for_gaze = functools.partial(losses, gaze=4.0)
    checkpoint = args.cache / "driver_gaze.pt"
    net = learn(net, batches(looks, 2), for_gaze, last=args.gaze_steps, rate=2e-3, checkpoint=checkpoint)
    worst = export(DriverDecoder(net), looks[0].image[None], OUTPUTS, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes, differs from torch by at most {worst:.1e}")


if __name__ == "__main__":
    main()
