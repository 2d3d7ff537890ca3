"""Messages that wait to be verified, when more come than there is time for."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Container
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

from edge.config import V2xSecurity

T = TypeVar("T")

COST_NS = 120_000
"""What verifying a message with P-256 takes on a small x86 machine."""

_STREAMS = 8
_SORRY_NS = 1_000_000_000

_Place = tuple[T, float, int, int]
"""A message, its threat, since when it waits, what verifying it may take."""

_Rank = tuple[bool, float, int, int, bytes, int, _Place[T]]
"""Where a place stands in the row: behind the others, threat negated, since when, number; sender, stream."""


class Waiting(Generic[T]):
    """A bounded queue, fair between senders and ordered by threat. Pure of clocks.

    Each sender (HashedId8 of the signer, or more to tell senders apart) holds one place in each of a few
    streams (the application, or what the caller likes), where its newest message wins. `take` gives each
    sender its most threatening message before any gets a second, the greatest threat first; after all others
    come senders whose last message was forged. Senders whose certificate is not verified yet have places and
    a share of the time of their own, and what the others leave: so no number of them displaces the known. Who
    floods, under one name or many, waits for himself; he who borrows a name delays that name alone.

    lost: what left without being verified, by reason: "not verified in time" (waited longer than wait_ms, or
    found no room among greater threats) and "superseded" (by a newer one of its sender). The caller clears
    it.
    """

    def __init__(self, settings: V2xSecurity | None = None) -> None:
        settings = settings or V2xSecurity()
        self.lost: Counter[str] = Counter()
        self._ratio = settings.newcomers_ratio
        self._wait_ns = settings.wait_ms * 1_000_000
        self._groups: dict[bool, _Group[T]] = {
            True: _Group(max(1, settings.waiting)),
            False: _Group(max(1, round(settings.waiting * settings.newcomers_ratio))),
        }
        self._forged_ns: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(streams) for group in self._groups.values() for streams in group.senders.values())

    def __bool__(self) -> bool:
        return any(group.senders for group in self._groups.values())

    def put(
        self,
        message: T,
        *,
        sender: bytes,
        stream: int,
        threat: float,
        known: bool,
        now_ns: int,
        cost_ns: int = COST_NS,
    ) -> None:
        """Let a message wait. threat: any number, the greater the sooner; known: as Verifier.knows says."""
        group = self._groups[known]
        streams = group.senders.get(sender)
        if streams is None:
            if len(group.senders) >= group.most:
                least, of_least = group.least()
                if of_least >= threat:
                    self.lost["not verified in time"] += 1
                    return
                self.lost["not verified in time"] += len(group.senders.pop(least))
            streams = group.senders[sender] = {}
        if stream in streams:
            self.lost["superseded"] += 1
        elif len(streams) >= _STREAMS:
            del streams[next(iter(streams))]
            self.lost["superseded"] += 1
        group.put(sender, stream, (message, threat, now_ns, cost_ns))

    def take(self, now_ns: int, budget_ns: int) -> list[T]:
        """What to verify now, in this order; its costs stay within the budget, but one is taken at least."""
        known, new = self._groups[True], self._groups[False]
        while self._forged_ns and now_ns - next(iter(self._forged_ns.values())) >= _SORRY_NS:
            self._forged_ns.popitem(last=False)
        kept_ns = new.cost_ns(round(budget_ns * self._ratio))
        taken: list[T] = []
        left_ns = self._spend(known, budget_ns - kept_ns, budget_ns, now_ns, taken)
        left_ns = self._spend(new, left_ns, left_ns, now_ns, taken)
        self._spend(known, left_ns, left_ns, now_ns, taken)
        known.next_turn()
        new.next_turn()
        return taken

    def judged(self, sender: bytes, genuine: bool, now_ns: int) -> None:
        """What became of a message that was taken: a forged one puts its sender behind the others for 1 s."""
        self._forged_ns.pop(sender, None)
        if not genuine:
            self._forged_ns[sender] = now_ns
            if len(self._forged_ns) > self._groups[True].most:
                self._forged_ns.popitem(last=False)

    def _spend(self, group: _Group[T], share_ns: int, left_ns: int, now_ns: int, taken: list[T]) -> int:
        """Take the first of the row while its share lasts; what is left of the budget."""
        while (rank := group.first(self._forged_ns)) is not None:
            _, _, since_ns, _, sender, stream, place = rank
            if now_ns - since_ns > self._wait_ns:
                group.leave(sender, stream)
                self.lost["not verified in time"] += 1
            elif place[3] > share_ns and taken:
                group.back(rank)
                break
            else:
                group.serve(sender, stream)
                taken.append(place[0])
                share_ns -= place[3]
                left_ns -= place[3]
        return left_ns


class _Group(Generic[T]):
    """Senders of one sort, by name and stream, and the row in which they wait.

    The row is a heap, so that a turn costs little however many wait; it may still name what has left.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.senders: dict[bytes, dict[int, _Place[T]]] = {}
        self._row: list[_Rank[T]] = []
        self._again: list[_Rank[T]] = []  # further ones of those who had their turn
        self._served: set[bytes] = set()
        self._number = 0

    def put(self, sender: bytes, stream: int, place: _Place[T]) -> None:
        """The sender is there; what was in its stream has left."""
        self.senders[sender][stream] = place
        if len(self._row) > 64 + 2 * _STREAMS * len(self.senders):
            self._row = [rank for rank in self._row if self._waits(rank)]
            heapify(self._row)
        self._number += 1
        heappush(self._row, (False, -place[1], place[2], self._number, sender, stream, place))

    def least(self) -> tuple[bytes, float]:
        """Who threatens least, and how much."""
        threats = {
            name: max(place[1] for place in streams.values()) for name, streams in self.senders.items()
        }
        name = min(threats, key=threats.__getitem__)
        return name, threats[name]

    def cost_ns(self, most_ns: int) -> int:
        """What verifying all would take, up to most_ns."""
        total_ns = 0
        for streams in self.senders.values():
            if total_ns >= most_ns:
                break
            total_ns += sum(place[3] for place in streams.values())
        return min(total_ns, most_ns)

    def first(self, forgers: Container[bytes]) -> _Rank[T] | None:
        """Out of the row: the next that waits, forgers behind the others; None: nobody does."""
        while self._row or self._again:
            # Further ones of honest senders come before those of forgers.
            if not self._row or (self._again and self._row[0][0] and not self._again[0][0]):
                self.next_turn()
            rank = heappop(self._row)
            if not self._waits(rank):
                continue
            if not rank[0] and rank[4] in forgers:
                heappush(self._row, (True, *rank[1:]))
            elif rank[4] in self._served:
                self._again.append(rank)
            else:
                return rank
        return None

    def back(self, rank: _Rank[T]) -> None:
        """Into the row again."""
        heappush(self._row, rank)

    def serve(self, sender: bytes, stream: int) -> None:
        """It is its turn."""
        self._served.add(sender)
        self.leave(sender, stream)

    def leave(self, sender: bytes, stream: int) -> None:
        """It waits no longer."""
        streams = self.senders[sender]
        del streams[stream]
        if not streams:
            del self.senders[sender]

    def next_turn(self) -> None:
        """Everyone may be served again."""
        for rank in self._again:
            heappush(self._row, rank)
        self._again.clear()
        self._served.clear()

    def _waits(self, rank: _Rank[T]) -> bool:
        return self.senders.get(rank[4], {}).get(rank[5]) is rank[6]
