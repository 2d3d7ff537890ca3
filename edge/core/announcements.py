"""All that we tell others, through the gate: our own state, events, what our cameras see."""

from __future__ import annotations

from edge.config import CoreConfig
from edge.core.announce import Announcer
from edge.core.gate import TOO_SOON, Gate
from edge.core.own_events import Moment, OwnEvents
from edge.core.perceived import Perceived
from edge.core.radio import Content, name_of
from edge.messages import Announce, Message


class Announcements:
    """Asks the gate on each tick for what is due; what comes too soon stays due."""

    def __init__(self, config: CoreConfig, gate: Gate) -> None:
        vehicle, rules = config.vehicle, config.rules
        braking = rules.peers.hard_braking_mps2
        self._gate = gate
        self._state = Announcer(vehicle, braking, config.v2x_standard)
        self._events = OwnEvents(vehicle, rules.announcing, braking)
        self._perceived = Perceived(
            tuple(config.geometry), vehicle.length_m / 2.0, rules.announcing.perceived_max_sd_m
        )

    def tick(self, moment: Moment) -> list[Message]:
        """What is let out now, and what is refused."""
        out: list[Message] = []
        now_ns = moment.now_ns
        for name, event, cause in self._events.due(moment):
            reason = self._ask(event, cause, moment, out)
            if reason != TOO_SOON:
                self._events.settled(name, event, now_ns, let_out=reason is None)
        state = self._state.due(moment.own, now_ns)
        content, why = state if state is not None else (None, "")
        if state is not None and content is None:
            self._state.tried(None, now_ns)
            where = "position" if moment.own.latitude_deg is None else "speed"
            self._refuse("announce", f"own {where} is not fresh", now_ns, out)
        elif content is not None and self._ask(content, why, moment, out) != TOO_SOON:
            self._state.tried(content, now_ns)
        seen = self._perceived.due(moment.own, moment.roads, moment.known, now_ns)
        if seen is not None and self._ask(seen, "seen by our cameras", moment, out) != TOO_SOON:
            self._perceived.tried(seen, now_ns)
        return out

    def _ask(self, content: Content, cause: str, moment: Moment, out: list[Message]) -> str | None:
        """The gate's reason against it, None if it leaves."""
        reason = self._gate.radio(content, moment.own, moment.now_ns)
        if reason is None:
            out.append(Announce(t_ns=moment.now_ns, content=content, cause=cause))
        elif reason != TOO_SOON:
            what = "announce" if name_of(content) == "own_state" else f"announce {name_of(content)}"
            self._refuse(what, reason, moment.now_ns, out)
        return reason

    def _refuse(self, what: str, reason: str, now_ns: int, out: list[Message]) -> None:
        refused = self._gate.refused(what, reason, now_ns)
        if refused is not None:
            out.append(refused)
