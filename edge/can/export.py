"""Decoded signals as a file for other programs: Parquet, CSV, MCAP. One row is one value of one signal.

Columns: t_ns (as in the log), bus, message, signal, value (physical; empty or null: not available), text (the
name that the DBC file gives to the raw value). Rows are in the order of the frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import msgspec
import numpy as np

from edge.can.decode import Column, Decoded, DecodedSignal
from edge.can.frames import Frames
from edge.can.transport.long_messages import LongRows
from edge.config import UserError

HEADER = ("t_ns", "bus", "message", "signal", "value", "text")


class ExportError(UserError):
    """A file that cannot be written; the text says which, why and what to do."""


@dataclass(frozen=True)
class Table:
    """m rows: t_ns int64, bus (index into names), signal (index into the decoder's), value float64, text
    (index into Texts.all, -1: none); frame: which of the batch each came in."""

    frame: np.ndarray
    t_ns: np.ndarray
    bus: np.ndarray
    signal: np.ndarray
    value: np.ndarray
    text: np.ndarray


class Texts:
    """All value names of the decoder's signals, each once."""

    def __init__(self, signals: Sequence[DecodedSignal]) -> None:
        self.all: list[str] = []
        self._signals = signals
        known: dict[str, int] = {}
        self._of: list[dict[int, int]] = []
        for one in signals:
            of = {}
            for raw, text in one.signal.choices.items():
                if text not in known:
                    known[text] = len(self.all)
                    self.all.append(text)
                of[raw] = known[text]
            self._of.append(of)

    def of(self, column: Column) -> np.ndarray:
        """int32 (n,): the text of each raw value of a column, -1 where there is none."""
        of = self._of[column.signal]
        if not of:
            return np.full(len(column.value), -1, np.int32)
        found, which = np.unique(column.raw, return_inverse=True)
        return np.array([of.get(raw, -1) for raw in found.tolist()], np.int32)[which]

    def of_values(self, signals: np.ndarray, values: np.ndarray) -> np.ndarray:
        """int32 (n,): the text of each physical value of a signal, -1 where there is none."""
        texts = []
        for i, value in zip(signals.tolist(), values.tolist(), strict=True):
            scaling = self._signals[i].signal
            raw = (value - scaling.offset) / scaling.scale
            texts.append(self._of[i].get(round(raw), -1) if raw == raw else -1)
        return np.array(texts, np.int32)


def table(frames: Frames, decoded: Decoded, texts: Texts, long: LongRows | None = None) -> Table:
    """The decoded values of a batch in the order of its frames; long: messages longer than a frame."""
    columns = list(decoded.columns())
    parts = [
        (column.frame, np.full(len(column.frame), column.signal), column.value, texts.of(column))
        for column in columns
    ]
    if long:
        parts.append((long.frame, long.signal, long.value, texts.of_values(long.signal, long.value)))
    if not parts:
        none = np.zeros(0, np.int64)
        return Table(none, none, none, none, none.astype(float), none)
    frame, signal, value, text = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(frame, kind="stable")
    frame = frame[order]
    return Table(frame, frames.t_ns[frame], frames.bus[frame], signal[order], value[order], text[order])


class Exporter(Protocol):
    """Writes one kind of file."""

    def write(self, batch: Table) -> None:
        """Append rows."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class ParquetExporter:
    """Parquet through pyarrow, one row group per batch; strings are dictionaries and cost next to nothing.

    The names of the buses may grow while the log is read: a dictionary is written with each row group.
    """

    def __init__(
        self, path: Path, signals: Sequence[DecodedSignal], texts: Texts, buses: Sequence[str]
    ) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise ExportError(f"{path}: Parquet needs pyarrow: pip install 'icv-edge[desktop]'") from None
        self._arrow = pyarrow
        self._buses = buses
        self._texts = texts
        messages = list(dict.fromkeys(one.message.name for one in signals))
        self._messages, self._signals = messages, [one.signal.name for one in signals]
        self._message_of = np.array([messages.index(one.message.name) for one in signals], np.int32)
        text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        schema = pyarrow.schema([
            ("t_ns", pyarrow.int64()), ("bus", text), ("message", text), ("signal", text),
            ("value", pyarrow.float64()), ("text", text),
        ])  # fmt: skip
        self._schema = schema
        self._file = pyarrow.parquet.ParquetWriter(str(path), schema, compression="zstd", compression_level=1)

    def write(self, batch: Table) -> None:
        """Append rows."""
        arrow = self._arrow
        table = arrow.table(
            [
                arrow.array(batch.t_ns),
                self._named(batch.bus, self._buses),
                self._named(self._message_of[batch.signal], self._messages),
                self._named(batch.signal, self._signals),
                arrow.array(batch.value, from_pandas=True),
                self._named(batch.text, self._texts.all),
            ],
            schema=self._schema,
        )
        self._file.write_table(table)

    def _named(self, which: np.ndarray, names: Sequence[str]) -> Any:
        index = self._arrow.array(which.astype(np.int32), mask=which < 0)
        return self._arrow.DictionaryArray.from_arrays(index, self._arrow.array(names, self._arrow.string()))

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class CsvExporter:
    """CSV after RFC 4180, with a header; what is not available is an empty cell."""

    def __init__(
        self, path: Path, signals: Sequence[DecodedSignal], texts: Texts, buses: Sequence[str]
    ) -> None:
        self._file: IO[str] = path.open("w", encoding="utf-8", newline="")
        self._file.write(",".join(HEADER) + "\r\n")
        self._buses = buses
        self._names = [f"{_cell(one.message.name)},{_cell(one.signal.name)}" for one in signals]
        self._texts = [*map(_cell, texts.all), ""]  # -1: none

    def write(self, batch: Table) -> None:
        """Append rows."""
        names, texts, buses = self._names, self._texts, [_cell(bus) for bus in self._buses]
        columns = (batch.t_ns, batch.bus, batch.signal, batch.value, batch.text)
        self._file.writelines(
            f"{t_ns},{buses[bus]},{names[signal]},{'' if value != value else value},{texts[text]}\r\n"
            for t_ns, bus, signal, value, text in zip(*(c.tolist() for c in columns), strict=True)
        )

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class McapExporter:
    """MCAP with a JSON message per frame on the topic BUS/MESSAGE, as Foxglove plots it; a signal with a
    named value is that name, one that is not available is null."""

    def __init__(
        self, path: Path, signals: Sequence[DecodedSignal], texts: Texts, buses: Sequence[str]
    ) -> None:
        from mcap.writer import CompressionType, Writer

        self._file = path.open("wb")
        self._writer = Writer(self._file, compression=CompressionType.ZSTD)
        self._writer.start(profile="", library="icv-edge")
        self._signals = signals
        numbers: dict[int, int] = {}
        self._message_of = np.array([numbers.setdefault(id(one.message), len(numbers)) for one in signals])
        self._texts = texts
        self._buses = buses
        self._channels: dict[tuple[int, str], int] = {}
        self._encode = msgspec.json.Encoder().encode

    def write(self, batch: Table) -> None:
        """Append rows."""
        if not len(batch.t_ns):
            return
        of_message = self._message_of[batch.signal]
        changes = (batch.frame[1:] != batch.frame[:-1]) | (of_message[1:] != of_message[:-1])
        starts = np.flatnonzero(np.concatenate([[True], changes])).tolist()
        times, buses, signals = batch.t_ns.tolist(), batch.bus.tolist(), batch.signal.tolist()
        values, texts = batch.value.tolist(), batch.text.tolist()
        for start, end in zip(starts, [*starts[1:], len(times)], strict=True):
            said: dict[str, float | str | None] = {}
            for i in range(start, end):
                value = values[i] if values[i] == values[i] else None
                said[self._signals[signals[i]].signal.name] = (
                    value if texts[i] < 0 else self._texts.all[texts[i]]
                )
            self._writer.add_message(
                self._channel(buses[start], signals[start]),
                log_time=max(times[start], 0),
                publish_time=max(times[start], 0),
                data=self._encode(said),
            )

    def _channel(self, bus: int, signal: int) -> int:
        message = self._signals[signal].message
        if (bus, message.name) not in self._channels:
            properties = {
                one.name: {"type": ["number", "string", "null"], "description": one.unit}
                for one in message.signals
            }
            schema = self._writer.register_schema(
                message.name,
                "jsonschema",
                msgspec.json.encode({"type": "object", "properties": properties}),
            )
            self._channels[bus, message.name] = self._writer.register_channel(
                f"{self._buses[bus]}/{message.name}", "json", schema
            )
        return self._channels[bus, message.name]

    def close(self) -> None:
        """Finish the file."""
        self._writer.finish()
        self._file.close()


EXPORTERS: dict[str, Callable[..., Exporter]] = {
    ".parquet": ParquetExporter,
    ".csv": CsvExporter,
    ".mcap": McapExporter,
}
"""By the ending of the file's name."""


def open_export(
    path: str | Path, signals: Sequence[DecodedSignal], texts: Texts, buses: Sequence[str]
) -> Exporter:
    """A new file; its ending chooses the kind. buses may grow later. Raises ExportError."""
    path = Path(path)
    make = EXPORTERS.get(path.suffix.lower())
    if make is None:
        raise ExportError(f"{path}: end its name in {', '.join(EXPORTERS)}")
    try:
        return make(path, signals, texts, buses)
    except OSError as error:
        raise ExportError(f"{path}: cannot be written: {error.strerror or error}") from None


def _cell(text: str) -> str:
    if any(character in text for character in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text
