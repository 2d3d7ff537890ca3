"""`icv doctor`: what this machine has and lacks, and what to do about it."""

from __future__ import annotations

import argparse

HELP = "what this machine has and lacks, and what to do about it"
MARKS = {"ok": "ok", "missing": "--", "warning": "!!", "broken": "XX"}


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--directory",
        metavar="DIR",
        default="drives",
        help="where recordings shall go (default: %(default)s)",
    )


def run(args: argparse.Namespace) -> int:
    """0; 1 if something that everything needs is broken."""
    import msgspec

    from edge.runtime.machine import examine

    findings = examine(args.directory)
    broken = any(finding.state == "broken" for finding in findings)
    if args.json:
        print(msgspec.json.format(msgspec.json.encode({"ok": not broken, "findings": findings})).decode())
        return int(broken)
    topic = ""
    for finding in findings:
        if finding.topic != topic:
            topic = finding.topic
            print(topic)
        print(f"  {MARKS[finding.state]}  {finding.name}: {finding.found}")
        if finding.advice:
            print(f"      -> {finding.advice}")
    counts = ", ".join(f"{sum(finding.state == state for finding in findings)} {state}" for state in MARKS)
    print(
        f"\n{counts}   (ok: as it should be, --: not there, !!: worse than it could be, XX: must be mended)"
    )
    return int(broken)
