"""From a schema table to straight-line Python functions, in Unaligned PER (ITU-T X.691).

Every run of fields of fixed width, however deeply nested, becomes one range check, one advance and a few
shifts of one big int. Presence bitmaps, extension bits and indexes are such fields too. What a newer version
of a standard has added is skipped by its length, as X.691 intends. Clauses are those of X.691 (02/2021).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from edge.v2x.uper import support
from edge.v2x.uper.types import CodecError, Type
from edge.v2x.uper.values import fault

if TYPE_CHECKING:
    from edge.v2x.uper.columns import Columns
    from edge.v2x.uper.reader import Reader

_SUPPORT = {name: thing for name, thing in vars(support).items() if not name.startswith("__")}


class Codec:
    """The functions for one type, each made when it is first asked for.

    encode(value) -> bytes and decode(bytes) -> value raise CodecError and nothing else; decode refuses
    octets left over and padding that is not zero. encode_source, decode_source: what was generated, to read.
    """

    def __init__(self, name: str, kind: Type) -> None:
        self.name = name
        self.kind = kind

    def prepare(self) -> None:
        """Make all functions now (about 30 ms), so that no first message has to wait for them."""
        self.encode  # noqa: B018
        with suppress(CodecError):
            self.decode(b"")  # what is wrong goes to the careful one

    @cached_property
    def encode(self) -> Callable[[Any], bytes]:
        """One value to the octets of a message."""
        from edge.v2x.uper.writer import Writer  # the generators are asked for with the first function

        writer = Writer()
        self.encode_source = writer.function(self.kind, self.name)
        names = {**_SUPPORT, **writer.constants, "fault": fault, "KIND": self.kind}
        return _made(self.encode_source, self.name, names)

    @cached_property
    def decode(self) -> Callable[[bytes], Any]:
        """The octets of a message to a value."""
        from edge.v2x.uper.reader import Reader

        reader = Reader(fast=True)
        self.decode_source = reader.function(self.kind, self.name)
        return self._reading(
            self.decode_source, reader, lambda careful: careful.function(self.kind, self.name)
        )

    def peek(self, *paths: str) -> Callable[[bytes], tuple[Any, ...]]:
        """A function that decodes the members at these paths alone, "cam.generationDeltaTime" and the like.

        It gives their values in the order of the paths: None where a member is absent or within another
        alternative than the message has. What is in front of the last of them is passed over, what is behind
        is not looked at. It raises CodecError. A path that the type does not have is a KeyError here.
        """
        from edge.v2x.uper.reader import Reader

        reader = Reader(fast=True)
        source = reader.glance(self.kind, self.name, paths)
        return self._reading(source, reader, lambda other: other.glance(self.kind, self.name, paths))

    def columns(self, *paths: str) -> Columns:
        """The same for many messages at once, for members that stand where a few bits tell: see Columns."""
        from edge.v2x.uper.columns import Columns

        return Columns(self.kind, paths)

    def _reading(self, source: str, reader: Reader, again: Callable[[Reader], str]) -> Callable[[bytes], Any]:
        """The fast function, which turns to the careful one where something is not as it is most often."""

        @cache
        def careful() -> Callable[[bytes], Any]:
            from edge.v2x.uper.reader import Reader

            reader = Reader()
            source = again(reader)
            return _made(source, f"{self.name}, careful", {**_SUPPORT, **reader.constants})

        names = {**_SUPPORT, **reader.constants, "careful": lambda data: careful()(data)}
        return _made(source, self.name, names)


def _made(source: str, title: str, names: dict[str, Any]) -> Any:
    """The last function of the source."""
    exec(compile(source, f"<uper {title}>", "exec"), names)
    return names[source.rpartition("\ndef ")[2].removeprefix("def ").partition("(")[0]]
