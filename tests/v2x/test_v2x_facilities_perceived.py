"""What we see and tell: TS 103 324 clause 6.1 and T/CSAE 53 RSM, as stories."""

from edge.messages import PerceivedObjects, RemoteObject
from edge.v2x.facilities import PerceivedSelection

MS = 1_000_000
S = 1_000_000_000
M = 1 / 111_195


def thing(name, north_m=0.0, kind="car", speed=10.0, heading=0.0):
    return RemoteObject(
        id=str(name), kind=kind, latitude_deg=48 + north_m * M, longitude_deg=11.0, speed_mps=speed,
        heading_deg=heading,
    )  # fmt: skip


def ids(selection):
    return [[x.id for x in part.objects] for part in selection.segments]


def see(selection, now_ms, *things, **more):
    return selection.select(PerceivedObjects(objects=things), now_ms * MS, **more)


def test_a_new_object_is_told_at_once_and_then_not_before_it_has_changed():
    s = PerceivedSelection()
    assert ids(see(s, 0, thing(1))) == [["1"]]
    assert ids(see(s, 100, thing(1))) == []
    assert ids(see(s, 200, thing(1), thing(2))) == [["2"]]


def test_the_three_limits():
    for changed in (
        thing(1, north_m=4.1), thing(1, speed=10.6), thing(1, speed=9.4), thing(1, heading=4.1),
        thing(1, heading=355.9),
    ):  # fmt: skip
        s = PerceivedSelection()
        see(s, 0, thing(1))
        assert ids(see(s, 100, changed)) == [["1"]]
    for same in (thing(1, north_m=3.9), thing(1, speed=10.4), thing(1, heading=356.1)):
        s = PerceivedSelection()
        see(s, 0, thing(1))
        assert ids(see(s, 100, same)) == []


def test_small_changes_add_up_since_it_was_told():
    s = PerceivedSelection()
    told = [t for t in range(0, 1000, 100) if ids(see(s, t, thing(1, north_m=t / 100 * 1.5)))]
    assert told == [0, 300, 600, 900]


def test_what_has_not_been_told_for_a_second_is():
    s = PerceivedSelection()
    told = [t for t in range(0, 2101, 100) if ids(see(s, t, thing(1)))]
    assert told == [0, 1000, 2000]


def test_persons_are_told_together_each_500_ms():
    s = PerceivedSelection()
    see(s, 0, thing(1, kind="person"))
    assert ids(see(s, 300, thing(1, kind="person"), thing(2, kind="person"), thing(3))) == [["2", "3", "1"]]
    assert ids(see(s, 700, thing(1, kind="person"), thing(2, kind="person"))) == []
    assert ids(see(s, 800, thing(1, kind="person"), thing(2, kind="person"))) == [["1", "2"]]


def test_between_100_ms_and_a_second_as_the_channel_allows():
    def moving(congestion_ms):
        s = PerceivedSelection()
        return [
            t
            for t in range(0, 2001, 10)
            if ids(see(s, t, thing(1, north_m=t), congestion_ns=congestion_ms * MS))
        ]

    assert moving(0)[:3] == [0, 100, 200]
    assert moving(400)[:3] == [0, 400, 800]
    assert moving(9000)[:3] == [0, 1000, 2000]


def test_the_sensor_container_comes_once_a_second_even_when_nothing_is_seen():
    s = PerceivedSelection()
    said = [(t, see(s, t)) for t in range(0, 2001, 100)]
    assert [t for t, x in said if x.sensors] == [0, 1000, 2000]
    assert all(ids(x) == [[]] for t, x in said if x.sensors)
    assert all(x.segments == () for t, x in said if not x.sensors)


def test_many_objects_are_spread_over_segments_and_the_rest_comes_next():
    s = PerceivedSelection(most=3, segments=2)
    things = [thing(i) for i in range(8)]
    assert ids(see(s, 0, *things)) == [["0", "1", "2"], ["3", "4", "5"]]
    assert ids(see(s, 100, *things)) == [["6", "7"]]
    assert ids(see(s, 200, *things)) == []


def test_an_object_that_comes_back_after_seconds_is_new():
    s = PerceivedSelection()
    see(s, 0, thing(1))
    for t in range(100, 12_000, 100):
        see(s, t)
    assert "1" not in s._told
    assert ids(see(s, 12_000, thing(1))) == [["1"]]


def test_memory_is_bounded_however_many_tracks_there_are():
    s = PerceivedSelection()
    for t in range(0, 5000, 100):
        see(s, t, *[thing(f"{t}.{i}") for i in range(100)])
    assert len(s._told) <= 256


def test_rsm_tells_everything_ten_times_a_second_sixteen_to_a_message():
    s = PerceivedSelection("rsm")
    things = [thing(i) for i in range(20)]
    said = [see(s, t, *things) for t in range(0, 1000, 50)]
    assert [len(x.segments) for x in said] == [2, 0] * 10
    assert [len(part.objects) for part in said[0].segments] == [16, 4]
    assert not any(x.sensors for x in said)
    assert ids(see(PerceivedSelection("rsm"), 0)) == []
