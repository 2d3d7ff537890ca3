"""The control port of a cellular or C-V2X modem: AT commands over a serial line, by pyserial.

Sources: ITU-T V.250 (commands and result codes), 3GPP TS 27.007 (+CME ERROR), TS 27.005 (+CMS ERROR).
"""

from __future__ import annotations

from collections import deque

import serial

from edge import clock
from edge.config import UserError

_REFUSED = ("ERROR", "NO CARRIER", "NO DIALTONE", "NO DIAL TONE", "BUSY", "NO ANSWER", "COMMAND NOT SUPPORT")
_LONGEST = 4096
_KEPT = 256
_LINE_S = 0.05  # a line that has begun ends within that, or never


class ModemError(UserError, OSError):
    """The modem refused, did not answer, or went away."""


class Modem:
    """One modem. unsolicited: the last 256 lines that answered nothing, oldest first, with monotonic ns.

    Raises ModemError where the port cannot be opened.
    """

    def __init__(self, port: str, baud: int = 115200) -> None:
        self.port = port
        self.unsolicited: deque[tuple[int, str]] = deque(maxlen=_KEPT)
        self._begun = b""
        try:
            self._line = serial.Serial(port, baud, timeout=0, write_timeout=1, exclusive=True)
        except (OSError, ValueError) as error:
            raise ModemError(
                f"{port}: {error}; is the modem there, and may you use it (group dialout)?"
            ) from None

    def ask(self, command: str, timeout_s: float = 5.0) -> list[str]:
        """The lines that answer a command, without its echo and the final OK.

        An answer is what stands between the command and OK; lines of the kind +NAME: that the command does
        not name are unsolicited. Raises ModemError: refused (with the modem's own words), no final result in
        time, or the port went away; ValueError for a command that is not one line.
        """
        if not command or not command.isascii() or not command.isprintable():
            raise ValueError(f"{command!r} is not one line of ASCII")
        self.poll()  # what is there answers nothing that we ask now
        if self._begun:
            self.unsolicited.extend((clock.now_ns(), line) for line in self._read(_LINE_S))
            self._begun = b""
        self._write(command.encode() + b"\r")
        deadline_ns = clock.now_ns() + int(timeout_s * 1e9)
        name = command.upper().removeprefix("AT").partition("=")[0].partition("?")[0]
        answer: list[str] = []
        echoed = False
        while clock.now_ns() < deadline_ns:
            for line in self._read(0.02):
                if not echoed and line.upper() == command.upper():
                    echoed = True
                elif line == "OK":
                    return answer
                elif line in _REFUSED or line.startswith(("+CME ERROR:", "+CMS ERROR:")):
                    raise ModemError(f"{self.port}: {command} was refused: {line}")
                elif _is_unsolicited(line, name):
                    self.unsolicited.append((clock.now_ns(), line))
                else:
                    answer.append(line)
        raise ModemError(f"{self.port}: no answer to {command} within {timeout_s:g} s")

    def poll(self) -> None:
        """Take what has come unasked; never waits."""
        for line in self._read(0):
            self.unsolicited.append((clock.now_ns(), line))

    def close(self) -> None:
        """Close the port."""
        self._line.close()

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except (OSError, serial.SerialException) as error:
            raise ModemError(f"{self.port}: {error}") from None

    def _read(self, wait_s: float) -> list[str]:
        """Whole lines; what is not yet one waits for its end."""
        try:
            self._line.timeout = wait_s
            data = self._line.read(1) + self._line.read(self._line.in_waiting)
        except (OSError, serial.SerialException) as error:
            raise ModemError(f"{self.port}: {error}") from None
        *whole, self._begun = (self._begun + data).replace(b"\r", b"\n").split(b"\n")
        self._begun = self._begun[-_LONGEST:]
        return [text for text in (line.decode("ascii", "replace").strip() for line in whole) if text]


def _is_unsolicited(line: str, name: str) -> bool:
    """Whether a line is a report that the command did not ask for: +CREG: behind AT+CSQ, RING."""
    if line == "RING":
        return True
    report, colon, _ = line.partition(":")
    return bool(colon) and report[:1] in "+^%$" and name[:1] in "+^%$" and report.upper() != name
