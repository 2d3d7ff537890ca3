"""--dbc FILE or --dbc BUS=FILE, as several verbs take it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.can.dbc import Database


def dbc_files(given: Sequence[str]) -> list[tuple[str | None, str]]:
    """Bus, None for every bus, and file of each."""
    return [(bus or None, path) for bus, _, path in (one.rpartition("=") for one in given)]


def databases_of(given: Sequence[str]) -> list[tuple[Database, str | None]]:
    """The files read, each with its bus. Raises DbcError."""
    from edge.can.dbc import read_database

    return [(read_database(path), bus) for bus, path in dbc_files(given)]
