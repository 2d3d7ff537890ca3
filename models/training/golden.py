"""Writes models/golden.json: what plain ONNX Runtime says to the golden pictures, on the CPU, in float32.

    python models/training/golden.py --models DIR

DIR holds the public models. The sessions are those of onnxruntime itself with its defaults, not ours, so that
`icv models check` compares us with somebody else. Models whose file is not at hand keep what they have.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime

from edge.vision.adapters import Tensor
from edge.vision.golden import feed, numbers
from edge.vision.zoo import ModelError, Zoo


def main() -> None:
    """Reads the arguments and writes the file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", metavar="DIR", help="of downloaded models (default: models/public)")
    directory = parser.parse_args().models
    zoo = Zoo()
    path = Path(zoo.path).with_name("golden.json")
    golden = json.loads(path.read_text()) if path.exists() else {}
    golden = {name: said for name, said in golden.items() if name in zoo.entries}
    for name, entry in zoo.entries.items():
        try:
            file = zoo.locate(name, directory)
        except ModelError as error:
            print(f"{name}: left as it was: {error}", file=sys.stderr)
            continue
        session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
        inputs = {
            node.name: Tensor(
                tuple(size if isinstance(size, int) else 0 for size in node.shape),
                np.dtype({"tensor(uint8)": "uint8"}.get(node.type, "float32")),
            )
            for node in session.get_inputs()
        }
        outputs = session.run(None, feed(entry, inputs))
        golden[name] = {
            "sha256": entry.sha256,
            "outputs": {
                node.name: [float(f"{value:.6g}") for value in numbers(output)]
                for node, output in zip(session.get_outputs(), outputs, strict=True)
            },
        }
    models = [
        f'"{name}": {{"sha256": "{said["sha256"]}", "outputs": {{\n'
        + ",\n".join(f'  "{output}": {json.dumps(values)}' for output, values in said["outputs"].items())
        + "\n}}"
        for name, said in sorted(golden.items())
    ]
    path.write_text("{\n" + ",\n".join(models) + "\n}\n")


if __name__ == "__main__":
    main()
