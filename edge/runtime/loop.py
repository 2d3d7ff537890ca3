"""The loop. Live, replay and the rig run this and nothing else; they only build its arguments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from edge.core.core import Core
from edge.messages import Message


class Drive(Protocol):
    """Where inputs are numbered and everything is written: drives.writer.DriveWriter or NullWriter."""

    def accept(self, message: Message) -> int:
        """Number an input and write it; returns the number."""
        ...

    def emit(self, out: Message) -> None:
        """Write an output under the number of the input that caused it."""
        ...


class Sink(Protocol):
    """What carries outputs out: to people, a bus, a radio, another process."""

    def take(self, out: Message) -> None:
        """Take one output; never blocks, never raises for trouble of a device."""
        ...


def run(source: Iterable[Message], core: Core, sinks: Iterable[Sink], drive: Drive) -> None:
    """Feed every message of the source to the core, written before it is acted upon."""
    for message in source:
        drive.accept(message)
        for out in core.step(message):
            drive.emit(out)
            for sink in sinks:
                sink.take(out)
