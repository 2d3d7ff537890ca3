"""Which question to an ECU is due: each in its period, one at a time, for the gate to judge."""

from __future__ import annotations

from edge.config import Question
from edge.messages import Answer

_EVER = -(1 << 62)
_AGAIN_NS = 1_000_000_000
_PATIENCE_NS = 7_000_000_000  # whoever asks says within 6 s that nobody answered


class Questions:
    """The questions of the config and when each is asked next."""

    def __init__(self, questions: tuple[Question, ...]) -> None:
        self._questions = questions
        self._next_ns = [_EVER] * len(questions)
        self._open: str | None = None
        self._open_until_ns = 0

    def due(self, now_ns: int) -> Question | None:
        """The one that has been due for longest; None while an answer is awaited."""
        if not self._questions or (self._open is not None and now_ns < self._open_until_ns):
            return None
        self._open = None
        first = min(range(len(self._questions)), key=self._next_ns.__getitem__)
        return self._questions[first] if self._next_ns[first] <= now_ns else None

    def asked(self, question: Question, now_ns: int, *, waits: bool) -> None:
        """The gate let it out; waits: for an answer."""
        self._later(question, now_ns + round(question.period_s * 1e9))
        if waits:
            self._open, self._open_until_ns = question.name, now_ns + _PATIENCE_NS

    def refused(self, question: Question, now_ns: int) -> None:
        """The gate did not; it is asked again soon, however long its period is."""
        self._later(question, now_ns + min(round(question.period_s * 1e9), _AGAIN_NS))

    def _later(self, question: Question, t_ns: int) -> None:
        self._next_ns[self._questions.index(question)] = t_ns

    def answered(self, answer: Answer) -> None:
        """An answer, or why there is none."""
        if answer.name == self._open:
            self._open = None
