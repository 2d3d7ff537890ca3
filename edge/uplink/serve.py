"""The uplinks in a process of their own, which may block and may die without anyone waiting."""

from __future__ import annotations

import select
import signal
import sys
import threading
from multiprocessing.connection import Connection

import msgspec

from edge.clock import LiveClock, realtime_offset_ns
from edge.config import Config, ConfigError
from edge.messages import Health, decode, encode
from edge.uplink.jt808_uplink import Jt808Uplink
from edge.uplink.queue import QueueError
from edge.uplink.uplink import Uplink

STEP_S = 0.05
"""How often the uplinks are stepped when no message comes."""

BATCH = 256
"""Messages taken from the connection between two steps."""


def serve(config: Config, connection: Connection) -> None:
    """Feed the uplinks that are enabled until the other end of `connection` is closed.

    What comes are messages of edge.messages, each encoded, by send_bytes; what cannot be decoded is counted.
    How the uplinks are goes back the same way as Health if the connection can be written to, else to stderr.
    The sender must not wait for this process: it drops a message when the pipe is full. A forked child also
    inherits the other end and must close it, or it will not see the end: start with "spawn".
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to end: it closes the pipe
    clock = LiveClock()
    uplinks: list[Uplink] = []
    if config.uplink.jt808.enabled:
        try:
            uplinks.append(
                Jt808Uplink(config.uplink.jt808, config.uplink.directory, config.uplink.max_queued)
            )
        except (ConfigError, QueueError) as error:
            _say(
                connection,
                Health(t_ns=clock.now_ns(), source=Jt808Uplink.name, state="failed", detail=str(error)),
            )
    undecodable = 0
    try:
        while True:
            connection.poll(STEP_S)
            offset_ns = realtime_offset_ns()
            for _ in range(BATCH):
                if not connection.poll():
                    break
                try:
                    message = decode(connection.recv_bytes())
                except msgspec.MsgspecError as error:
                    undecodable += 1
                    if undecodable == 1:
                        detail = f"a message cannot be decoded: {error}"
                        _say(
                            connection,
                            Health(t_ns=clock.now_ns(), source="uplink", state="degraded", detail=detail),
                        )
                    continue
                for uplink in uplinks:
                    uplink.offer(message, message.t_ns - offset_ns)
            for uplink in uplinks:
                for health in uplink.step(clock.now_ns()):
                    _say(connection, health)
    except (EOFError, ConnectionError):
        pass  # the other end is closed: this is how it ends
    finally:
        for uplink in uplinks:
            uplink.close()


def _say(connection: Connection, health: Health) -> None:
    if not connection.writable:
        print(f"{health.source}: {health.state} {health.detail}", file=sys.stderr, flush=True)
        return
    # a reader that does not read must not stop the uplinks
    if select.select([], [connection], [], 0)[1]:
        connection.send_bytes(encode(health))
