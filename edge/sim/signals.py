"""SIMULATION: what the simulated car, its satellite receiver and its neighbours say."""

from __future__ import annotations

import datetime
import math

from edge.messages import PeerEvent, RemoteObject
from edge.sim.scene import Scene

HARD_BRAKING_MPS2 = 0.4 * 9.80665  # SAE J2735: eventHardBraking, more than 0.4 g
KNOT_MPS = 1852.0 / 3600.0


def car_signals(scene: Scene, previous: Scene | None = None) -> dict[str, float]:
    """Physical values by "MESSAGE.SIGNAL" of configs/vehicles/simulated.dbc, in that file's units.

    previous: a scene a little earlier, for the part of the hands' torque that goes with the turning rate.
    """
    own = scene.own
    rate_radps = 0.0
    if previous is not None and scene.t_s > previous.t_s:
        rate_radps = (own.steering_angle_rad - previous.own.steering_angle_rad) / (scene.t_s - previous.t_s)
    return {
        "SPEED.SPEED": own.speed_mps * 3.6,
        "MOTION.ACCELERATION": own.acceleration_mps2,
        "MOTION.LATERAL_ACCELERATION": own.lateral_acceleration_mps2,
        "MOTION.YAW_RATE": math.degrees(own.yaw_rate_radps),
        "STEERING.ANGLE": math.degrees(own.steering_angle_rad),
        "STEERING.TORQUE": 1.2 * own.lateral_acceleration_mps2 + 0.4 * rate_radps,
        "PEDALS.ACCELERATOR": 100.0 * own.accelerator_ratio,
        "PEDALS.BRAKE": 100.0 * own.brake_ratio,
        "PEDALS.BRAKE_PRESSED": float(own.brake_pressed),
        "STABILITY.ABS_ACTIVE": float(own.abs_active),
        "STABILITY.ESC_ACTIVE": 0.0,
        "BODY.INDICATOR_LEFT": float(own.indicator == "left"),
        "BODY.INDICATOR_RIGHT": float(own.indicator == "right"),
        "BODY.GEAR": 3.0,
    }


def nmea(scene: Scene, utc_ns: int) -> list[str]:
    """RMC and GGA sentences of our place (NMEA 0183 4.1), without line ends; speed in knots."""
    own = scene.own
    date = datetime.datetime.fromtimestamp(utc_ns // 1_000_000_000, tz=datetime.timezone.utc)
    hundredths = utc_ns % 1_000_000_000 // 10_000_000
    clock = f"{date:%H%M%S}.{hundredths:02d}"
    place = _angle(own.latitude_deg, 2, "NS") + "," + _angle(own.longitude_deg, 3, "EW")
    speed, course = own.speed_mps / KNOT_MPS, own.course_deg % 360.0
    return [
        _sentence(f"GNRMC,{clock},A,{place},{speed:.3f},{course:.2f},{date:%d%m%y},,,A,V"),
        _sentence(f"GNGGA,{clock},{place},1,12,0.8,12.0,M,0.0,M,,"),
    ]


def _angle(degrees: float, digits: int, signs: str) -> str:
    minutes = round(abs(degrees) * 60.0 * 1e6)  # in millionths
    whole, part = divmod(minutes, 60_000_000)
    return f"{whole:0{digits}d}{part / 1e6:09.6f},{signs[degrees < 0]}"


def _sentence(body: str) -> str:
    checksum = 0
    for character in body:
        checksum ^= ord(character)
    return f"${body}*{checksum:02X}"


def peers(scene: Scene) -> list[tuple[int, RemoteObject]]:
    """What each vehicle that speaks V2X says of itself: (station id, content)."""
    said = []
    for other in scene.others:
        if other.station_id is None:
            continue
        events: tuple[PeerEvent, ...] = (
            ("hard_braking",) if other.acceleration_mps2 < -HARD_BRAKING_MPS2 else ()
        )
        content = RemoteObject(
            kind=other.kind,
            latitude_deg=other.latitude_deg,
            longitude_deg=other.longitude_deg,
            altitude_m=12.0,
            speed_mps=other.speed_mps,
            heading_deg=other.course_deg % 360.0,
            acceleration_mps2=other.acceleration_mps2,
            yaw_rate_radps=other.yaw_rate_radps,
            length_m=other.length_m,
            width_m=other.width_m,
            accuracy_m=1.0,
            brake_pressed=other.brake_lamps,
            events=events,
        )
        said.append((other.station_id, content))
    return said
