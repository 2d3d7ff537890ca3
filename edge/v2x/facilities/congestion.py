"""Decentralized congestion control: ETSI TS 102 687 V1.2.1, the reactive way of annex A or the adaptive one.

How busy the channel is (CBR) comes from the modem, or is estimated from what was heard: packets that were
lost in collisions or are too weak to be read are then missing, so the estimate is low.
"""

from __future__ import annotations

import math
from typing import Literal

_WINDOW_NS = 100_000_000
_OVERHEAD_S = 40e-6  # preamble and signal field of IEEE 802.11p at 10 MHz
_MAX_WINDOWS = 600

_UP_TO_1_MS = ((0.30, 100), (0.40, 200), (0.50, 400), (0.60, 500), (math.inf, 1000))
_UP_TO_HALF_MS = ((0.30, 50), (0.40, 100), (0.50, 200), (0.65, 250), (math.inf, 1000))
"""CBR below which a state holds, and its shortest time between packets in ms (annex A tables)."""

STATES = ("relaxed", "active 1", "active 2", "active 3", "restrictive")

_BURST = 20  # packets of traffic class 0 in a burst, per 10 s: not counted against the others
_BURST_NS = 10_000_000_000

_ALPHA, _BETA, _TARGET = 0.016, 0.0012, 0.68
_RAISE, _LOWER = 0.0005, -0.00025  # G+max, G-max
_LEAST_SHARE, _MOST_SHARE = 0.0006, 0.03
_SHORTEST_NS, _LONGEST_NS = 25_000_000, 1_000_000_000


class Dcc:
    """bit_rate: of the channel, bit/s; 6 Mbit/s is the usual one of ITS-G5.

    cbr: how busy the channel is, 0..1; share: of its time that we may use, when method is "adaptive".
    """

    def __init__(self, bit_rate: float = 6e6, method: Literal["reactive", "adaptive"] = "reactive") -> None:
        self.cbr = 0.0
        self.share = _LEAST_SHARE
        self._method = method
        self._before = 0.0  # CBR of the window before
        self._odd = False
        self._smooth = 0.0
        self._bit_rate = bit_rate
        self._busy_s = 0.0
        self._window_ns: int | None = None
        self._told_ns: int | None = None  # when the modem said it last
        self._sent_ns: int | None = None
        self._pause_ns = 0  # after what was sent last
        self._burst: list[int] = []

    def airtime_s(self, octets: int) -> float:
        """T_on of a packet, with its headers below the network layer (30 octets)."""
        return _OVERHEAD_S + (octets + 30) * 8 / self._bit_rate

    # ------------------------------------------------------------ how busy it is

    def heard(self, octets: int, now_ns: int, packets: int = 1) -> None:
        """A packet was on the air, ours or another's; or a few, of so many octets together."""
        self._roll(now_ns)
        self._busy_s += (packets - 1) * self.airtime_s(0) + self.airtime_s(octets)

    def measured(self, cbr: float, now_ns: int) -> None:
        """The modem says how busy the channel is, 0..1; for a second that counts instead of the estimate."""
        if not math.isfinite(cbr):
            return
        self.cbr = min(max(cbr, 0.0), 1.0)
        self._told_ns = now_ns

    def state(self, octets: int = 300) -> str:
        """The name of the state of the table for a packet of that size."""
        table = self._table(octets)
        return STATES[next(i for i, (below, _) in enumerate(table) if self.cbr < below)]

    # ------------------------------------------------------------ what may be sent

    def pause_ns(self, octets: int) -> int:
        """T_off: the shortest time between packets of that size; behind one of n ms n times that of 1 ms."""
        if self._method == "adaptive":
            return min(max(round(self.airtime_s(octets) / self.share * 1e9), _SHORTEST_NS), _LONGEST_NS)
        table = self._table(octets)
        pause_ms = next(pause_ms for below, pause_ms in table if self.cbr < below)
        return pause_ms * 1_000_000 * max(math.ceil(self.airtime_s(octets) * 1000), 1)

    def cam_interval_ns(self, octets: int, now_ns: int) -> int:
        """T_GenCam_DCC of EN 302 637-2: 100 to 1000 ms."""
        self._roll(now_ns)
        return min(max(self.pause_ns(octets), 100_000_000), 1_000_000_000)

    def may_send(self, traffic_class: int, octets: int, now_ns: int) -> bool:
        """The gatekeeper: whether a packet may go now; then it counts as sent.

        Class 0 (an emergency) goes at once, up to 20 in 10 s; more of it wait like the others.
        """
        self._roll(now_ns)
        if traffic_class & 0x3F == 0:
            self._burst = [t_ns for t_ns in self._burst if now_ns - t_ns < _BURST_NS]
            if len(self._burst) < _BURST:
                self._burst.append(now_ns)
                return True
        if self._sent_ns is not None and now_ns - self._sent_ns < self._pause_ns:
            return False
        self._sent_ns = now_ns
        self._pause_ns = self.pause_ns(octets)
        return True

    # ------------------------------------------------------------

    def _table(self, octets: int) -> tuple[tuple[float, int], ...]:
        return _UP_TO_HALF_MS if self.airtime_s(octets) <= 0.5e-3 else _UP_TO_1_MS

    def _roll(self, now_ns: int) -> None:
        """At the end of each tenth of a second the new share counts half, what was before half."""
        if self._window_ns is None:
            self._window_ns = now_ns
        windows = (now_ns - self._window_ns) // _WINDOW_NS
        if windows <= 0:
            return
        self._window_ns += windows * _WINDOW_NS
        busy, self._busy_s = min(self._busy_s * 1e9 / _WINDOW_NS, 1.0), 0.0
        told = self._told_ns is not None and now_ns - self._told_ns <= 1_000_000_000
        for _ in range(min(windows, _MAX_WINDOWS)):
            if not told:
                self.cbr = 0.5 * self.cbr + 0.5 * busy
            if self._method == "adaptive":
                self._adapt(self.cbr if told else busy)
            busy = 0.0

    def _adapt(self, busy: float) -> None:
        """Each 200 ms the own share follows what the channel leaves (clause 5.4, LIMERIC)."""
        self._odd = not self._odd
        if not self._odd:
            self._smooth = 0.5 * self._smooth + 0.25 * (busy + self._before)
            step = min(max(_BETA * (_TARGET - self._smooth), _LOWER), _RAISE)
            self.share = min(max((1 - _ALPHA) * self.share + step, _LEAST_SHARE), _MOST_SHARE)
        self._before = busy
