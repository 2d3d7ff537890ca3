"""What is made from models is kept whole, or not at all."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from edge.vision import kept


def keep(path: Path, content: bytes) -> str:
    with kept.part(path) as part:
        assert isinstance(part, Path)
        part.write_bytes(content)
        return kept.save(path, part)


def test_what_is_kept_comes_back_and_no_part_is_left(tmp_path: Path) -> None:
    assert kept.load(tmp_path / "a") is None
    assert keep(tmp_path / "a", b"content") == ""
    assert kept.load(tmp_path / "a") == b"content"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_what_is_damaged_is_removed(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "a").write_bytes(damage)
    assert kept.load(tmp_path / "a") is None
    assert not (tmp_path / "a").exists()


def test_a_cache_that_may_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(tmp_path / "a", b"content")

    def refused(*_: object) -> None:
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(os, "utime", refused)
    assert kept.load(tmp_path / "a") == b"content"


def test_the_files_used_longest_ago_make_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MAX_FILES", 3)
    for index, name in enumerate("abc"):
        keep(tmp_path / name, b"content")
        os.utime(tmp_path / name, (index, index))
    kept.load(tmp_path / "a")
    keep(tmp_path / "d", b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "c", "d"]


def test_what_a_killed_process_left_behind_goes_and_what_is_being_made_stays(tmp_path: Path) -> None:
    with kept.part(tmp_path / "a") as fresh, kept.part(tmp_path / "b") as old:
        assert isinstance(fresh, Path)
        assert isinstance(old, Path)
        os.utime(old, (0, 0))
        keep(tmp_path / "c", b"content")
        assert fresh.exists()
        assert not old.exists()


def test_several_that_fill_the_cache_at_once_do_not_disturb_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "MAX_FILES", 2)
    wrong: list[object] = []

    def fill(number: int) -> None:
        for turn in range(60):
            path = tmp_path / f"{(number + turn) % 5}"
            content = b"%d" % turn * 1000
            if said := keep(path, content):
                wrong.append(said)
            found = kept.load(path)
            if found is not None and len(set(found)) > 2:
                wrong.append(found)

    threads = [threading.Thread(target=fill, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
