"""What we are told: one typed tree per rig, read from TOML.

Paths inside a file are relative to that file. An unknown key is an error that names the nearest right one.
Every threshold of a rule is here, with its default and where that comes from; none is a constant in a rule.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

_CHECKOUT = Path(__file__).parent.parent
_INSTALLED = Path(__file__).parent / "_shipped"


class UserError(Exception):
    """Something that the user gave us cannot be used; the text says what, where, and what to do."""


class ConfigError(UserError):
    """A config that cannot be used; the text says which file, where in it, and what to do."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the TOML file."""


# ---------------------------------------------------------------- the car and its eyes


class Geometry(Section, frozen=True, kw_only=True):
    """How a road camera sits in the car: a file in configs/cameras.

    width_px and height_px are those for which the focal length holds; other sizes scale. pitch_deg is
    positive when the camera looks down, yaw_deg when it looks left, left_m when it sits left of the middle.
    ahead_m: from the camera to the front bumper.
    """

    width_px: int
    height_px: int
    focal_px: float
    height_m: float = 1.3
    pitch_deg: float = 0.0
    yaw_deg: float = 0.0
    left_m: float = 0.0
    ahead_m: float = 1.5
    center_x_px: float | None = None
    center_y_px: float | None = None


class SignalMapping(Section, frozen=True, kw_only=True):
    """Where one of messages.CAR_SIGNALS comes from: value = raw physical value * scale + offset.

    signal is "MESSAGE.SIGNAL" of the DBC. equals: if given, the value is 1.0 when the physical value is one
    of these, else 0.0. minimum, maximum: physical values of the DBC signal that are believed, in place of the
    DBC's own range; what is outside says "not available".
    """

    signal: str
    bus: str | None = None
    scale: float = 1.0
    offset: float = 0.0
    equals: tuple[float, ...] | None = None
    minimum: float | None = None
    maximum: float | None = None


Maker = Literal[
    "chrysler", "comma_body", "fca_giorgio", "honda", "hyundai_canfd", "nissan", "psa", "subaru", "tesla",
    "toyota", "vw_mlb", "vw_mqb", "vw_pq",
]  # fmt: skip
"""Whose counters and checksums can be checked and filled, by the signals CHECKSUM and COUNTER."""


class Dbc(Section, frozen=True, kw_only=True):
    """One DBC file and the bus that it describes; no bus: every bus.

    maker: as Vehicle.maker, for the messages of this file alone; "none": they carry no checksum.
    """

    file: str
    bus: str | None = None
    maker: Maker | Literal["none"] | None = None


class Protection(Section, frozen=True, kw_only=True):
    """How one message is protected against damage and loss.

    kind: a maker's checksum, one of "hyundai_6b", "hyundai_7b", "hyundai_crc8", "subaru_preglobal",
    "nibble_sum" and "nibble_xor" (over all other nibbles) and "icv" (CRC-8 SAE J1850 over id and data), an
    AUTOSAR E2E profile ("1C" is profile 1, variant C; "1" includes the low byte of the data id alone),
    "counter" for a counter without a checksum, or "none".

    checksum, counter: the signals that carry them; not given: CHECKSUM and COUNTER, in an E2E profile the
    places of the standard, `offset_bytes` into the frame. data_id: of profiles 1 and 5, data_ids: the 16 of
    profile 2. max_delta, max_repeated, sync: MaxDeltaCounter(Init), MaxNoNewOrRepeatedData and
    SyncCounterInit of E2E.
    """

    kind: Maker | Literal[
        "hyundai_6b", "hyundai_7b", "hyundai_crc8", "subaru_preglobal", "nibble_sum", "nibble_xor", "icv",
        "counter", "none",
        "1A", "1B", "1C", "1", "2", "5",
    ]  # fmt: skip
    checksum: str | None = None
    counter: str | None = None
    offset_bytes: int = 0
    data_id: int | None = None
    data_ids: tuple[int, ...] = ()
    max_delta: int = 1
    max_repeated: int = 14
    sync: int = 0


class GateRule(Section, frozen=True, kw_only=True):
    """One message that may leave: its signal's bounds and how fast it may change and be sent."""

    bus: str
    message: str
    signal: str
    minimum: float
    maximum: float
    max_rate_per_s: float | None = None
    min_interval_ms: float = 50.0


class Vehicle(Section, frozen=True, kw_only=True):
    """A kind of car: a file in configs/vehicles. gate maps Request.what to what it may become on the bus.

    maker: whose counters and checksums the messages carry that have the signals CHECKSUM and COUNTER.
    protection: by message, in place of the maker's. A message that fails makes its signals unknown.

    timeout_periods: a message that has not come for so many of its periods makes its signals unknown, 0:
    never. Its period is GenMsgCycleTime, or what is measured in its first second. timeouts_ms: by message, in
    place of that, 0: never.
    """

    title: str
    kind: Literal["car", "truck", "bus", "motorcycle"] = "car"
    emergency: bool = False  # police, fire brigade, ambulance: it may say so on the radio
    length_m: float = 4.6
    width_m: float = 1.8
    steering_ratio: float = 15.0
    wheelbase_m: float = 2.7
    dbc: tuple[Dbc, ...] = ()
    maker: Maker | None = None
    protection: dict[str, Protection] = {}
    timeout_periods: float = 10.0
    timeouts_ms: dict[str, float] = {}
    signals: dict[str, SignalMapping] = {}
    gate: dict[str, GateRule] = {}


# ---------------------------------------------------------------- inputs


class Can(Section, frozen=True, kw_only=True):
    """One bus. kind "socketcan" and "slcan" are ours, "simulated" needs a scenario, others are python-can's.

    bitrate, data_bitrate (of CAN FD): bit/s, for adapters that are told by us, and for the load of the bus;
    the interfaces of SocketCAN are set by `ip link` and tell it themselves.
    """

    name: str
    kind: str = "socketcan"
    channel: str = "can0"
    bitrate: int | None = None
    data_bitrate: int | None = None
    options: dict[str, str | int | bool] = {}


ControlValue = int | float | bool | str | tuple[float, ...]


class Camera(Section, frozen=True, kw_only=True):
    """One camera. kind and address: "v4l2" a device ("0", "/dev/video0", a link in /dev/v4l/by-id),
    "picamera2" the number of a Raspberry Pi's camera, "gstreamer" a pipeline, "rtsp" an address, "file" a
    video or a folder of pictures, "recording" a drive, of which the camera of the same name is shown.

    models: names from models/zoo.toml; none: those of [perception] preset. geometry: a file in
    configs/cameras, for road cameras. width_px, height_px: of v4l2, picamera2 and simulated cameras.

    fps: what is asked for or, of a pipeline or a stream, what is to be expected: a camera has failed that
    gives no picture for 1.5 s, or for three periods. format: what a v4l2 camera is asked for; "auto": the
    one that costs least among those that are fast enough. controls: by the names of the driver
    (`v4l2-ctl -l`) or of libcamera, set in this order when the camera is opened.
    """

    name: str
    role: Literal["road", "driver"]
    kind: Literal["v4l2", "picamera2", "gstreamer", "rtsp", "file", "recording", "simulated"] = "v4l2"
    address: str = "0"
    models: tuple[str, ...] = ()
    geometry: str | None = None
    width_px: Annotated[int, msgspec.Meta(ge=8, le=16384)] | None = None
    height_px: Annotated[int, msgspec.Meta(ge=8, le=16384)] | None = None
    fps: Annotated[float, msgspec.Meta(gt=0, le=1000)] = 20.0
    format: Literal["auto", "nv12", "yuyv", "uyvy", "grey", "mjpeg"] = "auto"
    controls: dict[str, ControlValue] = {}
    frozen_after_s: Annotated[float, msgspec.Meta(gt=0, le=1e6)] = 1.0


CanId = Annotated[int, msgspec.Meta(ge=0, le=0x1FFFFFFF)]


class Question(Section, frozen=True, kw_only=True):
    """Something to ask an ECU for again and again: [[diagnostics]]. Nothing is asked unless [rules.gate] says
    diagnostics = true and dry_run = false, and only services that read are let out.

    service: 0x01 (OBD-II, current data), 0x22 (UDS, read data), 0x19 (UDS, trouble codes), 0x3E (tester
    present); identifier: PID, data identifier, status mask. request_id: 0x7DF asks every ECU; beyond 0x7FF it
    has 29 bits. response_id: None where ISO 15765-4 says which. Of a data identifier (0x22): which bytes of
    its data make the value, the most significant first (bytes 0: all), value = number * scale + offset.
    """

    name: str
    bus: str
    service: int
    identifier: int = 0
    request_id: CanId = 0x7DF
    response_id: CanId | None = None
    period_s: Annotated[float, msgspec.Meta(gt=0, le=1e9)] = 1.0
    first_byte: Annotated[int, msgspec.Meta(ge=0)] = 0
    bytes: Annotated[int, msgspec.Meta(ge=0)] = 0
    signed: bool = False
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""


class Gnss(Section, frozen=True, kw_only=True):
    """One satellite receiver that speaks NMEA 0183."""

    name: str = "gnss"
    kind: Literal["serial", "simulated"] = "serial"
    port: str = "/dev/ttyACM0"
    baud: int = 9600


class V2xLink(Section, frozen=True, kw_only=True):
    """The way that packets take. Which keys count depends on kind.

    udp_multicast, for stations on one desk or one network: group, port, interface (the address of the network
    interface). simulated: the air of the scenario.

    ethernet, for a radio that is a network interface (IEEE 802.11 OCB): device (its name). GeoNetworking has
    the ethertype 0x8947; for DSMP none is assigned publicly: dsmp_ethertype, from the set for experiments.
    Needs the right to open raw sockets (CAP_NET_RAW).

    cohda, for an MK5 or MK6 that runs exampleETSI: host and host_port (0: 4401) of its requests, listen_port
    of its indications. The unit signs, verifies and sends beacons by itself.

    unix, for a helper process beside a modem's SDK: path of its datagram socket, own_path of ours.

    mqtt, for a cellular network (V2N): host and host_port (0: 1883, with tls 8883) of the broker, topics to
    subscribe to, topic to publish to, envelope ("plain": our packet as it is; "rsu": the frame of China's
    road-side units with rsu_id, 8 characters); user, password; tls, and PEM files ca_file (else the system's)
    and, for a broker that wants to know us, cert_file and key_file; keepalive_s.

    pcap: read_file is replayed at pace times the speed of its stamps (0: at once).

    record_file, of any kind: all that is sent and heard is written there, for Wireshark.
    """

    kind: Literal["udp_multicast", "ethernet", "cohda", "unix", "mqtt", "pcap", "simulated"] = "udp_multicast"
    group: str = "239.255.42.99"
    port: int = 47109
    interface: str = "127.0.0.1"
    device: str = ""
    dsmp_ethertype: int = 0x88B5
    host: str = "127.0.0.1"
    host_port: int = 0
    listen_port: int = 4400
    path: str = ""
    own_path: str = ""
    topics: tuple[str, ...] = ()
    topic: str = ""
    envelope: Literal["plain", "rsu"] = "plain"
    rsu_id: str = ""
    user: str = ""
    password: str = ""
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    keepalive_s: int = 30
    read_file: str = ""
    pace: float = 1.0
    record_file: str = ""


class V2xSecurity(Section, frozen=True, kw_only=True):
    """Who is believed. directory: keys and certificates of one station, as `icv v2x pki` makes them; none:
    nothing is signed. accept_unsigned: let in what is not signed, marked so.

    A message counts from max_ahead_s before to max_age_s after it was generated, an event message (DENM) to
    max_event_age_s: limits that stacks in use have, not figures of a standard. countries: numbers of UN M.49
    of where we drive, for certificates that are good in whole countries; none: such are refused.

    certificates, replays: how many are remembered at most, of others' certificates and of verified messages;
    of these the newest half for sure, of events and of others each.
    verify_us: time for verifying in each 10 ms; waiting: how many messages wait for it, for wait_ms at most;
    newcomers_ratio: of that time kept for senders whose certificate is not verified yet.
    """

    directory: str | None = None
    accept_unsigned: bool = False
    max_age_s: float = 2.0
    max_event_age_s: float = 600.0
    max_ahead_s: float = 0.5
    countries: tuple[int, ...] = ()
    certificates: int = 4096
    replays: int = 65536
    verify_us: int = 5000
    waiting: int = 512
    wait_ms: int = 300
    newcomers_ratio: float = 0.25


class DsmpAids(Section, frozen=True, kw_only=True):
    """The application identifiers that China's messages are sent under.

    As public road-side programs use them; the allocation table of YD/T 3707 was not at hand to confirm them.
    """

    bsm: int = 111
    map: int = 3618
    spat: int = 3619
    rsi: int = 3620
    rsm: int = 3623


class V2x(Section, frozen=True, kw_only=True):
    """The exchange with others. standard: what we send; we hear every standard we know.

    simulated_peers: the vehicles of the scenario that speak are heard beside what the link brings.
    station_id: none: one by chance, that changes with time and way as pseudonyms must. dcc: hold back as the
    reactive congestion control of ETSI TS 102 687 asks; bit_rate: of the radio, by which it judges how busy
    the channel is.
    """

    standard: Literal["csae53", "etsi"] = "csae53"
    link: V2xLink = V2xLink()
    security: V2xSecurity = V2xSecurity()
    simulated_peers: bool = False
    station_id: int | None = None
    send: bool = True
    dcc: bool = True
    bit_rate: float = 6e6
    dsmp_aids: DsmpAids = DsmpAids()


class Preset(Section, frozen=True, kw_only=True):
    """A choice of models for a class of machine: a table of configs/presets.toml."""

    title: str
    road: tuple[str, ...]
    driver: tuple[str, ...]


class Perception(Section, frozen=True, kw_only=True):
    """How networks run. preset: a table of configs/presets.toml: the models of every camera that names none.

    backend: "openvino" needs `pip install openvino`. providers: of ONNX Runtime, tried in this order,
    "CPUExecutionProvider" is always the last; options: by provider, as ONNX Runtime names them, in place of
    ours. precision: "f32" is exact; less is faster where the backend or a provider can, and not exact.

    threads: of each network, 0: the processors are shared out among the cameras. spinning: threads wait for
    work without sleeping, a little faster alone and much slower beside others. affinity: the processors that
    networks may use, none: all.
    """

    preset: str | None = None
    backend: Literal["onnxruntime", "openvino"] = "onnxruntime"
    providers: tuple[str, ...] = ("CPUExecutionProvider",)
    options: dict[str, dict[str, str | int | float | bool]] = {}
    precision: Literal["f32", "f16", "bf16"] = "f32"
    threads: Annotated[int, msgspec.Meta(ge=0, le=256)] = 0
    spinning: bool = False
    affinity: tuple[int, ...] = ()
    directory: str | None = None  # of downloaded models; default models/public
    zoo: str | None = None  # a file like models/zoo.toml with models of your own: docs/own-model.md
    cache: str | None = None  # of what is made from models; default ~/.cache/icv-edge/models, "": none


# ---------------------------------------------------------------- thresholds


class ForwardCollision(Section, frozen=True, kw_only=True):
    """NHTSA: a stopped lead at TTC >= 2.1 s; T/JSATL 12: 2.7 s, pedestrians 3.0 s below 50 km/h."""

    enabled: bool = True
    ttc_vehicle_s: float = 2.7
    ttc_person_s: float = 3.0
    ttc_alarm_s: float = 1.6
    min_speed_mps: float = 2.8
    max_speed_person_mps: float = 50 / 3.6
    max_closing_sd_mps: float = 3.0
    comfortable_braking_mps2: float = 1.2  # a gap that this much braking keeps open needs no warning
    comfortable_braking_person_mps2: float = 1.0
    gap_left_m: float = 1.0  # that should remain in front of the bumper
    oncoming_mps: float = 3.0  # faster than this towards us: oncoming traffic, passing beside us


class Headway(Section, frozen=True, kw_only=True):
    """T/JSATL 12: a headway below 1.0 s; it must last, since cutting in is not tailgating."""

    enabled: bool = True
    headway_s: float = 1.0
    after_s: float = 2.0
    min_speed_mps: float = 30 / 3.6


class LaneDeparture(Section, frozen=True, kw_only=True):
    """ISO 17361: no later than 0.3 m outside the line; UN R130: above 60 km/h; openpilot: 5 s quiet after."""

    enabled: bool = True
    min_speed_mps: float = 60 / 3.6
    time_to_line_s: float = 0.5
    line_margin_m: float = 0.1
    min_line_score: float = 0.5
    quiet_after_indicator_s: float = 5.0


class Drowsiness(Section, frozen=True, kw_only=True):
    """GB/T 41797: eyes closed 2 s; Euro NCAP: microsleep 1 to 2 s, sleep 3 s; PERCLOS over 60 s."""

    enabled: bool = True
    min_speed_mps: float = 10 / 3.6
    eyes_closed_below: float = 0.2
    eyes_open_above: float = 0.3
    eyes_reopen_s: float = 0.2  # open for less than this between closures: one closure
    eyes_max_yaw_deg: float = 40.0  # a head turned further hides the eyes from the camera
    eyes_max_pitch_deg: float = 30.0
    microsleep_s: float = 1.0
    eyes_closed_s: float = 2.0
    asleep_s: float = 3.0
    perclos_window_s: float = 60.0
    perclos_warning_ratio: float = 0.06
    perclos_alarm_ratio: float = 0.12
    perclos_min_coverage: float = 0.5


class Distraction(Section, frozen=True, kw_only=True):
    """EU 2023/2590: gaze away 3.5 s above 50 km/h, 6 s from 20 km/h; Euro NCAP: 10 s within 30 s."""

    enabled: bool = True
    yaw_deg: float = 30.0
    pitch_deg: float = 22.0
    min_speed_mps: float = 20 / 3.6
    fast_speed_mps: float = 50 / 3.6
    away_slow_s: float = 6.0
    away_fast_s: float = 3.5
    away_window_s: float = 30.0
    away_in_window_s: float = 10.0
    neutral_learning_s: float = 60.0
    neutral_min_speed_mps: float = 13.0
    no_face_s: float = 5.0
    back_s: float = 0.3  # a look at the road shorter than this does not end a look away


class Driving(Section, frozen=True, kw_only=True):
    """How the car is driven. The figures are widely used fleet thresholds, not a standard's: settings."""

    enabled: bool = True
    harsh_braking_mps2: float = 4.0
    harsh_acceleration_mps2: float = 3.5
    harsh_cornering_mps2: float = 4.0
    harsh_for_s: float = 0.3
    min_speed_mps: float = 2.0
    overspeed_mps: float | None = None


class PeerRules(Section, frozen=True, kw_only=True):
    """Other road users heard by V2X: who is believed, for how long, how sure, and which lane is which.

    enabled, emergency_range_m: the emergency brake warning, T/CSAE 53 day 1: range 150 m. max_objects: those
    seen by others, of which max_objects_per_sender by one. Not believed: from beyond radio_range_m, faster
    than max_speed_mps, further from the last place than the speed and jump_m allow, from the future by more
    than clock_tolerance_s. other_level_m: so much higher or lower is on a bridge or under one.

    How sure a warning is: 1 for a signed message just measured at a well known place; times unsigned_ratio
    for an unsigned one; assumed_accuracy_m where the sender says none. Below min_sure_ratio nobody is warned;
    an unsigned message raises no alarm, only a warning, unless unsigned_may_alarm.
    """

    enabled: bool = True
    max_age_s: float = 1.1
    max_peers: Annotated[int, msgspec.Meta(ge=1, le=4096)] = 512
    max_objects: Annotated[int, msgspec.Meta(ge=0, le=4096)] = 512
    max_objects_per_sender: Annotated[int, msgspec.Meta(ge=0, le=255)] = 128
    radio_range_m: float = 2000.0  # GeoNetworking reaches 1000 m at most; the cellular bridge further
    max_speed_mps: float = 100.0
    jump_m: float = 10.0
    clock_tolerance_s: float = 0.5
    other_level_m: float = 6.0
    unsigned_may_alarm: bool = False
    unsigned_ratio: float = 0.8
    assumed_accuracy_m: float = 3.0
    min_sure_ratio: float = 0.2
    look_every_ms: float = 20.0  # on news; at once when somebody near is new or his events changed
    traffic_side: Literal["right", "left"] = "right"
    emergency_range_m: float = 150.0
    same_lane_m: float = 2.5
    same_heading_deg: float = 30.0
    lane_width_m: float = 3.5
    min_speed_mps: float = 2.8
    hard_braking_mps2: float = 4.0  # T/CSAE 53, eventHardBraking


class PeerForwardCollision(Section, frozen=True, kw_only=True):
    """T/CSAE 53 FCW: a vehicle ahead in our path, heard or seen by others; range 300 m (to be confirmed).

    Times and braking are those of [rules.forward_collision], so that both ask for the same.
    """

    enabled: bool = True
    range_m: float = 300.0
    path_margin_m: float = 0.3  # beside both outlines


class IntersectionCollision(Section, frozen=True, kw_only=True):
    """T/CSAE 53 ICW: crossing traffic; range 150 m (to be confirmed).

    margin_m: outlines so near count as touching. time_s: the driver's 1.5 s and the braking after them;
    OpenV2X warns at 2.14 s.
    """

    enabled: bool = True
    range_m: float = 150.0
    time_s: float = 4.0
    alarm_s: float = 2.0
    crossing_deg: float = 45.0  # headings from this apart to this short of opposite cross
    margin_m: float = 1.0
    min_speed_mps: float = 1.4


class LeftTurnAssist(Section, frozen=True, kw_only=True):
    """T/CSAE 53 LTA: turning across oncoming traffic; range 150 m (to be confirmed).

    gap_s: Highway Capacity Manual, critical headway of a left turn: 4.1 s and its spread.
    """

    enabled: bool = True
    range_m: float = 150.0
    gap_s: float = 5.0
    alarm_s: float = 2.5
    max_speed_mps: float = 12.0
    moving_mps: float = 1.4  # slower: the driver waits, and is only told
    lanes: float = 4.0  # of oncoming traffic that count
    turns_1pm: float = 0.02  # such a bend is a turn, indicator or not
    conflict_m: float = 8.0  # from where we are to where the ways cross


class LaneChange(Section, frozen=True, kw_only=True):
    """T/CSAE 53 BSW and LCW, zones of ISO 17387: beside us and 3 m behind; closing: 3.5 s (type C)."""

    enabled: bool = True
    range_m: float = 150.0
    behind_m: float = 3.0
    nearest_m: float = 0.5  # from side to side
    furthest_m: float = 3.0
    closing_s: float = 3.5
    alarm_s: float = 2.0
    overtaking_mps: float = 3.0  # whom we pass by so much is not told
    min_speed_mps: float = 8.3


class DoNotPass(Section, frozen=True, kw_only=True):
    """T/CSAE 53 DNPW: overtaking into oncoming traffic, which takes pass_s; range 300 m (to be confirmed)."""

    enabled: bool = True
    range_m: float = 300.0
    pass_s: float = 10.0
    alarm_s: float = 5.0
    lead_s: float = 3.0  # a vehicle ahead within this headway is the one to be overtaken
    min_speed_mps: float = 10.0


class AbnormalVehicle(Section, frozen=True, kw_only=True):
    """T/CSAE 53 AVW: broken down, stopped or very slow ahead; range 150 m (to be confirmed)."""

    enabled: bool = True
    range_m: float = 150.0
    arrival_s: float = 8.0
    slow_mps: float = 3.0
    min_speed_mps: float = 54 / 3.6  # below, as in town, someone who stands is a queue
    path_margin_m: float = 0.3


class ControlLoss(Section, frozen=True, kw_only=True):
    """T/CSAE 53 CLW: somebody's ABS, traction or stability control works; range 300 m (to be confirmed)."""

    enabled: bool = True
    range_m: float = 300.0
    arrival_s: float = 8.0
    alarm_s: float = 3.0
    lanes: float = 2.0


class VulnerableRoadUser(Section, frozen=True, kw_only=True):
    """T/CSAE 53 VRUCW: persons and cyclists on our way, heard or seen by others; 150 m (to be confirmed)."""

    enabled: bool = True
    range_m: float = 150.0
    time_s: float = 4.0
    alarm_s: float = 2.0
    margin_m: float = 1.0
    min_speed_mps: float = 1.4


class EmergencyVehicle(Section, frozen=True, kw_only=True):
    """T/CSAE 53 EVW: an emergency vehicle comes from behind or across; range 300 m (to be confirmed)."""

    enabled: bool = True
    range_m: float = 300.0
    arrival_s: float = 10.0
    crossing_m: float = 30.0  # who crosses no nearer than this needs no room


class Roadside(Section, frozen=True, kw_only=True):
    """What the roadside says: how much of it is kept and for how long.

    An event counts until it says, at most max_validity_s (EN 302 637-3: 86,400 s is possible, 600 s the
    default) and no longer than unsaid_validity_s after it was heard where it does not say. A map holds for
    map_age_s after it was heard, lights for signal_age_s (they speak at least twice a second).

    aside_m, aside_ratio: an event without a path lies on our way if it is less than aside_m +
    aside_ratio * distance beside the line straight ahead: roads bend. same_heading_deg: the traffic that it
    concerns goes our way. heading_sd_deg: of our own heading.
    """

    max_events: int = 256
    max_events_of_one: int = 32
    max_intersections: int = 64
    max_validity_s: float = 600.0
    unsaid_validity_s: float = 10.0
    map_age_s: float = 3600.0
    signal_age_s: float = 2.0
    range_m: float = 1000.0
    aside_m: float = 8.0
    aside_ratio: float = 0.08
    path_width_m: float = 8.0  # where a path does not say its own
    same_heading_deg: float = 45.0
    lane_heading_deg: float = 30.0
    lane_width_m: float = 3.5  # where a lane does not say its own
    unsure_m: float = 3.0  # accuracy of a position that does not say its own


class HazardousLocation(Section, frozen=True, kw_only=True):
    """T/CSAE 53 HLW, range 300 m; ETSI road hazards. From warning_s before it on it is a warning, from
    alarm_s on an alarm if braking by comfortable_braking_mps2 would not do for what blocks the road."""

    enabled: bool = True
    range_m: float = 300.0
    warning_s: float = 10.0
    alarm_s: float = 4.0
    comfortable_braking_mps2: float = 3.0
    min_speed_mps: float = 2.8


class TrafficJam(Section, frozen=True, kw_only=True):
    """T/CSAE 53 TJW: range at least 150 m; 15 s at 120 km/h are 500 m."""

    enabled: bool = True
    range_m: float = 500.0
    warning_s: float = 10.0
    min_speed_mps: float = 5.6


class SpeedLimit(Section, frozen=True, kw_only=True):
    """T/CSAE 53 SLW: too fast for the limit of the lane or zone, or for one ahead that comfortable braking
    after reaction_s would not keep."""

    enabled: bool = True
    tolerance_mps: float = 3 / 3.6  # a speedometer never shows less than the speed: UN R39
    comfortable_braking_mps2: float = 1.5
    reaction_s: float = 1.5
    min_speed_mps: float = 2.8


class RedLight(Section, frozen=True, kw_only=True):
    """T/CSAE 53 RLVW, range 150 m: stopping after reaction_s would need more than this braking, and the
    driver does not brake by braking_share of what is needed. The standard names no figures: those of
    comfortable (3) and hard (5 m/s2) braking."""

    enabled: bool = True
    range_m: float = 150.0
    warning_mps2: float = 3.0
    alarm_mps2: float = 5.0
    reaction_s: float = 1.0
    braking_share: float = 0.7
    min_speed_mps: float = 2.8
    min_sure_ratio: float = 0.3


class GreenLightSpeed(Section, frozen=True, kw_only=True):
    """T/CSAE 53 GLOSA, range 150 m: never faster than the limit (max_speed_mps where none is known), never so
    slow that it hinders others. margin_s: later than the begin, earlier than the end of green."""

    enabled: bool = True
    range_m: float = 150.0
    min_distance_m: float = 15.0
    min_speed_mps: float = 20 / 3.6
    max_speed_mps: float = 50 / 3.6
    margin_s: float = 1.0
    again_s: float = 2.0


class InVehicleSign(Section, frozen=True, kw_only=True):
    """T/CSAE 53 IVS, range 150 m: information."""

    enabled: bool = True
    range_m: float = 150.0


class EventOut(Section, frozen=True, kw_only=True):
    """One kind of event that we tell of: it must hold for after_s, is over when it has not held for hold_s,
    is told anew each update_s, and the others may believe it for validity_s after that."""

    enabled: bool = True
    after_s: float
    hold_s: float = 1.0
    update_s: float = 1.0
    validity_s: float = 5.0


class Announcing(Section, frozen=True, kw_only=True):
    """When what the core decided is an event for others. Held against EN 302 637-3 and the triggering
    conditions of the CAR 2 CAR Communication Consortium as they are generally known: figures to be settled.

    hard_braking: as peers.hard_braking_mps2 says. loss_of_control: ABS or ESC works for so long (SAE J2945/1:
    0.1 s). stationary_vehicle: stopped with hazard lights, or seen by the camera in our path on a road where
    we go at least seen_min_speed_mps. person_on_road: seen in our path at that speed. traffic_jam: for so
    long slower than jam_speed_mps and near behind somebody. collision_risk: an own alarm of a collision.
    standing_mps: below it we stand; max_seen_m: what the camera sees further away is not told.
    """

    hard_braking: EventOut = EventOut(after_s=0.0, hold_s=0.3, update_s=0.2, validity_s=2.0)
    loss_of_control: EventOut = EventOut(after_s=0.1, hold_s=0.5, update_s=0.2, validity_s=2.0)
    collision_risk: EventOut = EventOut(after_s=0.0, hold_s=0.5, update_s=0.2, validity_s=2.0)
    accident: EventOut = EventOut(after_s=0.0, hold_s=5.0, update_s=15.0, validity_s=60.0)
    broken_down_vehicle: EventOut = EventOut(after_s=5.0, hold_s=2.0, update_s=15.0, validity_s=30.0)
    stationary_vehicle: EventOut = EventOut(after_s=10.0, hold_s=2.0, update_s=15.0, validity_s=30.0)
    emergency_vehicle: EventOut = EventOut(after_s=0.5, hold_s=1.0, update_s=0.25, validity_s=2.0)
    traffic_jam: EventOut = EventOut(after_s=120.0, hold_s=10.0, update_s=10.0, validity_s=20.0)
    seen_person: EventOut = EventOut(after_s=0.5, hold_s=1.0, update_s=0.5, validity_s=3.0)
    seen_stationary: EventOut = EventOut(after_s=1.0, hold_s=1.0, update_s=0.5, validity_s=10.0)
    seen_min_speed_mps: float = 50 / 3.6
    max_seen_m: float = 100.0
    standing_mps: float = 0.3
    min_speed_mps: float = 2.8
    jam_speed_mps: float = 15 / 3.6
    jam_gap_m: float = 15.0
    perceived_max_sd_m: float = 8.0  # a distance less sure than this is not told


class Tracking(Section, frozen=True, kw_only=True):
    """ByteTrack (Zhang 2022): sure detections are matched first, doubtful ones only keep a track alive."""

    high_score: float = 0.4
    low_score: float = 0.1
    min_iou: float = 0.2
    confirm_hits: int = 3
    report_missed_s: float = 0.25
    forget_s: float = 1.0
    pitch_sd_deg: float = 0.5  # of the camera against the road: mounting, load, braking, bumps
    lane_range_m: float = 40.0  # lane points further away are not used


class GateSettings(Section, frozen=True, kw_only=True):
    """The last door. dry_run: what would be sent is recorded and shown, never sent.

    diagnostics: questions to ECUs may leave, no two sooner after each other than diagnostics_interval_ms, and
    only onto a bus that is awake; silent_bus: also onto one where nothing else is heard, as behind a gateway.

    radio: what may be announced: "own_state", "perceived" and kinds of messages.RoadEvent;
    "emergency_vehicle" only of a vehicle that is one. The intervals are the shortest ones, a tick's lateness
    less than the 100 ms of ETSI and T/CSAE 53. radio_max_age_ms: of what it rests on; radio_range_m: how far
    from us it is.
    """

    dry_run: bool = True
    max_age_ms: float = 50.0
    radio: tuple[str, ...] = (
        "own_state", "perceived", "hard_braking", "loss_of_control", "collision_risk", "accident",
        "broken_down_vehicle", "stationary_vehicle", "emergency_vehicle", "traffic_jam", "person_on_road",
    )  # fmt: skip
    radio_interval_ms: float = 95.0
    radio_event_interval_ms: float = 95.0
    radio_perceived_interval_ms: float = 95.0
    radio_max_age_ms: float = 500.0
    radio_range_m: float = 300.0
    radio_max_validity_s: float = 600.0
    diagnostics: bool = False
    diagnostics_interval_ms: Annotated[float, msgspec.Meta(ge=10, le=1e9)] = 100.0
    silent_bus: bool = False


class Freshness(Section, frozen=True, kw_only=True):
    """Older than this is stale: unknown to every rule."""

    signal_s: float = 0.5
    view_s: float = 0.5
    position_s: float = 1.5
    face_s: float = 5.0  # eyes or gaze not seen for longer: their functions are unavailable
    start_s: float = 2.0  # what never came within this after the start is missing
    recover_s: float = 1.0  # back for so long: available again


class Rules(Section, frozen=True, kw_only=True):
    """All thresholds of the core."""

    forward_collision: ForwardCollision = ForwardCollision()
    headway: Headway = Headway()
    lane_departure: LaneDeparture = LaneDeparture()
    drowsiness: Drowsiness = Drowsiness()
    distraction: Distraction = Distraction()
    driving: Driving = Driving()
    peers: PeerRules = PeerRules()
    peer_forward_collision: PeerForwardCollision = PeerForwardCollision()
    intersection_collision: IntersectionCollision = IntersectionCollision()
    left_turn_assist: LeftTurnAssist = LeftTurnAssist()
    lane_change: LaneChange = LaneChange()
    do_not_pass: DoNotPass = DoNotPass()
    abnormal_vehicle: AbnormalVehicle = AbnormalVehicle()
    control_loss: ControlLoss = ControlLoss()
    vulnerable_road_user: VulnerableRoadUser = VulnerableRoadUser()
    emergency_vehicle: EmergencyVehicle = EmergencyVehicle()
    roadside: Roadside = Roadside()
    hazardous_location: HazardousLocation = HazardousLocation()
    traffic_jam: TrafficJam = TrafficJam()
    speed_limit: SpeedLimit = SpeedLimit()
    red_light: RedLight = RedLight()
    green_light_speed: GreenLightSpeed = GreenLightSpeed()
    in_vehicle_sign: InVehicleSign = InVehicleSign()
    announcing: Announcing = Announcing()
    gate: GateSettings = GateSettings()
    tracking: Tracking = Tracking()
    freshness: Freshness = Freshness()


# ---------------------------------------------------------------- outputs


class Recording(Section, frozen=True, kw_only=True):
    """Where drives go. pictures: none, "jpeg" for people, "lossless": what the networks saw, bit for bit."""

    enabled: bool = True
    directory: str = "drives"
    pictures: Literal["none", "jpeg", "lossless"] = "jpeg"
    jpeg_quality: int = 80
    raw_can: bool = True


class Web(Section, frozen=True, kw_only=True):
    """The dashboard; off unless asked for, and only on this machine unless the address says otherwise."""

    enabled: bool = False
    address: str = "127.0.0.1"
    port: int = 8600


class Jt808(Section, frozen=True, kw_only=True):
    """A fleet platform that speaks JT/T 808 over TCP. Nothing is sent unless enabled.

    phone: the terminal number, up to 20 digits (12 with version 2013). plate_colour: 0 none (plate is then
    the VIN), 1 blue, 2 yellow, 3 black, 4 white, 5 green, 9 other. province, city: first two and last four
    digits of the GB/T 2260 code. answer_timeout_s and retries: JT/T 808 parameters 0x0002 and 0x0003.
    """

    enabled: bool = False
    address: str = ""
    port: int = 808
    phone: str = ""
    manufacturer: str = ""
    model: str = ""
    terminal_id: str = ""
    plate: str = ""
    plate_colour: int = 1
    province: int = 0
    city: int = 0
    interval_s: float = 10.0
    heartbeat_s: float = 60.0
    answer_timeout_s: float = 10.0
    retries: int = 3
    version: Literal[2013, 2019] = 2019


class Uplink(Section, frozen=True, kw_only=True):
    """What fleet platforms hear. directory: of the queues on disk; max_queued: reports kept while offline."""

    directory: str = "uplink"
    max_queued: int = 20000
    jt808: Jt808 = Jt808()


class Runtime(Section, frozen=True, kw_only=True):
    """Rights asked of the system; what is refused is reported, never assumed."""

    realtime_priority: int = 0
    cpu: int | None = None
    lock_memory: bool = False


class Config(Section, frozen=True, kw_only=True):
    """One rig. scenario: a file in configs/scenarios, for everything of kind "simulated"."""

    name: str
    vehicle: str
    scenario: str | None = None
    can: tuple[Can, ...] = ()
    cameras: tuple[Camera, ...] = ()
    gnss: tuple[Gnss, ...] = ()
    v2x: V2x | None = None
    diagnostics: tuple[Question, ...] = ()
    perception: Perception = Perception()
    rules: Rules = Rules()
    recording: Recording = Recording()
    web: Web = Web()
    uplink: Uplink = Uplink()
    runtime: Runtime = Runtime()


class CoreConfig(Section, frozen=True, kw_only=True):
    """All that the core is told: nothing else of the config can change a decision."""

    rules: Rules = Rules()
    vehicle: Vehicle = Vehicle(title="unknown")
    geometry: dict[str, Geometry] = {}  # by camera name
    send_v2x: bool = False
    v2x_standard: Literal["csae53", "etsi"] = "etsi"  # whose rules say how often we speak
    diagnostics: tuple[Question, ...] = ()


# ---------------------------------------------------------------- reading


T = TypeVar("T")


def read(path: str | Path, kind: type[T]) -> T:
    """A TOML file as `kind`. Raises ConfigError: which file, which key, and what to write instead."""
    # Imported where they are used: this module is part of everybody's start.
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}") from None
    return convert(tree, kind, str(path))


def convert(tree: Any, kind: type[T], where: str) -> T:
    """A tree of plain values as `kind`, with the same errors as `read`."""
    try:
        return msgspec.convert(tree, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_explain(str(error), kind)}") from None


def resolve(path: str, beside: str | Path) -> Path:
    """A path written in the file `beside`: absolute, relative to that file, or of a shipped file."""
    candidate = Path(path).expanduser()
    if candidate.is_absolute():
        return candidate
    near = Path(beside).resolve().parent / candidate
    return near if near.exists() else shipped(path)


def placed(perception: Perception, beside: str | Path) -> Perception:
    """With the paths that the config file `beside` gives made absolute."""
    folder = Path(beside).resolve().parent
    paths = {
        name: str(folder / Path(given).expanduser())
        for name in ("directory", "zoo", "cache")
        if (given := getattr(perception, name))
    }
    return msgspec.structs.replace(perception, **paths)


def threads_each(networks: int) -> int:
    """How many threads each of so many networks that run at once should have on this machine."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 1 if networks >= count - 1 else count // max(1, networks)


def shipped(path: str) -> Path:
    """A file that comes with the program: "configs/..." or "models/...", in a checkout or installed."""
    return _INSTALLED / path if _INSTALLED.exists() else _CHECKOUT / path


def downloads() -> Path:
    """Where downloaded models go: models/public in a checkout, the user's own directory once installed."""
    if _INSTALLED.exists():
        return Path.home() / ".local" / "share" / "icv-edge" / "models"
    return _CHECKOUT / "models" / "public"


def cache() -> Path:
    """Where what is made from models is kept. Raises RuntimeError where the user has no home."""
    # As expanduser reads HOME: where the user keeps such things is no setting of ours. A relative path does
    # not count (XDG Base Directory Specification 0.8), nor does the name itself, left where it is not set.
    told = Path(os.path.expandvars("$XDG_CACHE_HOME"))
    return (told if told.is_absolute() else Path.home() / ".cache") / "icv-edge" / "models"


def digest(config: msgspec.Struct) -> str:
    """SHA-256 of the resolved tree, independent of the order in which it was written."""
    import hashlib

    return hashlib.sha256(msgspec.json.encode(config, order="deterministic")).hexdigest()


def _explain(error: str, kind: Any) -> str:
    found = re.match(r"Object contains unknown field `(.+?)`(?: - at `\$(.*)`)?$", error)
    if not found:
        plain = error.replace("`$.", "`").replace("`$", "`")
        return plain + _choices_hint(error, kind)
    key, path = found.group(1), found.group(2) or ""
    section = _section_at(kind, path)
    known = list(section.__struct_fields__) if section else []
    near = _nearest(key, known)
    place = f"[{path.strip('.')}]" if path else "the top level"
    hint = f"did you mean `{near}`?" if near else f"known here: {', '.join(known)}"
    return f"unknown key `{key}` in {place}; {hint}"


def _choices_hint(error: str, kind: Any) -> str:
    found = re.match(r"Invalid enum value '(.+)' - at `\$(.*)\.(\w+)`$", error)
    section = _section_at(kind, found.group(2)) if found else None
    if not found or not section:
        return ""
    choices = [str(choice) for choice in _literals(get_type_hints(section).get(found.group(3)))]
    near = _nearest(found.group(1), choices)
    return f"; did you mean '{near}'?" if near else f"; known here: {', '.join(choices)}"


def _nearest(word: str, known: list[str]) -> str:
    """The known one that was probably meant, "" if none is like it."""
    import difflib

    return next(iter(difflib.get_close_matches(word, known, n=1, cutoff=0.5)), "")


def _literals(kind: Any) -> list[Any]:
    if get_origin(kind) is Literal:
        return list(get_args(kind))
    return [choice for part in get_args(kind) for choice in _literals(part)]


def _section_at(kind: Any, path: str) -> Any:
    for step in re.findall(r"\.(\w+)|(\[\.\.\.\]|\[\d+\])", path):
        if step[0]:
            if not _is_section(kind):
                return None
            kind = get_type_hints(kind).get(step[0])
        kind = next((a for a in (kind, *get_args(kind)) if _is_section(a)), kind)
    return kind if _is_section(kind) else None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
