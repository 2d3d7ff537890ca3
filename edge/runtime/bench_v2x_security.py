"""`icv bench v2x`, security: signed messages verified and signed, beside bare ECDSA and a peer in Python."""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Callable
from typing import Any

from edge.clock import now_ns
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile
from edge.v2x.moments import Now
from edge.v2x.security import Signer, Store, Verifier, issue, read_signed, sm2
from edge.v2x.security.algorithms import BY_NAME

REPEATS = 9
SENDERS = 30
SECONDS = 2
PEER_MESSAGES = 12
_CAM = 36
_PAYLOAD = bytes(range(200))
_BEGIN = Now(0, 1_800_000_000_000_000_000)


def security_figures(say: Callable[[str], None]) -> dict[str, Figure]:
    """Messages of 200 octets a second, in one thread, every one whole: read, all checks and ECDSA.

    30 senders at 10 Hz, each with its certificate once a second. In turns: ours, `cryptography` on the same
    signatures with keys that are loaded and hashes that are computed already, and python-ecdsa, which peers
    in Python use. The rates are medians; the ratios are of medians of the same run.
    """
    say("security: P-256 ...")
    sent = _sent("p256")
    signer, verify_bare, bare_count = _bare(sent)
    peer_verify, peer_sign = _peer()
    times = _in_turns(
        {
            "verify": (lambda: _verify_all(sent), len(sent[1])),
            "bare": (verify_bare, bare_count),
            "sign": (functools.partial(_sign_many, signer, 100), 100),
            "peer_verify": (peer_verify, PEER_MESSAGES),
            "peer_sign": (peer_sign, PEER_MESSAGES),
        }
    )
    figures = {
        "signed_rate": _rate("signed messages verified, every check", times["verify"]),
        "ecdsa_rate": _rate("bare ECDSA P-256 verified by cryptography", times["bare"]),
        "signed_share": Figure("signed receive, of bare ECDSA's speed", times["bare"] / times["verify"], "x"),
        "sign_rate": _rate("messages signed", times["sign"]),
        "signed_ratio": Figure(
            "signed receive, of python-ecdsa's bare verify", times["peer_verify"] / times["verify"], "x"
        ),
        "sign_ratio": Figure("signing, of python-ecdsa's", times["peer_sign"] / times["sign"], "x"),
    }
    if why := sm2.missing():
        say(f"security: SM2 left out: {why}")
        return figures
    say("security: SM2 ...")
    chinese = _sent("sm2")
    times = _in_turns(
        {
            "verify": (lambda: _verify_all(chinese), len(chinese[1])),
            "sign": (functools.partial(_sign_many, chinese[2], 20), 20),
        }
    )
    figures["sm2_signed_rate"] = _rate("messages signed with SM2 verified", times["verify"])
    figures["sm2_sign_rate"] = _rate("messages signed with SM2", times["sign"])
    return figures


def _sent(algorithm: str) -> tuple[Store, list[tuple[bytes, Now]], Signer]:
    """What a station hears, and one of those who send."""
    kind = BY_NAME[algorithm]
    root, authority = issue.make_root(kind, _BEGIN.utc_ns, 24)
    wishes = issue.Wishes(algorithm=kind, start_ns=_BEGIN.utc_ns, tickets=SENDERS)
    store = Store((root.certificate,), (authority.certificate,))
    tickets = issue.make_tickets(authority, wishes)
    signers = [Signer(Store(store.roots, store.authorities, (ticket,))) for ticket in tickets]
    packets = []
    for tenth in range(10 * SECONDS if algorithm == "p256" else 10):
        now = Now(tenth * 100_000_000, _BEGIN.utc_ns + tenth * 100_000_000)
        packets += [(signer.sign(_PAYLOAD, _CAM, now), now) for signer in signers]
    return store, packets, signers[0]


def _verify_all(sent: tuple[Store, list[tuple[bytes, Now]], Signer]) -> None:
    """By a station that has just begun, so that it meets every certificate for the first time."""
    store, packets, _ = sent
    verifier = Verifier(store)
    for data, now in packets:
        verifier.verify(read_signed(data), now, None, _CAM)


def _sign_many(signer: Signer, count: int) -> None:
    for n in range(count):
        signer.sign(_PAYLOAD, _CAM, Now(n, _BEGIN.utc_ns + n))


def _bare(sent: tuple[Store, list[tuple[bytes, Now]], Signer]) -> tuple[Signer, Callable[[], None], int]:
    """A signer, and the ECDSA alone of the same messages with `cryptography`, keys loaded and all hashed."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    scheme = ec.ECDSA(Prehashed(SHA256()))
    keys: dict[bytes, tuple[Any, bytes]] = {}
    work = []
    for data, _ in sent[1]:
        signed = read_signed(data)
        if signed.certificate is not None:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), signed.certificate.point)
            keys[signed.signer] = point, hashlib.sha256(signed.certificate.encoded).digest()
        key, above = keys[signed.signer]
        digest = hashlib.sha256(hashlib.sha256(signed.covered).digest() + above).digest()
        pair = (int.from_bytes(signed.r, "big"), int.from_bytes(signed.s, "big"))
        work.append((key, encode_dss_signature(*pair), digest))

    def run() -> None:
        for key, signature, digest in work:
            key.verify(signature, digest, scheme)

    return sent[2], run, len(work)


def _peer() -> tuple[Callable[[], None], Callable[[], None]]:
    """Verify and sign with python-ecdsa."""
    ecdsa = importlib.import_module("ecdsa")  # of the extra "bench", without types
    key = ecdsa.SigningKey.generate(curve=ecdsa.NIST256p, hashfunc=hashlib.sha256)
    public = key.verifying_key
    signature = key.sign(_PAYLOAD)

    def verify() -> None:
        for _ in range(PEER_MESSAGES):
            assert public.verify(signature, _PAYLOAD)

    def sign() -> None:
        for _ in range(PEER_MESSAGES):
            key.sign(_PAYLOAD)

    return verify, sign


def _in_turns(work: dict[str, tuple[Callable[[], None], int]]) -> dict[str, float]:
    """Medians of the seconds that one message takes, each in every turn."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(REPEATS):
        for name, (function, count) in work.items():
            begin_ns = now_ns()
            function()
            taken[name].append((now_ns() - begin_ns) / 1e9 / count)
    return {name: quantile(times, 0.5) for name, times in taken.items()}


def _rate(title: str, seconds: float) -> Figure:
    return Figure(title, 1 / seconds, "messages/s")
