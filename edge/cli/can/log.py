"""What the verbs that read a log share: its argument, progress, and what is said of it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.can.frames import Frames
    from edge.can.logs.reader import LogReader

FORMATS = (
    "candump, Vector ASC and BLF, PEAK TRC, GVRET/SavvyCAN CSV, MF4, pcap, pcapng, a drive of ours; .gz, .zst"
)


def log_argument(parser: argparse.ArgumentParser) -> None:
    """LOG."""
    parser.add_argument("log", metavar="LOG", help=FORMATS)


@contextmanager
def writing(log: LogReader, output: str) -> Iterator[Path]:
    """The path of the new file. Raises LogError if it cannot be written, now or later (a full disk), or is
    the log itself, which writing would destroy."""
    from edge.can.logs.files import is_same_file
    from edge.can.logs.report import LogError

    if is_same_file(Path(output), log.path):
        raise LogError(f"{output}: it is the log that is to be read: give the new file another name")
    try:
        yield Path(output)
    except OSError as error:
        raise LogError(f"{output}: cannot be written: {error.strerror or error}") from None


def with_progress(log: LogReader) -> Iterator[Frames]:
    """The batches of a log, with a bar on a terminal once it takes longer than two seconds."""
    from tqdm import tqdm

    shape = "{desc} {percentage:3.0f}% |{bar}| {elapsed} of about {remaining} more"
    hidden = not sys.stderr.isatty()
    with tqdm(total=1.0, desc=log.path.name, delay=2, leave=False, disable=hidden, bar_format=shape) as bar:
        for batch in log:
            yield batch
            bar.update(log.progress - bar.n)


def said_of(log: LogReader) -> dict[str, object]:
    """What reading it found, for programs."""
    report = log.report
    return {
        "bad_lines": report.bad_count,
        "bad": report.bad,
        "lost": report.lost,
        "time_backwards": report.backwards,
        "notes": report.notes,
    }


def troubles(log: LogReader) -> list[str]:
    """The same for people; nothing if all was well."""
    report = log.report
    lines = [f"  note      {note}" for note in report.notes]
    if report.lost:
        lines.append(f"  lost      {report.lost:,} frames were lost by what wrote the log, as it says")
    if report.backwards:
        first = report.first_backwards
        lines.append(f"  backwards time goes back {report.backwards:,} times, the first: {first}")
    if report.bad_count or report.bad:
        lines.append(f"  bad       {report.bad_count:,} lines or objects could not be read, the first:")
        lines += [f"            {line}" for line in report.bad]
    return lines
