"""What a check of this machine found."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

State = Literal["ok", "missing", "warning", "broken"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of `icv doctor`.

    state: "ok"; "missing": what needs it cannot be used, the rest works; "warning": it works, worse than it
    could; "broken": something that everything needs is not as it must be. advice: what to do, "" if nothing.
    """

    topic: str
    name: str
    state: State
    found: str
    advice: str = ""


def text_of(path: Path) -> str | None:
    """The text of a small file of the system, stripped; None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip("\0\n ")
    except OSError:
        return None


def number_of(path: Path) -> int | None:
    """The integer in a file of the system, in any notation of Python; None if there is none."""
    try:
        return int(text_of(path) or "", 0)
    except ValueError:
        return None
