"""Formats that know a bus by a number from 1 only."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from edge.can.frames import Frames


class Channels:
    """The channel of each bus: can0 is 1, can1 is 2, so that they are read back under their names; a bus of
    another name gets the number that its own ends in (vcan2: 3), or the next free one."""

    def __init__(self, buses: Sequence[str]) -> None:
        self._buses = buses
        self._of_bus: list[int] = []

    def of(self, batch: Frames) -> np.ndarray:
        """int64 (n,): the channel of each frame."""
        while len(self._of_bus) < len(self._buses):
            self._of_bus.append(self._next(self._buses[len(self._of_bus)]))
        known = np.array(self._of_bus or [1], dtype=np.int64)
        return known[batch.bus]

    def _next(self, name: str) -> int:
        found = re.search(r"(?<!\d)\d{1,2}$", name)
        channel = int(found[0]) + 1 if found else 1
        while channel in self._of_bus:
            channel += 1
        return channel
