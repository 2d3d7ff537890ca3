"""Signals by the names that people give them: MESSAGE.SIGNAL, or SIGNAL where that is clear."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from edge.can.dbc.model import Databases
from edge.config import UserError


class SignalNameError(UserError):
    """A name that is no signal's or several signals'; the text says what to say instead."""


def full_names(databases: Databases) -> dict[str, list[str]]:
    """The signals, as MESSAGE.SIGNAL, that each name may mean; a full name means itself."""
    known: dict[str, dict[str, None]] = {}
    for database, _ in databases:
        for message in database.messages.values():
            for signal in message.signals:
                full = f"{message.name}.{signal.name}"
                for name in (full, signal.name):
                    known.setdefault(name, {})[full] = None
    return {name: list(full) for name, full in known.items()}


def resolve_signals(databases: Databases, asked: Collection[str]) -> list[str]:
    """The names as MESSAGE.SIGNAL, in the order asked. Raises SignalNameError, naming the nearest ones."""
    known = full_names(databases)
    return [_resolve(known, name) for name in asked]


def _resolve(known: dict[str, list[str]], name: str) -> str:
    found: Sequence[str] = known.get(name, ())
    if not found:
        folded = {one.casefold(): one for one in known}
        close = difflib.get_close_matches(name.casefold(), folded, 3, 0.5)
        meant = ", ".join(folded[one] for one in close)
        hint = f"did you mean {meant}?" if close else "`icv dbc show FILE` lists them"
        raise SignalNameError(f"no signal {name} in the DBC files: {hint}")
    if len(found) > 1:
        raise SignalNameError(f"{name} is in several messages: say {' or '.join(found[:5])}")
    return found[0]
