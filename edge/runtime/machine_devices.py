"""The devices of this machine: buses, cameras, serial ports."""

from __future__ import annotations

import os
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.runtime.finding import Finding, number_of, text_of

ARPHRD_CAN = 280  # linux/if_arp.h
IFF_UP = 1
RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
"""What a full bus of 1 Mbit/s needs so that no frame is lost while the loop is away for some time."""

VIDIOC_QUERYCAP = 0x80685600  # linux/videodev2.h: _IOR('V', 0, struct v4l2_capability), 104 bytes
V4L2_CAPTURE = 0x1 | 0x1000  # single and multi-planar


def can(root: Path) -> Iterator[Finding]:
    """SocketCAN in the kernel, the interfaces, and whether the receive buffer may be large enough."""
    try:
        socket.socket(socket.AF_CAN, socket.SOCK_RAW, socket.CAN_RAW).close()
        yield Finding(topic="can", name="SocketCAN", state="ok", found="the kernel speaks it")
    except (OSError, AttributeError) as error:
        advice = (
            "sudo modprobe can_raw; a kernel without it needs CONFIG_CAN; the other adapters of python-can "
            "(slcan, PCAN, ...) work without"
            if sys.platform == "linux"
            else "only Linux has it; use an adapter that python-can supports on this system"
        )
        reason = getattr(error, "strerror", None) or "this system does not know it"
        yield Finding(topic="can", name="SocketCAN", state="missing", found=reason, advice=advice)
    interfaces = [
        path for path in sorted((root / "sys/class/net").glob("*")) if number_of(path / "type") == ARPHRD_CAN
    ]
    for path in interfaces:
        if (number_of(path / "flags") or 0) & IFF_UP:
            yield Finding(
                topic="can",
                name=path.name,
                state="ok",
                found=f"up, {text_of(path / 'operstate')}, MTU {text_of(path / 'mtu')}",
            )
        else:
            advice = f"sudo ip link set {path.name} up type can bitrate 500000 (the bit rate of your bus)"
            yield Finding(topic="can", name=path.name, state="warning", found="down", advice=advice)
    if not interfaces:
        yield Finding(
            topic="can",
            name="interfaces",
            state="missing",
            found="none",
            advice="connect a CAN adapter; to try without: sudo modprobe vcan && "
            "sudo ip link add dev vcan0 type vcan && sudo ip link set vcan0 up",
        )
    limit = number_of(root / "proc/sys/net/core/rmem_max")
    if limit is not None and limit < RECEIVE_BUFFER_BYTES and os.geteuid() != 0:
        yield Finding(
            topic="can",
            name="receive buffer",
            state="warning",
            found=f"at most {limit // 1024} KiB",
            advice=f"sudo sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}, or a busy bus loses frames",
        )


def cameras(root: Path) -> Iterator[Finding]:
    """Video4Linux devices that capture, and whether we may open them."""
    found = 0
    for path in sorted((root / "dev").glob("video*")):
        name = text_of(root / "sys/class/video4linux" / path.name / "name") or "unknown camera"
        if not os.access(path, os.R_OK | os.W_OK):
            found += 1
            yield Finding(
                topic="cameras",
                name=f"/dev/{path.name}",
                state="warning",
                found=f"{name}: no permission",
                advice='sudo usermod -aG video "$USER", then log in again',
            )
            continue
        captures = _captures(path)
        if captures is not False:
            found += 1
            yield Finding(
                topic="cameras",
                name=f"/dev/{path.name}",
                state="ok" if captures else "warning",
                found=name if captures else f"{name}: does not answer",
                advice="" if captures else "unplug it and plug it in again; see `dmesg`",
            )
    if not found:
        yield Finding(
            topic="cameras",
            name="video devices",
            state="missing",
            found="none",
            advice="connect a USB camera, enable the CSI camera, or use kind = file or rtsp",
        )


def _captures(path: Path) -> bool | None:
    """Whether a device gives pictures (others give metadata or take pictures); None if it does not answer."""
    import fcntl

    capability = bytearray(104)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        fcntl.ioctl(descriptor, VIDIOC_QUERYCAP, capability)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    (device_caps,) = struct.unpack_from("<I", capability, 88)
    return bool(device_caps & V4L2_CAPTURE)


def serial_ports() -> Iterator[Finding]:
    """Serial ports with something behind them, for GNSS receivers and SLCAN adapters."""
    try:
        from serial.tools import list_ports
    except ImportError:
        return  # told among the packages
    ports = sorted(list_ports.comports(), key=lambda port: port.device)
    for port in ports:
        what = port.description if port.description not in (None, "n/a") else "unknown device"
        if os.access(port.device, os.R_OK | os.W_OK):
            yield Finding(topic="serial", name=port.device, state="ok", found=what)
        else:
            yield Finding(
                topic="serial",
                name=port.device,
                state="warning",
                found=f"{what}: no permission",
                advice='sudo usermod -aG dialout "$USER", then log in again',
            )
    if not ports:
        yield Finding(
            topic="serial",
            name="ports",
            state="missing",
            found="none",
            advice="connect a GNSS receiver, or leave [[gnss]] out of the config",
        )
