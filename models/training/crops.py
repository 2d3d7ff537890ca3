"""What lights and signs to learn from have in common: random views of a crop, scenery, the camera."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from edge.vision.adapters.crops import box_stretched

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


class Crop(NamedTuple):
    """A small picture, the box in it that a detector would give (left, top, right, bottom px), its class."""

    image: np.ndarray
    box: tuple[float, float, float, float]
    label: int


def batches(
    crops: list[Crop],
    shares: np.ndarray,
    view: Callable[[Crop, np.random.Generator], np.ndarray],
    batch: int,
    seed: int,
) -> Callable[[int], list[np.ndarray]]:
    """step -> pictures and labels; shares: how often each crop is drawn."""
    shares = shares / shares.sum()

    def make(step: int) -> list[np.ndarray]:
        random = np.random.default_rng([seed, step])
        cv2.setRNGSeed(step)
        drawn = [crops[index] for index in random.choice(len(crops), batch, p=shares)]
        return [np.stack([view(crop, random) for crop in drawn]), np.array([crop.label for crop in drawn])]

    return make


def cut(image: np.ndarray, box: tuple[float, float, float, float], margin: float, size: int) -> np.ndarray:
    """What the adapter feeds: (size, size, 3)."""
    return cv2.warpAffine(
        image,
        box_stretched(box, margin, size, size),
        (size, size),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def jittered(
    box: tuple[float, float, float, float],
    random: np.random.Generator,
    shift: float,
    grow: tuple[float, float],
) -> tuple[float, float, float, float]:
    """A box such as a detector gives: each side is moved by about `shift` of its length, all grow alike."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    more = random.uniform(*grow) / 2
    a, b, c, d = random.normal(0.0, shift, 4)
    return (
        left + (a - more) * width,
        top + (b - more) * height,
        right + (c + more) * width,
        bottom + (d + more) * height,
    )


def recoloured(image: np.ndarray, random: np.random.Generator, hue: float = 1.0) -> np.ndarray:
    """Another camera: gains, saturation, contrast, gamma, haze, noise. hue: how far the colours may go."""
    x = image.astype(np.float32)
    x *= random.uniform(0.75, 1.25) * (1 + hue * random.uniform(-0.12, 0.12, 3).astype(np.float32))
    if random.random() < 0.5:
        grey = x.mean(2, keepdims=True)
        x = grey + (x - grey) * random.uniform(0.55, 1.5)
    if random.random() < 0.4:
        x = 255 * (np.clip(x, 0, 255) / 255) ** random.uniform(0.6, 1.7)
    if random.random() < 0.25:
        veil = random.uniform(120, 255) * (1 + random.uniform(-0.15, 0.15, 3))
        thick = random.uniform(0.05, 0.45)
        x = x * (1 - thick) + veil.astype(np.float32) * thick
    if random.random() < 0.5:
        x += random.normal(0, random.uniform(1, 10), x.shape).astype(np.float32)
    return np.clip(x + 0.5, 0, 255).astype(np.uint8)


def taken(scene: np.ndarray, random: np.random.Generator, worst: float = 1.0) -> np.ndarray:
    """A scene (uint8) as a camera gives it: out of focus, shaken, noisy, compressed. worst: scales it."""
    x = scene
    if random.random() < 0.5:
        x = cv2.GaussianBlur(x, (0, 0), random.uniform(0.2, 1.1 * worst))
    if random.random() < 0.2:
        length = int(random.integers(2, 3 + int(3 * worst)))
        kernel = np.zeros((length, length), np.float32)
        angle = random.uniform(0, np.pi)
        reach = (length - 1) / 2
        ends = [
            (round(reach + s * reach * np.cos(angle)), round(reach + s * reach * np.sin(angle)))
            for s in (-1, 1)
        ]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        x = cv2.filter2D(x, -1, kernel / max(kernel.sum(), 1e-6), borderType=cv2.BORDER_REPLICATE)
    if random.random() < 0.5:
        noise = random.normal(0, random.uniform(1, 9 * worst), x.shape)
        if random.random() < 0.5:  # noise of neighbouring pixels hangs together after demosaicing
            noise = cv2.GaussianBlur(noise, (0, 0), 0.7) * 1.8
        x = np.clip(x + noise, 0, 255).astype(np.uint8)
    if random.random() < 0.75:
        quality = int(random.integers(max(10, int(50 - 30 * worst)), 96))
        x = cv2.imdecode(cv2.imencode(".jpg", x, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return x


@functools.cache
def scenery(pattern: str) -> tuple[np.ndarray, ...]:
    """Permissive photographs to paste on, those of `pattern` under the shared data."""
    paths = sorted(SHARED.glob(pattern))
    images = (cv2.imread(str(path)) for path in paths)
    return tuple(image for image in images if image is not None)


def patch(
    random: np.random.Generator, photographs: tuple[np.ndarray, ...], height: int, width: int
) -> np.ndarray:
    """A random piece of a random photograph, or a plain ground, (height, width, 3)."""
    if not photographs or random.random() < 0.2:
        top, bottom = (
            random.uniform(0, 255, (2, 3)) if random.random() < 0.5 else random.uniform(0, 255, (2, 1))
        )
        ramp = np.linspace(0, 1, height)[:, None, None]
        return np.broadcast_to(top * (1 - ramp) + bottom * ramp, (height, width, 3)).astype(np.uint8)
    photograph = photographs[random.integers(len(photographs))]
    rows, columns = photograph.shape[:2]
    down = int(random.uniform(0.08, 0.6) * rows)
    across = min(columns, max(8, int(down * width / height)))
    y, x = random.integers(0, rows - down + 1), random.integers(0, columns - across + 1)
    piece = photograph[y : y + down, x : x + across]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    return cv2.resize(
        piece, (width, height), interpolation=cv2.INTER_AREA if across > width else cv2.INTER_LINEAR
    )


def kept(name: str, cache: Path, make: Callable[[], list[Crop]]) -> list[Crop]:
    """make(), or what it gave the last time."""
    path = cache / f"{name}.pickle"
    if path.exists():
        return pickle.loads(path.read_bytes())
    made = make()
    cache.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(made))
    return made
