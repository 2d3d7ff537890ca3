"""What is usual for each kind of event: how long it holds, how often it is repeated, whom it concerns.

Figures of ours, close to the triggering conditions of the CAR 2 CAR Communication Consortium as they are
generally known; EN 302 637-3 itself leaves them to applications (default validity 600 s).
"""

from __future__ import annotations

import msgspec


class Service(msgspec.Struct, frozen=True):
    """validity_s: where the event does not say; radius_m: of the circle round it that must know.

    traffic_class: 0 goes first (DCC profile DP0), 1 is that of other DENMs.
    """

    validity_s: int = 60
    interval_ms: int = 1000
    radius_m: int = 1000
    traffic_class: int = 1


OTHER = Service()

SERVICES: dict[str, Service] = {
    "hard_braking": Service(2, 100, 500, 0),
    "collision_risk": Service(2, 100, 500, 0),
    "signal_violation": Service(2, 100, 500, 0),
    "loss_of_control": Service(5, 200, 500, 0),
    "wrong_way_driver": Service(10, 500, 1500, 0),
    "emergency_vehicle": Service(5, 250, 1000),
    "slow_vehicle": Service(10, 500, 1000),
    "stationary_vehicle": Service(30, 500, 1000),
    "broken_down_vehicle": Service(30, 500, 1000),
    "accident": Service(60, 500, 1000),
    "obstacle": Service(30, 1000, 1000),
    "person_on_road": Service(10, 500, 500),
    "animal_on_road": Service(10, 500, 1000),
    "rescue_works": Service(60, 1000, 1000),
    "traffic_jam": Service(20, 1000, 1500),
    "slippery_road": Service(300, 1000, 1500),
    "low_visibility": Service(300, 1000, 1500),
    "bad_weather": Service(300, 1000, 1500),
    "road_works": Service(600, 1000, 1500),
}
"""By RoadEventKind; OTHER for those not here."""
