"""An excerpt of a drive, which is a drive of its own."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edge.drives.header import DriveError, Excerpt
from edge.drives.reader import Drive
from edge.drives.writer import DriveWriter


def cut(drive: Drive, path: str | Path, from_s: float, to_s: float) -> int:
    """Write the inputs, raw data and pictures of [from_s, to_s) to a new file; returns the number of inputs.

    Seconds count from the start of the drive; times in the excerpt stay those of the original, inputs are
    numbered anew. The outputs are left out: its replay starts with a fresh core, which has not learnt what
    came before, so they would not be the same. Raises DriveError if there is nothing between the two times.
    """
    if drive.start_ns is None or not from_s < to_s or to_s <= 0 or from_s > drive.duration_s:
        raise DriveError(
            f"{drive.path}: nothing lies between {from_s:g} and {to_s:g} s; "
            f"the drive is {drive.duration_s:.1f} s long"
        )
    from_ns, to_ns = (drive.start_ns + round(seconds * 1e9) for seconds in (from_s, to_s))
    excerpt = Excerpt(of=drive.path.name, of_digest=drive.digest, from_s=from_s, to_s=to_s)
    inputs = 0
    with DriveWriter(path, msgspec.structs.replace(drive.header, excerpt=excerpt), drop=False) as writer:
        for message in drive.inputs():
            if from_ns <= message.t_ns < to_ns:
                writer.accept(message)
                inputs += 1
        for topic in drive.topics:
            if topic.startswith("camera/"):
                camera = topic.removeprefix("camera/")
                for picture in drive.pictures(camera):
                    if from_ns <= picture.t_ns < to_ns:
                        writer.raw_picture(camera, *picture)
            elif not topic.startswith(("in/", "out/")):
                for t_ns, data in drive.raw(topic):
                    if from_ns <= t_ns < to_ns:
                        writer.raw(topic, t_ns, data)
    if writer.failure:
        raise DriveError(writer.failure)
    return inputs
