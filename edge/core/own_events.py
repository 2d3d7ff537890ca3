"""What of our own car or seen by our camera is an event for others: begun, told anew, over.

When others are told of what: EN 302 637-3 and the triggering conditions of the CAR 2 CAR Communication
Consortium; T/CSAE 53 has the same events as flags of the BSM. The figures are settings: config.Announcing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from edge.config import Announcing, EventOut, Vehicle
from edge.core.perceived import placed
from edge.core.road import VEHICLES
from edge.core.vehicle import CarState
from edge.messages import Road, RoadEvent, Track

COLLISIONS = (
    "forward_collision", "pedestrian_collision", "peer_forward_collision", "intersection_collision",
)  # fmt: skip
"""The warnings whose alarm is told to others as a risk of collision."""

_BRIDGE_NS = 250_000_000  # evidence may miss for so long before it has to last anew
_RELEASE = 0.8
_SURE_PART = 0.15  # of our speed: what is not known better than this may stand or not
_NUMBERS = 1 << 16  # EN 302 637-3, SequenceNumber


class Moment(msgspec.Struct, frozen=True, kw_only=True):
    """What the conditions look at. alarm: one of COLLISIONS is one; crossing: we come to an intersection;
    known: the tracks of those who speak for themselves."""

    now_ns: int
    own: CarState
    roads: tuple[Road, ...]
    alarm: bool
    crossing: bool
    known: frozenset[int] = frozenset()


class _Evidence(msgspec.Struct, frozen=True):
    """That it holds: where, since which measurement, how fast it goes, how sure."""

    latitude_deg: float
    longitude_deg: float
    measured_ns: int
    speed_mps: float | None
    sure_ratio: float | None = None


class _Happening:
    __slots__ = ("began_ns", "first_ns", "id", "last", "last_ns", "over", "told_ns")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.id: str | None = None  # None: nobody was told yet
        self.first_ns: int | None = None
        self.last_ns = self.began_ns = 0
        self.told_ns: int | None = None
        self.last: _Evidence | None = None
        self.over = False


class OwnEvents:
    """Keeps what others were told of."""

    def __init__(self, vehicle: Vehicle, rules: Announcing, hard_braking_mps2: float) -> None:
        self._vehicle, self._rules = vehicle, rules
        self._hard_braking_mps2 = hard_braking_mps2
        self._number = 0
        conditions: tuple[tuple[str, str, EventOut, Callable[[Moment], _Evidence | None]], ...] = (
            ("collision_risk", "collision_risk", rules.collision_risk, self._collision_risk),
            ("hard_braking", "hard_braking", rules.hard_braking, self._hard_braking),
            ("loss_of_control", "loss_of_control", rules.loss_of_control, self._loss_of_control),
            ("accident", "accident", rules.accident, self._accident),
            ("emergency_vehicle", "emergency_vehicle", rules.emergency_vehicle, self._emergency),
            ("seen_person", "person_on_road", rules.seen_person, self._seen_person),
            ("seen_stationary", "stationary_vehicle", rules.seen_stationary, self._seen_stationary),
            ("broken_down_vehicle", "broken_down_vehicle", rules.broken_down_vehicle, self._broken_down),
            ("stationary_vehicle", "stationary_vehicle", rules.stationary_vehicle, self._stationary),
            ("traffic_jam", "traffic_jam", rules.traffic_jam, self._traffic_jam),
        )
        self._conditions = tuple(c for c in conditions if c[2].enabled)
        self._happenings = {name: _Happening() for name, *_ in self._conditions}

    def due(self, moment: Moment) -> Iterator[tuple[str, RoadEvent, str]]:
        """(name for `settled`, what to tell, why now) of all that is to be told now, most urgent first."""
        now_ns = moment.now_ns
        for name, kind, rule, condition in self._conditions:
            state, evidence = self._happenings[name], condition(moment)
            if evidence is not None:
                state.last, state.last_ns = evidence, now_ns
                if state.first_ns is None:
                    state.first_ns = now_ns
                waits_ns = round((rule.after_s if state.told_ns is None else rule.update_s) * 1e9)
                since_ns = state.first_ns if state.told_ns is None else state.told_ns
                if now_ns - since_ns < waits_ns:
                    continue
                why = "begins" if state.id is None else "goes on"
                yield name, self._event(kind, rule, state, moment), f"{name.replace('_', ' ')} {why}"
            elif state.id is None:
                if now_ns - state.last_ns > _BRIDGE_NS:
                    state.forget()
            elif now_ns - state.last_ns >= round(rule.hold_s * 1e9):
                if name.startswith("seen_"):
                    state.forget()  # it is out of sight, which is not over: what was told holds its time
                    continue
                state.over = True
                yield name, self._event(kind, rule, state, moment), f"{name.replace('_', ' ')} is over"

    def settled(self, name: str, event: RoadEvent, now_ns: int, *, let_out: bool) -> None:
        """The gate's answer. What was refused is tried again when it would be told anew; an end is not."""
        state = self._happenings[name]
        if event.over:
            state.forget()
            return
        state.told_ns = now_ns
        if let_out and state.id is None:
            state.id, state.began_ns = event.id, now_ns
            self._number = (self._number + 1) % _NUMBERS

    def _event(self, kind: str, rule: EventOut, state: _Happening, moment: Moment) -> RoadEvent:
        last = state.last
        assert last is not None
        now_ns = moment.now_ns
        return RoadEvent(
            id=str(self._number) if state.id is None else state.id,
            kind=kind,
            latitude_deg=last.latitude_deg,
            longitude_deg=last.longitude_deg,
            measured_ns=now_ns if state.over else last.measured_ns,
            from_ns=now_ns if state.id is None else state.began_ns,
            until_ns=now_ns + round(rule.validity_s * 1e9),
            over=state.over,
            heading_deg=moment.own.heading_deg,
            speed_mps=last.speed_mps,
            confidence_ratio=last.sure_ratio,
        )

    # ---------------------------------------------------------------- of our own car

    def _here(self, moment: Moment) -> _Evidence | None:
        own = moment.own
        if own.latitude_deg is None or own.longitude_deg is None:
            return None
        return _Evidence(own.latitude_deg, own.longitude_deg, moment.now_ns, own.speed_mps)

    def _fast(self, moment: Moment) -> bool:
        speed = moment.own.speed_mps
        return speed is not None and speed >= self._rules.min_speed_mps

    def _stands(self, moment: Moment) -> bool:
        speed = moment.own.speed_mps
        return speed is not None and abs(speed) < self._rules.standing_mps

    def _active(self, name: str) -> bool:
        state = self._happenings.get(name)
        return state is not None and state.id is not None

    def _collision_risk(self, moment: Moment) -> _Evidence | None:
        return self._here(moment) if moment.alarm else None

    def _hard_braking(self, moment: Moment) -> _Evidence | None:
        """It goes on until the car stands, however slow it has become."""
        braking, active = moment.own.acceleration_mps2, self._active("hard_braking")
        if braking is None or not (active or self._fast(moment)):
            return None
        holds = braking <= -self._hard_braking_mps2 * (_RELEASE if active else 1.0)
        return self._here(moment) if holds else None

    def _loss_of_control(self, moment: Moment) -> _Evidence | None:
        """Traction control alone is a start on a wet road."""
        engaged = moment.own.abs_active or moment.own.esc_active
        return self._here(moment) if engaged and self._fast(moment) else None

    def _accident(self, moment: Moment) -> _Evidence | None:
        return self._here(moment) if moment.own.air_bag else None

    def _emergency(self, moment: Moment) -> _Evidence | None:
        return self._here(moment) if self._vehicle.emergency and moment.own.light_bar else None

    def _broken_down(self, moment: Moment) -> _Evidence | None:
        if self._active("accident") or not (moment.own.disabled or moment.own.flat_tyre):
            return None
        return self._here(moment) if self._stands(moment) else None

    def _stationary(self, moment: Moment) -> _Evidence | None:
        if self._active("accident") or self._active("broken_down_vehicle"):
            return None
        return self._here(moment) if self._stands(moment) and moment.own.indicator == "both" else None

    def _traffic_jam(self, moment: Moment) -> _Evidence | None:
        rules, speed = self._rules, moment.own.speed_mps
        if speed is None or speed > rules.jam_speed_mps:
            return None
        for road in moment.roads:
            for track in road.tracks:
                near = track.distance_m is not None and track.distance_m <= rules.jam_gap_m
                if track.id == road.lead_id and near:
                    return self._here(moment)
        return None

    # ---------------------------------------------------------------- seen by the camera

    def _seen_person(self, moment: Moment) -> _Evidence | None:
        """On a road where nobody walks: at the speed of one."""
        return self._seen(moment, ("person",), None)

    def _seen_stationary(self, moment: Moment) -> _Evidence | None:
        """Not where vehicles wait for a light."""
        return None if moment.crossing else self._seen(moment, VEHICLES, 1.0)

    def _seen(self, moment: Moment, kinds: tuple[str, ...], max_mps: float | None) -> _Evidence | None:
        """The nearest track of these kinds in our path that is sure enough."""
        rules, own = self._rules, moment.own
        if own.speed_mps is None or own.speed_mps < rules.seen_min_speed_mps:
            return None
        best: tuple[float, Track, Road] | None = None
        for road in moment.roads:
            for track in road.tracks:
                distance = track.distance_m
                if track.kind not in kinds or not track.in_path or distance is None:
                    continue
                if track.id in moment.known:
                    continue
                if distance > rules.max_seen_m or not _sure(track, own.speed_mps, max_mps, rules):
                    continue
                if best is None or distance < best[0]:
                    best = distance, track, road
        if best is None:
            return None
        place = placed(best[1], best[2].taken_ns, own, moment.now_ns, self._vehicle.length_m / 2.0)
        if place is None:
            return None
        speed = 0.0 if max_mps is not None else None
        return _Evidence(*place, best[2].taken_ns, speed, best[1].score)


def _sure(track: Track, own_mps: float, max_mps: float | None, rules: Announcing) -> bool:
    """Whether its distance is well known and, where it shall stand, that it does."""
    if track.distance_sd_m is None or track.distance_sd_m > rules.perceived_max_sd_m:
        return False
    if max_mps is None:
        return True
    closing, sd = track.closing_speed_mps, track.closing_speed_sd_mps
    if closing is None or sd is None or sd > _SURE_PART * own_mps:
        return False
    return abs(own_mps - closing) <= max_mps
