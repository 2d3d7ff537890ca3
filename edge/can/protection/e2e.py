"""AUTOSAR end-to-end protection, profiles 1, 2 and 5: check what was received, fill what is sent.

Source: AUTOSAR FO PRS_E2EProtocol, chapters on profiles 1, 2 and 5 (layout of the header, inclusion of the
data id, checks of the counter). In each the CRC is a CRC of the frame's bytes plus a constant that depends on
the data id and, in some, on the counter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

import numpy as np

from edge.can.protection.crc import Field, FrameCrc, crc

CHUNK = 16_384
"""Frames worked on at a time, so that they stay in the cache."""

Inclusion = Literal["both", "alternating", "low", "nibble"]
"""How profile 1 includes the two bytes of the data id: variants 1A, 1B, a third without a letter, and 1C."""


class Status(IntEnum):
    """What the check of one frame says; INITIAL and SYNC come in profiles 1 and 2 only."""

    OK = 0
    OK_SOME_LOST = 1
    SYNC = 2
    INITIAL = 3
    REPEATED = 4
    WRONG_SEQUENCE = 5
    WRONG_CRC = 6


ACCEPTED = np.array([s in (Status.OK, Status.OK_SOME_LOST, Status.SYNC) for s in Status])
"""By status: whether the data may be used (profileBehavior true: INITIAL is not, SYNC is)."""


@dataclass(frozen=True)
class Profile:
    """One way to protect frames of `length` bytes.

    counts: how many values the counter has. max_delta: MaxDeltaCounter(Init), the greatest step of the
    counter that is accepted; profiles 1 and 2 accept one more for each frame that was checked since the last
    good one. max_repeated, sync: MaxNoNewOrRepeatedData, SyncCounterInit of profiles 1 and 2. nibble: where
    profile 1C keeps the high nibble of the data id, and its value.
    """

    length: int
    crc: FrameCrc
    crc_field: Field
    counter: Field
    counts: int
    max_delta: int
    grows: bool = True
    max_repeated: int = 14
    sync: int = 0
    nibble: tuple[Field, int] | None = None

    def __post_init__(self) -> None:
        least = 0 if self.grows else 1
        for name, value, low in (
            ("MaxDeltaCounter", self.max_delta, least),
            ("MaxNoNewOrRepeatedData", self.max_repeated, 0),
            ("SyncCounterInit", self.sync, 0),
        ):
            if not low <= value < self.counts:
                raise ValueError(f"{name} is {value}, not within {low} to {self.counts - 1}")

    def holds(self, data: np.ndarray) -> np.ndarray:
        """Whether the CRC of each frame is right: data uint8 (n, w >= length) -> bool (n,)."""
        good = self.crc.many(data) == self.crc_field.many(data)
        if self.counts == 15:
            good &= self.counter.many(data) < 15
        if self.nibble:
            good &= self.nibble[0].many(data) == self.nibble[1]
        return good

    def holds_one(self, data: bytes) -> bool:
        """The same of one frame; one of another length never holds."""
        return (
            len(data) == self.length
            and self.crc.one(data) == self.crc_field.one(data)
            and self.counter.one(data) < self.counts
            and (self.nibble is None or self.nibble[0].one(data) == self.nibble[1])
        )

    def fill(self, data: bytes, counter: int) -> bytes:
        """The data with counter (modulo counts), the id's nibble if there is one, and CRC."""
        data = self.counter.put(data, counter % self.counts)
        if self.nibble:
            data = self.nibble[0].put(data, self.nibble[1])
        return self.crc_field.put(data, self.crc.one(data))


def profile_1(
    length: int,
    data_id: int,
    inclusion: Inclusion = "both",
    *,
    crc_byte: int = 0,
    counter_bit: int = 8,
    nibble_bit: int = 12,
    max_delta: int = 1,
    max_repeated: int = 14,
    sync: int = 0,
) -> Profile:
    """CRC-8 SAE J1850 started with 0 and without a last XOR, counter 0 to 14 in a nibble.

    counter_bit, nibble_bit: multiples of 4, bit 8 is the low nibble of byte 1. Raises ValueError.
    """
    _check(length, 2, data_id, [crc_byte, counter_bit // 8, nibble_bit // 8])
    if counter_bit % 4 or nibble_bit % 4:
        raise ValueError("counter and nibble of profile 1 begin at a multiple of 4 bits")
    low, high = data_id & 0xFF, data_id >> 8
    leading: Callable[[int], bytes] = {
        "both": lambda _: bytes([low, high]),
        "alternating": lambda count: bytes([high if count % 2 else low]),
        "low": lambda _: bytes([low]),
        "nibble": lambda _: bytes([low, 0]),
    }[inclusion]
    covered = [at for at in range(length) if at != crc_byte]
    counter = Field(counter_bit // 8, counter_bit // 8, counter_bit % 8, 15)
    constants = [crc(leading(count) + bytes(len(covered)), 8, 0x1D) for count in range(16)]
    nibble = Field(nibble_bit // 8, nibble_bit // 8, nibble_bit % 8, 15)
    return Profile(
        length,
        FrameCrc(8, 0x1D, covered, 0, constants, counter),
        Field(crc_byte, crc_byte, 0, 0xFF),
        counter,
        15,
        max_delta,
        max_repeated=max_repeated,
        sync=sync,
        nibble=(nibble, high & 15) if inclusion == "nibble" else None,
    )


def profile_2(
    length: int,
    data_ids: bytes,
    *,
    offset: int = 0,
    max_delta: int = 1,
    max_repeated: int = 14,
    sync: int = 0,
) -> Profile:
    """CRC-8 0x2F, counter 0 to 15 in the low nibble of byte offset + 1; it picks one of 16 data ids.

    Raises ValueError.
    """
    _check(length, 2, 0, [offset, offset + 1])
    if len(data_ids) != 16:
        raise ValueError(f"profile 2 takes 16 data ids, not {len(data_ids)}")
    covered = [at for at in range(length) if at != offset]
    counter = Field(offset + 1, offset + 1, 0, 15)
    constants = [crc(bytes(len(covered)) + bytes([one]), 8, 0x2F, 0xFF, 0xFF) for one in data_ids]
    return Profile(
        length,
        FrameCrc(8, 0x2F, covered, 1, constants, counter),
        Field(offset, offset, 0, 0xFF),
        counter,
        16,
        max_delta,
        max_repeated=max_repeated,
        sync=sync,
    )


def profile_5(length: int, data_id: int, *, offset: int = 0, max_delta: int = 1) -> Profile:
    """CRC-16 CCITT over the data and the data id; CRC (low byte first) at byte `offset`, then the counter.

    Raises ValueError.
    """
    _check(length, 3, data_id, [offset, offset + 2])
    covered = [at for at in range(length) if at not in (offset, offset + 1)]
    constant = crc(bytes(len(covered)) + data_id.to_bytes(2, "little"), 16, 0x1021, 0xFFFF)
    return Profile(
        length,
        FrameCrc(16, 0x1021, covered, 2, [constant]),
        Field(offset, offset + 1, 0, 0xFFFF),
        Field(offset + 2, offset + 2, 0, 0xFF),
        256,
        max_delta,
        grows=False,
    )


def _check(length: int, least: int, data_id: int, places: list[int]) -> None:
    if not least <= length <= 64:
        raise ValueError(f"{length} bytes: E2E protection takes {least} to 64")
    if not 0 <= data_id <= 0xFFFF:
        raise ValueError(f"data id {data_id} has more than 16 bits")
    if not 0 <= min(places) <= max(places) < length:
        raise ValueError(f"CRC or counter beyond the {length} bytes of the frame")


class Receiver:
    """Checks the frames of one sender in the order in which they came, and remembers the counter."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.lost = 0
        """Frames that the counter says were lost, in all."""
        self._last: int | None = None if profile.grows else 255
        self._max_delta = profile.max_delta
        self._repeated = 0
        self._sync = 0

    def check(self, data: np.ndarray) -> np.ndarray:
        """data uint8 (n, w >= length), each frame of the profile's length -> Status as uint8 (n,)."""
        status = np.empty(len(data), np.uint8)
        for at in range(0, len(data), CHUNK):
            part = data[at : at + CHUNK]
            self.follow(self.profile.holds(part), self.profile.counter.many(part), status[at : at + CHUNK])
        return status

    def follow(self, holds: np.ndarray, counter: np.ndarray, status: np.ndarray) -> None:
        """The check after the CRC: writes Status into status (n,). holds bool (n,), counter (n,).

        Where each frame follows the one before it, all are settled at once; the others one by one.
        """
        if not len(holds):
            return
        follows = np.empty(len(holds), bool)
        follows[0] = False
        np.equal(counter[1:], self._after(counter[:-1]), out=follows[1:])
        follows[1:] &= holds[1:]
        follows[1:] &= holds[:-1]
        breaks = np.flatnonzero(~follows)
        ends = np.append(breaks[1:], len(holds))
        for at, end in zip(breaks.tolist(), ends.tolist(), strict=True):
            i = at
            while i < end:
                status[i] = self.step(bool(holds[i]), int(counter[i]))
                i += 1
                if holds[i - 1] and self._last == counter[i - 1]:
                    self._run(status[i:end], int(counter[end - 1]))
                    break

    def step(self, holds: bool, counter: int) -> Status:
        """One frame: whether its CRC is right, and its counter."""
        profile = self.profile
        if profile.grows:
            self._max_delta = min(self._max_delta + 1, profile.counts - 1)
        if not holds:
            return Status.WRONG_CRC
        if self._last is None:
            self._accept(counter)
            return Status.INITIAL
        delta = (counter - self._last) % profile.counts
        if delta == 0:
            self._repeated = min(self._repeated + 1, profile.counts - 1)
            return Status.REPEATED
        if delta > self._max_delta:
            self._repeated = 0
            self._sync = profile.sync
            if profile.sync or not profile.grows:
                self._accept(counter)
            return Status.WRONG_SEQUENCE
        self._accept(counter)
        self.lost += delta - 1
        if profile.grows:
            too_many, self._repeated = self._repeated > profile.max_repeated, 0
            if too_many:
                self._sync = profile.sync
                return Status.SYNC
            if self._sync:
                self._sync -= 1
                return Status.SYNC
        return Status.OK if delta == 1 else Status.OK_SOME_LOST

    def _accept(self, counter: int) -> None:
        self._last = counter
        self._max_delta = self.profile.max_delta

    def _after(self, counter: np.ndarray) -> np.ndarray:
        after = counter + np.uint8(1)
        if self.profile.counts == 15:
            return after * (after != 15)
        return after & np.uint8(self.profile.counts - 1)

    def _run(self, status: np.ndarray, last: int) -> None:
        """Frames of which each follows the one before it, the first the last accepted one."""
        status[:] = Status.OK
        if not len(status):
            return
        if self.profile.grows:
            if self._repeated > self.profile.max_repeated:
                status[0] = Status.SYNC
                self._sync = self.profile.sync
                status = status[1:]
            self._repeated = 0
            status[: self._sync] = Status.SYNC
            self._sync = max(0, self._sync - len(status))
        self._accept(last)
