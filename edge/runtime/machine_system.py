"""What the system of this machine grants: rights of the scheduler, clocks, disk, and what its heat allows."""

from __future__ import annotations

import ctypes
import itertools
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from edge import clock
from edge.runtime.finding import Finding, State, number_of, text_of

TRIAL_BYTES = 32 * 1024 * 1024
MIN_FREE_BYTES = 5 * 1024**3
MIN_WRITE_MB_PER_S = 20.0
"""Two cameras as JPEG of 720p at 20 a second write 5 MB/s; cards pause and slow down as they fill."""

HOT_C, MARGIN_C = 80.0, 10.0
STA_UNSYNC = 0x40  # linux/timex.h


def real_time(root: Path) -> Iterator[Finding]:
    """What the scheduler would grant to the loop; a try of each, taken back at once."""
    if not hasattr(os, "sched_setscheduler"):
        yield Finding(topic="real time", name="priority", state="missing", found="not on this system")
        return
    import resource

    limits_advice = (
        'in /etc/security/limits.d/icv.conf: "{user} - rtprio 80" and "{user} - memlock unlimited"; for a '
        "service: LimitRTPRIO=80, LimitMEMLOCK=infinity"
    ).format(user=os.environ.get("USER", "USER"))
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        os.sched_setscheduler(0, before, parameters)
        yield Finding(topic="real time", name="SCHED_FIFO", state="ok", found="granted")
    except OSError as error:
        found = f"refused: {error.strerror}; RLIMIT_RTPRIO {resource.getrlimit(resource.RLIMIT_RTPRIO)[1]}"
        yield Finding(
            topic="real time", name="SCHED_FIFO", state="warning", found=found, advice=limits_advice
        )
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[1]
    if os.geteuid() == 0 or locked == resource.RLIM_INFINITY:
        yield Finding(topic="real time", name="locked memory", state="ok", found="unlimited")
    else:
        found = f"at most {locked / 1024**2:.0f} MiB"
        yield Finding(
            topic="real time", name="locked memory", state="warning", found=found, advice=limits_advice
        )
    preempt = number_of(root / "sys/kernel/realtime") == 1 or "PREEMPT_RT" in platform.version()
    found = "PREEMPT_RT" if preempt else "no PREEMPT_RT: the loop's lateness has a longer tail"
    yield Finding(topic="real time", name="kernel", state="ok", found=found)
    governors = {
        text
        for path in (root / "sys/devices/system/cpu").glob("cpu[0-9]*/cpufreq/scaling_governor")
        if (text := text_of(path))
    }
    if governors - {"performance"}:
        yield Finding(
            topic="real time",
            name="frequency governor",
            state="warning",
            found=", ".join(sorted(governors)),
            advice="echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        )
    elif governors:
        yield Finding(topic="real time", name="frequency governor", state="ok", found="performance")
    isolated = text_of(root / "sys/devices/system/cpu/isolated")
    if isolated:
        yield Finding(topic="real time", name="isolated processors", state="ok", found=isolated)


class _Timex(ctypes.Structure):
    """The head of struct timex, linux/timex.h; the rest is room for the kernel."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def clocks(root: Path) -> Iterator[Finding]:
    """The step of the monotonic clock, and whether the date is synchronised: V2X messages carry it."""
    readings = [clock.now_ns() for _ in range(2000)]
    steps = [b - a for a, b in itertools.pairwise(readings) if b > a]
    step_ns = min(steps, default=0)
    fine = bool(steps) and step_ns <= 1_000_000
    yield Finding(
        topic="clock",
        name="monotonic",
        state="ok" if fine else "warning",
        found=f"steps of {step_ns} ns",
        advice="" if fine else "times of frames and pictures are too coarse for this work",
    )
    if sys.platform == "linux":
        state = _Timex()
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(state)) >= 0:
            synchronised = not state.status & STA_UNSYNC
            yield Finding(
                topic="clock",
                name="date",
                state="ok" if synchronised else "warning",
                found=f"synchronised within {state.maxerror / 1000:.0f} ms"
                if synchronised
                else "not synchronised",
                advice=""
                if synchronised
                else "sudo timedatectl set-ntp true, or chrony with the GNSS receiver",
            )
    pulses = sorted(path.name for path in (root / "dev").glob("pps*"))
    if pulses:
        yield Finding(topic="clock", name="pulse per second", state="ok", found=", ".join(pulses))


def disk(directory: Path) -> Iterator[Finding]:
    """Room and speed where drives go: 32 MiB are written, synced and removed."""
    place = directory.expanduser().absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    yield Finding(
        topic="disk",
        name=str(place),
        state="ok" if free >= MIN_FREE_BYTES else "warning",
        found=f"{free / 1024**3:.1f} GiB free",
        advice="" if free >= MIN_FREE_BYTES else "remove old drives, or set [recording] directory",
    )
    block = os.urandom(1024 * 1024)
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".icv-doctor-") as file:
            began_ns = clock.now_ns()
            for _ in range(min(TRIAL_BYTES, free // 2) // len(block)):
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
            took_s = max(clock.now_ns() - began_ns, 1) / 1e9
            written = file.tell()
    except OSError as error:
        advice = "give yourself the right to write there, or set [recording] directory"
        found = f"cannot be written: {error.strerror}"
        yield Finding(topic="disk", name="writing", state="missing", found=found, advice=advice)
        return
    speed = written / took_s / 1e6
    fast = speed >= MIN_WRITE_MB_PER_S
    yield Finding(
        topic="disk",
        name="writing",
        state="ok" if fast else "warning",
        found=f"{speed:.0f} MB/s, synced",
        advice="" if fast else 'record to an SSD, or set [recording] pictures = "none"',
    )


def heat(root: Path) -> Iterator[Finding]:
    """Temperatures beside the limits where the board slows down, and what a Raspberry Pi did so far."""
    for zone in sorted((root / "sys/class/thermal").glob("thermal_zone*")):
        milli_c = number_of(zone / "temp")
        if milli_c is None:
            continue
        limit_c = min(
            (
                trip / 1000
                for path in zone.glob("trip_point_*_type")
                if text_of(path) in ("passive", "hot", "critical")
                and (trip := number_of(path.with_name(path.name.replace("_type", "_temp")))) is not None
                and trip > 0
            ),
            default=HOT_C + MARGIN_C,
        )
        near = milli_c / 1000 > limit_c - MARGIN_C
        yield Finding(
            topic="heat",
            name=text_of(zone / "type") or zone.name,
            state="warning" if near else "ok",
            found=f"{milli_c / 1000:.0f} °C, limit {limit_c:.0f} °C",
            advice="cool it: near its limit the processor slows down" if near else "",
        )
    tool = shutil.which("vcgencmd")
    if tool:
        done = subprocess.run([tool, "get_throttled"], capture_output=True, text=True, timeout=10)
        yield from throttling(done.stdout)


def throttling(answer: str) -> Iterator[Finding]:
    """What `vcgencmd get_throttled` says: bits 0 to 3 are now, 16 to 19 since the start."""
    _, _, text = answer.strip().partition("=")
    try:
        bits = int(text, 16)
    except ValueError:
        return
    names = ("voltage too low", "frequency capped", "throttled", "soft temperature limit")
    now = [name for bit, name in enumerate(names) if bits >> bit & 1]
    since = [name for bit, name in enumerate(names) if bits >> (16 + bit) & 1]
    found = f"now: {', '.join(now) or 'nothing'}; since the start: {', '.join(since) or 'nothing'}"
    advice = "use the board's own power supply, and a fan" if now or since else ""
    state: State = "warning" if now or since else "ok"
    yield Finding(topic="heat", name="throttling", state=state, found=found, advice=advice)
