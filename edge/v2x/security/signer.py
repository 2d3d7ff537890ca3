"""Our own messages signed: with the certificate once a second, else with its digest (TS 103 097, 7.1)."""

from __future__ import annotations

from edge.v2x.moments import Now
from edge.v2x.security.requests import Requests
from edge.v2x.security.signed import BSM, CAM, DENM, Place, write_covered, write_signed
from edge.v2x.security.store import Store, Ticket
from edge.v2x.uper import CodecError

CERTIFICATE_EVERY_NS = 1_000_000_000

_WHERE = "own certificate"
_PRESENCE = frozenset((CAM, BSM))


class Signer:
    """Signs with one ticket of the store until told to change it.

    requests: the Verifier's, so that certificates that it misses are asked for in CAMs and BSMs, and those
    that others ask for are sent. DENMs carry certificate and place always; other messages the certificate
    once a second, counted for each application.
    """

    def __init__(self, store: Store, requests: Requests | None = None) -> None:
        self._tickets = store.tickets
        self._authorities = store.authorities
        self._requests = requests or Requests()
        self._hashes = [each.certificate.algorithm.hash(each.certificate.encoded) for each in store.tickets]
        self._current = 0
        self._shown_ns: dict[int, int] = {}

    @property
    def digest(self) -> str:
        """HashedId8 of the ticket in use, 16 hex digits."""
        return self._tickets[self._current].certificate.digest.hex()

    def change(self) -> str:
        """Sign with the next ticket from now on; its digest. With one ticket alone it stays the same."""
        self._current = (self._current + 1) % len(self._tickets)
        self._shown_ns.clear()
        return self.digest

    def sign(
        self, payload: bytes, aid: int, now: Now, place: Place | None = None, altitude_m: float | None = None
    ) -> bytes:
        """Ieee1609Dot2Data around a payload; place: where we are, 0.1 microdegree, which a DENM must have.

        Raises CodecError: "expired" when no ticket is good now, "permission" where ours are not for this
        application, "unencodable" for a DENM without a place.
        """
        ticket = self._valid(now.utc_ns)
        certificate = ticket.certificate
        if aid not in certificate.permissions:
            raise CodecError(_WHERE, f"is not for application {aid}", "permission")
        event = aid == DENM
        if event and place is None:
            raise CodecError(_WHERE, "a DENM is signed with the place where we are", "unencodable")
        wanted: tuple[bytes, ...] = ()
        brought = None
        requests = self._requests
        whole = event or requests.is_asked(certificate.digest)
        shown_ns = self._shown_ns.get(aid)
        if shown_ns is None or now.t_ns - shown_ns >= CERTIFICATE_EVERY_NS:
            whole = True
        if aid in _PRESENCE:
            wanted = requests.take_missing()
            if not whole:
                brought = next((a.encoded for a in self._authorities if requests.is_asked(a.digest)), None)
        if whole and not event:
            self._shown_ns[aid] = now.t_ns
        covered = write_covered(
            payload, aid, now.utc_ns, place if event else None, altitude_m, wanted, brought
        )
        r, s = ticket.key.sign(covered, self._hashes[self._current])
        return write_signed(covered, certificate, whole, r, s)

    def _valid(self, utc_ns: int) -> Ticket:
        """The ticket in use, or the next that is good now."""
        for _ in self._tickets:
            ticket = self._tickets[self._current]
            if ticket.certificate.start_ns <= utc_ns < ticket.certificate.end_ns:
                return ticket
            self.change()
        raise CodecError(_WHERE, "no ticket is good now: icv v2x pki makes new ones", "expired")
