"""What all verbs of `icv models` take, and how they print."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.config import Perception
    from edge.vision.zoo import Zoo


def zoo_options(parser: argparse.ArgumentParser, directory: str = "--models") -> None:
    """Which models, and where."""
    names = [directory, "--in"] if directory == "--models" else [directory]
    parser.add_argument(
        *names, dest="directory", metavar="DIR", help="of downloaded models (default: models/public)"
    )
    parser.add_argument(
        "--config",
        metavar="RIG",
        help="a rig: its [perception] says the zoo, the directory and on what networks run",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def perception_of(args: argparse.Namespace) -> Perception:
    """How networks run: as the rig says, or as it is without one. Raises ConfigError."""
    import msgspec

    from edge import config

    perception = config.Perception()
    if args.config:
        perception = config.placed(config.read(args.config, config.Config).perception, args.config)
    if args.directory:
        perception = msgspec.structs.replace(perception, directory=args.directory)
    return perception


def zoo_of(perception: Perception) -> Zoo:
    """The shipped models and those of the rig. Raises ConfigError."""
    from edge.vision.zoo import Zoo

    return Zoo(also=perception.zoo)


def chosen(zoo: Zoo, names: list[str]) -> list[str]:
    """The models of those names, or all. Raises ModelError, before anything is done, at a wrong one."""
    for name in names:
        zoo.entry(name)
    return names or list(zoo.entries)


def print_rows(rows: list[dict[str, Any]], as_json: bool) -> None:
    """One line for each model: state, name, detail."""
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        print(f"{row['state']:8} {row['name']:36} {row['detail']}")
