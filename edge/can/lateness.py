"""How late things were: counted in buckets, so that an hour costs no more memory than a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_LIMITS_NS = [step * 10**power for power in range(3, 12) for step in (1, 2, 5)]  # shown: 1 us to 500 s
_EDGES_NS = np.union1d(np.round(1.02 ** np.arange(1400)).astype(np.int64), _LIMITS_NS)  # 2 % wide
_BAR = 40


class Lateness:
    """count, early: how many, and how many of them too early; max_ns: the latest, 0 when nothing was late."""

    def __init__(self) -> None:
        self.count = 0
        self.early = 0
        self.max_ns = 0
        self._counts = np.zeros(len(_EDGES_NS) + 1, dtype=np.int64)

    def add(self, late_ns: Sequence[int] | np.ndarray) -> None:
        """So many ns late each; negative: early."""
        values = np.asarray(late_ns, dtype=np.int64)
        if not len(values):
            return
        self.count += len(values)
        self.early += int((values < 0).sum())
        self.max_ns = max(self.max_ns, int(values.max()))
        self._counts += np.bincount(np.searchsorted(_EDGES_NS, values), minlength=len(self._counts))

    def quantile_ns(self, share: float) -> int:
        """That share was at most so late, to 2 %, rounded up; 0 when there is nothing."""
        if not self.count:
            return 0
        at = int(np.searchsorted(np.cumsum(self._counts), share * self.count))
        return int(min(_EDGES_NS[min(at, len(_EDGES_NS) - 1)], self.max_ns))

    def figures(self) -> dict[str, float]:
        """For JSON, in microseconds."""
        return {
            **{f"p{round(share * 100)}_us": self.quantile_ns(share) / 1000 for share in (0.5, 0.9, 0.99)},
            "max_us": self.max_ns / 1000,
            "early": self.early,
        }

    def lines(self) -> list[str]:
        """A histogram for people: one bar for each of 1, 2, 5, 10 ... us that has any."""
        if not self.count:
            return []
        upto = np.concatenate([[0], np.cumsum(self._counts)[np.searchsorted(_EDGES_NS, _LIMITS_NS)]])
        counts = np.diff(upto).tolist()
        shown = [i for i, count in enumerate(counts) if count]
        lines = []
        for i in range(shown[0], shown[-1] + 1) if shown else ():
            share = counts[i] / self.count
            bar = "#" * max(round(share * _BAR), 1 if counts[i] else 0)
            lines.append(f"  up to {_words(_LIMITS_NS[i]):>7} {counts[i]:>12,} {share:7.2%}  {bar}".rstrip())
        return lines


def _words(ns: int) -> str:
    for unit, size in (("s", 10**9), ("ms", 10**6)):
        if ns >= size:
            return f"{ns // size} {unit}"
    return f"{ns // 1000} us"
