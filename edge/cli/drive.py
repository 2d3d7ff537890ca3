"""`icv drive`: what a recording holds, an excerpt of it, and its content for other programs."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.drives.reader import Drive

HELP = "look into a recording, cut an excerpt from it, or export it"
FORMATS = ("csv", "json", "candump", "jpeg")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    verbs = parser.add_subparsers(dest="drive_verb", metavar="VERB", required=True)
    info = verbs.add_parser("info", help="what, when, how long, what was warned, what was lost")
    info.add_argument("file", metavar="FILE", help="a recording (.mcap)")
    info.add_argument("--json", action="store_true", help="print JSON")
    cut = verbs.add_parser("cut", help="an excerpt, which is a recording of its own")
    cut.add_argument("file", metavar="FILE", help="a recording (.mcap)")
    cut.add_argument(
        "--from", dest="from_s", metavar="S", type=float, default=0.0, help="seconds from the start"
    )
    cut.add_argument(
        "--to", dest="to_s", metavar="S", type=float, required=True, help="seconds from the start"
    )
    cut.add_argument("-o", "--output", metavar="OUT", required=True, help="the new file; it must not exist")
    cut.add_argument("--json", action="store_true", help="print JSON")
    export = verbs.add_parser("export", help="as files for other programs")
    export.add_argument("file", metavar="FILE", help="a recording (.mcap)")
    export.add_argument("-o", "--output", metavar="DIR", required=True, help="where the files go")
    export.add_argument(
        "--format",
        choices=FORMATS,
        default="csv",
        help="csv: signals and warnings; json: all messages; candump: raw CAN; jpeg: the pictures",
    )
    export.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """0; 1 if the recording is damaged or its digest is wrong."""
    from edge.drives.reader import read_drive

    verbs = {"info": _info, "cut": _cut, "export": _export}
    return verbs[args.drive_verb](read_drive(args.file), args)


def _info(drive: Drive, args: argparse.Namespace) -> int:
    found = summary(drive)
    if args.json:
        print(json.dumps(found, indent=2))
    else:
        print("\n".join(_lines(found)))
    return 0 if found["digest_agrees"] is not False and not (drive.complete and drive.problems) else 1


def summary(drive: Drive) -> dict[str, Any]:
    """All that `info` tells, as plain values; reads every message, no picture."""
    import msgspec

    from edge.drives.digest import Digest
    from edge.messages import Warning, decode

    start_ns = drive.start_ns or 0
    digest, warnings = Digest(), []
    for record in drive.records("out/"):
        digest.update_encoded(record.data)
        if record.topic == "out/Warning":
            warning = decode(record.data)
            if isinstance(warning, Warning):
                warnings.append({**msgspec.to_builtins(warning), "t_s": (warning.t_ns - start_ns) / 1e9})
    inputs = sum(1 for _ in drive.inputs())
    header = msgspec.to_builtins(drive.header)
    config, core_config = header.pop("config"), header.pop("core_config")
    return {
        "file": str(drive.path),
        **header,
        "config_bytes": len(config),
        "core_config_bytes": len(core_config),
        "complete": drive.complete,
        "duration_s": drive.duration_s,
        "messages": dict(sorted(drive.counts.items())),
        "inputs": inputs,
        "warnings": warnings,
        "losses": drive.losses,
        "gaps": _gaps(drive),
        "digest": drive.digest,
        "digest_agrees": None if drive.digest is None else drive.digest == digest.hexdigest(),
        "problems": drive.problems,
    }


def _gaps(drive: Drive) -> dict[str, int]:
    from edge.messages import Gap

    gaps: dict[str, int] = {}
    for gap in drive.messages(Gap):
        name = f"{gap.source}: {gap.reason}"
        gaps[name] = gaps.get(name, 0) + gap.count
    return gaps


def _lines(found: dict[str, Any]) -> list[str]:
    excerpt = found["excerpt"]
    lines = [
        f"{found['title']}{'   [SIMULATION]' if found['simulated'] else ''}",
        f"  file      {found['file']}",
        f"  started   {found['started_utc']}, {found['duration_s']:.1f} s long, "
        + ("complete" if found["complete"] else "CUT SHORT"),
    ]
    if excerpt:
        lines.append(f"  excerpt   {excerpt['from_s']:g} to {excerpt['to_s']:g} s of {excerpt['of']}")
    machine = found["machine"]
    lines.append(
        f"  made by   icv-edge {found['product']}, Python {machine.get('python')}, "
        f"onnxruntime {machine.get('onnxruntime')}, {machine.get('platform')}"
    )
    lines.append(f"  config    sha256 {found['config_sha256'][:16] or 'none'}")
    lines += [f"  model     {model['name']}, sha256 {model['sha256'][:16]}" for model in found["models"]]
    lines += [
        f"  source    {source['role']}: {source['path']}, {source['size_bytes']:,} bytes, "
        f"sha256 {source['sha256'][:16]}"
        for source in found["sources"]
    ]
    lines.append(
        "  messages  " + ", ".join(f"{topic} {count:,}" for topic, count in found["messages"].items())
    )
    lines.append(f"  warnings  {sum(w['active'] for w in found['warnings'])}")
    for warning in found["warnings"]:
        if warning["active"]:
            values = ", ".join(f"{name} {value:.3g}" for name, value in warning["values"].items())
            what = f"{warning['t_s']:9.2f} s  {warning['level']:<11} {warning['name']}: {warning['cause']}"
            lines.append(f"  {what}{f' ({values})' if values else ''}")
    lines += [f"  gap       {count:,} of {name}" for name, count in found["gaps"].items()]
    lines += [f"  lost      {count:,} {reason}" for reason, count in found["losses"].items()]
    agrees = {True: "agrees with the outputs", False: "DOES NOT AGREE with the outputs", None: ""}
    lines.append(f"  digest    {found['digest'] or 'none'}  {agrees[found['digest_agrees']]}".rstrip())
    lines += [f"  problem   {problem}" for problem in found["problems"]]
    return lines


def _cut(drive: Drive, args: argparse.Namespace) -> int:
    from edge.drives.cut import cut

    inputs = cut(drive, args.output, args.from_s, args.to_s)
    return _tell(args, drive, {"file": args.output, "inputs": inputs}, f"{args.output}: {inputs:,} inputs")


def _export(drive: Drive, args: argparse.Namespace) -> int:
    from edge.drives.export import export_csv, export_json, export_pictures
    from edge.drives.header import DriveError

    directory = Path(args.output)
    exports = {"csv": export_csv, "json": export_json, "jpeg": export_pictures, "candump": _export_candump}
    try:
        directory.mkdir(parents=True, exist_ok=True)
        paths = [str(path) for path in exports[args.format](drive, directory)]
    except OSError as error:
        raise DriveError(f"{error.filename or directory}: cannot be written: {error.strerror}") from None
    if not paths:
        print(f"icv drive: {drive.path}: nothing of this kind was recorded", file=sys.stderr)
    return _tell(args, drive, {"files": paths}, "\n".join(paths))


def _tell(args: argparse.Namespace, drive: Drive, found: dict[str, Any], text: str) -> int:
    for problem in drive.problems:
        print(f"icv drive: {drive.path}: {problem}", file=sys.stderr)
    if args.json:
        print(json.dumps({**found, "problems": drive.problems}))
    elif text:
        print(text)
    return 0


def _export_candump(drive: Drive, directory: Path) -> tuple[Path, ...]:
    """can.log as `candump -L` writes it, stamped with the seconds since the start of the drive."""
    from edge.can.frames import Frames

    if not any(topic.startswith("can/") for topic in drive.topics):
        return ()
    path = directory / "can.log"
    damaged = 0
    with path.open("w", encoding="ascii") as file:
        for record in drive.records("can/"):
            bus = record.topic.removeprefix("can/")
            try:
                frames = Frames.from_bytes(record.data)
            except ValueError:
                damaged += 1
                continue
            for i in range(len(frames)):
                t_s = (int(frames.t_ns[i]) - (drive.start_ns or 0)) / 1e9
                what = _candump(
                    int(frames.id[i]), int(frames.flags[i]), int(frames.length[i]), frames.payload(i)
                )
                file.write(f"({t_s:017.6f}) {bus} {what}\n")
    if damaged:
        drive.problems.append(f"{damaged} batches of raw CAN frames are damaged and were left out")
    return (path,)


def _candump(can_id: int, flags: int, length: int, payload: bytes) -> str:
    """One frame in the notation of can-utils: 123#1122, 123#R2, 123##1aabb; error frames have bit 29 set."""
    from edge.can.frames import BRS, ERROR, ESI, EXTENDED, FD, REMOTE

    if flags & ERROR:
        return f"{can_id | 0x20000000:08X}#{payload.hex().upper()}"
    name = f"{can_id:08X}" if flags & EXTENDED else f"{can_id:03X}"
    if flags & FD:
        return f"{name}##{bool(flags & BRS) | bool(flags & ESI) << 1:X}{payload.hex().upper()}"
    if flags & REMOTE:
        return f"{name}#R{length or ''}"
    return f"{name}#{payload.hex().upper()}"
