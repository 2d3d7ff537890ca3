import hashlib
import re

import pytest

from edge import config
from edge.vision.zoo import ModelError, Zoo, brings

DATA = b"weights" * 1000


@pytest.fixture
def zoo(tmp_path):
    """A zoo with one public model that has an address, one that has none, and one of our own."""
    common = f"""
role = "road"
finds = ["objects"]
adapter = "edge.vision.adapters.yolox:YoloX"
input = "BGR"
inputs = {{ images = [1, 3, 8, 8] }}
outputs = {{ output = [1, 1, 8] }}
licence_code = "MIT"
licence_weights = "MIT"
bytes = {len(DATA)}
sha256 = "{hashlib.sha256(DATA).hexdigest()}"
"""
    text = f'[afar]\nfile = "afar.onnx"\naddress = "http://127.0.0.1:1/afar.onnx"\n{common}'
    text += f'[converted]\nfile = "converted.onnx"\norigin = "converted here"\n{common}'
    text += f'[ours]\nfile = "ours.onnx"\nown = true\n{common}'
    (tmp_path / "models").mkdir()
    (tmp_path / "models/zoo.toml").write_text(text)
    (tmp_path / "from").mkdir()
    (tmp_path / "from/converted.onnx").write_bytes(DATA)
    return Zoo(tmp_path / "models/zoo.toml")


def test_the_shipped_zoo_is_pinned_and_licensed():
    for name, entry in Zoo().entries.items():
        assert re.fullmatch("[0-9a-f]{64}", entry.sha256), name
        assert entry.licence_code, name
        assert entry.licence_weights, name
        assert entry.own or entry.origin, name
        assert entry.limits, f"{name}: what is it not good for?"
        if entry.address:
            assert entry.address.startswith("https://"), name
            assert re.search("/[0-9a-f]{40}/", entry.address), f"{name}: not pinned by commit"
        if "objects" in entry.finds:
            known = {
                "car",
                "truck",
                "bus",
                "motorcycle",
                "bicycle",
                "person",
                "traffic light",
                "traffic sign",
                "stop sign",
                "",
            }
            assert set(entry.kinds) <= known, name


def test_a_model_from_a_directory_is_then_found(zoo, tmp_path):
    path = zoo.fetch("converted", source=tmp_path / "from")
    assert path == tmp_path / "models/public/converted.onnx"
    assert zoo.locate("converted") == path
    assert [p.name for p in path.parent.iterdir()] == ["converted.onnx"]


def test_a_wrong_hash_is_refused_by_name_and_leaves_nothing(zoo, tmp_path):
    (tmp_path / "from/converted.onnx").write_bytes(b"something else")
    with pytest.raises(ModelError, match="converted: refused"):
        zoo.fetch("converted", source=tmp_path / "from")
    assert list((tmp_path / "models/public").iterdir()) == []


def test_a_file_that_never_ends_is_refused(zoo, tmp_path):
    (tmp_path / "from/converted.onnx").write_bytes(DATA * 50)
    with pytest.raises(ModelError, match="refused"):
        zoo.fetch("converted", source=tmp_path / "from")
    assert list((tmp_path / "models/public").iterdir()) == []


def test_a_file_that_was_changed_after_the_fetch_is_refused(zoo, tmp_path):
    path = zoo.fetch("converted", source=tmp_path / "from")
    path.write_bytes(DATA[:-1] + b"x!")
    with pytest.raises(ModelError, match="is not the file of the zoo"):
        zoo.locate("converted")


def test_a_missing_model_says_how_to_get_it(zoo):
    with pytest.raises(ModelError, match="icv models fetch afar"):
        zoo.locate("afar")
    with pytest.raises(ModelError, match="icv models fetch converted --from DIR"):
        zoo.locate("converted")
    with pytest.raises(ModelError, match="comes with the program"):
        zoo.locate("ours")


def test_what_has_no_address_says_so(zoo):
    with pytest.raises(ModelError, match="no public address: converted here"):
        zoo.fetch("converted")


def test_an_address_must_be_https(zoo):
    with pytest.raises(ModelError, match="not https"):
        zoo.fetch("afar")


def test_a_directory_without_the_file_says_so(zoo, tmp_path):
    with pytest.raises(ModelError, match=r"afar: .*from holds no file afar\.onnx"):
        zoo.fetch("afar", source=tmp_path / "from")


def test_a_directory_in_the_place_of_the_file_is_named(zoo, tmp_path):
    (tmp_path / "models/public/converted.onnx").mkdir(parents=True)
    with pytest.raises(ModelError, match=r"converted\.onnx is a directory.*remove it"):
        zoo.fetch("converted", source=tmp_path / "from")


def test_a_file_in_the_place_of_the_directory_is_named(zoo, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match=r"cannot be brought to .*file/converted\.onnx: [A-Z][a-z ]+$"):
        zoo.fetch("converted", to=str(tmp_path / "file"), source=tmp_path / "from")


def test_an_unknown_name_lists_the_known(zoo):
    with pytest.raises(ModelError, match="afar, converted, ours"):
        zoo.locate("far")


def test_an_unknown_key_in_the_zoo_names_the_right_one(tmp_path):
    (tmp_path / "zoo.toml").write_text('[a]\nfile = "a"\nsha265 = "0"\n')
    with pytest.raises(config.ConfigError, match="sha265"):
        Zoo(tmp_path / "zoo.toml")


def test_what_a_model_brings_is_said_in_a_line(zoo):
    assert brings("afar", zoo.entry("afar")) == (
        "afar: 0.0 MB; licence of the code MIT, of the weights MIT; trained on: not stated"
    )
