"""The two small networks that we train ourselves, and how they become ONNX files.

Both take the picture as uint8 NHWC and normalise it inside the graph; what comes out is already decoded.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn
from torch.nn import functional

KINDS = ("car", "truck", "bus", "motorcycle", "bicycle", "person")
SURFACES = ("road", "mark", "kerb")  # marks are road too
ROAD_WIDTH, ROAD_HEIGHT = 416, 256
BOX_STRIDE, ROAD_STRIDE = 8, 4
TOP = 64

DRIVER_WIDTH, DRIVER_HEIGHT = 160, 120
CROP, CROP_SHARE = 64, 1.25  # px of the square round a face; its side as a share of the face's height
DRIVER_PROBABILITIES = ("face", "left_eye_open", "right_eye_open")
DRIVER_ANGLES = ("head_yaw_deg", "head_pitch_deg", "head_roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")
ANGLE_SCALE_DEG = 30.0


def conv(inputs: int, outputs: int, stride: int = 1, size: int = 3, groups: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    """A 5x5 convolution of each channel, then a 1x1 across them: a wide view for few weights."""
    return nn.Sequential(conv(inputs, inputs, stride, 5, inputs), conv(inputs, outputs, 1, 1))


class Residual(nn.Module):
    """x + f(x)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return x + self.body(x)


def plain(channels: int) -> Residual:
    """Two 3x3 convolutions beside a short cut."""
    return Residual(nn.Sequential(conv(channels, channels), conv(channels, channels)))


class RoadNet(nn.Module):
    """One backbone to stride 32, a pyramid back to stride 4; heads for the road and for road users."""

    def __init__(self) -> None:
        super().__init__()
        self.down4 = nn.Sequential(conv(3, 16, 2), conv(16, 24, 2), Residual(conv(24, 24)))
        self.down8 = nn.Sequential(conv(24, 48, 2), plain(48))
        self.down16 = nn.Sequential(conv(48, 80, 2), plain(80), plain(80))
        self.down32 = nn.Sequential(separable(80, 128, 2), *(Residual(separable(128, 128)) for _ in range(3)))
        self.from32, self.from16 = nn.Conv2d(128, 48, 1), nn.Conv2d(80, 48, 1)
        self.from8, self.from4 = nn.Conv2d(48, 48, 1), nn.Conv2d(24, 24, 1)
        self.mix16, self.mix8 = conv(48, 48), conv(48, 48)
        self.to4 = nn.Conv2d(48, 24, 1)
        self.road = nn.Sequential(conv(24, 24), nn.Conv2d(24, len(SURFACES), 1))
        self.users, self.wide = conv(48, 48), Residual(separable(48, 48))
        self.heat, self.sides = nn.Conv2d(48, len(KINDS), 1), nn.Conv2d(48, 4, 1)
        nn.init.constant_(self.heat.bias, -4.0)  # a centre is rare
        nn.init.constant_(self.sides.bias, 1.0)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Uint8 (N, 256, 416, 3) BGR -> logits of SURFACES (N, 3, 64, 104), of centres of each kind
        (N, 6, 32, 52), and the px from the middle of a cell to the four sides of its box (N, 4, 32, 52).
        """
        x = (pictures.float() - 114.0) / 64.0
        x4 = self.down4(x.permute(0, 3, 1, 2))
        x8 = self.down8(x4)
        x16 = self.down16(x8)
        x32 = self.down32(x16)
        y16 = self.mix16(_double(self.from32(x32)) + self.from16(x16))
        y8 = self.mix8(_double(y16) + self.from8(x8))
        y4 = functional.relu(_double(self.to4(y8)) + self.from4(x4))
        users = self.wide(self.users(y8))
        sides = torch.exp(self.sides(users).clamp(-4.0, 5.0)) * BOX_STRIDE
        return self.road(y4), self.heat(users), sides


class RoadDecoder(nn.Module):
    """What is exported: RoadNet, and of its maps the few numbers that anyone needs."""

    def __init__(self, net: RoadNet) -> None:
        super().__init__()
        self.net = net
        y, x = torch.meshgrid(
            torch.arange(ROAD_HEIGHT // BOX_STRIDE), torch.arange(ROAD_WIDTH // BOX_STRIDE), indexing="ij"
        )
        self.register_buffer("x", ((x + 0.5) * BOX_STRIDE).reshape(-1).float())
        self.register_buffer("y", ((y + 0.5) * BOX_STRIDE).reshape(-1).float())

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Uint8 (1, 256, 416, 3) -> probabilities of SURFACES, 0..255, uint8 (3, 64, 104); boxes (64, 4)
        left, top, right, bottom px; scores (64,) falling; kinds (64,) index into KINDS.
        """
        road, heat, sides = self.net(picture)
        best, kind = heat[0].max(0)
        peak = functional.max_pool2d(best[None, None], 3, 1, 1)[0, 0]
        score = torch.where(best == peak, torch.sigmoid(best), torch.zeros_like(best)).reshape(-1)
        scores, cell = torch.topk(score, TOP)
        d = sides[0].reshape(4, -1)[:, cell]
        x, y = self.x[cell], self.y[cell]
        boxes = torch.stack(
            (
                (x - d[0]).clamp(0, ROAD_WIDTH),
                (y - d[1]).clamp(0, ROAD_HEIGHT),
                (x + d[2]).clamp(0, ROAD_WIDTH),
                (y + d[3]).clamp(0, ROAD_HEIGHT),
            ),
            1,
        )
        surface = (torch.sigmoid(road[0]) * 255.0 + 0.5).to(torch.uint8)
        return surface, boxes, scores, kind.reshape(-1)[cell]


class DriverNet(nn.Module):
    """Where the face is, from the picture at half its size; then all about it, from a square cut round it."""

    def __init__(self) -> None:
        super().__init__()
        self.find = nn.Sequential(
            conv(1, 16, 2), conv(16, 32, 2), plain(32), separable(32, 48), nn.Conv2d(48, 4, 1)
        )
        self.look = nn.Sequential(
            conv(1, 16, 2), plain(16), conv(16, 32, 2), plain(32), conv(32, 64, 2), plain(64),
            conv(64, 32, 1, 1), nn.Flatten(),
            nn.Linear(32 * (CROP // 8) ** 2, 96), nn.ReLU(inplace=True), nn.Dropout(0.1), nn.Linear(96, 7),
        )  # fmt: skip
        y, x = torch.meshgrid(torch.arange(15), torch.arange(20), indexing="ij")
        self.register_buffer("x", ((x + 0.5) / 20).reshape(-1).float())
        self.register_buffer("y", ((y + 0.5) / 15).reshape(-1).float())
        step = (torch.arange(CROP) + 0.5) / CROP * 2 - 1
        self.register_buffer("step", step)

    def forward(self, pictures: Tensor, cut: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Uint8 (N, 120, 160, 3) BGR -> logit of a face (N,); its box left, top, right, bottom px (N, 4);
        logits of the left and right eye being open (N, 2); angles / 30 deg (N, 5).

        cut: boxes to look at instead of those found, for learning.
        """
        grey = pictures.float().mean(3)[:, None]
        maps = self.find((functional.avg_pool2d(grey, 2) - 100.0) / 64.0).flatten(2)
        share = torch.softmax(maps[:, 0], 1)
        face, width, height = ((share * maps[:, i]).sum(1) for i in (1, 2, 3))
        x, y = (share * self.x).sum(1) * DRIVER_WIDTH, (share * self.y).sum(1) * DRIVER_HEIGHT
        half_width, half_height = torch.exp(width.clamp(-2, 2)) * 20, torch.exp(height.clamp(-2, 2)) * 25
        box = torch.stack((x - half_width, y - half_height, x + half_width, y + half_height), 1)

        at = box.detach() if cut is None else cut
        half = (at[:, 3] - at[:, 1]) * (CROP_SHARE / 2)
        middle_x, middle_y = (at[:, 0] + at[:, 2]) / 2, (at[:, 1] + at[:, 3]) / 2
        columns = (middle_x[:, None] + half[:, None] * self.step) / DRIVER_WIDTH * 2 - 1
        rows = (middle_y[:, None] + half[:, None] * self.step) / DRIVER_HEIGHT * 2 - 1
        grid = torch.stack((columns[:, None].expand(-1, CROP, -1), rows[:, :, None].expand(-1, -1, CROP)), 3)
        square = functional.grid_sample(grey, grid, padding_mode="border", align_corners=False)
        # By night a face is dark and even: what counts is how it differs from its own mean.
        square = square - square.mean((2, 3), keepdim=True)
        square = square / (square.square().mean((2, 3), keepdim=True).sqrt() + 2.0)
        look = self.look(square)
        return face, box, look[:, :2], look[:, 2:]


class DriverDecoder(nn.Module):
    """What is exported: DriverNet with its numbers in px, degrees and probabilities."""

    def __init__(self, net: DriverNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Uint8 (1, 120, 160, 3) -> probabilities (3,), box (4,) px, angles (5,) deg, named above."""
        face, box, eyes, angles = self.net(picture)
        probabilities = torch.sigmoid(torch.cat((face, eyes[0])))
        return probabilities, box[0], angles[0] * ANGLE_SCALE_DEG


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def export(decoder: nn.Module, example: np.ndarray, outputs: tuple[str, ...], path: Path) -> float:
    """Write one ONNX file (opset 17) without dynamic shapes.

    Returns the largest difference to torch on `example`. Raises ValueError if it is over 1e-2 px or deg.
    """
    decoder.eval()
    picture = torch.from_numpy(example)
    torch.onnx.export(
        decoder, (picture,), str(path), input_names=["picture"], output_names=list(outputs),
        opset_version=17, dynamo=False,
    )  # fmt: skip
    model = onnx.load(path)
    model.ir_version = 8
    model.doc_string = f"icv-edge, {path.stem}: see {path.stem}.md"
    onnx.checker.check_model(model)
    onnx.save(model, path)
    with torch.no_grad():
        ours = dict(zip(outputs, (value.numpy() for value in decoder(picture)), strict=True))
    theirs = dict(zip(outputs, session(path).run(None, {"picture": example}), strict=True))
    if "scores" in ours:  # below, peaks tie and their order is anyone's
        for values in (ours, theirs):
            values["boxes"] = values["boxes"][ours["scores"] > 0.05]
    worst = max(
        float(np.abs(ours[name] - theirs[name]).max(initial=0.0))
        for name in outputs
        if ours[name].dtype == np.float32
    )
    if worst > 1e-2:
        raise ValueError(f"{path}: onnxruntime differs from torch by {worst}")
    return worst


def session(path: Path) -> onnxruntime.InferenceSession:
    """One thread, as on the board."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
