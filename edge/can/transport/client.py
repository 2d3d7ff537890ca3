"""The tester: asks ECUs what the gate let out, one question at a time on each bus, and hears what they say.

Sources: ISO 15765-4 (ids, padding), ISO 15765-2 (flow control), ISO 14229-2 (P2, P2*).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from edge.can.bus import BusError, Wanted
from edge.can.frames import KEY_EXTENDED, Frames
from edge.can.transport import diagnostics
from edge.can.transport.isotp import IsoTp, answering_key
from edge.can.transport.obd import Reading
from edge.can.transport.pdu import Pdu
from edge.config import ConfigError, Question
from edge.messages import Answer, Ask, Message

P2_NS = 1_000_000_000
"""Who was asked alone begins to answer within 50 ms (P2); the rest is for a slow gateway."""
P2_ALL_NS = 200_000_000
"""Those who were asked together: so long all of them are heard."""
P2_STAR_NS = 5_000_000_000
LIMIT_NS = 6_000_000_000
"""An exchange ends then at the latest, whatever an ECU promises."""
_PADDING = b"\xcc"
_CONTINUE = b"\x30\x00\x00".ljust(8, _PADDING)  # all that is left, without pauses
_ALL_11, _ALL_29 = 0x7DF, 0x18DB33F1
_ALL_MASK_29 = KEY_EXTENDED | 0x1FFFFF00
_ID_BITS = KEY_EXTENDED | 0x1FFFFFFF

Send = Callable[[str, int, bytes], None]
"""send(bus, key, data): raises BusError."""


class _Asked:
    """A question as it is asked. wanted: keys of the answers, (key, mask)."""

    def __init__(self, question: Question) -> None:
        self.question = question
        try:
            self.data = diagnostics.request(question.service, question.identifier)
        except ValueError as error:
            self.data, self.trouble = b"", str(error)
        else:
            self.trouble = ""
        self.key = _key(question.request_id)
        self.functional = question.request_id in (_ALL_11, _ALL_29)
        self.all = self.functional and question.response_id is None
        if question.response_id is not None:
            self.wanted = (_key(question.response_id), _ID_BITS)
            if self.functional and answering_key(self.wanted[0]) is None:
                raise ConfigError(
                    f"[[diagnostics]] {question.name}: which ECU answers on {question.response_id:#x} is not"
                    f" known: say its own request_id in place of {question.request_id:#x}"
                )
        elif question.request_id == _ALL_11:
            self.wanted = (0x7E8, _ID_BITS & ~7)
        elif question.request_id == _ALL_29:
            self.wanted = (0x18DAF100 | KEY_EXTENDED, _ALL_MASK_29)
        else:
            answering = answering_key(self.key)
            if answering is None:
                raise ConfigError(
                    f"[[diagnostics]] {question.name}: say response_id: on which id the ECU answers that is"
                    f" asked on {question.request_id:#x}"
                )
            self.wanted = (answering, _ID_BITS)

    def flow_key(self, responder: int) -> int:
        """Where flow control for this ECU goes: its own id, also when it was asked with all others."""
        other = answering_key(responder) if self.functional else self.key
        assert other is not None
        return other


def answers_to(questions: Sequence[Question]) -> Wanted:
    """The frames in which the answers come, as open_bus takes them. Raises ConfigError."""
    return {_Asked(question).wanted for question in questions}


class _Exchange:
    """A question on its way."""

    def __init__(self, asked: _Asked, t_ns: int) -> None:
        self.asked = asked
        self.began_ns = t_ns
        self.deadline_ns = t_ns + (P2_ALL_NS if asked.all else P2_NS)
        self.transport = IsoTp(_responders(asked.wanted), max_bytes=4095)
        self.controlled: set[int] = set()  # ECUs that were told to go on
        self.answered: set[int] = set()  # ECUs that have: more of the same is not heard
        self.trouble = ""

    def extend(self, t_ns: int) -> None:
        self.deadline_ns = min(max(self.deadline_ns, t_ns), self.began_ns + LIMIT_NS)


class Client:
    """A sink for Ask and a source of Answer. Raises ConfigError for questions that cannot be asked.

    Sends nothing of itself: one frame for each Ask that is no dry run, and one flow control for each answer
    that is longer than a frame.
    """

    name = "diagnostics"

    def __init__(self, questions: Sequence[Question], send: Send) -> None:
        self._asked = {question.name: _Asked(question) for question in questions}
        if len(self._asked) < len(questions):
            raise ConfigError("[[diagnostics]]: two questions have the same name")
        for question in questions:
            if not question.period_s > 0:
                raise ConfigError(f"[[diagnostics]] {question.name}: period_s must be more than 0")
        self._send = send
        self._exchanges: dict[str, _Exchange] = {}
        self._said: list[Message] = []

    def take(self, out: Message) -> None:
        """Ask, if this is a question that may be sent."""
        if not isinstance(out, Ask) or out.dry_run:
            return
        asked = self._asked[out.name]
        running = self._exchanges.get(out.bus)
        if running is not None and not (running.answered and not running.transport.unfinished()):
            self._fail(asked.question, out.t_ns, "the last question is not finished")
            return
        if asked.trouble:
            self._fail(asked.question, out.t_ns, asked.trouble)
            return
        try:
            self._send(out.bus, asked.key, _single(asked.data))
        except BusError as error:
            self._fail(asked.question, out.t_ns, str(error))
            return
        self._exchanges[out.bus] = _Exchange(asked, out.t_ns)

    def hear(self, bus: str, frames: Frames) -> np.ndarray:
        """Hear frames of a bus; bool (n,): which of them are answers of ECUs, to us or to another tester.

        Those do not show that a bus is awake: we may be the ones who keep it so.
        """
        keys = frames.keys()
        answers = np.zeros(len(frames), dtype=bool)
        for asked in self._asked.values():
            if asked.question.bus == bus:
                key, mask = asked.wanted
                answers |= keys & np.uint32(mask) == key
        exchange = self._exchanges.get(bus)
        if exchange is not None:
            for i in np.flatnonzero(answers).tolist():
                if self._exchanges.get(bus) is exchange:
                    self._frame(bus, exchange, frames[i : i + 1], int(keys[i]))
        return answers

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> list[Message]:
        """The answers since the last time, and why there are none."""
        for bus, exchange in list(self._exchanges.items()):
            if now_ns < exchange.deadline_ns:
                continue
            del self._exchanges[bus]
            if not exchange.answered:
                waited_s = (now_ns - exchange.began_ns) / 1e9
                losses = [*exchange.transport.losses.by_reason(), exchange.trouble]
                trouble = next(
                    filter(None, losses), "it broke off" if exchange.transport.unfinished() else ""
                )
                why = f"no whole answer: {trouble}" if trouble else f"no answer within {waited_s:.1f} s"
                self._fail(exchange.asked.question, now_ns, why)
        said, self._said = self._said, []
        return said

    def close(self) -> None:
        """The buses are closed by their inlets."""

    # ------------------------------------------------------------ one exchange

    def _frame(self, bus: str, exchange: _Exchange, frame: Frames, key: int) -> None:
        before = exchange.transport.unfinished()
        pdus = exchange.transport.take(frame)
        if exchange.transport.unfinished():
            exchange.extend(int(frame.t_ns[0]) + P2_NS)
        # A long answer of another service is for another tester, who controls its flow.
        ours = frame.data[0, 2] == exchange.asked.question.service + 0x40
        if exchange.transport.unfinished() > before and ours and key not in exchange.controlled:
            exchange.controlled.add(key)
            try:
                self._send(bus, exchange.asked.flow_key(key), _CONTINUE)
            except BusError as error:
                self._fail(exchange.asked.question, int(frame.t_ns[0]), str(error))
                del self._exchanges[bus]
                return
        for pdu in pdus:
            self._pdu(bus, exchange, pdu)

    def _pdu(self, bus: str, exchange: _Exchange, pdu: Pdu) -> None:
        question = exchange.asked.question
        try:
            answer = diagnostics.answer(pdu.data)
        except ValueError as error:
            if pdu.data[0] == question.service + 0x40:  # others answer another tester
                exchange.trouble = str(error)
            return
        if answer.service != question.service or pdu.key in exchange.answered:
            return
        if answer.refusal == diagnostics.PENDING:
            exchange.extend(pdu.t_ns + P2_STAR_NS)
            return
        expected = diagnostics.answered_identifier(question.service, question.identifier)
        if answer.refusal is None and answer.identifier != expected:
            return
        exchange.answered.add(pdu.key)
        if answer.refusal is not None:
            self._said.append(_answer(question, pdu, Reading("", None), answer.why))
        elif question.service == diagnostics.READ_DATA:
            self._said.append(self._data(question, pdu, answer.readings[0]))
        else:
            self._said += [_answer(question, pdu, reading) for reading in answer.readings]
        if not exchange.asked.all:
            self._exchanges.pop(bus, None)

    def _data(self, question: Question, pdu: Pdu, reading: Reading) -> Answer:
        """The value of a data identifier, from the bytes that the config names."""
        data = pdu.data[3:]
        end = question.first_byte + question.bytes if question.bytes else len(data)
        part = data[question.first_byte : end]
        if not part or end > len(data):
            return _answer(question, pdu, reading, f"{len(data)} bytes: too few for what is asked of them")
        value = None
        if len(part) <= 8:  # more is a text or a structure, as the bytes in `text` show
            number = int.from_bytes(part, "big", signed=question.signed)
            value = number * question.scale + question.offset
        return _answer(question, pdu, Reading(reading.name, value, question.unit, reading.text))

    def _fail(self, question: Question, t_ns: int, reason: str) -> None:
        self._said.append(Answer(t_ns=t_ns, bus=question.bus, name=question.name, reason=reason))


def _answer(question: Question, pdu: Pdu, reading: Reading, reason: str = "") -> Answer:
    return Answer(
        t_ns=pdu.t_ns,
        bus=question.bus,
        name=question.name,
        source=f"{pdu.key & ~KEY_EXTENDED:X}",
        what=reading.name,
        value=reading.value,
        unit=reading.unit,
        text=reading.text,
        reason=reason,
    )


def _key(number: int) -> int:
    return number | KEY_EXTENDED if number > 0x7FF else number


def _responders(wanted: tuple[int, int]) -> list[int]:
    """All keys that agree with (key, mask): at most 256 of them."""
    key, mask = wanted
    return [key | low for low in range(256) if low & ~mask == low]


def _single(data: bytes) -> bytes:
    """A single frame, padded to 8 bytes as ISO 15765-4 asks."""
    return (bytes([len(data)]) + data).ljust(8, _PADDING)
