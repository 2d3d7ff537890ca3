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
    "traction_control_active": "1 while the traction control works",
    "hazard_lights": "1 while the hazard lights are on",
    "air_bag": "1 once an air bag was fired",
    "flat_tyre": "1 while a tyre is flat",
    "disabled": "1 while the car says that it cannot drive on",
    "light_bar": "1 while the flashing beacons of an emergency vehicle are on",
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
    """One fix of a satellite receiver, WGS 84. heading_deg clockwise from north; utc_ns since 1970.

    altitude_m: above the sea; geoid_separation_m: of the sea above the ellipsoid there, so that the sum is
    the height that V2X messages carry.
    """

    source: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float | None = None
    geoid_separation_m: float | None = None
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
    "flat_tyre", "disabled", "air_bag", "stop_line_violation", "hazardous_materials", "emergency_vehicle",
]  # fmt: skip


class RemoteObject(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Another road user, as it describes itself or as others see it, whatever the standard.

    id: "" for the sender itself, else the number that the sender gave what it sees; measured_ns: when this
    held, None: when it was heard; heading_deg: of its front, clockwise from north; speed_mps: negative
    backwards; acceleration_mps2: along its heading; yaw_rate_radps: to the left positive; accuracy_m: radius
    of 95 % confidence; confidence_ratio: how sure the sender is that it exists.
    """

    kind: str  # of RoadUser, or "unknown"
    latitude_deg: float
    longitude_deg: float
    id: str = ""
    measured_ns: int | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    acceleration_mps2: float | None = None
    yaw_rate_radps: float | None = None
    length_m: float | None = None
    width_m: float | None = None
    accuracy_m: float | None = None
    confidence_ratio: float | None = None
    brake_pressed: bool | None = None
    indicator: Literal["off", "left", "right", "both"] | None = None
    events: tuple[str, ...] = ()  # of PeerEvent


class PerceivedObjects(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the sender sees around it: CPM, RSM. Each has an id that is its own within the sender."""

    objects: tuple[RemoteObject, ...]


RoadEventKind = Literal[
    "accident", "stationary_vehicle", "broken_down_vehicle", "road_works", "obstacle", "person_on_road",
    "animal_on_road", "traffic_jam", "slippery_road", "low_visibility", "bad_weather", "wrong_way_driver",
    "emergency_vehicle", "rescue_works", "slow_vehicle", "hard_braking", "loss_of_control",
    "signal_violation", "collision_risk", "dangerous_curve", "dangerous_spot", "speed_limit", "sign", "other",
]  # fmt: skip


class RoadEvent(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something at a place: DENM, an entry of RSI, a sign or a zone of IVIM.

    id: its own within the sender, it stays through updates; code: the standard's number: cause * 256 + sub
    cause (ETSI), event type of GB/T 29100 or sign type of GB 5768.2 (China); path: (latitude, longitude) of
    the way towards it or along it, first the point nearest to it; from_ns, until_ns: monotonic; over: it was
    cancelled or negated; radius_m: how far what it is about extends, not who is to know of it; heading_deg:
    of the traffic that it concerns, None: any; priority: 0 to 7, the most urgent, among events or among signs
    of the sender.
    """

    id: str
    kind: str  # of RoadEventKind
    latitude_deg: float
    longitude_deg: float
    code: int | None = None
    text: str = ""
    measured_ns: int | None = None
    from_ns: int | None = None
    until_ns: int | None = None
    over: bool = False
    radius_m: float | None = None
    heading_deg: float | None = None
    speed_mps: float | None = None  # of what it is about
    speed_limit_mps: float | None = None
    path: tuple[tuple[float, float], ...] = ()
    path_width_m: float | None = None
    confidence_ratio: float | None = None
    priority: int | None = None


class RoadEvents(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All events and signs of one message."""

    events: tuple[RoadEvent, ...]


Manoeuvre = Literal["straight", "left", "right", "u_turn"]


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """From the end of a lane onward: manoeuvre None: not said; group: the signal group that governs it."""

    manoeuvre: str | None = None  # of Manoeuvre
    group: int | None = None
    to_lane: int | None = None


class MapLane(msgspec.Struct, frozen=True, kw_only=True):
    """One lane. points: (latitude, longitude) from the stop line outward; approach: it leads to it."""

    id: int
    points: tuple[tuple[float, float], ...]
    approach: bool = True
    width_m: float | None = None
    speed_limit_mps: float | None = None
    connections: tuple[Connection, ...] = ()


class Intersection(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One intersection. id: "region.number", region 0 where none is said."""

    id: str
    latitude_deg: float
    longitude_deg: float
    name: str = ""
    lanes: tuple[MapLane, ...] = ()


class Intersections(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All intersections of one MAP or MAPEM."""

    intersections: tuple[Intersection, ...]


LightState = Literal[
    "dark", "red", "red_flashing", "red_yellow", "yellow", "yellow_flashing", "green", "green_yielding",
    "green_flashing", "unknown",
]  # fmt: skip


class SignalPhase(msgspec.Struct, frozen=True, kw_only=True):
    """What a light shows, now or later; times monotonic, None: not said. green_yielding: give way."""

    state: str  # of LightState
    from_ns: int | None = None
    earliest_end_ns: int | None = None
    latest_end_ns: int | None = None
    likely_end_ns: int | None = None
    confidence_ratio: float | None = None


class SignalState(msgspec.Struct, frozen=True, kw_only=True):
    """One signal group. intersection: Intersection.id; phases: first what it shows now, then what follows."""

    intersection: str
    group: int
    phases: tuple[SignalPhase, ...]


class SignalStates(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All signal groups of one SPAT or SPATEM."""

    signals: tuple[SignalState, ...]


PeerContent: TypeAlias = RemoteObject | PerceivedObjects | RoadEvents | Intersections | SignalStates


class PeerHeard(Message, frozen=True, kw_only=True):
    """One V2X message of a peer or of the roadside, mapped to the neutral model.

    standard: "csae53", "etsi" or "j2735"; message: "BSM", "CAM", ...; sender: the station id as hex or
    decimal text; counter: the sender's message counter or generation time, for telling duplicates;
    measured_ns: when its content held, by the sender's clock, None: not said or not to be believed.
    """

    link: str
    standard: str
    message: str
    sender: str
    counter: int
    trust: Literal["signed", "unsigned"]
    content: PeerContent
    measured_ns: int | None = None


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
    """A peer in our own frame: ahead_m forward, left_m to the left; age since its state held.

    seen_by: "" when it speaks for itself, else the sender that sees it; track: the number of the track of
    our own camera that is the same road user.
    """

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
    seen_by: str = ""
    track: int | None = None


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
    """What the gate lets out by radio: our own state with its events, an event of the road that the core
    decided on (over: it has ended), or what our cameras see."""

    content: RemoteObject | RoadEvent | PerceivedObjects
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
    OwnCar
    | Road
    | Driver
    | Peers
    | Warning
    | Request
    | Transmit
    | Announce
    | Ask
    | Refused
    | Unavailable
    | Gap
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
