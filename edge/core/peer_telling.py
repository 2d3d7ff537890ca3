"""What all warnings about other road users share: whom to warn of, and how it is said."""

from __future__ import annotations

import numpy as np

from edge.core.around import Around
from edge.core.peers import KINDS
from edge.core.situation import Assessment, Situation
from edge.messages import FloatArray, RemoteObject, WarningLevel

WIDER = 1.2  # the limits to end a warning against those to begin it
_BESIDE_M = 3.0


def believed(s: Situation, around: Around, active: bool) -> np.ndarray:
    """Who is on our level and surely enough where it says, (N,) bool."""
    limit = s.rules.peers.min_sure_ratio
    return around.level & (around.sure_ratio >= (limit / WIDER if active else limit))


def soonest(who: np.ndarray, time_s: FloatArray) -> int | None:
    """The one whose time comes first; None: nobody."""
    index = np.nonzero(who)[0]
    return int(index[np.argmin(time_s[index])]) if len(index) else None


def tell(
    s: Situation,
    around: Around,
    i: int,
    level: WarningLevel,
    what: str,
    values: dict[str, float],
    thresholds: dict[str, float],
) -> Assessment:
    """The assessment about road user i. what: "{who} {where} ..." in words.

    An unsigned message raises no alarm unless the rules say that it may; how far it is trusted is said.
    """
    entry = around.entry(i)
    if level == "alarm" and not around.signed[i] and not s.rules.peers.unsigned_may_alarm:
        level = "warning"
    message = entry.message
    heard = f"heard from {message.sender}"
    if type(message.content) is not RemoteObject:
        heard = f"seen by {message.sender}"
    kind = KINDS[around.kinds[i]]
    who = "a vehicle" if kind == "unknown" else f"a {kind}"
    said = what.format(who=who, where=_where(float(around.x_m[i]), float(around.y_m[i])))
    figures = {
        "ahead_m": float(around.x_m[i]),
        "left_m": float(around.y_m[i]),
        "distance_m": float(around.distance_m[i]),
        **values,
        "sure_ratio": float(around.sure_ratio[i]),
        "age_s": float(around.age_s[i]),
    }
    return Assessment(
        level=level,
        cause=f"{said} ({heard}, {message.trust})",
        values={name: value for name, value in figures.items() if abs(value) < 1e6},
        thresholds={**thresholds, "sure_ratio": s.rules.peers.min_sure_ratio},
        object=f"peer:{entry.key}",
        based_on_ns=min(entry.held_ns, s.now_ns),
    )


def _where(ahead_m: float, left_m: float) -> str:
    side = "left" if left_m > 0.0 else "right"
    if abs(ahead_m) < _BESIDE_M:
        return f"{abs(left_m):.0f} m to our {side}"
    along = f"{ahead_m:.0f} m ahead" if ahead_m > 0.0 else f"{-ahead_m:.0f} m behind"
    return along if abs(left_m) < _BESIDE_M else f"{along}, {abs(left_m):.0f} m to the {side}"
