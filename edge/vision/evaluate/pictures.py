"""What networks see, drawn into the picture, side by side: for docs/models.md."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge.messages import Face
from edge.vision.adapters import Seen
from edge.vision.adapters.face import eye_line
from edge.vision.evaluate.networks import Network, draws_surfaces, masks

CELL = (480, 270)  # width and height of one picture of a sheet
CAPTION_PX = 22
QUALITY = 85
ROAD, MARK, KERB = (80, 160, 0), (40, 40, 255), (255, 120, 0)  # BGR
BOX, LINE, FREE = (0, 220, 255), (255, 255, 0), (255, 0, 255)
STATES = {
    "red": (60, 60, 255),
    "yellow": (0, 220, 255),
    "green": (80, 255, 80),
    "off": (160, 160, 160),
    None: (255, 255, 255),
}


def road_drawn(image: np.ndarray, networks: Sequence[Network]) -> np.ndarray:
    """A picture as these networks see it, one after another: road, marks and kerbs, lane lines, road users,
    lights with their states, signs."""
    drawn = image.copy()
    thick = max(1, round(image.shape[1] / 480))
    seen = Seen()
    for network in networks:
        seen = network.see(image, seen)
        if draws_surfaces(network):
            said = masks(network, image)
            for mask, colour in ((said.road, ROAD), (said.mark, MARK), (said.kerb, KERB)):
                if mask is not None:
                    whole = cv2.resize(
                        mask.astype(np.uint8), image.shape[1::-1], interpolation=cv2.INTER_NEAREST
                    )
                    drawn[whole > 0] = (0.6 * drawn[whole > 0] + 0.4 * np.array(colour)).astype(np.uint8)
    for line in seen.lanes or ():
        cv2.polylines(drawn, [line.points.round().astype(np.int32)], False, LINE, thick, cv2.LINE_AA)
    if seen.detections is not None:
        for kind, score, box in zip(
            seen.detections.kinds, seen.detections.scores, seen.detections.boxes, strict=True
        ):
            framed(drawn, box, f"{kind} {score:.2f}", BOX, thick)
    for light in seen.lights or ():
        framed(drawn, light.box, light.state or "?", STATES[light.state], thick)
    for sign in seen.signs or ():
        framed(drawn, sign.box, sign.kind or "sign", (255, 255, 255), thick)
    return drawn


def face_drawn(image: np.ndarray, face: Face | None) -> np.ndarray:
    """A driver with what is said of the face; one line ahead of the nose for the head, two for the gaze."""
    drawn = image.copy()
    if face is None:
        return drawn
    left, top, right, bottom = face.box
    thick = max(1, round(image.shape[1] / 320))
    framed(drawn, face.box, "", BOX, thick)
    middle = np.array([(left + right) / 2, (top + bottom) / 2])
    reach = (right - left) * 0.7
    if face.landmarks is not None:
        for x, y in face.landmarks:
            cv2.circle(drawn, (round(x), round(y)), thick, LINE, -1)
    _arrow(drawn, middle, face.head_yaw_deg, face.head_pitch_deg, reach, MARK, thick)
    eyes = eye_line(face)
    for eye in eyes[:2] if eyes else (middle - (0, 0.15 * (bottom - top)),):
        _arrow(drawn, eye, face.gaze_yaw_deg, face.gaze_pitch_deg, reach, ROAD, thick)
    words = [
        f"{name} {value:.2f}" if name == "open" else f"{name} {value:+.0f}"
        for name, value in (
            ("yaw", face.head_yaw_deg), ("pitch", face.head_pitch_deg), ("roll", face.head_roll_deg),
            ("open", face.right_eye_open), ("open", face.left_eye_open),
        )
        if value is not None
    ]  # fmt: skip
    _text(drawn, "  ".join(words), (6, image.shape[0] - 8), image.shape[1] / 640)
    return drawn


def sheet(
    rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str], cell: tuple[int, int] = CELL
) -> np.ndarray:
    """Pictures in a table, a title above each column if there are titles."""
    head = []
    for title in titles:
        strip = np.full((CAPTION_PX, cell[0], 3), 255, np.uint8)
        cv2.putText(
            strip, title, (6, CAPTION_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA
        )
        head.append(strip)
    return np.vstack(
        [
            *([np.hstack(head)] if head else []),
            *(np.hstack([_fitted(one, cell) for one in row]) for row in rows),
        ]
    )


def write(image: np.ndarray, path: Path) -> None:
    """As JPEG. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    assert done
    path.write_bytes(data.tobytes())


def _fitted(image: np.ndarray, cell: tuple[int, int]) -> np.ndarray:
    width, height = cell
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
    cell_image = np.full((height, width, 3), 255, np.uint8)
    left = (width - size[0]) // 2
    cell_image[: size[1], left : left + size[0]] = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cell_image


def framed(
    image: np.ndarray,
    corners: Sequence[float] | np.ndarray,
    words: str,
    colour: tuple[int, ...],
    thick: int,
) -> None:
    """corners: left, top, right, bottom px; the words stand above it."""
    left, top, right, bottom = (round(float(value)) for value in corners)
    cv2.rectangle(image, (left, top), (right, bottom), colour, thick)
    if words:
        _text(image, words, (left, top - 3), image.shape[1] / 900)


def _text(image: np.ndarray, words: str, at: tuple[int, int], size: float) -> None:
    """White on black; at: its lower left corner, moved into the picture."""
    font, size = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, size * 0.5)
    (width, height), below = cv2.getTextSize(words, font, size, 1)
    left = min(max(at[0], 0), max(0, image.shape[1] - width))
    bottom = max(at[1], height + 2)
    cv2.rectangle(image, (left, bottom - height - 2), (left + width, bottom + below // 2), (0, 0, 0), -1)
    cv2.putText(image, words, (left, bottom - 1), font, size, (255, 255, 255), 1, cv2.LINE_AA)


def _arrow(
    image: np.ndarray,
    start: np.ndarray,
    yaw_deg: float | None,
    pitch_deg: float | None,
    reach: float,
    colour: tuple[int, ...],
    thick: int,
) -> None:
    """To the driver's left is to the right of the picture."""
    if yaw_deg is None or pitch_deg is None:
        return
    yaw, pitch = np.radians((yaw_deg, pitch_deg))
    end = start + reach * np.array([np.sin(yaw) * np.cos(pitch), -np.sin(pitch)])
    first, last = (tuple(round(float(v)) for v in point) for point in (start, end))
    cv2.arrowedLine(image, first, last, colour, thick + 1, cv2.LINE_AA, tipLength=0.2)
