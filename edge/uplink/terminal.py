"""The terminal's side of a JT/T 808 connection, as a state machine without socket, clock or disk."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

import msgspec

from edge.config import Jt808
from edge.uplink.jt808 import (
    Authentication,
    Frame,
    GeneralAnswer,
    Id,
    Jt808Error,
    Registration,
    Result,
    Splitter,
    decode_general_answer,
    decode_registration_answer,
    encode_authentication,
    encode_frame,
    encode_general_answer,
    encode_registration,
)

State: TypeAlias = Literal["offline", "registering", "authenticating", "ready"]

WINDOW = 8
"""Reports on their way at the same time."""

MAX_OUTGOING = 65536
"""A platform that asks and asks and never reads is left when this much waits for it."""

REFUSED_REGISTRATION = {
    1: "this vehicle is already registered: remove its registration there",
    2: "it does not know this vehicle: enter its plate there, or correct `plate`",
    3: "this terminal is already registered: remove its registration there",
    4: "it does not know this terminal: enter its id there, or correct `terminal_id`",
}

# what a platform says in answer to something: never answered
_ANSWERS = (0x8001, 0x8004, 0x8100, 0x8800)


class Answered(NamedTuple):
    """What the platform said to a report: of Result, or what it invents."""

    report_id: int
    result: int


class _Pending(msgspec.Struct):
    """A frame that waits for its answer. sent: how often it went out."""

    message_id: int
    wire: bytes
    report_id: int | None
    sent: int
    wait_ns: int
    due_ns: int


class Terminal:
    """One vehicle's terminal over its connections, one after the other.

    code: the authentication code, None when not registered; it changes, and shall be kept. failed: why the
    connection must be closed, "" while it need not. outgoing: bytes for the socket, taken from the front.
    strays: frames that were not expected here.
    """

    def __init__(self, settings: Jt808, code: bytes | None) -> None:
        self.code = code
        self.state: State = "offline"
        self.failed = ""
        self.outgoing = bytearray()
        self.strays = 0
        self._settings = settings
        self._serial = 0
        self._start()

    def _start(self) -> None:
        self.failed = ""
        self.outgoing.clear()
        self._pending: dict[int, _Pending] = {}
        self._splitter = Splitter()
        self._registered_now = False
        self._heartbeat_ns = self._spoke_ns = 0

    def opened(self, now_ns: int) -> None:
        """A connection is there: authenticate, or register first (JT/T 808, every connection anew)."""
        self._start()
        self._heartbeat_ns = now_ns
        if self.code is None:
            self._register(now_ns)
        else:
            self._authenticate(now_ns)

    def closed(self) -> None:
        """The connection is gone, and with it what was on its way."""
        self._start()
        self.state = "offline"

    def in_flight(self) -> set[int]:
        """Ids of the reports that wait for their answer."""
        return {p.report_id for p in self._pending.values() if p.report_id is not None}

    def send_report(self, report_id: int, body: bytes, now_ns: int) -> None:
        """One location report; only when `state` is "ready". Raises Jt808Error for an impossible body."""
        self._request(Id.LOCATION, body, now_ns, report_id)

    def tick(self, now_ns: int) -> None:
        """Repeat what was not answered in time, give up after the last repetition, send the heartbeat."""
        for pending in self._pending.values():
            if now_ns < pending.due_ns:
                continue
            if pending.sent > self._settings.retries:
                self.failed = (
                    f"the platform did not answer 0x{pending.message_id:04X}, sent {pending.sent} times"
                )
                return
            # T(N+1) = T(N) x (N+1), N the number of repetitions: 10, 20, 60, 240 s
            pending.wait_ns *= pending.sent + 1
            pending.sent += 1
            pending.due_ns = now_ns + pending.wait_ns
            self._write(pending.wire, now_ns)
        if self.state == "ready" and now_ns >= self._heartbeat_due_ns():
            if not any(p.message_id == Id.HEARTBEAT for p in self._pending.values()):
                self._request(Id.HEARTBEAT, b"", now_ns)
            self._heartbeat_ns = now_ns

    def received(self, data: bytes, now_ns: int) -> list[Answered]:
        """Bytes of the platform; what it said to reports."""
        answered = []
        for frame in self._splitter.feed(data):
            try:
                answer = self._frame(frame, now_ns)
            except Jt808Error:
                self.strays += 1
            else:
                answered += [answer] if answer else []
        return answered

    @property
    def bad(self) -> int:
        """Pieces of this connection's stream that were no frame."""
        return self._splitter.bad

    def _frame(self, frame: Frame, now_ns: int) -> Answered | None:
        ours = frame.phone.lstrip("0") == self._settings.phone.lstrip("0")
        if not ours or frame.encryption:
            self.strays += 1
        elif frame.message_id == Id.PLATFORM_ANSWER:
            answer = decode_general_answer(frame.body)
            pending = self._pending.get(answer.serial)
            if pending is None or pending.message_id != answer.message_id:
                self.strays += 1  # the second answer to a repetition, or to nothing that we sent
                return None
            del self._pending[answer.serial]
            if answer.message_id == Id.AUTHENTICATION:
                self._authenticated(answer.result, now_ns)
            elif pending.report_id is not None:
                return Answered(pending.report_id, answer.result)
        elif frame.message_id == Id.REGISTRATION_ANSWER:
            self._registration_answered(frame.body, now_ns)
        elif frame.message_id < 0x8000 or frame.message_id in _ANSWERS or self.state != "ready":
            self.strays += 1
        else:
            # nothing is obeyed from here: parameters, upgrades and control belong to another layer
            result = Result.OK if frame.message_id == Id.LINK_CHECK else Result.UNSUPPORTED
            body = GeneralAnswer(serial=frame.serial, message_id=frame.message_id, result=result)
            self._write(self._wire(Id.TERMINAL_ANSWER, encode_general_answer(body))[1], now_ns)
        return None

    def _register(self, now_ns: int) -> None:
        s = self._settings
        registration = Registration(
            province=s.province,
            city=s.city,
            manufacturer=s.manufacturer,
            model=s.model,
            terminal_id=s.terminal_id,
            plate_colour=s.plate_colour,
            plate=s.plate,
        )
        self.state = "registering"
        self._request(Id.REGISTRATION, encode_registration(registration, s.version), now_ns)

    def _registration_answered(self, body: bytes, now_ns: int) -> None:
        answer = decode_registration_answer(body)
        pending = self._pending.get(answer.serial)
        if pending is None or pending.message_id != Id.REGISTRATION:
            self.strays += 1
            return
        del self._pending[answer.serial]
        if answer.result != 0:
            why = REFUSED_REGISTRATION.get(answer.result, f"result {answer.result}")
            self.failed = f"the platform refuses the registration: {why}"
        elif self._settings.version == 2019 and len(answer.code) > 255:
            self.failed = f"the platform gave a code of {len(answer.code)} bytes; 255 are possible"
        else:
            self.code = answer.code
            self._registered_now = True
            self._authenticate(now_ns)

    def _authenticate(self, now_ns: int) -> None:
        self.state = "authenticating"
        body = encode_authentication(Authentication(code=self.code or b""), self._settings.version)
        self._request(Id.AUTHENTICATION, body, now_ns)

    def _authenticated(self, result: int, now_ns: int) -> None:
        if result == Result.OK:
            self.state = "ready"
        elif self._registered_now:
            self.failed = f"the platform refuses the code that it has just given (result {result})"
        else:  # an old code, or another platform than the one that gave it
            self.code = None
            self._register(now_ns)

    def _heartbeat_due_ns(self) -> int:
        # 2019: periodically; 2013: only when nothing else is sent
        since_ns = self._heartbeat_ns if self._settings.version == 2019 else self._spoke_ns
        return since_ns + int(self._settings.heartbeat_s * 1e9)

    def _request(self, message_id: int, body: bytes, now_ns: int, report_id: int | None = None) -> None:
        serial, wire = self._wire(message_id, body)
        wait_ns = int(self._settings.answer_timeout_s * 1e9)
        self._pending[serial] = _Pending(message_id, wire, report_id, 1, wait_ns, now_ns + wait_ns)
        self._write(wire, now_ns)

    def _wire(self, message_id: int, body: bytes) -> tuple[int, bytes]:
        s, serial = self._settings, self._serial
        frame = Frame(message_id=message_id, phone=s.phone, serial=serial, body=body, version=s.version)
        wire = encode_frame(frame)
        self._serial = (serial + 1) % 65536
        return serial, wire

    def _write(self, wire: bytes, now_ns: int) -> None:
        if len(self.outgoing) + len(wire) > MAX_OUTGOING:
            self.failed = "the platform does not read what is sent to it"
            return
        self._spoke_ns = now_ns
        self.outgoing += wire
