"""An ONNX file, read and judged before a runtime sees it: onnx/onnx.proto of ONNX, without the onnx package.

Only what is needed to judge a file is read, as the wire format of Protocol Buffers has it, within bounds:
what a runtime would crash on, swallow the memory for, or fetch from elsewhere on the disk is refused here.
"""

from __future__ import annotations

import math
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.vision.adapters import Tensor
from edge.vision.zoo import ModelError

MAX_BYTES = 1 << 30  # of a file
MAX_FIELDS = 4_000_000  # looked at in a file; the largest public network of the zoo has 60,000
MAX_DEPTH = 12  # of graphs within graphs
MAX_OPERATORS = 200_000  # with functions written out; the largest public network of the zoo has 1,100
MAX_NUMBERS = 1 << 26  # of one input, output or constant

KINDS = (
    (b"version https://git-lfs", 0, "a pointer of Git LFS, not the file itself: fetch it with git lfs pull"),
    (b"\x89PNG", 0, "a PNG picture"),
    (b"\xff\xd8\xff", 0, "a JPEG picture"),
    (b"PK\x03\x04", 0, "a zip archive, as PyTorch and Keras save: export the network as ONNX"),
    (b"\x80\x02", 0, "a pickle of Python, as PyTorch saved: export the network as ONNX"),
    (b"TFL3", 4, "a TensorFlow Lite file: convert it with tf2onnx"),
    (b"ORTM", 4, "in ONNX Runtime's own format: use the .onnx it was made from"),
    (b"\x89HDF", 0, "an HDF5 file, as Keras saves: convert it with tf2onnx"),
    (b"ftrt", 0, "an engine of TensorRT: use the .onnx it was made from"),
    (b"7767517", 0, "a network of ncnn: use the .onnx it was made from"),
    (b"<?xml", 0, "XML, as OpenVINO saves: use the .onnx it was made from"),
    (b"<", 0, "a web page: the address was not that of the file itself"),
    (b"\x1f\x8b", 0, "compressed: unpack it"),
    (b"GIF8", 0, "a GIF picture"),
)
"""What people take for an ONNX file: first bytes, where, and what it is."""

DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"}
)
"""Whose operators the runtimes bring along."""

DIVISORS = frozenset({"strides", "dilations", "kernel_shape", "group", "blocksize", "block_size"})
"""Attributes by which runtimes divide: ONNX Runtime before 1.32 ends with a signal where one is 0."""

_BITS = {
    1: 32, 2: 8, 3: 8, 4: 16, 5: 16, 6: 32, 7: 64, 9: 8, 10: 16, 11: 64, 12: 32, 13: 64, 14: 64, 15: 128,
    16: 16, 17: 8, 18: 8, 19: 8, 20: 8, 21: 4, 22: 4, 23: 4, 24: 8, 25: 2, 26: 2,
}  # fmt: skip
"""Of the numbers of a TensorProto.DataType; strings (8) have none."""

_DTYPES = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool",
    10: "float16", 11: "float64", 12: "uint32", 13: "uint64",
}  # fmt: skip

_LENGTH, _VARINT = 2, 0

Span = tuple[int, int]
Name = tuple[str, str]  # domain, operator


class ModelFile(msgspec.Struct, frozen=True):
    """What a file says of itself. free: names of the sizes of inputs that are not fixed, "" without one."""

    ir_version: int
    producer: str
    opsets: dict[str, int]
    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    free: dict[str, tuple[str, ...]]

    def __str__(self) -> str:
        opsets = ", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in self.opsets.items())
        return f"opset {opsets}; IR version {self.ir_version}; made by {self.producer or 'nobody says what'}"


class _WrongError(Exception):
    """What is wrong with a file."""


def read(path: Path) -> bytes:
    """The bytes of a model file. Raises ModelError."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ModelError(f"{path}: not a model: it is no file")
        if found.st_size > MAX_BYTES:
            raise ModelError(f"{path}: has {found.st_size} bytes; a network of up to {MAX_BYTES} is run here")
        with path.open("rb") as file:
            return file.read(found.st_size)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def judge(content: bytes, path: Path) -> ModelFile:
    """What the file says of itself, if it can be run safely. Raises ModelError: what, where, what to do."""
    try:
        if not content:
            raise _WrongError("the file is empty: fetch it again")
        for mark, at, kind in KINDS:
            if content[at : at + len(mark)] == mark:
                raise _WrongError(f"it is {kind}")
        return _Reader(content).model()
    except _WrongError as wrong:
        raise ModelError(f"{path}: not a model that can be run: {wrong}") from None


class _Reader:
    """One file, walked once."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._fields = 0
        self._functions: dict[Name, Counter[Name]] = {}
        self._domains: dict[str, str] = {}  # of operators: one operator of each

    def model(self) -> ModelFile:
        ir_version, producer, graphs = 0, "", []
        calls = Counter[Name]()
        opsets: dict[str, int] = {}
        for number, wire, value in self._each((0, len(self._content))):
            if number == 1 and wire == _VARINT:
                ir_version = value
            elif wire != _LENGTH:
                continue
            elif number == 2:
                producer = f"{self._text(value)}"
            elif number == 7:
                graphs.append(value)
            elif number == 8:
                domain, version = self._opset(value)
                opsets["" if domain == "ai.onnx" else domain] = version
            elif number == 25:
                self._function(value)
        if not ir_version or not graphs or not opsets:
            lacks = [
                what
                for what, there in (
                    ("its version", ir_version), ("a graph", graphs), ("the version of its operators", opsets)
                )
                if not there
            ]  # fmt: skip
            raise _WrongError(
                f"no ONNX file, or not all of it: it lacks {', '.join(lacks)}; export or fetch it again"
            )
        if len(graphs) > 1:
            raise _WrongError("it has more than one graph; export it again")
        inputs, outputs, free = self._graph(graphs[0], 0, calls)
        if not outputs:
            raise _WrongError("the network has no outputs; export it again")
        if not inputs:
            raise _WrongError("the network has no inputs; export it again")
        self._write_out(calls)
        own = {domain for domain, _ in self._functions}
        for domain, operator in self._domains.items():
            if domain not in DOMAINS | own:
                raise _WrongError(
                    f"its operator {operator} is of {domain!r}, a library of operators that is not part of "
                    f"ONNX; export it with standard operators alone"
                )
        return ModelFile(ir_version, producer, opsets, inputs, outputs, free)

    # ------------------------------------------------------------ the parts of a file

    def _graph(self, span: Span, depth: int, calls: Counter[Name]) -> tuple[dict, dict, dict]:
        if depth > MAX_DEPTH:
            raise _WrongError(f"graphs within graphs, deeper than {MAX_DEPTH}")
        inputs: dict[str, tuple[Tensor, tuple[str, ...]]] = {}
        outputs: dict[str, tuple[Tensor, tuple[str, ...]]] = {}
        constants: set[str] = set()
        for number, wire, value in self._each(span):
            if wire != _LENGTH:
                continue
            if number == 1:
                self._node(value, depth, calls)
            elif number == 5:
                constants.add(self._tensor(value))
            elif number == 11:
                self._declare(value, inputs, "input", depth)
            elif number == 12:
                self._declare(value, outputs, "output", depth)
            elif number == 15:
                self._sparse(value)
        # Files of old name their constants among the inputs too.
        fed = {name: declared for name, declared in inputs.items() if name not in constants}
        return (
            {name: tensor for name, (tensor, _) in fed.items()},
            {name: tensor for name, (tensor, _) in outputs.items()},
            {name: names for name, (_, names) in fed.items()},
        )

    def _node(self, span: Span, depth: int, calls: Counter[Name]) -> None:
        operator, domain, attributes = "", "", []
        for number, wire, value in self._each(span):
            if wire != _LENGTH:
                continue
            if number == 4:
                operator = self._text(value)
            elif number == 5:
                attributes.append(value)
            elif number == 7:
                domain = self._text(value)
        calls[domain, operator] += 1
        self._domains.setdefault(domain, operator)
        if operator == "EPContext":
            raise _WrongError(
                "it holds a network compiled for one device (EPContext); use the .onnx it was made from"
            )
        for attribute in attributes:
            self._attribute(attribute, operator, depth, calls)

    def _attribute(self, span: Span, operator: str, depth: int, calls: Counter[Name]) -> None:
        name, numbers = "", []
        for number, wire, value in self._each(span):
            if number == 1 and wire == _LENGTH:
                name = self._text(value)
            elif number in (3, 8) and wire == _VARINT:
                numbers.append(_signed(value))
            elif number == 8 and wire == _LENGTH:
                numbers += self._varints(value)
            elif wire != _LENGTH:
                continue
            elif number in (5, 10):
                self._tensor(value)
            elif number in (6, 11):
                self._graph(value, depth + 1, calls)
            elif number in (22, 23):
                self._sparse(value)
        if name in DIVISORS and min(numbers, default=1) < 1:
            raise _WrongError(f"its operator {operator} has {name} of {min(numbers)}; export it again")

    def _function(self, span: Span) -> None:
        name, domain, calls = "", "", Counter[Name]()
        for number, wire, value in self._each(span):
            if wire != _LENGTH:
                continue
            if number == 1:
                name = self._text(value)
            elif number == 7:
                self._node(value, 0, calls)
            elif number == 10:
                domain = self._text(value)
            elif number == 11:  # what an attribute is where a call does not say
                self._attribute(value, name, 0, calls)
        self._functions[domain, name] = calls

    def _write_out(self, calls: Counter[Name]) -> None:
        """How many operators there are once functions are written out; a runtime does that first of all."""
        sizes: dict[Name, int] = {}
        open_ = dict(self._functions)
        while done := [name for name, inner in open_.items() if not inner.keys() & open_.keys()]:
            for name in done:
                sizes[name] = sum(count * sizes.get(call, 1) for call, count in open_.pop(name).items())
        if open_:
            raise _WrongError(f"its function {next(iter(open_))[1]} calls itself, in the end")
        operators = sum(count * sizes.get(call, 1) for call, count in calls.items())
        if operators > MAX_OPERATORS:
            raise _WrongError(
                f"it has {operators:.1e} operators, its functions written out; {MAX_OPERATORS} are run"
            )

    def _tensor(self, span: Span) -> str:
        """A constant. Returns its name."""
        name, kind, external, location = "", 0, False, "another file"
        dims: list[int] = []
        held_bits = stored = 0
        for number, wire, value in self._each(span):
            if number == 1:
                dims += self._varints(value) if wire == _LENGTH else [_signed(value)]
            elif number == 2 and wire == _VARINT:
                kind = value
            elif number == 14 and wire == _VARINT:
                external = external or value == 1
            elif wire != _LENGTH:
                continue
            elif number == 8:
                name = self._text(value)
            elif number == 9:
                held_bits += (value[1] - value[0]) * 8
                stored += 1
            elif number == 13:
                external = True
                key, said = self._pair(value)
                if key == "location":
                    location = said
        if external:
            raise _WrongError(
                f"its constant {name!r} lies in {location!r}, outside the file: files beside a model are not "
                f"read; make one file of them: onnx.save(onnx.load(PATH), NEW)"
            )
        numbers = self._numbers(dims, f"constant {name!r}")
        if stored and kind in _BITS and held_bits != -(-numbers * _BITS[kind] // 8) * 8:
            raise _WrongError(
                f"damaged: its constant {name!r} of {numbers} numbers has {held_bits // 8} bytes; "
                f"fetch it again"
            )
        return name

    def _sparse(self, span: Span) -> None:
        dims: list[int] = []
        for number, wire, value in self._each(span):
            if number in (1, 2) and wire == _LENGTH:
                self._tensor(value)
            elif number == 3:
                dims += self._varints(value) if wire == _LENGTH else [_signed(value)]
        self._numbers(dims, "sparse constant")

    def _declare(
        self, span: Span, into: dict[str, tuple[Tensor, tuple[str, ...]]], what: str, depth: int
    ) -> None:
        name, kind, shape = "", 0, None
        for number, wire, value in self._each(span):
            if wire == _LENGTH and number == 1:
                name = self._text(value)
            elif wire == _LENGTH and number == 2:
                for which, inner_wire, inner in self._each(value):
                    if which == 1 and inner_wire == _LENGTH:
                        kind, shape = self._tensor_type(inner)
        if depth:
            return
        if name in into:
            raise _WrongError(f"two of its {what}s are named {name!r}; export it again")
        if kind not in _DTYPES:
            raise _WrongError(
                f"its {what} {name!r} is not made of numbers that are used here (type {kind}); export it "
                f"with float32 or uint8"
            )
        sizes = shape or []
        self._numbers([size for size, _ in sizes if size], f"{what} {name!r}")
        tensor = Tensor(tuple(size for size, _ in sizes), np.dtype(_DTYPES[kind]))
        into[name] = (tensor, tuple(label for _, label in sizes))

    def _tensor_type(self, span: Span) -> tuple[int, list[tuple[int, str]]]:
        kind = 0
        shape: list[tuple[int, str]] = []
        for number, wire, value in self._each(span):
            if number == 1 and wire == _VARINT:
                kind = value
            elif number == 2 and wire == _LENGTH:
                for which, inner_wire, dim in self._each(value):
                    if which == 1 and inner_wire == _LENGTH:
                        shape.append(self._size(dim))
        return kind, shape

    def _size(self, span: Span) -> tuple[int, str]:
        """A size, 0 where it is not fixed, and its name."""
        size, label = 0, ""
        for number, wire, value in self._each(span):
            if number == 1 and wire == _VARINT:
                size = _signed(value)
            elif number == 2 and wire == _LENGTH:
                label = self._text(value)
        return max(size, 0), label

    def _numbers(self, dims: list[int], what: str) -> int:
        if any(size < 0 for size in dims):
            raise _WrongError(f"its {what} has a size below 0: {dims}")
        numbers = math.prod(dims)
        if numbers > MAX_NUMBERS:
            raise _WrongError(
                f"its {what} has the size {dims}: {numbers:.1e} numbers; {MAX_NUMBERS} are run here"
            )
        return numbers

    def _opset(self, span: Span) -> tuple[str, int]:
        domain, version = "", 0
        for number, wire, value in self._each(span):
            if number == 1 and wire == _LENGTH:
                domain = self._text(value)
            elif number == 2 and wire == _VARINT:
                version = _signed(value)
        return domain, version

    def _pair(self, span: Span) -> tuple[str, str]:
        found = {1: "", 2: ""}
        for number, wire, value in self._each(span):
            if wire == _LENGTH:
                found[number] = self._text(value)
        return found[1], found[2]

    # ------------------------------------------------------------ the wire format

    def _each(self, span: Span) -> Iterator[tuple[int, int, Any]]:
        """The fields of a message: number, wire type, and an int or, for type 2, where its bytes are."""
        content, (at, end) = self._content, span
        while at < end:
            self._count()
            key, at = self._varint(at, end)
            number, wire = key >> 3, key & 7
            if wire == _VARINT:
                value, at = self._varint(at, end)
                yield number, wire, value
                continue
            if wire == _LENGTH:
                length, at = self._varint(at, end)
            elif wire in (1, 5):
                length = 8 if wire == 1 else 4
            else:
                raise _WrongError(f"no ONNX file, or damaged at byte {at}; export or fetch it again")
            if number == 0 or at + length > end:
                whole = "cut off" if end == len(content) else "no ONNX file, or damaged"
                raise _WrongError(f"{whole} at byte {at}; export or fetch it again")
            yield number, wire, (at, at + length)
            at += length

    def _count(self) -> None:
        self._fields += 1
        if self._fields > MAX_FIELDS:
            raise _WrongError(f"it has more than {MAX_FIELDS} parts")

    def _varint(self, at: int, end: int) -> tuple[int, int]:
        content, value, shift = self._content, 0, 0
        while at < end and shift < 70:
            byte = content[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFFFFFFFFFFFFFF, at
            shift += 7
        raise _WrongError(f"no ONNX file, or cut off at byte {at}; export or fetch it again")

    def _varints(self, span: Span) -> list[int]:
        at, end = span
        values = []
        while at < end:
            self._count()
            value, at = self._varint(at, end)
            values.append(_signed(value))
        return values

    def _text(self, span: Span) -> str:
        """Names go into messages for people: short and printable."""
        try:
            text = self._content[span[0] : min(span[1], span[0] + 4096)].decode()[:200]
        except UnicodeDecodeError:
            raise _WrongError(f"damaged: no text at byte {span[0]}; fetch it again") from None
        return text if text.isprintable() else repr(text)[1:-1]


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value
