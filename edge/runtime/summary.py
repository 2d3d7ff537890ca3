"""What a drive came to: warnings with times and why, latencies by stage, losses. For people and as JSON."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator

import msgspec

from edge.messages import Answer, Driver, Gap, Health, Message, Road, Signals, Tick, Unavailable, Warning
from edge.runtime.quantile import quantile

KEPT_DECISIONS = 72_000  # an hour of one camera
KEPT_ANSWERS = 1000  # different ones
KEPT_LINES = 10_000  # of warnings, and of troubles: the recording has them all


class WarningLine(msgspec.Struct, kw_only=True):
    """One warning from its beginning to its end, times in seconds since the drive began."""

    name: str
    level: str
    from_s: float
    to_s: float | None
    cause: str
    object: str


class Summary:
    """Watches the inputs and takes the outputs of one drive.

    latency_ns: clock for "photon to decision"; None where time is the recording's and latency has no meaning.
    """

    def __init__(self, latency_ns: Callable[[], int] | None = None) -> None:
        self._clock_ns = latency_ns
        self.start_ns: int | None = None
        self.end_ns = 0
        self.counts: Counter[str] = Counter()
        self.losses: Counter[tuple[str, str]] = Counter()
        self.troubles: list[tuple[float, str, str, str]] = []
        self.stages: dict[str, dict[str, float]] = {}
        self.decision_ns: dict[str, deque[int]] = {}
        self.first_decision_ns: int | None = None
        self.warnings: list[WarningLine] = []
        self.unavailable: dict[str, Unavailable] = {}
        self.answers: dict[tuple[str, str, str], Answer] = {}
        self._states: dict[str, str] = {}

    def watch(self, source: Iterable[Message]) -> Iterator[Message]:
        """Pass the inputs through."""
        for message in source:
            if self.start_ns is None:
                self.start_ns = message.t_ns
            self.end_ns = max(self.end_ns, message.t_ns)
            self.counts[type(message).__name__] += 1
            if isinstance(message, Signals):
                self.counts["signal values"] += len(message.values)
            elif isinstance(message, Gap):
                self.losses[message.source, message.reason] += message.count
            elif isinstance(message, Health):
                self._health(message)
            elif isinstance(message, Answer):
                key = (message.name, message.source, message.what)
                if key in self.answers or len(self.answers) < KEPT_ANSWERS:
                    self.answers[key] = message
            yield message

    def take(self, out: Message) -> None:
        """Remember an output."""
        if isinstance(out, Road | Driver):
            if self._clock_ns is not None:
                now_ns = self._clock_ns()
                kept = self.decision_ns.setdefault(out.camera, deque(maxlen=KEPT_DECISIONS))
                kept.append(now_ns - out.taken_ns)
                if self.first_decision_ns is None:
                    self.first_decision_ns = now_ns
        elif isinstance(out, Warning):
            self._warning(out)
        elif isinstance(out, Unavailable):
            if out.over:
                self.unavailable.pop(out.function, None)
            else:
                self.unavailable[out.function] = out

    @property
    def duration_s(self) -> float:
        """From the first input to the last."""
        return 0.0 if self.start_ns is None else (self.end_ns - self.start_ns) / 1e9

    def as_dict(self) -> dict[str, object]:
        """All of it, for --json."""
        return {
            "duration_s": round(self.duration_s, 3),
            "inputs": dict(self.counts),
            "warnings": [msgspec.to_builtins(line) for line in self.warnings],
            "photon_to_decision_ms": {camera: _spread(v) for camera, v in self.decision_ns.items()},
            "stages": self.stages,
            "losses": [{"source": s, "reason": r, "count": n} for (s, r), n in sorted(self.losses.items())],
            "troubles": [
                {"t_s": round(t, 3), "source": source, "state": state, "detail": detail}
                for t, source, state, detail in self.troubles
            ],
            "unavailable": {f: f"{u.input}: {u.reason}" for f, u in self.unavailable.items()},
            "answers": [msgspec.to_builtins(answer) for answer in self.answers.values()],
        }

    def lines(self) -> list[str]:
        """All of it, for a terminal."""
        lines = [f"drove {self.duration_s:.1f} s", "", "warnings"]
        for line in self.warnings:
            until = "to the end" if line.to_s is None else f"{line.to_s - line.from_s:5.1f} s"
            lines.append(
                f"  {line.from_s:7.2f} s  {until:>10}  {line.level:<11} {line.name:<22} {line.cause}"
            )
        if not self.warnings:
            lines.append("  none")
        if self.decision_ns:
            lines += ["", "latency                        p50 ms    p99 ms"]
            for camera, values in sorted(self.decision_ns.items()):
                spread = _spread(values)
                label = f"photon to decision, {camera}"
                lines.append(f"  {label:<27} {spread['p50']:8.1f}  {spread['p99']:8.1f}")
            for source, figures in sorted(self.stages.items()):
                for stage in sorted({f.rsplit("_p", 1)[0] for f in figures if f.endswith("_ms")}):
                    if f"{stage}_p50_ms" in figures:
                        label = f"{source.removeprefix('camera:')}: {stage}"
                        p50, p99 = figures[f"{stage}_p50_ms"], figures.get(f"{stage}_p99_ms", 0.0)
                        lines.append(f"  {label:<27} {p50:8.2f}  {p99:8.2f}")
        if self.answers:
            lines += ["", "last answers to diagnostic questions"]
            for answer in self.answers.values():
                value = "" if answer.value is None else f"{answer.value:g} {answer.unit}"
                said = answer.reason or " ".join(part for part in (value, answer.text) if part)
                lines.append(f"  {answer.name:<16} {answer.source:>8}  {answer.what:<36} {said}".rstrip())
        lines += ["", "losses"]
        lines += [f"  {n:6}  {source}: {reason}" for (source, reason), n in sorted(self.losses.items())] or [
            "  none"
        ]
        if self.troubles:
            lines += ["", "troubles"]
            lines += [
                f"  {t:7.2f} s  {source} {state}: {detail}" for t, source, state, detail in self.troubles[:20]
            ]
            if len(self.troubles) > 20:
                lines.append(f"  and {len(self.troubles) - 20} more")
        if self.unavailable:
            lines += ["", "not available at the end"]
            by_input: dict[str, list[Unavailable]] = {}
            for _, one in sorted(self.unavailable.items()):
                by_input.setdefault(one.input, []).append(one)
            for source, ones in sorted(by_input.items()):
                lines.append(f"  for want of {source}: {', '.join(one.function for one in ones)}")
                lines.append(f"      {ones[0].reason}")
        return lines

    def _seconds(self, t_ns: int) -> float:
        return (t_ns - (self.start_ns if self.start_ns is not None else t_ns)) / 1e9

    def _health(self, health: Health) -> None:
        before = self._states.get(health.source, "ok")
        news = health.state != before or (health.state == "ok" and health.detail)
        if news and len(self.troubles) < KEPT_LINES:
            self.troubles.append((self._seconds(health.t_ns), health.source, health.state, health.detail))
        self._states[health.source] = health.state
        if health.figures:
            known = self.stages.setdefault(health.source, {})
            for name, value in health.figures.items():
                # Medians of the seconds are smoothed; of their tails the worst counts.
                known[name] = (
                    max(known.get(name, 0.0), value) if "_p99" in name else _drift(known.get(name), value)
                )

    def _warning(self, warning: Warning) -> None:
        open_line = next(
            (w for w in reversed(self.warnings) if w.name == warning.name and w.to_s is None), None
        )
        if warning.active and open_line is not None:
            if open_line.level != warning.level:
                open_line.level, open_line.cause = max_level(open_line.level, warning.level), warning.cause
        elif warning.active and len(self.warnings) < KEPT_LINES:
            self.warnings.append(
                WarningLine(
                    name=warning.name,
                    level=warning.level,
                    from_s=self._seconds(warning.since_ns),
                    to_s=None,
                    cause=warning.cause,
                    object=warning.object,
                )
            )
        elif open_line is not None:
            open_line.to_s = self._seconds(warning.t_ns)


LEVELS = ("information", "warning", "alarm")


def max_level(one: str, other: str) -> str:
    """The graver of two levels."""
    return max(one, other, key=LEVELS.index)


def _drift(before: float | None, value: float) -> float:
    return value if before is None else before + (value - before) * 0.2


def _spread(values_ns: Collection[int]) -> dict[str, float]:
    return {
        "p50": quantile(values_ns, 0.5) / 1e6,
        "p99": quantile(values_ns, 0.99) / 1e6,
        "max": max(values_ns) / 1e6,
    }


class Progress:
    """A bar that follows the ticks; nothing is drawn where nobody looks."""

    def __init__(self, duration_s: float | None, words: str, shown: bool) -> None:
        from tqdm import tqdm

        form = "{desc} {percentage:3.0f}%|{bar}| {n:.1f}/{total:.1f} s [{elapsed}<{remaining}]"
        self._bar = tqdm(
            total=duration_s,
            desc=words,
            disable=None if shown else True,
            leave=False,
            unit="s",
            bar_format=form if duration_s else "{desc} {n:.1f} s [{elapsed}]",
        )
        self._start_ns: int | None = None

    def watch(self, source: Iterable[Message]) -> Iterator[Message]:
        """Pass the inputs through."""
        try:
            for message in source:
                if isinstance(message, Tick):
                    if self._start_ns is None:
                        self._start_ns = message.t_ns
                    elif message.number % 10 == 0:
                        seconds = (message.t_ns - self._start_ns) / 1e9
                        self._bar.update(min(seconds, self._bar.total or seconds) - self._bar.n)
                yield message
        finally:
            self._bar.close()

    def say(self, words: str) -> None:
        """Print a line without breaking the bar."""
        self._bar.write(words)
