"""When we take a new name, and which: so that nobody can follow us by it.

All that could tie the new to the old changes at once: station id, addresses, message counters, sequence
numbers, certificate; and the path history begins anew. After a time and a distance, as SAE J2945/1 (5 min,
2 km) and ETSI TR 103 415 (800 m and more by chance) have it; China's certificates change likewise. The random
numbers are the caller's.
"""

from __future__ import annotations

import math

import msgspec

from edge.v2x.network.area import offset_m

RANDOM_BITS = 192
_JUMP_M = 1000.0


class PseudonymRules(msgspec.Struct, frozen=True, kw_only=True):
    """extra_m: at most, drawn anew each time; keep_in_events: not while an event or warning lasts."""

    least_s: float = 300.0
    least_m: float = 800.0
    extra_m: float = 700.0
    keep_in_events: bool = True


class Pseudonym(msgspec.Struct, frozen=True, kw_only=True):
    """One name. number: how many there were before; count: the message counter begins there.

    station_id: 32 bits, not 0; long_id: 64 bits, for T/CSAE 53; address: 48 bits, a locally administered MAC
    address, for the link and the GN address.
    """

    number: int
    station_id: int
    long_id: int
    address: int
    count: int
    sequence: int


class Pseudonyms:
    """The present name and how far it has come. random: RANDOM_BITS bits."""

    def __init__(self, random: int, now_ns: int, rules: PseudonymRules | None = None) -> None:
        self._rules = rules or PseudonymRules()
        self._number = 0
        self._place: tuple[float, float] | None = None
        self.current = self._draw(random, now_ns)

    def moved(self, latitude_deg: float, longitude_deg: float) -> None:
        """We are here now. A jump of more than 1 km is no way that was driven."""
        if self._place is not None:
            way_m = math.hypot(*offset_m(*self._place, latitude_deg, longitude_deg))
            if way_m < 1.0:
                return
            if way_m <= _JUMP_M:
                self._way_m += way_m
        self._place = (latitude_deg, longitude_deg)

    def due(self, now_ns: int, in_event: bool = False) -> bool:
        """Whether to change now. in_event: an event of ours is being told, or we are being warned."""
        if in_event and self._rules.keep_in_events:
            return False
        return now_ns - self._since_ns >= self._rules.least_s * 1e9 and self._way_m >= self._limit_m

    def change(self, random: int, now_ns: int) -> Pseudonym:
        """Take the next name: also at start, and when another station has our address."""
        self._number += 1
        self.current = self._draw(random, now_ns)
        return self.current

    def _draw(self, random: int, now_ns: int) -> Pseudonym:
        def take(bits: int) -> int:
            nonlocal random
            value = random & (1 << bits) - 1
            random >>= bits
            return value

        address = take(48) & ~(1 << 40) | 1 << 41  # of the first octet: not a group, locally administered
        long_id = take(64) or 1
        self._since_ns = now_ns
        self._way_m = 0.0
        self._limit_m = self._rules.least_m + self._rules.extra_m * take(16) / 0xFFFF
        return Pseudonym(
            number=self._number,
            address=address,
            long_id=long_id,
            station_id=long_id & 0xFFFF_FFFF or 1,
            count=take(7),
            sequence=take(16),
        )
