"""PyGObject's GStreamer in memory: what a pipeline with an appsink does, for machines that have none.

`modules(pipeline)` goes into sys.modules. The same contract is run against the real one where there is one.
"""

import types
from collections import deque

NONE = (1 << 64) - 1


class GLibError(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.message = message


class Buffer:
    def __init__(self, data, pts, offset=NONE):
        self.data, self.pts, self.offset = data, pts, offset

    def map(self, flags):
        return True, types.SimpleNamespace(data=self.data)

    def unmap(self, memory):
        pass


class Sample:
    def __init__(self, buffer, width, height, form, colours=None):
        self.buffer, self.form = (
            buffer,
            {"width": width, "height": height, "format": form, "colorimetry": colours},
        )

    def get_buffer(self):
        return self.buffer

    def get_caps(self):
        return types.SimpleNamespace(
            get_structure=lambda index: types.SimpleNamespace(get_value=self.form.__getitem__)
        )

    def get_segment(self):
        return types.SimpleNamespace(to_running_time=lambda form, pts: pts)


class Pipeline:
    """ends: it says so after the last sample; error: what its bus says then; refuses: it does not start."""

    def __init__(self, samples, base_ns=0, ends=False, error="", refuses=False):
        self.samples = deque(samples)
        self.base_ns, self.ends, self.error, self.refuses = base_ns, ends, error, refuses
        self.state = "NULL"
        self.clock = None
        self.text = ""
        self.bus = []  # what it said and nobody fetched

    def get_by_name(self, name):
        return self if f"name={name}" in self.text else None

    def use_clock(self, clock):
        self.clock = clock

    def set_state(self, state):
        self.state = state
        return "FAILURE" if self.refuses and state == "PLAYING" else "ASYNC"

    def get_state(self, timeout_ns):
        return ("SUCCESS", self.state, "VOID_PENDING")

    def get_base_time(self):
        assert self.clock == "the monotonic one"
        return self.base_ns

    def get_bus(self):
        return self

    def timed_pop_filtered(self, timeout_ns, kinds):
        assert kinds == "ERROR"
        self.bus.clear()  # what comes before what is waited for is thrown away
        if not self.error or (self.samples and not self.refuses):
            return None
        said = types.SimpleNamespace(message=self.error)
        source = types.SimpleNamespace(get_name=lambda: "source0")
        return types.SimpleNamespace(src=source, parse_error=lambda: (said, "details"))

    def emit(self, signal, timeout_ns):
        assert signal == "try-pull-sample"
        assert self.state == "PLAYING"
        self.bus.append("TAG")
        return self.samples.popleft() if self.samples else None

    def get_property(self, name):
        assert name == "eos"
        return self.ends and not self.samples


def modules(pipeline):
    """What takes the place of gi in sys.modules."""

    def parse_launch(text):
        if "nosuchelement" in text:
            raise GLibError('no element "nosuchelement"')
        pipeline.text = text
        return pipeline

    gst = types.SimpleNamespace(
        init=lambda arguments: None,
        parse_launch=parse_launch,
        State=types.SimpleNamespace(PLAYING="PLAYING", NULL="NULL"),
        StateChangeReturn=types.SimpleNamespace(FAILURE="FAILURE"),
        SystemClock=types.SimpleNamespace(obtain=lambda: "the monotonic one"),
        MessageType=types.SimpleNamespace(ERROR="ERROR"),
        MapFlags=types.SimpleNamespace(READ=1),
        Format=types.SimpleNamespace(TIME=3),
    )
    gi = types.ModuleType("gi")
    gi.require_version = lambda name, version: None
    gi.repository = types.ModuleType("gi.repository")
    gi.repository.Gst = gst
    gi.repository.GLib = types.SimpleNamespace(Error=GLibError)
    return {"gi": gi, "gi.repository": gi.repository}
