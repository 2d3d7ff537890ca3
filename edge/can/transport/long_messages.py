"""Messages of a DBC file that are longer than a frame: put together from J1939 transport, then decoded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from edge.can.dbc import pgn_of
from edge.can.decode import Decoder, decoder
from edge.can.frames import Frames
from edge.can.transport.j1939 import J1939Transport
from edge.can.transport.pdu import Losses


@dataclass(frozen=True)
class LongRows:
    """Values as parallel arrays: frame: index of the frame that completed the message; signal: index into the
    decoder's; value float64, physical, NaN: not available."""

    frame: np.ndarray
    signal: np.ndarray
    value: np.ndarray


Decode = Callable[[bytes], Sequence[float | None]]


class LongMessages:
    """Decodes what `of` asks for of messages with a PGN and more than 8 bytes."""

    def __init__(self, of: Decoder) -> None:
        wanted: dict[tuple[str | None, int], list[int]] = {}
        for i, one in enumerate(of.signals):
            if one.message.pgn is not None and one.message.length > 8:
                wanted.setdefault((one.bus, one.message.key), []).append(i)
        self._plans: dict[tuple[str | None, int], tuple[list[int], Decode]] = {}
        for (bus, _), signals in wanted.items():
            message = of.signals[signals[0]].message
            assert message.pgn is not None
            decode = decoder(message, [of.signals[i].signal.name for i in signals])
            self._plans.setdefault((bus, message.pgn), (signals, decode))
        self._transport = J1939Transport()

    @property
    def losses(self) -> Losses:
        """Messages that were begun and not completed."""
        return self._transport.losses

    def take(self, frames: Frames, buses: Sequence[str]) -> LongRows | None:
        """What was completed in these frames; None: nothing that is wanted."""
        if not self._plans:
            return None
        rows: list[tuple[int, int, float]] = []
        for pdu in self._transport.take(frames):
            group = pgn_of(pdu.key)
            plan = self._plans.get((buses[pdu.bus], group)) or self._plans.get((None, group))
            if plan:
                at = int(np.flatnonzero((frames.t_ns == pdu.t_ns) & (frames.bus == pdu.bus))[0])
                values = zip(plan[0], plan[1](pdu.data), strict=True)
                rows += [(at, signal, value) for signal, value in values if value is not None]
        if not rows:
            return None
        at_frame, signals, found = zip(*rows, strict=True)
        return LongRows(np.array(at_frame), np.array(signals), np.array(found, np.float64))
