"""How one bus is: its silence, its errors, its load, told as Health and Gap."""

from __future__ import annotations

from typing import Literal

from edge import config
from edge.can.bus import CanBus
from edge.can.bus.load import wire_bits
from edge.can.bus.socketcan_errors import (
    ACTIVE,
    BUS_OFF,
    CONTROLLER,
    PASSIVE,
    RESTARTED,
    RX_OVERFLOW,
    WARNING,
    error_counts,
    error_words,
)
from edge.can.frames import ERROR, Frames, concat
from edge.messages import Gap, Health, Message

HealthState = Literal["ok", "degraded", "failed"]

SILENT_NS = 1_000_000_000
FIGURES_NS = 1_000_000_000
"""Figures are said so often."""

_WARNING_AT, _PASSIVE_AT = 96, 128  # error counters, ISO 11898-1
_CHECK = "check wiring, termination and bit rate"


class BusWatch:
    """Told of all that comes from one bus; a change of its state is said at once, its figures once a second.

    Figures: frames_per_s; load_percent, of the bit rate (the driver's, else the config's), if that is known
    and all frames are seen; what CanBus.health() counts.
    """

    def __init__(self, can: config.Can, some_only: bool = False) -> None:
        self.source = f"can:{can.name}"
        self._can = can
        self._some_only = some_only
        self._said: tuple[str, str] | None = None
        self.opened(0)

    def opened(self, now_ns: int) -> None:
        """The bus begins anew."""
        self._last_ns = self._figures_ns = now_ns
        self._bus_off = False
        self._confined = ""
        self._heard = False
        self._frames: list[Frames] = []
        self._count = self._errors = 0
        self._error = ""
        self._lost_before = 0
        self._error_second = ""

    def take(self, now_ns: int, found: Frames, counted: bool, out: list[Message]) -> None:
        """Frames of this bus. counted: the driver counts its losses, error frames need not."""
        errors = found.flags & ERROR != 0
        if not errors.any():
            self._count += len(found)
            if not self._some_only:
                self._frames.append(found)
        else:
            self._take_errors(now_ns, found[errors], counted, out)
            if errors.all():
                return
            self._count += len(found) - int(errors.sum())
            self._frames.append(found[~errors])
        self._last_ns = now_ns
        self._heard = True
        self._bus_off = False

    def _take_errors(self, now_ns: int, found: Frames, counted: bool, out: list[Message]) -> None:
        lost = 0
        for kind, data in zip(found.id.tolist(), found.data, strict=True):
            self._errors += 1
            raw = data[:8].tobytes()
            self._error = error_words(kind, raw)
            if kind & (BUS_OFF | RESTARTED):
                self._bus_off = bool(kind & BUS_OFF)
            if kind & CONTROLLER:
                lost += bool(raw[1] & RX_OVERFLOW)
                if raw[1] & (WARNING | PASSIVE):
                    self._confined = "error passive" if raw[1] & PASSIVE else "error warning"
                elif raw[1] & ACTIVE:
                    self._confined = ""
            counts = error_counts(kind, raw)
            if counts is not None:
                self._confined = _confinement(*counts)
        if lost and not counted:
            reason = "overflow of the controller"
            out.append(Gap(t_ns=now_ns, source=self.source, reason=reason, count=lost))

    def check(self, now_ns: int, bus: CanBus, which: int, out: list[Message]) -> None:
        """Say what has changed, and once a second the figures."""
        figures = None
        if now_ns - self._figures_ns >= FIGURES_NS:
            figures = self._second(now_ns, bus.health(which), out)
        trouble = bus.trouble(which)
        if trouble:
            self._last_ns = now_ns
            self.say(now_ns, "failed", trouble, out, figures)
        elif self._bus_off:
            self.say(now_ns, "failed", f"bus-off: {_CHECK}", out, figures)
        elif self._confined:
            self.say(now_ns, "degraded", f"{self._confined}: {_CHECK}", out, figures)
        elif now_ns - self._last_ns >= SILENT_NS:
            which_frame = "frame that is subscribed" if self._some_only else "frame"
            why = f"silent: no {which_frame} for 1 s: is the ignition on, is the bit rate right?"
            self.say(now_ns, "degraded", why, out, figures)
        elif self._error_second:
            self.say(now_ns, "degraded", self._error_second, out, figures)
        elif self._heard:
            notes = bus.notes(which) if self._said is None or self._said[0] != "ok" else self._said[1]
            self.say(now_ns, "ok", notes, out, figures)

    def say(
        self,
        now_ns: int,
        state: HealthState,
        detail: str,
        out: list[Message],
        figures: dict[str, float] | None = None,
    ) -> None:
        """A Health, if it is news or has figures; the detail of "ok" is said once."""
        news = self._said != (state, detail)
        if not news and figures is None:
            return
        self._said = (state, detail)
        detail = detail if news or state != "ok" else ""
        out.append(Health(t_ns=now_ns, source=self.source, state=state, detail=detail, figures=figures or {}))

    def _second(self, now_ns: int, figures: dict[str, float], out: list[Message]) -> dict[str, float]:
        elapsed_s = (now_ns - self._figures_ns) / 1e9
        self._figures_ns = now_ns
        figures = {"frames_per_s": round(self._count / elapsed_s, 1), **figures}
        bitrate_bps = figures.get("bitrate_bps", self._can.bitrate)
        if bitrate_bps and not self._some_only:
            at_nominal, at_data = wire_bits(concat(self._frames))
            fast_bps = figures.get("data_bitrate_bps", self._can.data_bitrate) or bitrate_bps
            busy_s = int(at_nominal.sum()) / bitrate_bps + int(at_data.sum()) / fast_bps
            figures["load_percent"] = round(100 * busy_s / elapsed_s, 2)
        if "tx_error_count" in figures:
            self._confined = _confinement(int(figures["tx_error_count"]), int(figures["rx_error_count"]))
        lost = int(figures.get("controller_dropped", 0))
        if lost > self._lost_before:
            reason = "lost by the controller or its driver, at least"
            out.append(Gap(t_ns=now_ns, source=self.source, reason=reason, count=lost - self._lost_before))
            self._lost_before = lost
        self._error_second = (
            f"{self._errors} error frames in a second, the last: {self._error}" if self._errors else ""
        )
        self._frames.clear()
        self._count = self._errors = 0
        return figures


def _confinement(tx_errors: int, rx_errors: int) -> str:
    """The fault confinement state of ISO 11898-1 in words, "" for error active."""
    most = max(tx_errors, rx_errors)
    if most < _WARNING_AT:
        return ""
    state = "error passive" if most >= _PASSIVE_AT else "error warning"
    return f"{state} ({tx_errors} errors sending, {rx_errors} receiving)"
