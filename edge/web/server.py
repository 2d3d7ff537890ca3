"""Serving the dashboard from a process of its own, that may block or die without harm."""

from __future__ import annotations

import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from multiprocessing.connection import Connection

import msgspec

from edge.messages import decode
from edge.web.state import State

EVENT_INTERVAL_S = 0.1
KEEP_ALIVE_S = 5.0
MAX_VIEWERS = 8
CLIENT_TIMEOUT_S = 10.0
LOOPBACK = ("127.0.0.1", "localhost", "::1")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'"
)


def serve(address: str, port: int, connection: Connection, title: str = "", simulated: bool = False) -> None:
    """Show what comes through the connection until its other end closes.

    It brings encoded messages as bytes, and pictures as (b"JPEG", camera, data). port 0: any free one. Says
    on stderr where the page is, or why there is none: stdout is the drive's.
    """
    state = State(title, simulated)
    try:
        server = Server(address, port, state)
    except OSError as error:
        reason = error.strerror or error
        print(
            f"dashboard: cannot listen on {address}:{port}: {reason}; set [web] address and port",
            file=sys.stderr,
        )
        return
    print(f"dashboard: {server.url}", file=sys.stderr, flush=True)
    threading.Thread(target=_feed, args=(connection, state, server), name="feed", daemon=True).start()
    try:
        server.serve_forever(poll_interval=0.2)
    except KeyboardInterrupt:
        state.end()
    finally:
        server.server_close()


def _feed(connection: Connection, state: State, server: Server) -> None:
    """Everything from the connection into the state; ends the server with the connection."""
    try:
        while True:
            item = connection.recv()
            if isinstance(item, tuple):
                _, camera, data = item
                state.take_picture(camera, data)
            else:
                try:
                    state.take(decode(item))
                except msgspec.DecodeError:
                    continue  # from another version; nothing else depends on it
    except (EOFError, OSError):
        state.end()
        server.shutdown()


class Server(ThreadingHTTPServer):
    """The HTTP server of one state. Raises OSError if it cannot listen."""

    daemon_threads = True

    def __init__(self, address: str, port: int, state: State) -> None:
        self.state = state
        self.viewers = threading.BoundedSemaphore(MAX_VIEWERS)
        self.page = resources.files("edge.web").joinpath("page.html").read_bytes()
        super().__init__((address, port), _Handler)

    @property
    def url(self) -> str:
        """Where the page is."""
        host, port = self.server_address[:2]
        return f"http://{host if isinstance(host, str) else host.decode()}:{port}/"

    def handle_error(self, request: object, client_address: object) -> None:
        """A viewer that went away is nothing to tell."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "icv-edge"
    sys_version = ""
    timeout = CLIENT_TIMEOUT_S

    def do_GET(self) -> None:
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if not self._asked_by_name():
            self._answer(403, "text/plain", b"ask for it by its own address\n")
        elif path == "/":
            self._answer(200, "text/html; charset=utf-8", self.server.page)
        elif path == "/state.json":
            self._answer(200, "application/json", self.server.state.json())
        elif path == "/events":
            self._events()
        elif path.startswith("/camera/") and path.endswith(".jpg"):
            picture = self.server.state.picture(path.removeprefix("/camera/").removesuffix(".jpg"))
            if picture is None:
                self._answer(404, "text/plain", b"no picture of that camera yet\n")
            else:
                self._answer(200, "image/jpeg", picture)
        else:
            self._answer(404, "text/plain", b"not here: /, /state.json, /events, /camera/NAME.jpg\n")

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged of viewers."""

    def _asked_by_name(self) -> bool:
        """On the loopback address only its own names count: no other site may read it through a browser."""
        if self.server.server_address[0] not in LOOPBACK:
            return True
        host = self.headers.get("Host", "")
        return urllib.parse.urlsplit(f"//{host}").hostname in LOOPBACK

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self._send_common_headers()
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_common_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")

    def _events(self) -> None:
        """Server-sent events (WHATWG HTML, section 9.2): the whole state, at most ten times a second."""
        if not self.server.viewers.acquire(blocking=False):
            self._answer(503, "text/plain", b"too many viewers\n")
            return
        try:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self._send_common_headers()
            self.end_headers()
            self.close_connection = True
            state, version, pause = self.server.state, -1, threading.Event()
            while self.command != "HEAD":
                now = state.wait(version, KEEP_ALIVE_S)
                self.wfile.write(
                    b": still here\n\n" if now == version else b"data: " + state.json() + b"\n\n"
                )
                version = now
                if state.ended:
                    break
                pause.wait(EVENT_INTERVAL_S)
        finally:
            self.server.viewers.release()
