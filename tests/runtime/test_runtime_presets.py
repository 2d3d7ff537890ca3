"""[perception] preset: models for every camera that names none."""

from pathlib import Path

import pytest

from edge import config as cfg
from edge.runtime.begin import PRESETS, preset
from edge.runtime.setup import complete
from edge.vision.zoo import Zoo

NAMES = tuple(cfg.read(cfg.shipped(PRESETS), dict[str, cfg.Preset]))


def setup_of(tmp_path, perception, **camera):
    config = cfg.Config(
        name="x",
        vehicle="configs/vehicles/unknown.toml",
        cameras=(cfg.Camera(name="road", role="road", **camera), cfg.Camera(name="driver", role="driver")),
        perception=perception,
    )
    return complete(config, tmp_path / "x.toml")


def test_a_camera_that_names_no_models_gets_those_of_the_preset_for_its_role(tmp_path):
    road, driver = setup_of(tmp_path, cfg.Perception(preset="tiny")).config.cameras
    assert road.models == preset("tiny").road
    assert driver.models == preset("tiny").driver


def test_what_a_camera_names_itself_goes_before_the_preset(tmp_path):
    road, _ = setup_of(tmp_path, cfg.Perception(preset="full"), models=("icv-road",)).config.cameras
    assert road.models == ("icv-road",)


def test_neither_models_nor_a_preset_is_an_error_that_says_what_to_write(tmp_path):
    with pytest.raises(cfg.ConfigError, match=r'camera road has no models.*preset = "small"'):
        setup_of(tmp_path, cfg.Perception())


def test_a_preset_that_is_not_there_is_an_error_that_names_those_that_are(tmp_path):
    with pytest.raises(cfg.ConfigError, match="tiny, small, full"):
        setup_of(tmp_path, cfg.Perception(preset="huge"))


@pytest.mark.parametrize("name", NAMES)
def test_every_model_of_a_preset_is_in_the_zoo_for_that_role_and_finds_what_the_others_need(name):
    zoo = Zoo()
    for role, models in (("road", preset(name).road), ("driver", preset(name).driver)):
        entries = [zoo.entry(model) for model in models]
        assert {entry.role for entry in entries} == {role}
        found = {what for entry in entries for what in entry.finds}
        assert {need for entry in entries for need in entry.needs} <= found


@pytest.mark.parametrize("path", sorted(cfg.shipped("configs").glob("*.toml")), ids=lambda p: p.stem)
def test_every_shipped_config_says_which_models_look(path: Path):
    if path.name == Path(PRESETS).name:
        return
    config = cfg.read(path, cfg.Config)
    assert all(camera.models for camera in complete(config, path).config.cameras)


def test_paths_of_perception_are_relative_to_the_config(tmp_path):
    config = setup_of(tmp_path, cfg.Perception(preset="own", directory="models", cache="/c")).config
    assert config.perception.directory == str(tmp_path / "models")
    assert config.perception.cache == "/c"
    assert config.perception.zoo is None
