"""`icv bench can`, protection: E2E profiles and a maker's checksum over many frames, beside autosar-e2e."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from edge import config
from edge.can.dbc import parse_dbc
from edge.can.frames import Frames
from edge.can.protection import protection_of
from edge.can.protection.e2e import Profile, Receiver, Status, profile_1, profile_2, profile_5
from edge.clock import now_ns
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile

REPEATS = 15
FRAMES = 1 << 20
PEER_FRAMES = 20_000

_DATA_ID = 0x1234
_DATA_IDS = bytes(range(1, 17))
_TOYOTA = """BO_ 180 SPEED: 8 X
 SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] "" X
"""


def measure_e2e(say: Callable[[str], None]) -> dict[str, Figure]:
    """Frames of 8 bytes a second, CRC and counter, every frame different; in turns with the peer.

    "e2e_rate" is that of the slowest profile. The peer (autosar-e2e, C, one frame a call) checks the CRC
    alone.
    """
    from e2e import p01, p02, p05

    say("E2E: profiles 1, 2 and 5 ...")
    both = p01.E2E_P01_DATAID_BOTH
    profiles: dict[str, tuple[Profile, Callable[[Any], bool]]] = {
        "1A": (profile_1(8, _DATA_ID), lambda data: p01.e2e_p01_check(data, _DATA_ID, data_id_mode=both)),
        "1B": (
            profile_1(8, _DATA_ID, "alternating"),
            lambda data: p01.e2e_p01_check(data, _DATA_ID, data_id_mode=p01.E2E_P01_DATAID_ALT),
        ),
        "1C": (
            profile_1(8, _DATA_ID, "nibble"),
            lambda data: p01.e2e_p01_check(data, _DATA_ID, data_id_mode=p01.E2E_P01_DATAID_NIBBLE),
        ),
        "2": (profile_2(8, _DATA_IDS), lambda data: p02.e2e_p02_check(data, _DATA_IDS)),
        "5": (profile_5(8, _DATA_ID), lambda data: p05.e2e_p05_check(data, _DATA_ID)),
    }
    figures: dict[str, Figure] = {}
    rates = []
    for name, (profile, peer_check) in profiles.items():
        data = _sent(profile)
        payloads = [bytearray(row) for row in data[:PEER_FRAMES]]

        def ours(profile: Profile = profile, data: np.ndarray = data) -> None:
            assert Receiver(profile).check(data[1:])[1:].max() == Status.OK

        def peer(check: Callable[[Any], bool] = peer_check, payloads: list[bytearray] = payloads) -> None:
            assert all(map(check, payloads))

        own_us, peer_us = _in_turns(ours, FRAMES, peer, PEER_FRAMES)
        rates.append(1 / own_us)
        figures[f"e2e_{name}_rate"] = Figure(f"E2E profile {name} verified", 1 / own_us, "M frames/s")
        figures[f"e2e_{name}_ratio"] = Figure(
            f"E2E profile {name}, of autosar-e2e's speed", peer_us / own_us, "x"
        )
    figures["e2e_rate"] = Figure("E2E verified, slowest profile", min(rates), "M frames/s")
    own_us, _ = _in_turns(_toyota(), FRAMES, lambda: None, 1)
    figures["checksum_toyota_rate"] = Figure("Toyota's checksum verified", 1 / own_us, "M frames/s")
    return figures


def _in_turns(
    ours: Callable[[], None], own_count: int, peer: Callable[[], None], peer_count: int
) -> tuple[float, float]:
    """Medians of the microseconds that one frame takes."""
    taken: tuple[list[float], list[float]] = [], []
    for turn in range(REPEATS + 1):
        for times, function, count in zip(taken, (ours, peer), (own_count, peer_count), strict=True):
            begin_ns = now_ns()
            function()
            if turn:  # the first builds the tables
                times.append((now_ns() - begin_ns) / 1e3 / count)
    return quantile(taken[0], 0.5), quantile(taken[1], 0.5)


def _sent(profile: Profile) -> np.ndarray:
    """uint8 (FRAMES, 8): random data with counters and CRCs, as a sender would fill it."""
    data = np.random.default_rng(1).integers(0, 256, (FRAMES, 8), dtype=np.uint8)
    counter = (np.arange(FRAMES) % profile.counts).astype(np.uint8)
    at, shift = profile.counter.first, profile.counter.shift
    data[:, at] = data[:, at] & (0xFF ^ profile.counter.mask << shift) | counter << shift
    if profile.nibble:
        place, value = profile.nibble
        data[:, place.first] = (
            data[:, place.first] & (0xFF ^ place.mask << place.shift) | value << place.shift
        )
    crc = profile.crc.many(data)
    data[:, profile.crc_field.first] = crc & 0xFF
    if profile.crc_field.last != profile.crc_field.first:
        data[:, profile.crc_field.last] = crc >> 8
    return data


def _toyota() -> Callable[[], None]:
    message = parse_dbc(_TOYOTA).named("SPEED")
    assert message is not None
    rule = protection_of(message, config.Vehicle(title="", maker="toyota"))
    assert rule is not None
    data = np.random.default_rng(1).integers(0, 256, (FRAMES, 8), dtype=np.uint8)
    data[:, 7] = data[:, :7].sum(axis=1, dtype=np.uint8) + np.uint8(180 + 8)
    zeros = np.zeros(FRAMES, np.int64)
    length = np.full(FRAMES, 8, np.uint8)
    found = Frames(
        zeros, np.full(FRAMES, 180, np.uint32), zeros.astype(np.uint16), zeros.astype(np.uint8), length, data
    )

    def run() -> None:
        assert rule.check(found).all()

    return run
