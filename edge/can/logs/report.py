"""What is said of a log while it is read: its buses, and what could not be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.can.frames import Frames
from edge.config import UserError

KEPT_BAD = 20
MAX_BUSES = 256


class LogError(UserError):
    """A log that cannot be read or written at all; the text says which and why."""


class BadDataError(Exception):
    """A line, record or object that is none of its format; the text says why. Readers catch it."""


class Report:
    """Grows while a log is read.

    buses: their names, the index is Frames.bus. bad_count: lines (of binary formats: objects) that could not
    be read; bad: the first KEPT_BAD of them, "FILE:LINE: why". lost: frames that the log itself says were
    lost. backwards: frames that are earlier than the one before them of the same bus; first_backwards: the
    first of these, "frame N, on BUS, S s back". notes: what holds for the whole log and is good to know.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.buses: list[str] = []
        self.bad: list[str] = []
        self.bad_count = 0
        self.lost = 0
        self.backwards = 0
        self.first_backwards: str | None = None
        self.notes: list[str] = []
        self._frames = 0
        self._last_ns: dict[int, int] = {}

    def bus(self, name: str) -> int:
        """The index of a bus, new or known. Raises BadDataError for one too many."""
        try:
            return self.buses.index(name)
        except ValueError:
            if len(self.buses) == MAX_BUSES:
                raise BadDataError(f"more than {MAX_BUSES} buses") from None
            self.buses.append(name)
            return len(self.buses) - 1

    def complain(self, where: int | str, why: str, count: int = 1, keep: bool = False) -> None:
        """where: a line from 1, or "byte N" of the (decompressed) file; count: how many could not be read;
        keep: even behind KEPT_BAD others."""
        self.bad_count += count
        if len(self.bad) < KEPT_BAD or keep:
            self.bad.append(f"{self.path}:{where}: {why}")

    def note(self, text: str) -> None:
        """Once each."""
        if text not in self.notes:
            self.notes.append(text)

    def see(self, batch: Frames) -> None:
        """Watch the time of each bus; called with every batch, in order."""
        if not len(batch):
            return
        ordered = not (batch.t_ns[1:] < batch.t_ns[:-1]).any()
        for bus in range(len(self.buses)):
            of_bus = batch.bus == bus
            last = len(batch) - 1 - int(of_bus[::-1].argmax())
            if not of_bus[last]:
                continue
            first = int(of_bus.argmax())
            if not ordered or batch.t_ns[first] < self._last_ns.get(bus, batch.t_ns[first]):
                self._count_steps_back(batch, np.flatnonzero(of_bus), bus)
            self._last_ns[bus] = int(batch.t_ns[last])
        self._frames += len(batch)

    def _count_steps_back(self, batch: Frames, at: np.ndarray, bus: int) -> None:
        t_ns = batch.t_ns[at]
        before = np.append(self._last_ns.get(bus, t_ns[0]), t_ns[:-1])
        steps = np.flatnonzero(t_ns < before)
        if len(steps) and self.first_backwards is None:
            i = int(steps[0])
            frame, back_s = self._frames + int(at[i]) + 1, (int(before[i]) - int(t_ns[i])) / 1e9
            self.first_backwards = f"frame {frame}, on {self.buses[bus]}, {back_s:.6f} s back"
        self.backwards += len(steps)
