"""Trains models/icv-light.onnx: the state of a traffic light, from a crop of it.

Learns from rendered lights and from two small labelled sets of photographs. Deterministic for one version of
torch and OpenCV; about a quarter of an hour on one CPU core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from crop_network import CropNet, export_crops, losses
from crops import Crop, batches, kept
from learning import learn
from light_data import CLASSES, SIZE, real_set, rendered_set, view

HERE = Path(__file__).parent
SHARES = (0.8, 0.2)  # of each batch: rendered, photographed


def main() -> None:
    """Reads the arguments and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "icv-light.onnx")
    parser.add_argument("--cache", type=Path, default=HERE / "data")
    parser.add_argument("--lights", type=int, default=10000, help="rendered lights to learn from")
    parser.add_argument("--steps", type=int, default=3000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    net = CropNet(SIZE, len(CLASSES), (16, 32, 48), 48).to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    drawn = kept(f"light_rendered_{args.lights}", args.cache, lambda: rendered_set(0, args.lights))
    photographed = real_set("learn")
    parts = (np.full(len(drawn), 1 / len(drawn)), even(photographed))
    shares = np.concatenate([part * share for part, share in zip(parts, SHARES, strict=True)])
    make = batches([*drawn, *photographed], shares, view, batch=96, seed=1)
    net = learn(net, make, losses, last=args.steps, rate=3e-3, checkpoint=args.cache / "light.pt")
    worst = export_crops(net, SIZE, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes, differs from torch by at most {worst:.1e}")


def even(crops: list[Crop]) -> np.ndarray:
    """Shares of crops, by which a class is drawn as often as the root of its number says."""
    labels = np.array([crop.label for crop in crops])
    share = 1 / np.sqrt(np.bincount(labels)[labels])
    return share / share.sum()


if __name__ == "__main__":
    main()
