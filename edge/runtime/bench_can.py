"""`icv bench can`: all that is measured of CAN, each figure beside its peer."""

from __future__ import annotations

import gc
import gzip
import importlib.util
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from edge.can.logs.writer import write_log
from edge.config import UserError, shipped
from edge.runtime.bench import Figure, chosen
from edge.runtime.bench_can_dbc import measure_dbc
from edge.runtime.bench_can_decode import measure_decode, synthetic
from edge.runtime.bench_can_e2e import measure_e2e
from edge.runtime.bench_can_files import measure_files, measure_memory, measure_mf4
from edge.runtime.bench_can_play import measure_play
from edge.runtime.bench_can_receive import measure_receive, measure_slcan

Say = Callable[[str], None]


class Material(msgspec.Struct, frozen=True):
    """What is measured on: a plain candump log with the DBC file of each bus, all DBC files there are, and an
    MF4 log with its DBC file, if there is one."""

    log: Path
    dbc_files: tuple[tuple[Path, str], ...]
    every_dbc: tuple[Path, ...]
    mf4: tuple[Path, Path] | None


def measure_can(data: str | None, only: Sequence[str] | None, say: Say) -> dict[str, Figure]:
    """All figures by name, or only those of some parts. data: a folder of real logs; None: a log is made up.

    Raises UserError for a part that there is not, or for peers that are not installed.
    """
    missing = [peer for peer in ("cantools", "asammdf", "e2e") if importlib.util.find_spec(peer) is None]
    if missing:
        raise UserError(f"{', '.join(missing)} not installed: pip install 'icv-edge[bench]'")
    with tempfile.TemporaryDirectory() as folder:
        material = _real(Path(data), Path(folder)) if data else _made_up(Path(folder), say)
        parts: dict[str, Callable[[], dict[str, Figure]]] = {
            "decode": lambda: measure_decode(material.log, material.dbc_files, say),
            "files": lambda: measure_files(material.log, material.dbc_files, say),
            "mf4": lambda: measure_mf4(*material.mf4, say) if material.mf4 else {},
            "dbc": lambda: measure_dbc(material.every_dbc, say),
            "receive": lambda: measure_receive(say),
            "slcan": lambda: measure_slcan(say),
            "e2e": lambda: measure_e2e(say),
            "play": lambda: measure_play(say),
            "memory": lambda: measure_memory(material.log, material.dbc_files, say),
        }
        figures: dict[str, Figure] = {}
        for measure in chosen(parts, only):
            gc.collect()
            gc.freeze()  # what earlier parts left must not cost a peer, which makes many objects
            figures |= measure()
    return figures


def _real(data: Path, folder: Path) -> Material:
    toyota, truck = data / "toyota_rav4", data / "j1939_truck"
    if not (toyota / "drive.log.gz").is_file():
        raise UserError(
            f"{data}: no toyota_rav4/drive.log.gz in it: docs/benchmarks.md says what belongs there"
        )
    log = folder / "drive.log"
    log.write_bytes(gzip.decompress((toyota / "drive.log.gz").read_bytes()))
    mf4 = (truck / "drive.mf4", truck / "j1939_demo.dbc")
    return Material(
        log,
        ((toyota / "powertrain.dbc", "can0"), (toyota / "adas.dbc", "can1")),
        (*_opendbc(), *sorted(data.rglob("*.dbc"))),
        mf4 if mf4[0].is_file() else None,
    )


def _made_up(folder: Path, say: Say) -> Material:
    say("no --data: the log is made up from simulated.dbc")
    dbc = Path(shipped("configs/vehicles/simulated.dbc"))
    log = folder / "made-up.log"
    write_log(log, [synthetic(dbc)], ["can0"])
    return Material(log, ((dbc, "can0"),), (*_opendbc(), dbc), None)


def _opendbc() -> list[Path]:
    """The files of the package opendbc, where it is installed."""
    found = importlib.util.find_spec("opendbc")
    return sorted(Path(found.origin).parent.rglob("*.dbc")) if found and found.origin else []
