"""`python -m bench [KIND …]`: run benchmarks, print their tables, keep the numbers as JSON."""

from __future__ import annotations

import importlib
import json
import platform
import sys
import time
from pathlib import Path

KINDS = ("elbo", "followers", "kl", "large", "latency", "live", "loading", "room", "scale", "training")
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    chosen = sys.argv[1:] or KINDS
    if unknown := sorted(set(chosen) - set(KINDS)):
        raise SystemExit(f"There is no benchmark {unknown[0]!r}; choose from {', '.join(KINDS)}.")
    numbers = {kind: importlib.import_module(f"bench.{kind}").main() for kind in chosen}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / time.strftime("%Y-%m-%d-%H%M%S.json")
    path.write_text(json.dumps({"machine": platform.platform(), **numbers}, indent=1))
    print(f"\nWritten to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


main()
