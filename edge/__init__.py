"""icv-edge: the edge pipeline of an intelligent connected vehicle."""

import os

# onnxruntime's Linux wheels since 1.29 report to their maker unless this is set before they are imported.
# Every process of ours imports `edge` first, so this one line serves them all.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

__version__ = "0.1.0"
