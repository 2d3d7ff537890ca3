"""The dashboard, asked over HTTP as a browser does, in the process it runs in."""

from __future__ import annotations

import http.client
import json
import multiprocessing
import socket
import threading
import urllib.error
import urllib.request

import pytest

from edge.messages import (
    Gap,
    Health,
    OwnCar,
    Road,
    Tick,
    Track,
    Unavailable,
    Warning,
    encode,
)
from edge.web.server import MAX_VIEWERS, Server, _feed, serve
from edge.web.state import MAX_KEYS, State

MS = 1_000_000
JPEG = b"\xff\xd8\xff\xe0 picture \xff\xd9"


def own_car(t_ns: int, speed_mps: float | None = 27.5) -> OwnCar:
    return OwnCar(
        t_ns=t_ns,
        speed_mps=speed_mps,
        acceleration_mps2=None,
        yaw_rate_radps=0.01,
        steering_angle_rad=None,
        brake_pressed=False,
        indicator="left",
        latitude_deg=None,
        longitude_deg=None,
        heading_deg=None,
        position_accuracy_m=None,
        speed_age_s=0.01,
    )


def road(t_ns: int) -> Road:
    track = Track(
        id=7,
        kind="car",
        box=(1, 2, 3, 4),
        score=0.9,
        age_s=1.0,
        distance_m=22.0,
        distance_sd_m=1.0,
        lateral_m=0.2,
        closing_speed_mps=4.0,
        closing_speed_sd_mps=0.5,
        ttc_s=5.5,
        in_path=True,
    )
    return Road(
        t_ns=t_ns,
        camera="road",
        taken_ns=t_ns - 40 * MS,
        frame_id=1,
        tracks=(track,),
        lane=None,
        lead_id=7,
        headway_s=0.8,
    )


def warning(t_ns: int, active: bool = True) -> Warning:
    return Warning(
        t_ns=t_ns,
        name="headway",
        level="warning",
        active=active,
        since_ns=t_ns,
        cause="0.8 s behind a <b>car</b>",
        values={"headway_s": 0.8},
        thresholds={"headway_s": 1.0},
        object="track:7",
        based_on_ns=t_ns - 45 * MS,
    )


@pytest.fixture
def dashboard():
    """A sender, and the address of a server that is fed by it."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    state = State("motorway", simulated=True)
    server = Server("127.0.0.1", 0, state)
    threads = [
        threading.Thread(target=_feed, args=(receiver, state, server), daemon=True),
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True),
    ]
    for thread in threads:
        thread.start()
    yield sender, server
    sender.close()
    for thread in threads:
        thread.join(10)
    server.server_close()


def fetch(server: Server, path: str) -> bytes:
    with urllib.request.urlopen(server.url + path.lstrip("/"), timeout=10) as answer:
        return answer.read()


def state_after(server: Server, holds) -> dict:
    """The state once it fulfils `holds`: the pipe is asynchronous."""
    version = -1
    for _ in range(200):
        version = server.state.wait(version, 1.0)
        found = json.loads(fetch(server, "/state.json"))
        if holds(found):
            return found
    raise AssertionError(found)


def test_the_state_is_what_was_said(dashboard):
    sender, server = dashboard
    for message in (
        own_car(1000 * MS),
        road(1010 * MS),
        warning(1020 * MS),
        Health(t_ns=1020 * MS, source="can:can0", state="failed", detail="plug it in"),
        Unavailable(t_ns=1020 * MS, function="lane_departure", input="road", reason="no lanes", since_ns=1),
        Gap(t_ns=1020 * MS, source="camera:road", reason="model too slow", count=3),
        Gap(t_ns=1030 * MS, source="camera:road", reason="model too slow", count=2),
        Tick(t_ns=1040 * MS, number=1),
    ):
        sender.send(encode(message))
    sender.send(b'{"type":"FromTheFuture","t_ns":1}')
    sender.send((b"JPEG", "road", JPEG))
    found = state_after(server, lambda state: state["pictures"])
    assert (found["title"], found["simulated"], found["ended"]) == ("motorway", True, False)
    assert found["t_ns"] == 1040 * MS
    assert found["own_car"]["speed_mps"] == 27.5
    assert found["own_car"]["acceleration_mps2"] is None
    assert found["roads"]["road"]["tracks"][0]["distance_m"] == 22.0
    assert found["warnings"][0]["cause"] == "0.8 s behind a <b>car</b>"
    assert found["health"]["can:can0"]["detail"] == "plug it in"
    assert found["unavailable"][0]["function"] == "lane_departure"
    assert found["counts"] == {"lost: camera:road: model too slow": 5}
    assert found["latencies_ms"]["picture to result, road"]["p50"] == pytest.approx(40)
    assert found["latencies_ms"]["input to warning"]["p99"] == pytest.approx(45)
    assert fetch(server, "/camera/road.jpg") == JPEG


def test_what_is_over_goes(dashboard):
    sender, server = dashboard
    sender.send(encode(warning(1)))
    blame = {"function": "gaze", "input": "driver", "reason": "no face", "since_ns": 1}
    sender.send(encode(Unavailable(t_ns=1, **blame)))
    assert state_after(server, lambda state: state["unavailable"])["warnings"]
    sender.send(encode(warning(2, active=False)))
    sender.send(encode(Unavailable(t_ns=2, over=True, **blame)))
    found = state_after(server, lambda state: not state["unavailable"])
    assert found["warnings"] == []
    assert len(found["history"]) == 1


def test_events_bring_each_change_and_the_end(dashboard):
    sender, server = dashboard
    with urllib.request.urlopen(server.url + "events", timeout=10) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        sender.send(encode(own_car(5, speed_mps=12.0)))
        sender.close()
        events = [json.loads(line[6:]) for line in stream if line.startswith(b"data: ")]
    assert events[-1]["ended"]
    assert events[-1]["own_car"]["speed_mps"] == 12.0


def test_the_page_needs_nothing_from_elsewhere(dashboard):
    _, server = dashboard
    page = fetch(server, "/").decode()
    assert page.startswith("<!doctype html>")
    assert "http://" not in page
    assert "https://" not in page
    assert "innerHTML" not in page


def test_what_is_not_there(dashboard):
    _, server = dashboard
    for path in ("/camera/road.jpg", "/etc/passwd", "/../server.py"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(server, path)


def test_another_site_cannot_read_it_through_a_browser(dashboard):
    _, server = dashboard
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    connection.request("GET", "/state.json", headers={"Host": "evil.example"})
    assert connection.getresponse().status == 403
    connection.close()


def test_too_many_viewers_are_refused(dashboard):
    _, server = dashboard
    streams = [urllib.request.urlopen(server.url + "events", timeout=10) for _ in range(MAX_VIEWERS)]
    with pytest.raises(urllib.error.HTTPError, match="503"):
        fetch(server, "/events")
    for stream in streams:
        stream.close()


def test_names_from_outside_do_not_fill_the_memory():
    state = State("", False)
    for number in range(1000):
        state.take(Health(t_ns=number, source=f"x{number}", state="ok"))
        state.take(Gap(t_ns=number, source=f"x{number}", reason="r", count=1))
        state.take_picture(f"x{number}", JPEG)
    found = json.loads(state.json())
    assert len(found["health"]) == len(found["counts"]) == len(found["pictures"]) == MAX_KEYS
    assert "x999" in found["health"]


def test_it_runs_in_its_own_process_and_ends_with_the_pipe():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=serve, args=("127.0.0.1", port, receiver, "t", False), daemon=True)
    process.start()
    receiver.close()
    sender.send(encode(own_car(1)))
    sender.close()
    process.join(30)
    assert process.exitcode == 0


def test_a_taken_port_is_told(capfd):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        receiver, sender = multiprocessing.Pipe(duplex=False)
        serve("127.0.0.1", taken.getsockname()[1], receiver)
        sender.close()
    assert "cannot listen on 127.0.0.1" in capfd.readouterr().err
