"""`icv models table`."""

from __future__ import annotations

import argparse
import json


def configure(parser: argparse.ArgumentParser) -> None:
    """The options."""
    parser.add_argument("file", metavar="FILE.onnx", help="a model of your own")
    parser.add_argument("--json", action="store_true", help="print what the file says of itself as JSON")


def run(args: argparse.Namespace) -> int:
    """0. Raises ModelError if the file is no model that could be run."""
    from pathlib import Path

    from edge.vision.adapters import ORDER
    from edge.vision.model_file import judge, read
    from edge.vision.zoo import hash_of

    path = Path(args.file)
    file = judge(read(path), path)
    sizes = {
        what: {name: list(tensor.shape) for name, tensor in tensors.items()}
        for what, tensors in (("inputs", file.inputs), ("outputs", file.outputs))
    }
    facts = {"file": path.name, "sha256": hash_of(path), "bytes": path.stat().st_size} | sizes
    if args.json:
        print(json.dumps(facts, indent=2))
        return 0
    inputs, outputs = (
        ", ".join(f"{json.dumps(name)} = {shape}" for name, shape in sizes[what].items())
        for what in ("inputs", "outputs")
    )
    print(
        f"""\
[{json.dumps(path.stem)}]
file = {json.dumps(path.name)}
sha256 = "{facts["sha256"]}"
bytes = {facts["bytes"]}
role = "road"  # or "driver": which camera it is for
finds = ["objects"]  # of {", ".join(ORDER)}
adapter = "my_adapter.py:MyAdapter"  # beside this file; of YOLO exports "edge.vision.adapters.yolo:Yolo"
input = ""  # in words, for people
scale = 1.0  # what is fed is pixel (0 to 255) * scale + offset; for each channel: [r, g, b]
offset = 0.0
rgb = false  # true: red first
pad = 0  # grey level beside the picture
inputs = {{ {inputs} }}  # a size of 0 is not fixed in the file: write which you want
outputs = {{ {outputs} }}
kinds = []  # of detectors: one name for each class
min_score = 0.5
licence_code = ""
licence_weights = ""
own = true  # the file lies beside this one"""
    )
    return 0
