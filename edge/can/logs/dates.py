"""Dates as textual logs write them; without a zone they are taken as UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan gen ene", "feb fév fev", "mar mär mrz mae", "apr avr abr", "may mai mag maj", "jun jui giu",
            "jul lug", "aug aoû aou ago", "sep set", "oct okt ott out", "nov", "dec dez déc dic",
        ), start=1,
    )
    for name in names.split()
}  # fmt: skip
"""First letters of the months in English, German, French, Italian, Spanish, Portuguese and Swedish."""

_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?(?:\s*([ap])\.?m\b)?", re.IGNORECASE)
_YEAR = re.compile(r"(?<!\d)(?:19|20|21)\d\d(?!\d)")
_DAY = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")


def parse_date(text: str) -> int | None:
    """ns since 1970 of "Sam Sep 30 10:06:13.191 pm 2017", "Wed, 08 Nov 2023 21:17:01 GMT" and the like: the
    month by name, day, clock and year in any order. None where one of them is missing or impossible."""
    clock = _CLOCK.search(text)
    if not clock:
        return None
    rest = f"{text[: clock.start()]} {text[clock.end() :]}"
    year = _YEAR.search(rest)
    if not year:
        return None
    rest = f"{rest[: year.start()]} {rest[year.end() :]}"
    day, month = _DAY.search(rest), _month(rest)
    if not day or not month:
        return None
    hour, minute, second, fraction, half = clock.groups()
    hours = int(hour)
    if half and hours <= 12:
        hours = hours % 12 + (12 if half in "pP" else 0)
    return _ns(int(year[0]), month, int(day[0]), hours, int(minute), int(second), fraction)


def _month(text: str) -> int | None:
    words = _WORD.findall(text.lower())
    if words and len(words) > 1:
        words = words[1:] + words[:1]  # the first is the day of the week, and "Mar" is a Tuesday too
    for word in words:
        if word[:4] in ("juil", "luglio"):
            return 7
        if word[:3] in _MONTHS:
            return _MONTHS[word[:3]]
    return None


_NUMERIC = (
    re.compile(r"(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4})\s+(?P<clock>[\d:.]+)"),
    re.compile(r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)[T ](?P<clock>[\d:.]+)"),
)


def parse_numeric_date(text: str) -> int | None:
    """ns since 1970 of "11.09.2002 16:00:20.682" (also "...20.682.1", ms and the digits after them) or
    "2021-12-18 14:28:07.062"; None if it is neither."""
    for pattern in _NUMERIC:
        found = pattern.search(text)
        clock = found and re.match(r"(\d{1,2}):(\d{1,2}):(\d{1,2})((?:\.\d+)*)", found["clock"])
        if found and clock:
            y, m, d = int(found["y"]), int(found["m"]), int(found["d"])
            fraction = clock[4].replace(".", "")
            return _ns(y, m, d, int(clock[1]), int(clock[2]), int(clock[3]), fraction)
    return None


def _ns(
    year: int, month: int, day: int, hour: int, minute: int, second: int, fraction: str | None
) -> int | None:
    try:
        whole = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc) - EPOCH
    except ValueError:
        return None
    return (whole.days * 86_400 + whole.seconds) * 1_000_000_000 + int((fraction or "")[:9].ljust(9, "0"))


def utc(t_ns: int) -> datetime:
    """The date, to the microsecond below."""
    return EPOCH + timedelta(microseconds=t_ns // 1000)
