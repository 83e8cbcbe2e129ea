"""`python -m vae`: the command line of `vae.cli`."""

from __future__ import annotations

import sys

from vae.cli import main

if __name__ == "__main__":
    code = main()
    if "torch.distributed" in sys.modules:
        from vae.training import distributed

        distributed.leave(code)
    sys.exit(code)
