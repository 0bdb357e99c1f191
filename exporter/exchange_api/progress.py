"""Follow a request through its phases, to explain a failure by where it happened."""

import asyncio
from collections.abc import Mapping
from typing import Any

from exporter.errors import PollError, PollTimeoutError, TlsError

READING = "reading the response"


class Progress:
    """Record how far one request came, from the trace events of httpcore."""

    __slots__ = ("_stream", "_turns", "connected", "in_handshake", "is_early", "stage")

    def __init__(self) -> None:
        """Start before the request has a connection."""
        self._stream: Any = None
        self._turns = 0
        self.connected = False
        self.in_handshake = False
        self.is_early = False
        self.stage = "waiting for a connection"

    async def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Take in a trace event: https://www.encode.io/httpcore/extensions/#trace."""
        if event == "connection.connect_tcp.started":
            self.connected = True
            self.stage = "connecting"
        elif event == "connection.connect_tcp.complete":
            self._stream = info["return_value"]
        elif event == "connection.start_tls.started":
            self.in_handshake = True
        elif event == "connection.start_tls.complete":
            self.in_handshake = False
        elif event == "http11.receive_response_headers.started":
            self.stage = "waiting for a response"
            self._count_turn()
        elif event == "http11.receive_response_headers.complete":
            # Bytes that had been read before, unrequested, are there within one turn of the loop;
            # what the socket still has to give takes two, and httpcore uses no socket that had any.
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

    def _count_turn(self) -> None:
        self._turns += 1
        if self._turns < 3:
            asyncio.get_running_loop().call_soon(self._count_turn)
