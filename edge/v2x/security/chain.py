"""From a certificate to a root that is trusted: IEEE 1609.2-2022 clause 5.1.2 and following."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from edge.v2x.security.algorithms import PublicKey, public_key
from edge.v2x.security.certificate import Certificate
from edge.v2x.security.permissions import ANY_LENGTH, Group, Range, Ssp
from edge.v2x.security.region import Region
from edge.v2x.uper import CodecError

_WHERE = "certificate"
_MOST_LEARNED = 64


class Known(msgspec.Struct, frozen=True, gc=False):
    """A certificate that has been checked up to a root, ready for use.

    hash: of the whole certificate; start_ns, end_ns: while all of its chain are good; regions: of all of its
    chain, each of which must contain a place.
    """

    certificate: Certificate
    key: PublicKey
    hash: bytes
    start_ns: int
    end_ns: int
    regions: tuple[Region, ...]


class Chain:
    """The authorities that we trust, those of the store and those that were heard and lead to its roots.

    Raises SecurityError where the library is missing, and CodecError where a certificate of the store is bad.
    """

    def __init__(self, roots: Iterable[Certificate], authorities: Sequence[Certificate]) -> None:
        self._known: dict[bytes, Known] = {}
        for root in roots:
            self._add(root, self._check(root, None))
        waiting = list(authorities)
        while waiting:
            ready = [each for each in waiting if each.issuer in self._known]
            for each in ready:
                self._add(each, self.check(each))
            if not ready:
                raise CodecError(_WHERE, f"the issuer of {waiting[0].name} is not there", "untrusted")
            waiting = [each for each in waiting if each not in ready]
        self._given = len(self._known)

    def has(self, digest: bytes | None) -> bool:
        """Whether the authority of this HashedId8 is known."""
        return digest in self._known

    def learn(self, authority: Certificate) -> None:
        """One that was heard. Raises CodecError where it does not lead to a root."""
        if authority.issues and authority.digest not in self._known:
            known = self.check(authority)
            if len(self._known) >= self._given + _MOST_LEARNED:
                del self._known[list(self._known)[self._given]]
            self._add(authority, known)

    def check(self, certificate: Certificate) -> Known:
        """A certificate that one of these authorities issued. Raises CodecError.

        "untrusted": of nobody we know, or who may not issue; "permission": more than its issuer may give;
        "forged": its signature is wrong.
        """
        issuer = self._known.get(certificate.issuer) if certificate.issuer else None
        if issuer is None or issuer.certificate.algorithm.issuer != certificate.issuer_kind:
            raise CodecError(_WHERE, "it leads to no root that is trusted", "untrusted")
        groups = issuer.certificate.issues
        if not groups:
            raise CodecError(_WHERE, "its issuer may not issue any", "untrusted")
        if not all(_may_give(groups, aid, ssp) for aid, ssp in certificate.permissions.items()):
            raise CodecError(_WHERE, "it permits more than its issuer may give", "permission")
        if not all(_may_delegate(groups, group) for group in certificate.issues):
            raise CodecError(_WHERE, "it lets issue more than its issuer may", "permission")
        return self._check(certificate, issuer)

    def _check(self, certificate: Certificate, issuer: Known | None) -> Known:
        algorithm = certificate.algorithm
        if issuer is None:
            sealing, above = algorithm, algorithm.hash(b"")
            by = public_key(algorithm, certificate.point)
        else:
            sealing, above, by = issuer.certificate.algorithm, issuer.hash, issuer.key
        data, digest = certificate.signed, sealing.hash(certificate.signed)
        if certificate.sealing is not sealing or not by.verify(
            data, digest, above, certificate.r, certificate.s
        ):
            raise CodecError(_WHERE, "its signature is wrong", "forged")
        regions = () if certificate.region is None else (certificate.region,)
        return Known(
            certificate=certificate,
            key=by if issuer is None else public_key(algorithm, certificate.point),
            hash=algorithm.hash(certificate.encoded),
            start_ns=max(certificate.start_ns, issuer.start_ns if issuer else certificate.start_ns),
            end_ns=min(certificate.end_ns, issuer.end_ns if issuer else certificate.end_ns),
            regions=regions + (issuer.regions if issuer else ()),
        )

    def _add(self, certificate: Certificate, known: Known) -> None:
        self._known[certificate.digest] = known


def _may_give(groups: Sequence[Group], aid: int, ssp: Ssp) -> bool:
    return any(
        group.shortest <= 1 <= group.longest
        and group.for_applications
        and (group.ranges is None or (aid in group.ranges and group.ranges[aid].allows(ssp)))
        for group in groups
    )


def _may_delegate(groups: Sequence[Group], wanted: Group) -> bool:
    """Whether for each application one group reaches one certificate further than is wanted."""
    above = [
        group
        for group in groups
        if group.shortest <= wanted.shortest + 1
        and min(wanted.longest + 1, ANY_LENGTH) <= group.longest
        and group.for_applications >= wanted.for_applications
    ]
    if wanted.ranges is None:
        return any(group.ranges is None for group in above)
    return all(
        any(
            group.ranges is None or (aid in group.ranges and _within(part, group.ranges[aid]))
            for group in above
        )
        for aid, part in wanted.ranges.items()
    )


def _within(part: Range, whole: Range) -> bool:
    """Whether all that `part` allows is allowed by `whole`."""
    if whole.anything or part.anything:
        return whole.anything
    if part.opaque is not None or whole.opaque is not None:
        return part.opaque is not None and whole.opaque is not None and set(part.opaque) <= set(whole.opaque)
    if len(part.mask) != len(whole.mask) or len(part.value) != len(whole.value):
        return False
    bits = zip(part.value, part.mask, whole.value, whole.mask, strict=False)
    return all(mask & ~own == 0 and (value ^ must) & mask == 0 for value, own, must, mask in bits)
