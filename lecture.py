"""`make lecture`: serve the app to this network; print the audience's link, as a QR code too, and the presenter's.

Only the presenter starts runs; with ELBO_ROOM_AUDIENCE=3 the audience may have three small ones going, too.
"""

from __future__ import annotations

import os
import secrets
import socket
import sys
from pathlib import Path

import segno

from server.access import LECTURE
from server.lecture_link import PARAMETER, network_address

FIRST_PORT = 8501
CONNECTIONS = 8192


def main() -> None:
    address = network_address()
    if address is None:
        raise SystemExit("This machine is on no network; connect it to one, or use `make run`.")
    key = os.environ.get(LECTURE) or secrets.token_urlsafe(12)
    port = free_port()
    link = f"http://{address}:{port}/train"
    sys.stdout.write(f"\nThe audience: {link}\n\n")
    segno.make(link, error="m", micro=False).terminal(border=2, compact=True)
    sys.stdout.write(f"\nThe presenter, for nobody else's eyes: {link}?{PARAMETER}={key}\n\n")
    sys.stdout.flush()
    server = [
        "--server.address=0.0.0.0",
        f"--server.port={port}",
        f"--browser.serverAddress={address}",
        "--server.headless=true",
    ]
    app = str(Path(__file__).with_name("app.py"))
    os.environ[LECTURE] = key
    allow_connections()
    os.execv(sys.executable, [sys.executable, "-m", "streamlit", "run", app, *server])


def allow_connections() -> None:
    """Raise the limit of open files: browsers open six connections each, and some systems allow a process only 256."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = CONNECTIONS if hard == resource.RLIM_INFINITY else min(hard, CONNECTIONS)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def free_port() -> int:
    """The first free port from 8501 on."""
    for port in range(FIRST_PORT, FIRST_PORT + 100):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
    raise SystemExit(f"No port from {FIRST_PORT} to {FIRST_PORT + 99} is free; end another server first.")


if __name__ == "__main__":
    main()
