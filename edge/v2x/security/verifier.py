"""Whether a signed message is to be believed: IEEE 1609.2-2022 clause 5.2, ETSI TS 103 097 clause 7.1."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from edge.config import V2xSecurity
from edge.v2x.moments import Now
from edge.v2x.security import ssp
from edge.v2x.security.certificate import Certificate, read_certificate
from edge.v2x.security.chain import Chain, Known
from edge.v2x.security.region import Region
from edge.v2x.security.requests import Requests
from edge.v2x.security.signed import DENM, Place, Signed
from edge.v2x.security.store import Store
from edge.v2x.uper import CodecError

_WHERE = "signed message"
_EVENTS = frozenset((DENM,))


class Verifier:
    """Checks signed messages, and remembers whose certificates are good and what has been heard.

    `requests` tells the Signer what to ask for and to answer. Raises SecurityError where a library is missing
    that the store's keys need.
    """

    def __init__(
        self, store: Store, settings: V2xSecurity | None = None, requests: Requests | None = None
    ) -> None:
        settings = settings or V2xSecurity()
        self.requests = requests or Requests()
        self._chain = Chain(store.roots, store.authorities)
        self._known: OrderedDict[bytes, Known] = OrderedDict()
        self._most_known = settings.certificates
        self._replays = _Replays(settings.replays)
        self._event_replays = _Replays(settings.replays)
        self._age_ns = round(settings.max_age_s * 1e9)
        self._event_age_ns = round(settings.max_event_age_s * 1e9)
        self._ahead_ns = round(settings.max_ahead_s * 1e9)
        self._countries = settings.countries

    def knows(self, signer: bytes) -> bool:
        """Whether the certificate of this HashedId8 has been checked."""
        return signer in self._known

    def check(self, signed: Signed, now: Now, place: Place | None = None, aid: int | None = None) -> bytes:
        """All that costs no verifying: a message that is refused here need not wait for its turn.

        Arguments and errors as of `verify`; returns what `confirm` goes on with. The forged mostly pass.
        """
        generated_ns = signed.generated_ns
        if generated_ns is None:
            raise CodecError(_WHERE, "it does not say when it was generated", "profile")
        event = signed.aid in _EVENTS
        age_ns = now.utc_ns - generated_ns
        if age_ns > (self._event_age_ns if event else self._age_ns):
            raise CodecError(_WHERE, f"it is {age_ns / 1e9:.1f} s old", "expired")
        if -age_ns > self._ahead_ns:
            raise CodecError(_WHERE, f"it comes from {-age_ns / 1e9:.1f} s ahead", "future")
        if signed.expires_ns is not None and now.utc_ns >= signed.expires_ns:
            raise CodecError(_WHERE, "it says that it has expired", "expired")
        if event and signed.place is None:
            raise CodecError(_WHERE, "an event without a place of generation", "profile")
        known = self._known.get(signed.signer)
        certificate = known.certificate if known else self._newcomer(signed)
        if signed.aid not in certificate.permissions or (aid is not None and aid != signed.aid):
            raise CodecError(_WHERE, f"its signer may not use application {signed.aid} here", "permission")
        if known:
            self._within(known, known.regions, generated_ns, signed.place or place)
        else:
            regions = () if certificate.region is None else (certificate.region,)
            self._within(certificate, regions, generated_ns, signed.place or place)
        algorithm = certificate.algorithm
        if signed.algorithm is not algorithm or signed.hash_number != algorithm.hash_number:
            raise CodecError(_WHERE, "signature and key are of different kinds", "forged")
        covered = algorithm.hash(signed.covered)
        if signed.signer + covered in (self._event_replays if event else self._replays):
            raise CodecError(_WHERE, "it has been heard before", "replayed")
        return covered

    def verify(self, signed: Signed, now: Now, place: Place | None = None, aid: int | None = None) -> str:
        """The signer, 16 hex digits of its HashedId8.

        place: where the sender says that it is, for messages that do not say where they were generated; aid:
        what the network layer says that this is. Raises CodecError, reason:

        "expired", "future": the message, or its certificate at that time; "profile": no time or place where
        its kind must have one; "unknown signer": a digest whose certificate has not been heard;
        "untrusted": a certificate that leads to no root; "permission": not for this application; "region":
        outside of where the certificate is good, or nobody says where; "replayed"; "forged".
        """
        return self.confirm(signed, self.check(signed, now, place, aid), place)

    def confirm(self, signed: Signed, covered: bytes, place: Place | None = None) -> str:
        """The rest of `verify` for what `check` has let pass, with what that gave."""
        known = self._known.get(signed.signer)
        if known is None:
            known = self._introduce(self._newcomer(signed), signed.above)
        self._within(known, known.regions, signed.generated_ns or 0, signed.place or place)
        replays = self._event_replays if signed.aid in _EVENTS else self._replays
        if signed.signer + covered in replays:  # or meanwhile
            raise CodecError(_WHERE, "it has been heard before", "replayed")
        if not known.key.verify(signed.covered, covered, known.hash, signed.r, signed.s):
            raise CodecError(_WHERE, "its signature is wrong", "forged")
        replays.add(signed.signer + covered)
        if signed.wanted or signed.brought:
            self._exchange(signed)
        return signed.signer.hex()

    def check_content(self, signer: str, message: str, aid: int, value: Any) -> None:
        """Raises CodecError "permission" where a verified signer may not say what its CAM or DENM says."""
        bits = ssp.needed(message, value)
        if not bits:
            return
        known = self._known.get(bytes.fromhex(signer))
        granted = known.certificate.permissions.get(aid) if known else None
        if granted is None or not ssp.allows(message, granted, bits):
            raise CodecError(message, f"its signer may not say this (SSP bits {bits:#x})", "permission")

    def _newcomer(self, signed: Signed) -> Certificate:
        """The certificate of one that is not known yet, if it came and names an authority that is."""
        certificate = signed.certificate
        if certificate is None:
            self.requests.miss(signed.signer)
            raise CodecError(_WHERE, f"the certificate {signed.signer.hex()} has not come", "unknown signer")
        top = signed.above[-1] if signed.above else certificate
        if not self._chain.has(certificate.issuer) and not self._chain.has(top.issuer or top.digest):
            if certificate.issuer is not None:
                self.requests.miss(certificate.issuer)
            raise CodecError(_WHERE, "its certificate is of no authority that is known", "untrusted")
        return certificate

    def _introduce(self, certificate: Certificate, above: tuple[Certificate, ...]) -> Known:
        """Check a certificate that came with a message, and remember it."""
        if not self._chain.has(certificate.issuer):
            for authority in reversed(above):
                self._chain.learn(authority)
        known = self._chain.check(certificate)
        self._known[certificate.digest] = known
        self.requests.found(certificate.digest)
        if len(self._known) > self._most_known:
            self._known.popitem(last=False)
        return known

    def _within(
        self,
        time: Known | Certificate,
        regions: tuple[Region, ...],
        generated_ns: int,
        place: Place | None,
    ) -> None:
        """Whether a certificate is good at this time and place."""
        if not time.start_ns <= generated_ns < time.end_ns:
            over = generated_ns >= time.end_ns
            when = "is over" if over else "had not begun"
            raise CodecError(_WHERE, f"the time of its certificate {when}", "expired" if over else "future")
        if not regions:
            return
        if place is None:
            raise CodecError(_WHERE, "its certificate is for a region and nobody says where it is", "region")
        if not all(region.contains(place, self._countries) for region in regions):
            raise CodecError(_WHERE, f"{place[0] / 1e7:.5f}, {place[1] / 1e7:.5f} is outside", "region")

    def _exchange(self, signed: Signed) -> None:
        """What a trusted station asks for, or brings for others."""
        for short in signed.wanted:
            self.requests.asked(short)
        if signed.brought is not None:
            authority = read_certificate(signed.brought)
            try:
                self._chain.learn(authority)
            except CodecError:
                return  # of a root that we do not trust: of no use, and no fault of the message
            self.requests.found(authority.digest)


class _Replays:
    """Messages that have been verified, by signer and hash of what was signed: the newest, at most so many.

    At least half of that: what is kept is two halves, of which the older is dropped when the newer is full.
    Not by the signature: (r, s) and (r, n - s) both sign the same.
    """

    def __init__(self, most: int) -> None:
        self._least = max(most // 2, 1)
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()

    def __contains__(self, what: bytes) -> bool:
        return what in self._new or what in self._old

    def add(self, what: bytes) -> None:
        self._new.add(what)
        if len(self._new) >= self._least:
            self._old, self._new = self._new, set()
