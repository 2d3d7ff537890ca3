"""Causes of events, TS 102 894-2 (causeCode and subCauseCode of both releases), and what they mean to us."""

from __future__ import annotations

_KINDS: dict[int, str] = {
    1: "traffic_jam",
    2: "accident",
    3: "road_works",
    4: "road_works",
    5: "obstacle",  # the road cannot be passed: flooded, blocked
    6: "slippery_road",
    7: "slippery_road",  # aquaplaning
    9: "dangerous_spot",  # the surface: rocks, subsidence, snow drifts
    10: "obstacle",
    11: "animal_on_road",
    12: "person_on_road",
    14: "wrong_way_driver",
    15: "rescue_works",
    17: "bad_weather",
    18: "low_visibility",
    19: "bad_weather",
    26: "slow_vehicle",
    27: "traffic_jam",  # its dangerous end
    91: "broken_down_vehicle",
    92: "accident",
    93: "stationary_vehicle",  # the driver is unwell
    94: "stationary_vehicle",
    95: "emergency_vehicle",
    96: "dangerous_curve",
    97: "collision_risk",
    98: "signal_violation",
    99: "dangerous_spot",
    100: "dangerous_spot",  # a level crossing
}
_FINER: dict[tuple[int, int], str] = {
    (94, 2): "broken_down_vehicle",
    (94, 3): "accident",
    (99, 1): "hard_braking",
    (99, 2): "collision_risk",
    (99, 3): "loss_of_control",  # stability control
    (99, 4): "loss_of_control",  # anti-lock brake
    (99, 5): "hard_braking",
    (99, 6): "hard_braking",
    (99, 7): "collision_risk",
}
_CAUSES: dict[str, tuple[int, int]] = {
    "traffic_jam": (1, 0), "accident": (2, 0), "road_works": (3, 0), "slippery_road": (6, 0),
    "dangerous_spot": (9, 0), "obstacle": (10, 0), "animal_on_road": (11, 0), "person_on_road": (12, 0),
    "wrong_way_driver": (14, 0), "rescue_works": (15, 0), "bad_weather": (17, 0), "low_visibility": (18, 0),
    "slow_vehicle": (26, 0), "broken_down_vehicle": (94, 2), "stationary_vehicle": (94, 0),
    "emergency_vehicle": (95, 1), "dangerous_curve": (96, 0), "collision_risk": (97, 0),
    "signal_violation": (98, 0), "hard_braking": (99, 1), "loss_of_control": (99, 3),
}  # fmt: skip


def kind_of_cause(cause: int, sub_cause: int) -> str:
    """A RoadEventKind; "other" for causes that are none of ours (violence, public transport, reserved)."""
    return _FINER.get((cause, sub_cause)) or _KINDS.get(cause, "other")


def cause_of(kind: str, code: int | None) -> tuple[int, int] | None:
    """Cause and sub cause of an event: those of its code where that is one of ETSI for this kind.

    None: a DENM has none for it (signs and speed limits are told by IVIM).
    """
    if code is not None and 256 <= code < 65536:
        cause, sub_cause = divmod(code, 256)
        if kind_of_cause(cause, sub_cause) == kind:
            return cause, sub_cause
    return _CAUSES.get(kind)
