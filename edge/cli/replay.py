"""icv replay."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from edge.cli.dbc_option import databases_of, dbc_files

if TYPE_CHECKING:
    from edge.can.dbc import Database
    from edge.config import Camera, Config
    from edge.runtime.film import Film


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments."""
    parser.description = (
        "Run over a recording of ours (icv replay DRIVE.mcap), over files that others recorded "
        "(--video-road, --video-driver, --can with --dbc, --gnss), or over a scenario in its own time."
    )
    parser.add_argument("drive", nargs="?", metavar="DRIVE", help="a recording of ours")
    parser.add_argument("--from", dest="origin", choices=["messages", "raw"], default="messages",
                        help="with DRIVE: raw decodes CAN and sees the pictures again")  # fmt: skip
    parser.add_argument("--scenario", metavar="FILE", help="a scenario, e.g. configs/scenarios/highway.toml")
    parser.add_argument(
        "--video-road", metavar="FILE", help="a video, or a folder of pictures, of the road ahead"
    )
    parser.add_argument("--video-driver", metavar="FILE", help="a video of the driver")
    parser.add_argument("--can", metavar="LOG", help="a CAN log: candump, ASC, GVRET/SavvyCAN CSV, BLF, ...")
    parser.add_argument("--dbc", metavar="[BUS=]FILE", action="append", default=[],
                        help="what the log's frames mean; may be given for each bus")  # fmt: skip
    parser.add_argument(
        "--vehicle", metavar="FILE", help="a file of configs/vehicles (default: what fits the DBC)"
    )
    parser.add_argument(
        "--gnss", metavar="FILE", help="positions: NMEA text, or CSV with t_unix_s,latitude_deg,..."
    )
    parser.add_argument("--can-offset", type=float, default=0.0, metavar="S",
                        help="the log begins so many seconds after the videos")  # fmt: skip
    parser.add_argument(
        "--geometry", metavar="FILE", help="how the road camera sits, e.g. configs/cameras/generic.toml"
    )
    parser.add_argument(
        "--preset",
        metavar="NAME",
        help="networks for both: own, tiny, small or full, see configs/presets.toml (default: the best here)",
    )
    parser.add_argument("--models-road", metavar="A,B", help="networks for the road, in place of a preset's")
    parser.add_argument("--models-driver", metavar="A,B", help="networks for the driver (likewise)")
    parser.add_argument(
        "--models-dir", metavar="DIR", help="where downloaded models are (default: models/public)"
    )
    parser.add_argument("--config", metavar="FILE", help="rules, models and geometry from this config")
    parser.add_argument(
        "--pace", type=float, default=0.0, help="times real time; 0: as fast as possible (default)"
    )
    parser.add_argument("--drive-out", metavar="FILE", help="record this run")
    parser.add_argument(
        "--save-video", metavar="FILE", help="a film (.mp4 or .avi), or a directory of pictures"
    )
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")


NOT_WITH_DRIVE = (
    "dbc", "vehicle", "can_offset", "geometry", "preset", "models_road", "models_driver", "models_dir",
    "config", "drive_out",
)  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Replay; 1 if a recording is decided otherwise than it was."""
    from edge.config import UserError

    kinds = {
        "a recording": bool(args.drive),
        "a scenario": bool(args.scenario),
        "files": any((args.video_road, args.video_driver, args.can, args.gnss)),
    }
    chosen = [kind for kind, given in kinds.items() if given]
    if len(chosen) != 1:
        given = " and ".join(chosen) if chosen else "nothing"
        raise UserError(f"{given} given; give one of {', '.join(kinds)} (see icv replay --help)")
    if args.drive:
        useless = [name for name in NOT_WITH_DRIVE if getattr(args, name)]
        if useless:
            given = ", ".join("--" + name.replace("_", "-") for name in useless)
            raise UserError(f"{given}: not with a recording, which brings its own")
        return _recording(args)
    if args.origin == "raw":
        raise UserError("--from raw needs a recording; files and scenarios are always decoded and seen anew")
    return _fresh(args)


def _film(args: argparse.Namespace, simulated: bool, fps: float) -> Film | None:
    if not args.save_video:
        return None
    from edge.runtime.film import Film

    return Film(args.save_video, simulated, fps)


def _recording(args: argparse.Namespace) -> int:
    import sys

    from edge.cli.report import print_summary
    from edge.drives.reader import read_drive
    from edge.runtime.replay_drive import replay_drive
    from edge.runtime.summary import Progress

    drive = read_drive(args.drive)
    loud = not args.json and sys.stderr.isatty()
    pictures = max((drive.counts[f"camera/{camera}"] for camera in drive.cameras), default=0)
    fps = min(30.0, max(1.0, pictures / max(drive.duration_s, 1.0)))
    film = _film(args, drive.header.simulated, fps)
    outcome = replay_drive(
        drive,
        raw=args.origin == "raw",
        pace=args.pace,
        film=film,
        progress=lambda total: Progress(total, "replaying", loud),
    )
    if film is not None:
        film.close()
    more: dict[str, object] = {
        "simulated": drive.header.simulated,
        "digest": outcome.digest,
        "recorded_digest": outcome.recorded,
        "same": outcome.same,
        "outputs_compared": outcome.compared,
        "first_difference": outcome.first_difference,
        "problems": drive.problems,
    }
    lines = [f"trouble: {problem}" for problem in drive.problems]
    if outcome.again is not None:
        more["made_anew"], more["differ"] = outcome.again.made, outcome.again.differ
        lines += outcome.again.notes
        lines += [
            f"made anew: {n} {kind}, {outcome.again.differ.get(kind, 0)} differ"
            for kind, n in outcome.again.made.items()
        ]
    if not outcome.same:
        lines.append(f"DECIDED OTHERWISE: {outcome.first_difference or 'the digests differ'}")
    elif outcome.recorded is None:
        lines.append(
            f"digest {outcome.digest[:16]}; {outcome.compared} recorded outputs compared, all the same"
        )
    else:
        lines.append(
            f"the same decisions as recorded, digest {outcome.digest[:16]}, {outcome.compared} outputs"
        )
    if film is not None:
        lines.append(f"film {film.path}, {film.frames} pictures")
        if not film.frames:
            lines.append("the recording holds no pictures of the road camera: nothing was drawn")
    print_summary(outcome.summary, args.json, more, lines)
    return 0 if outcome.same else 1


def _fresh(args: argparse.Namespace) -> int:
    import sys

    from edge.cli.report import print_summary
    from edge.drives.header import source
    from edge.runtime.replay import Recorded, replay_files, replay_scenario
    from edge.runtime.setup import complete, dbc_role
    from edge.runtime.summary import Progress

    notes: list[str] = []
    config, beside, databases = _config(args, notes)
    setup = complete(config, beside, databases)
    fps = max((c.fps for c in config.cameras if c.role == "road"), default=20.0)
    loud = not args.json and sys.stderr.isatty()
    film = _film(args, setup.simulated, fps)
    drive_path = Path(args.drive_out) if args.drive_out else None

    def progress(total: float) -> Progress:
        return Progress(total, "replaying", loud)

    notes += setup.notes
    reader_missing = setup.reader().missing if databases else ()
    notes += [f"not in these DBC files: {missing}" for missing in reader_missing]
    if not args.json:
        print("\n".join(notes))
    if args.scenario:
        outcome = replay_scenario(
            setup,
            title=Path(args.scenario).stem,
            drive_path=drive_path,
            pace=args.pace,
            film=film,
            progress=progress,
        )
    else:
        files = [("can", args.can), ("gnss", args.gnss)]
        files += [(dbc_role(bus), path) for bus, path in dbc_files(args.dbc)]
        sources = [source(role, Path(path).resolve()) for role, path in files if path]
        outcome = replay_files(
            setup,
            Recorded(
                can=Path(args.can) if args.can else None,
                gnss=Path(args.gnss) if args.gnss else None,
                can_offset_s=args.can_offset,
            ),
            title="replay",
            drive_path=drive_path,
            pace=args.pace,
            film=film,
            sources=(*setup.sources(), *sources),
            progress=progress,
        )
    if film is not None:
        film.close()
    more: dict[str, object] = {
        "simulated": setup.simulated, "digest": outcome.digest, "drive": drive_path, "notes": notes,
        "film": film.path if film else None,
    }  # fmt: skip
    lines = ["SIMULATION: this drive is not real"] if setup.simulated else []
    lines.append(f"digest of all decisions {outcome.digest[:16]}")
    lines += [f"recorded in {drive_path}"] if drive_path else []
    lines += [f"film {film.path}, {film.frames} pictures"] if film else []
    print_summary(outcome.summary, args.json, more, lines)
    return 0


def _config(
    args: argparse.Namespace, notes: list[str]
) -> tuple[Config, Path, list[tuple[Database, str | None]] | None]:
    """The config of this replay, the file that its paths are relative to, and the DBC files given."""
    import msgspec

    from edge import config as cfg

    if args.scenario:
        beside = cfg.shipped("configs/demo.toml")
        config = cfg.read(args.config or beside, cfg.Config)
        config = msgspec.structs.replace(config, scenario=str(Path(args.scenario).resolve()))
        return config, Path(args.config) if args.config else beside, None
    databases = databases_of(args.dbc) if args.dbc else None
    base = cfg.read(args.config, cfg.Config) if args.config else None
    beside = Path(args.config) if args.config else Path.cwd() / "replay.toml"
    cameras = []
    for role, address in (("road", args.video_road), ("driver", args.video_driver)):
        if address:
            cameras.append(_camera(args, role, address, base, notes))
    perception = base.perception if base else cfg.Perception()
    if args.preset:
        perception = msgspec.structs.replace(perception, preset=args.preset)
    if args.models_dir:
        perception = msgspec.structs.replace(perception, directory=str(Path(args.models_dir).resolve()))
    vehicle = _vehicle(args, base, databases, notes)
    config = cfg.Config(
        name="replay",
        vehicle=vehicle,
        cameras=tuple(cameras),
        perception=perception,
        rules=base.rules if base else cfg.Rules(),
        recording=cfg.Recording(pictures="none"),
    )
    return config, beside, databases


def _vehicle(
    args: argparse.Namespace,
    base: Config | None,
    databases: list[tuple[Database, str | None]] | None,
    notes: list[str],
) -> str:
    from edge import config as cfg
    from edge.can.vehicle import match_vehicle

    if args.vehicle:
        return str(Path(args.vehicle).resolve())
    if base is not None:
        return str(cfg.resolve(base.vehicle, args.config))
    if databases:
        path, matched, total = match_vehicle(databases)
        if path is None:
            raise cfg.UserError(
                "no file in configs/vehicles fits these DBC files: write one that names their signals "
                "(see docs/vehicles.md), and give it with --vehicle"
            )
        notes.append(f"vehicle {path.stem}: {matched} of its {total} signals are in the DBC files")
        return str(path)
    if args.can:
        raise cfg.UserError("--can needs --dbc FILE: without it nothing is known of the frames' meaning")
    return str(cfg.shipped("configs/vehicles/unknown.toml"))


def _camera(
    args: argparse.Namespace, role: str, address: str, base: Config | None, notes: list[str]
) -> Camera:
    import msgspec

    from edge import config as cfg

    own = next((c for c in base.cameras if c.role == role), None) if base else None
    given = args.models_road if role == "road" else args.models_driver
    if given:
        models = tuple(given.split(","))
    elif args.preset:
        models = ()
    else:
        models = own.models if own else _models_here(args, role, notes)
    geometry = None
    if role == "road":
        if args.geometry:
            geometry = str(Path(args.geometry).resolve())
        elif own is not None and own.geometry:
            geometry = str(cfg.resolve(own.geometry, args.config))
    camera = own or cfg.Camera(name=role, role="road" if role == "road" else "driver", models=models)
    return msgspec.structs.replace(
        camera, kind="file", address=str(Path(address).resolve()), models=models, geometry=geometry
    )


OWN = {"road": ("icv-road",), "driver": ("icv-driver",)}


def _models_here(args: argparse.Namespace, role: str, notes: list[str]) -> tuple[str, ...]:
    """The richest preset all of whose networks are on this machine, else our own, said aloud."""
    from edge.runtime.begin import preset
    from edge.vision.zoo import ModelError, Zoo

    zoo = Zoo()
    for name in ("full", "small", "tiny"):
        models = preset(name).road if role == "road" else preset(name).driver
        try:
            for model in models:
                zoo.locate(model, args.models_dir)
        except ModelError:
            continue
        notes.append(f"{role} camera: {', '.join(models)}")
        return models
    notes.append(
        f"{role} camera: {OWN[role][0]}, our own small network; for real pictures the public ones are "
        "better, get them with icv models fetch --all"
    )
    return OWN[role]
