"""The frames of a log in the order of time, without holding all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from edge.can.frames import NONE, Frames, concat


def in_order(batches: Iterable[Frames], window_ns: int, late: Callable[[int], None]) -> Iterator[Frames]:
    """Batches sorted by time, equal times as in the file. What comes more than window_ns after its place is
    left out and told to `late`, as a count. A wild time moves nothing but its own frame."""
    held, given_ns = NONE, None
    for batch in batches:
        if not len(batch):
            continue
        if given_ns is not None:
            fine = batch.t_ns >= given_ns
            if not fine.all():
                late(int(len(batch) - fine.sum()))
                batch = batch[fine]
                if not len(batch):
                    continue
        held = sort_by_time(concat([held, batch]))
        settled_ns = int(np.median(batch.t_ns)) - window_ns
        cut = int(np.searchsorted(held.t_ns, settled_ns))
        if cut:
            given_ns = int(held.t_ns[cut - 1])
            yield held[:cut]
            held = held[cut:]
    if len(held):
        yield held


def sort_by_time(frames: Frames) -> Frames:
    """Sorted; equal times stay as they are."""
    if not (frames.t_ns[1:] < frames.t_ns[:-1]).any():
        return frames
    return frames[np.argsort(frames.t_ns, kind="stable")]
