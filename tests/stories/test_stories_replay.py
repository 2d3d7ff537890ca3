"""A drive told twice, cut and torn, gives the same decisions and never an error."""

from __future__ import annotations

import random

import pytest
from story import Other, drive, looking, peer_at

from edge.core.core import Core
from edge.messages import Announce, RemoteObject, Transmit, decode, encode


def eventful():
    story = drive(jitter_px=1.5, lines=True, bend_from_m=150.0, bend_1pm=1 / 200).at(20)
    story.peer = lambda t: peer_at(story, 60, 0, 20.0, events=("hard_braking",) if 3 < t < 4 else ())
    story.lead(60, 8).lead(40, 0, left_m=-3).lead(120, -15, left_m=3.5)
    story.others.append(Other("person", 55, -5, 0.0, left_mps=1.2))
    story.driver(lambda t: looking(yaw=40 if 1 < t < 5 else 0, eyes=0.0 if t > 5 else 0.9))
    return story.go(4).set(braking=5.0).go(2).set(braking=0.0, indicator="left").go(1).messages


def outputs(messages):
    core = Core(drive().config)
    return [encode(out) for message in messages for out in core.step(message)]


def test_a_recording_gives_the_same_outputs_bit_for_bit():
    messages = eventful()
    live = outputs(messages)
    assert any(b'"Warning"' in line for line in live)
    assert outputs([decode(encode(m)) for m in messages]) == live
    assert outputs(messages) == live


@pytest.mark.parametrize("seed", range(8))
def test_lost_late_and_repeated_messages_break_nothing(seed):
    chance = random.Random(seed)
    messages = [m for m in eventful() if chance.random() > 0.2]
    for _ in range(200):
        i = chance.randrange(len(messages) - 40)
        messages[i], messages[i + chance.randrange(40)] = messages[i + 20], messages[i]
    core = Core(drive().config)
    radio_ns = 0
    for message in messages:
        for out in core.step(message):
            decode(encode(out))
            if isinstance(out, Transmit):
                assert 0.0 <= out.signals["BRAKE"] <= 6.0
                assert 0.0 <= out.signals["CODE"] <= 255.0
            if isinstance(out, Announce) and isinstance(out.content, RemoteObject):
                assert out.t_ns - radio_ns >= 100_000_000
                radio_ns = out.t_ns
