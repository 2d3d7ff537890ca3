"""What is known of a message before its first frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from edge.can.dbc import Message, Signal
from edge.can.decode.field import Field, field_of
from edge.can.decode.python import Values, decoder, word_decoder

Condition = tuple[tuple[Field, tuple[tuple[int, int], ...]], ...]
"""Choosers with the raw ranges that they must be in; all must hold."""


class Plan:
    """A message with the signals that are wanted of it, in the order of the message.

    bus: on which it is expected; None: on every. first: index of its first signal among all of the decoder.
    length: bytes that a frame must have so that every wanted signal and what chooses it is there. width:
    bytes that hold them all, a multiple of 8.
    """

    def __init__(
        self, bus: str | None, message: Message, wanted: Sequence[Signal], first: int, prefer_big: bool
    ) -> None:
        self.bus = bus
        self.message = message
        self.first = first
        self._signals = {signal.name: signal for signal in message.signals}
        self._prefer_big = prefer_big
        j1939 = message.pgn is not None
        self.fields = tuple(field_of(signal, prefer_big, j1939) for signal in wanted)
        self.conditions = tuple(self._condition(signal) for signal in wanted)
        choosers = [chooser for condition in self.conditions for chooser, _ in condition]
        self.length = max(field.end for field in (*self.fields, *choosers))
        self.width = (self.length + 7) // 8 * 8
        self.is_multiplexed = any(self.conditions)
        self.is_plain = not self.is_multiplexed and all(field.is_plain for field in self.fields)

    def _condition(self, signal: Signal) -> Condition:
        found: list[tuple[Field, tuple[tuple[int, int], ...]]] = []
        while signal.chosen_by:
            name, ranges = signal.chosen_by
            signal = self._signals[name]
            found.append((field_of(signal, self._prefer_big), ranges))
        return tuple(found)

    @cached_property
    def layout(self) -> tuple[object, ...] | None:
        """Equal for messages whose frames may be decoded together. None: for no other."""
        if not self.is_plain:
            return None
        return tuple(
            (f.byte, f.big, f.left, f.right, f.end, f.limit, f.signal.signed, f.scale, str(f.offset))
            for f in self.fields
        )

    @cached_property
    def decode(self) -> Callable[[bytes], Values]:
        """The values of one frame, of any length, in straight-line Python."""
        return decoder(self.message, [field.signal.name for field in self.fields])

    @cached_property
    def decode_words(self) -> Callable[[int, int], Values]:
        """The same, of the 8 bytes of a frame as a little- and a big-endian number."""
        return word_decoder(self.message, [field.signal.name for field in self.fields])
