"""Receive notifications that Alertmanager sends to webhooks."""

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Page = Mapping[str, Any]
"""A notification as Alertmanager sends it: `receiver`, `status`, `alerts` and more."""


@contextmanager
def webhook(receive: Callable[[Page], None]) -> Iterator[str]:
    """Pass on every notification, in its connection's thread; yield the webhook's address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receive(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def as_text(page: Page) -> str:
    """Return a notification as text for a terminal."""
    alerts = (f"{_said_of(alert)}\n" for alert in page["alerts"])
    return f"{page['status'].upper()}, to {page['receiver']}\n{''.join(alerts)}"


def _said_of(alert: Mapping[str, Any]) -> str:
    if alert["status"] == "resolved":
        return f"  {alert['labels']['alertname']} is over."
    text = f"{alert['labels']['alertname']}. {alert['annotations']['description']}"
    return textwrap.fill(text, 88, initial_indent="  ", subsequent_indent="  ")
