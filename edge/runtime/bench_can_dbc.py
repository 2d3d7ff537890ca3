"""`icv bench can`, DBC files: loading them, beside cantools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edge.can.dbc import DbcError, read_dbc
from edge.clock import now_ns
from edge.runtime.bench import Figure
from edge.runtime.quantile import quantile

REPEATS = 3


def measure_dbc(paths: Sequence[Path], say: Callable[[str], None]) -> dict[str, Figure]:
    """Time for all files that cantools can load too, parsed and from the cache, in turns."""
    import cantools

    failed, both = 0, []
    for path in paths:
        try:
            read_dbc(path, cache=False)
        except DbcError as error:
            say(str(error))
            failed += 1
            continue
        try:
            cantools.database.load_file(path, strict=False)
        except (cantools.Error, ValueError, KeyError, UnicodeDecodeError):
            continue
        both.append(path)
        read_dbc(path)  # now it is in the cache
    say(f"loading {len(both)} DBC files, in turns with cantools ...")
    turns: dict[str, Callable[[Path], object]] = {
        "peer": lambda path: cantools.database.load_file(path, strict=False),
        "parse": lambda path: read_dbc(path, cache=False),
        "cache": read_dbc,
    }
    taken_ns: dict[str, list[int]] = {name: [] for name in turns}
    for _ in range(REPEATS):
        sums = dict.fromkeys(turns, 0)
        for path in both:
            for name, load in turns.items():
                begin_ns = now_ns()
                load(path)
                sums[name] += now_ns() - begin_ns
        for name, total in sums.items():
            taken_ns[name].append(total)
    ns = {name: quantile(sums, 0.5) for name, sums in taken_ns.items()}
    return {
        "dbc_failed": Figure(f"of {len(paths)} DBC files: those that do not load", failed, ""),
        "dbc_parse": Figure(
            f"loading {len(both)} DBC files, of cantools' time", ns["parse"] / ns["peer"], "x"
        ),
        "dbc_cache": Figure("the same from the cache", ns["cache"] / ns["peer"], "x"),
        "dbc_parse_ms": Figure("the same: ours", ns["parse"] / 1e6, "ms"),
        "dbc_peer_ms": Figure("the same: cantools", ns["peer"] / 1e6, "ms"),
    }
