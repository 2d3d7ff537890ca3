"""Dates in messages are short: from the remainder that is sent, back to the whole, near to now."""

from __future__ import annotations

import msgspec

_EPOCH_2004_NS = 1_072_915_200_000_000_000
_LEAP_NS = 5_000_000_000  # TAI is ahead of UTC by so much more than in 2004, since the end of 2016
_MINUTE_NS = 60_000_000_000
_HOUR_NS = 60 * _MINUTE_NS
_DAY_NS = 24 * _HOUR_NS
_MS = 1_000_000


class Now(msgspec.Struct, frozen=True):
    """One moment on both clocks: monotonic, and the date in ns since 1970, UTC."""

    t_ns: int
    utc_ns: int

    def monotonic(self, utc_ns: int) -> int:
        """A date on the monotonic clock."""
        return self.t_ns + utc_ns - self.utc_ns

    def minute_ms(self, ms: int) -> int | None:
        """DSecond of T/CSAE 53 and SAE J2735, ms within a minute: monotonic ns; None: 60 000 and more."""
        if not 0 <= ms < 60_000:
            return None
        return self.monotonic(_nearest(ms * _MS, _MINUTE_NS, self.utc_ns))

    def hour_tenths(self, tenths: int) -> int | None:
        """TimeMark, tenths of a second within an hour of UTC: monotonic ns; None: 36 000 and more."""
        if not 0 <= tenths < 36_000:
            return None
        return self.monotonic(_nearest(tenths * 100 * _MS, _HOUR_NS, self.utc_ns))

    def year_minutes(self, minutes: int) -> int | None:
        """MinuteOfTheYear, minutes since the first of January: monotonic ns; None: 527 040 and more."""
        if not 0 <= minutes < 527_040:
            return None
        year = _year(self.utc_ns)
        dates = (_january_ns(year + off) + minutes * _MINUTE_NS for off in (-1, 0, 1))
        return self.monotonic(min(dates, key=lambda date: abs(date - self.utc_ns)))

    def generation_delta(self, ms: int) -> int:
        """GenerationDeltaTime of ETSI, TimestampIts modulo 65 536: monotonic ns."""
        its_ns = _nearest(ms * _MS, 65_536 * _MS, timestamp_its_ns(self.utc_ns))
        return self.monotonic(its_ns + _EPOCH_2004_NS - _LEAP_NS)

    def timestamp_its(self, ms: int) -> int:
        """TimestampIts, ms of TAI since 2004: monotonic ns."""
        return self.monotonic(ms * _MS + _EPOCH_2004_NS - _LEAP_NS)


def timestamp_its_ns(utc_ns: int) -> int:
    """Nanoseconds of TAI since 2004-01-01T00:00:00Z; right for dates since 2017 (TS 102 894-2)."""
    return utc_ns - _EPOCH_2004_NS + _LEAP_NS


def minute_of_the_year(utc_ns: int) -> int:
    """MinuteOfTheYear of T/CSAE 53 and SAE J2735."""
    return (utc_ns - _january_ns(_year(utc_ns))) // _MINUTE_NS


def _year(utc_ns: int) -> int:
    year = 1970 + utc_ns // (365 * _DAY_NS)  # a year too late after many leap days
    return year if _january_ns(year) <= utc_ns else year - 1


def _january_ns(year: int) -> int:
    """The first of January, as the Gregorian calendar counts."""
    last = year - 1
    days = 365 * (year - 1970) + last // 4 - last // 100 + last // 400 - 477
    return days * _DAY_NS


def _nearest(remainder_ns: int, modulus_ns: int, near_ns: int) -> int:
    """The moment nearest to near_ns whose remainder this is."""
    behind = (near_ns - remainder_ns) % modulus_ns
    return near_ns - behind if behind <= modulus_ns // 2 else near_ns - behind + modulus_ns
