"""Regional extensions: what ETSI (region 3) or another region adds at a place of MapData and SPAT."""

from __future__ import annotations

from edge.v2x.uper import Integer, OpenBy, Sequence, SequenceOf, Type

ADD_GRP_C = 3  # RegionId of Europe


def region(european: Type | None = None) -> Sequence:
    """One regional extension. european: the table of module AddGrpC, None: not read; others stay octets."""
    known = {} if european is None else {ADD_GRP_C: european}
    return Sequence({"regionId": Integer(0, 255), "regExtValue": OpenBy("regionId", known)})


def regional(european: Type | None = None) -> SequenceOf:
    """The list of regional extensions at the end of most types."""
    return SequenceOf(region(european), 1, 4)
