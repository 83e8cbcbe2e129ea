"""Where the runs of this server lie."""

import os
from pathlib import Path

RUNS = Path(os.environ.get("ELBO_ROOM_RUNS") or "runs")
