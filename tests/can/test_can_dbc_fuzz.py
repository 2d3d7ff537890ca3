"""Real DBC files, damaged: a database or an error, never anything else."""

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.can.dbc import DbcError, parse_dbc
from edge.can.dbc.text import decode

opendbc = pytest.importorskip("opendbc")

SOURCES = [
    path.read_text(encoding="utf-8", errors="replace")
    for path in sorted((Path(opendbc.__file__).parent / "dbc").rglob("*.dbc"))
    if path.stat().st_size < 20_000
]


@pytest.mark.fuzz
@given(st.integers(0, 2**32), st.integers(1, 30))
def test_damaged_real_files_give_a_database_or_an_error(seed, wounds):
    chance = random.Random(seed)
    text = chance.choice(SOURCES)
    for _ in range(wounds):
        at = chance.randrange(len(text) + 1)
        to = min(len(text), at + chance.choice([0, 1, 3, 100]))
        other = chance.choice(SOURCES)
        piece = chance.randrange(len(other))
        new = chance.choice([
            "", '"', ";", "\n", " ", "\\", "0", "-", "99999999999999999999", "M", "m", "\0", "\u00e4",
            other[piece : piece + chance.choice([5, 200])],
        ])  # fmt: skip
        text = text[:at] + new + text[to:]
    raw = text.encode(chance.choice(["utf-8", "utf-16", "gb18030"]))
    try:
        database = parse_dbc(decode(raw)[0])
    except DbcError:
        return
    assert msgspec.msgpack.encode(database)  # as the cache does
    lines = len(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    for defect in database.found:
        assert 1 <= defect.line <= lines
    for message in database.messages.values():
        names = {signal.name for signal in message.signals}
        assert len(names) == len(message.signals)
        assert all(signal.chosen_by is None or signal.chosen_by[0] in names for signal in message.signals)
        assert all(0 < signal.length <= 64 and signal.scale for signal in message.signals)
