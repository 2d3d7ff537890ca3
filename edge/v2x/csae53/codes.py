"""The numbers of events and signs in RSI, and the kinds of RoadEvent that they are.

Events: GB/T 29100-2012, class * 100 + number within the class; signs: the number in the index of names of
GB 5768.2-2009. The printed standards were not at hand: what is marked *inferred* is not backed by a public
source that names the code, the rest is. `code` of a RoadEvent keeps the number in any case.
"""

from __future__ import annotations

EVENT_KINDS = {
    100: "accident",
    101: "broken_down_vehicle",
    305: "low_visibility",  # fog
    407: "slippery_road",  # water on the road
    408: "slippery_road",
    501: "road_works",  # inferred
    707: "traffic_jam",
    902: "slow_vehicle",
    903: "stationary_vehicle",  # inferred
    904: "wrong_way_driver",  # inferred
    907: "hard_braking",
    908: "stationary_vehicle",  # its hazard lights are on
}
_EVENT_CLASSES = {1: "accident", 2: "dangerous_spot", 3: "bad_weather", 5: "road_works"}  # 5: inferred
SIGN_KINDS = {
    0: "sign",  # text only
    2: "dangerous_curve",
    3: "dangerous_curve",  # inferred from the order of the index, as is 4
    4: "dangerous_curve",
    5: "dangerous_spot",  # steep
    15: "dangerous_spot",  # falling rocks
    17: "slippery_road",
    26: "dangerous_spot",  # a dip
    27: "dangerous_spot",  # water flows across
    34: "dangerous_spot",  # accidents are frequent
    36: "obstacle",
    37: "dangerous_spot",
    38: "road_works",
    85: "speed_limit",
}
SPEED_LIMIT_SIGN = 85
OTHER_EVENT = 9900  # the class of what has none, inferred from a recording of road-side units
EVENT_CODES = {
    "accident": 100,
    "broken_down_vehicle": 101,
    "bad_weather": 300,
    "low_visibility": 305,
    "slippery_road": 408,
    "road_works": 501,
    "traffic_jam": 707,
    "slow_vehicle": 902,
    "stationary_vehicle": 903,
    "wrong_way_driver": 904,
    "hard_braking": 907,
}


def kind_of_event(code: int) -> str:
    """EventType as a RoadEventKind; of its class where the number itself is not known."""
    return EVENT_KINDS.get(code) or _EVENT_CLASSES.get(code // 100, "other")


def kind_of_sign(code: int) -> str:
    """SignType as a RoadEventKind."""
    return SIGN_KINDS.get(code, "sign")
