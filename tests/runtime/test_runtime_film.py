"""The film: as many pictures as were seen, whatever is known or unknown in them."""

from __future__ import annotations

import os
import signal

import cv2
import numpy as np
import pytest
from rig_files import CAMERAS, CAN, OTHERS, needs_own_models, read_rig, write_rig

from edge.drives.reader import read_drive
from edge.messages import (
    Driver,
    Lane,
    LaneLine,
    OwnCar,
    Peer,
    Peers,
    Road,
    RoadView,
    Sign,
    Track,
    TrafficLight,
    Unavailable,
    Warning,
    read_only,
)
from edge.runtime.annotate import DRIVER, HEIGHT, NAMES, ROAD, WIDTH, Overlay, title
from edge.runtime.film import Film, FilmError
from edge.runtime.live import run_live
from edge.runtime.replay import replay_scenario
from edge.runtime.replay_drive import replay_drive

GREY = np.full((360, 640, 3), 90, np.uint8)

UNKNOWN_CAR = OwnCar(
    t_ns=0, speed_mps=None, acceleration_mps2=None, yaw_rate_radps=None, steering_angle_rad=None,
    brake_pressed=None, indicator=None, latitude_deg=None, longitude_deg=None, heading_deg=None,
    position_accuracy_m=None, speed_age_s=None,
)  # fmt: skip
UNKNOWN_DRIVER = Driver(
    t_ns=0, camera="driver", taken_ns=0, frame_id=0, face=False, eyes_closed=None, eyes_closed_s=None,
    perclos_ratio=None, looking_away=None, looking_away_s=None, away_in_30_s=None, neutral_yaw_deg=None,
    neutral_pitch_deg=None,
)  # fmt: skip
UNKNOWN_TRACK = Track(
    id=1, kind="car", box=(10.0, 10.0, 60.0, 50.0), score=0.5, age_s=0.1, distance_m=None, distance_sd_m=None,
    lateral_m=None, closing_speed_mps=None, closing_speed_sd_mps=None, ttc_s=None, in_path=False,
)  # fmt: skip
UNKNOWN_LANE = Lane(left_m=None, right_m=None, left_rate_mps=None, right_rate_mps=None, width_m=None)
UNKNOWN_PEER = Peer(
    sender="1", kind="unknown", standard="etsi", trust="unsigned", age_s=0.0, latitude_deg=0.0,
    longitude_deg=0.0, speed_mps=None, heading_deg=None, ahead_m=None, left_m=None, distance_m=None,
    events=(),
)  # fmt: skip


def road(lane=None, tracks=()):
    return Road(
        t_ns=0, camera="road", taken_ns=0, frame_id=0, tracks=tracks, lane=lane, lead_id=None, headway_s=None
    )


def part(picture, area):
    x, y, width, height = area
    return picture[y : y + height, x : x + width]


@pytest.mark.parametrize("pictures", [(GREY, GREY), (GREY, None), (None, GREY), (None, None)])
@pytest.mark.parametrize(
    "said",
    [
        [],
        [UNKNOWN_CAR, UNKNOWN_DRIVER, road(), Peers(t_ns=0, peers=())],
        [road(UNKNOWN_LANE, (UNKNOWN_TRACK,)), Peers(t_ns=0, peers=(UNKNOWN_PEER,))],
    ],
)
def test_it_draws_with_nothing_known(pictures, said):
    overlay = Overlay(simulated=False)
    for out in said:
        overlay.take(out)
    drawn = overlay.draw(*pictures, 1.0)
    assert drawn.shape == (HEIGHT, WIDTH, 3)
    assert drawn.dtype == np.uint8
    if pictures[0] is not None and not said:
        assert (part(drawn, ROAD)[100:400, 100:800] == 90).all()  # the picture, undisturbed


def test_pictures_of_any_shape_are_fitted():
    for height, width in ((100, 1000), (1000, 100), (1, 1), (1080, 1920)):
        image = np.full((height, width, 3), 200, np.uint8)
        drawn = Overlay(False).draw(image, image, 0.0)
        for area in (ROAD, DRIVER):
            assert (part(drawn, area) == 200).all(axis=2).any()


def test_a_track_far_outside_the_picture_and_lines_beyond_it_do_no_harm():
    overlay = Overlay(True)
    overlay.take(road(tracks=(
        Track(id=2, kind="truck", box=(-4e4, -3e4, 6e4, 5e4), score=0.9, age_s=1.0, distance_m=1e6,
              distance_sd_m=1.0, lateral_m=-1e6, closing_speed_mps=1.0, closing_speed_sd_mps=0.1, ttc_s=0.0,
              in_path=True),
    )))  # fmt: skip
    overlay.view = seen(
        lanes=(LaneLine(points=read_only([[-500.0, 359.0], [900.0, -40.0]]), score=0.9),),
        lights=(TrafficLight(score=0.9, box=(-50.0, -50.0, 9999.0, 9999.0)),),
        signs=(Sign(score=0.9, box=(0.0, 0.0, 0.0, 0.0)),),
        free_space=read_only(np.empty((0, 2))),
    )
    assert overlay.draw(GREY, None, 0.0).shape == (HEIGHT, WIDTH, 3)


def test_free_space_and_the_state_of_a_light_are_seen_in_the_picture():
    overlay = Overlay(False)
    plain = overlay.draw(GREY, None, 0.0)
    light = TrafficLight(score=0.9, box=(100.0, 40.0, 140.0, 120.0), state="red")
    overlay.view = seen(lights=(light,), free_space=read_only([[200.0, 250.0], [400.0, 250.0]]))
    changed = (overlay.draw(GREY, None, 0.0) != plain).any(axis=2)
    x, y, width, _ = ROAD
    scale = width / 640
    assert changed[y + round(80 * scale), x + round(100 * scale)], "the left edge of the light"
    assert changed[y + round(300 * scale), x + round(300 * scale)], "the road below the edge"
    assert not changed[y + round(300 * scale), x + round(100 * scale)], "beside the road"


def seen(**found):
    return RoadView(
        t_ns=1, camera="road", taken_ns=0, frame_id=0, width_px=640, height_px=360, models=("x",), **found
    )


def test_a_warning_shows_while_it_lasts_and_so_does_what_is_missing():
    overlay = Overlay(False)
    quiet = overlay.draw(GREY, None, 0.0)
    warning = Warning(
        t_ns=1,
        name="headway",
        level="warning",
        active=True,
        since_ns=1,
        cause="0.5 s",
        values={},
        thresholds={},
    )
    overlay.take(warning)
    overlay.take(
        Unavailable(t_ns=1, function="headway", input="camera:road", reason="no", since_ns=0, over=False)
    )
    assert (overlay.draw(GREY, None, 0.0) != quiet).any()
    overlay.take(
        Warning(**{name: getattr(warning, name) for name in warning.__struct_fields__} | {"active": False})
    )
    overlay.take(
        Unavailable(t_ns=2, function="headway", input="camera:road", reason="no", since_ns=0, over=True)
    )
    assert (overlay.draw(GREY, None, 0.0) == quiet).all()


def test_every_warning_of_the_core_has_a_name_for_people():
    from edge.config import Rules
    from edge.core.warnings import table

    assert {kind.name for kind in table(Rules())} <= set(NAMES)
    assert title("something_new") == "SOMETHING NEW"


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    needs_own_models()
    folder = tmp_path_factory.mktemp("film")
    setup = read_rig(write_rig(folder, CAN + OTHERS + CAMERAS))
    with_film = Film(folder / "film.mp4", True, 10.0)
    outcome = replay_scenario(setup, title="t", drive_path=folder / "d.mcap", film=with_film)
    with_film.close()
    return folder, with_film, outcome


def test_a_film_of_a_scenario_has_a_picture_for_each_that_was_seen(filmed):
    folder, film, outcome = filmed
    views = list(read_drive(folder / "d.mcap").messages(RoadView))
    assert film.frames == len(views) == outcome.summary.counts["RoadView"] == 21
    video = cv2.VideoCapture(str(folder / "film.mp4"))
    count = 0
    while (found := video.read())[0]:
        count += 1
        assert found[1].shape == (HEIGHT, WIDTH, 3)
    assert count == film.frames
    assert video.get(cv2.CAP_PROP_FPS) == 10.0


def test_a_film_changes_no_decision(filmed):
    folder, _, outcome = filmed
    assert replay_drive(read_drive(folder / "d.mcap")).digest == outcome.digest


def test_a_directory_gets_one_picture_each(tmp_path):
    film = Film(tmp_path / "many", False, 10.0)
    for number in range(3):
        film.road_picture(number, GREY)
        film.take(Road(
            t_ns=number, camera="road", taken_ns=number, frame_id=number, tracks=(), lane=None, lead_id=None,
            headway_s=None,
        ))  # fmt: skip
    film.close()
    assert film.frames == 3
    assert len(list((tmp_path / "many").glob("*.jpg"))) == 3


class CtrlC:
    """A sink that ends the run when so many pictures of the road were decided upon."""

    def __init__(self, after):
        self.left = after

    def take(self, out):
        if not isinstance(out, Road):
            return
        self.left -= 1
        if self.left == 0:  # once: a second Ctrl-C would interrupt
            os.kill(os.getpid(), signal.SIGINT)


def test_a_live_recording_becomes_a_film_of_its_recorded_pictures(tmp_path):
    needs_own_models()
    setup = read_rig(write_rig(tmp_path, CAN + CAMERAS, seconds=120.0))
    path = tmp_path / "d.mcap"
    run_live(setup, title="t", drive_path=path, seconds=60.0, sinks=[CtrlC(after=12)])
    drive = read_drive(path)
    pictures = len(list(drive.pictures("road")))
    assert pictures > 0
    film = Film(tmp_path / "film.avi", True, 5.0)
    outcome = replay_drive(drive, film=film)
    film.close()
    assert outcome.same
    assert film.frames == pictures


@pytest.mark.parametrize("name", ["film.xyz", "there.mp4/film.mp4", "there.mp4/pictures"])
def test_a_film_that_cannot_be_written_is_told(tmp_path, name):
    (tmp_path / "there.mp4").write_text("a file")
    with pytest.raises(FilmError, match=name.rpartition("/")[2]):
        Film(tmp_path / name, False, 10.0)
