"""Where NMEA lines come from: a serial port, or a list of lines with their times."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal

import serial

from edge.config import Gnss
from edge.messages import Gap, Health, Message
from edge.positioning.nmea import MAX_SENTENCE, Epochs

Record = Callable[[str, int, bytes], None]

_State = Literal["ok", "degraded", "failed"]
_RETRY_NS = 1_000_000_000
_SILENT_NS = 3_000_000_000
_READ_OCTETS = 4096


class _Receiver:
    """Lines to messages, the same for every source: positions, losses, and how the fix is."""

    def __init__(self, name: str, record: Record | None) -> None:
        self._name = name
        self._record = record
        self._epochs = Epochs(name)
        self._state = ""
        self._detail = ""

    def line(self, t_ns: int, line: bytes, out: list[Message]) -> None:
        if self._record is not None:
            self._record(self._name, t_ns, line)
        out += self._epochs.take(t_ns, line.decode("ascii", errors="replace"))

    def tell(self, now_ns: int, out: list[Message]) -> None:
        """What was lost since the last time."""
        for reason, count in self._epochs.bad.items():
            out.append(Gap(t_ns=now_ns, source=self._name, reason=reason, count=count))
        self._epochs.bad.clear()

    def fix(self, now_ns: int, out: list[Message]) -> None:
        """Whether there is a fix, if anything was said at all."""
        if self._epochs.fix is True:
            self.say("ok", now_ns, "", out)
        elif self._epochs.fix is False:
            self.say("degraded", now_ns, "the receiver has no fix: does the antenna see the sky?", out)

    def say(
        self, state: Literal["ok", "degraded", "failed"], now_ns: int, detail: str, out: list[Message]
    ) -> None:
        """Once per change."""
        if (state, detail) != (self._state, self._detail):
            self._state, self._detail = state, detail
            out.append(Health(t_ns=now_ns, source=self._name, state=state, detail=detail))


class SerialNmeaInlet:
    """A receiver on a serial port, opened at the first poll, and again once a second when it went away.

    Says Health "failed" with the port and the reason, "degraded" without a fix or after 3 s of silence, "ok"
    else; lines that are no sentence, with a wrong checksum or impossible fields are a Gap by reason. Lines
    are stamped with the time of the poll that found their end.
    """

    def __init__(self, config: Gnss, record: Record | None = None) -> None:
        self.name = config.name
        self._config = config
        self._receiver = _Receiver(config.name, record)
        self._port: serial.Serial | None = None
        self._rest = b""
        self._retry_ns = 0
        self._heard_ns = 0

    def fileno(self) -> int | None:
        """The port's, while it is open."""
        return None if self._port is None else self._port.fileno()

    def poll(self, now_ns: int) -> Sequence[Message]:
        """What came up to now; never waits, never raises for the port."""
        out: list[Message] = []
        if self._port is None and now_ns >= self._retry_ns:
            self._open(now_ns, out)
        if self._port is None:
            return out
        try:
            data = self._port.read(_READ_OCTETS)
        except (OSError, serial.SerialException) as error:
            self._lose(now_ns, error, out)
            return out
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_SENTENCE:
            lines.append(self._rest)  # no end in sight: counted as no sentence
            self._rest = b""
        for line in lines:
            if line.strip():
                self._heard_ns = now_ns
                self._receiver.line(now_ns, line.rstrip(b"\r"), out)
        self._receiver.tell(now_ns, out)
        if now_ns - self._heard_ns > _SILENT_NS:
            where = f"{self._config.port} at {self._config.baud} baud"
            self._receiver.say("degraded", now_ns, f"{where}: nothing heard; check the baud rate", out)
        elif lines:
            self._receiver.fix(now_ns, out)
        return out

    def close(self) -> None:
        """Let the port go."""
        if self._port is not None:
            self._port.close()
            self._port = None
        self._retry_ns = 1 << 63

    def _open(self, now_ns: int, out: list[Message]) -> None:
        try:
            self._port = serial.Serial(self._config.port, self._config.baud, timeout=0, exclusive=True)
        except (OSError, ValueError, serial.SerialException) as error:
            self._lose(now_ns, error, out)
            return
        self._rest = b""
        self._heard_ns = now_ns

    def _lose(self, now_ns: int, error: Exception, out: list[Message]) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None
        self._retry_ns = now_ns + _RETRY_NS
        port = self._config.port
        detail = f"{port}: not there or lost; check the cable, [[gnss]] port and the group dialout; retrying"
        if isinstance(error, PermissionError) or "Permission" in str(error):
            detail = f"{port}: no permission; add this user to the group dialout; retrying"
        self._receiver.say("failed", now_ns, detail, out)


class LineInlet:
    """Lines with their times, in order: recorded, simulated, or from a file. Read only as far as needed."""

    def __init__(
        self, name: str, lines: Iterable[tuple[int, str | bytes]], record: Record | None = None
    ) -> None:
        self.name = name
        self._receiver = _Receiver(name, record)
        self._lines: Iterator[tuple[int, str | bytes]] = iter(lines)
        self._next = next(self._lines, None)

    def fileno(self) -> int | None:
        """None: there is nothing to wait on."""
        return None

    def poll(self, now_ns: int) -> Sequence[Message]:
        """What the lines up to now say."""
        out: list[Message] = []
        heard = False
        while self._next is not None and self._next[0] <= now_ns:
            t_ns, line = self._next
            data = line if isinstance(line, bytes) else line.encode("ascii", errors="replace")
            if data.strip():
                heard = True
                self._receiver.line(t_ns, data.rstrip(b"\r\n"), out)
            self._next = next(self._lines, None)
        self._receiver.tell(now_ns, out)
        if heard:
            self._receiver.fix(now_ns, out)
        return out

    def close(self) -> None:
        """Nothing is said any more."""
        self._next = None
