"""Certificates that someone asks for in signed messages (peer-to-peer distribution, IEEE 1609.2 clause 8)."""

from __future__ import annotations

from collections import OrderedDict

_MOST = 8


class Requests:
    """Which certificates we miss, and which others ask for, by HashedId3: a Verifier learns, a Signer says.

    Bounded: the oldest are forgotten.
    """

    def __init__(self) -> None:
        self._missing: OrderedDict[bytes, None] = OrderedDict()
        self._asked: OrderedDict[bytes, None] = OrderedDict()

    def miss(self, digest: bytes) -> None:
        """A message came whose signer or issuer of this HashedId8 is not known."""
        _note(self._missing, digest[-3:])

    def asked(self, short: bytes) -> None:
        """A trusted station asks for this certificate."""
        _note(self._asked, short)

    def found(self, digest: bytes) -> None:
        """The certificate has been heard: nobody need ask or answer."""
        self._missing.pop(digest[-3:], None)
        self._asked.pop(digest[-3:], None)

    def is_asked(self, digest: bytes) -> bool:
        """Whether someone waits for this certificate; then it is to be sent, and is asked for no more."""
        return self._asked.pop(digest[-3:], 0) is None

    def take_missing(self) -> tuple[bytes, ...]:
        """What to ask for now, once."""
        missing = tuple(self._missing)
        self._missing.clear()
        return missing


def _note(kept: OrderedDict[bytes, None], short: bytes) -> None:
    kept[short] = None
    if len(kept) > _MOST:
        kept.popitem(last=False)
