"""The stand-ins for hardware lie beside the tests of the room that they belong to."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "vision"))
sys.path.insert(0, str(Path(__file__).parents[1] / "v2x"))
