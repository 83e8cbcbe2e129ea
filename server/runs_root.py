"""The folder of this server's runs."""

import os
from pathlib import Path

RUNS = Path(os.environ.get("ELBO_ROOM_RUNS") or "runs")
