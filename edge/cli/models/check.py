"""`icv models check`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from edge.cli.models.option import chosen, perception_of, print_rows, zoo_of, zoo_options

if TYPE_CHECKING:
    from edge.config import Perception
    from edge.vision.golden import Golden
    from edge.vision.zoo import Zoo


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (default: all that are here)")
    zoo_options(parser)


def run(args: argparse.Namespace) -> int:
    """0; 1 if a model is not what it should be or says, or was named and is absent."""
    from edge.vision.golden import read_golden
    from edge.vision.zoo import ModelError, how_to_get

    perception = perception_of(args)
    zoo = zoo_of(perception)
    rows: list[dict[str, Any]] = []
    for name in chosen(zoo, args.names):
        entry = zoo.entry(name)
        if not entry.own and not zoo.place(name, perception.directory).exists():
            rows.append({"name": name, "state": "absent", "detail": how_to_get(name, entry)})
            continue
        try:
            golden = read_golden(zoo.folder(name) / "golden.json").get(name)
            rows.append({"name": name, **_checked(name, perception, zoo, golden)})
        except ModelError as error:
            rows.append({"name": name, "state": "wrong", "detail": str(error)})
    print_rows(rows, args.json)
    return int(any(row["state"] == "wrong" or (args.names and row["state"] == "absent") for row in rows))


def _checked(name: str, perception: Perception, zoo: Zoo, golden: Golden | None) -> dict[str, Any]:
    """Run a model once as a camera would open it; compare names, shapes and numbers. Raises ModelError."""
    import numpy as np

    from edge import clock
    from edge.vision.golden import ROUNDED, difference, feed
    from edge.vision.perceive import load
    from edge.vision.zoo import ModelError

    entry = zoo.entry(name)
    session, _ = load(name, zoo.locate(name, perception.directory), perception, zoo)
    for what, said, found in (
        ("inputs", entry.inputs, session.inputs),
        ("outputs", entry.outputs, session.outputs),
    ):
        if list(said) != list(found):
            raise ModelError(f"model {name}: its {what} are {list(found)}, the zoo says {list(said)}")
    pictures = feed(entry, session.inputs)
    began_ns = clock.now_ns()
    outputs = dict(zip(session.outputs, session.run(pictures), strict=True))
    took_ms = (clock.now_ns() - began_ns) / 1e6
    for label, shape in entry.outputs.items():
        found_shape = outputs[label].shape
        if len(found_shape) != len(shape) or any(
            size not in (0, found) for found, size in zip(found_shape, shape, strict=True)
        ):
            raise ModelError(
                f"model {name}: its output {label} is {tuple(found_shape)}, the zoo says {tuple(shape)}"
            )
        if outputs[label].dtype.kind == "f" and not np.isfinite(outputs[label]).all():
            raise ModelError(f"model {name}: its output {label} has numbers that are none (NaN or infinite)")
    ran = f"{', '.join(session.providers_used)}; one run {took_ms:.1f} ms"
    row: dict[str, Any] = {"state": "right", "run_ms": round(took_ms, 3), "notes": list(session.notes)}
    if golden is None or golden.sha256 != entry.sha256:
        row |= {"difference": None, "detail": f"{ran}; what it should say is not written down"}
    else:
        found_difference = difference(golden, outputs)
        if not found_difference.share <= ROUNDED:
            raise ModelError(
                f"model {name}: it loads, but says something else than it should: {found_difference.words}; "
                f"ran on {ran}: try another provider or backend, or onnxruntime of another version"
            )
        row |= {"difference": found_difference.share, "detail": f"{ran}; {found_difference.words}"}
    if session.notes:
        row["detail"] += "; " + "; ".join(session.notes)
    return row
