"""A helper process beside a modem's software development kit, over Unix datagram sockets.

Each datagram: 6 octets source address, 6 octets destination address (all ff: everyone), 2 octets length of
the data, big-endian (network order) as all here, and the data: one packet of at most 2048 octets whose first
octet names the family (3 GeoNetworking, 4 DSMP), as C-V2X modems take non-IP packets. A helper in C is a page
of code: it binds `path`, sends what the radio brings to `own_path`, and transmits what comes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct

from edge.v2x.links.datagrams import arrived, stamped

MAX_DATA = 2048
_HEAD = struct.Struct(">6s6sH")
_EVERYONE = b"\xff" * 6


def frame(data: bytes, source: bytes = bytes(6), destination: bytes = _EVERYONE) -> bytes:
    """One datagram. OSError: too long."""
    if len(data) > MAX_DATA:
        raise OSError(f"{len(data)} octets, at most {MAX_DATA} can go")
    return _HEAD.pack(source, destination, len(data)) + data


def data_of(datagram: bytes) -> bytes | None:
    """What a datagram carries; None if its length is not what it says."""
    if len(datagram) < _HEAD.size:
        return None
    _, _, length = _HEAD.unpack_from(datagram)
    return datagram[_HEAD.size :] if length == len(datagram) - _HEAD.size <= MAX_DATA else None


class UnixHelper:
    """Our end. path: the helper's socket; own_path: ours, made here and taken away at the end.

    damaged: how many datagrams were dropped because they are not of this form. Raises OSError: on sending
    while no helper is there, too.
    """

    def __init__(self, path: str, own_path: str) -> None:
        if not path or not own_path:
            raise ValueError("path of the helper's socket and own_path must be given")
        self._path, self._own = path, own_path
        self.damaged = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            stamped(self._socket)
            if os.path.exists(own_path) and stat.S_ISSOCK(os.stat(own_path).st_mode):
                os.unlink(own_path)  # of a program that was killed
            self._socket.bind(own_path)
            os.chmod(own_path, 0o660)
        except OSError:
            self._socket.close()
            raise

    def fileno(self) -> int | None:
        """The socket's."""
        return self._socket.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """At most 256 packets."""
        packets = []
        for t_ns, datagram, _ in arrived(self._socket, _HEAD.size + MAX_DATA + 1):
            data = data_of(datagram)
            if data:
                packets.append((t_ns, data))
            else:
                self.damaged += 1
        return packets

    def send(self, packet: bytes) -> None:
        """To the helper, for everyone."""
        self._socket.sendto(frame(packet), self._path)

    def close(self) -> None:
        """Close and remove our socket."""
        if self._socket.fileno() >= 0:
            self._socket.close()
            with contextlib.suppress(OSError):
                os.unlink(self._own)
