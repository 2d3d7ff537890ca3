"""Messages that wait to be verified, when more come than there is time for."""

from __future__ import annotations

from collections import Counter, OrderedDict
from typing import Generic, TypeVar

from edge.config import V2xSecurity

T = TypeVar("T")

COST_NS = 120_000
"""What verifying a message with P-256 takes on a small x86 machine."""

_STREAMS = 8
_SORRY_NS = 1_000_000_000

_Place = tuple[T, float, int, int]
"""A message, its threat, since when it waits, what verifying it may take."""


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
        self._most = {
            True: max(1, settings.waiting),
            False: max(1, round(settings.waiting * settings.newcomers_ratio)),
        }
        self._senders: dict[bool, dict[bytes, dict[int, _Place[T]]]] = {True: {}, False: {}}
        self._forged_ns: OrderedDict[bytes, int] = OrderedDict()

    def __len__(self) -> int:
        return sum(len(streams) for group in self._senders.values() for streams in group.values())

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
        group = self._senders[known]
        streams = group.get(sender)
        if streams is None:
            if len(group) >= self._most[known]:
                least = min(group, key=lambda name: _threat(group[name]))
                if _threat(group[least]) >= threat:
                    self.lost["not verified in time"] += 1
                    return
                self.lost["not verified in time"] += len(group.pop(least))
            streams = group[sender] = {}
        if stream in streams:
            self.lost["superseded"] += 1
        elif len(streams) >= _STREAMS:
            del streams[next(iter(streams))]
            self.lost["superseded"] += 1
        streams[stream] = (message, threat, now_ns, cost_ns)

    def take(self, now_ns: int, budget_ns: int) -> list[T]:
        """What to verify now, in this order; its costs stay within the budget, but one is taken at least."""
        known, new = self._order(True, now_ns), self._order(False, now_ns)
        kept_ns = min(round(budget_ns * self._ratio), sum(place[3] for _, _, place in new))
        taken: list[T] = []
        left_ns = self._spend(True, known, budget_ns - kept_ns, budget_ns, taken)
        left_ns = self._spend(False, new, left_ns, left_ns, taken)
        self._spend(True, known, left_ns, left_ns, taken)
        return taken

    def judged(self, sender: bytes, genuine: bool, now_ns: int) -> None:
        """What became of a message that was taken: a forged one puts its sender behind the others for 1 s."""
        self._forged_ns.pop(sender, None)
        if not genuine:
            self._forged_ns[sender] = now_ns
            if len(self._forged_ns) > self._most[True]:
                self._forged_ns.popitem(last=False)

    def _order(self, known: bool, now_ns: int) -> list[tuple[bytes, int, _Place[T]]]:
        """All that wait, the last first; those that waited too long are dropped and counted."""
        group = self._senders[known]
        ranked = []
        for sender, streams in list(group.items()):
            fresh = {key: place for key, place in streams.items() if now_ns - place[2] <= self._wait_ns}
            if len(fresh) < len(streams):
                self.lost["not verified in time"] += len(streams) - len(fresh)
                group[sender] = fresh
            if not fresh:
                del group[sender]
                continue
            late = now_ns - self._forged_ns.get(sender, -_SORRY_NS) < _SORRY_NS
            by_threat = sorted(fresh.items(), key=lambda item: -item[1][1])
            for turn, (key, place) in enumerate(by_threat):
                ranked.append((late, turn, -place[1], place[2], sender, key, place))
        ranked.sort(key=lambda each: each[:4])
        return [each[4:] for each in reversed(ranked)]

    def _spend(
        self,
        known: bool,
        order: list[tuple[bytes, int, _Place[T]]],
        share_ns: int,
        left_ns: int,
        taken: list[T],
    ) -> int:
        """Take from the end of `order` while its share lasts; what is left of the budget."""
        group = self._senders[known]
        while order and (order[-1][2][3] <= share_ns or not taken):
            sender, key, (message, _, _, cost_ns) = order.pop()
            del group[sender][key]
            if not group[sender]:
                del group[sender]
            taken.append(message)
            share_ns -= cost_ns
            left_ns -= cost_ns
        return left_ns


def _threat(streams: dict[int, _Place[T]]) -> float:
    return max(place[1] for place in streams.values())
