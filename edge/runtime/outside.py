"""The process `outside`: dashboard and uplinks. It may block and may die, and nobody waits for it."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection

from edge.config import Config
from edge.drives.header import DriveHeader
from edge.messages import Gap, Health, Message, Position, decode, encode
from edge.runtime.rights import exit_with_parent, start_without_interrupt

QUEUE_ITEMS = 2000
ALIVE_EVERY_NS = 1_000_000_000

Dashboard = Callable[[str, int, Connection, str, bool], None]
"""edge.web.server.serve: given by the command, since the web stands above the runtime."""


class Outside:
    """A sink whose thread hands everything on. When the other side is slow, what comes then is dropped.

    As an inlet it says what was dropped, how the uplinks are, and that the process died.
    """

    name = "outside"

    def __init__(self, config: Config, header: DriveHeader, dashboard: Dashboard | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self._dropped = 0
        self._look_ns = 0
        self._ended = False
        self._queue: queue.Queue[bytes | tuple[bytes, str, bytes] | None] = queue.Queue(QUEUE_ITEMS)
        nothing: tuple[Connection | None, Connection | None] = (None, None)
        self._web, web = context.Pipe() if dashboard is not None else nothing
        self._uplink, uplink = context.Pipe() if config.uplink.jt808.enabled else nothing
        arguments = (config, header.title, header.simulated, dashboard, web, uplink)
        self._process = context.Process(target=_serve, args=arguments, name="outside", daemon=True)
        start_without_interrupt(self._process)
        for theirs in (web, uplink):
            if theirs is not None:
                theirs.close()
        self._thread = threading.Thread(target=self._hand_on, name="outside", daemon=True)
        self._thread.start()

    def take(self, out: Message) -> None:
        """An output."""
        self._put(encode(out))

    def watch(self, source: Iterable[Message]) -> Iterator[Message]:
        """Pass the inputs through; those that people or platforms want to know of go outside too."""
        for message in source:
            if isinstance(message, Health | Position):
                self._put(encode(message))
            yield message

    def picture(self, camera: str, jpeg: bytes) -> None:
        """A picture for the dashboard."""
        if self._web is not None:
            self._put((b"JPEG", camera, jpeg))

    def fileno(self) -> None:
        """Polled."""

    def poll(self, now_ns: int) -> list[Message]:
        """Gap, and Health of the uplinks and of the process; a dead one is not started again."""
        said: list[Message] = []
        if self._dropped:
            count, self._dropped = self._dropped, 0
            said.append(Gap(t_ns=now_ns, source=self.name, reason="slower than the drive", count=count))
        if now_ns < self._look_ns or self._ended:
            return said
        self._look_ns = now_ns + ALIVE_EVERY_NS
        with contextlib.suppress(EOFError, OSError):  # it died: told below
            while self._uplink is not None and self._uplink.poll():
                said.append(decode(self._uplink.recv_bytes()))
        if not self._process.is_alive():
            self._ended = True
            detail = (
                "dashboard and uplinks have ended; the drive goes on without them, start again to have them"
            )
            said.append(Health(t_ns=now_ns, source=self.name, state="failed", detail=detail))
        return said

    def close(self) -> None:
        """Let the process end."""
        with contextlib.suppress(queue.Full):
            self._queue.put(None, timeout=1.0)
        self._thread.join(timeout=2.0)
        for pipe in (self._web, self._uplink):
            if pipe is not None:
                pipe.close()
        self._process.join(timeout=3.0)
        if self._process.is_alive():
            self._process.kill()

    def _put(self, item: bytes | tuple[bytes, str, bytes]) -> None:
        try:
            self._queue.put_nowait(item)
        except queue.Full:
            self._dropped += 1

    def _hand_on(self) -> None:
        pipes = {"web": self._web, "uplink": self._uplink}
        while (item := self._queue.get()) is not None:
            for name, pipe in pipes.items():
                if pipe is None:
                    continue
                try:
                    if name == "web":
                        pipe.send(item)
                    elif isinstance(item, bytes):
                        pipe.send_bytes(item)
                except OSError:  # it died: nothing waits for it
                    pipes = {**pipes, name: None}


def _serve(
    config: Config,
    title: str,
    simulated: bool,
    dashboard: Dashboard | None,
    web: Connection | None,
    uplink: Connection | None,
) -> None:
    exit_with_parent()
    threads = []
    if dashboard is not None and web is not None:
        arguments = (config.web.address, config.web.port, web, title, simulated)
        threads.append(threading.Thread(target=dashboard, args=arguments, name="web"))
    if uplink is not None:
        from edge.uplink.serve import serve as serve_uplink

        threads.append(threading.Thread(target=serve_uplink, args=(config, uplink), name="uplink"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
