"""One table of all warnings, and the arbiter that turns assessments into begin, change and end."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from edge.config import Rules
from edge.core import crossing_rules, driving, peer_rules, roadside_rules, rules, signal_rules
from edge.core.situation import Assessment, Situation
from edge.messages import Warning, WarningLevel

Rule = Callable[[Situation, bool], Assessment | None]

_RANK: dict[WarningLevel, int] = {"information": 1, "warning": 2, "alarm": 3}
_BRIDGE_NS = 250_000_000  # evidence may miss for so long before it has to last anew


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """One warning.

    code: what a display in the car shows, never reused. settings: the section of config.Rules that enables
    it. on: the input that brings news for it; only that can begin it. inputs: see availability.py. after_s:
    it must hold so long to begin; hold_s: it stays so long after it last held. quiet_while: warnings that say
    the same more surely or more urgently: they end it at once. again_s: while it is active it is told
    again so often, 0: only when its level changes.
    """

    name: str
    code: int
    rule: Rule
    settings: str
    on: str
    inputs: tuple[str, ...]
    after_s: float = 0.0
    hold_s: float = 1.0
    quiet_while: tuple[str, ...] = ()
    again_s: float = 0.0


def table(settings: Rules) -> tuple[Kind, ...]:
    """The warnings that are enabled, most important first."""
    road, face = ("road objects", "can speed"), ("driver picture", "can speed")
    eyes, gaze = ("driver picture", "eyes", "can speed"), ("driver picture", "gaze", "can speed")
    lanes, acceleration = ("road lanes", "can speed", "can indicator"), ("can speed", "can acceleration")
    harsh_s = settings.driving.harsh_for_s
    way, place = ("gnss", "gnss heading", "v2x", "can speed"), ("gnss", "gnss heading", "v2x")
    indicating = (*way, "can indicator")
    vehicle_near, person_near = rules.forward_collision, rules.pedestrian_collision
    kinds = (
        Kind(
            name="pedestrian_collision", code=2, rule=person_near, settings="forward_collision", on="road",
            inputs=road,
        ),
        Kind(
            name="forward_collision", code=1, rule=vehicle_near, settings="forward_collision", on="road",
            inputs=road,
        ),
        Kind(
            name="vulnerable_road_user", code=28, rule=crossing_rules.vulnerable_road_user,
            settings="vulnerable_road_user", on="peers", inputs=way, quiet_while=("pedestrian_collision",),
        ),
        Kind(
            name="peer_forward_collision", code=20, rule=peer_rules.peer_forward_collision,
            settings="peer_forward_collision", on="peers", inputs=way, quiet_while=("forward_collision",),
        ),
        Kind(
            name="intersection_collision", code=21, rule=crossing_rules.intersection_collision,
            settings="intersection_collision", on="peers", inputs=way,
        ),
        Kind(
            name="do_not_pass", code=25, rule=crossing_rules.do_not_pass, settings="do_not_pass", on="peers",
            inputs=indicating,
        ),
        Kind(
            name="left_turn_assist", code=22, rule=crossing_rules.left_turn_assist,
            settings="left_turn_assist", on="peers", inputs=indicating,
        ),
        Kind(
            name="emergency_brake_ahead", code=13, rule=peer_rules.emergency_brake_ahead, settings="peers",
            on="peers", inputs=way,
        ),
        Kind(
            name="lane_change", code=24, rule=crossing_rules.lane_change, settings="lane_change", on="peers",
            inputs=indicating,
        ),
        Kind(
            name="control_loss", code=27, rule=peer_rules.control_loss, settings="control_loss", on="peers",
            inputs=way,
        ),
        Kind(
            name="abnormal_vehicle", code=26, rule=peer_rules.abnormal_vehicle, settings="abnormal_vehicle",
            on="peers", inputs=way, quiet_while=("peer_forward_collision", "forward_collision"),
        ),
        Kind(
            name="emergency_vehicle", code=29, rule=peer_rules.emergency_vehicle,
            settings="emergency_vehicle", on="peers", inputs=way, hold_s=2.0,
        ),
        Kind(
            name="red_light_violation", code=34, rule=signal_rules.red_light_violation, settings="red_light",
            on="roadside", inputs=(*way, "our lane"), after_s=0.1,
        ),
        Kind(
            name="hazardous_location", code=32, rule=roadside_rules.hazardous_location,
            settings="hazardous_location", on="roadside", inputs=way, again_s=2.0,
        ),
        Kind(
            name="eyes_closed", code=5, rule=rules.eyes_closed, settings="drowsiness", on="driver",
            inputs=eyes,
        ),
        Kind(
            name="lane_departure", code=4, rule=rules.lane_departure, settings="lane_departure", on="road",
            inputs=lanes, after_s=0.1,
        ),
        Kind(
            name="distraction", code=7, rule=rules.distraction, settings="distraction", on="driver",
            inputs=gaze,
        ),
        Kind(
            name="driver_missing", code=8, rule=rules.driver_missing, settings="distraction", on="driver",
            inputs=face,
        ),
        Kind(
            name="drowsiness", code=6, rule=rules.drowsiness, settings="drowsiness", on="driver", inputs=eyes,
            after_s=1.0, hold_s=10.0,
        ),
        Kind(
            name="headway", code=3, rule=rules.headway, settings="headway", on="road", inputs=road,
            after_s=settings.headway.after_s, quiet_while=("forward_collision",),
        ),
        Kind(
            name="overspeed", code=12, rule=driving.overspeed, settings="driving", on="tick",
            inputs=("can speed",), after_s=1.0,
        ),
        Kind(
            name="harsh_braking", code=9, rule=driving.harsh_braking, settings="driving", on="tick",
            inputs=acceleration, after_s=harsh_s,
        ),
        Kind(
            name="harsh_acceleration", code=10, rule=driving.harsh_acceleration, settings="driving",
            on="tick", inputs=acceleration, after_s=harsh_s,
        ),
        Kind(
            name="harsh_cornering", code=11, rule=driving.harsh_cornering, settings="driving", on="tick",
            inputs=("can speed", "can lateral"), after_s=harsh_s,
        ),
        Kind(
            name="blind_spot", code=23, rule=crossing_rules.blind_spot, settings="lane_change", on="peers",
            inputs=way, after_s=0.2, quiet_while=("lane_change",),
        ),
        Kind(
            name="traffic_jam_ahead", code=37, rule=roadside_rules.traffic_jam_ahead, settings="traffic_jam",
            on="roadside", inputs=way, hold_s=2.0,
        ),
        Kind(
            name="speed_limit", code=33, rule=roadside_rules.speed_limit, settings="speed_limit",
            on="roadside", inputs=way, after_s=0.5,
        ),
        Kind(
            name="in_vehicle_sign", code=36, rule=roadside_rules.in_vehicle_sign, settings="in_vehicle_sign",
            on="roadside", inputs=place, again_s=2.0,
        ),
        Kind(
            name="green_light_speed", code=35, rule=signal_rules.green_light_speed,
            settings="green_light_speed", on="roadside", inputs=(*way, "our lane"), after_s=0.5, hold_s=0.5,
            again_s=settings.green_light_speed.again_s,
        ),
    )  # fmt: skip
    no_limit = settings.driving.overspeed_mps is None
    return tuple(
        k for k in kinds if getattr(settings, k.settings).enabled and not (k.name == "overspeed" and no_limit)
    )


class _State:
    __slots__ = ("first_ns", "held_ns", "last", "last_ns", "level", "since_ns", "told_ns")

    def __init__(self) -> None:
        self.level: WarningLevel | None = None  # None: not active
        self.since_ns = 0
        self.told_ns = 0
        self.first_ns: int | None = None  # since when it holds, before it begins
        self.last_ns = 0  # when it last held
        self.held_ns = 0  # when it last held at this level or above
        self.last: Assessment | None = None


class Arbiter:
    """Keeps which warnings are active."""

    def __init__(self, kinds: tuple[Kind, ...]) -> None:
        self._kinds = kinds
        self._quiet = tuple(kind for kind in kinds if kind.quiet_while)
        self._states = {kind.name: _State() for kind in kinds}

    def look(self, situation: Situation, news: str) -> tuple[list[Warning], list[tuple[Kind, Assessment]]]:
        """What begins, changes or ends, and every active warning's assessment, after news of `news`.

        On a tick the active ones are looked at too, so that they end in time.
        """
        changed: list[Warning] = []
        held: list[tuple[Kind, Assessment]] = []
        for kind in self._kinds:
            state = self._states[kind.name]
            if kind.on != news and (news != "tick" or state.level is None):
                continue
            assessment = kind.rule(situation, state.level is not None)
            if assessment is not None and any(self.level(name) for name in kind.quiet_while):
                assessment = None
            warning = _advance(kind, state, assessment, situation.now_ns)
            if warning is not None:
                changed.append(warning)
            if assessment is not None and state.level is not None:
                held.append((kind, assessment))
        for kind in self._quiet:
            state = self._states[kind.name]
            if state.level is not None and any(self.level(name) for name in kind.quiet_while):
                changed.append(_ended(kind, state, situation.now_ns))
        return changed, held

    def level(self, name: str) -> WarningLevel | None:
        """The level of an active warning, None when it is not active."""
        state = self._states.get(name)
        return None if state is None else state.level

    def code(self) -> int:
        """The code of the most urgent active warning, the table's order deciding among equals; 0: none."""
        best, best_rank = 0, 0
        for kind in self._kinds:
            level = self._states[kind.name].level
            if level is not None and _RANK[level] > best_rank:
                best, best_rank = kind.code, _RANK[level]
        return best


def _advance(kind: Kind, state: _State, assessment: Assessment | None, now_ns: int) -> Warning | None:
    hold_ns = round(kind.hold_s * 1e9)
    if assessment is not None:
        state.last, state.last_ns = assessment, now_ns
    if state.level is None:
        if assessment is None:
            if now_ns - state.last_ns > _BRIDGE_NS:
                state.first_ns = None
            return None
        if state.first_ns is None:
            state.first_ns = now_ns
        if now_ns - state.first_ns < round(kind.after_s * 1e9):
            return None
        state.level, state.since_ns, state.held_ns = assessment.level, now_ns, now_ns
        return _told(kind, state, assessment, now_ns, active=True)
    if assessment is not None:
        if _RANK[assessment.level] >= _RANK[state.level]:
            state.held_ns = now_ns
        if assessment.level != state.level and (state.held_ns == now_ns or now_ns - state.held_ns > hold_ns):
            state.level, state.held_ns = assessment.level, now_ns
            return _told(kind, state, assessment, now_ns, active=True)
        if kind.again_s and now_ns - state.told_ns >= round(kind.again_s * 1e9):
            return _told(kind, state, assessment, now_ns, active=True)
        return None
    if now_ns - state.last_ns < hold_ns:
        return None
    return _ended(kind, state, now_ns)


def _ended(kind: Kind, state: _State, now_ns: int) -> Warning:
    assert state.last is not None
    ended = _told(kind, state, state.last, now_ns, active=False)
    state.level = state.first_ns = None
    return ended


def _told(kind: Kind, state: _State, assessment: Assessment, now_ns: int, *, active: bool) -> Warning:
    assert state.level is not None
    state.told_ns = now_ns
    return Warning(
        t_ns=now_ns,
        name=kind.name,
        level=state.level,
        active=active,
        since_ns=state.since_ns,
        cause=assessment.cause,
        values=assessment.values,
        thresholds=assessment.thresholds,
        object=assessment.object,
        based_on_ns=assessment.based_on_ns,
    )
