"""Traffic lights to learn from: rendered ones, and those of two labelled sets of photographs.

A rendered light is built as light itself: what is lit is added to what is seen, spills over, and is cut at
white by the camera, so that a bright lamp has a pale core and a coloured rim.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from crops import SHARED, Crop, cut, jittered, patch, recoloured, scenery, taken

from edge.vision.adapters.lights import MARGIN

CLASSES = ("red", "yellow", "green", "off", "none")
RED, YELLOW, GREEN, OFF, NONE = range(5)
SIZE = 32
UNIT = 10  # px, the radius of a lamp while it is drawn
SCENERY = ("images/highway_objects/train/*", "images/carnd_P*/*")
# Hue, saturation and value ranges of what is lit, as OpenCV counts them (hue 0 to 180).
HUES = {RED: (-6, 6), YELLOW: (9, 27), GREEN: (52, 95)}


def lit_colour(state: int, random: np.random.Generator) -> np.ndarray:
    """BGR, 0 to 1."""
    low, high = HUES[state]
    hsv = np.uint8([[[int(random.uniform(low, high)) % 180, random.uniform(190, 255), 255]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32) / 255


def symbol(kind: str, radius: float, random: np.random.Generator) -> np.ndarray:
    """The lit part of a lamp, (2r, 2r) of 0 to 1."""
    side = 2 * int(np.ceil(radius)) + 1
    drawn = np.zeros((side, side), np.uint8)
    half, middle = side // 2, side / 2
    if kind == "disc":
        cv2.circle(drawn, (half, half), int(radius * random.uniform(0.85, 1.0)), 255, -1, cv2.LINE_AA)
    elif kind == "arrow":
        r, thick = radius * 0.8, max(2, int(radius * random.uniform(0.18, 0.35)))
        points = np.array([(-r, 0), (r, 0), (-0.1 * r, -0.75 * r), (-0.1 * r, 0.75 * r)])
        turn = np.deg2rad(random.choice((0, 0, 90, 90, 180, 45, 135)) + random.normal(0, 3))
        points = points @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]) + middle
        tip, tail, up, down = (tuple(int(v) for v in point) for point in points)
        if random.random() < 0.7:
            cv2.line(drawn, tip, tail, 255, thick, cv2.LINE_AA)
        cv2.line(drawn, tip, up, 255, thick, cv2.LINE_AA)
        cv2.line(drawn, tip, down, 255, thick, cv2.LINE_AA)
    elif kind == "figure":  # a person, for those on foot
        hip = (int(middle + random.uniform(-0.2, 0.2) * radius), int(middle + 0.2 * radius))
        cv2.circle(
            drawn, (half, int(middle - 0.6 * radius)), max(1, int(0.18 * radius)), 255, -1, cv2.LINE_AA
        )
        cv2.line(drawn, (half, int(middle - 0.4 * radius)), hip, 255, max(2, int(0.35 * radius)), cv2.LINE_AA)
        for sign in (-1, 1):
            foot = (int(middle + sign * random.uniform(0.1, 0.4) * radius), int(middle + 0.8 * radius))
            cv2.line(drawn, hip, foot, 255, max(1, int(0.18 * radius)), cv2.LINE_AA)
    else:  # a countdown
        text = str(random.integers(1, 60))
        scale = radius / 14 * (0.6 if len(text) > 1 else 0.8)
        (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 2)
        at = (int(middle - width / 2), int(middle + height / 2))
        cv2.putText(drawn, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, 2, cv2.LINE_AA)
    mask = drawn.astype(np.float32) / 255
    if kind == "disc":
        y, x = np.mgrid[0:side, 0:side]
        if random.random() < 0.3:  # light-emitting diodes seen one by one
            step = 2 * np.pi / random.uniform(2.2, 4.0)
            mask *= (0.55 + 0.45 * np.cos(x * step) * np.cos(y * step)).astype(np.float32)
        elif random.random() < 0.3:  # brighter in the middle
            mask *= np.exp(-((x - middle) ** 2 + (y - middle) ** 2) / (1.2 * radius**2)).astype(np.float32)
    return mask


def layout(random: np.random.Generator) -> tuple[tuple[int | str, ...], bool]:
    """The lamps of a housing from top to bottom, or from left to right, and whether it stands upright.

    A lamp is the state that it shows when lit, or "count" for a countdown of the state that is shown.
    """
    which = random.random()
    if which < 0.70:
        return (RED, YELLOW, GREEN), True
    if which < 0.80:
        return (RED, YELLOW, GREEN), False
    if which < 0.86:
        return (RED, YELLOW, GREEN, GREEN), False
    if which < 0.89:
        return (RED, YELLOW, GREEN, GREEN), True
    if which < 0.92:
        return (RED, GREEN), True
    if which < 0.93:
        return (YELLOW, RED, YELLOW), bool(random.random() < 0.3)
    if which < 0.96:
        return (RED, YELLOW, GREEN, "count"), bool(random.random() < 0.6)
    if which < 0.98:
        return ("count", RED, YELLOW, GREEN) if random.random() < 0.5 else (RED, "count", GREEN), True
    return (int(random.integers(3)),), True


def rendered(random: np.random.Generator, photographs: tuple[np.ndarray, ...]) -> Crop:
    """One light in its surroundings, or none, as a camera may have taken it."""
    state = int(random.choice(5, p=(0.28, 0.17, 0.25, 0.17, 0.13)))
    if state == NONE and random.random() < 0.5:
        return _nothing(random, photographs)
    lamps, upright = layout(random)
    if state < OFF and state not in lamps:
        lamps, upright = (RED, YELLOW, GREEN), True
    time = random.choice(("day", "sun", "backlight", "dusk", "night"), p=(0.36, 0.12, 0.22, 0.12, 0.18))
    albedo, alpha, lit = _housing(lamps, upright, state, time, random)
    height, width = alpha.shape

    # Its surroundings, and it upon them, turned a little and seen a little from the side.
    room = 0.7
    rows, columns = int(height * (1 + 2 * room)), int(width * (1 + 2 * room) + 0.4 * height)
    scene = patch(random, photographs, rows, columns).astype(np.float32)
    if time == "backlight":
        sky = np.array(random.choice(((250, 235, 220), (255, 255, 255), (235, 200, 160), (220, 220, 220))))
        thick = random.uniform(0.4, 1.0)
        scene = scene * (1 - thick) + sky.astype(np.float32) * thick
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    angle = np.deg2rad(random.normal(0, 5))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = np.array((columns / 2, rows / 2))
    squeeze = np.array((random.uniform(0.7, 1.05), random.uniform(0.85, 1.05)))
    placed = ((corners - corners.mean(0)) * squeeze) @ turn + middle
    placed += random.normal(0, 0.025 * min(width, height), (4, 2))
    through = cv2.getPerspectiveTransform(corners.astype(np.float32), placed.astype(np.float32))
    albedo = cv2.warpPerspective(albedo, through, (columns, rows))
    alpha = cv2.warpPerspective(alpha, through, (columns, rows))[..., None]
    lit = cv2.warpPerspective(lit, through, (columns, rows))

    ambient = {
        "day": (0.7, 1.15),
        "sun": (0.9, 1.3),
        "backlight": (0.25, 1.0),
        "dusk": (0.25, 0.6),
        "night": (0.02, 0.25),
    }[str(time)]
    light = random.uniform(*ambient)
    around = light if time not in ("backlight",) else random.uniform(0.8, 1.3)
    seen = scene * around * (1 - alpha) + albedo * light * alpha
    if random.random() < 0.25:
        seen = _before(seen, random, photographs, light)
    power = (
        np.exp(random.uniform(np.log(0.6), np.log(3.0)))
        * (1.6 if time == "night" else 1.0)
        * random.choice((1.0, 0.8))
    )
    glow = cv2.GaussianBlur(lit, (0, 0), UNIT * random.uniform(0.25, 1.4))
    halo = random.uniform(0.05, 0.9) if time in ("night", "dusk") else random.uniform(0.0, 0.35)
    if random.random() < 0.06:  # from near, at night or against the sun: it floods its housing
        power, halo = random.uniform(1.5, 4.0), random.uniform(0.8, 2.0)
    # A lamp is brighter than the scene by more, the darker the scene is; the camera opens up for the latter.
    seen = seen * (1 - 0.85 * lit.max(2, keepdims=True).clip(0, 1)) + 255 * power * (lit + halo * glow)
    if random.random() < 0.35:  # haze, or sun on the windscreen
        veil = np.array(random.choice(((255, 250, 245), (235, 225, 215), (240, 215, 180), (200, 200, 200))))
        thick = random.uniform(0.05, 0.75)
        seen = seen * (1 - thick) + veil.astype(np.float32) * thick * max(light, 0.3)
    seen = np.clip(seen, 0, 255).astype(np.uint8)

    x, y = placed[:, 0], placed[:, 1]
    box = (x.min(), y.min(), x.max(), y.max())
    wanted = np.exp(random.uniform(np.log(9), np.log(110)))  # px, the longer side in the camera's picture
    scale = min(1.0, wanted / max(box[2] - box[0], box[3] - box[1]))
    small = cv2.resize(seen, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    fx, fy = small.shape[1] / columns, small.shape[0] / rows
    return Crop(taken(small, random), (box[0] * fx, box[1] * fy, box[2] * fx, box[3] * fy), state)


def _housing(
    lamps: tuple[int | str, ...], upright: bool, state: int, time: str, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What it looks like unlit (H, W, 3) 0 to 255, how much it covers (H, W), what it sends out (H, W, 3)."""
    pitch, across = random.uniform(2.1, 2.8) * UNIT, random.uniform(2.4, 3.6) * UNIT
    length = pitch * (len(lamps) - 1) + random.uniform(2.4, 3.4) * UNIT
    plate = random.uniform(0.3, 1.0) * UNIT if random.random() < 0.25 else 0.0
    height, width = int(length + 2 * plate), int(across + 2 * plate)
    dark = random.uniform(8, 70)
    paint = np.array(
        {
            0: (dark, dark, dark),
            1: (20, 150, 210),
            2: (50, 75, 40),
            3: (dark + 60,) * 3,
            4: (dark * 1.3, dark * 1.1, dark),
        }[int(random.choice(5, p=(0.5, 0.14, 0.08, 0.14, 0.14)))],
        np.float32,
    ) * random.uniform(0.6, 1.2)
    albedo = np.empty((height, width, 3), np.float32)
    albedo[:] = paint * random.uniform(0.5, 1.1) if plate else paint
    alpha = np.zeros((height, width), np.float32)
    corner = int(random.uniform(0, 0.5) * UNIT)
    cv2.rectangle(alpha, (corner, corner), (width - 1 - corner, height - 1 - corner), 1.0, -1)
    if corner:
        alpha = np.clip(
            cv2.dilate(alpha, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * corner + 1,) * 2)), 0, 1
        )
    if plate:
        if random.random() < 0.4:
            edge = (60, 220, 240) if random.random() < 0.4 else (230, 230, 230)
            cv2.rectangle(albedo, (1, 1), (width - 2, height - 2), edge, max(1, int(plate * 0.3)))
        p = int(plate)
        albedo[p : height - p, p : width - p] = paint
    lit = np.zeros((height, width, 3), np.float32)
    back = state == NONE  # seen from behind: a housing without lamps
    if back:
        for row in range(len(lamps)):
            y = int(plate + (row + 0.5) * length / len(lamps))
            cv2.line(albedo, (0, y), (width, y), (paint * random.uniform(0.6, 1.4)).tolist(), 1)
    on = set() if back or state == OFF else _lit(lamps, state, random)
    phantom = (
        random.uniform(0.3, 0.9) if time == "sun" and random.random() < 0.4 else random.uniform(0.04, 0.3)
    )
    for index, lamp in enumerate(() if back else lamps):
        at = (int(width / 2), int(plate + (length - pitch * (len(lamps) - 1)) / 2 + index * pitch))
        radius = UNIT * random.uniform(0.92, 1.05)
        glass = lit_colour(lamp if lamp != "count" else state if state < OFF else RED, random) * 255
        unlit = (
            glass * phantom
            if random.random() < 0.8 and lamp != "count"
            else np.full(3, random.uniform(10, 70))
        )
        cv2.circle(albedo, at, int(radius), unlit.tolist(), -1, cv2.LINE_AA)
        if random.random() < 0.3:  # the sky in the glass
            spot = (at[0] + int(random.normal(0, 0.3) * UNIT), at[1] + int(random.normal(0.2, 0.3) * UNIT))
            cv2.circle(
                albedo,
                spot,
                int(0.3 * UNIT),
                (unlit * 0.5 + random.uniform(30, 140)).tolist(),
                -1,
                cv2.LINE_AA,
            )
        if index in on:
            colour = lit_colour(state if lamp == "count" else int(lamp), random)
            kind = (
                "count"
                if lamp == "count"
                else str(
                    random.choice(
                        ("disc", "arrow", "figure"),
                        p=(0.1, 0.0, 0.9) if len(lamps) == 2 else (0.76, 0.24, 0.0),
                    )
                )
            )
            shape = symbol(kind, radius, random)
            half = shape.shape[0] // 2
            x0, y0 = at[0] - half, at[1] - half
            xs, ys = max(0, -x0), max(0, -y0)
            target = lit[y0 + ys : y0 + shape.shape[0], x0 + xs : x0 + shape.shape[1]]
            piece = shape[ys : ys + target.shape[0], xs : xs + target.shape[1], None]
            np.maximum(target, piece * colour * random.uniform(0.75, 1.0), out=target)
        if random.random() < 0.6:  # the visor: a dark arc, and its shade
            reach = radius * random.uniform(1.0, 1.25)
            shade = (paint * random.uniform(0.3, 0.8)).tolist()
            cv2.ellipse(albedo, at, (int(reach), int(reach)), 0, 180, 360, shade, int(random.integers(1, 5)))
            if random.random() < 0.3 and index in on:  # from below or the side it hides some of the lamp
                lit[max(0, at[1] - int(radius)) : max(0, at[1] - int(radius * random.uniform(0.2, 0.8)))] *= (
                    0.2
                )
    if not upright:  # red is on the left
        albedo, lit = (np.ascontiguousarray(x.transpose(1, 0, 2)) for x in (albedo, lit))
        alpha = np.ascontiguousarray(alpha.T)
    return albedo, alpha, lit


def _lit(lamps: tuple[int | str, ...], state: int, random: np.random.Generator) -> set[int]:
    """Which lamps are lit. Red with yellow is still red, and so is red with a green arrow."""
    places = [index for index, lamp in enumerate(lamps) if lamp == state]
    on = {int(random.choice(places))} if random.random() < 0.6 else set(places)
    if state == RED and random.random() < 0.06 and YELLOW in lamps:
        on.add(lamps.index(YELLOW))
    if state == RED and len(lamps) == 4 and lamps[-1] == GREEN and random.random() < 0.25:
        on.add(int(random.choice((2, 3))))
    if "count" in lamps and random.random() < 0.8:
        on.add(lamps.index("count"))
    return on


def _before(
    seen: np.ndarray, random: np.random.Generator, photographs: tuple[np.ndarray, ...], light: float
) -> np.ndarray:
    """Something in front: a pole, a twig, a wire, or a piece of anything over one edge."""
    rows, columns = seen.shape[:2]
    seen = seen.copy()
    if random.random() < 0.6:
        shade = (random.uniform(0, 130, 3) * light).tolist()
        for _ in range(random.integers(1, 4)):
            ends = [(int(random.uniform(0, columns)), int(random.uniform(0, rows))) for _ in range(2)]
            cv2.line(seen, ends[0], ends[1], shade, int(random.integers(1, 5)), cv2.LINE_AA)
    else:
        reach = int(columns * random.uniform(0.1, 0.42))
        piece = patch(random, photographs, rows, reach) * light
        if random.random() < 0.5:
            seen[:, :reach] = piece
        else:
            seen[:, columns - reach :] = piece
    return seen


def _nothing(random: np.random.Generator, photographs: tuple[np.ndarray, ...]) -> Crop:
    """No light at all: anything in a photograph."""
    height, width = int(random.uniform(20, 90)), int(random.uniform(14, 60))
    scene = patch(random, photographs, 2 * height, 2 * width).astype(np.float32)
    scene = np.clip(scene * random.uniform(0.15, 1.2), 0, 255).astype(np.uint8)
    return Crop(taken(scene, random), (width * 0.5, height * 0.5, width * 1.5, height * 1.5), NONE)


def rendered_set(first: int, count: int) -> list[Crop]:
    """The lights of seeds first, first + 1, ..."""
    photographs = tuple(image for pattern in SCENERY for image in scenery(pattern))
    made = []
    for seed in range(first, first + count):
        cv2.setRNGSeed(seed)
        made.append(rendered(np.random.default_rng(seed), photographs))
    return made


def view(crop: Crop, random: np.random.Generator) -> np.ndarray:
    """One look at a light, as the adapter may feed it after another detector and from another camera."""
    image, box = crop.image, crop.box
    upright = box[3] - box[1] > box[2] - box[0]
    if random.random() < (0.5 if upright else 0.08):
        image = image[:, ::-1]
        box = (image.shape[1] - box[2], box[1], image.shape[1] - box[0], box[3])
    small = cut(image, jittered(box, random, 0.06, (-0.2, 0.35)), MARGIN, SIZE)
    return recoloured(small, random)


def real_set(part: str) -> list[Crop]:
    """Lights of labels/lights.json: part is "learn" or "held_out". Empty without the photographs."""
    labels = json.loads((Path(__file__).parent / "labels" / "lights.json").read_text(encoding="utf-8"))
    found = []
    for file, lights in labels[part].items():
        image = cv2.imread(str(SHARED / file))
        if image is not None:
            found += [around(image, tuple(box), CLASSES.index(state)) for *box, state in lights]
    return found


def around(image: np.ndarray, box: tuple[float, float, float, float], label: int) -> Crop:
    """A crop of a photograph with room for jitter."""
    left, top, right, bottom = box
    wide, high = int(0.6 * (right - left)) + 2, int(0.6 * (bottom - top)) + 2
    x, y = max(0, int(left) - wide), max(0, int(top) - high)
    piece = image[y : int(bottom) + high + 1, x : int(right) + wide + 1].copy()
    return Crop(piece, (left - x, top - y, right - x, bottom - y), label)
