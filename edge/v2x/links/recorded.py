"""A capture as a link, and any link with what goes and comes written down."""

from __future__ import annotations

from collections.abc import Iterator

from edge import clock
from edge.v2x.links import Link
from edge.v2x.links.frames import EXPERIMENTAL_TYPE
from edge.v2x.links.pcap import Capture, PcapWriter

_BURST = 256


class Replay:
    """A capture's packets, at `pace` times the speed of their stamps from the first call of receive on.

    pace 0: 256 with each call. What is sent goes nowhere. ended: all were given. Raises PcapError.
    """

    def __init__(self, path: str, pace: float, time: clock.Clock, dsmp_type: int = EXPERIMENTAL_TYPE) -> None:
        self.capture = Capture(path, dsmp_type)
        self.ended = False
        self._pace, self._time = pace, time
        self._packets: Iterator[tuple[int, bytes]] = iter(self.capture)
        self._next: tuple[int, bytes] | None = None
        self._first_ns = self._start_ns = -1
        self._closed = False

    def fileno(self) -> int | None:
        """None: there is nothing to wait on."""
        return None

    def receive(self) -> list[tuple[int, bytes]]:
        """What is due, at most 256; stamped when it was due."""
        packets: list[tuple[int, bytes]] = []
        now_ns = self._time.now_ns()
        if self._start_ns < 0:
            self._start_ns = now_ns
        while not self._closed and len(packets) < _BURST:
            if self._next is None:
                self._next = next(self._packets, None)
                if self._next is None:
                    self.ended = True
                    break
            utc_ns, packet = self._next
            if self._first_ns < 0:
                self._first_ns = utc_ns
            due_ns = now_ns
            if self._pace > 0:
                due_ns = self._start_ns + int(max(utc_ns - self._first_ns, 0) / self._pace)
            if due_ns > now_ns:
                break
            packets.append((due_ns, packet))
            self._next = None
        return packets

    def send(self, packet: bytes) -> None:
        """Nowhere."""
        if self._closed:
            raise OSError("this link is closed")

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True


class Recorded:
    """Another link, and a file with all that it sends and hears. A full disk ends the file, not the link."""

    def __init__(self, link: Link, path: str, dsmp_type: int = EXPERIMENTAL_TYPE) -> None:
        self.link = link
        self.trouble = ""
        self._writer: PcapWriter | None = PcapWriter(path, dsmp_type)

    def fileno(self) -> int | None:
        """The other link's."""
        return self.link.fileno()

    def receive(self) -> list[tuple[int, bytes]]:
        """What the other link gives."""
        packets = self.link.receive()
        for t_ns, packet in packets:
            self._write(clock.date_ns(t_ns), packet)
        return packets

    def send(self, packet: bytes) -> None:
        """By the other link."""
        self.link.send(packet)
        self._write(clock.utc_ns(), packet)

    def _write(self, utc_ns: int, packet: bytes) -> None:
        if self._writer is None:
            return
        try:
            self._writer.write(utc_ns, packet)
        except OSError as error:
            self.trouble = f"recording ended: {error}"
            self._end()

    def _end(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def close(self) -> None:
        """Both."""
        self.link.close()
        self._end()
