"""What a certificate permits, and what it lets others permit (IEEE 1609.2-2022, 6.4.24 and following)."""

from __future__ import annotations

import msgspec

from edge.v2x.security import oer
from edge.v2x.uper import CodecError

_WHERE = "permissions"
MOST = 64
"""Of permissions in a list."""


class Ssp(msgspec.Struct, frozen=True):
    """Service specific permissions: a bitmap, or octets that only the service reads; None: not there."""

    value: bytes | None = None
    bitmap: bool = False


class Range(msgspec.Struct, frozen=True):
    """What an issuer may give for one application: anything, or within a bitmap, or one of these values.

    Of a bitmap the bits that the mask names are as in the value. Of opaque values b"" is that of none.
    """

    value: bytes = b""
    mask: bytes = b""
    opaque: tuple[bytes, ...] | None = None

    @property
    def anything(self) -> bool:
        """Whether there is no limit: 6.4.31, "all" and no range mean the same."""
        return not self.mask and self.opaque is None

    def allows(self, ssp: Ssp) -> bool:
        """Whether it may be given."""
        if self.anything:
            return True
        if self.opaque is not None:
            return not ssp.bitmap and (ssp.value or b"") in self.opaque
        if ssp.value is None or not ssp.bitmap:
            return False
        return len(ssp.value) == len(self.mask) == len(self.value) and all(
            (has ^ must) & mask == 0 for has, must, mask in zip(ssp.value, self.value, self.mask, strict=True)
        )


ANY_LENGTH = 1 << 62
"""Of a chain that may be as long as it likes."""


class Group(msgspec.Struct, frozen=True):
    """What may be issued, `shortest` to `longest` certificates downwards. ranges None: for everything."""

    ranges: dict[int, Range] | None
    shortest: int = 1
    longest: int = 1
    for_applications: bool = True


def _optional(data: bytes, at: int) -> tuple[bool, int]:
    """A preamble with one optional component."""
    octet, at = oer.octet(data, at)
    if octet not in (0, 0x80):
        raise CodecError(_WHERE, f"preamble {octet:#04x}")
    return bool(octet), at


def read_permission(data: bytes, at: int) -> tuple[tuple[int, Ssp], int]:
    """PsidSsp."""
    there, at = _optional(data, at)
    aid, at = oer.unsigned(data, at)
    if not there:
        return (aid, Ssp()), at
    tag, at = oer.octet(data, at)
    value, at = oer.octets(data, at)
    if tag == 0x81:
        bitmap, end = oer.octets(value, 0)
        if end != len(value) or len(bitmap) > 31:
            raise CodecError(_WHERE, f"bitmap of {len(bitmap)} octets")
        value = bitmap
    elif tag != 0x80:
        raise CodecError(_WHERE, f"SSP of kind {tag:#04x} is not read", "unsupported")
    return (aid, Ssp(value, tag == 0x81)), at


def write_permission(aid: int, ssp: Ssp) -> bytes:
    """PsidSsp."""
    if ssp.value is None:
        return b"\0" + oer.write_unsigned(aid)
    value = oer.write_octets(ssp.value)
    inner = b"\x81" + oer.write_octets(value) if ssp.bitmap else b"\x80" + value
    return b"\x80" + oer.write_unsigned(aid) + inner


def read_group(data: bytes, at: int) -> tuple[Group, int]:
    """PsidGroupPermissions."""
    optional, at = oer.octet(data, at)
    if optional & 0x1F:
        raise CodecError(_WHERE, f"preamble {optional:#04x}")
    tag, at = oer.octet(data, at)
    ranges: list[tuple[int, Range]] | None = None
    if tag == 0x80:
        ranges, at = oer.sequence_of(data, at, _range, MOST)
    elif tag != 0x81:
        raise CodecError(_WHERE, f"subject permissions of kind {tag:#04x} are not read", "unsupported")
    shortest, more, kinds = 1, 0, 0x80
    if optional & 0x80:
        shortest, at = oer.signed(data, at)
    if optional & 0x40:
        more, at = oer.signed(data, at)
    if optional & 0x20:
        kinds, at = oer.octet(data, at)
    longest = shortest + more if more >= 0 else ANY_LENGTH
    return Group(None if ranges is None else dict(ranges), shortest, longest, bool(kinds & 0x80)), at


def write_group(group: Group) -> bytes:
    """PsidGroupPermissions, for applications."""
    more = -1 if group.longest == ANY_LENGTH else group.longest - group.shortest
    parts = [bytes((0x80 * (group.shortest != 1) | 0x40 * (more != 0),))]
    if group.ranges is None:
        parts.append(b"\x81")
    else:
        parts.append(b"\x80" + oer.write_sequence_of([_write_range(*each) for each in group.ranges.items()]))
    if group.shortest != 1:
        parts.append(oer.write_signed(group.shortest))
    if more:
        parts.append(oer.write_signed(more))
    return b"".join(parts)


def _range(data: bytes, at: int) -> tuple[tuple[int, Range], int]:
    """PsidSspRange."""
    there, at = _optional(data, at)
    aid, at = oer.unsigned(data, at)
    if not there:
        return (aid, Range()), at
    tag, at = oer.octet(data, at)
    if tag == 0x81:
        return (aid, Range()), at
    if tag == 0x80:
        values, at = oer.sequence_of(data, at, oer.octets, MOST)
        return (aid, Range(opaque=tuple(values))), at
    if tag != 0x82:
        raise CodecError(_WHERE, f"range of SSP of kind {tag:#04x} is not read", "unsupported")
    size, at = oer.length(data, at)
    end = at + size
    value, at = oer.octets(data, at)
    mask, at = oer.octets(data, at)
    if at != end or not 1 <= len(value) <= 32 or not 1 <= len(mask) <= 32:
        raise CodecError(_WHERE, "range of bitmaps")
    return (aid, Range(value=value, mask=mask)), at


def _write_range(aid: int, allowed: Range) -> bytes:
    if allowed.anything:
        return b"\0" + oer.write_unsigned(aid)
    if allowed.opaque is not None:
        values = oer.write_sequence_of([oer.write_octets(value) for value in allowed.opaque])
        return b"\x80" + oer.write_unsigned(aid) + b"\x80" + values
    bitmap = oer.write_octets(oer.write_octets(allowed.value) + oer.write_octets(allowed.mask))
    return b"\x80" + oer.write_unsigned(aid) + b"\x82" + bitmap
