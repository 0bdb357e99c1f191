"""Follow a request through its phases, to explain a failure by where it happened."""

import asyncio
from collections.abc import Mapping
from typing import Any

from exporter.errors import PollError, PollTimeoutError, TlsError
from exporter.runtime.clock import Clock

READING = "reading the response"

_PHASES = {
    "connection.connect_tcp": "connect",
    "connection.start_tls": "tls",
    "proxy.start_tls": "tls",
    "http11.receive_response_headers": "wait",
    "http11.receive_response_body": "read",
}


class Progress:
    """Record how far one request came, and the seconds of each phase, from httpcore's trace."""

    __slots__ = (
        "_clock", "_started", "_stream", "_turns", "address", "connected", "in_handshake",
        "is_early", "phases", "stage",
    )  # fmt: skip

    def __init__(self, clock: Clock) -> None:
        """Start before the request has a connection."""
        self._clock = clock
        self._started: dict[str, float] = {}
        self._stream: Any = None
        self._turns = 0
        self.address = ""
        self.phases: dict[str, float] = {}
        self.connected = False
        self.in_handshake = False
        self.is_early = False
        self.stage = "waiting for a connection"

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take in a trace event: https://www.encode.io/httpcore/extensions/#trace."""
        name, _, moment = event.rpartition(".")
        self._measure(name, moment)
        if event == "connection.connect_tcp.started":
            self.connected = True
            self.stage = "connecting"
        elif event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif name in {"connection.start_tls", "proxy.start_tls"} and moment != "failed":
            self.in_handshake = moment == "started"
            self.is_early = False  # what came before was a proxy's
        elif event == "http11.receive_response_headers.started":
            self.stage = "waiting for a response"
            self._turns = 0
            self._count_turn()
        elif event == "http11.receive_response_headers.complete":
            # Bytes that had been read before, unrequested, are there within one turn of the loop.
            # What the socket still has to give takes two; none is used whose socket had any.
            self.is_early = self._turns < 3
        elif event == "http11.receive_response_body.started":
            self.stage = READING

    def timed_out(self) -> PollError:
        """Return the error for a request that was given up on where it is now."""
        if self.in_handshake:
            return TlsError("the TLS handshake did not complete in time")
        return PollTimeoutError(f"no complete response in time ({self.stage})")

    async def aclose(self) -> None:
        """Close a connection whose handshake did not end; httpcore leaves it when cancelled."""
        if self.in_handshake:
            await self._stream.aclose()

    def _measure(self, name: str, moment: str) -> None:
        phase = _PHASES.get(name)
        if phase is None:
            return
        now = self._clock.monotonic()
        if moment == "started":
            self._started[phase] = now
        elif phase in self._started:
            self.phases[phase] = self.phases.get(phase, 0.0) + now - self._started.pop(phase)

    def _count_turn(self) -> None:
        self._turns += 1
        if self._turns < 3:
            asyncio.get_running_loop().call_soon(self._count_turn)
