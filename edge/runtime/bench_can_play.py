"""How late frames leave when a log is played onto a bus, beside python-can's player in the same run."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable

import numpy as np

from edge import clock
from edge.can.frames import Frames
from edge.can.play import Player
from edge.clock import PreciseClock
from edge.runtime.bench import Figure

FRAMES_PER_S = 4000
SECONDS = 0.25
ROUNDS = 12
PLAY_PRIORITY = 10


class NullBus:
    """Takes every frame and notes when: what the bus itself costs is measured elsewhere."""

    channels: tuple[str, ...] = ("null",)

    def __init__(self) -> None:
        self.stamps_ns: list[int] = []

    def fileno(self) -> int | None:
        """Nothing ever comes."""
        return None

    def receive(self) -> Frames:
        """Nothing ever comes."""
        return frames_at(0, 1)[:0]

    def send(self, key: int, data: bytes, bus: int = 0) -> None:
        """Taken."""
        self.stamps_ns.append(clock.now_ns())

    def send_many(self, frames: Frames) -> int:
        """All taken."""
        now_ns = clock.now_ns()
        self.stamps_ns += [now_ns] * len(frames)
        return len(frames)

    def health(self, bus: int = 0) -> dict[str, float]:
        """Nothing was dropped."""
        return {}

    def trouble(self, bus: int = 0) -> str:
        """None."""
        return ""

    def notes(self, bus: int = 0) -> str:
        """None."""
        return ""

    def close(self) -> None:
        """Nothing is open."""


def frames_at(rate_hz: int, count: int) -> Frames:
    """count frames with 8 bytes each, evenly spaced, of one bus."""
    return Frames(
        t_ns=np.arange(count, dtype=np.int64) * (1_000_000_000 // max(rate_hz, 1)),
        id=(np.arange(count) % 100 + 0x100).astype(np.uint32),
        flags=np.zeros(count, np.uint16),
        bus=np.zeros(count, np.uint8),
        length=np.full(count, 8, np.uint8),
        data=np.zeros((count, 8), np.uint8),
    )


def measure_play(say: Callable[[str], None]) -> dict[str, Figure]:
    """Short rounds, ours and python-can's MessageSync in turn; each figure is the median of the rounds, since
    what else the machine does comes in bursts. Lateness is that of the frame when the bus is handed it,
    counted from the start of the round. Both have the real-time priority that `icv can play` asks for, where
    it is granted, and then run once more without.
    """
    gc.collect()
    gc.freeze()
    granted = _set_priority(PLAY_PRIORITY)
    say(f"play: real-time priority {'granted' if granted else 'refused'}")
    try:
        figures = _compare("play", "real-time" if granted else "no priority")
    finally:
        if granted:
            _set_priority(0)
    if granted:
        figures |= _compare("play_plain", "no priority")
    return figures


def _compare(name: str, how: str) -> dict[str, Figure]:
    ours, others = [], []
    for _ in range(ROUNDS):
        ours.append(_ours())
        others.append(_message_sync())
    figures = {}
    for share in (0.5, 0.99):
        p = f"p{round(share * 100)}"
        title = f"replay at {FRAMES_PER_S} frames/s, {how}: late, {p}"
        own, peer = _typical(ours, share), _typical(others, share)
        figures[f"{name}_late_{p}"] = Figure(title, own, "us")
        figures[f"{name}_late_{p}_peer"] = Figure(f"{title}, MessageSync", peer, "us")
        figures[f"{name}_late_{p}_ratio"] = Figure(f"{title}, of MessageSync's", own / max(peer, 1e-3), "x")
    early, peer_early = (float(sum((late < 0).sum() for late in rounds)) for rounds in (ours, others))
    figures[f"{name}_early"] = Figure(f"replay, {how}: frames sent too early", early, "frames")
    title = f"replay, {how}: frames sent too early, MessageSync"
    figures[f"{name}_early_peer"] = Figure(title, peer_early, "frames")
    return figures


def _typical(rounds: list[np.ndarray], share: float) -> float:
    """The median of the rounds' quantiles, us."""
    return float(np.median([np.quantile(late, share) for late in rounds])) / 1000


def _set_priority(priority: int) -> bool:
    """Real-time priority, 0: none. False: refused."""
    try:
        policy = os.SCHED_FIFO if priority else os.SCHED_OTHER
        os.sched_setscheduler(0, policy, os.sched_param(priority))
    except (OSError, AttributeError):
        return False
    return True


def _ours() -> np.ndarray:
    batch, bus = frames_at(FRAMES_PER_S, round(FRAMES_PER_S * SECONDS)), NullBus()
    player = Player([(bus, 0)], PreciseClock())
    player.play([batch])
    assert player.began_ns is not None
    return np.array(bus.stamps_ns) - batch.t_ns - player.began_ns


def _message_sync() -> np.ndarray:
    import can

    t_ns = frames_at(FRAMES_PER_S, round(FRAMES_PER_S * SECONDS)).t_ns
    messages = [can.Message(timestamp=t / 1e9, arbitration_id=0x100, data=bytes(8)) for t in t_ns.tolist()]
    stamps_ns = []
    began_ns = clock.now_ns()
    for _ in can.MessageSync(messages, gap=0.0001, skip=60):
        stamps_ns.append(clock.now_ns())
    return np.array(stamps_ns) - t_ns - began_ns
