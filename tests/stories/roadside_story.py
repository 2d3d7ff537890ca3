"""What a roadside says in a story: events, an intersection with lights, by places along our road."""

from __future__ import annotations

from story import EAST_M, LATITUDE, LONGITUDE, NORTH_M, Story

from edge.messages import (
    Connection,
    Intersection,
    Intersections,
    MapLane,
    PeerContent,
    PeerHeard,
    RoadEvent,
    RoadEvents,
    SignalPhase,
    SignalState,
    SignalStates,
)

S = 1_000_000_000


def place(along_m: float, left_m: float = 0.0) -> tuple[float, float]:
    """(latitude, longitude) of a place along the road of the story, which goes north."""
    return LATITUDE + along_m / NORTH_M, LONGITUDE - left_m / EAST_M


def event(kind: str, along_m: float, left_m: float = 0.0, **values: object) -> RoadEvent:
    latitude, longitude = place(along_m, left_m)
    fields: dict = {"id": "1", "kind": kind, "latitude_deg": latitude, "longitude_deg": longitude}
    return RoadEvent(**{**fields, **values})


def hears(
    story: Story, content: PeerContent, sender: str = "rsu", counter: int = 0, trust: str = "signed"
) -> Story:
    """The car hears it now."""
    story.messages.append(
        PeerHeard(
            t_ns=story.t_ns,
            link="v2x",
            standard="csae53",
            message="RSI",
            sender=sender,
            counter=counter,
            trust=trust,
            content=content,
        )
    )
    return story


def told(story: Story, *events: RoadEvent, sender: str = "rsu", trust: str = "signed") -> Story:
    return hears(story, RoadEvents(events=events), sender, trust=trust)


def crossing(stop_m: float, *lanes: MapLane, number: int = 7) -> Intersections:
    """An intersection whose stop line lies across our road."""
    latitude, longitude = place(stop_m + 10.0)
    return Intersections(
        intersections=(
            Intersection(id=f"0.{number}", latitude_deg=latitude, longitude_deg=longitude, lanes=lanes),
        )
    )


def lane(
    stop_m: float, number: int = 1, left_m: float = 0.0, limit_mps: float | None = None, **groups: int | None
) -> MapLane:
    """A lane of 3 m that leads to the stop line; groups: by manoeuvre."""
    return MapLane(
        id=number,
        points=tuple(place(stop_m - back, left_m) for back in (0.0, 50.0, 120.0, 300.0)),
        width_m=3.0,
        speed_limit_mps=limit_mps,
        connections=tuple(Connection(manoeuvre=m, group=group) for m, group in groups.items()),
    )


def light(story: Story, *phases: tuple[str, float | None], group: int = 1, number: int = 7) -> SignalState:
    """What a light shows now and then: (state, seconds from now until it ends or None)."""
    return SignalState(
        intersection=f"0.{number}",
        group=group,
        phases=tuple(
            SignalPhase(
                state=state,
                earliest_end_ns=None if ends is None else story.t_ns + round(ends * S),
                latest_end_ns=None if ends is None else story.t_ns + round(ends * S),
                likely_end_ns=None if ends is None else story.t_ns + round(ends * S),
            )
            for state, ends in phases
        ),
    )


def lights(story: Story, *signals: SignalState) -> Story:
    return hears(story, SignalStates(signals=signals))


def approach(story: Story, seconds: float, shows: object, *, every_s: float = 0.2) -> Story:
    """Drive on while the lights say what `shows()` gives."""
    for _ in range(round(seconds / every_s)):
        lights(story, *shows())  # type: ignore[operator]
        story.go(every_s)
    return story
