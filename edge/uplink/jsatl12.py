"""T/JSATL 12-2017: active-safety alarms as additional items 0x64 (ADAS) and 0x65 (DSM) of a location report.

The Jiangsu layout only. An alarm says that it has no attachments: sending the pictures and videos that belong
to it (0x9208, 0x1210 to 0x1212) is not built yet.
"""

from __future__ import annotations

import struct
from typing import Literal

import msgspec

from edge.uplink.jt808 import (
    Jt808Error,
    decode_time,
    encode_time,
    fixed_text,
    limited,
    scaled_degrees,
    text_of,
)

ADAS = 0x64
DSM = 0x65

FORWARD_COLLISION, LANE_DEPARTURE, HEADWAY, PEDESTRIAN = 0x01, 0x02, 0x03, 0x04
"""Types of ADAS alarms."""
FATIGUE, PHONE, SMOKING, DISTRACTION, ABNORMAL = 0x01, 0x02, 0x03, 0x04, 0x05
"""Types of DSM alarms."""

LEVEL_SPEED_MPS = 50 / 3.6
"""Faster than this an alarm is of level 2 (default of the parameters 0xF364 and 0xF365)."""

Departure = Literal["left", "right"]
_DEPARTURES: tuple[Departure | None, ...] = (None, "left", "right")


class CarStatus:
    """Bits of the vehicle status WORD."""

    ACC = 1 << 0
    LEFT = 1 << 1
    RIGHT = 1 << 2
    BRAKE = 1 << 4
    FIXED = 1 << 10


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """The tail that all alarms share. Unknown numbers are written as 0; no fix is said by status bit 10.

    terminal_id (7 capitals and digits), utc_ns and sequence (0, 1, ... within one second) are the alarm's
    sign: what ties it to its attachments. Latitude and longitude are magnitudes.
    """

    terminal_id: str
    utc_ns: int | None
    sequence: int
    attachments: int = 0
    status: int = 0
    speed_mps: float | None = None
    altitude_m: float | None = None
    latitude_deg: float | None = None
    longitude_deg: float | None = None


class AdasAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Item 0x64. flag: 0 not applicable, 1 start, 2 end. gap_s: to the one ahead, 0 to 10 s, in 0.1 s."""

    alarm_id: int
    kind: int
    level: int
    scene: Scene
    flag: int = 0
    front_speed_mps: float | None = None
    gap_s: float | None = None
    departure: Departure | None = None
    sign_kind: int = 0
    sign_value: int = 0


class DsmAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Item 0x65. fatigue_degree: 1 to 10 for FATIGUE, else 0."""

    alarm_id: int
    kind: int
    level: int
    scene: Scene
    flag: int = 0
    fatigue_degree: int = 0


def encode_adas(alarm: AdasAlarm) -> bytes:
    """The 47 bytes of item 0x64. Raises Jt808Error."""
    try:
        head = struct.pack(
            ">IBBBBBBBB",
            alarm.alarm_id,
            alarm.flag,
            alarm.kind,
            alarm.level,
            limited(alarm.front_speed_mps, 3.6, 250, "speed of the vehicle ahead"),
            limited(alarm.gap_s, 10, 100, "time gap"),
            _DEPARTURES.index(alarm.departure),
            alarm.sign_kind,
            alarm.sign_value,
        )
    except struct.error as error:
        raise Jt808Error(f"ADAS alarm: {error}") from None
    return head + _encode_scene(alarm.scene)


def decode_adas(data: bytes) -> AdasAlarm:
    """The inverse. Raises Jt808Error."""
    scene = _decode_scene(data, "ADAS alarm")
    alarm_id, flag, kind, level, speed, gap, departure, sign, value = struct.unpack_from(">IBBBBBBBB", data)
    if departure > 2:
        raise Jt808Error(f"ADAS alarm: departure {departure} is neither left nor right")
    return AdasAlarm(
        alarm_id=alarm_id,
        kind=kind,
        level=level,
        scene=scene,
        flag=flag,
        front_speed_mps=speed / 3.6,
        gap_s=gap / 10,
        departure=_DEPARTURES[departure],
        sign_kind=sign,
        sign_value=value,
    )


def encode_dsm(alarm: DsmAlarm) -> bytes:
    """The 47 bytes of item 0x65. Raises Jt808Error."""
    try:
        head = struct.pack(
            ">IBBBB4x", alarm.alarm_id, alarm.flag, alarm.kind, alarm.level, alarm.fatigue_degree
        )
    except struct.error as error:
        raise Jt808Error(f"DSM alarm: {error}") from None
    return head + _encode_scene(alarm.scene)


def decode_dsm(data: bytes) -> DsmAlarm:
    """The inverse. Raises Jt808Error."""
    scene = _decode_scene(data, "DSM alarm")
    alarm_id, flag, kind, level, degree = struct.unpack_from(">IBBBB", data)
    return DsmAlarm(alarm_id=alarm_id, kind=kind, level=level, scene=scene, flag=flag, fatigue_degree=degree)


def _encode_scene(scene: Scene) -> bytes:
    latitude = longitude = 0
    status = scene.status & ~CarStatus.FIXED
    if scene.latitude_deg is not None and scene.longitude_deg is not None:
        latitude = scaled_degrees(scene.latitude_deg, 90, "latitude")
        longitude = scaled_degrees(scene.longitude_deg, 180, "longitude")
        status |= CarStatus.FIXED
    speed = limited(scene.speed_mps and abs(scene.speed_mps), 3.6, 250, "speed")
    altitude = limited(scene.altitude_m, 1, 0xFFFF, "altitude")
    time = encode_time(scene.utc_ns)
    try:
        return (
            struct.pack(">BHII", speed, altitude, latitude, longitude)
            + time
            + struct.pack(">H", status)
            + fixed_text(scene.terminal_id, 7, "terminal id")
            + time
            + struct.pack("BBx", scene.sequence, scene.attachments)
        )
    except struct.error as error:
        raise Jt808Error(f"alarm: {error}") from None


def _decode_scene(data: bytes, what: str) -> Scene:
    if len(data) != 47:
        raise Jt808Error(f"{what}: {len(data)} bytes instead of 47")
    speed, altitude, latitude, longitude, time, status, terminal, sign_time, sequence, attachments = (
        struct.unpack_from(">BHII6sH7s6sBBx", data, 12)
    )
    if latitude > 90_000_000 or longitude > 180_000_000:
        raise Jt808Error(f"{what}: latitude {latitude / 1e6} or longitude {longitude / 1e6} is not on Earth")
    if sign_time != time:
        raise Jt808Error(f"{what}: its sign is of another time ({sign_time.hex()}, not {time.hex()})")
    fixed = status & CarStatus.FIXED
    return Scene(
        terminal_id=text_of(terminal, "terminal id"),
        utc_ns=decode_time(time),
        sequence=sequence,
        attachments=attachments,
        status=status & ~CarStatus.FIXED,
        speed_mps=speed / 3.6,
        altitude_m=float(altitude),
        latitude_deg=latitude / 1e6 if fixed else None,
        longitude_deg=longitude / 1e6 if fixed else None,
    )
