"""SIMULATION: any number of vehicles on rings around a place, and a signalled crossing: peers for a link.

Pure functions of time: nothing is integrated, and any moment can be asked for. Vehicles of a ring keep their
distance; now and then one brakes hard, which its neighbours on the same ring do with it.
"""

from __future__ import annotations

import math

from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    PeerEvent,
    RemoteObject,
    SignalPhase,
    SignalState,
    SignalStates,
)

_EARTH_M = 6378137.0
_SPACING_M = 25.0  # along a ring, at least
_FIRST_RING_M, _RING_STEP_M = 40.0, 12.0
_PERIOD_S, _BRAKING_S, _RECOVERING_S = 20.0, 2.0, 4.0
_BRAKING_MPS2 = 5.0
_GREEN_S, _YELLOW_S, _RED_S = 20.0, 3.0, 23.0
INTERSECTION = "0.7"


class Traffic:
    """`count` vehicles around a place, WGS 84. period_s: from braking to braking, at least 6."""

    def __init__(
        self, count: int, latitude_deg: float, longitude_deg: float, period_s: float = _PERIOD_S
    ) -> None:
        self._period_s = period_s
        self.latitude_deg, self.longitude_deg = latitude_deg, longitude_deg
        self._per_degree_m = math.radians(1.0) * _EARTH_M
        self._places: list[tuple[float, float, float]] = []  # of each: radius, first angle, speed
        ring = 0
        while len(self._places) < count:
            radius_m = _FIRST_RING_M + ring * _RING_STEP_M
            room = int(2 * math.pi * radius_m / _SPACING_M)
            speed_mps = 8.0 + ring % 5 * 2.5
            for i in range(min(room, count - len(self._places))):
                self._places.append((radius_m, 2 * math.pi * i / room, speed_mps))
            ring += 1

    def __len__(self) -> int:
        return len(self._places)

    def vehicle(self, number: int, t_s: float) -> RemoteObject:
        """What vehicle `number` says of itself at a moment."""
        radius_m, first, speed_mps = self._places[number]
        t_s += radius_m  # rings brake at different moments
        passed_m, speed, acceleration = _travelled(t_s, speed_mps, self._period_s)
        angle = first + passed_m / radius_m  # counter-clockwise from east
        north_m, east_m = radius_m * math.sin(angle), radius_m * math.cos(angle)
        braking: tuple[PeerEvent, ...] = ("hard_braking",) if acceleration <= -4.0 else ()
        return RemoteObject(
            kind="car",
            latitude_deg=self.latitude_deg + north_m / self._per_degree_m,
            longitude_deg=self.longitude_deg
            + east_m / (self._per_degree_m * math.cos(math.radians(self.latitude_deg))),
            altitude_m=12.0,
            speed_mps=speed,
            heading_deg=-math.degrees(angle) % 360.0,
            acceleration_mps2=acceleration,
            yaw_rate_radps=speed / radius_m,
            length_m=4.6,
            width_m=1.8,
            accuracy_m=1.0,
            brake_pressed=acceleration < 0.0,
            events=braking,
        )

    def crossing(self) -> Intersections:
        """The map of a crossing of two roads at the place, one lane each way, from four sides."""
        lanes = []
        for i, (north, east) in enumerate(((1, 0), (0, 1), (-1, 0), (0, -1))):
            for approach in (True, False):
                side = 1.75 if approach else -1.75  # keep right
                points = tuple(
                    self._point(out_m * north + side * east, out_m * east - side * north)
                    for out_m in (10.0, 60.0, 200.0)
                )
                group = 1 + i % 2
                turns = tuple(Connection(manoeuvre=m, group=group) for m in ("straight", "left", "right"))
                lanes.append(
                    MapLane(
                        id=2 * i + 1 + (not approach),
                        points=points,
                        approach=approach,
                        width_m=3.5,
                        speed_limit_mps=50.0 / 3.6,
                        connections=turns if approach else (),
                    )
                )
        middle = Intersection(
            id=INTERSECTION,
            latitude_deg=self.latitude_deg,
            longitude_deg=self.longitude_deg,
            name="crossing",
            lanes=tuple(lanes),
        )
        return Intersections(intersections=(middle,))

    def signals(self, t_s: float, t_ns: int) -> SignalStates:
        """Its lights: t_s of the scenario, which is t_ns on the monotonic clock."""
        cycle_s = _GREEN_S + _YELLOW_S + _RED_S
        signals = []
        for group, shift_s in ((1, 0.0), (2, _RED_S)):
            at_s = (t_s + shift_s) % cycle_s
            lengths = (("green", _GREEN_S), ("yellow", _YELLOW_S), ("red", _RED_S))
            begin_s = -at_s
            phases: list[SignalPhase] = []
            for state, length_s in lengths * 2:
                if begin_s + length_s > 0.0 and len(phases) < 3:
                    end_ns = t_ns + round((begin_s + length_s) * 1e9)
                    phases.append(
                        SignalPhase(
                            state=state,
                            from_ns=t_ns + round(begin_s * 1e9),
                            earliest_end_ns=end_ns,
                            likely_end_ns=end_ns,
                        )
                    )
                begin_s += length_s
            signals.append(SignalState(intersection=INTERSECTION, group=group, phases=tuple(phases)))
        return SignalStates(signals=tuple(signals))

    def _point(self, north_m: float, east_m: float) -> tuple[float, float]:
        east_per_degree_m = self._per_degree_m * math.cos(math.radians(self.latitude_deg))
        return (
            self.latitude_deg + north_m / self._per_degree_m,
            self.longitude_deg + east_m / east_per_degree_m,
        )


def _travelled(t_s: float, cruising_mps: float, period_s: float) -> tuple[float, float, float]:
    """(metres, speed, acceleration) of cruising that every period is broken by 2 s of hard braking."""
    periods, at_s = divmod(t_s, period_s)
    braking = min(_BRAKING_MPS2, cruising_mps / _BRAKING_S)
    lost_mps = braking * _BRAKING_S
    gaining = lost_mps / _RECOVERING_S
    lost_m = lost_mps * (_BRAKING_S + _RECOVERING_S) / 2
    metres = periods * (cruising_mps * period_s - lost_m) + cruising_mps * at_s
    begin_s = period_s - _BRAKING_S - _RECOVERING_S
    if at_s < begin_s:
        return metres, cruising_mps, 0.0
    if at_s < begin_s + _BRAKING_S:
        since_s = at_s - begin_s
        return metres - braking * since_s**2 / 2, cruising_mps - braking * since_s, -braking
    since_s = at_s - begin_s - _BRAKING_S
    metres -= lost_mps * _BRAKING_S / 2 + lost_mps * since_s - gaining * since_s**2 / 2
    return metres, cruising_mps - lost_mps + gaining * since_s, gaining
