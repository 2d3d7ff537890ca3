"""The picture for people: road camera with tracks, driver, a map from above, and the warnings with why."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from edge.messages import (
    Driver,
    Message,
    OwnCar,
    Peers,
    Road,
    RoadView,
    Track,
    Unavailable,
    Warning,
)

WIDTH, HEIGHT = 1280, 720
ROAD = (0, 0, 960, 540)  # x, y, width, height
DRIVER = (960, 0, 320, 240)
MAP = (960, 240, 320, 300)
STRIP_Y = 540
MAP_AHEAD_M, MAP_SIDE_M = 80.0, 12.0

BACKGROUND = (32, 28, 26)
PANEL = (44, 39, 36)
INK = (235, 235, 235)
DIM = (160, 155, 150)
GREEN = (110, 200, 90)
LEVEL_COLOUR = {"information": (210, 160, 70), "warning": (40, 165, 255), "alarm": (60, 60, 240)}
LIGHT_COLOUR = {"red": (60, 60, 240), "yellow": (60, 210, 240), "green": GREEN, "off": (120, 120, 120)}
NAMES = {
    "forward_collision": "FORWARD COLLISION",
    "pedestrian_collision": "PEDESTRIAN",
    "headway": "TOO CLOSE",
    "lane_departure": "LANE DEPARTURE",
    "eyes_closed": "EYES CLOSED",
    "drowsiness": "DROWSY",
    "distraction": "EYES ON THE ROAD",
    "driver_missing": "NO DRIVER SEEN",
    "harsh_braking": "HARSH BRAKING",
    "harsh_acceleration": "HARSH ACCELERATION",
    "harsh_cornering": "HARSH CORNERING",
    "overspeed": "TOO FAST",
    "emergency_brake_ahead": "EMERGENCY BRAKING AHEAD (V2X)",
    "peer_forward_collision": "COLLISION AHEAD (V2X)",
    "intersection_collision": "CROSSING TRAFFIC (V2X)",
    "left_turn_assist": "ONCOMING TRAFFIC (V2X)",
    "blind_spot": "BLIND SPOT (V2X)",
    "lane_change": "DO NOT CHANGE LANES (V2X)",
    "do_not_pass": "DO NOT PASS (V2X)",
    "abnormal_vehicle": "VEHICLE IN TROUBLE AHEAD (V2X)",
    "control_loss": "VEHICLE OUT OF CONTROL (V2X)",
    "vulnerable_road_user": "PERSON NEAR OUR PATH (V2X)",
    "emergency_vehicle": "EMERGENCY VEHICLE (V2X)",
    "hazardous_location": "HAZARD AHEAD (V2X)",
    "speed_limit": "SPEED LIMIT (V2X)",
    "red_light_violation": "RED LIGHT (V2X)",
    "green_light_speed": "SPEED FOR GREEN (V2X)",
    "in_vehicle_sign": "SIGN (V2X)",
    "traffic_jam_ahead": "TRAFFIC JAM AHEAD (V2X)",
}


def title(name: str) -> str:
    """A warning's name as a person reads it."""
    return NAMES.get(name, name.replace("_", " ").upper())


class Overlay:
    """A sink that remembers the newest state, and draws it over pictures."""

    def __init__(self, simulated: bool) -> None:
        self._simulated = simulated
        self._car: OwnCar | None = None
        self._road: Road | None = None
        self._driver: Driver | None = None
        self._peers: Peers | None = None
        self._active: dict[str, Warning] = {}
        self._missing: dict[str, Unavailable] = {}
        self.view: RoadView | None = None  # what the networks saw in the picture to be drawn

    def take(self, out: Message) -> None:
        """Remember an output."""
        if isinstance(out, OwnCar):
            self._car = out
        elif isinstance(out, Road):
            self._road = out
        elif isinstance(out, Driver):
            self._driver = out
        elif isinstance(out, Peers):
            self._peers = out
        elif isinstance(out, Warning):
            if out.active:
                self._active[out.name] = out
            else:
                self._active.pop(out.name, None)
        elif isinstance(out, Unavailable):
            if out.over:
                self._missing.pop(out.function, None)
            else:
                self._missing[out.function] = out

    def draw(self, road: np.ndarray | None, driver: np.ndarray | None, time_s: float) -> np.ndarray:
        """The whole picture, (720, 1280, 3) uint8 BGR, from two BGR pictures of any size or None."""
        canvas = np.full((HEIGHT, WIDTH, 3), BACKGROUND, np.uint8)
        scale = _place(canvas, road, ROAD, "no road picture")
        if road is not None and self.view is not None:
            self._draw_view(canvas, self.view, scale)
        if road is not None and self._road is not None:
            for track in self._road.tracks:
                self._draw_track(canvas, track, scale)
        _place(canvas, driver, DRIVER, "no driver picture")
        self._draw_driver(canvas)
        self._draw_map(canvas)
        self._draw_strip(canvas, time_s)
        return canvas

    def _draw_view(self, canvas: np.ndarray, view: RoadView, scale: tuple[float, int, int]) -> None:
        """What has no track: free space, lane lines, lights and signs."""
        factor, x, y = scale

        def placed(points: np.ndarray) -> np.ndarray:
            return np.round(points * factor + (x, y)).astype(np.int32)

        if view.free_space is not None and len(view.free_space):
            left, right = view.free_space[0, 0], view.free_space[-1, 0]
            below = [[right, view.height_px - 1.0], [left, view.height_px - 1.0]]
            shaded = canvas.copy()
            cv2.fillPoly(shaded, [placed(np.vstack((view.free_space, below)))], (110, 150, 60))
            cv2.addWeighted(shaded, 0.25, canvas, 0.75, 0.0, dst=canvas)
        for line in view.lanes or ():
            cv2.polylines(canvas, [placed(line.points)], False, (240, 200, 60), 2, cv2.LINE_AA)
        for light in view.lights or ():
            colour = LIGHT_COLOUR.get(light.state or "", DIM)
            self._draw_box(canvas, light.box, scale, light.state or "light", colour)
        for sign in view.signs or ():
            self._draw_box(canvas, sign.box, scale, (sign.kind or "sign").replace("_", " "), INK)

    def _draw_box(
        self,
        canvas: np.ndarray,
        box: tuple[float, ...],
        scale: tuple[float, int, int],
        words: str,
        colour: Sequence[int],
    ) -> None:
        factor, x, y = scale
        left, top, right, bottom = (round(v * factor) for v in box)
        cv2.rectangle(canvas, (x + left, y + top), (x + right, y + bottom), colour, 2, cv2.LINE_AA)
        _label(canvas, words, (x + left, max(y + top - 4, 14)), colour)

    def _draw_track(self, canvas: np.ndarray, track: Track, scale: tuple[float, int, int]) -> None:
        urgent = track.ttc_s is not None and track.ttc_s < 3.0 and track.in_path
        colour = LEVEL_COLOUR["alarm"] if urgent else GREEN if track.in_path else (200, 190, 120)
        words = f"{track.kind} {track.id}"
        if track.distance_m is not None:
            words += f"  {track.distance_m:.0f} m"
        if track.ttc_s is not None and track.ttc_s < 10:
            words += f"  {track.ttc_s:.1f} s"
        self._draw_box(canvas, track.box, scale, words, colour)

    def _draw_driver(self, canvas: np.ndarray) -> None:
        x, y, width, height = DRIVER
        driver = self._driver
        if driver is None or not driver.face:
            words, colour = ("no face", LEVEL_COLOUR["warning"]) if driver else ("driver: unknown", DIM)
        elif driver.eyes_closed:
            words, colour = f"eyes closed {driver.eyes_closed_s or 0:.1f} s", LEVEL_COLOUR["alarm"]
        elif driver.looking_away:
            words, colour = f"looking away {driver.looking_away_s or 0:.1f} s", LEVEL_COLOUR["warning"]
        else:
            words, colour = "attentive", GREEN
        _label(canvas, words, (x + 8, y + height - 10), colour)
        if driver is not None and driver.perclos_ratio is not None:
            _label(canvas, f"PERCLOS {driver.perclos_ratio:.0%}", (x + width - 118, y + height - 10), INK)

    def _draw_map(self, canvas: np.ndarray) -> None:
        x, y, width, height = MAP
        cv2.rectangle(canvas, (x, y), (x + width, y + height), PANEL, -1)
        middle, base = x + width // 2, y + height - 24

        def place(ahead_m: float, left_m: float) -> tuple[int, int]:
            return (
                round(middle - left_m / MAP_SIDE_M * width / 2),
                round(base - ahead_m / MAP_AHEAD_M * (height - 40)),
            )

        for ahead in (20, 40, 60, 80):
            _, row = place(ahead, 0)
            cv2.line(canvas, (x, row), (x + width, row), (62, 56, 52), 1)
            _text(canvas, f"{ahead} m", (x + 4, row - 3), DIM, 0.36)
        lane = self._road.lane if self._road else None
        for side_m in (
            (lane.left_m + 0.9) if lane and lane.left_m is not None else None,
            -(lane.right_m + 0.9) if lane and lane.right_m is not None else None,
        ):
            if side_m is not None:
                cv2.line(canvas, place(0, side_m), place(35, side_m), INK, 2, cv2.LINE_AA)
        for track in self._road.tracks if self._road else ():
            if track.distance_m is not None and track.lateral_m is not None:
                column, row = place(min(track.distance_m, MAP_AHEAD_M), track.lateral_m)
                colour = GREEN if track.in_path else (200, 190, 120)
                cv2.rectangle(canvas, (column - 8, row - 14), (column + 8, row), colour, -1, cv2.LINE_AA)
        for peer in self._peers.peers if self._peers else ():
            if peer.ahead_m is not None and peer.left_m is not None and -20 < peer.ahead_m < MAP_AHEAD_M:
                colour = LEVEL_COLOUR["alarm"] if peer.events else LEVEL_COLOUR["information"]
                cv2.circle(canvas, place(peer.ahead_m, peer.left_m), 7, colour, 2, cv2.LINE_AA)
        cv2.rectangle(canvas, (middle - 9, base), (middle + 9, base + 22), INK, -1, cv2.LINE_AA)
        _text(canvas, "boxes: camera   rings: V2X", (x + 132, y + 14), DIM, 0.36)

    def _draw_strip(self, canvas: np.ndarray, time_s: float) -> None:
        car, road = self._car, self._road
        speed = "--" if car is None or car.speed_mps is None else f"{car.speed_mps * 3.6:.0f}"
        _text(canvas, speed, (24, STRIP_Y + 72), INK, 2.0, 3)
        _text(canvas, "km/h", (26, STRIP_Y + 100), DIM, 0.5)
        rows = [f"t {time_s:6.1f} s"]
        if car is not None and car.acceleration_mps2 is not None:
            rows.append(f"accel {car.acceleration_mps2:+5.1f} m/s2")
        if road is not None and road.headway_s is not None and road.headway_s < 10:
            rows.append(f"headway {road.headway_s:.1f} s")
        if car is not None and car.indicator not in (None, "off"):
            rows.append(f"indicator {car.indicator}")
        for number, row in enumerate(rows):
            _text(canvas, row, (150, STRIP_Y + 34 + 24 * number), INK, 0.5)
        if self._simulated:
            _text(canvas, "SIMULATION", (24, HEIGHT - 16), LEVEL_COLOUR["information"], 0.6, 2)
        order = {"alarm": 0, "warning": 1, "information": 2}
        lines = sorted(self._active.values(), key=lambda w: (order[w.level], w.since_ns))[:4]
        for number, warning in enumerate(lines):
            top = STRIP_Y + 10 + 42 * number
            cv2.rectangle(canvas, (330, top), (WIDTH - 12, top + 38), LEVEL_COLOUR[warning.level], -1)
            _text(canvas, title(warning.name), (342, top + 25), (20, 20, 20), 0.62, 2)
            _text(canvas, warning.cause, (690, top + 25), (20, 20, 20), 0.56)
        if not lines:
            _text(canvas, "no warning", (342, STRIP_Y + 35), DIM, 0.6)
        if self._missing:
            text = "not available: " + ", ".join(f"{m.function} ({m.input})" for m in self._missing.values())
            _text(canvas, text[:130], (150, HEIGHT - 16), DIM, 0.42)


def _place(
    canvas: np.ndarray, picture: np.ndarray | None, area: tuple[int, int, int, int], nothing: str
) -> tuple[float, int, int]:
    """Fit a picture into an area; returns its scale and where its corner lies."""
    x, y, width, height = area
    if picture is None:
        cv2.rectangle(canvas, (x, y), (x + width, y + height), PANEL, -1)
        _text(canvas, nothing, (x + width // 2 - 60, y + height // 2), DIM, 0.5)
        return 1.0, x, y
    factor = min(width / picture.shape[1], height / picture.shape[0])
    size = (round(picture.shape[1] * factor), round(picture.shape[0] * factor))
    x, y = x + (width - size[0]) // 2, y + (height - size[1]) // 2
    canvas[y : y + size[1], x : x + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return factor, x, y


def _text(
    canvas: np.ndarray, words: str, at: tuple[int, int], colour: Sequence[int], size: float, bold: int = 1
) -> None:
    cv2.putText(canvas, words, at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, bold, cv2.LINE_AA)


def _label(canvas: np.ndarray, words: str, at: tuple[int, int], colour: Sequence[int]) -> None:
    (width, height), _ = cv2.getTextSize(words, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    cv2.rectangle(canvas, (at[0] - 2, at[1] - height - 4), (at[0] + width + 4, at[1] + 4), (24, 22, 20), -1)
    _text(canvas, words, at, colour, 0.45)
