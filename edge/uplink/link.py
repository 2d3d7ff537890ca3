"""A TCP connection that never waits, save for the look-up of the name."""

from __future__ import annotations

import contextlib
import os
import select
import socket
from typing import Literal, Protocol, TypeAlias

LinkState: TypeAlias = Literal["connecting", "open", "closed"]

RECEIVE_BYTES = 65536


class Link(Protocol):
    """One connection from its first attempt to its end. why: the reason, once it is closed."""

    why: str

    def state(self) -> LinkState:
        """How it is now."""
        ...

    def send(self, data: bytes) -> int:
        """How many of these bytes were taken; 0 when none fit."""
        ...

    def receive(self) -> bytes:
        """What has come, at most RECEIVE_BYTES; empty when nothing has."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class TcpLink:
    """Begins to connect at once. turn: which of the name's addresses to take, modulo their number."""

    def __init__(self, address: str, port: int, turn: int = 0) -> None:
        self.why = ""
        self._state: LinkState = "connecting"
        self._socket: socket.socket | None = None
        try:
            found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
            family, kind, protocol, _, target = found[turn % len(found)]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(BlockingIOError):
                self._socket.connect(target)
        except OSError as error:
            self._end(str(error))

    def state(self) -> LinkState:
        """How it is now."""
        if self._state == "connecting" and self._socket is not None:
            _, writable, broken = select.select([], [self._socket], [self._socket], 0)
            if error := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                self._end(os.strerror(error))
            elif writable or broken:
                self._state = "open"
        return self._state

    def send(self, data: bytes) -> int:
        """How many of these bytes were taken; 0 when none fit."""
        if self._socket is None:
            return 0
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            self._end(str(error))
            return 0

    def receive(self) -> bytes:
        """What has come, at most RECEIVE_BYTES; empty when nothing has."""
        if self._socket is None:
            return b""
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return b""
        except OSError as error:
            self._end(str(error))
            return b""
        if not data:
            self._end("the platform closed the connection")
        return data

    def close(self) -> None:
        """End it."""
        self._end("closed")

    def _end(self, why: str) -> None:
        if self._state != "closed":
            self._state, self.why = "closed", why
        if self._socket is not None:
            self._socket.close()
            self._socket = None
