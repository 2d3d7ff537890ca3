"""Playing recorded frames onto buses: each at its time, never before, and how late it was.

Every deadline is counted from the start, so that delays do not add up.
"""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil, inf

import numpy as np

from edge.can.bus import BusError, CanBus
from edge.can.frames import ERROR, EXTENDED, KEY_EXTENDED, Frames
from edge.can.lateness import Lateness
from edge.clock import Clock
from edge.config import UserError

SLICE_NS = 20_000_000
"""So long a wait at most before commands (stop, pause, speed) are looked at again."""
LEAD_NS = 2_000_000
STUCK_NS = 1_000_000_000
"""A transmit queue that takes nothing for so long is stuck."""
_RETRY_NS = 500_000  # shorter than ten frames, Linux's transmit queue, take at 1 Mbit/s
_BLOCK_FRAMES = 512
_AHEAD_FRAMES = 1 << 20
_AHEAD_BATCHES = 32


@dataclass(frozen=True)
class Choice:
    """Which frames of a log are played, and as what.

    buses: name of a bus in the log -> index of the target; others: the target of buses not named, None: they
    are not played. only, drop: keys (bit 31 set if extended); rename: key -> key. from_ns, to_ns: part of the
    log, since its first frame.
    """

    buses: Mapping[str, int] = field(default_factory=dict)
    others: int | None = None
    only: frozenset[int] | None = None
    drop: frozenset[int] = frozenset()
    rename: Mapping[int, int] = field(default_factory=dict)
    from_ns: int = 0
    to_ns: int | None = None

    def of(self, batches: Iterable[Frames], names: Sequence[str]) -> Iterator[Frames]:
        """The chosen frames, their bus that of the target. names[i] names bus i; it may grow meanwhile.

        Error frames cannot be sent and are left out.
        """
        origin_ns: int | None = None
        for batch in batches:
            if not len(batch):
                continue
            if origin_ns is None:
                origin_ns = int(batch.t_ns[0])
            if self.to_ns is not None and int(batch.t_ns.min()) - origin_ns > self.to_ns:
                return
            chosen = self._chosen(batch, batch.t_ns - origin_ns, names)
            if len(chosen):
                yield chosen

    def _chosen(self, batch: Frames, since_ns: np.ndarray, names: Sequence[str]) -> Frames:
        table = [self.buses.get(name, self.others) for name in names]
        target = np.array([-1 if index is None else index for index in table], dtype=np.int16)[batch.bus]
        wanted = (target >= 0) & (batch.flags & ERROR == 0) & (since_ns >= self.from_ns)
        if self.to_ns is not None:
            wanted &= since_ns <= self.to_ns
        keys = batch.keys()
        if self.only is not None:
            wanted &= np.isin(keys, np.array(sorted(self.only), dtype=np.uint32))
        if self.drop:
            wanted &= ~np.isin(keys, np.array(sorted(self.drop), dtype=np.uint32))
        chosen = replace(batch, bus=target.astype(np.uint8))[wanted]
        return self._renamed(chosen, keys[wanted]) if self.rename else chosen

    def _renamed(self, chosen: Frames, keys: np.ndarray) -> Frames:
        ids, flags = chosen.id.copy(), chosen.flags.copy()
        for old, new in self.rename.items():
            same = keys == old
            ids[same] = new & ~KEY_EXTENDED
            flags[same] = flags[same] & ~np.uint16(EXTENDED) | (EXTENDED if new & KEY_EXTENDED else 0)
        return replace(chosen, id=ids, flags=flags)


class Player:
    """Plays batches of Frames; frame.bus is an index into `targets`, each a bus and its channel there.

    speed: 2 is twice as fast, inf as fast as the buses take it. A frame whose time is before that of the one
    before it is sent with that one (backwards: how many). pause, resume, stop and set_speed may be called
    from another thread or a signal handler, and act within SLICE_NS.

    lateness: from a frame's time to its handing over to the kernel or driver, in real time, empty for speed
    inf; sent, refused: by target, and refused with the reason; position_ns: of the log, since the first
    frame of this round; began_ns: when the first frame of the first round was due; ended_ns: of the last.
    """

    def __init__(self, targets: Sequence[tuple[CanBus, int]], clock: Clock, speed: float = 1.0) -> None:
        if not speed > 0:
            raise ValueError(f"speed {speed} is not positive")
        self.lateness = Lateness()
        self.sent = [0] * len(targets)
        self.refused: Counter[tuple[int, str]] = Counter()
        self.backwards = 0
        self.position_ns = 0
        self.paused = False
        self.stopped = False
        self.began_ns: int | None = None
        self.ended_ns = clock.now_ns()
        self._targets = targets
        self._several = len({id(bus) for bus, _ in targets}) > 1
        self._channels = np.array([channel for _, channel in targets], dtype=np.uint8)
        self.speed = speed
        self._clock = clock
        self._tell: Callable[[], None] | None = None
        self._asked_speed = speed
        self._first_ns = 0
        self._anchor_ns = self._anchor_log_ns = 0  # this time of the log is at that time of the clock

    def pause(self) -> None:
        """Hold; the frames after it keep their distances."""
        self.paused = True

    def resume(self) -> None:
        """Go on."""
        self.paused = False

    def stop(self) -> None:
        """End `play` before the next frame."""
        self.stopped = True

    def set_speed(self, speed: float) -> None:
        """From now on."""
        if speed > 0:
            self._asked_speed = speed

    def play(self, batches: Iterable[Frames], tell: Callable[[], None] | None = None) -> None:
        """One round. tell is called now and then: in long waits and after some hundred frames.

        Raises BusError if, with speed inf, a bus takes nothing for STUCK_NS.
        """
        self._tell = tell
        first_ns: int | None = None
        last_ns = 0
        for batch in batches:
            if first_ns is None:
                first_ns = last_ns = int(batch.t_ns[0])
                self._anchor_log_ns = self._first_ns = first_ns
                self._anchor_ns = self._clock.now_ns() + LEAD_NS
                self.began_ns = self.began_ns or self._anchor_ns
            t_ns = np.maximum.accumulate(np.maximum(batch.t_ns, last_ns))
            self.backwards += int((t_ns != batch.t_ns).sum())
            last_ns = int(t_ns[-1])
            for start in range(0, len(batch), _BLOCK_FRAMES):
                block = slice(start, start + _BLOCK_FRAMES)
                if not self._block(batch[block], t_ns[block].tolist()):
                    break
                self._say(int(t_ns[block][-1]))
            self.ended_ns = self._clock.now_ns()
            if self.stopped:
                return

    def _block(self, frames: Frames, t_ns: list[int]) -> bool:
        """False: stopped."""
        targets = frames.bus.tolist()
        frames = replace(frames, bus=self._channels[frames.bus])
        late: list[int] = []
        at, count = 0, len(t_ns)
        full_ns: int | None = None  # since when nothing is taken
        while at < count:
            head = frames[at : at + 1]  # usually it is due alone, and then it is ready
            if not self._wait(t_ns[at]):
                break
            now_ns = self._clock.now_ns()
            end = at + 1
            while end < count and self._deadline(t_ns[end]) <= now_ns:
                end += 1
            sent = self._send(head if end == at + 1 else frames[at:end], targets[at:end])
            if sent:
                if self.speed != inf:
                    late += [now_ns - self._deadline(t) for t in t_ns[at : at + sent]]
                at, full_ns = at + sent, None
            elif full_ns is None or now_ns - full_ns <= STUCK_NS:
                full_ns = now_ns if full_ns is None else full_ns
                self._clock.sleep_until_ns(now_ns + _RETRY_NS)
            elif self.speed == inf:
                raise BusError(f"no frame was taken for {STUCK_NS / 1e9:.0f} s: is anybody on the bus?")
            else:
                for target in targets[at:end]:
                    self.refused[target, "the transmit queue stays full"] += 1
                at, full_ns = end, None
        self.lateness.add(late)
        return at == count

    def _wait(self, t_ns: int) -> bool:
        """Until this time of the log. False: stopped."""
        while not self.stopped:
            now_ns = self._clock.now_ns()
            if self._asked_speed != self.speed:
                passed = now_ns - self._anchor_ns
                self._anchor_log_ns = t_ns if self.speed == inf else self._at(passed)
                self._anchor_ns, self.speed = now_ns, self._asked_speed
            deadline_ns, held = self._deadline(t_ns), self.paused
            if now_ns >= deadline_ns and not held:
                return True
            if not held and deadline_ns - now_ns <= SLICE_NS:
                self._clock.sleep_until_ns(deadline_ns)
                continue
            self._say(self._at(now_ns - self._anchor_ns) if self.speed != inf else t_ns)
            self._clock.sleep_until_ns(now_ns + SLICE_NS)
            if held:
                self._anchor_ns += self._clock.now_ns() - now_ns
        return False

    def _say(self, t_ns: int) -> None:
        self.position_ns = t_ns - self._first_ns
        if self._tell is not None:
            self._tell()

    def _at(self, passed_ns: int) -> int:
        return self._anchor_log_ns + int(passed_ns * self.speed)

    def _deadline(self, t_ns: int) -> int:
        since_ns = t_ns - self._anchor_log_ns
        return self._anchor_ns + (since_ns if self.speed == 1 else ceil(since_ns / self.speed))

    def _send(self, frames: Frames, targets: list[int]) -> int:
        """How many from the first on are done with: sent, or refused for good."""
        bus = self._targets[targets[0]][0]
        if self._several:  # only those up to the next one for another door
            same = next((i for i, to in enumerate(targets) if self._targets[to][0] is not bus), len(targets))
            frames = frames[:same]
        try:
            sent = bus.send_many(frames)
        except BusError as error:
            self.refused[targets[0], str(error)] += 1
            return 1
        for target in targets[:sent]:
            self.sent[target] += 1
        return sent


def ahead(batches: Iterable[Frames]) -> Generator[Frames, None, None]:
    """The same batches, read before they are needed: the first million frames before any is given out, the
    rest by a thread, so that a log of usual length is played without the file being read meanwhile."""
    source = iter(batches)
    ready: list[Frames] = []
    count = 0
    for batch in source:
        ready.append(batch)
        count += len(batch)
        if count >= _AHEAD_FRAMES:
            break
    else:
        yield from ready
        return
    rest: queue.Queue[Frames | UserError | None] = queue.Queue(_AHEAD_BATCHES)
    ended = threading.Event()

    def put(item: Frames | UserError | None) -> bool:
        while not ended.is_set():
            try:
                rest.put(item, timeout=0.2)
                return True
            except queue.Full:
                continue
        return False

    def read() -> None:
        try:
            for batch in source:
                if not put(batch):
                    return
        except UserError as error:  # for the other thread to raise
            put(error)
        finally:
            put(None)

    threading.Thread(target=read, name="read ahead", daemon=True).start()
    try:
        while ready:
            yield ready.pop(0)
        while (item := rest.get()) is not None:
            if isinstance(item, UserError):
                raise item
            yield item
    finally:
        ended.set()
