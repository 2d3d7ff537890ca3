"""The clock of an adapter or controller, brought to ours."""

from __future__ import annotations

import numpy as np

_BUCKET_NS = 2_000_000_000
_LOST_NS = 1_000_000_000


class AdapterClock:
    """Maps stamps of a clock that drifts against ours and counts from anywhere.

    A frame reaches us some time after it was stamped, never before. So the least difference of the two clocks
    seen lately, between 2 and 4 s, is the offset; what drifts more slowly than the least delay is followed.
    A stamp that would be more than a second old says that the clock was set anew.
    """

    def __init__(self) -> None:
        self._least: list[int] = []
        self._bucket_ns = 0

    def to_ours(self, stamps_ns: np.ndarray, arrived_ns: np.ndarray | int) -> np.ndarray:
        """int64 (n,): when the stamped frames came, on our clock, never later than arrived_ns, which is when
        we had them in hand. n > 0."""
        late_ns = arrived_ns - stamps_ns
        least, newest = int(late_ns.min()), int(np.max(arrived_ns))
        if not self._least or least - min(self._least) > _LOST_NS:
            self._least, self._bucket_ns = [least], newest
        elif newest - self._bucket_ns >= _BUCKET_NS:
            self._least, self._bucket_ns = [least, self._least[0]], newest
        else:
            self._least[0] = min(self._least[0], least)
        return stamps_ns + min(self._least)
