"""Trains models/icv-sign.onnx: which traffic sign it is, from a crop of it.

Learns from rendered signs alone. Deterministic for one version of torch and OpenCV; about a quarter of an
hour on one CPU core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from crop_network import CropNet, export_crops, losses
from crops import batches, kept
from learning import learn
from sign_data import CLASSES, SIZE, rendered_set, view

HERE = Path(__file__).parent


def main() -> None:
    """Reads the arguments and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "icv-sign.onnx")
    parser.add_argument("--cache", type=Path, default=HERE / "data")
    parser.add_argument("--signs", type=int, default=13050, help="rendered signs to learn from")
    parser.add_argument("--steps", type=int, default=4200)
    args = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    net = CropNet(SIZE, len(CLASSES), (16, 32, 64), 96).to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    signs = kept(f"sign_rendered_{args.signs}", args.cache, lambda: rendered_set(0, args.signs))
    make = batches(signs, np.ones(len(signs)), view, batch=96, seed=1)
    net = learn(net, make, losses, last=args.steps, rate=3e-3, checkpoint=args.cache / "sign.pt")
    worst = export_crops(net, SIZE, args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes, differs from torch by at most {worst:.1e}")


if __name__ == "__main__":
    main()
