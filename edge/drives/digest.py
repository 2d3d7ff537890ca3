"""One number for all that a drive decided: two replays agree if and only if their digests do."""

from __future__ import annotations

import hashlib

from edge.messages import Message, encode


class Digest:
    """SHA-256 over the outputs of the core, in order, each as `encode` gives it and a line feed."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def update(self, out: Message) -> None:
        """Add one output."""
        self.update_encoded(encode(out))

    def update_encoded(self, data: bytes) -> None:
        """Add one output that is already encoded."""
        self._hash.update(data)
        self._hash.update(b"\n")

    def hexdigest(self) -> str:
        """The digest so far, 64 hexadecimal digits."""
        return self._hash.hexdigest()
