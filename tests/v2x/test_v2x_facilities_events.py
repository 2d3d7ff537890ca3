"""The life of a DENM: EN 302 637-3 clauses 6 and 8, as stories."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edge.messages import RoadEvent
from edge.v2x.facilities import SERVICES, DenmService, Service
from edge.v2x.uper import CodecError

MS = 1_000_000
S = 1_000_000_000
STATION = 4711


def event(name="e1", kind="obstacle", latitude=48.0, **more):
    return RoadEvent(id=name, kind=kind, latitude_deg=latitude, longitude_deg=11.0, **more)


def story(service, until_ms, script, step_ms=10):
    """Ask each step; script: ms -> what is done before. [(ms, order)]"""
    said = []
    for now in range(0, until_ms + 1, step_ms):
        if now in script:
            script[now](now * MS)
        said += [(now, order) for order in service.due(now * MS)]
    return said


def told(said):
    return [(now, order.what, order.termination) for now, order in said]


# ---------------------------------------------------------------- our own events


def test_a_new_event_is_repeated_until_its_validity_ends():
    service = DenmService(STATION, services={"obstacle": Service(3, 1000, 800, 1)})
    said = story(service, 10_000, {0: lambda now: service.announce(event(), now)})
    assert told(said) == [(0, "new", ""), (1000, "repetition", ""), (2000, "repetition", "")]
    first, repeated = said[0][1], said[1][1]
    assert first.action == (STATION, 1)
    assert first.validity_s == 3
    assert (first.interval_ms, first.traffic_class) == (1000, 1)
    assert (first.area.shape, first.area.a) == ("circle", 800)
    assert (first.area.latitude, first.area.longitude) == (480_000_000, 110_000_000)
    # A repetition is the same DENM: same action id, same reference time.
    assert (repeated.action, repeated.referenced_ns, repeated.detected_ns) == (first.action, 0, 0)
    assert not service.active


def test_an_update_keeps_the_action_id_and_has_a_later_reference_time():
    service = DenmService(STATION)
    said = story(
        service,
        2500,
        {
            0: lambda now: service.announce(event(measured_ns=0), now),
            1500: lambda now: service.announce(event(latitude=48.001, measured_ns=1400 * MS), now),
        },
    )
    assert [(now, what) for now, what, _ in told(said)] == [
        (0, "new"), (1000, "repetition"), (1500, "update"), (2500, "repetition"),
    ]  # fmt: skip
    update = said[2][1]
    assert update.action == said[0][1].action
    assert update.referenced_ns == 1500 * MS
    assert update.detected_ns == 1400 * MS
    assert update.area.latitude == 480_010_000
    assert said[3][1].event == update.event


def test_telling_the_same_again_is_no_update():
    service = DenmService(STATION)
    said = story(service, 500, {t: lambda now: service.announce(event(), now) for t in (0, 200, 400)})
    assert told(said) == [(0, "new", "")]


def test_updates_keep_100_ms_apart_and_the_newest_counts():
    service = DenmService(STATION)
    changes = {
        t: lambda now: service.announce(event(latitude=48 + now / S / 100), now) for t in range(0, 300, 10)
    }
    said = story(service, 300, changes)
    assert [now for now, _ in said] == [0, 100, 200, 300]
    assert said[-1][1].event.latitude_deg == pytest.approx(48.0029)


def test_a_cancellation_by_the_originator_is_told_several_times_and_then_it_is_forgotten():
    service = DenmService(STATION)
    said = story(
        service,
        10_000,
        {
            0: lambda now: service.announce(event(), now),
            500: lambda now: service.announce(event(over=True), now),
        },
    )
    assert told(said) == [
        (0, "new", ""),
        (500, "cancellation", "cancellation"),
        (1500, "repetition", "cancellation"),
        (2500, "repetition", "cancellation"),
        (3500, "repetition", "cancellation"),
    ]
    assert {order.action for _, order in said} == {(STATION, 1)}
    assert said[1][1].referenced_ns == 500 * MS
    assert {order.referenced_ns for _, order in said[1:]} == {500 * MS}
    assert not service.active


def test_a_cancellation_told_twice_is_one():
    service = DenmService(STATION)
    over = {t: lambda now: service.announce(event(over=True), now) for t in range(500, 3000, 100)}
    said = story(service, 9000, {0: lambda now: service.announce(event(), now), **over})
    assert len([order for _, order in said if order.termination]) == 4


def test_an_event_that_ended_before_anybody_knew_is_never_told():
    service = DenmService(STATION)
    service.announce(event(), 0)
    service.announce(event(over=True), 0)
    service.announce(event("unknown", over=True), 0)
    assert service.due(0) == []


def test_the_same_event_again_after_its_end_is_a_new_one():
    service = DenmService(STATION)
    said = story(
        service,
        1000,
        {
            0: lambda now: service.announce(event(), now),
            300: lambda now: service.announce(event(over=True), now),
            600: lambda now: service.announce(event(), now),
        },
    )
    assert [(what, order.action) for (_, what, _), (_, order) in zip(told(said), said, strict=True)] == [
        ("new", (STATION, 1)), ("cancellation", (STATION, 1)), ("new", (STATION, 2)),
    ]  # fmt: skip


def test_the_event_itself_says_how_long_it_holds_and_how_far():
    service = DenmService(STATION)
    service.announce(event(measured_ns=10 * S, until_ns=17 * S, radius_m=1200.0), 11 * S)
    (order,) = service.due(11 * S)
    assert (order.detected_ns, order.validity_s, order.area.a) == (10 * S, 7, 1200)
    assert service.due(17 * S) == []
    assert not service.active
    huge = DenmService(STATION)
    huge.announce(event(until_ns=10**6 * S, radius_m=9999.0), 0)
    (order,) = huge.due(0)
    assert (order.validity_s, order.area.a) == (86_400, 1784)
    assert order.area.square_m <= 10e6


def test_emergencies_go_first_and_often():
    service = DenmService(STATION)
    service.announce(event("jam", "traffic_jam"), 0)
    service.announce(event("brake", "hard_braking"), 0)
    assert [order.event.id for order in service.due(0)] == ["brake", "jam"]
    assert [order.event.id for order in service.due(100 * MS)] == ["brake"]


def test_a_pseudonym_changes_for_new_events_only():
    service = DenmService(STATION)
    service.announce(event("a"), 0)
    service.due(0)
    service.rename(815)
    service.announce(event("b"), 0)
    service.announce(event("a", latitude=48.1), 0)
    actions = {order.event.id: order.action for order in service.due(200 * MS)}
    assert actions == {"a": (STATION, 1), "b": (815, 2)}


def test_sequence_numbers_wrap_at_16_bits():
    service = DenmService(STATION, sequence=65_534)
    for name in "abc":
        service.announce(event(name), 0)
    assert [order.action[1] for order in service.due(0)] == [65_535, 0, 1]


def test_the_number_of_own_events_is_bounded():
    service = DenmService(STATION)
    for i in range(1000):
        service.announce(event(str(i)), 0)
        service.negate(event(str(i)), (9, i), 0)
    assert len(service.due(0)) <= 64


def test_a_place_that_is_none_is_refused():
    for latitude in (91.0, float("nan")):
        with pytest.raises(CodecError) as caught:
            DenmService(STATION).announce(event(latitude=latitude), 0)
        assert caught.value.reason == "unencodable"


def test_another_station_s_event_is_negated_under_its_own_action_id():
    service = DenmService(STATION)
    service.negate(event("99.7"), (99, 7), 5 * S)
    (order,) = service.due(5 * S)
    assert (order.what, order.termination, order.action) == ("negation", "negation", (99, 7))
    assert order.event.over
    assert service.due(6 * S) == []


def test_every_kind_has_figures_that_the_standard_allows():
    for service in SERVICES.values():
        assert 0 < service.validity_s <= 86_400
        assert 1 <= service.interval_ms <= 10_000
        assert 3.1416 * service.radius_m**2 <= 10e6
        assert service.traffic_class in (0, 1)


@given(
    st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from("abc"), st.booleans(), st.integers(0, 3)), max_size=60
    )
)
def test_whatever_is_announced_orders_keep_the_rules(steps):
    service, now = DenmService(STATION), 0
    last, actions = {}, {}
    for pause, name, over, place in steps:
        now += pause
        service.announce(event(name, over=over, latitude=48 + place / 1000), now * MS)
        for order in service.due(now * MS):
            if order.what == "new":
                assert actions.get(order.action) is None
            else:
                assert actions[order.action] == order.event.id
                assert now - last[order.action][0] >= 100
                assert order.referenced_ns >= last[order.action][1]
            actions[order.action] = order.event.id
            last[order.action] = (now, order.referenced_ns)


# ---------------------------------------------------------------- the events of others


def test_new_repeated_updated_and_cancelled():
    service = DenmService(STATION)
    heard = event("99.7", measured_ns=S, until_ns=60 * S)
    assert service.hear(heard, "99", 2 * S) == "new"
    assert service.hear(heard, "99", 3 * S) == "repetition"
    moved = replace(heard, latitude_deg=48.01, measured_ns=4 * S)
    assert service.hear(moved, "99", 4 * S) == "update"
    assert service.hear(heard, "99", 5 * S) == "stale"  # overtaken on the way
    assert [known.event for known in service.others(5 * S)] == [moved]
    assert service.hear(replace(moved, over=True, measured_ns=6 * S), "99", 6 * S) == "cancellation"
    assert service.others(6 * S) == ()
    assert service.hear(moved, "99", 7 * S) == "stale"  # a late repetition does not bring it back


def test_somebody_else_negates_it():
    service = DenmService(STATION)
    heard = event("99.7", until_ns=60 * S)
    service.hear(heard, "99", 0)
    assert service.hear(replace(heard, over=True), "55", S) == "negation"
    assert service.others(S) == ()
    assert service.hear(heard, "99", 2 * S) == "stale"


def test_the_end_of_what_was_never_heard():
    assert DenmService(STATION).hear(event("1.1", over=True), "1", 0) == "unknown"


def test_it_holds_until_it_says_or_for_the_default_of_600_s():
    service = DenmService(STATION)
    service.hear(event("1.1", until_ns=10 * S), "1", 0)
    service.hear(event("2.1"), "2", 0)
    assert len(service.others(9 * S)) == 2
    assert [known.told_by for known in service.others(10 * S)] == ["2"]
    assert service.others(600 * S) == ()
    assert service.hear(event("1.1", until_ns=11 * S), "1", 11 * S) == "expired"
    assert service.hear(event("1.1", until_ns=20 * S), "1", 11 * S) == "new"


def test_a_flood_from_one_sender_pushes_out_its_own_events_only():
    service = DenmService(STATION)
    service.hear(event("1.1", until_ns=60 * S), "1", 0)
    for i in range(2000):
        service.hear(event(f"66.{i}", until_ns=90 * S), "66", i)
    holders = [known.told_by for known in service.others(S)]
    assert holders.count("1") == 1
    assert holders.count("66") == 32


def test_a_flood_of_invented_senders_leaves_it_bounded():
    service = DenmService(STATION)
    for i in range(3000):
        service.hear(event("1", until_ns=(90 + i) * S), str(i), i)
    assert len(service.others(S)) == 512
