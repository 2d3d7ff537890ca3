"""One file per family of models: what a network wants to be fed, and what its numbers mean.

An adapter is a class that is constructed with an open session and the model's entry in models/zoo.toml; an
entry that it cannot read it refuses with ModelError. Its method `see` is what is asked of it. Ours are made
of two that need no network: `prepare` lays out the picture, `parse` reads the numbers that came of it. What
is no number (NaN, infinite) is dropped there: whatever a network says, nothing but numbers is seen.

The adapters of a camera run one after another over the same picture; each gets what the ones before it saw
and returns that with its own findings added:

    objects: detections        lanes: lanes        road: free_space
    lights: lights             light_state: the state of those lights
    signs: signs               sign_kind: the kind of those signs
    face: face                 landmarks, head, eyes, gaze: more of that face

What an adapter cannot tell it leaves as it is: None is unknown. Coordinates are px of the picture given to
`see`; eyes and sides are the driver's own left and right. An adapter keeps its input arrays and refills them,
so `see` is not for two threads at once; it keeps nothing from one picture to the next.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol, get_args

import msgspec
import numpy as np

from edge.messages import Detections, Face, FloatArray, LaneLine, Sign, TrafficLight
from edge.vision.picture import Picture
from edge.vision.zoo import Finding

ORDER: tuple[Finding, ...] = get_args(Finding)
"""What a model can find (`finds` in the zoo), in the order in which the adapters run."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What the adapters have found in one picture so far; the fields are those of RoadView and DriverView."""

    detections: Detections | None = None
    lanes: tuple[LaneLine, ...] | None = None
    free_space: FloatArray | None = None
    lights: tuple[TrafficLight, ...] | None = None
    signs: tuple[Sign, ...] | None = None
    face: Face | None = None


class Tensor(NamedTuple):
    """An input or output of a network: a size that is not fixed is 0."""

    shape: tuple[int, ...]
    dtype: np.dtype


class Runner(Protocol):
    """What an adapter needs of a session. inputs: by name, in the model's order."""

    inputs: dict[str, Tensor]

    def run(self, feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs in the model's order, for inputs by name."""
        ...


class Adapter(Protocol):
    """One network at work; constructed as Adapter(session, entry)."""

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """What was seen so far, and what this network sees in the picture."""
        ...
