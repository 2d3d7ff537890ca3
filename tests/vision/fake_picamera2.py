"""picamera2 and libcamera in memory, as far as a camera of ours uses them, after the manual and the source of
picamera2: what it checks is checked here, too."""

import concurrent.futures
import types
from collections import deque

import numpy as np

ALIGN = 64


def padded_yuv420(image_i420, width, height, stride):
    """One buffer of libcamera's YUV420: Y with `stride`, U and V with half of it."""
    luma = image_i420[:height]
    chroma = image_i420[height:].reshape(2, height // 2, width // 2)
    half = stride // 2
    return np.concatenate(
        [
            np.pad(luma, ((0, 0), (0, stride - width))).ravel(),
            np.pad(chroma, ((0, 0), (0, 0), (0, half - width // 2))).ravel(),
        ]
    )


class Request:
    def __init__(self, camera, data, metadata):
        self._camera, self._data, self._metadata = camera, data, metadata
        self._released = False

    def get_metadata(self):
        assert not self._released
        return self._metadata

    def make_buffer(self, name):
        assert name == "lores"
        assert not self._released
        return self._data.copy()

    def release(self):
        assert not self._released, "released twice"
        self._released = True
        self._camera.out -= 1


class Picamera2:
    """frames: (i420 of lores, metadata); None: nothing comes in time. Set as class attributes by a test."""

    frames: tuple = ()
    there = ({"Model": "imx219", "Num": 0},)
    busy = False
    controls_there = dict.fromkeys(
        ("ExposureTime", "AnalogueGain", "AeEnable", "FrameDurationLimits"), (0, 1, 0)
    )
    lores_format = "YUV420"
    last = None

    def __init__(self, camera_num=0):
        if self.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.there[camera_num]
        self.camera_controls = dict(self.controls_there)
        self.queue = deque(self.frames)
        self.out = 0
        self.jobs = []
        self.config = None
        self.started = self.closed = False
        type(self).last = self

    @classmethod
    def global_camera_info(cls):
        return list(cls.there)

    def create_video_configuration(self, main, lores, colour_space, buffer_count, controls):
        for stream in (main, lores):
            assert all(side % 2 == 0 for side in stream["size"]), "width and height should be even"
        assert lores["size"] <= main["size"]
        return {"main": main, "lores": lores, "buffer_count": buffer_count, "controls": controls}

    def configure(self, configuration):
        for name in configuration["controls"]:
            if name not in self.camera_controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self.config = configuration
        width = configuration["lores"]["size"][0]
        configuration["lores"]["stride"] = (width + ALIGN - 1) // ALIGN * ALIGN
        configuration["lores"]["format"] = self.lores_format

    def camera_configuration(self):
        return self.config

    def start(self):
        assert self.config
        self.started = True

    def capture_request(self, wait=None):
        assert self.started
        assert wait is False
        job = object()
        self.jobs.append(job)
        return job

    def wait(self, job, timeout=None):
        assert self.jobs == [job], "a job was forgotten: its request is never released"
        frame = self.queue.popleft() if self.queue else None
        if frame is None:
            raise concurrent.futures.TimeoutError
        self.jobs.clear()
        self.out += 1
        assert self.out <= self.config["buffer_count"]
        i420, metadata = frame
        lores = self.config["lores"]
        data = padded_yuv420(i420, *lores["size"], lores["stride"])
        return Request(self, data, metadata)

    def cancel_all_and_flush(self):
        self.jobs.clear()

    def close(self):
        assert not self.jobs, "stopping would wait for ever behind this job"
        assert not self.closed
        self.closed, self.started = True, False


def modules(frames=(), **attributes):
    """What takes the places of picamera2 and libcamera in sys.modules, and the class, made anew."""
    kind = type("Picamera2", (Picamera2,), {"frames": tuple(frames), **attributes})
    libcamera = types.ModuleType("libcamera")
    libcamera.ColorSpace = types.SimpleNamespace(Smpte170m=lambda: "BT.601")
    picamera2 = types.ModuleType("picamera2")
    picamera2.Picamera2 = kind
    return {"picamera2": picamera2, "libcamera": libcamera}, kind
