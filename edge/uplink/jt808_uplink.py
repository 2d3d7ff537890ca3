"""A platform that speaks JT/T 808: the queue, the reports, the terminal and its connection put together."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from edge.config import ConfigError, Jt808
from edge.messages import Health, Message
from edge.uplink.jt808 import (
    Frame,
    Id,
    Jt808Error,
    Registration,
    Result,
    encode_frame,
    encode_registration,
)
from edge.uplink.link import Link, TcpLink
from edge.uplink.queue import DurableQueue
from edge.uplink.reports import Reporter
from edge.uplink.terminal import WINDOW, Terminal

BACK_OFF_S = (1.0, 64.0)
"""Wait before the first and at most before any further attempt to connect; doubled in between."""

MAX_REFUSALS = 3
"""A report that the platform calls wrong or unsupported that often is given up, and counted."""

STEADY_NS = 60_000_000_000
"""A connection that was good for so long is not held against the next."""

HEALTH_EVERY_NS = 10_000_000_000


class Jt808Uplink:
    """An Uplink (see edge.uplink.uplink) to one JT/T 808 platform over TCP.

    connect: gives the Link of the n-th attempt. Raises ConfigError for settings that cannot be sent, and
    QueueError when there is no place for the queue.
    """

    name = "uplink:jt808"

    def __init__(
        self,
        settings: Jt808,
        directory: str | Path,
        max_queued: int,
        connect: Callable[[str, int, int], Link] = TcpLink,
    ) -> None:
        check(settings)
        self._settings = settings
        self._connect = connect
        self._queue = DurableQueue(Path(directory) / "jt808.db", max_queued)
        self._terminal = Terminal(settings, self._queue.recall("code"))
        self._reporter = Reporter(settings, int.from_bytes(self._queue.recall("alarms") or b"", "big"))
        self._link: Link | None = None
        self._attempts = 0
        self._failures = 0
        self._next_ns = 0
        self._began_ns = self._deadline_ns = 0
        self._why = ""
        self._refusals: dict[int, int] = {}
        self._counts = {"sent": 0, "refused": 0, "unsayable": 0}
        self._said: tuple[str, str] = ("", "")
        self._said_ns = 0

    def offer(self, message: Message, utc_ns: int) -> None:
        """Keep the report that this message leads to, if any."""
        alarms = self._reporter.next_alarm_id
        try:
            report = self._reporter.take(message, utc_ns)
        except Jt808Error:
            self._counts["unsayable"] += 1
            return
        if self._reporter.next_alarm_id != alarms:
            self._queue.remember("alarms", self._reporter.next_alarm_id.to_bytes(4, "big"))
        if report is not None:
            self._queue.put(*report)

    def step(self, now_ns: int) -> tuple[Health, ...]:
        """Connect, receive, send: what can be done now without waiting."""
        if self._link is None and now_ns >= self._next_ns:
            self._link = self._connect(self._settings.address, self._settings.port, self._attempts)
            self._attempts += 1
            self._began_ns = now_ns
            self._deadline_ns = now_ns + int(self._settings.answer_timeout_s * 1e9)
        if self._link is not None:
            self._talk(self._link, now_ns)
        return self._health(now_ns)

    def close(self) -> None:
        """End the connection; what waits stays on disk for the next start."""
        if self._link is not None:
            self._link.close()
            self._link = None
        self._queue.close()

    def _talk(self, link: Link, now_ns: int) -> None:
        terminal, state = self._terminal, link.state()
        if state == "connecting" and now_ns >= self._deadline_ns:
            self._give_up("no connection in time", now_ns)
        elif state == "open":
            if terminal.state == "offline":
                terminal.opened(now_ns)
            if data := link.receive():
                self._receive(data, now_ns)
            terminal.tick(now_ns)
            self._send_reports(now_ns)
            if terminal.outgoing:
                del terminal.outgoing[: link.send(bytes(terminal.outgoing))]
            if terminal.failed:
                self._give_up(terminal.failed, now_ns)
        if link.state() == "closed" and self._link is link:
            self._give_up(link.why, now_ns)

    def _receive(self, data: bytes, now_ns: int) -> None:
        code = self._terminal.code
        for answered in self._terminal.received(data, now_ns):
            self._answered(answered.report_id, answered.result)
        if self._terminal.code != code and self._terminal.code is not None:
            self._queue.remember("code", self._terminal.code)

    def _answered(self, report_id: int, result: int) -> None:
        if result in (Result.OK, Result.ALARM_HANDLED):
            self._forget(report_id, "sent")
            self._failures = 0
        elif result in (Result.BAD_MESSAGE, Result.UNSUPPORTED):
            # the same bytes will not be better next time, and must not stop those behind them
            self._refusals[report_id] = self._refusals.get(report_id, 0) + 1
            if self._refusals[report_id] >= MAX_REFUSALS:
                self._forget(report_id, "refused")
        else:  # the platform's own trouble: keep the report and come again later
            self._terminal.failed = f"the platform cannot take reports now (result {result})"

    def _forget(self, report_id: int, how: str) -> None:
        self._queue.ack(report_id)
        self._refusals.pop(report_id, None)
        self._counts[how] += 1

    def _send_reports(self, now_ns: int) -> None:
        in_flight = self._terminal.in_flight()
        if self._terminal.state != "ready" or self._terminal.failed or len(in_flight) >= WINDOW:
            return
        fresh = [report for report in self._queue.peek(WINDOW + len(in_flight)) if report.id not in in_flight]
        for report in fresh[: WINDOW - len(in_flight)]:
            try:
                self._terminal.send_report(report.id, report.payload, now_ns)
            except Jt808Error:
                self._forget(report.id, "refused")

    def _give_up(self, why: str, now_ns: int) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None
        if self._terminal.state == "ready" and now_ns - self._began_ns > STEADY_NS:
            self._failures = 0
        self._terminal.closed()
        first_s, most_s = BACK_OFF_S
        wait_s = min(first_s * 2 ** min(self._failures, 16), most_s)
        self._failures += 1
        # spread by vehicle, so that a fleet does not come back all at once: 0.5 to 1 of the wait
        spread = zlib.crc32(f"{self._settings.phone} {self._attempts}".encode()) / 2**33 + 0.5
        self._next_ns = now_ns + int(wait_s * spread * 1e9)
        self._why = why

    def _health(self, now_ns: int) -> tuple[Health, ...]:
        state: Literal["ok", "degraded", "failed"] = "ok"
        words = []
        if self._queue.set_aside:
            words.append(f"the queue was corrupt; it was put aside as {self._queue.set_aside}")
        if self._terminal.state != "ready":
            if not self._why:
                return ()  # the first attempt is under way
            state = "degraded"
            where = f"{self._settings.address}:{self._settings.port}"
            words.append(f"{where}: {self._why}; reports are kept, the next attempt follows")
        if self._queue.trouble:
            state = "failed"
            words.append(self._queue.trouble)
        now = (state, "; ".join(words))
        if now == self._said and now_ns - self._said_ns < HEALTH_EVERY_NS:
            return ()
        self._said, self._said_ns = now, now_ns
        dropped = self._queue.dropped
        figures = {
            "queued_reports": float(self._queue.depth),
            "dropped_alarms": float(dropped["alarm"]),
            "dropped_routine": float(dropped["routine"]),
            **{f"{name}_reports": float(count) for name, count in self._counts.items()},
        }
        return (Health(t_ns=now_ns, source=self.name, state=state, detail=now[1], figures=figures),)


def check(settings: Jt808) -> None:
    """Raises ConfigError: which setting of [uplink.jt808] cannot be used, and what to write instead."""
    where = "[uplink.jt808]"
    if not settings.address:
        raise ConfigError(f"{where} address is empty: write the host name of the platform")
    if not 0 < settings.port < 65536:
        raise ConfigError(f"{where} port {settings.port}: write one from 1 to 65535")
    if not (settings.phone.isascii() and settings.phone.isdigit()):
        raise ConfigError(f"{where} phone {settings.phone!r}: write the digits of the terminal number")
    for name in ("interval_s", "heartbeat_s", "answer_timeout_s"):
        if not getattr(settings, name) > 0:
            raise ConfigError(f"{where} {name} must be more than 0")
    registration = Registration(
        province=settings.province,
        city=settings.city,
        manufacturer=settings.manufacturer,
        model=settings.model,
        terminal_id=settings.terminal_id,
        plate_colour=settings.plate_colour,
        plate=settings.plate,
    )
    try:
        body = encode_registration(registration, settings.version)
        encode_frame(
            Frame(
                message_id=Id.REGISTRATION,
                phone=settings.phone,
                serial=0,
                body=body,
                version=settings.version,
            )
        )
    except Jt808Error as error:
        raise ConfigError(f"{where} {error}") from None
