"""Whether the frames of a message count: the checksum is right and the counter goes on.

`protection_of` binds a message to its rule: from the vehicle file ([protection.MESSAGE], maker), or from the
DBC file's own attribute ICV_CHECKSUM. A rule with a maker's checksum judges as opendbc does: a frame counts
with a right checksum and fewer than 5 errors of the counter, where each right step takes one error back.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import IntEnum
from pathlib import Path
from typing import Protocol

import numpy as np

from edge import config
from edge.can.dbc import Database, Message, Signal
from edge.can.frames import Frames
from edge.can.protection import e2e
from edge.can.protection.checksums import MAKERS, SINGLE, Checksum, Place
from edge.can.protection.crc import Field

ICV_CHECKSUM = "IcvChecksum"
"""BA_ "IcvChecksum" BO_ ... "CRC8_SAE_J1850" in a DBC file: the message is protected as kind "icv"."""

MAX_COUNTER_ERRORS = 5


class Verdict(IntEnum):
    """Why a frame does not count."""

    GOOD = 0
    LENGTH = 1
    CHECKSUM = 2
    COUNTER = 3


class Protection(Protocol):
    """The rule of one message of one sender, with the counters of both directions.

    check, verdicts and verdict follow one stream: give each frame once, in order.
    """

    def check(self, found: Frames) -> np.ndarray:
        """Frames of this message alone -> bool (n,): which of them count."""

    def verdicts(self, found: Frames) -> np.ndarray:
        """The same -> Verdict as uint8 (n,)."""

    def verdict(self, data: bytes) -> Verdict:
        """The same of one frame."""

    def fill(self, data: bytes, keep: Collection[str] = ()) -> bytes:
        """The data with the next counter and the checksum, for transmit; signals named in keep are left."""


def protection_of(
    message: Message, vehicle: config.Vehicle | None = None, database: Database | None = None
) -> Protection | None:
    """How this message is protected; None: not at all. Raises ConfigError: what of it cannot be."""
    given = vehicle.protection.get(message.name) if vehicle else None
    if given is None:
        maker = _maker(vehicle, database) if vehicle else None
        if message.attributes.get(ICV_CHECKSUM) == "CRC8_SAE_J1850":
            given = config.Protection(kind="icv")
        elif maker:
            given = config.Protection(kind=maker)
        else:
            return None
    try:
        if given.kind == "none":
            return None
        if given.kind in _PROFILES:
            return _E2e(_PROFILES[given.kind](message, given))
        return _common(message, given)
    except ValueError as error:
        raise config.ConfigError(f"[protection.{message.name}]: {error}") from None


def _maker(vehicle: config.Vehicle, database: Database | None) -> config.Maker | None:
    if database is not None:
        name = Path(database.path).name
        for dbc in vehicle.dbc:
            if dbc.maker is not None and Path(dbc.file).name == name:
                return None if dbc.maker == "none" else dbc.maker
    return vehicle.maker


# ---------------------------------------------------------------- makers


def _common(message: Message, given: config.Protection) -> Protection | None:
    """With the signals that are named, or those of the convention that are there."""
    checksum = None if given.kind == "counter" else _signal(message, given.checksum, "CHECKSUM", given.kind)
    counter = _signal(message, given.counter, "COUNTER", given.kind)
    if checksum is None and counter is None:
        return None
    return _Common(message, given.kind, checksum, counter)


def _signal(message: Message, named: str | None, usual: str, kind: str) -> Signal | None:
    if named is not None:
        signal = message.signal(named)
        if signal is None:
            raise ValueError(f"the message has no signal {named}")
    elif kind == "tesla":
        signal = next((s for s in message.signals if s.name.endswith(usual.capitalize())), None)
    else:
        signal = message.signal(usual)
    if signal is not None and signal.length > 16:
        raise ValueError(f"{signal.name} has {signal.length} bits; a counter or checksum has at most 16")
    return signal


class _Common:
    """A maker's checksum, a counter, or both."""

    def __init__(self, message: Message, kind: str, checksum: Signal | None, counter: Signal | None) -> None:
        self._message = message
        self._rule = {**MAKERS, **SINGLE}.get(kind)
        self._names = tuple(signal.name if signal else "" for signal in (checksum, counter))
        self._checksum = Field.of(checksum) if checksum else None
        self._counter = Field.of(counter) if counter else None
        self._needs = max(field.last for field in (self._checksum, self._counter) if field) + 1
        self._by_length: dict[int, Checksum] = {}
        self._last: int | None = None
        self._errors = 0
        self._next = 0

    def check(self, found: Frames) -> np.ndarray:
        """See Protection."""
        return self.verdicts(found) == Verdict.GOOD

    def verdicts(self, found: Frames) -> np.ndarray:
        """See Protection."""
        verdict = np.zeros(len(found), np.uint8)
        lengths = np.unique(found.length).tolist()
        if self._checksum is not None:
            for length in lengths:
                of = slice(None) if len(lengths) == 1 else found.length == length
                data = found.data[of]
                if length >= self._needs:
                    right = self._rule_for(length, self._checksum).many(data) == self._checksum.many(data)
                    verdict[of] = np.where(right, Verdict.GOOD, Verdict.CHECKSUM)
        enough = found.length >= self._needs
        if self._counter is not None:
            goes_on = self._follow(self._counter.many(found.data[enough]))
            judged = verdict[enough]
            judged[~goes_on & (judged == Verdict.GOOD)] = Verdict.COUNTER
            verdict[enough] = judged
        verdict[~enough] = Verdict.LENGTH
        return verdict

    def verdict(self, data: bytes) -> Verdict:
        """See Protection."""
        if len(data) < self._needs:
            return Verdict.LENGTH
        goes_on = self._counter is None or self._step(self._counter.one(data))
        field = self._checksum
        if field is not None and self._rule_for(len(data), field).one(data) != field.one(data):
            return Verdict.CHECKSUM
        return Verdict.GOOD if goes_on else Verdict.COUNTER

    def fill(self, data: bytes, keep: Collection[str] = ()) -> bytes:
        """See Protection."""
        checksum, counter = self._names
        if self._counter is not None and counter not in keep:
            data = self._counter.put(data, self._next)
            self._next = self._next + 1 & self._counter.mask
        if self._checksum is not None and checksum not in keep:
            data = self._checksum.put(data, self._rule_for(len(data), self._checksum).one(data))
        return data

    def _rule_for(self, length: int, checksum: Field) -> Checksum:
        if length not in self._by_length:
            assert self._rule is not None
            place = Place(self._message.id, self._message.extended, length, checksum)
            self._by_length[length] = self._rule(place)
        return self._by_length[length]

    def _follow(self, counts: np.ndarray) -> np.ndarray:
        assert self._counter is not None
        if not len(counts):
            return np.ones(0, bool)
        right = np.ones(len(counts), bool)
        right[1:] = (counts[:-1] + 1 & self._counter.mask) == counts[1:]
        if self._last is not None:
            right[0] = self._last + 1 & self._counter.mask == int(counts[0])
        self._last = int(counts[-1])
        if self._errors == 0 and right.all():
            return right
        errors = self._errors
        goes_on = []
        for step in right.tolist():
            errors = max(errors - 1, 0) if step else min(errors + 1, MAX_COUNTER_ERRORS)
            goes_on.append(errors < MAX_COUNTER_ERRORS)
        self._errors = errors
        return np.array(goes_on)

    def _step(self, count: int) -> bool:
        assert self._counter is not None
        if self._last is not None and self._last + 1 & self._counter.mask != count:
            self._errors = min(self._errors + 1, MAX_COUNTER_ERRORS)
        elif self._errors:
            self._errors -= 1
        self._last = count
        return self._errors < MAX_COUNTER_ERRORS


# ---------------------------------------------------------------- AUTOSAR E2E


class _E2e:
    """An E2E profile over the whole frame."""

    def __init__(self, profile: e2e.Profile) -> None:
        self._profile = profile
        self._receiver = e2e.Receiver(profile)
        self._next = 0

    def check(self, found: Frames) -> np.ndarray:
        """See Protection."""
        return self.verdicts(found) == Verdict.GOOD

    def verdicts(self, found: Frames) -> np.ndarray:
        """See Protection."""
        right_length = found.length == self._profile.length
        verdict = np.full(len(found), Verdict.LENGTH, np.uint8)
        verdict[right_length] = _VERDICTS[self._receiver.check(found.data[right_length])]
        return verdict

    def verdict(self, data: bytes) -> Verdict:
        """See Protection."""
        if len(data) != self._profile.length:
            return Verdict.LENGTH
        status = self._receiver.step(self._profile.holds_one(data), self._profile.counter.one(data))
        return Verdict(int(_VERDICTS[status]))

    def fill(self, data: bytes, keep: Collection[str] = ()) -> bytes:
        """See Protection; keep has no meaning here."""
        data = self._profile.fill(data, self._next)
        self._next = (self._next + 1) % self._profile.counts
        return data


_VERDICTS = np.where(e2e.ACCEPTED, Verdict.GOOD, Verdict.COUNTER).astype(np.uint8)
_VERDICTS[e2e.Status.WRONG_CRC] = Verdict.CHECKSUM


def _bit(message: Message, named: str | None, otherwise: int, length: int) -> int:
    """The first bit, in the DBC's count, of a signal that holds a CRC or counter of `length` bits."""
    signal = _signal(message, named, "", "")
    if signal is None:
        return otherwise
    field = Field.of(signal)
    if signal.length != length or field.first != field.last:
        raise ValueError(f"{signal.name} must have {length} bits in one byte")
    return 8 * field.first + field.shift


def _profile_1(inclusion: e2e.Inclusion) -> Callable[[Message, config.Protection], e2e.Profile]:
    def bind(message: Message, given: config.Protection) -> e2e.Profile:
        begin = 8 * given.offset_bytes
        return e2e.profile_1(
            message.length,
            _data_id(given),
            inclusion,
            crc_byte=_bit(message, given.checksum, begin, 8) // 8,
            counter_bit=_bit(message, given.counter, begin + 8, 4),
            nibble_bit=begin + 12,
            max_delta=given.max_delta,
            max_repeated=given.max_repeated,
            sync=given.sync,
        )

    return bind


def _profile_2(message: Message, given: config.Protection) -> e2e.Profile:
    if len(given.data_ids) != 16 or not all(0 <= one <= 0xFF for one in given.data_ids):
        raise ValueError("profile 2 needs data_ids: 16 numbers from 0 to 255")
    return e2e.profile_2(
        message.length,
        bytes(given.data_ids),
        offset=given.offset_bytes,
        max_delta=given.max_delta,
        max_repeated=given.max_repeated,
        sync=given.sync,
    )


def _profile_5(message: Message, given: config.Protection) -> e2e.Profile:
    return e2e.profile_5(
        message.length, _data_id(given), offset=given.offset_bytes, max_delta=given.max_delta
    )


def _data_id(given: config.Protection) -> int:
    if given.data_id is None:
        raise ValueError("this profile needs a data_id")
    return given.data_id


_PROFILES: dict[str, Callable[[Message, config.Protection], e2e.Profile]] = {
    "1A": _profile_1("both"),
    "1B": _profile_1("alternating"),
    "1C": _profile_1("nibble"),
    "1": _profile_1("low"),
    "2": _profile_2,
    "5": _profile_5,
}
