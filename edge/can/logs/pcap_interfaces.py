"""The interfaces of a capture: their names, link types and clocks, and how many packets were no CAN."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from edge.can.frames import Frames, concat
from edge.can.logs.pcap_frames import LINKS, Packets, frames_of
from edge.can.logs.report import BadDataError, Report

NAME_OPTION, RESOLUTION_OPTION, OFFSET_OPTION = 2, 9, 14
"""Options of an interface description block: if_name, if_tsresol, if_tsoffset."""
_MAX_INTERFACES = 4096
_MAX_T_S = 2**32
_NO_TIME = np.iinfo(np.int64).min


class Interface(NamedTuple):
    """link: its type; a packet's time counts 10**-digits s (digits negative: 2**digits s) from offset_s."""

    link: int
    name: str | None
    digits: int
    offset_s: int


class Interfaces:
    """Those of the section of the file that is being read. order: its byte order, "<" or ">"."""

    def __init__(self, report: Report) -> None:
        self.order = "<"
        self._report = report
        self._known: list[Interface] = []
        self._left_out: Counter[str] = Counter()

    def begin(self, order: str) -> None:
        """A section without interfaces."""
        self.order = order
        self._known = []

    def add(self, interface: Interface) -> None:
        """The next interface."""
        if len(self._known) < _MAX_INTERFACES:
            self._known.append(interface)

    def describe(self, body: bytes) -> None:
        """The next interface, from the content of its block."""
        link, name, digits, offset_s = 0, None, 6, 0
        if len(body) >= 8:
            link = struct.unpack_from(f"{self.order}H", body)[0]
        at = 8
        while at + 4 <= len(body):
            code, size = struct.unpack_from(f"{self.order}HH", body, at)
            value = body[at + 4 : at + 4 + size]
            if code == NAME_OPTION:
                name = value.rstrip(b"\0").decode("utf-8", "replace")
            elif code == RESOLUTION_OPTION and size == 1:
                digits = -(value[0] & 0x7F) if value[0] & 0x80 else value[0]
            elif code == OFFSET_OPTION and len(value) == 8:
                offset_s = struct.unpack(f"{self.order}q", value)[0]
            at += 4 + (size + 3 & ~3)
        self.add(Interface(link, name or None, digits, offset_s))

    def left_out(self, what: str, count: int = 1) -> None:
        """Counts packets that are no frames by right."""
        self._left_out[what] += count

    def end(self) -> None:
        """Says what was left out."""
        for what, count in self._left_out.items():
            self._report.complain("end", f"{count} {what} were left out", 0)

    def times(self, number: int, ticks: np.ndarray) -> np.ndarray:
        """int64 ns since 1970 of uint64 ticks of an interface; those out of all range are _NO_TIME."""
        if number >= len(self._known):
            return np.zeros(len(ticks), np.int64)
        digits, offset_s = self._known[number].digits, self._known[number].offset_s
        if digits < 0:
            shift = np.uint64(min(-digits, 63))
            seconds = ticks >> shift
            rest = ticks & ((np.uint64(1) << shift) - np.uint64(1))
            coarse = np.uint64(max(int(shift) - 32, 0))
            ns = (rest >> coarse) * np.uint64(10**9) >> (shift - coarse)
        else:
            unit = np.uint64(10 ** min(digits, 19))
            seconds, rest = ticks // unit, ticks % unit
            ns = (
                rest * np.uint64(10 ** (9 - digits))
                if digits <= 9
                else rest // np.uint64(10 ** (min(digits, 19) - 9))
            )
        far = seconds >= _MAX_T_S
        whole_s = np.where(far, 0, seconds).astype(np.int64) + max(min(offset_s, _MAX_T_S), -_MAX_T_S)
        return np.where(far, _NO_TIME, whole_s * 10**9 + ns.astype(np.int64))

    def frames(self, data: bytes, offset: int, packets: Packets, numbers: np.ndarray) -> Iterator[Frames]:
        """The CAN frames among packets of these interfaces (uint32), in their order. offset: of the data in
        the file."""
        parts: list[Frames] = []
        where: list[np.ndarray] = []
        for number in np.unique(numbers).tolist():
            mine = np.flatnonzero(numbers == number)
            own = packets.only(mine)
            if number >= len(self._known):
                self._report.complain(
                    f"byte {offset + int(own.at[0])}",
                    "packets of an interface that is not described",
                    len(mine),
                )
                continue
            interface = self._known[number]
            if interface.link not in LINKS:
                self.left_out(f"packets of link type {interface.link}", len(mine))
                continue
            timed = own.t_ns != _NO_TIME
            if not timed.all():
                self._complain(offset, own.at[~timed], "a time out of all range")
                mine, own = mine[timed], own.only(timed)

            def complain(which: np.ndarray, why: str, own: Packets = own) -> None:
                self._complain(offset, own.at[which], why)

            found = frames_of(data, own, interface.link, self.order, complain)
            if found.others:
                self.left_out("packets that are not CAN", found.others)
            made, kept = self._named(
                found.frames, found.interfaces, interface, number, own.at[found.which], offset
            )
            parts.append(made)
            where.append(mine[found.which][kept])
        if not parts:
            return
        order = np.argsort(np.concatenate(where), kind="stable")
        everything = concat(parts)
        if len(everything):
            yield everything if len(parts) == 1 else everything[order]

    def _named(
        self,
        found: Frames,
        numbers: np.ndarray | None,
        interface: Interface,
        number: int,
        at: np.ndarray,
        offset: int,
    ) -> tuple[Frames, np.ndarray]:
        """The frames with their bus, and which of them have one."""
        kept = np.ones(len(found), bool)
        bus = np.zeros(len(found), np.uint8)
        if numbers is None:
            names = {0: interface.name or f"can{number}"}
            numbers = np.zeros(len(found), np.uint32)
        else:
            names = {i: f"if{i}" for i in np.unique(numbers).tolist()}
        for i, name in names.items():
            mine = numbers == i
            known = self._bus(name)
            if known is None:
                kept &= ~mine
                self._complain(offset, at[mine], "one bus too many")
            else:
                bus[mine] = known
        named = replace(found, bus=bus)
        return (named if kept.all() else named[kept]), kept

    def _bus(self, name: str) -> int | None:
        try:
            return self._report.bus(name)
        except BadDataError:
            return None

    def _complain(self, offset: int, at: np.ndarray, why: str) -> None:
        if len(at):
            self._report.complain(f"byte {offset + int(at[0])}", why, len(at))
