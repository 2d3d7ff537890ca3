"""What the documentation shows can be used as it stands there."""

import re
from pathlib import Path

import pytest

from edge import config as cfg
from edge.cli.can import VERBS
from edge.cli.v2x import VERBS as V2X_VERBS

DOCS = Path(__file__).resolve().parents[1] / "docs"


def toml_of(name):
    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    return block


def test_the_vehicle_file_is_one(tmp_path):
    path = tmp_path / "car.toml"
    path.write_text(toml_of("vehicles.md"))
    assert cfg.read(path, cfg.Vehicle).title == "My car 2021"


def test_the_question_to_an_ecu_is_one(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text('name = "x"\nvehicle = "car.toml"\n' + toml_of("can.md"))
    (question,) = cfg.read(path, cfg.Config).diagnostics
    assert (question.service, question.identifier) == (1, 5)


def test_the_cameras_are_ones(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text('name = "x"\nvehicle = "car.toml"\n' + toml_of("cameras.md"))
    kinds = {camera.kind for camera in cfg.read(path, cfg.Config).cameras}
    assert kinds == {"v4l2", "picamera2", "gstreamer", "rtsp", "file", "recording"}


def test_the_radio_is_one(tmp_path):
    path = tmp_path / "rig.toml"
    path.write_text('name = "x"\nvehicle = "car.toml"\n' + toml_of("v2x.md"))
    assert cfg.read(path, cfg.Config).v2x.security.directory == "keys/station-1"


@pytest.mark.parametrize("verb", V2X_VERBS)
def test_every_verb_of_icv_v2x_is_told_of(verb):
    assert f"icv v2x {verb}" in (DOCS / "v2x.md").read_text()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_icv_can_is_told_of(verb):
    assert f"icv can {verb}" in (DOCS / "can.md").read_text()
