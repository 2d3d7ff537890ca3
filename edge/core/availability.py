"""Which function cannot do its work, and which input is to blame (law 6: it says so instead of guessing)."""

from __future__ import annotations

from edge.config import Freshness
from edge.core.units import seconds
from edge.core.warnings import Kind
from edge.messages import Health, Unavailable

_WORDS = {
    "road objects": "road users with a distance (a model that detects them, a geometry for the camera)",
    "road lanes": "lane lines with a place (a model that finds them, a geometry for the camera)",
    "driver picture": "picture of the driver",
    "eyes": "eyes of the driver (a model that sees them, no dark glasses, a face not turned away)",
    "gaze": "gaze or head pose of the driver (a model that tells it)",
    "can speed": "speed",
    "can acceleration": "acceleration",
    "can lateral": "lateral acceleration or yaw rate",
    "can indicator": "state of the turn indicators",
    "gnss": "position",
    "gnss heading": "heading (a course over ground: it comes with the first metres driven)",
    "our lane": "sure lane of ours at the intersection (a position precise enough)",
    "v2x": "sign of life of the radio link",
}
"""The inputs that a function can need, in words."""


class _Function:
    __slots__ = ("blamed", "fine_since_ns", "since_ns")

    def __init__(self) -> None:
        self.blamed: str | None = None
        self.since_ns = 0
        self.fine_since_ns: int | None = None


class Availability:
    """Notes when each input was last good and says when a function's first bad input changes."""

    def __init__(self, kinds: tuple[Kind, ...], freshness: Freshness, road_camera: str) -> None:
        self._inputs = {kind.name: kind.inputs for kind in kinds}
        self._functions = {kind.name: _Function() for kind in kinds}
        self._limits_ns = {
            name: round(1e9 * limit_s)
            for name, limit_s in (
                ("road objects", freshness.view_s),
                ("road lanes", freshness.view_s),
                ("driver picture", freshness.view_s),
                ("eyes", freshness.face_s),
                ("gaze", freshness.face_s),
                ("our lane", 1.0),
            )
        }  # the others are judged by whoever notes them
        self._start_grace_ns = round(freshness.start_s * 1e9)
        self._recover_ns = round(freshness.recover_s * 1e9)
        self._start_ns: int | None = None
        self._noted: dict[str, int] = {}
        self._health: dict[str, Health] = {}
        self._link_alive = False
        self._cameras = {"road": f"camera:{road_camera}", "driver": "camera:driver"}

    def start(self, now_ns: int) -> None:
        """The first message came."""
        if self._start_ns is None:
            self._start_ns = now_ns

    def note(self, name: str, now_ns: int) -> None:
        """An input is good now."""
        self._noted[name] = now_ns

    def camera(self, role: str, name: str) -> None:
        """The name of the camera that plays a role, "road" or "driver"."""
        self._cameras[role] = f"camera:{name}"

    def link_heard(self) -> None:
        """The radio link brought something, so it works."""
        self._link_alive = True

    def health(self, message: Health) -> None:
        """How a source says that it is: gives the reason, and for the silent radio link the verdict."""
        if len(self._health) < 256 or message.source in self._health:
            self._health[message.source] = message
        if message.source.startswith("v2x"):
            self._link_alive = message.state != "failed"

    def check(self, now_ns: int) -> list[Unavailable]:
        """What became unavailable, or available again."""
        if self._start_ns is None:
            return []
        if self._link_alive:
            self._noted["v2x"] = now_ns
        bad = {name: verdict for name in _WORDS if (verdict := self._verdict(name, now_ns)) is not None}
        changes: list[Unavailable] = []
        for function, state in self._functions.items():
            blamed = next((name for name in self._inputs[function] if name in bad), None)
            if blamed is not None:
                state.fine_since_ns = None
                if state.blamed is None:
                    state.blamed, state.since_ns = blamed, bad[blamed][1]
                    changes.append(self._message(function, state, bad[blamed][0], now_ns))
            elif state.blamed is not None:
                if state.fine_since_ns is None:
                    state.fine_since_ns = now_ns
                if now_ns - state.fine_since_ns >= self._recover_ns:
                    changes.append(self._message(function, state, "it is back", now_ns, over=True))
                    state.blamed = None
        return changes

    def _verdict(self, name: str, now_ns: int) -> tuple[str, int] | None:
        """Why an input is bad and since when; None when it is good or may still come."""
        assert self._start_ns is not None
        noted_ns = self._noted.get(name)
        if noted_ns is None:
            if now_ns - self._start_ns < self._start_grace_ns:
                return None
            return f"no {_WORDS[name]} since the start{self._said(name)}", self._start_ns
        if now_ns - noted_ns <= self._limits_ns.get(name, 0):
            return None
        gone_s = seconds(now_ns - noted_ns)
        return f"no {_WORDS[name]} for {gone_s:.1f} s{self._said(name)}", noted_ns

    def _source(self, name: str) -> str:
        """The input as people name it: "camera:road", "can speed", "gnss", "v2x"."""
        if name.startswith("road"):
            return self._cameras["road"]
        if name == "gnss heading":
            return "gnss"
        return self._cameras["driver"] if name in ("driver picture", "eyes", "gaze") else name

    def _said(self, name: str) -> str:
        """What the sources of an input say is wrong."""
        source = self._source(name)
        prefix = "can:" if source.startswith("can ") else source
        for health in self._health.values():
            if health.state != "ok" and health.source.startswith(prefix):
                return f"; {health.source} {health.state}: {health.detail}"
        return ""

    def _message(
        self, function: str, state: _Function, reason: str, now_ns: int, *, over: bool = False
    ) -> Unavailable:
        assert state.blamed is not None
        return Unavailable(
            t_ns=now_ns,
            function=function,
            input=self._source(state.blamed),
            reason=reason,
            since_ns=state.since_ns,
            over=over,
        )
