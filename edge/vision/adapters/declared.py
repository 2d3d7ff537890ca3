"""Whether a model's table in the zoo fits its adapter, said before anything runs."""

from __future__ import annotations

from edge.vision.zoo import Entry, ModelError

MANY = 1 << 31  # the end of a range of sizes that has none


def check_outputs(entry: Entry, *shapes: tuple[int | range | None, ...]) -> None:
    """Raises ModelError unless the entry's outputs have these shapes.

    A size is a number, a range of numbers, or None for any; 0 in the entry is a size that is not fixed.
    """
    said = list(entry.outputs.values())
    if len(said) != len(shapes) or not all(map(_fits, said, shapes)):
        raise ModelError(
            f"{entry.file}: its outputs {', '.join(map(str, said)) or 'none'} are not what {entry.adapter} "
            f"reads: {', '.join(map(_words, shapes))}; check outputs and adapter in its table"
        )


def _fits(said: tuple[int, ...], shape: tuple[int | range | None, ...]) -> bool:
    return len(said) == len(shape) and all(
        size == 0 or want is None or (size in want if isinstance(want, range) else size == want)
        for size, want in zip(said, shape, strict=True)
    )


def _words(shape: tuple[int | range | None, ...]) -> str:
    sizes = ("any" if s is None else f"{s.start} or more" if isinstance(s, range) else str(s) for s in shape)
    return f"({', '.join(sizes)})"
