"""Trains models/icv-eye.onnx: how far an eye is open.

Learns from rendered eyes alone. Deterministic for one version of torch, numpy and OpenCV; two minutes on one
CPU core, half of them drawing.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
import torch
from eye_data import EYE_PX, HELD_OUT_SEEDS, eye
from learning import learn
from networks import conv, export, plain
from torch import Tensor, nn
from torch.nn import functional

HERE = Path(__file__).parent
BATCH = 128
GREY = (0.114, 0.587, 0.299)  # of blue, green and red


class EyeNet(nn.Module):
    """Six convolutions down to 6x6, and what they say together."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Sequential(
            conv(1, 12, 2), conv(12, 24, 2), plain(24), conv(24, 40, 2), plain(40),
            conv(40, 12, 1, 1), nn.Flatten(),
            nn.Linear(12 * (EYE_PX // 8) ** 2, 32), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.Linear(32, 1),
        )  # fmt: skip

    def forward(self, grey: Tensor) -> Tensor:
        """float (N, 1, EYE_PX, EYE_PX) -> logit (N,) of being open."""
        x = grey - grey.mean((2, 3), keepdim=True)
        # A dark or hazy picture has the same shapes in fewer grey levels.
        x = x / (x.square().mean((2, 3), keepdim=True).sqrt() + 2.0)
        return self.look(x)[:, 0]


class EyeDecoder(nn.Module):
    """What is exported: EyeNet from a picture in colour to a share."""

    def __init__(self, net: EyeNet) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("weights", torch.tensor(GREY))

    def forward(self, picture: Tensor) -> Tensor:
        """Uint8 (1, EYE_PX, EYE_PX, 3) BGR -> (1,) 0 closed to 1 open."""
        return torch.sigmoid(self.net((picture.float() * self.weights).sum(3)[:, None]))


def rendered(first: int, number: int, cache: Path) -> tuple[np.ndarray, np.ndarray]:
    """Uint8 (number, EYE_PX, EYE_PX) and openness (number,), drawn once and kept."""
    path = cache / f"eyes_{first}_{number}.npz"
    if not path.exists():
        eyes = [eye(seed) for seed in range(first, first + number)]
        path.parent.mkdir(parents=True, exist_ok=True)
        openness = np.array([one.openness for one in eyes], np.float32)
        np.savez(path, images=np.stack([one.image for one in eyes]), openness=openness)
    with np.load(path) as kept:
        return kept["images"], kept["openness"]


def batches(images: np.ndarray, openness: np.ndarray, seed: int):  # type: ignore[no-untyped-def]
    """step -> (float32 (N, 1, EYE_PX, EYE_PX), openness (N,)): moved, turned, mirrored."""

    def make(step: int) -> list[np.ndarray]:
        random = np.random.default_rng([seed, step])
        chosen = random.integers(0, len(images), BATCH)
        half = EYE_PX / 2
        batch = np.empty((BATCH, 1, EYE_PX, EYE_PX), np.float32)
        for row, index in enumerate(chosen):
            scale = np.exp(random.normal(0, 0.06))
            matrix = cv2.getRotationMatrix2D((half, half), random.normal(0, 4), scale)
            matrix[:, 2] += random.normal(0, 1.5, 2)
            moved = cv2.warpAffine(
                images[index][:, :: random.choice((-1, 1))],
                matrix,
                (EYE_PX, EYE_PX),
                flags=cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            batch[row, 0] = moved
        return [batch, openness[chosen]]

    return make


def loss_of(net: nn.Module, batch: list[np.ndarray]) -> dict[str, Tensor]:
    """Cross-entropy with how far the eye is open."""
    images, openness = map(torch.from_numpy, batch)
    return {"eye": functional.binary_cross_entropy_with_logits(net(images), openness)}


def main() -> None:
    """Reads the arguments and trains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent / "icv-eye.onnx")
    parser.add_argument("--cache", type=Path, default=HERE / "data")
    parser.add_argument("--eyes", type=int, default=10000, help="rendered eyes to learn from")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(1)
    torch.manual_seed(1)
    net = EyeNet().to(memory_format=torch.channels_last)
    print(f"{sum(p.numel() for p in net.parameters())} parameters")
    images, openness = rendered(0, args.eyes, args.cache)
    net = learn(
        net,
        batches(images, openness, 1),
        loss_of,
        last=args.steps,
        rate=2e-3,
        checkpoint=args.cache / "eye.pt",
    )
    example = np.repeat(eye(HELD_OUT_SEEDS).image[None, :, :, None], 3, axis=3)
    worst = export(EyeDecoder(net), example, ("openness",), args.out)
    print(f"{args.out}: {args.out.stat().st_size} bytes, differs from torch by at most {worst:.1e}")


if __name__ == "__main__":
    main()
