"""JT/T 808-2019 and -2013: frames, and the messages that a terminal exchanges with its platform.

Pure functions between values and bytes. All numbers are big-endian, strings are GBK, times are BCD in GMT+8.
Whatever does not follow the standard raises Jt808Error; nothing else is raised for bad bytes.
"""

from __future__ import annotations

import datetime
import enum
import math
import struct
from functools import reduce
from operator import xor
from typing import Literal, TypeAlias

import msgspec

Version: TypeAlias = Literal[2013, 2019]
Items: TypeAlias = tuple[tuple[int, bytes], ...]
"""Additional items of a location report: id (0..255) and value (at most 255 bytes), in order."""

MAX_BODY = 1023
MAX_FRAME = 8192
"""Longer than any frame with all its bytes escaped, and than the oversized ones that some platforms send."""

GMT8 = datetime.timezone(datetime.timedelta(hours=8))


class Jt808Error(ValueError):
    """Bytes that are not JT/T 808, or values that it cannot carry; the text says which field."""


class Id(enum.IntEnum):
    """Message ids; from the terminal below 0x8000, from the platform above."""

    TERMINAL_ANSWER = 0x0001
    HEARTBEAT = 0x0002
    REGISTRATION = 0x0100
    AUTHENTICATION = 0x0102
    LOCATION = 0x0200
    PLATFORM_ANSWER = 0x8001
    REGISTRATION_ANSWER = 0x8100
    LINK_CHECK = 0x8204


class Result(enum.IntEnum):
    """Of a general answer."""

    OK = 0
    FAILED = 1
    BAD_MESSAGE = 2
    UNSUPPORTED = 3
    ALARM_HANDLED = 4


# ---------------------------------------------------------------- frames


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """One message, or one part of it. phone: the header's digits, 12 (2013) or 20 (2019), as hex text.

    part: (total, index from 1) of a sub-packaged message. encryption: bits 10-12, 0 none. wrong_length: what
    the header says when that is not the body's length (some platforms overflow the field); else None.
    """

    message_id: int
    phone: str
    serial: int
    body: bytes = b""
    version: Version = 2019
    revision: int = 1
    encryption: int = 0
    part: tuple[int, int] | None = None
    wrong_length: int | None = None


def escape(data: bytes) -> bytes:
    """7D becomes 7D 01, then 7E becomes 7D 02."""
    return data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(data: bytes) -> bytes:
    """The inverse of `escape`. Raises Jt808Error on a 7D that is not followed by 01 or 02."""
    first, *rest = data.split(b"\x7d")
    whole = bytearray(first)
    for piece in rest:
        if piece[:1] not in (b"\x01", b"\x02"):
            raise Jt808Error("a byte 7D stands without 01 or 02 behind it")
        whole.append(0x7D if piece[0] == 1 else 0x7E)
        whole += piece[1:]
    return bytes(whole)


def encode_frame(frame: Frame) -> bytes:
    """The bytes on the wire, 7E to 7E. Raises Jt808Error for what a header cannot hold."""
    digits = 20 if frame.version == 2019 else 12
    if len(frame.body) > MAX_BODY:
        raise Jt808Error(f"a body of {len(frame.body)} bytes; a frame holds {MAX_BODY}")
    try:
        phone = bytes.fromhex(frame.phone.zfill(digits))
    except ValueError:
        phone = b""
    if len(phone) * 2 != digits:
        raise Jt808Error(f"terminal number {frame.phone!r}: up to {digits} digits are possible")
    properties = len(frame.body) | frame.encryption << 10 | (frame.part is not None) << 13
    head = bytearray()
    try:
        if frame.version == 2019:
            head += struct.pack(">HHB", frame.message_id, properties | 1 << 14, frame.revision)
        else:
            head += struct.pack(">HH", frame.message_id, properties)
        head += phone + struct.pack(">H", frame.serial)
        if frame.part is not None:
            head += struct.pack(">HH", *frame.part)
    except struct.error as error:
        raise Jt808Error(f"a header field is out of range: {error}") from None
    content = bytes(head) + frame.body
    return b"\x7e" + escape(content + bytes((reduce(xor, content),))) + b"\x7e"


def decode_frame(inside: bytes) -> Frame:
    """A frame from the escaped bytes between two 7E; bit 14 tells 2019 from 2013. Raises Jt808Error."""
    data = unescape(inside)
    if reduce(xor, data, 0) != 0:
        raise Jt808Error("wrong checksum")
    message_id, properties = _take(data, ">HH", 0, "header")
    is_2019, in_parts = properties >> 14 & 1, properties >> 13 & 1
    start, size = (5, 10) if is_2019 else (4, 6)
    end = start + size + 2 + 4 * in_parts
    if len(data) < end + 1:
        raise Jt808Error(f"a frame of {len(data)} bytes is shorter than its header")
    body = data[end:-1]
    stated = properties & 0x3FF
    return Frame(
        message_id=message_id,
        phone=data[start : start + size].hex(),
        serial=_take(data, ">H", start + size, "serial number")[0],
        body=body,
        version=2019 if is_2019 else 2013,
        revision=data[4] if is_2019 else 1,
        encryption=properties >> 10 & 7,
        part=_take(data, ">HH", start + size + 2, "sub-package") if in_parts else None,
        wrong_length=None if stated == len(body) else stated,
    )


class Splitter:
    """Cuts a byte stream into frames and finds its feet again at the next 7E.

    bad: how many pieces between two 7E were no frame; last_error: why the last one was not.
    """

    def __init__(self) -> None:
        self._tail = b""
        self._skipping = False
        self.bad = 0
        self.last_error = ""

    def feed(self, data: bytes) -> list[Frame]:
        """All frames that are complete with these bytes. Memory is bounded by MAX_FRAME."""
        *pieces, self._tail = (self._tail + data).split(b"\x7e")
        frames = []
        for piece in pieces:
            if piece and not self._skipping:
                try:
                    frames.append(decode_frame(piece))
                except Jt808Error as error:
                    self._count(str(error))
            self._skipping = False
        if len(self._tail) > MAX_FRAME:
            if not self._skipping:
                self._count(f"more than {MAX_FRAME} bytes without a 7E")
            self._tail, self._skipping = b"", True
        return frames

    def _count(self, why: str) -> None:
        self.bad += 1
        self.last_error = why


# ---------------------------------------------------------------- registration and answers


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """0x0100. plate_colour 0: no plate, and `plate` is the VIN."""

    province: int
    city: int
    manufacturer: str
    model: str
    terminal_id: str
    plate_colour: int
    plate: str


_REGISTRATION_SIZES: dict[int, tuple[int, int, int]] = {2013: (5, 20, 7), 2019: (11, 30, 30)}


def encode_registration(registration: Registration, version: Version) -> bytes:
    """The body of 0x0100; fixed fields are padded with 00 behind. Raises Jt808Error."""
    r, sizes = registration, _REGISTRATION_SIZES[version]
    try:
        head, colour = struct.pack(">HH", r.province, r.city), struct.pack("B", r.plate_colour)
    except struct.error:
        raise Jt808Error(f"province {r.province}, city {r.city} or plate colour {r.plate_colour}") from None
    texts = ((r.manufacturer, "manufacturer"), (r.model, "model"), (r.terminal_id, "terminal id"))
    fixed = b"".join(fixed_text(text, size, what) for (text, what), size in zip(texts, sizes, strict=True))
    return head + fixed + colour + _gbk(r.plate, "plate")


def decode_registration(body: bytes, version: Version) -> Registration:
    """The inverse. Raises Jt808Error."""
    maker, model, terminal = _REGISTRATION_SIZES[version]
    fields = _take(body, f">HH{maker}s{model}s{terminal}sB", 0, "registration")
    return Registration(
        province=fields[0],
        city=fields[1],
        manufacturer=text_of(fields[2], "manufacturer"),
        model=text_of(fields[3], "model"),
        terminal_id=text_of(fields[4], "terminal id"),
        plate_colour=fields[5],
        plate=text_of(body[5 + maker + model + terminal :], "plate"),
    )


class RegistrationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """0x8100. result: 0 ok, 1 vehicle already registered, 2 no such vehicle, 3 terminal already registered,
    4 no such terminal. code: to be given back byte for byte, only with result 0."""

    serial: int
    result: int
    code: bytes = b""


def encode_registration_answer(answer: RegistrationAnswer) -> bytes:
    """The body of 0x8100. Raises Jt808Error."""
    try:
        head = struct.pack(">HB", answer.serial, answer.result)
    except struct.error:
        raise Jt808Error(f"serial {answer.serial} or result {answer.result} is out of range") from None
    return head + (answer.code if answer.result == 0 else b"")


def decode_registration_answer(body: bytes) -> RegistrationAnswer:
    """The inverse. Raises Jt808Error."""
    serial, result = _take(body, ">HB", 0, "registration answer")
    return RegistrationAnswer(serial=serial, result=result, code=body[3:] if result == 0 else b"")


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """0x0102. imei and software exist since 2019."""

    code: bytes
    imei: str = ""
    software: str = ""


def encode_authentication(authentication: Authentication, version: Version) -> bytes:
    """The body of 0x0102. Raises Jt808Error."""
    code = authentication.code
    if version == 2013:
        return code
    if len(code) > 255:
        raise Jt808Error(f"an authentication code of {len(code)} bytes; 255 are possible")
    imei = fixed_text(authentication.imei, 15, "IMEI")
    return bytes((len(code),)) + code + imei + fixed_text(authentication.software, 20, "software version")


def decode_authentication(body: bytes, version: Version) -> Authentication:
    """The inverse. Raises Jt808Error."""
    if version == 2013:
        return Authentication(code=body)
    (length,) = _take(body, "B", 0, "authentication")
    code, imei, software = _take(body, f"{length}s15s20s", 1, "authentication")
    return Authentication(
        code=code, imei=text_of(imei, "IMEI"), software=text_of(software, "software version")
    )


class GeneralAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """0x0001 and 0x8001: which message is answered, and how (of Result, or what a platform invents)."""

    serial: int
    message_id: int
    result: int


def encode_general_answer(answer: GeneralAnswer) -> bytes:
    """The body of 0x0001 and 0x8001. Raises Jt808Error."""
    try:
        return struct.pack(">HHB", answer.serial, answer.message_id, answer.result)
    except struct.error as error:
        raise Jt808Error(f"general answer: {error}") from None


def decode_general_answer(body: bytes) -> GeneralAnswer:
    """The inverse. Raises Jt808Error."""
    serial, message_id, result = _take(body, ">HHB", 0, "general answer")
    return GeneralAnswer(serial=serial, message_id=message_id, result=result)


# ---------------------------------------------------------------- location


class Status:
    """Bits of the status DWORD that this terminal knows; MOVING exists since 2019."""

    ACC = 1 << 0
    FIXED = 1 << 1
    SOUTH = 1 << 2
    WEST = 1 << 3
    MOVING = 1 << 22


_OF_POSITION = Status.FIXED | Status.SOUTH | Status.WEST


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """The body of 0x0200, in SI units; resolution 1e-6 deg, 1 m, 0.1 km/h, 1 deg, 1 s.

    latitude_deg and longitude_deg None: no fix, said by status bit 1. The standard has no way to say that
    altitude, speed or heading is unknown: None is written as 0. utc_ns None: twelve zeros. status holds the
    bits beside FIXED, SOUTH and WEST, which follow from the position.
    """

    latitude_deg: float | None
    longitude_deg: float | None
    utc_ns: int | None
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    alarm: int = 0
    status: int = 0
    items: Items = ()


def encode_location(location: Location) -> bytes:
    """The body of 0x0200. Altitude and speed are limited to what fits. Raises Jt808Error."""
    status = location.status & ~_OF_POSITION
    latitude = longitude = 0
    if location.latitude_deg is not None and location.longitude_deg is not None:
        latitude = scaled_degrees(location.latitude_deg, 90, "latitude")
        longitude = scaled_degrees(location.longitude_deg, 180, "longitude")
        status |= Status.FIXED
        status |= Status.SOUTH if location.latitude_deg < 0 else 0
        status |= Status.WEST if location.longitude_deg < 0 else 0
    altitude = limited(location.altitude_m, 1, 0xFFFF, "altitude")
    speed = limited(location.speed_mps and abs(location.speed_mps), 36, 0xFFFF, "speed")
    heading = limited(location.heading_deg and location.heading_deg % 360, 1, 360, "heading") % 360
    try:
        body = struct.pack(
            ">IIIIHHH", location.alarm, status, latitude, longitude, altitude, speed, heading
        ) + encode_time(location.utc_ns)
        for item, value in location.items:
            body += struct.pack("BB", item, len(value)) + value
    except struct.error as error:
        raise Jt808Error(f"location report: {error}") from None
    return body


def decode_location(body: bytes) -> Location:
    """The inverse. Raises Jt808Error, also when an item is cut off."""
    alarm, status, latitude, longitude, altitude, speed, heading = _take(body, ">IIIIHHH", 0, "location")
    utc_ns = decode_time(body[22:28])
    if latitude > 90_000_000 or longitude > 180_000_000:
        raise Jt808Error(f"latitude {latitude / 1e6} or longitude {longitude / 1e6} is not on Earth")
    items, at = [], 28
    while at < len(body):
        item, length = _take(body, "BB", at, "additional item")
        items.append((item, *_take(body, f"{length}s", at + 2, f"additional item 0x{item:02X}")))
        at += 2 + length
    fixed = status & Status.FIXED
    return Location(
        latitude_deg=latitude / (-1e6 if status & Status.SOUTH else 1e6) if fixed else None,
        longitude_deg=longitude / (-1e6 if status & Status.WEST else 1e6) if fixed else None,
        utc_ns=utc_ns,
        altitude_m=float(altitude),
        speed_mps=speed / 36,
        heading_deg=float(heading),
        alarm=alarm,
        status=status & ~_OF_POSITION,
        items=tuple(items),
    )


# ---------------------------------------------------------------- fields


def encode_time(utc_ns: int | None) -> bytes:
    """BCD[6] yymmddhhmmss in GMT+8; None is twelve zeros. Raises Jt808Error outside 2000 to 2099."""
    if utc_ns is None:
        return bytes(6)
    try:
        moment = datetime.datetime.fromtimestamp(utc_ns // 1_000_000_000, GMT8)
    except (ValueError, OverflowError, OSError):
        raise Jt808Error(f"{utc_ns} ns is no date") from None
    if not 2000 <= moment.year <= 2099:
        raise Jt808Error(f"the year {moment.year} does not fit into two digits: is the clock set?")
    return bytes.fromhex(moment.strftime("%y%m%d%H%M%S"))


def decode_time(data: bytes) -> int | None:
    """The inverse, to the second; None for twelve zeros. Raises Jt808Error."""
    if len(data) != 6:
        raise Jt808Error("time: cut off")
    if data == bytes(6):
        return None
    try:
        year, month, day, hour, minute, second = (int(f"{byte:02x}") for byte in data)
        moment = datetime.datetime(2000 + year, month, day, hour, minute, second, tzinfo=GMT8)
    except ValueError:
        raise Jt808Error(f"time: {data.hex()} is no date") from None
    return int(moment.timestamp()) * 1_000_000_000


def scaled_degrees(value: float, limit: float, what: str) -> int:
    """The magnitude in 1e-6 deg. Raises Jt808Error outside -limit..limit."""
    if not abs(value) <= limit:
        raise Jt808Error(f"{what} {value} is not within {limit} degrees")
    return round(abs(value) * 1e6)


def limited(value: float | None, scale: float, most: int, what: str) -> int:
    """Value times scale as an integer from 0 to most; 0 for None. Raises Jt808Error for what is no number."""
    if value is None:
        return 0
    if math.isnan(value):
        raise Jt808Error(f"{what} is not a number")
    return round(min(max(value * scale, 0), most))


def fixed_text(text: str, size: int, what: str) -> bytes:
    """GBK, padded with 00 behind. Raises Jt808Error when it is longer than `size` bytes."""
    data = _gbk(text, what)
    if len(data) > size:
        raise Jt808Error(f"{what} {text!r}: {len(data)} bytes, {size} are possible")
    return data.ljust(size, b"\0")


def text_of(data: bytes, what: str) -> str:
    """GBK without the 00 on both sides (peers pad in front and behind). Raises Jt808Error."""
    try:
        return data.strip(b"\0").decode("gbk")
    except UnicodeDecodeError:
        raise Jt808Error(f"{what}: {data.hex()} is not GBK") from None


def _gbk(text: str, what: str) -> bytes:
    try:
        return text.encode("gbk")
    except UnicodeEncodeError:
        raise Jt808Error(f"{what} {text!r} cannot be written in GBK") from None


def _take(data: bytes, layout: str, offset: int, what: str) -> tuple:
    try:
        return struct.unpack_from(layout, data, offset)
    except struct.error:
        raise Jt808Error(f"{what}: cut off after {len(data)} bytes") from None
