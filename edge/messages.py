"""Every message of the house: frozen, stamped, with units in the field names.

A message that enters the core is an *input*, one that leaves it an *output*. All times are int64 nanoseconds
on one monotonic clock. `None` means unknown: stale, invalid or not available, never zero. Arrays are numpy
float64 and read-only. `encode` and `decode` give JSON, so that a recording can be read by anything.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

FloatArray: TypeAlias = np.ndarray
"""float64, read-only; the shape is given beside each field."""

RoadUser = Literal["car", "truck", "bus", "motorcycle", "bicycle", "person"]
"""What a detection, a track or a peer can be."""

CAR_SIGNALS: dict[str, str] = {
    "speed_mps": "speed over ground, forward positive",
    "acceleration_mps2": "longitudinal acceleration, speeding up positive",
    "lateral_acceleration_mps2": "lateral acceleration, to the left positive",
    "yaw_rate_radps": "turning rate, to the left positive",
    "steering_angle_rad": "angle of the steering wheel, to the left positive",
    "steering_torque_nm": "torque of the driver's hands on the wheel, to the left positive",
    "accelerator_ratio": "accelerator pedal, 0 released to 1 pressed",
    "brake_pressed": "1 while the driver or the car brakes",
    "brake_ratio": "brake pedal or demand, 0 to 1",
    "indicator_left": "1 while the left turn indicator is on",
    "indicator_right": "1 while the right turn indicator is on",
    "reverse": "1 in reverse gear",
    "abs_active": "1 while the anti-lock brake works",
    "esc_active": "1 while the stability control works",
    "lead_distance_m": "distance to the vehicle ahead, by the car's own radar",
    "lead_relative_speed_mps": "its speed relative to ours, approaching negative, by the car's own radar",
}
"""The signals that the core understands: a file in configs/vehicles maps DBC signals to these names."""


class Message(msgspec.Struct, frozen=True, kw_only=True, tag=True, gc=True):
    """What all messages share.

    t_ns: when it happened or was received, monotonic, stamped as close to the hardware as possible.
    """

    t_ns: int


# ---------------------------------------------------------------- in


class Signals(Message, frozen=True, kw_only=True):
    """Decoded, subscribed signals of one batch of CAN frames, in bus order; t_ns is that of the last.

    names[i] is a key of CAR_SIGNALS; values[i] is None if its frame failed a check or says "not available";
    stamps_ns[i] is the time of its frame.
    """

    bus: str
    names: tuple[str, ...]
    values: tuple[float | None, ...]
    stamps_ns: tuple[int, ...]


class Detections(msgspec.Struct, frozen=True, kw_only=True):
    """N objects: kinds (N of RoadUser), scores (N,) 0..1, boxes (N, 4) left, top, right, bottom in px."""

    kinds: tuple[str, ...]
    scores: FloatArray
    boxes: FloatArray

    def __len__(self) -> int:
        return len(self.kinds)


class LaneLine(msgspec.Struct, frozen=True, kw_only=True):
    """One painted line: points (M, 2) in px from near (bottom) to far, M >= 2; score 0..1."""

    points: FloatArray
    score: float


class TrafficLight(msgspec.Struct, frozen=True, kw_only=True):
    """One traffic light; box: left, top, right, bottom px; state None: not judged, or not surely."""

    score: float
    box: tuple[float, float, float, float]
    state: Literal["red", "yellow", "green", "off"] | None = None


class Sign(msgspec.Struct, frozen=True, kw_only=True):
    """One traffic sign; box: left, top, right, bottom px; kind None: not judged, or not surely."""

    score: float
    box: tuple[float, float, float, float]
    kind: str | None = None


class RoadView(Message, frozen=True, kw_only=True):
    """What the networks saw in one picture of a road camera. Coordinates are px of the picture as captured.

    t_ns: when the result was ready; taken_ns: when the picture was taken; free_space (M, 2): px, from left to
    right, where the road ahead ends at the top, column by column. What no model of that camera looks for is
    None.
    """

    camera: str
    taken_ns: int
    frame_id: int
    width_px: int
    height_px: int
    models: tuple[str, ...]
    detections: Detections | None = None
    lanes: tuple[LaneLine, ...] | None = None
    free_space: FloatArray | None = None
    lights: tuple[TrafficLight, ...] | None = None
    signs: tuple[Sign, ...] | None = None


class Face(msgspec.Struct, frozen=True, kw_only=True):
    """The driver's face. None: no model of this camera says it, or it said so without confidence.

    box: left, top, right, bottom px. Angles in degrees as seen by the driver: yaw to the left, pitch up, roll
    clockwise (head towards the right shoulder) positive; gaze is relative to the camera axis, head included.
    eye openness: 0 closed to 1 open.
    """

    score: float
    box: tuple[float, float, float, float]
    left_eye_open: float | None = None
    right_eye_open: float | None = None
    head_yaw_deg: float | None = None
    head_pitch_deg: float | None = None
    head_roll_deg: float | None = None
    gaze_yaw_deg: float | None = None
    gaze_pitch_deg: float | None = None
    landmarks: FloatArray | None = None  # (K, 2) px


class DriverView(Message, frozen=True, kw_only=True):
    """What the networks saw in one picture of the driver camera; face is None when there is none."""

    camera: str
    taken_ns: int
    frame_id: int
    width_px: int
    height_px: int
    models: tuple[str, ...]
    face: Face | None = None


class Position(Message, frozen=True, kw_only=True):
    """One fix of a satellite receiver, WGS 84. heading_deg clockwise from north; utc_ns since 1970."""

    source: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    satellites: int | None = None
    utc_ns: int | None = None


class Motion(Message, frozen=True, kw_only=True):
    """One sample of an inertial unit in the car's frame: x forward, y left, z up."""

    source: str
    acceleration_mps2: tuple[float, float, float]
    rate_radps: tuple[float, float, float]


PeerEvent = Literal[
    "hard_braking", "abs_active", "traction_control_active", "stability_control_active", "hazard_lights",
    "flat_tyre", "disabled", "emergency_vehicle",
]  # fmt: skip


class RemoteObject(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Another road user as it describes itself, whatever the standard. heading_deg clockwise from north."""

    kind: str  # of RoadUser, or "unknown"
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    acceleration_mps2: float | None = None
    yaw_rate_radps: float | None = None
    length_m: float | None = None
    width_m: float | None = None
    accuracy_m: float | None = None
    brake_pressed: bool | None = None
    events: tuple[str, ...] = ()  # of PeerEvent


class PeerHeard(Message, frozen=True, kw_only=True):
    """One V2X message of a peer or of the roadside, mapped to the neutral model.

    standard: "csae53", "etsi" or "j2735"; message: "BSM", "CAM", ...; sender: the station id as hex or
    decimal text; counter: the sender's message counter or generation time, for telling duplicates.
    """

    link: str
    standard: str
    message: str
    sender: str
    counter: int
    trust: Literal["signed", "unsigned"]
    content: RemoteObject


class Answer(Message, frozen=True, kw_only=True):
    """What an ECU said to a question of the config: t_ns is the time of its last frame.

    name: of the question; source: the id that answered, in hex, "" if none did; what: the standard's name of
    the value; text: where it is words or bytes; reason: why there is no value, "" if there is one.
    """

    bus: str
    name: str
    source: str = ""
    what: str = ""
    value: float | None = None
    unit: str = ""
    text: str = ""
    reason: str = ""


class Command(Message, frozen=True, kw_only=True):
    """A setting changed while driving, by whom."""

    name: str
    value: str
    asked_by: str


class Tick(Message, frozen=True, kw_only=True):
    """The clock says so, 100 times a second."""

    number: int


class Gap(Message, frozen=True, kw_only=True):
    """Something was lost: count things of `source` since the last Gap of the same source and reason."""

    source: str
    reason: str
    count: int


class Health(Message, frozen=True, kw_only=True):
    """How a part is: source "can:can0", "camera:road", "gnss", "v2x", ...; figures carry their unit."""

    source: str
    state: Literal["ok", "degraded", "failed"]
    detail: str = ""
    figures: dict[str, float] = {}


# ---------------------------------------------------------------- out


class OwnCar(Message, frozen=True, kw_only=True):
    """Our own car as the core sees it; every field None when its source is stale or invalid."""

    speed_mps: float | None
    acceleration_mps2: float | None
    yaw_rate_radps: float | None
    steering_angle_rad: float | None
    brake_pressed: bool | None
    indicator: Literal["off", "left", "right", "both"] | None
    latitude_deg: float | None
    longitude_deg: float | None
    heading_deg: float | None
    position_accuracy_m: float | None
    speed_age_s: float | None


class Track(msgspec.Struct, frozen=True, kw_only=True):
    """One road user followed from picture to picture.

    box: px of that picture; distance_m: from the front of our car to its nearest face, along the road;
    lateral_m: its middle, to the left positive; closing_speed_mps: positive when the gap shrinks; ttc_s: None
    when it does not shrink. *_sd: standard deviations.
    """

    id: int
    kind: str
    box: tuple[float, float, float, float]
    score: float
    age_s: float
    distance_m: float | None
    distance_sd_m: float | None
    lateral_m: float | None
    closing_speed_mps: float | None
    closing_speed_sd_mps: float | None
    ttc_s: float | None
    in_path: bool


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """Our lane: from the car's left and right side to the lines (negative: beyond), how fast that changes
    (negative: approaching), its width; None where a line is not seen."""

    left_m: float | None
    right_m: float | None
    left_rate_mps: float | None
    right_rate_mps: float | None
    width_m: float | None


class Road(Message, frozen=True, kw_only=True):
    """The road ahead as of one RoadView: t_ns is that view's, taken_ns when its picture was taken."""

    camera: str
    taken_ns: int
    frame_id: int
    tracks: tuple[Track, ...]
    lane: Lane | None
    lead_id: int | None
    headway_s: float | None


class Driver(Message, frozen=True, kw_only=True):
    """The driver as of one DriverView. neutral_*: the learnt straight-ahead pose, None until learnt."""

    camera: str
    taken_ns: int
    frame_id: int
    face: bool
    eyes_closed: bool | None
    eyes_closed_s: float | None
    perclos_ratio: float | None
    looking_away: bool | None
    looking_away_s: float | None
    away_in_30_s: float | None
    neutral_yaw_deg: float | None
    neutral_pitch_deg: float | None


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """A peer in our own frame: ahead_m forward, left_m to the left; age since it was heard."""

    sender: str
    kind: str
    standard: str
    trust: str
    age_s: float
    latitude_deg: float
    longitude_deg: float
    speed_mps: float | None
    heading_deg: float | None
    ahead_m: float | None
    left_m: float | None
    distance_m: float | None
    events: tuple[str, ...]


class Peers(Message, frozen=True, kw_only=True):
    """Everyone heard lately, nearest first, once a second and after each change of events."""

    peers: tuple[Peer, ...]


WarningLevel = Literal["information", "warning", "alarm"]


class Warning(Message, frozen=True, kw_only=True):
    """A warning began, changed its level, or ended (active False). since_ns: when it began.

    values and thresholds: the figures that led to it, units in their names; object: "track:7", "peer:1a2b".
    """

    name: str
    level: WarningLevel
    active: bool
    since_ns: int
    cause: str
    values: dict[str, float]
    thresholds: dict[str, float]
    object: str = ""
    based_on_ns: int | None = None  # when the picture, frame or message that it rests on was taken


class Request(Message, frozen=True, kw_only=True):
    """A wish to the car, for the gate to judge: never a frame. based_on_ns: the time of its oldest input."""

    what: Literal["brake", "warn_display"]
    value: float
    cause: str
    based_on_ns: int


class Transmit(Message, frozen=True, kw_only=True):
    """What the gate lets onto a bus. dry_run: it is recorded and shown, never sent."""

    bus: str
    message: str
    signals: dict[str, float]
    cause: str
    dry_run: bool


class Announce(Message, frozen=True, kw_only=True):
    """What the gate lets out by radio: our own state, and the events that the core decided."""

    content: RemoteObject
    cause: str


class Ask(Message, frozen=True, kw_only=True):
    """A question to an ECU that the gate lets onto a bus, by its name in the config. dry_run: never sent."""

    bus: str
    name: str
    request_id: int
    service: int
    identifier: int
    dry_run: bool


class Refused(Message, frozen=True, kw_only=True):
    """The gate said no, and why. count: how many times since the last Refused of the same reason."""

    what: str
    reason: str
    count: int


class Unavailable(Message, frozen=True, kw_only=True):
    """A function cannot do its work, and which input is to blame; over: it can again."""

    function: str
    input: str
    reason: str
    since_ns: int
    over: bool = False


Input: TypeAlias = (
    Signals | RoadView | DriverView | Position | Motion | PeerHeard | Answer | Command | Tick | Gap | Health
)
Output: TypeAlias = (
    OwnCar | Road | Driver | Peers | Warning | Request | Transmit | Announce | Ask | Refused | Unavailable
)

DECISIONS = (Warning, Request, Transmit, Announce, Ask, Refused, Unavailable)
"""The outputs that the digest of a drive is made of, beside the states they rest on."""


def _to_builtin(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"a message cannot hold {type(value).__name__}")


def _from_builtin(kind: Any, value: Any) -> Any:
    if kind is np.ndarray:
        return read_only(value)
    raise NotImplementedError(f"a message cannot hold {kind}")


def read_only(values: Any) -> FloatArray:
    """A float64 array that nobody can write to; JSON's null becomes NaN."""
    array = np.array(values, dtype=np.float64)
    array.flags.writeable = False
    return array


_encoder = msgspec.json.Encoder(enc_hook=_to_builtin)
_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(Input | Output, dec_hook=_from_builtin)


def encode(message: Message) -> bytes:
    """One message as JSON; the field "type" names it."""
    return _encoder.encode(message)


def decode(data: bytes) -> Message:
    """The message that `encode` wrote, equal in every bit. Raises msgspec.ValidationError on others."""
    return _decoder.decode(data)
