"""`icv bench v2x`: codecs, receiving, security, the core's part and a full channel, beside their peers."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Sequence

from edge.clock import now_ns
from edge.config import UserError
from edge.runtime.bench import Figure, chosen
from edge.runtime.bench_v2x_channel import measure_channel
from edge.runtime.bench_v2x_codec import codec_figures
from edge.runtime.bench_v2x_core import core_figures
from edge.runtime.bench_v2x_receive import measure_receive
from edge.runtime.bench_v2x_security import security_figures
from edge.runtime.quantile import quantile

Say = Callable[[str], None]
IMPORTS = "edge.v2x.inlet, edge.v2x.sender, edge.v2x.links.udp"
SETS = "edge.v2x.voice_etsi, edge.v2x.voice_csae53"


def measure_v2x(only: Sequence[str] | None, seconds: float, say: Say) -> dict[str, Figure]:
    """All figures by name, or only those of some parts; the full channel is kept up for `seconds`.

    Raises UserError for a part that there is not, or for peers that are not installed.
    """
    missing = [
        p for p in ("asn1tools", "pycrate_asn1rt", "cryptography") if importlib.util.find_spec(p) is None
    ]
    if missing:
        raise UserError(f"{', '.join(missing)} not installed: pip install 'icv-edge[bench]'")
    parts: dict[str, Callable[[], dict[str, Figure]]] = {
        "import": lambda: measure_import(say),
        "codec": lambda: codec_figures(say),
        "receive": lambda: measure_receive(say),
        "security": lambda: security_figures(say),
        "core": lambda: core_figures(say),
        "channel": lambda: measure_channel(seconds, say),
    }
    figures: dict[str, Figure] = {}
    for measure in chosen(parts, only):
        figures |= measure()
    return figures


def measure_import(say: Say) -> dict[str, Figure]:
    """What importing the room takes in a new process, without the interpreter's own start."""
    say("importing edge.v2x")
    turns = [
        (_process("pass"), _process(f"import {IMPORTS}"), _process(f"import {IMPORTS}, {SETS}"))
        for _ in range(9)
    ]
    bare, room, sets = (quantile(taken, 0.5) / 1e6 for taken in zip(*turns, strict=True))
    return {
        "import_ms": Figure("importing edge.v2x: to hear, to speak, UDP", room - bare, "ms"),
        "import_sets_ms": Figure("  with the messages of ETSI and China", sets - bare, "ms"),
    }


def _process(text: str) -> int:
    began_ns = now_ns()
    subprocess.run([sys.executable, "-c", text], check=True)
    return now_ns() - began_ns
