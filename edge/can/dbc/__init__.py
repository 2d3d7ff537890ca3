"""CAN databases: DBC files, read by us with tolerance; ARXML, KCD and SYM through cantools.

A DBC that was read before comes from a cache, by its content.
"""

from __future__ import annotations

import gc
from pathlib import Path

from edge.can.dbc import cache as dbc_cache
from edge.can.dbc.foreign import SUFFIXES, read_foreign
from edge.can.dbc.join import join
from edge.can.dbc.model import (
    AttributeDefinition,
    Database,
    Databases,
    DbcError,
    Defect,
    Message,
    Node,
    Signal,
    pgn_of,
)  # fmt: skip
from edge.can.dbc.parse import parse
from edge.can.dbc.text import decode

__all__ = [
    "AttributeDefinition", "Database", "Databases", "DbcError", "Defect", "Message", "Node", "Signal",
    "parse_dbc", "pgn_of", "read_database", "read_dbc",
]  # fmt: skip

_MAX_BYTES = 256 << 20
_USUAL_BYTES = 1 << 18


def read_dbc(path: str | Path, cache: bool = True) -> Database:
    """A DBC file in any of the encodings of dbc.text.decode. Raises DbcError if it cannot be read or is none.

    cache: look in ~/.cache/icv-edge for what an equal file gave, and leave it there.
    """
    try:
        with open(path, "rb") as file:
            raw = file.read(_USUAL_BYTES)
            if len(raw) == _USUAL_BYTES:
                raw += file.read(_MAX_BYTES + 1 - _USUAL_BYTES)
    except (OSError, ValueError) as error:
        raise DbcError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(raw) > _MAX_BYTES:
        raise DbcError(f"{path}: larger than {_MAX_BYTES >> 20} MB: not a DBC file")
    kept = dbc_cache.place(raw) if cache else None
    if kept and (database := dbc_cache.load(kept, str(path))):
        return database
    text, encoding, trouble = decode(raw)
    database = _parsed(text, str(path), encoding, trouble)
    if kept:
        dbc_cache.save(kept, database)
    return database


def parse_dbc(text: str, path: str = "<dbc>") -> Database:
    """The text of a DBC file. Raises DbcError if nothing in it is of the format."""
    return _parsed(text, path, "", None)


def read_database(path: str | Path) -> Database:
    """A DBC file, or an ARXML, KCD or SYM file by its suffix. Raises DbcError."""
    return read_foreign(path) if Path(path).suffix.lower() in SUFFIXES else read_dbc(path)


def _parsed(text: str, path: str, encoding: str, trouble: str | None) -> Database:
    collects = gc.isenabled()
    gc.disable()  # all that is made here stays: to walk it again and again costs a quarter of the time
    try:
        drafts = parse(text)
        if drafts.empty:
            raise DbcError(f"{path}: not a DBC file: {_what_else(text)}")
        if trouble:
            drafts.defects.append(Defect(1, f"encoding: {trouble}"))
        return join(drafts, path, encoding)
    finally:
        if collects:
            gc.enable()


def _what_else(text: str) -> str:
    """What a text is that is no DBC."""
    start = text[:2000].lstrip("\ufeff \t\r\n").lower()
    if not start:
        return "it is empty"
    if start.startswith(("<!doctype html", "<html")) or "<html" in start:
        return "it is an HTML page; download the raw file instead of the page that shows it"
    if "\0" in text[:100_000]:
        return "it is binary"
    if start.startswith("<?xml"):
        return "it is XML; an ARXML or KCD file needs its own suffix"
    return "it defines no message (BO_), nor is any other line of the format in it"
