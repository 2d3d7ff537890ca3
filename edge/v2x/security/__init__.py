"""Signed messages: IEEE 1609.2 and ETSI TS 103 097, and SM2 for China.

`load` a directory that `icv v2x pki` made; a `Signer` signs, `read_signed` reads without cryptography, a
`Verifier` checks, and `Waiting` holds what there is no time for. ECDSA needs the extra "security".
"""

from edge.v2x.security.algorithms import SecurityError
from edge.v2x.security.requests import Requests
from edge.v2x.security.signed import Place, Signed, read_signed
from edge.v2x.security.signer import Signer
from edge.v2x.security.store import Store, Ticket, load
from edge.v2x.security.verifier import Verifier
from edge.v2x.security.waiting import Waiting

__all__ = [
    "Place",
    "Requests",
    "SecurityError",
    "Signed",
    "Signer",
    "Store",
    "Ticket",
    "Verifier",
    "Waiting",
    "load",
    "read_signed",
]
