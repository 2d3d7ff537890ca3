"""Pipelines of GStreamer: what they say and do, and what we make of it; with a stand-in, and the real one."""

import sys
import threading

import fake_gi
import numpy as np
import pytest

from edge import config
from edge.clock import LiveClock, RecordedClock
from edge.vision.cameras import CameraError, open_camera

NOW_NS = 100_000_000_000


def told(address, kind="gstreamer"):
    return config.Camera(name="road", role="road", kind=kind, address=address)


def opened(monkeypatch, samples=(), address="source", **state):
    pipeline = fake_gi.Pipeline(samples, **{"base_ns": NOW_NS - 1_000_000_000} | state)
    for name, module in fake_gi.modules(pipeline).items():
        monkeypatch.setitem(sys.modules, name, module)
    return open_camera(told(address), RecordedClock(NOW_NS)), pipeline


def sample(data, width, height, form="BGR", pts=900_000_000, offset=fake_gi.NONE, colours=None):
    return fake_gi.Sample(fake_gi.Buffer(data, pts, offset), width, height, form, colours)


def grey(pts=900_000_000, offset=fake_gi.NONE):
    return sample(b"\x28" * 16 * 16 * 3, 16, 16, pts=pts, offset=offset)


def test_without_pygobject_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "gi", None)
    with pytest.raises(CameraError, match=r"sudo apt install python3-gi .*--system-site-packages"):
        open_camera(told("source"), RecordedClock())


@pytest.mark.parametrize(
    ("address", "state", "words"),
    [
        ("nosuchelement", {}, 'not a pipeline: nosuchelement: no element "nosuchelement"'),
        ("source ! appsink name=mine", {}, "must have name=icv"),
        (
            "source",
            {"refuses": True, "error": "no such camera"},
            "source0: no such camera; `gst-launch-1.0 source",
        ),
        ("source", {"refuses": True}, "does not start"),
    ],
)
def test_a_pipeline_that_does_not_start(monkeypatch, address, state, words):
    with pytest.raises(CameraError, match=words):
        opened(monkeypatch, address=address, **state)


def test_an_appsink_is_added_and_ones_own_is_kept(monkeypatch):
    assert "{NV12,BGR}" in opened(monkeypatch)[1].text
    own = "source ! video/x-raw,format=NV12 ! appsink name=icv drop=true"
    assert opened(monkeypatch, address=own)[1].text == own


@pytest.mark.parametrize("width", [16, 17, 18, 19])
@pytest.mark.parametrize("height", [16, 17])
def test_rows_are_padded_to_four_bytes_and_planes_to_even_rows(monkeypatch, width, height):
    stride = (3 * width + 3) // 4 * 4
    rows = np.zeros((height, stride), np.uint8)
    rows[:, : 3 * width] = np.arange(3 * width)
    luma_stride, even = (width + 3) // 4 * 4, (height + 1) // 2 * 2
    luma, chroma = np.zeros((even, luma_stride), np.uint8), np.full((even // 2, luma_stride), 128, np.uint8)
    luma[:height, :width] = 16 + np.arange(width)
    nv12 = luma.tobytes() + chroma.tobytes()
    samples = [sample(rows.tobytes(), width, height), sample(nv12, width, height, "NV12")]
    camera, _ = opened(monkeypatch, samples)
    first, second = camera.read(), camera.read()
    assert (first.image.reshape(height, -1) == np.arange(3 * width)).all()
    assert (second.width_px, second.height_px) == (width, height)
    assert (second.planes.luma == 16 + np.arange(width)).all()
    assert second.image.shape == (height, width, 3)
    assert second.image.flags.c_contiguous


def test_planes_of_the_full_range(monkeypatch):
    data = b"\xff" * 256 + b"\x80" * 128
    samples = [sample(data, 16, 16, "NV12", colours=c) for c in ("1:4:0:0", "bt601", "2:4:7:1", None)]
    camera, _ = opened(monkeypatch, samples)
    assert [int(camera.read().planes.luma[0, 0]) for _ in samples] == [235, 255, 255, 255]


def test_stamps_are_the_pipelines_and_never_of_the_future(monkeypatch):
    samples = [grey(900_000_000), grey(950_000_000), grey(1_200_000_000), grey(fake_gi.NONE)]
    camera, _ = opened(monkeypatch, samples)
    assert [camera.read().t_ns - NOW_NS for _ in samples[:2]] == [-100_000_000, -50_000_000]
    assert camera.note == ""
    assert [camera.read().t_ns - NOW_NS for _ in samples[2:]] == [0, 0]
    assert "pictures are stamped when they arrive" in camera.note


def test_a_short_buffer_or_another_format_is_refused_and_counted(monkeypatch):
    samples = [
        sample(b"\0" * 700, 16, 16),
        sample(b"\0" * 300, 16, 16, "NV12"),
        sample(b"", 16, 16, "I420"),
        grey(),
    ]
    camera, _ = opened(monkeypatch, samples)
    assert [camera.read() is None for _ in samples] == [True, True, True, False]
    assert camera.lost == {"damaged or unusable": 3}
    assert "the appsink gives I420" in camera.note


def test_pictures_that_the_source_numbers_and_that_are_missing_are_counted(monkeypatch):
    camera, _ = opened(monkeypatch, [grey(offset=n) for n in (4, 5, 8, 0, 1)])
    assert [camera.read().frame_id for _ in range(5)] == [0, 1, 4, 5, 6]
    assert camera.lost == {"the driver lost it": 2}


def test_an_error_of_the_pipeline_ends_it_and_is_its_note(monkeypatch):
    camera, pipeline = opened(monkeypatch, [grey()], error="the stream broke off")
    assert camera.read() is not None
    assert camera.read() is None
    assert camera.ended
    assert camera.note == "source0: the stream broke off"
    assert pipeline.state == "NULL"


def test_what_a_pipeline_says_is_fetched_while_it_runs(monkeypatch):
    camera, pipeline = opened(monkeypatch, [grey()] * 30)
    for _ in range(30):
        assert camera.read() is not None
        assert not pipeline.bus


def test_passwords_are_not_told(monkeypatch):
    address = "rtspsrc location=rtsp://me:hush@hush@10.0.0.1/x user-pw=hush ! nosuchelement"
    with pytest.raises(CameraError, match=r"not a pipeline: rtspsrc .*10\.0\.0\.1") as refused:
        opened(monkeypatch, address=address)
    assert "hush" not in str(refused.value)
    camera, _ = opened(monkeypatch, error="no route to rtsp://me:hush@hush@10.0.0.1/x")
    assert camera.read() is None
    assert camera.note == "source0: no route to rtsp://...@10.0.0.1/x"


def test_keys_of_the_config_that_a_pipeline_does_not_heed_are_said(monkeypatch):
    camera, _ = opened(monkeypatch)
    assert camera.note == ""
    for name, module in fake_gi.modules(fake_gi.Pipeline([])).items():
        monkeypatch.setitem(sys.modules, name, module)
    asked = config.Camera(name="road", role="road", kind="gstreamer", width_px=640, controls={"gain": 1})
    camera = open_camera(asked, RecordedClock())
    assert camera.note == "cameras of kind gstreamer do not heed width_px, controls"


def test_no_picture_in_time_is_no_end_but_the_end_is(monkeypatch):
    camera, _ = opened(monkeypatch)
    assert camera.read() is None
    assert not camera.ended
    camera, pipeline = opened(monkeypatch, ends=True)
    assert camera.read() is None
    assert camera.ended
    assert pipeline.state == "NULL"


# ---------------------------------------------------------------- the real one


@pytest.fixture
def gst():
    gi = pytest.importorskip("gi", reason="PyGObject is not installed")
    try:
        gi.require_version("Gst", "1.0")
    except ValueError:
        pytest.skip("GStreamer's introspection (gir1.2-gstreamer-1.0) is not installed")
    from gi.repository import Gst

    Gst.init(None)
    if not Gst.ElementFactory.find("videotestsrc"):
        pytest.skip("gstreamer1.0-plugins-base is not installed")
    return gi, Gst


@pytest.mark.parametrize("size", [(160, 120), (161, 121)])
@pytest.mark.parametrize("form", ["NV12", "BGR", "I420", "RGBA", "GRAY8"])
def test_what_a_pipeline_gives_is_converted_by_it(gst, size, form):
    text = (
        f"videotestsrc is-live=true pattern=blue ! "
        f"video/x-raw,format={form},width={size[0]},height={size[1]},framerate=20/1"
    )
    camera = open_camera(told(text), LiveClock())
    try:
        picture = next(filter(None, (camera.read() for _ in range(20))))
        assert (picture.width_px, picture.height_px) == size
        if form != "GRAY8":
            assert np.abs(picture.image[20:100, 20:140].astype(int) - (255, 0, 0)).max() < 8
        assert 0 <= LiveClock().now_ns() - picture.t_ns < 10_000_000_000
    finally:
        camera.close()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("filesrc location=/none.mp4 ! decodebin", "Resource not found"),
        ("nosuchelement", "no element"),
        ("videotestsrc ! fakesink", "could not link"),
        ("audiotestsrc", "could not link"),
        ("", "not a pipeline"),
    ],
)
def test_a_real_pipeline_that_does_not_start(gst, text, words):
    with pytest.raises(CameraError, match=words):
        open_camera(told(text), LiveClock())


@pytest.fixture
def rtsp(gst):
    """A server on this machine that sends a test picture as H.264."""
    gi, elements = gst[0], gst[1].ElementFactory
    try:
        gi.require_version("GstRtspServer", "1.0")
    except ValueError:
        pytest.skip("gir1.2-gst-rtsp-server-1.0 is not installed")
    from gi.repository import GLib, GstRtspServer

    if not elements.find("x264enc"):
        pytest.skip("gstreamer1.0-plugins-ugly (x264enc) is not installed")
    context = GLib.MainContext.new()
    server = GstRtspServer.RTSPServer()
    server.set_service("0")
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        "( videotestsrc is-live=true pattern=ball ! video/x-raw,width=160,height=120,framerate=20/1 ! "
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )"
    )
    factory.set_shared(True)
    server.get_mount_points().add_factory("/road", factory)
    source = server.create_source(None)
    source.attach(context)
    loop = GLib.MainLoop.new(context, False)
    thread = threading.Thread(target=loop.run, daemon=True)
    thread.start()
    yield f"rtsp://127.0.0.1:{server.get_bound_port()}/road"
    loop.quit()
    thread.join(5)


@pytest.mark.parametrize("kind", ["rtsp", "gstreamer"])
def test_a_network_camera(rtsp, kind):
    address = rtsp if kind == "rtsp" else f"rtspsrc location={rtsp} latency=50 protocols=tcp ! decodebin"
    camera = open_camera(told(address, kind), LiveClock())
    try:
        found = []
        for _ in range(60):
            if (picture := camera.read()) is not None:
                assert picture.t_ns <= LiveClock().now_ns()
                found.append(picture)
            if len(found) == 15:
                break
        assert len(found) == 15, camera.note
        times = [picture.t_ns for picture in found]
        assert sorted(times) == times
        assert len(set(times)) > 10
        assert {(picture.width_px, picture.height_px) for picture in found} == {(160, 120)}
    finally:
        camera.close()
