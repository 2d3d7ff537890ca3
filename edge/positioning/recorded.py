"""Positions that others have recorded: CSV tables and NMEA text files."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from pathlib import Path

import msgspec

from edge.config import UserError
from edge.messages import Gap, Message, Position
from edge.positioning.inlet import LineInlet, Record
from edge.positioning.nmea import NmeaError, Sentence, parse

_DAY_NS = 86_400_000_000_000
_COLUMNS = ("t_unix_s", "latitude_deg", "longitude_deg")


class RecordedError(UserError):
    """A file that cannot be used: which, why, and what to do."""


def open_recorded(
    path: str | Path,
    start_ns: int,
    start_unix_s: float | None = None,
    name: str = "gnss",
    record: Record | None = None,
) -> tuple[CsvInlet | LineInlet, int]:
    """An inlet for a .csv table, or for a text file of NMEA lines, and the time of its last position or line.

    start_ns on our clock is start_unix_s of the file; without it, the first time in the file. Raises
    RecordedError.
    """
    if Path(path).suffix.lower() == ".csv":
        table = CsvInlet(path, start_unix_s, start_ns, name)
        return table, table.end_ns
    lines = nmea_lines(path, start_ns, start_unix_s)
    return LineInlet(name, lines, record), lines[-1][0]


def nmea_lines(path: str | Path, start_ns: int, start_unix_s: float | None = None) -> list[tuple[int, bytes]]:
    """The lines of an NMEA text file with their times, from the dates in RMC and the times in all.

    Lines before the first time are given the first. Raises RecordedError if no sentence has a time.
    """
    try:
        lines = [line for line in Path(path).read_bytes().splitlines() if line.strip()]
    except OSError as error:
        raise RecordedError(f"{path}: cannot be read: {error.strerror}") from None
    sentences = [_sentence(line) for line in lines]
    days = (sentence.day_ns for sentence in sentences if sentence and sentence.day_ns is not None)
    day_ns = next(days, int(start_unix_s or 0) // 86_400 * _DAY_NS)
    stamps: list[int | None] = []
    utc_ns: int | None = None
    for sentence in sentences:
        if sentence and sentence.time_ns is not None:
            if sentence.day_ns is not None:
                day_ns = sentence.day_ns
            elif utc_ns is not None and utc_ns - day_ns - sentence.time_ns > _DAY_NS // 2:
                day_ns += _DAY_NS  # past midnight, and no RMC has said so yet
            utc_ns = day_ns + sentence.time_ns
        stamps.append(utc_ns)
    first_ns = next((stamp for stamp in stamps if stamp is not None), None)
    if first_ns is None:
        raise RecordedError(f"{path}: no NMEA sentence with a time in it; is it a recording of a receiver?")
    zero_ns = first_ns if start_unix_s is None else _unix_ns(repr(start_unix_s))
    return [
        (start_ns + (first_ns if stamp is None else stamp) - zero_ns, line)
        for stamp, line in zip(stamps, lines, strict=True)
    ]


def _sentence(line: bytes) -> Sentence | None:
    try:
        return parse(line.decode("ascii", errors="replace").strip())
    except NmeaError:
        return None


class CsvInlet:
    """Positions of a table: t_unix_s, latitude_deg, longitude_deg; also altitude_m, speed_mps, bearing_deg.

    start_ns on our clock is start_unix_s of the table; None: its first row. An empty field is unknown; rows
    that cannot be read are a Gap "row", and `bad` says which (file, line, why). Rows before start_ns come
    with the first poll. Raises RecordedError if the table cannot be used at all.
    """

    def __init__(
        self, path: str | Path, start_unix_s: float | None, start_ns: int, name: str = "gnss"
    ) -> None:
        self.name = name
        self.bad: Counter[str] = Counter()
        rows = _rows(path, name, self.bad)
        zero_ns = rows[0].t_ns if start_unix_s is None else _unix_ns(repr(start_unix_s))
        self._rows = rows
        self._shift_ns = start_ns - zero_ns
        self.end_ns = rows[-1].t_ns + self._shift_ns
        self._next = 0
        self._told = False

    def fileno(self) -> int | None:
        """None: there is nothing to wait on."""
        return None

    def poll(self, now_ns: int) -> Sequence[Message]:
        """The rows up to now."""
        out: list[Message] = []
        if not self._told and self.bad:
            out.append(Gap(t_ns=now_ns, source=self.name, reason="row", count=self.bad.total()))
        self._told = True
        while self._next < len(self._rows) and self._rows[self._next].t_ns + self._shift_ns <= now_ns:
            row = self._rows[self._next]
            out.append(_at(row, row.t_ns + self._shift_ns))
            self._next += 1
        return out

    def close(self) -> None:
        """Nothing is said any more."""
        self._next = len(self._rows)


def _at(position: Position, t_ns: int) -> Position:
    return msgspec.structs.replace(position, t_ns=t_ns)


def _rows(path: str | Path, name: str, bad: Counter[str]) -> list[Position]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            table = csv.DictReader(file)
            missing = [column for column in _COLUMNS if column not in (table.fieldnames or ())]
            if missing:
                raise RecordedError(
                    f"{path}: lacks the column {missing[0]}; needed are {', '.join(_COLUMNS)}"
                )
            rows = []
            for row in table:
                try:
                    rows.append(_position(row, name))
                except (ValueError, InvalidOperation, TypeError) as error:
                    bad[f"{path}:{table.line_num}: {error or 'not a number'}"] += 1
    except OSError as error:
        raise RecordedError(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise RecordedError(f"{path}: not a CSV table: {error}") from None
    if not rows:
        raise RecordedError(f"{path}: no row with a position in it")
    return sorted(rows, key=lambda row: row.t_ns)


def _position(row: dict[str, str], name: str) -> Position:
    utc_ns = _unix_ns(row["t_unix_s"])
    latitude_deg, longitude_deg = float(row["latitude_deg"]), float(row["longitude_deg"])
    if not (-90 <= latitude_deg <= 90 and -180 <= longitude_deg <= 180):
        raise ValueError(f"no place: {latitude_deg}, {longitude_deg}")
    return Position(
        t_ns=utc_ns,
        source=name,
        latitude_deg=latitude_deg,
        longitude_deg=longitude_deg,
        altitude_m=_number(row.get("altitude_m")),
        speed_mps=_number(row.get("speed_mps")),
        heading_deg=_number(row.get("bearing_deg")),
        utc_ns=utc_ns,
    )


def _unix_ns(text: str) -> int:
    """Exact: a float holds today's date to 0.2 us only."""
    seconds = Decimal(text)
    if not 0 <= seconds < 1 << 33:
        raise ValueError(f"no time since 1970: {text}")
    return int(seconds * 1_000_000_000)


def _number(text: str | None) -> float | None:
    if text is None or not text.strip():
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"not a number: {text}")
    return value
