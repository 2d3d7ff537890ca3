"""The cache of DBC files: the same as reading them, and never in the way."""

import os
from pathlib import Path

import pytest

from edge.can import dbc
from edge.can.dbc import DbcError, parse_dbc, read_dbc
from edge.can.dbc import cache as dbc_cache
from edge.config import shipped

SIMULATED = Path(shipped("configs/vehicles/simulated.dbc"))
RICH = """VERSION "1"
BU_: ECU
BO_ 2147484672 A: 8 ECU
 SG_ M M : 0|2@1+ (1,0) [0|3] "" ECU
 SG_ S m1 : 8|8@1- (0.5,-4) [0|0] "km/h" ECU
 SG_ BAD : 99|99@1+ (1,0) [0|0] "" ECU
BA_DEF_ SG_ "GenSigStartValue" INT 0 9;
BA_ "GenSigStartValue" SG_ 2147484672 S 4;
CM_ SG_ 2147484672 S "two
lines";
VAL_ 2147484672 S 18446744073709551615 "most" -1 "less" ;
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, and the folder of the cache in it."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    dbc_cache._folder.cache_clear()
    yield tmp_path / ".cache" / "icv-edge" / "dbc"
    dbc_cache._folder.cache_clear()


@pytest.fixture
def rich(tmp_path):
    path = tmp_path / "rich.dbc"
    path.write_text(RICH)
    return path


def kept(home):
    return [path for path in home.rglob("*") if path.is_file()]


def unparsed(monkeypatch):
    """From here on, nothing is parsed."""
    monkeypatch.setattr(dbc, "parse", None)


def test_what_comes_from_the_cache_is_what_was_read(home, rich, monkeypatch):
    read = {path: read_dbc(path) for path in (rich, SIMULATED)}
    assert len(kept(home)) == 2
    unparsed(monkeypatch)
    for path, database in read.items():
        again = read_dbc(path)
        assert again.messages == database.messages
        assert list(again.messages) == list(database.messages)
        assert again == database
        assert repr(again.messages) == repr(database.messages)
        assert again.defects == database.defects
        (key, *_) = database.messages
        assert key in again.messages
        assert 12345 not in again.messages
        with pytest.raises(KeyError):
            again.messages[12345]


def test_an_equal_file_elsewhere_has_its_own_path(home, rich, tmp_path, monkeypatch):
    read_dbc(rich)
    other = tmp_path / "other.dbc"
    other.write_text(RICH)
    unparsed(monkeypatch)
    assert read_dbc(other).defects[0].startswith(f"{other}:5: ")


def test_a_changed_file_is_read_again(home, rich):
    read_dbc(rich)
    rich.write_text(RICH.replace("0.5", "0.25"))
    (message,) = read_dbc(rich).messages.values()
    assert message.signal("S").scale == 0.25


def test_other_code_has_another_cache(home, monkeypatch):
    here = dbc_cache.place(b"x")
    dbc_cache._folder.cache_clear()
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"changed")
    assert Path(dbc_cache.place(b"x")).parent != Path(here).parent


@pytest.mark.parametrize("at", [0, 3, 4, 17, 40, -1])
def test_damage_is_noticed(home, rich, at):
    expected = read_dbc(rich)
    (file,) = kept(home)
    content = bytearray(file.read_bytes())
    content[at] ^= 0x40
    for damaged in (bytes(content), bytes(content[:at]), b""):
        file.write_bytes(damaged)
        assert read_dbc(rich) == expected
        assert read_dbc(rich) == expected  # and was written anew


def test_an_unwritable_or_strange_place_is_no_cache(home, rich):
    expected = parse_dbc(RICH, str(rich)).messages
    home.parent.mkdir(parents=True)
    home.write_text("a file where the folder should be")
    assert read_dbc(rich).messages == expected
    home.unlink()
    os.makedirs(dbc_cache.place(rich.read_bytes()))
    assert read_dbc(rich).messages == expected
    assert kept(home) == []  # nothing half-written is left


def test_without_home_there_is_no_cache(rich, monkeypatch):
    def homeless():
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "home", homeless)
    dbc_cache._folder.cache_clear()
    assert read_dbc(rich).messages
    dbc_cache._folder.cache_clear()


def test_cache_false_leaves_nothing(home, rich):
    read_dbc(rich, cache=False)
    assert not home.exists()


def test_what_is_no_dbc_is_not_kept(home, tmp_path):
    (tmp_path / "x.dbc").write_text("<html>")
    for _ in range(2):
        with pytest.raises(DbcError, match="HTML"):
            read_dbc(tmp_path / "x.dbc")
    assert not home.exists()


def test_the_oldest_go(home, tmp_path, monkeypatch):
    monkeypatch.setattr(dbc_cache, "_MAX_FILES", 4)
    for number in range(12):
        path = tmp_path / f"{number}.dbc"
        path.write_text(RICH + f'CM_ "{number}";\n')
        read_dbc(path)
        assert len(kept(home)) <= 4
    unparsed(monkeypatch)
    assert read_dbc(tmp_path / "11.dbc").comment == "11"


def test_what_old_code_kept_goes(home, rich):
    for number in range(6):
        (home / f"{number}").mkdir(parents=True)
        os.utime(home / f"{number}", (number, number))
    read_dbc(rich)
    assert len(list(home.iterdir())) <= 4
    assert len(kept(home)) == 1
