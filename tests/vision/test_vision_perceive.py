"""Networks of one camera, one of which fails: the others go on, and what it would have found is unknown."""

import json

import msgspec
import numpy as np
import pytest

from edge import config
from edge.vision.perceive import Perception
from edge.vision.picture import Picture
from edge.vision.zoo import Entry, ModelError

ADAPTER = """
class Moody:
    def __init__(self, session, entry):
        pass

    def see(self, picture, seen):
        raise ValueError("not today")
"""
PICTURE = Picture(t_ns=5, frame_id=1, image=np.full((360, 640, 3), 90, np.uint8))


def toml(key, value):
    if isinstance(value, dict):
        return f"{key} = {{ " + ", ".join(toml(*item) for item in value.items()) + " }"
    return "" if value is None else f"{key} = {json.dumps(value)}"


def seeing(tmp_path, role, own, finds, *others, code=ADAPTER):
    """A camera with a network that fails, `own` in all but its adapter, and others."""
    shipped = config.read(config.shipped("models/zoo.toml"), dict[str, Entry])[own]
    (tmp_path / shipped.file).write_bytes(config.shipped(f"models/{shipped.file}").read_bytes())
    (tmp_path / "moody.py").write_text(code)
    entry = msgspec.to_builtins(msgspec.structs.replace(shipped, adapter="moody.py:Moody", finds=finds))
    (tmp_path / "zoo.toml").write_text("[moody]\n" + "\n".join(toml(*item) for item in entry.items()))
    camera = config.Camera(name="x", role=role, models=("moody", *others))
    return Perception(camera, config.Perception(zoo=str(tmp_path / "zoo.toml"), cache=""))


def test_what_a_failing_network_would_have_found_is_unknown_and_the_rest_is_there(tmp_path):
    networks = seeing(tmp_path, "road", "icv-road", ("objects",), "icv-road-lanes")
    view = networks.see(PICTURE)
    assert view.detections is None
    assert view.lanes is not None
    assert view.free_space is not None
    assert "moody" in networks.trouble
    assert "not today" in networks.trouble


def test_without_any_network_that_works_there_is_no_view(tmp_path):
    with pytest.raises(ModelError, match=r"moody.*not today"):
        seeing(tmp_path, "road", "icv-road", ("objects",))


def test_a_failing_face_finder_is_not_an_empty_seat(tmp_path):
    with pytest.raises(ModelError, match=r"moody.*not today"):
        seeing(tmp_path, "driver", "icv-driver", ("face", "landmarks"), "icv-eye")


@pytest.mark.parametrize("fault", ["typo", "assert 0, 'not today'", "raise RuntimeError('not today')"])
def test_an_adapter_may_fail_in_any_way(tmp_path, fault):
    code = ADAPTER.replace('raise ValueError("not today")', fault)
    networks = seeing(tmp_path, "road", "icv-road", ("objects",), "icv-road-lanes", code=code)
    assert networks.see(PICTURE).free_space is not None
    assert "moody" in networks.trouble


@pytest.mark.parametrize(
    "code", ["typo", "1 / 0", "raise RuntimeError('not today')", "class Other: pass", "("]
)
def test_an_adapter_that_cannot_be_loaded_is_named(tmp_path, code):
    with pytest.raises(ModelError, match=r"moody: its adapter moody.py:Moody cannot be loaded"):
        seeing(tmp_path, "road", "icv-road", ("objects",), code=code)
