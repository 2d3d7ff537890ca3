"""What transport protocols give: messages longer than a frame, and the count of those that were lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

MAX_COUNTS = 10_000


@dataclass(frozen=True, slots=True)
class Pdu:
    """One message, put together from its frames.

    start_ns, t_ns: times of its first and its last frame; bus: as in the frames; key: for ISO-TP the id that
    carried it, for J1939 the id that a single frame of its PGN would have, bit 31 set if extended; address:
    the address byte of ISO-TP's extended or mixed addressing, else None.
    """

    start_ns: int
    t_ns: int
    bus: int
    key: int
    data: bytes
    address: int | None = None


@dataclass
class Losses:
    """Messages that could not be put together: counts[bus, key, reason]. Beyond
    MAX_COUNTS of them the rest is counted under the key 0: no traffic fills the memory."""

    counts: Counter[tuple[int, int, str]] = field(default_factory=Counter)

    def add(self, bus: int, key: int, reason: str) -> None:
        """One more."""
        known = (bus, key, reason) in self.counts or len(self.counts) < MAX_COUNTS
        self.counts[bus, key if known else 0, reason] += 1

    @property
    def total(self) -> int:
        """Of all buses, ids and reasons."""
        return self.counts.total()

    def by_reason(self) -> dict[str, int]:
        """How many for each reason, the most frequent first."""
        found: Counter[str] = Counter()
        for (_, _, reason), count in self.counts.items():
            found[reason] += count
        return dict(found.most_common())
