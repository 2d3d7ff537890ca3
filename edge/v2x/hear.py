"""What a packet says, whatever its standard."""

from __future__ import annotations

import importlib
from functools import cache

from edge.v2x.moments import Now
from edge.v2x.network import Packet
from edge.v2x.sets import Glimpse, Heard, MessageSet

_MODULES = {"dsmp": "csae53", "geonetworking": "etsi", "wsmp": "j2735", "j2735": "j2735"}
"""By the family of the packet."""


@cache
def message_set(family: str) -> MessageSet:
    """The set that packets of a family carry, imported when it is first needed."""
    module: MessageSet = importlib.import_module(f"edge.v2x.{_MODULES[family]}")
    return module


def prepare(standard: str) -> None:
    """Import what can come, and make what the own standard needs: before the loop runs, not when it does."""
    for family in ("dsmp", "geonetworking"):
        messages = message_set(family)
        if _MODULES[family] == standard:
            messages.prepare()


def hear(packet: Packet, now: Now) -> Heard:
    """The message in a packet that is not secured, or no longer. Raises CodecError."""
    return message_set(packet.family).hear(packet.payload, now)


def peek(packet: Packet, now: Now) -> Glimpse | None:
    """Who sends and where he is, without reading all. Raises CodecError."""
    return message_set(packet.family).peek(packet.payload, now)
