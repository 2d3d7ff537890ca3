"""Europe: the messages of ETSI, release 1 and 2. What EN 302 637, TS 103 301 and their successors define.

Each message begins with the ItsPduHeader: protocolVersion, messageID, stationID. The same message is another
one on the wire under another protocolVersion; within one, release 2 only adds behind extension markers.
"""

from __future__ import annotations

from collections.abc import Callable

from edge.v2x.etsi import (
    cam_read,
    cpm_message,
    denm_read,
    ivim_read,
    mapem_message,
    spatem_message,
    vam_message,
)
from edge.v2x.etsi.cam_write import cam
from edge.v2x.etsi.cpm_message import cpm
from edge.v2x.etsi.denm_write import denm
from edge.v2x.etsi.mapem_message import mapem
from edge.v2x.etsi.spatem_message import spatem
from edge.v2x.etsi.vam_message import vam
from edge.v2x.moments import Now
from edge.v2x.sets import Glimpse, Heard
from edge.v2x.uper import CodecError

__all__ = ["MESSAGE_NAMES", "cam", "cpm", "denm", "hear", "mapem", "peek", "prepare", "spatem", "vam"]

MESSAGE_NAMES = {
    1: "DENM", 2: "CAM", 3: "POIM", 4: "SPATEM", 5: "MAPEM", 6: "IVIM", 7: "EV-RSR", 8: "TISTPG", 9: "SREM",
    10: "SSEM", 11: "EVCSN", 12: "SAEM", 13: "RTCMEM", 14: "CPM", 15: "IMZM", 16: "VAM", 17: "DSM",
    18: "MIM", 19: "MVM", 20: "MCM",
}  # fmt: skip
"""By messageID, TS 102 894-2."""

_READERS: dict[tuple[int, int], Callable[[bytes, Now], Heard]] = {
    (1, 1): denm_read.hear_1,
    (1, 2): denm_read.hear_2,
    (2, 1): cam_read.hear_1,
    (2, 2): cam_read.hear_2,
    (4, 1): spatem_message.hear,
    (4, 2): spatem_message.hear,
    (5, 1): mapem_message.hear,
    (5, 2): mapem_message.hear,
    (6, 1): ivim_read.hear_1,
    (6, 2): ivim_read.hear_2,
    (14, 1): cpm_message.hear_old,
    (14, 2): cpm_message.hear,
    (16, 2): vam_message.hear_old,
    (16, 3): vam_message.hear,
}
"""By messageID and protocolVersion."""

_GLANCES: dict[bytes, Callable[[bytes], Glimpse | None]] = {
    b"\x01\x02": cam_read.peek_1,
    b"\x02\x02": cam_read.peek_2,
    b"\x03\x10": vam_message.peek,
}
"""By the first two octets: protocolVersion and messageID."""


def prepare() -> None:
    """Make the functions for CAM, DENM and CPM now (a tenth of a second), so that none waits for them."""
    for codec in (cam_read.CODEC, denm_read.codec_2(), cpm_message.codec()):
        codec.prepare()


def hear(payload: bytes, now: Now) -> Heard:
    """Read one message. Raises CodecError: reason "undecodable", or "unsupported" for one not known."""
    if len(payload) < 6:
        raise CodecError("ItsPduHeader", f"{len(payload)} octets, the header alone has 6")
    reader = _READERS.get((payload[1], payload[0]))
    if reader is None:
        name = MESSAGE_NAMES.get(payload[1], f"message {payload[1]}")
        raise CodecError(
            "ItsPduHeader", f"{name} of protocol version {payload[0]} is not read", "unsupported"
        )
    return reader(payload, now)


def peek(payload: bytes, now: Now) -> Glimpse | None:
    """Sender, place and motion of a CAM or VAM, read alone and fast; None for other messages.

    Raises CodecError.
    """
    glance = _GLANCES.get(payload[:2])
    if glance is not None:
        return glance(payload)
    if len(payload) < 6:
        raise CodecError("ItsPduHeader", f"{len(payload)} octets, the header alone has 6")
    return None
