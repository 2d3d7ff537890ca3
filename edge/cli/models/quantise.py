"""`icv models quantise`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from edge.cli.models.option import perception_of, zoo_of, zoo_options


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("name", metavar="NAME", help="as `icv models list` names it")
    parser.add_argument(
        "--pictures",
        metavar="DIR",
        required=True,
        help="pictures of what it will see, 20 at least, 96 at best",
    )
    parser.add_argument(
        "--to", metavar="FOLDER", default=".", help="where the model and its zoo file go (default: here)"
    )
    zoo_options(parser)


def run(args: argparse.Namespace) -> int:
    """0. Raises ModelError if the result is refused."""
    import msgspec

    from edge.config import UserError
    from edge.vision.quantise import quantise

    perception = perception_of(args)
    pictures = Path(args.pictures).expanduser()
    if not pictures.is_dir():
        raise UserError(f"--pictures {pictures}: no such directory")
    result = quantise(
        args.name,
        pictures,
        Path(args.to).expanduser(),
        perception.directory,
        zoo_of(perception),
    )
    if args.json:
        print(json.dumps(msgspec.to_builtins(result) | {"zoo": str(result.zoo)}, indent=2))
        return 0
    print(f"{result.name}: {result.zoo.with_suffix('.onnx')}, {result.speed:.2f} of the float network's time")
    for what, share in (("boxes, F1", result.boxes), ("maps, IoU", result.maps)):
        if share is not None:
            print(f"  of what that one finds ({what}): {share:.3f}, on {result.pictures} pictures")
    print(f'  to use it: [perception] zoo = "{result.zoo}", and models = ["{result.name}"] of a camera')
    return 0
