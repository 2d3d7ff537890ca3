"""What the adapters of a face share: where its eyes are, and whether they can be judged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from edge.messages import Face

MAX_YAW_DEG = 35.0
MAX_PITCH_DEG = 30.0
FAR_PX = 1e5  # nothing of a face lies so far from the corner of a picture

# Points of an eye: outer corner, two of the upper lid, inner corner, the two of the lower lid below those.
# Of the 468 points of MediaPipe Face Mesh:
MESH_RIGHT_EYE = (33, 160, 158, 133, 153, 144)
MESH_LEFT_EYE = (263, 387, 385, 362, 380, 373)
# Of the 66 of OpenSeeFace, which are those of iBUG 68 without two in the mouth:
IBUG_RIGHT_EYE = (36, 37, 38, 39, 40, 41)
IBUG_LEFT_EYE = (45, 44, 43, 42, 47, 46)
EYES = {
    5: ((0,), (1,)),
    66: (IBUG_RIGHT_EYE, IBUG_LEFT_EYE),
    468: (MESH_RIGHT_EYE, MESH_LEFT_EYE),
}
"""The points of the driver's right and left eye, by how many points a face has."""


def eye_line(face: Face) -> tuple[np.ndarray, np.ndarray, float] | None:
    """The middle of the driver's right and left eye in px, and the angle from the one to the other, clockwise
    as seen. None where the face has no points of eyes, or they are one point."""
    points = face.landmarks
    if points is None or len(points) not in EYES:
        return None
    right, left = (points[list(indices)].mean(axis=0) for indices in EYES[len(points)])
    across, down = (left - right).tolist()
    return (right, left, math.atan2(down, across)) if across or down else None


def middle_and_side(face: Face) -> tuple[np.ndarray, float]:
    """The middle of the face's box, and the larger of its sides, px."""
    left, top, right, bottom = face.box
    return np.array([(left + right) / 2, (top + bottom) / 2]), max(right - left, bottom - top)


def in_reach(points: Any) -> bool:
    """Whether all of these coordinates in px are numbers, and such that a face can have."""
    return bool(np.abs(points).max() < FAR_PX)


def eyes_visible(face: Face) -> bool:
    """Whether the eyes can be judged: turned away, they look shut. An unknown pose does not forbid it."""
    yaw, pitch = face.head_yaw_deg or 0.0, face.head_pitch_deg or 0.0
    return abs(yaw) <= MAX_YAW_DEG and abs(pitch) <= MAX_PITCH_DEG
