"""icv-light: whether a traffic light that another model has found is red, yellow, green or off."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec
import numpy as np

from edge.messages import TrafficLight
from edge.vision.adapters import Runner, Seen
from edge.vision.adapters.canvas import Canvas
from edge.vision.adapters.crops import box_stretched, largest
from edge.vision.adapters.declared import check_outputs
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

MARGIN = 0.1  # of the box's width and height, added on each side
State = Literal["red", "yellow", "green", "off"]
STATES: tuple[State, ...] = get_args(State)
MOST_RED_IN_GREEN = 0.05  # what is green with more than this probability of being red is not called green


class Lights:
    """The state of the lights, by one run for each; None where it is not sure, or sees no light at all."""

    def __init__(self, session: Runner, entry: Entry) -> None:
        """Raises ModelError if the entry does not fit."""
        check_outputs(entry, (len(STATES) + 1,))
        self._session = session
        self._canvas = Canvas(session, entry)
        self._min_score = entry.min_score

    def see(self, picture: Picture, seen: Seen) -> Seen:
        """Adds the states to the lights, if there are any."""
        if not seen.lights:
            return seen
        lights = list(seen.lights)
        for index in largest([light.box for light in lights]):
            state = self.parse(self._session.run(self.prepare(picture, lights[index])))
            lights[index] = msgspec.structs.replace(lights[index], state=state)
        return msgspec.structs.replace(seen, lights=tuple(lights))

    def prepare(self, picture: Picture, light: TrafficLight) -> dict[str, np.ndarray]:
        """The feed: the box and its margin, stretched to the whole input."""
        self._canvas.warp(picture, box_stretched(light.box, MARGIN, self._canvas.width, self._canvas.height))
        return self._canvas.feed()

    def parse(self, outputs: list[np.ndarray]) -> State | None:
        """outputs: (5,): probability of red, yellow, green, off, and of no light that can be read."""
        likely = outputs[0]
        best = int(likely.argmax())
        if best >= len(STATES) or not likely[best] >= self._min_score:
            return None
        state = STATES[best]
        return None if state == "green" and likely[0] > MOST_RED_IN_GREEN else state
