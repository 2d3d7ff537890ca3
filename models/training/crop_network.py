"""The network of icv-light and icv-sign, and how it becomes an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from networks import conv, export, plain
from torch import Tensor, nn
from torch.nn import functional


class CropNet(nn.Module):
    """Three strides of plain convolutions over one crop, then what is where decides."""

    def __init__(self, size: int, classes: int, widths: tuple[int, int, int], hidden: int) -> None:
        super().__init__()
        a, b, c = widths
        self.body = nn.Sequential(
            conv(3, a, 2), plain(a), conv(a, b, 2), conv(b, b), conv(b, c, 2), conv(c, c)
        )
        self.head = nn.Sequential(
            conv(c, 24, 1, 1),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(24 * (size // 8) ** 2, hidden),
            nn.ReLU(inplace=True),
            nn.Linear(hidden, classes),
        )

    def forward(self, pictures: Tensor) -> Tensor:
        """Uint8 (N, size, size, 3) BGR -> logits (N, classes)."""
        x = (pictures.float() - 114.0) / 64.0
        return self.head(self.body(x.permute(0, 3, 1, 2)))


class CropDecoder(nn.Module):
    """What is exported: CropNet with probabilities."""

    def __init__(self, net: CropNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> tuple[Tensor]:
        """Uint8 (1, size, size, 3) -> probabilities (classes,)."""
        return (torch.softmax(self.net(picture)[0], 0),)


def export_crops(net: nn.Module, size: int, path: Path) -> float:
    """Write the ONNX file. Returns the largest difference to torch."""
    example = np.random.default_rng(0).integers(0, 255, (1, size, size, 3), dtype=np.uint8)
    return export(CropDecoder(net), example, ("probabilities",), path)


def losses(net: nn.Module, batch: list[np.ndarray]) -> dict[str, Tensor]:
    """Cross-entropy with a little smoothing: some labels are wrong, and sure answers shall mean something."""
    pictures, labels = map(torch.from_numpy, batch)
    return {"class": functional.cross_entropy(net(pictures), labels, label_smoothing=0.02)}
