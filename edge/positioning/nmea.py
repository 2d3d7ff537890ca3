"""NMEA 0183 sentences to Position: one for each epoch, from its RMC, GGA and GST.

RMC gives date, speed and course, GGA altitude and satellites, GST the accuracy; each alone makes a Position
with the rest unknown. Talkers are not told apart: $GP, $GN, $BD and all others.
"""

from __future__ import annotations

import datetime
import math
import re
from collections import Counter

import msgspec

from edge.messages import Position

MAX_SENTENCE = 256
"""Characters. The standard says 82; receivers write longer ones."""

_KNOT_MPS = 1852 / 3600
_SENTENCE = re.compile(r"\$([A-Z0-9]{5},[\x20-\x7e]*)\*([0-9A-Fa-f]{2})\s*\Z")
_NUMBER = re.compile(r"-?\d+(?:\.\d*)?\Z", re.ASCII)
_TIME = re.compile(r"(\d\d)(\d\d)(\d\d)(?:\.(\d{1,9})\d*)?\Z", re.ASCII)
_DATE = re.compile(r"(\d\d)(\d\d)(\d\d)\Z", re.ASCII)
_ANGLE = re.compile(r"(\d{1,3})(\d\d(?:\.\d*)?)\Z", re.ASCII)


class NmeaError(Exception):
    """No sentence, or one whose fields are impossible; the text is the reason for counting."""


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    """What an RMC, GGA or GST says. time_ns: since midnight UTC; valid: the receiver trusts the fix."""

    kind: str
    time_ns: int | None = None
    valid: bool = False
    day_ns: int | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None
    altitude_m: float | None = None
    geoid_separation_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    satellites: int | None = None


def parse(line: str) -> Sentence | None:
    """One line; None for sentences of another kind. Raises NmeaError: "no sentence", "checksum", "fields"."""
    if line.startswith(("$P", "!")):  # of a maker's own, or encapsulated
        return None
    found = _SENTENCE.match(line)
    if not found or len(line) > MAX_SENTENCE:
        raise NmeaError("no sentence")
    body = found.group(1)
    checksum = 0
    for character in body.encode("ascii"):
        checksum ^= character
    if checksum != int(found.group(2), 16):
        raise NmeaError("checksum")
    fields = body.split(",")
    reader = _READERS.get(fields[0][2:])
    if reader is None:
        return None
    kind, least, read = reader
    if len(fields) < least:
        raise NmeaError("fields")
    return read(kind, fields)


def _rmc(kind: str, f: list[str]) -> Sentence:
    mode = f[12] if len(f) > 12 else "A"
    speed_kn, latitude, longitude = _number(f[7]), _angle(f[3], f[4], "NS", 90), _angle(f[5], f[6], "EW", 180)
    return Sentence(
        kind=kind,
        time_ns=_time_ns(f[1]),
        valid=f[2] == "A" and mode != "N" and latitude is not None and longitude is not None,
        day_ns=_day_ns(f[9]),
        latitude_deg=latitude,
        longitude_deg=longitude,
        speed_mps=None if speed_kn is None else speed_kn * _KNOT_MPS,
        heading_deg=_heading_deg(f[8]),
    )


def _gga(kind: str, f: list[str]) -> Sentence:
    latitude, longitude = _angle(f[2], f[3], "NS", 90), _angle(f[4], f[5], "EW", 180)
    satellites = _number(f[7])
    return Sentence(
        kind=kind,
        time_ns=_time_ns(f[1]),
        valid=f[6] not in ("", "0") and latitude is not None and longitude is not None,
        latitude_deg=latitude,
        longitude_deg=longitude,
        altitude_m=_number(f[9]),
        geoid_separation_m=_number(f[11]) if len(f) > 11 else None,
        satellites=None if satellites is None else int(satellites),
    )


def _gst(kind: str, f: list[str]) -> Sentence:
    north_m, east_m = _number(f[6]), _number(f[7])
    known = north_m is not None and east_m is not None
    return Sentence(
        kind=kind,
        time_ns=_time_ns(f[1]),
        accuracy_m=math.hypot(north_m, east_m) if known else None,  # type: ignore[arg-type]
    )


_READERS = {"RMC": ("RMC", 10, _rmc), "GGA": ("GGA", 10, _gga), "GST": ("GST", 8, _gst)}


def _number(text: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.match(text):
        raise NmeaError("fields")
    return float(text)


def _heading_deg(text: str) -> float | None:
    course = _number(text)
    if course is not None and not 0 <= course <= 360:
        raise NmeaError("fields")
    return None if course is None else course % 360


def _angle(text: str, side: str, sides: str, limit: float) -> float | None:
    """Degrees and minutes, [d]ddmm.mmm."""
    if not text and not side:
        return None
    found = _ANGLE.match(text)
    if not found or len(side) != 1 or side not in sides:
        raise NmeaError("fields")
    minutes = float(found.group(2))
    angle = int(found.group(1)) + minutes / 60
    if minutes >= 60 or angle > limit:
        raise NmeaError("fields")
    return angle if side == sides[0] else -angle


def _time_ns(text: str) -> int | None:
    if not text:
        return None
    found = _TIME.match(text)
    if not found:
        raise NmeaError("fields")
    hour, minute, second = (int(part) for part in found.groups()[:3])
    if hour > 23 or minute > 59 or second > 60:  # 60: a leap second
        raise NmeaError("fields")
    return ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + int((found.group(4) or "0").ljust(9, "0"))


def _day_ns(text: str) -> int | None:
    if not text:
        return None
    found = _DATE.match(text)
    if not found:
        raise NmeaError("fields")
    day, month, year = (int(part) for part in found.groups())
    try:
        date = datetime.date(2000 + year if year < 80 else 1900 + year, month, day)
    except ValueError:
        raise NmeaError("fields") from None
    return (date - datetime.date(1970, 1, 1)).days * 86_400_000_000_000


class Epochs:
    """Lines in, one Position for each epoch out; bad: lines that were none, by reason.

    An epoch is the sentences with the same time of day. It is over when it has every kind that the one before
    had, so no Position waits for the next second; or, while the kinds change, when the time does. A Position
    carries the time at which the first sentence of its epoch came.
    """

    def __init__(self, source: str) -> None:
        self.bad: Counter[str] = Counter()
        self.fix: bool | None = None
        self._source = source
        self._expected: set[str] = set()
        self._said: dict[str, Sentence] = {}
        self._time_ns: int | None = None
        self._began_ns = 0
        self._done = False

    def take(self, t_ns: int, line: str) -> list[Position]:
        """One line, received at t_ns. At most two positions; never raises."""
        try:
            sentence = parse(line)
        except NmeaError as error:
            self.bad[str(error)] += 1
            return []
        if sentence is None:
            return []
        out: list[Position] = []
        if sentence.time_ns is None or sentence.time_ns != self._time_ns or sentence.kind in self._said:
            out += self._end()
            self._expected = set(self._said)
            self._said, self._time_ns, self._began_ns, self._done = {}, sentence.time_ns, t_ns, False
        self._said[sentence.kind] = sentence
        if self._expected and self._expected <= set(self._said):
            out += self._end()
        return out

    def _end(self) -> list[Position]:
        if self._done or not self._said:
            return []
        self._done = True
        position = self._position()
        self.fix = position is not None
        return [] if position is None else [position]

    def _position(self) -> Position | None:
        rmc, gga, gst = (self._said.get(kind) for kind in ("RMC", "GGA", "GST"))
        fixes = [sentence for sentence in (gga, rmc) if sentence is not None]
        if not fixes or not all(sentence.valid for sentence in fixes):
            return None
        best = fixes[0]
        assert best.latitude_deg is not None
        assert best.longitude_deg is not None
        dated = rmc is not None and rmc.day_ns is not None and rmc.time_ns is not None
        return Position(
            t_ns=self._began_ns,
            source=self._source,
            latitude_deg=best.latitude_deg,
            longitude_deg=best.longitude_deg,
            altitude_m=gga.altitude_m if gga else None,
            geoid_separation_m=gga.geoid_separation_m if gga else None,
            speed_mps=rmc.speed_mps if rmc else None,
            heading_deg=rmc.heading_deg if rmc else None,
            accuracy_m=gst.accuracy_m if gst else None,
            satellites=gga.satellites if gga else None,
            utc_ns=rmc.day_ns + rmc.time_ns if dated else None,  # type: ignore[union-attr, operator]
        )
