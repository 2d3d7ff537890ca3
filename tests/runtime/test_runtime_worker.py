"""The loop's end of a camera worker, with real processes; and what a worker says of its camera and models."""

from __future__ import annotations

import json
import os
import signal
import threading

import cv2
import msgspec
import numpy as np
import pytest
import worker_mains
from rig_files import needs_own_models

from edge import clock
from edge import config as cfg
from edge.messages import DriverView, Gap, Health
from edge.runtime import worker
from edge.runtime.begin import Eyes, begin
from edge.runtime.camera_process import _compress
from edge.runtime.rights import ask
from edge.runtime.worker import WorkerInlet, WorkerTask
from edge.vision.picture import Picture
from edge.vision.zoo import Entry

S = 1_000_000_000


def task(camera=None, pictures="none", directory=None):
    return WorkerTask(
        camera=camera or cfg.Camera(name="x", role="driver", models=("icv-driver",)),
        perception=cfg.Perception(directory=directory),
        recording=cfg.Recording(pictures=pictures),
        geometry=None,
        scenario=None,
        start_ns=clock.now_ns(),
    )


@pytest.fixture
def start():
    inlets = []

    def make(*arguments, **more):
        inlet = WorkerInlet(*arguments, **more)
        inlets.append(inlet)
        inlet.start(clock.now_ns())
        return inlet

    yield make
    for inlet in inlets:
        inlet.close()


def listen(inlet, until, seconds=15.0, ahead_ns=0):
    """What the inlet says until one message is what is waited for. ahead_ns: poll as if so much later."""
    heard, deadline_ns, pause = [], clock.now_ns() + round(seconds * S), threading.Event()
    while clock.now_ns() < deadline_ns:
        for message in inlet.poll(clock.now_ns() + ahead_ns):
            heard.append(message)
            if until(message):
                return heard
        pause.wait(0.01)
    raise AssertionError(f"not said within {seconds} s; only {heard}")


def ok(message):
    return isinstance(message, Health) and message.state == "ok"


def failed(message):
    return isinstance(message, Health) and message.state == "failed"


def test_a_killed_worker_is_told_with_its_signal_and_another_starts(start):
    inlet = start(task(), main=worker_mains.hello)
    listen(inlet, ok)
    first = inlet.pid
    os.kill(first, signal.SIGKILL)
    lost = listen(inlet, failed)[-1]
    assert lost.source == "camera:x"
    assert "signal 9" in lost.detail
    listen(inlet, ok, ahead_ns=worker.RETRY_NS)
    assert inlet.pid not in (first, None)


def test_an_exit_status_is_told_and_starts_are_paced(start):
    inlet = start(task(), main=worker_mains.leaves)
    assert "exit status 7" in listen(inlet, failed)[-1].detail
    now_ns = clock.now_ns()
    assert inlet.poll(now_ns + worker.RETRY_NS // 2) == []
    assert inlet.pid is None  # not before its time
    inlet.poll(now_ns + worker.RETRY_NS + S)
    assert inlet.pid is not None


def test_a_worker_that_hangs_is_ended_without_the_loop_waiting_for_it(start):
    inlet = start(task(), main=worker_mains.stuck)
    listen(inlet, ok)
    pid = inlet.pid
    inlet.poll(clock.now_ns() + worker.SILENCE_LIMIT_NS // 2)
    assert inlet.pid == pid
    lost = listen(inlet, failed, ahead_ns=worker.SILENCE_LIMIT_NS + S)[-1]
    assert "said nothing" in lost.detail
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_stopped_worker_is_ended_too(start):
    inlet = start(task(), main=worker_mains.hello)
    listen(inlet, ok)
    os.kill(inlet.pid, signal.SIGSTOP)
    lost = listen(inlet, failed, ahead_ns=worker.SILENCE_LIMIT_NS + 2 * S)[-1]
    assert "said nothing" in lost.detail


def test_a_worker_that_stops_in_the_middle_of_a_picture_does_not_hold_the_loop(start):
    pictures = []
    inlet = start(task(), take_picture=pictures.append, main=worker_mains.floods)
    listen(inlet, ok)
    while not pictures:
        inlet.poll(clock.now_ns())
    assert pictures[0].data == bytes(range(256)) * 8000
    threading.Event().wait(0.2)  # it has filled the pipe, with less than a picture
    os.kill(inlet.pid, signal.SIGSTOP)
    lost = listen(inlet, failed, ahead_ns=worker.SILENCE_LIMIT_NS + 2 * S)[-1]
    assert "said nothing" in lost.detail
    count = len(pictures)
    listen(inlet, ok, ahead_ns=worker.SILENCE_LIMIT_NS + 5 * S)  # the next one begins its pictures anew
    while len(pictures) == count:
        inlet.poll(clock.now_ns())
    assert pictures[-1] == pictures[0]


def test_a_system_without_room_for_a_process_is_told_and_asked_again(monkeypatch):
    def full(process):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    inlet = WorkerInlet(task(), main=worker_mains.hello)
    try:
        with monkeypatch.context() as patch:
            patch.setattr(worker, "start_without_interrupt", full)
            (told,) = inlet.poll(clock.now_ns())
            assert failed(told)
            assert "Resource temporarily unavailable" in told.detail
            assert inlet.poll(clock.now_ns()) == []  # not at once
        listen(inlet, ok, ahead_ns=worker.RETRY_NS)
    finally:
        inlet.close()


def test_a_run_begins_although_a_worker_cannot_be_started(monkeypatch):
    def full(process):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(worker, "start_without_interrupt", full)
    camera = cfg.Camera(name="x", role="driver", models=("icv-driver",))
    eyes = Eyes(
        config=cfg.Config(name="x", vehicle="x", cameras=(camera,)), geometry={}, scenario=None, notes=()
    )
    begun = begin(eyes)
    try:
        (told,) = begun.workers[0].poll(clock.now_ns())
        assert failed(told)
    finally:
        begun.close()


@pytest.mark.parametrize(("shape", "kind"), [((8, 64, 3), "jpeg"), ((8, 65_600, 3), "png")])
def test_a_picture_too_long_for_jpeg_is_kept_all_the_same(shape, kind):
    image = np.full(shape, 90, np.uint8)
    seen = _compress(task(pictures="jpeg"), Picture(t_ns=1, frame_id=2, image=image))
    assert seen.format == kind
    assert cv2.imdecode(np.frombuffer(seen.data, np.uint8), cv2.IMREAD_COLOR).shape == shape


def test_a_slow_start_is_given_time(start):
    inlet = start(task(), main=worker_mains.hello)
    inlet.poll(clock.now_ns() + worker.SILENCE_LIMIT_NS + S)  # not a word yet, and not yet too long
    listen(inlet, ok)


def test_ctrl_c_is_kept_from_workers_from_their_first_moment(start):
    inlet = start(task(), main=worker_mains.hello)
    assert listen(inlet, ok)[-1].detail == "SIGINT True"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])  # and from nobody else


def test_close_ends_the_process_even_a_stuck_one(start):
    for main in (worker_mains.hello, worker_mains.stuck):
        inlet = start(task(), main=main)
        listen(inlet, ok)
        pid = inlet.pid
        inlet.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert inlet.fileno() is None


# ------------------------------------------------ the real worker


def test_a_missing_model_is_one_clear_message_and_the_worker_waits(start, tmp_path):
    camera = cfg.Camera(name="x", role="driver", models=("yunet_n_320_320",))
    inlet = start(task(camera, directory=str(tmp_path)))
    said = listen(inlet, failed)
    assert len(said) == 1
    assert "yunet_n_320_320" in said[0].detail
    assert "icv models fetch" in said[0].detail
    pid, heard, pause, beats = inlet.pid, [], threading.Event(), clock.now_ns()
    while clock.now_ns() < beats + 3 * S:
        heard += inlet.poll(clock.now_ns() + worker.SILENCE_LIMIT_NS - 2 * S)  # a beat comes each second
        pause.wait(0.05)
    assert heard == []
    assert inlet.pid == pid


def movie(path, images, fps=20):
    height, width = images[0].shape[:2]
    video = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (width, height))
    assert video.isOpened()
    for image in images:
        video.write(image)
    video.release()


def file_camera(path, **more):
    return cfg.Camera(name="x", role="driver", kind="file", address=str(path), models=("icv-driver",), **more)


def noise(count, seed=1):
    chance = np.random.default_rng(seed)
    return [chance.integers(0, 255, (120, 160, 3), dtype=np.uint8) for _ in range(count)]


def test_a_worker_sees_and_its_pictures_come_with_what_it_saw(start, tmp_path):
    needs_own_models()
    movie(tmp_path / "film.avi", noise(60))
    kept = []
    inlet = start(task(file_camera(tmp_path / "film.avi"), pictures="jpeg"), kept.append)
    heard = listen(inlet, lambda m: isinstance(m, Health) and m.source == "worker:x", seconds=30)
    views = [m for m in heard if isinstance(m, DriverView)]
    assert views
    assert all(view.t_ns >= view.taken_ns and view.width_px == 160 for view in views)
    assert {picture.taken_ns for picture in kept} <= {view.taken_ns for view in views}
    assert cv2.imdecode(np.frombuffer(kept[0].data, np.uint8), 1).shape == (120, 160, 3)
    gaps = [m for m in heard if isinstance(m, Gap)]
    numbers = [view.frame_id for view in views]
    assert numbers == sorted(set(numbers))
    assert max(numbers) - len(numbers) - 1 <= sum(gap.count for gap in gaps) + 25  # those of the last second


MOODY = """
from edge.vision.adapters.own_driver import OwnDriver

class Moody(OwnDriver):
    seen = 0

    def see(self, picture, seen):
        Moody.seen += 1
        if 5 < Moody.seen < 15:
            raise ValueError("not today")
        return super().see(picture, seen)
"""


def test_a_worker_whose_networks_fail_over_some_pictures_says_so_and_goes_on(start, tmp_path):
    needs_own_models()
    (tmp_path / "moody.py").write_text(MOODY)
    shipped = cfg.read(cfg.shipped("models/zoo.toml"), dict[str, Entry])["icv-driver"]
    (tmp_path / shipped.file).write_bytes(cfg.shipped(f"models/{shipped.file}").read_bytes())
    entry = msgspec.to_builtins(msgspec.structs.replace(shipped, adapter="moody.py:Moody"))
    (tmp_path / "zoo.toml").write_text("[moody]\n" + "\n".join(toml(*item) for item in entry.items()))
    movie(tmp_path / "film.avi", noise(200))
    camera = msgspec.structs.replace(file_camera(tmp_path / "film.avi"), models=("moody",))
    looking = task(camera)
    perception = cfg.Perception(zoo=str(tmp_path / "zoo.toml"))
    inlet = start(msgspec.structs.replace(looking, perception=perception))
    heard = listen(inlet, lambda m: isinstance(m, Gap) and "networks" in m.reason, seconds=30)
    (told,) = [m for m in heard if failed(m)]
    assert told.source == "networks:x"
    assert "moody" in told.detail
    assert "not today" in told.detail
    heard += listen(inlet, lambda m: isinstance(m, DriverView) and m.frame_id > 20, seconds=30)
    assert [m.state for m in heard if isinstance(m, Health) and m.source == "networks:x"] == ["failed", "ok"]


def toml(key, value):
    if isinstance(value, dict):
        return f"{key} = {{ " + ", ".join(toml(*item) for item in value.items()) + " }"
    return "" if value is None else f"{key} = {json.dumps(value)}"


def test_a_picture_that_freezes_is_told_once_and_no_longer_seen(start, tmp_path):
    needs_own_models()
    moving, still = noise(10), noise(1, seed=2)
    movie(tmp_path / "film.avi", [*moving, *(still * 80)])
    inlet = start(task(file_camera(tmp_path / "film.avi", frozen_after_s=0.5)))
    heard = listen(inlet, failed, seconds=30)
    assert "frozen" in heard[-1].detail
    later = listen(inlet, lambda m: isinstance(m, Health) and m.source == "worker:x", seconds=5)
    assert [m for m in later if isinstance(m, DriverView) or failed(m)] == []


def test_a_device_that_is_not_there_is_told_with_what_to_do(start):
    needs_own_models()
    camera = cfg.Camera(name="x", role="driver", address="/dev/video97", models=("icv-driver",))
    inlet = start(task(camera))
    assert "/dev/video97" in listen(inlet, failed, seconds=30)[-1].detail


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no such rights")
def test_a_worker_that_starts_later_has_none_of_the_loops_own_rights():
    """A loop with real-time priority on a processor of its own must not share it with networks."""
    before, policy = os.sched_getaffinity(0), os.sched_getscheduler(0)
    inlet = WorkerInlet(task(), main=worker_mains.rights)
    try:
        answers = ask(cfg.Runtime(realtime_priority=1, cpu=min(before)))
        assert len(answers) == 2
        if len(before) > 1:
            assert os.sched_getaffinity(0) == {min(before)}
        inlet.start(clock.now_ns())
        said = listen(inlet, ok)[-1].detail
    finally:
        os.sched_setscheduler(0, policy, os.sched_param(0))
        os.sched_setaffinity(0, before)
        inlet.close()
    assert said == f"{os.SCHED_OTHER} {sorted(before)}"
