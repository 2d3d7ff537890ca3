"""Nothing phones home: who the processes of a drive speak with, by Python's audit events and by the kernel's.

Audit events do not see libraries in C++, of which one (onnxruntime) is known to report to its maker about 9 s
after it was imported; the kernel sees all.
"""

from __future__ import annotations

import ipaddress
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from rig_files import ROOT, environment, needs_own_models

AUDIT = Path(__file__).parent / "audit"
NAME_SERVICE = ("/var/run/nscd/socket", "/run/nscd/socket")
STRACE = shutil.which("strace")


V2X_GROUP = "239.255.42.99"


def stays_here(host: str) -> bool:
    """Loopback, and the multicast group of V2X, of which `leaves_the_machine` sees that its TTL is 0."""
    try:
        return ipaddress.ip_address(host).is_loopback or host == V2X_GROUP
    except ValueError:
        return False


def leaves_the_machine(trace: str) -> list[str]:
    """Options of sockets by which multicast would leave: a TTL above 0, an interface other than loopback."""
    options = [line for line in trace.splitlines() if "IP_MULTICAST_TTL" in line or "IP_MULTICAST_IF" in line]
    loopback = int.from_bytes(
        bytes((127, 0, 0, 1)), sys.byteorder
    )  # as strace shows an address that is an int
    allowed = re.compile(rf'IP_MULTICAST_TTL, \[0\]|IP_MULTICAST_IF, (\[{loopback}\]|.*"127\.0\.0\.1")')
    return [line for line in options if not allowed.search(line)]


def demo(directory: Path, *arguments: str, **more: str) -> tuple[list[str], dict[str, str]]:
    command = [
        sys.executable,
        "-m",
        "edge.cli.main",
        "demo",
        "--directory",
        str(directory),
        "--no-film",
        *arguments,
    ]
    home = directory / "home"
    home.mkdir(parents=True, exist_ok=True)
    return command, environment(HOME=str(home), XDG_CACHE_HOME="", **more)


def strangers_of_audit(folder: Path) -> tuple[list[str], int]:
    """(events with anybody outside this machine, number of processes that were heard)."""
    found = []
    reports = sorted(folder.glob("*.txt"))
    for report in reports:
        for line in report.read_text().splitlines():
            event, family, whom = line.split("\t", 2)
            if event == "started" or family == "AF_UNIX":
                continue
            host = re.match(r"\('([^']*)', \d+", whom)
            if host is None or not stays_here(host.group(1)):
                found.append(f"{report.stem}: {line}")
    return found, len(reports)


def strangers_of_kernel(trace: str) -> list[str]:
    """Calls that name an address outside this machine; local and netlink sockets are on it."""
    found = []
    for line in trace.splitlines():
        if not re.search(r"\b(connect|sendto|sendmsg|sendmmsg|bind)\(", line):
            continue
        hosts = re.findall(r'inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"', line)
        if any(not stays_here(four or six) for four, six in hosts):
            found.append(line)
        if any(name in line for name in NAME_SERVICE):
            found.append(line)
    return found


def test_python_speaks_with_nobody_outside(tmp_path):
    needs_own_models()
    audit = tmp_path / "audit"
    audit.mkdir()
    command, env = demo(tmp_path, "--seconds", "4", "--json", ICV_AUDIT=str(audit))
    env["PYTHONPATH"] = f"{AUDIT}:{ROOT}"
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    found, processes = strangers_of_audit(audit)
    assert found == []
    assert processes >= 3  # the loop and two cameras


def traced(tmp_path: Path, seconds: str) -> str:
    """What the kernel saw of a demo. strace stops a process at calls of these kinds only."""
    command, env = demo(tmp_path, "--seconds", seconds, "--json")
    trace = tmp_path / "trace.txt"
    tracing = [
        STRACE,
        "-f",
        "--seccomp-bpf",
        "-e",
        "trace=connect,sendto,sendmsg,sendmmsg,bind,execve,setsockopt",
        "-o",
        str(trace),
    ]
    done = subprocess.run(
        [*tracing, *command], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    if "PTRACE" in done.stderr or "Operation not permitted" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    text = trace.read_text()
    assert text.count("execve(") >= 3
    return text


@pytest.mark.slow
@pytest.mark.skipif(STRACE is None, reason="strace is not installed: what libraries in C++ do is not seen")
def test_the_kernel_sees_nobody_called_in_a_drive_of_12_s(tmp_path):
    needs_own_models()
    trace = traced(tmp_path, "12")
    assert strangers_of_kernel(trace) == []
    assert "IP_MULTICAST_TTL" in trace
    assert leaves_the_machine(trace) == []
    assert not (tmp_path / "home/.cache/Microsoft").exists()
    ours = tmp_path / "home/.cache/icv-edge"  # what is kept of our networks
    assert [
        path
        for path in (tmp_path / "home").rglob("*")
        if ("icrosoft" in path.name or "nnx" in path.name) and not path.is_relative_to(ours)
    ] == []


INET = '{sa_family=AF_INET, sin_port=htons(443), sin_addr=inet_addr("%s")}, 16) = 0'
SEEN = [
    ("7 connect(4, " + INET % "20.50.80.214", True),
    ('7 sendto(4, "x", 1, 0, ' + INET % "8.8.8.8", True),
    ('7 sendto(4, "x", 1, 0, ' + INET % "239.1.2.3", True),
    ("7 connect(4, " + INET % "127.0.0.1", False),
    ('7 connect(4, {sa_family=AF_UNIX, sun_path="/tmp/x"}, 110) = 0', False),
    ('7 connect(4, {sa_family=AF_UNIX, sun_path="/var/run/nscd/socket"}, 110) = -1', True),
    ('7 connect(4, {sa_family=AF_INET6, inet_pton(AF_INET6, "2603:1030::1", &sin6_addr)}, 28) = 0', True),
]


@pytest.mark.parametrize(("line", "outside"), SEEN)
def test_the_reader_of_the_trace_finds_what_it_should(line, outside):
    assert bool(strangers_of_kernel(line)) == outside


@pytest.mark.parametrize(
    ("option", "leaves"),
    [("IP_MULTICAST_TTL, [0], 4) = 0", False), ("IP_MULTICAST_TTL, [1], 4) = 0", True)],
)
def test_the_reader_of_options_finds_what_it_should(option, leaves):
    assert bool(leaves_the_machine(f"7 setsockopt(10, SOL_IP, {option}")) == leaves


def test_the_audit_finds_what_it_should(tmp_path):
    program = (
        "import socket\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "for host in ('127.0.0.1', '192.0.2.1'):\n"
        "    try: s.connect((host, 9))\n"
        "    except OSError: pass\n"
    )
    env = environment(ICV_AUDIT=str(tmp_path))
    env["PYTHONPATH"] = str(AUDIT)
    subprocess.run([sys.executable, "-c", program], env=env, check=True)
    (found,), processes = strangers_of_audit(tmp_path)
    assert "192.0.2.1" in found
    assert processes == 1
