"""SIMULATION: the driver as a function of time."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from edge.sim.scenario import DriverEvent, Scenario
from edge.sim.scene import DriverState

STEP_S = 0.01


class DriverLine:
    """The driver as a function of time: events eased, blinks and small movements added."""

    ANGLES = ("head_yaw_deg", "head_pitch_deg", "head_roll_deg", "gaze_yaw_deg", "gaze_pitch_deg")

    def __init__(self, scenario: Scenario) -> None:
        self._light = scenario.light
        self._look = scenario.driver.look
        wishes = {"eyes_open": 1.0, "mouth_open": 0.0, "blinks_per_min": 14.0, "face": 1.0}
        wishes |= dict.fromkeys(self.ANGLES, 0.0)
        events = sorted(scenario.driver.events, key=lambda e: e.at_s)
        times = np.arange(0.0, scenario.duration_s + STEP_S, STEP_S)
        self._names = list(wishes)
        self._blinks_s: list[float] = []
        self._table = np.zeros((len(times), len(wishes)))
        state = dict(wishes)
        phase = 0.35  # of the blinking, in periods: one blink at each whole number
        for i, t_s in enumerate(times):
            while events and events[0].at_s <= t_s + 1e-9:
                wishes |= _asked(events.pop(0))
            for name in self._names:
                lag_s = {"eyes_open": 0.05, "mouth_open": 0.3, "blinks_per_min": 1e-9, "face": 1e-9}.get(
                    name, 0.06 if name.startswith("gaze") else 0.14
                )
                state[name] += (wishes[name] - state[name]) * min(STEP_S / lag_s, 1.0)
            previous = phase
            jitter = 1.0 + 0.35 * math.sin(2.4 * math.floor(phase))
            phase += state["blinks_per_min"] / 60.0 * jitter * STEP_S
            if math.floor(phase) > math.floor(previous):
                self._blinks_s.append(float(t_s))
            self._table[i] = [state[name] for name in self._names]

    def at(self, t_s: float) -> DriverState:
        """The driver at t_s."""
        i = min(int(t_s / STEP_S + 1e-6), len(self._table) - 1)
        row = dict(zip(self._names, (float(x) for x in self._table[i]), strict=True))
        lid = row["eyes_open"]
        for blink_s in self._blinks_s:
            since = (t_s - blink_s) / 0.2
            if 0.0 <= since < 1.0:  # closes faster than it opens
                lid *= abs(since - 0.35) / (0.35 if since < 0.35 else 0.65)
        small = [1.2 * math.sin(w * t_s + p) for w, p in ((0.9, 0.0), (1.3, 1.0), (0.7, 2.0))]
        return DriverState(
            left_eye_open=lid,
            right_eye_open=lid,
            head_yaw_deg=row["head_yaw_deg"] + small[0],
            head_pitch_deg=row["head_pitch_deg"] + small[1],
            head_roll_deg=row["head_roll_deg"] + small[2],
            gaze_yaw_deg=row["gaze_yaw_deg"] + 1.5 * math.sin(2.1 * t_s),
            gaze_pitch_deg=row["gaze_pitch_deg"] + 1.0 * math.sin(1.7 * t_s + 0.5),
            mouth_open=row["mouth_open"],
            face=row["face"] > 0.5,
            light=self._light,
            look=self._look,
            t_s=t_s,
        )


def _asked(event: DriverEvent) -> dict[str, float]:
    """What an event asks for; a gaze that it does not name goes with the head that it names."""
    fields = {k: v for k, v in msgspec.structs.asdict(event).items() if v is not None and k != "at_s"}
    asked = {name: float(value) for name, value in fields.items()}
    for axis in ("yaw", "pitch"):
        if f"head_{axis}_deg" in asked:
            asked.setdefault(f"gaze_{axis}_deg", asked[f"head_{axis}_deg"])
    return asked
