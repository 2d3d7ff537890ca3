"""Unaligned PER (ITU-T X.691): message schemas as tables, and the straight-line code made from them."""

from edge.v2x.uper.codec import Codec
from edge.v2x.uper.types import (
    Bits,
    Boolean,
    Choice,
    CodecError,
    Enumerated,
    Integer,
    Octets,
    Open,
    Sequence,
    SequenceOf,
    Type,
    Unread,
    bits,
    flags,
    readable,
)

__all__ = [
    "Bits",
    "Boolean",
    "Choice",
    "Codec",
    "CodecError",
    "Enumerated",
    "Integer",
    "Octets",
    "Open",
    "Sequence",
    "SequenceOf",
    "Type",
    "Unread",
    "bits",
    "flags",
    "readable",
]
