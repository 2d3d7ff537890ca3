"""What is said of a log while it is read: its buses, and what could not be read."""

from __future__ import annotations

from pathlib import Path

from edge.config import UserError

KEPT_BAD = 20
MAX_BUSES = 256


class LogError(UserError):
    """A log that cannot be read or written at all; the text says which and why."""


class BadDataError(Exception):
    """A line, record or object that is none of its format; the text says why. Readers catch it."""


class Report:
    """Grows while a log is read.

    buses: their names, the index is Frames.bus; bad_count: lines (of binary formats: objects) that could not
    be read; bad: the first KEPT_BAD of them, "FILE:LINE: why".
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.buses: list[str] = []
        self.bad: list[str] = []
        self.bad_count = 0

    def bus(self, name: str) -> int:
        """The index of a bus, new or known. Raises BadDataError for one too many."""
        try:
            return self.buses.index(name)
        except ValueError:
            if len(self.buses) == MAX_BUSES:
                raise BadDataError(f"more than {MAX_BUSES} buses") from None
            self.buses.append(name)
            return len(self.buses) - 1

    def complain(self, where: int | str, why: str, count: int = 1) -> None:
        """where: a line from 1, or "byte N" of the (decompressed) file; count: how many could not be read."""
        self.bad_count += count
        if len(self.bad) < KEPT_BAD:
            self.bad.append(f"{self.path}:{where}: {why}")
