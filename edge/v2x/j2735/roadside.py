"""The tables of MAP and SPAT in SAE J2735: those of ISO/TS 19091, but longitudes begin one step later."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec.structs import replace

from edge.v2x.dsrc.map_schema import MAP_DATA
from edge.v2x.dsrc.nodes import LONGITUDE
from edge.v2x.dsrc.spat_schema import SPAT
from edge.v2x.j2735.bsm_schema import LONGITUDE as SAE_LONGITUDE
from edge.v2x.uper import Choice, Codec, OpenBy, Sequence, SequenceOf, Type


@cache
def map_codec() -> Codec:
    """MapData."""
    return Codec("MapData", _ours(MAP_DATA, {}))


@cache
def spat_codec() -> Codec:
    """SPAT."""
    return Codec("SPAT", _ours(SPAT, {}))


def _ours(kind: Type, made: dict[int, Type]) -> Type:
    """The table with the other longitude and without what ETSI adds; shared types stay shared."""
    if kind == LONGITUDE:
        return SAE_LONGITUDE
    if id(kind) not in made:
        made[id(kind)] = _rebuilt(kind, made)
    return made[id(kind)]


def _rebuilt(kind: Type, made: dict[int, Type]) -> Type:
    def each(members: Mapping[str, Type]) -> dict[str, Type]:
        return {name: _ours(member, made) for name, member in members.items()}

    if isinstance(kind, Sequence):
        return replace(kind, members=each(kind.members))
    if isinstance(kind, Choice):
        return replace(kind, alternatives=each(kind.alternatives))
    if isinstance(kind, SequenceOf):
        return replace(kind, item=_ours(kind.item, made))
    if isinstance(kind, OpenBy):
        return OpenBy(kind.by, {})
    return kind
