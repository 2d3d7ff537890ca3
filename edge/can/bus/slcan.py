"""SLCAN: adapters that speak CAN in lines of text over a serial port (LAWICEL CANUSB, CANable, ...).

Source: LAWICEL CANUSB manual 1.0; for CAN FD the firmware of CANable 2.
"""

from __future__ import annotations

import contextlib
import os
import select

import numpy as np
import serial

from edge import clock, config
from edge.can.bus import MAX_BATCH, BusError, check_length
from edge.can.bus.adapter_clock import AdapterClock
from edge.can.bus.slcan_parse import LONGEST, NO_STAMP, parse, status_event
from edge.can.frames import (
    BRS,
    ERROR,
    EXTENDED,
    FD,
    FD_LENGTHS,
    KEY_EXTENDED,
    NONE,
    REMOTE,
    Frames,
    concat,
    frames,
)

BITRATES = {
    10_000: "S0", 20_000: "S1", 50_000: "S2", 100_000: "S3", 125_000: "S4", 250_000: "S5", 500_000: "S6",
    750_000: "S7", 800_000: "S7", 1_000_000: "S8", 83_300: "S9",
}  # fmt: skip
"""S7 is 800 kbit/s with LAWICEL, 750 with CANable, which alone has S9."""
DATA_BITRATES = {2_000_000: "Y2", 5_000_000: "Y5"}

_READ_BYTES = 6 * MAX_BATCH - LONGEST  # with what was left over: a batch of the shortest lines
_OUT_BYTES = 65536
_AGAIN_NS = 2_000_000_000
_STATUS_NS = 1_000_000_000
_CLOSING_S = 0.5  # for a port that is full to take what was promised
_WRAP_MS = 60_000
_BACK_MS = 1_000  # a stamp that goes back by less is out of order, not a minute later


class SlcanBus:
    """One adapter. See CanBus.

    channel: the port, "/dev/ttyACM0", or with its speed, "/dev/ttyUSB0@2000000". Options: tty_baudrate
    (115200), listen_only, timestamps (asks the adapter for them by Z1), btr (four hex digits, in place of
    the bit rate), status (asks for its flags once a second by F). No bit rate: the adapter's own setting. One
    that did not answer is told its settings again: it may still be starting. Raises BusError.
    """

    def __init__(self, can: config.Can) -> None:
        port, _, baud = can.channel.partition("@")
        self.channels: tuple[str, ...] = (can.channel,)
        options: dict[str, str | int | bool] = {
            "tty_baudrate": 115200,
            "listen_only": False,
            "timestamps": False,
            "btr": "",
            "status": True,
        }
        unknown = set(can.options) - set(options)
        if unknown:
            odd = ", ".join(sorted(unknown))
            raise BusError(f"slcan {can.channel}: unknown option {odd}; there are {', '.join(options)}")
        options |= can.options
        self._name = f"slcan {can.channel}"
        self._greeting = self._commands(can, options)
        self._ask_status = bool(options["status"])
        try:
            speed = int(baud or options["tty_baudrate"])
            self._serial = serial.Serial(port, speed, timeout=0, write_timeout=0)
            self._serial.reset_input_buffer()
        except (OSError, ValueError) as error:
            raise BusError(f"{self._name}: cannot be opened: {error}") from None
        self._fd = self._serial.fileno() if os.name == "posix" else None
        if self._fd is not None:
            self._poller = select.poll()
            self._poller.register(self._fd, select.POLLIN)
        self._rest = b""
        self._out = bytearray()
        self._clock = _StampClock()
        self._figures: dict[str, float] = dict.fromkeys(
            ("dropped", "error_frames", "controller_dropped", "bad_lines", "refused"), 0
        )
        self._heard = False
        self._warned = False
        self._status_open = False
        now_ns = clock.now_ns()
        self._next_greeting_ns, self._next_status_ns = now_ns + _AGAIN_NS, now_ns + _STATUS_NS
        self._write(self._greeting)

    def _commands(self, can: config.Can, options: dict[str, str | int | bool]) -> bytes:
        commands = ["", "", "C"]
        if options["btr"]:
            commands.append(f"s{options['btr']}")
        elif can.bitrate is not None:
            commands.append(self._choose(BITRATES, can.bitrate, "a bit rate"))
        if can.data_bitrate is not None:
            commands.append(self._choose(DATA_BITRATES, can.data_bitrate, "a data bit rate"))
        if options["timestamps"]:
            commands.append("Z1")
        commands.append("L" if options["listen_only"] else "O")
        return "".join(command + "\r" for command in commands).encode()

    def _choose(self, known: dict[int, str], rate: int, what: str) -> str:
        if rate not in known:
            rates = ", ".join(map(str, known))
            raise BusError(f"{self._name}: {rate} is not {what} that SLCAN knows: {rates}")
        return known[rate]

    def fileno(self) -> int | None:
        """The port; None where it must be polled (Windows)."""
        return self._fd if self._serial.is_open else None

    def receive(self) -> Frames:
        """See CanBus."""
        now_ns = clock.now_ns()
        try:
            raw = self._read()
            now_ns = clock.now_ns()
        except (OSError, TypeError) as error:  # TypeError: closed meanwhile
            raise BusError(f"{self._name}: the adapter is gone: {error}") from None
        self._keep_asking(now_ns)
        if not raw:
            return NONE
        self._heard = True
        lines = parse(self._rest + raw)
        self._rest = lines.rest
        figures = self._figures
        figures["bad_lines"] += lines.bad
        figures["controller_dropped"] += lines.bad
        if lines.refused:
            figures["refused"] += lines.refused
            if self._status_open and not lines.status:
                self._ask_status = False  # it does not know F
        extra = [self._status(now_ns, status) for status in lines.status]
        count = len(lines.id)
        t_ns = self._clock.to_ours(lines.stamp_ms, now_ns)
        found = Frames(t_ns, lines.id, lines.flags, np.zeros(count, np.uint8), lines.length, lines.data)
        found = concat([found, *extra]) if extra else found
        if np.bitwise_or.reduce(found.flags, initial=0) & ERROR:
            errors = found.flags & ERROR != 0
            figures["error_frames"] += int(errors.sum())
            figures["controller_dropped"] += int((found.data[errors, 1] & found.id[errors] >> 2 & 1).sum())
        return found

    def _read(self) -> bytes:
        if self._fd is None:
            return self._serial.read(_READ_BYTES)
        try:
            raw = os.read(self._fd, _READ_BYTES)
            if not raw and self._poller.poll(0):  # something came just now, or it is gone
                raw = os.read(self._fd, _READ_BYTES)
                if not raw:
                    raise OSError("it hung up")  # always readable, and nothing comes
        except BlockingIOError:
            return b""
        return raw

    def _keep_asking(self, now_ns: int) -> None:
        if not self._heard:
            if now_ns >= self._next_greeting_ns:
                self._next_greeting_ns = now_ns + _AGAIN_NS
                if not self._out:  # else it still has to take the last one
                    self._write(self._greeting)
        elif self._ask_status and now_ns >= self._next_status_ns:
            self._next_status_ns = now_ns + _STATUS_NS
            self._status_open = True
            self._write(b"F\r")
        self._flush()

    def _status(self, now_ns: int, status: int) -> Frames:
        """The flags become an error frame; so does their end."""
        self._status_open = False
        event = status_event(status)
        if event is None and self._warned:
            event = 0x04, b"\0\x40\0\0\0\0\0\0"
        self._warned = bool(status & (1 << 2 | 1 << 5))
        return frames([now_ns], [event[0]], [ERROR], [0], [event[1]]) if event else NONE

    def send(self, key: int, data: bytes, bus: int = 0) -> None:
        """See CanBus; queued for the port."""
        check_length(data)
        flags = (EXTENDED if key & KEY_EXTENDED else 0) | (FD | BRS if len(data) > 8 else 0)
        self._queue(_line(key & 0x1FFFFFFF, flags, len(data), data))
        self._flush()

    def send_many(self, frames: Frames) -> int:
        """See CanBus. Only what the port takes now is sent, but for the rest of a line."""
        self._flush()
        at = 0
        while at < len(frames) and not self._out:
            part = frames[at : at + MAX_BATCH]
            columns = zip(part.id.tolist(), part.flags.tolist(), part.length.tolist(), strict=True)
            lines = [_line(*column, part.payload(i)) for i, column in enumerate(columns)]
            ends = np.cumsum([len(line) for line in lines])
            self._write(b"".join(lines))
            written = int(ends[-1]) - len(self._out)
            begun = int(np.searchsorted(ends, written)) + 1 if written else 0
            if self._out:
                del self._out[int(ends[begun - 1]) - written if begun else 0 :]
            at += begun
        return at

    def _queue(self, line: bytes) -> None:
        if len(self._out) + len(line) > _OUT_BYTES:
            raise BusError(f"{self._name}: the transmit queue is full: more is sent than the port carries")
        self._out += line

    def _write(self, commands: bytes) -> None:
        self._out += commands
        self._flush()

    def _flush(self) -> None:
        if not self._out:
            return
        try:
            if self._fd is not None:  # pyserial's write would wait in a loop
                written = os.write(self._fd, self._out)
            else:
                written = self._serial.write(bytes(self._out)) or 0
        except BlockingIOError:
            return
        except OSError as error:
            raise BusError(f"{self._name}: the adapter is gone: {error}") from None
        del self._out[:written]

    def health(self, bus: int = 0) -> dict[str, float]:
        """See CanBus; bad_lines: damaged on the way, refused: commands that the adapter did not take;
        controller_dropped: bad lines, and each time the adapter said that it overran."""
        return {**self._figures, "hardware_stamps": float(self._clock.stamped)}

    def trouble(self, bus: int = 0) -> str:
        """See CanBus: an adapter that is gone raises at once."""
        return ""

    def notes(self, bus: int = 0) -> str:
        """See CanBus."""
        refused = int(self._figures["refused"])
        return f"the adapter refused {refused} commands: is the bit rate one that it has?" if refused else ""

    def close(self) -> None:
        """See CanBus: the adapter's channel is closed too."""
        if not self._serial.is_open:
            return
        with contextlib.suppress(BusError):
            self._write(b"C\r")
            if self._out and self._fd is not None:
                select.select([], [self._fd], [], _CLOSING_S)
                self._flush()
        with contextlib.suppress(OSError):
            self._serial.close()


class _StampClock:
    """Stamps of 16-bit milliseconds that begin anew each minute, on our clock."""

    def __init__(self) -> None:
        self.stamped = False
        self._clock = AdapterClock()
        self._last_ms = 0
        self._total_ms = 0
        self._last_ns = 0

    def to_ours(self, stamp_ms: np.ndarray, now_ns: int) -> np.ndarray:
        """int64 (n,); frames without a stamp came now."""
        t_ns = np.full(len(stamp_ms), now_ns, np.int64)
        rows = np.flatnonzero(stamp_ms != NO_STAMP)
        if not len(rows):
            return t_ns
        given = stamp_ms[rows].astype(np.int64)
        if not self.stamped:
            self.stamped = True
            self._last_ms, self._last_ns = int(given[0]), now_ns
        steps = np.diff(given, prepend=self._last_ms)
        steps = (steps + _BACK_MS) % _WRAP_MS - _BACK_MS
        passed_ms = (now_ns - self._last_ns) // 1_000_000
        minutes = round((passed_ms - int(steps.sum())) / _WRAP_MS)
        steps[0] += max(0, minutes) * _WRAP_MS
        total_ms = self._total_ms + np.cumsum(steps)
        self._last_ms, self._total_ms, self._last_ns = int(given[-1]), int(total_ms[-1]), now_ns
        t_ns[rows] = self._clock.to_ours(total_ms * 1_000_000, now_ns)
        return t_ns


def _line(can_id: int, flags: int, length: int, data: bytes) -> bytes:
    """A frame as the adapter takes it."""
    letter = "r" if flags & REMOTE else "b" if flags & BRS and flags & FD else "d" if flags & FD else "t"
    wide = flags & EXTENDED
    dlc = FD_LENGTHS.index(length)
    head = f"{letter.upper() if wide else letter}{can_id:0{8 if wide else 3}X}{dlc:X}"
    return f"{head}{data.hex().upper()}\r".encode()
