"""Serve what prometheus_client's own HTTP server exposes, and obey the benchmark's commands."""

import sys
from collections.abc import Callable
from pathlib import Path

from prometheus_client import start_http_server


def serve(fill: Callable[[Path], None]) -> None:
    """Serve on a free port until standard input ends; `fill` takes over a file's balances."""
    server, _ = start_http_server(0, "127.0.0.1")
    print("listening", server.server_port, flush=True)
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "fill":
            fill(Path(arguments[0]))
        print("done", flush=True)
