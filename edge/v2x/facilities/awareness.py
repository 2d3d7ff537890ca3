"""When a CAM goes out and what is in it: ETSI EN 302 637-2 V1.4.1 clause 6.1.3; and China's 10 Hz.

That heading, position or speed has changed enough (4 degrees, 4 m, 0.5 m/s) is told by who announces.
"""

from __future__ import annotations

T_GEN_CAM_MIN_NS = 100_000_000
T_GEN_CAM_MAX_NS = 1_000_000_000
N_GEN_CAM = 3
LOW_FREQUENCY_NS = 500_000_000
SPECIAL_VEHICLE_NS = 500_000_000
BSM_NS = 100_000_000
"""T/CSAE 53 asks for 10 Hz of every application that rests on a BSM."""


class CamTimes:
    """T_GenCam and the containers that are not in every CAM."""

    def __init__(self) -> None:
        self.interval_ns = T_GEN_CAM_MAX_NS  # T_GenCam
        self._changes = 0  # CAMs still to come at T_GenCam before it is the maximum again
        self._sent_ns: int | None = None
        self._low_ns: int | None = None
        self._special_ns: int | None = None

    def due(self, now_ns: int, changed: bool, congestion_ns: int = T_GEN_CAM_MIN_NS) -> bool:
        """Whether a CAM may go now. changed: by one of the three limits; congestion_ns: T_GenCam_DCC."""
        if self._sent_ns is None:
            return True
        passed_ns = now_ns - self._sent_ns
        least_ns = min(max(congestion_ns, T_GEN_CAM_MIN_NS), T_GEN_CAM_MAX_NS)
        return passed_ns >= least_ns and (changed or passed_ns >= self.interval_ns)

    def containers(self, now_ns: int, changed: bool = True, special: bool = False) -> tuple[bool, bool]:
        """With low frequency, with special vehicle container: of the CAM that is sent now. It counts as sent.

        special: we are such a vehicle.
        """
        if self._sent_ns is not None:
            if changed:
                self.interval_ns = min(max(now_ns - self._sent_ns, T_GEN_CAM_MIN_NS), T_GEN_CAM_MAX_NS)
                self._changes = N_GEN_CAM
            elif self._changes:
                self._changes -= 1
                if not self._changes:
                    self.interval_ns = T_GEN_CAM_MAX_NS
        self._sent_ns = now_ns
        low = self._low_ns is None or now_ns - self._low_ns >= LOW_FREQUENCY_NS
        if low:
            self._low_ns = now_ns
        special = special and (self._special_ns is None or now_ns - self._special_ns >= SPECIAL_VEHICLE_NS)
        if special:
            self._special_ns = now_ns
        return low, special


class BsmTimes:
    """Ten a second, without drifting when asked late."""

    def __init__(self, interval_ns: int = BSM_NS) -> None:
        self._interval_ns = interval_ns
        self._next_ns: int | None = None

    def take(self, now_ns: int) -> bool:
        """Whether a BSM is due; then it counts as sent."""
        if self._next_ns is not None and now_ns < self._next_ns:
            return False
        late = self._next_ns is None or now_ns - self._next_ns >= self._interval_ns
        self._next_ns = (now_ns if late or self._next_ns is None else self._next_ns) + self._interval_ns
        return True
