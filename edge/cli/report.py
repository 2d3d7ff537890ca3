"""What the verbs that run a drive print when it is over."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from edge.messages import Message, Unavailable, Warning
from edge.runtime.summary import Summary


class Printer:
    """A sink that prints warnings, and what becomes unavailable, as they come. say: prints a line."""

    def __init__(self, say: Callable[[str], object] = print) -> None:
        self._say = say
        self._start_ns: int | None = None
        self._together: list[Unavailable] = []

    def take(self, out: Message) -> None:
        """Print an output if a person should see it; what is lost with one input at one time is one line."""
        if self._start_ns is None:
            self._start_ns = out.t_ns
        if self._together and not (isinstance(out, Unavailable) and out.t_ns == self._together[0].t_ns):
            self._print_together()
        if isinstance(out, Unavailable):
            self._together.append(out)
        elif isinstance(out, Warning) and out.active:
            self._print(out.t_ns, f"{out.level.upper():<11} {out.name}: {out.cause}")

    def _print_together(self) -> None:
        groups: dict[tuple[str, bool], list[Unavailable]] = {}
        for one in self._together:
            groups.setdefault((one.input, one.over), []).append(one)
        for (source, over), ones in groups.items():
            functions = ", ".join(one.function for one in ones)
            words = "works again" if over else f"not available: {ones[0].reason}"
            self._print(ones[0].t_ns, f"{source}: {functions} {words}")
        self._together = []

    def _print(self, t_ns: int, words: str) -> None:
        self._say(f"{(t_ns - (self._start_ns or 0)) / 1e9:8.2f} s  {words}")


def print_summary(summary: Summary, as_json: bool, more: dict[str, object], lines: list[str]) -> None:
    """The summary with what else there is to say, for a person or for a program."""
    if as_json:
        print(json.dumps({**summary.as_dict(), **more}, indent=1, default=str))
        return
    print("\n".join([*summary.lines(), "", *lines]))


def drive_path(directory: str | Path, name: str, stamp: str) -> Path:
    """Where a new recording goes: DIRECTORY/NAME-STAMP.mcap."""
    return Path(directory) / f"{name}-{stamp.replace(':', '').replace('-', '')}.mcap"
