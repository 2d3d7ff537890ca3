"""Writing a drive as it happens: numbered inputs, the outputs that each caused, and raw data beside them."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType

import msgspec
from mcap.records import Channel, Schema

from edge import __version__
from edge.clock import now_ns
from edge.drives.digest import Digest
from edge.drives.header import END_NAME, HEADER_NAME, DriveError, DriveHeader
from edge.drives.mcap_file import Chunk, McapFile
from edge.drives.pictures import IMAGE_SCHEMA, encode_image, image_descriptor
from edge.drives.schemas import INPUTS, OUTPUTS, json_schema
from edge.messages import Gap, Message, encode

CHUNK_BYTES = 64 * 1024
SYNC_NS = 500_000_000
"""A chunk ends at 64 KiB or after half a second, so that a kill costs well below a second."""

QUEUE_BYTES = 64 * 1024 * 1024
PICTURES_SHARE, RAW_SHARE = 0.5, 0.75
"""How full the queue may be before pictures, and then raw data, are dropped. Messages wait for room."""


class NullWriter:
    """The doors of a DriveWriter without a file: recording is off, numbers and digest are as ever."""

    failure: str | None = None

    def __init__(self) -> None:
        self._digest = Digest()
        self._number = -1

    @property
    def digest(self) -> str:
        """Of the outputs so far."""
        return self._digest.hexdigest()

    def accept(self, message: Message) -> int:
        """Number an input: 0, 1, 2, ..."""
        self._number += 1
        return self._number

    def emit(self, out: Message) -> None:
        """Add an output to the digest."""
        self._digest.update(out)

    def raw(self, topic: str, t_ns: int, data: bytes) -> None:
        """Nothing to do."""

    def raw_picture(
        self, camera: str, t_ns: int, taken_ns: int, frame_id: int, image_format: str, data: bytes
    ) -> None:
        """Nothing to do."""

    def losses(self) -> tuple[Gap, ...]:
        """None."""
        return ()

    def close(self) -> None:
        """Nothing to do."""


class DriveWriter:
    """A drive being written; every method may be called from any thread.

    The caller encodes and appends; a thread of its own compresses, writes and syncs. When the disk is too
    slow pictures are dropped first, then raw data, and `losses` tells; inputs and outputs wait instead. With
    drop False nothing is dropped: for replays and cuts, which may wait. When the disk fails, `failure` says
    how, all that follows is counted as lost, and nothing else stops: the file then reads as one cut short.
    """

    def __init__(
        self, path: str | Path, header: DriveHeader, *, drop: bool = True, queue_bytes: int = QUEUE_BYTES
    ) -> None:
        """Create the file. Raises DriveError if it exists or cannot be created."""
        self.path = Path(path)
        self.failure: str | None = None
        self._header = header
        self._drop = drop
        self._queue_bytes = queue_bytes
        self._digest = Digest()
        self._number = -1
        self._outputs = 0
        self._lost: dict[str, tuple[int, int]] = {}  # reason: count and latest time, since the last losses()
        self._lost_ever: dict[str, int] = {}
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._queue: list[Chunk | Channel] = []
        self._open = {True: Chunk(compress=True), False: Chunk(compress=False)}
        self._pending_bytes = 0
        self._closing = False
        self._channels: dict[str, int] = {}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = McapFile(self.path, "icv-edge", f"icv-edge {__version__}")
            self._begin()
        except FileExistsError:
            raise DriveError(f"{self.path}: exists already; name another file, or delete it first") from None
        except OSError as error:
            raise DriveError(f"{self.path}: cannot be written: {error.strerror}") from None
        self._thread = threading.Thread(target=self._write, name="recording", daemon=True)
        self._thread.start()

    def _begin(self) -> None:
        self._file.write_metadata(HEADER_NAME, {"header": msgspec.json.encode(self._header).decode()})
        self._image_schema = len(INPUTS) + len(OUTPUTS) + 1
        for direction, kinds in (("in", INPUTS), ("out", OUTPUTS)):
            for kind in kinds:
                number, topic = len(self._channels) + 1, f"{direction}/{kind.__name__}"
                name = f"icv.{kind.__name__}"
                self._file.write_schema(Schema(number, json_schema(kind), "jsonschema", name))
                self._file.write_channel(Channel(number, topic, "json", {}, number))
                self._channels[topic] = number
        self._file.write_schema(Schema(self._image_schema, image_descriptor(), "protobuf", IMAGE_SCHEMA))
        self._file.sync()

    @property
    def digest(self) -> str:
        """Of the outputs so far."""
        return self._digest.hexdigest()

    def accept(self, message: Message) -> int:
        """Number an input (0, 1, 2, ...) and write it, before anybody acts on it."""
        data = encode(message)
        with self._lock:
            self._number += 1
            self._append(self._channels[f"in/{type(message).__name__}"], self._number, message.t_ns, data)
            return self._number

    def emit(self, out: Message) -> None:
        """Write an output, in order, under the number of the input that caused it."""
        data = encode(out)
        with self._lock:
            self._digest.update_encoded(data)
            self._outputs += 1
            self._append(self._channels[f"out/{type(out).__name__}"], max(self._number, 0), out.t_ns, data)

    def raw(self, topic: str, t_ns: int, data: bytes) -> None:
        """Write what a room received, as it came: topics "can/can0", "gnss", "v2x"."""
        with self._lock:
            if self._may_drop("raw data: the disk is too slow", RAW_SHARE, t_ns):
                return
            channel = self._channel(topic, "application/octet-stream", 0)
            self._append(channel, max(self._number, 0), t_ns, data)

    def raw_picture(
        self, camera: str, t_ns: int, taken_ns: int, frame_id: int, image_format: str, data: bytes
    ) -> None:
        """Write a picture: data as JPEG or PNG, image_format "jpeg" or "png"; topic "camera/<name>"."""
        message = encode_image(camera, taken_ns, image_format, data)
        with self._lock:
            if self._may_drop("pictures: the disk is too slow", PICTURES_SHARE, t_ns):
                return
            channel = self._channel(f"camera/{camera}", "protobuf", self._image_schema)
            self._append(channel, frame_id, t_ns, message, compress=False)

    def losses(self) -> tuple[Gap, ...]:
        """What was dropped since this was last asked, one Gap for each reason."""
        with self._lock:
            lost, self._lost = self._lost, {}
        return tuple(
            Gap(t_ns=t_ns, source="recording", reason=reason, count=count)
            for reason, (count, t_ns) in lost.items()
        )

    def close(self) -> None:
        """Write what is left and the end with the digest. Later calls of any method do nothing useful."""
        with self._lock:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def __enter__(self) -> DriveWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ------------------------------------------------ the caller's side, with the lock held

    def _channel(self, topic: str, encoding: str, schema: int) -> int:
        number = self._channels.get(topic)
        if number is None:
            number = self._channels[topic] = len(self._channels) + 1
            self._queue.append(Channel(number, topic, encoding, {}, schema))
        return number

    def _may_drop(self, reason: str, share: float, t_ns: int) -> bool:
        full = self._drop and self._pending_bytes > share * self._queue_bytes
        if full:
            self._lose(reason, 1, t_ns)
        return full

    def _lose(self, reason: str, count: int, t_ns: int) -> None:
        self._lost[reason] = (self._lost.get(reason, (0, 0))[0] + count, t_ns)
        self._lost_ever[reason] = self._lost_ever.get(reason, 0) + count

    def _append(self, channel: int, sequence: int, t_ns: int, data: bytes, compress: bool = True) -> None:
        while self._pending_bytes > self._queue_bytes and self.failure is None:
            self._end_chunks()
            self._wake.notify()
            self._room.wait()
        if self.failure is not None or self._closing:
            self._lose(self.failure or "the recording is closed", 1, t_ns)
            return
        chunk = self._open[compress]
        before = chunk.size
        # MCAP knows no time before 0, where a replayed file may begin; the message itself keeps its time.
        chunk.add(channel, sequence, max(t_ns, 0), data)
        self._pending_bytes += chunk.size - before
        if chunk.size >= CHUNK_BYTES:
            self._queue.append(chunk)
            self._open[compress] = Chunk(compress)
            self._wake.notify()

    def _end_chunks(self) -> None:
        self._queue += [chunk for chunk in self._open.values() if chunk.count]
        self._open = {True: Chunk(compress=True), False: Chunk(compress=False)}

    # ------------------------------------------------ the thread's side

    def _write(self) -> None:
        sync_at_ns = now_ns() + SYNC_NS
        closing = False
        while not closing:
            with self._lock:
                while not self._queue and not self._closing and (left_ns := sync_at_ns - now_ns()) > 0:
                    self._wake.wait(left_ns / 1e9)
                closing = self._closing
                due = closing or now_ns() >= sync_at_ns
                if due:
                    self._end_chunks()
                queue, self._queue = self._queue, []
            self._write_all(queue, due, closing)
            if due:
                sync_at_ns = now_ns() + SYNC_NS
        self._file.close()

    def _write_all(self, queue: list[Chunk | Channel], sync: bool, last: bool) -> None:
        for item in queue:
            try:
                if self.failure is None and isinstance(item, Channel):
                    self._file.write_channel(item)
                elif self.failure is None and isinstance(item, Chunk):
                    self._file.write_chunk(item)
            except OSError as error:
                self._fail(error)
            if isinstance(item, Chunk):
                with self._lock:
                    if self.failure is not None:
                        self._lose(self.failure, item.count, item.end_ns)
                    self._pending_bytes -= item.size
                    self._room.notify_all()
        try:
            if sync and queue and self.failure is None:
                self._file.sync()
            if last and self.failure is None:
                self._file.write_metadata(END_NAME, self._end())
                self._file.finish()
                self._file.sync()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> None:
        with self._lock:
            self.failure = f"{self.path}: cannot be written any more: {error.strerror}"
            self._room.notify_all()

    def _end(self) -> dict[str, str]:
        """A drive that is an excerpt has no digest: its decisions come with its first replay."""
        return {
            "digest": "" if self._header.excerpt else self.digest,
            "inputs": str(self._number + 1),
            "outputs": str(self._outputs),
            "losses": msgspec.json.encode(self._lost_ever).decode(),
        }
