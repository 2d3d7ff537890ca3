"""What the verbs that run a drive print when it is over."""

from __future__ import annotations

import json
from pathlib import Path

from edge.messages import Message, Unavailable, Warning
from edge.runtime.summary import Summary


class Printer:
    """A sink that prints warnings and what becomes unavailable as they come. say: prints a line."""

    def __init__(self, say: object = print) -> None:
        self._say = say
        self._start_ns: int | None = None

    def take(self, out: Message) -> None:
        """Print an output if a person should see it."""
        if self._start_ns is None:
            self._start_ns = out.t_ns
        seconds = (out.t_ns - self._start_ns) / 1e9
        if isinstance(out, Warning) and out.active:
            self._say(f"{seconds:8.2f} s  {out.level.upper():<11} {out.name}: {out.cause}")  # type: ignore[operator]
        elif isinstance(out, Unavailable):
            words = "works again" if out.over else f"not available: {out.reason}"
            self._say(f"{seconds:8.2f} s  {out.function} ({out.input}): {words}")  # type: ignore[operator]


def print_summary(summary: Summary, as_json: bool, more: dict[str, object], lines: list[str]) -> None:
    """The summary with what else there is to say, for a person or for a program."""
    if as_json:
        print(json.dumps({**summary.as_dict(), **more}, indent=1, default=str))
        return
    print("\n".join([*summary.lines(), "", *lines]))


def drive_path(directory: str | Path, name: str, stamp: str) -> Path:
    """Where a new recording goes: DIRECTORY/NAME-STAMP.mcap."""
    return Path(directory) / f"{name}-{stamp.replace(':', '').replace('-', '')}.mcap"
