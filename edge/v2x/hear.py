"""What a packet says, whatever its standard: one Heard for each."""

from __future__ import annotations

from typing import Any

import msgspec

from edge.messages import RemoteObject
from edge.v2x.csae53 import bsm as csae53
from edge.v2x.csae53 import schema as csae53_schema
from edge.v2x.etsi import cam as etsi
from edge.v2x.etsi import cam_schema as etsi_schema
from edge.v2x.j2735 import bsm as j2735
from edge.v2x.network.headers import unwrap
from edge.v2x.uper import CodecError, Type, readable


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """One message. sender: 16 hex digits (csae53), 8 (j2735), decimal (etsi); content: None without position.

    tree: all its fields in the standard's own names and steps, for people.
    """

    standard: str
    message: str
    sender: str
    counter: int
    content: RemoteObject | None
    value: Any

    @property
    def tree(self) -> Any:
        """The decoded message, readable."""
        kinds: dict[str, Type] = {
            "csae53": csae53_schema.MESSAGE_FRAME,
            "etsi": etsi_schema.CAM,
            "j2735": j2735.BSM,
        }
        return readable(kinds[self.standard], self.value)


def hear(data: bytes) -> Heard:
    """The message in a packet from a link. Raises CodecError: `reason` is for counting."""
    packet = unwrap(data)
    return _READERS[packet.family](packet.payload)


def hear_bare(data: bytes) -> Heard:
    """As `hear`, and bare messages as others record them. Raises CodecError of the likeliest."""
    bare = [_hear_csae53, _hear_j2735]
    if data[:1] == bytes((etsi.PROTOCOL_VERSION,)):
        bare.insert(0, _hear_etsi)
    errors: list[CodecError] = []
    for reader in (hear, *bare):
        try:
            return reader(data)
        except CodecError as error:
            errors.append(error)
    known = [error for error in errors if error.reason != "unknown"]
    raise next((error for error in known if error.reason == "unsupported"), known[0])


def _hear_csae53(payload: bytes) -> Heard:
    value = csae53.MESSAGE_FRAME_CODEC.decode(payload)
    name, bsm = value
    if name != "bsmFrame":
        raise CodecError("MessageFrame", f"{name} is not read yet", "unsupported")
    return Heard(
        standard="csae53",
        message="BSM",
        sender=bsm["id"].hex(),
        counter=bsm["msgCnt"],
        content=csae53.remote_object(bsm),
        value=value,
    )


def _hear_etsi(payload: bytes) -> Heard:
    value = etsi.decode_cam(payload)
    return Heard(
        standard="etsi",
        message="CAM",
        sender=str(value["header"]["stationID"]),
        counter=value["cam"]["generationDeltaTime"],
        content=etsi.remote_object(value),
        value=value,
    )


def _hear_j2735(payload: bytes) -> Heard:
    value = j2735.decode_bsm(payload)
    core = value["coreData"]
    return Heard(
        standard="j2735",
        message="BSM",
        sender=core["id"].hex(),
        counter=core["msgCnt"],
        content=j2735.remote_object(value),
        value=value,
    )


_READERS = {"dsmp": _hear_csae53, "geonetworking": _hear_etsi, "j2735": _hear_j2735}
