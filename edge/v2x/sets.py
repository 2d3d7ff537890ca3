"""What every set of messages offers, whatever its standard: the port MessageSet."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from edge.messages import PeerContent
from edge.v2x.moments import Now
from edge.v2x.uper import Type, readable


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One message, read whole.

    version: the standard and its edition, for people; sender: 16 hex digits (csae53), 8 (j2735), decimal
    (etsi), "" where a message names none; counter: message counter or generation time; measured_ns:
    monotonic, when its content held, None: not said; content: None where nothing of it is understood, or it
    does not know its own position; kind, value: the decoded message.
    """

    standard: str
    version: str
    message: str
    sender: str
    counter: int
    measured_ns: int | None
    content: PeerContent | None
    kind: Type
    value: Any

    @property
    def tree(self) -> Any:
        """All its fields in the standard's own names and steps, for people."""
        return readable(self.kind, self.value)


class MessageSet(Protocol):
    """One set. Bytes in and out are the messages themselves, without any header below them."""

    def prepare(self) -> None:
        """Make the functions for what is frequent or urgent now, so that no such message waits for them."""
        ...

    def hear(self, payload: bytes, now: Now) -> Heard:
        """Read one message. Raises CodecError: reason "undecodable", or "unsupported" for one not known."""
        ...

    def peek(self, payload: bytes, now: Now) -> Glimpse | None:
        """Sender, place and motion, read alone and fast; None where it is no message about the sender."""
        ...


class Glimpse(msgspec.Struct, frozen=True):
    """The few fields by which a message is judged before it is verified; None: unknown."""

    sender: str
    latitude_deg: float
    longitude_deg: float
    speed_mps: float | None
    heading_deg: float | None
    sudden: bool  # hard braking or another event of the sender is announced


class PathPoint(msgspec.Struct, frozen=True):
    """Where our own car was, for path histories: t_ns monotonic."""

    latitude_deg: float
    longitude_deg: float
    t_ns: int
    altitude_m: float | None = None
