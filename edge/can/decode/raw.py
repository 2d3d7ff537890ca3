"""Raw and physical values of one signal in many frames, whatever its kind."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from edge.can.dbc import Signal
from edge.can.decode.field import Field, field_of, is_whole

_FLOATS = {16: np.float16, 32: np.float32, 64: np.float64}
_NONE: Mapping[bool, np.ndarray] = {}


class Words:
    """The data of some frames as 64-bit words, made when they are asked for.

    data uint8 (N, 8 or 64), contiguous; frame: which of them, (n,); width: as many bytes as are needed, a
    multiple of 8; first: their first words that are known, by whether they are big-endian.
    """

    def __init__(
        self, data: np.ndarray, frame: np.ndarray, width: int, first: Mapping[bool, np.ndarray] = _NONE
    ) -> None:
        self.frame = frame
        self._data, self._width = data, width
        self._rows: np.ndarray | None = None
        self._known = {(0, big): word for big, word in first.items()}

    def word(self, byte: int, big: bool) -> np.ndarray:
        """uint64 (n,): 8 bytes from there, as a little- or big-endian number."""
        word = self._known.get((byte, big))
        if word is None:
            opposite = self._known.get((byte, not big))
            word = self._known[byte, big] = (
                self._gather(byte, big) if opposite is None else opposite.byteswap()
            )
        return word

    def _gather(self, byte: int, big: bool) -> np.ndarray:
        per_frame = self._data.shape[1] // 8
        if byte % 8 == 0 and byte // 8 < per_frame:
            at = self.frame if per_frame == 1 else self.frame * per_frame + byte // 8
            word = self._data.reshape(-1).view("<u8").take(at)
        else:
            rows = self._padded()
            word = np.ndarray(len(rows), "<u8", rows, byte, (rows.shape[1],)).copy()
        return word.byteswap(inplace=True) if big else word

    def byte(self, byte: int) -> np.ndarray:
        """uint64 (n,): one byte."""
        return self._padded()[:, byte].astype(np.uint64)

    def _padded(self) -> np.ndarray:
        if self._rows is None:
            rows = self._data.take(self.frame, axis=0)
            missing = max(self._width - rows.shape[1], 0)
            self._rows = np.pad(rows, ((0, 0), (0, missing))) if missing else rows
        return self._rows


def raw_values(field: Field, words: Words) -> np.ndarray:
    """uint64, int64 or float64 (n,): a signal's raw values; where it is beyond a frame's data, bits are 0."""
    length = field.signal.length
    word = words.word(field.byte, field.big)
    if field.wide:
        ninth = words.byte(field.byte + 8)
        if field.big:
            word = word << np.uint64(field.left) | ninth >> np.uint64(8 - field.left)
        else:
            word = word >> np.uint64(field.left) | ninth << np.uint64(64 - field.left)
            word <<= np.uint64(64 - length)
    else:
        word = word << np.uint64(field.left)
    if field.signal.signed and not field.signal.is_float:
        return word.view(np.int64) >> np.int64(field.right)
    raw = word >> np.uint64(field.right)
    if field.signal.is_float:
        return raw.astype(f"u{length // 8}").view(_FLOATS[length]).astype(np.float64)
    return raw


def physical_values(field: Field, raw: np.ndarray) -> np.ndarray:
    """float64 (n,) of raw values, as Python's numbers would give them."""
    signal = field.signal
    scale, offset = signal.scale, signal.offset
    if scale == 1 and offset == 0:
        values = raw.astype(np.float64)
    elif field.arithmetic == "float":
        values = raw.astype(np.float64) * field.scale + field.offset
    else:
        number = int(scale)  # not float, so it is whole
        if field.arithmetic == "int":
            exact = raw.astype(np.int64) * np.int64(number)
        else:
            exact = raw.astype(object) * number
        values = (exact + int(offset) if is_whole(offset) else exact.astype(np.float64) + offset).astype(
            np.float64
        )
    if field.limit is not None:
        values[raw > field.limit] = np.nan
    return values


class Column(msgspec.Struct, frozen=True, gc=False):
    """The values of one signal.

    signal: index into Decoder.signals; frame int (n,): index into the frames, ascending; value float64 (n,),
    physical, NaN: not available.
    """

    signal: int
    frame: np.ndarray
    value: np.ndarray
    _of: Signal
    _data: np.ndarray

    @property
    def raw(self) -> np.ndarray:
        """uint64, int64 or (of a float signal) float64 (n,): before scaling. It stays when the value is NaN
        because it means "not available"; bits beyond the end of a frame are 0."""
        where = field_of(self._of)
        return raw_values(where, Words(self._data, self.frame, (where.end + 7) // 8 * 8))
