"""Send responses in the ways that broken servers and networks do.

Times are in seconds. The connection is closed afterwards unless stated otherwise.
"""

from exporter.simulator.messages import Response
from exporter.simulator.server import Deliver
from exporter.simulator.wire import Wire, send

_SPACES = b" " * 65_536
_SPACE_CHUNKS = b"1\r\n \r\n" * 8_192


async def close(wire: Wire, _response: Response) -> None:
    """Close without a response."""
    wire.close()


async def reset(wire: Wire, _response: Response) -> None:
    """Reset without a response."""
    wire.reset()


async def reset_in_head(wire: Wire, response: Response) -> None:
    """Reset in the middle of the headers."""
    await wire.send(_half(response.head()))
    await wire.pause(0.01)  # so that the client has read them
    wire.reset()


async def reset_in_body(wire: Wire, response: Response) -> None:
    """Reset in the middle of the body."""
    await wire.send(response.head() + _half(response.body))
    await wire.pause(0.01)
    wire.reset()


async def close_after(wire: Wire, response: Response) -> None:
    """Respond, and close the connection unannounced."""
    await send(wire, response)
    wire.close()


async def close_on_reuse(wire: Wire, response: Response) -> None:
    """Respond to the first request of a connection; close without a response at the second."""
    if wire.requests == 1:
        await send(wire, response)
    else:
        wire.close()


async def silence(wire: Wire, _response: Response) -> None:
    """Send nothing until the client leaves."""
    await wire.pause()


async def stall_in_head(wire: Wire, response: Response) -> None:
    """Send half of the headers, then nothing until the client leaves."""
    await wire.send(_half(response.head()))
    await wire.pause()


async def stall_in_body(wire: Wire, response: Response) -> None:
    """Send half of the body, then nothing until the client leaves."""
    await wire.send(response.head() + _half(response.body))
    await wire.pause()


def late(seconds: float) -> Deliver:
    """Return a fault that responds after a delay; the connection stays."""

    async def deliver(wire: Wire, response: Response) -> None:
        await wire.pause(seconds)
        await send(wire, response)

    return deliver


def drip(seconds: float) -> Deliver:
    """Return a fault that sends a byte at a time, this far apart; the connection stays."""

    async def deliver(wire: Wire, response: Response) -> None:
        for octet in response.head() + response.body:
            await wire.send(bytes([octet]))
            await wire.pause(seconds)

    return deliver


async def truncated(wire: Wire, response: Response) -> None:
    """Close in the middle of the body."""
    await wire.send(response.head() + _half(response.body))
    wire.close()


async def chunked(wire: Wire, response: Response) -> None:
    """Send the body in chunks of 1,000 bytes, as is allowed; the connection stays."""
    await wire.send(_chunked_head(response) + _chunks(response.body) + b"0\r\n\r\n")


async def truncated_chunks(wire: Wire, response: Response) -> None:
    """Close before the chunk that ends the body."""
    await wire.send(_chunked_head(response) + _chunks(response.body))
    wire.close()


async def bad_chunk(wire: Wire, response: Response) -> None:
    """Give a chunk a size that is not a number."""
    await wire.send(_chunked_head(response) + b"zz\r\n" + response.body + b"\r\n0\r\n\r\n")
    wire.close()


async def until_close(wire: Wire, response: Response) -> None:
    """Let the end of the connection end the body, as is allowed."""
    await wire.send(response.unframed_head() + response.body)
    wire.close()


async def short_length(wire: Wire, response: Response) -> None:
    """Declare half of the body's length and send all of it; the connection stays."""
    half = len(response.body) // 2
    await wire.send(response.adding(("Content-Length", str(half))).head() + response.body)


async def two_lengths(wire: Wire, response: Response) -> None:
    """Declare two lengths that contradict each other."""
    size = len(response.body)
    lengths = (("Content-Length", str(size)), ("Content-Length", str(size - 1)))
    await wire.send(response.adding(*lengths).head() + response.body)
    wire.close()


def declared(length: int) -> Deliver:
    """Return a fault that declares a length, and sends nothing after the body that there is."""

    async def deliver(wire: Wire, response: Response) -> None:
        head = response.adding(("Content-Length", str(length))).head()
        await wire.send(head + response.body)
        await wire.pause()

    return deliver


async def endless_body(wire: Wire, response: Response) -> None:
    """Send a body that goes on until the client leaves."""
    await wire.send(response.unframed_head())
    while True:
        await wire.send(_SPACES)


async def endless_chunks(wire: Wire, response: Response) -> None:
    """Send a body in chunks of a byte, which goes on until the client leaves."""
    await wire.send(_chunked_head(response))
    while True:
        await wire.send(_SPACE_CHUNKS)


async def endless_head(wire: Wire, response: Response) -> None:
    """Send headers that go on until the client leaves."""
    await wire.send(response.unframed_head()[:-2] + b"X-Endless: ")
    while True:
        await wire.send(_SPACES)


async def early_hints(wire: Wire, response: Response) -> None:
    """Send an informational response before the real one, as is allowed; the connection stays."""
    await wire.send(b"HTTP/1.1 103 Early Hints\r\nLink: </>; rel=preload\r\n\r\n")
    await send(wire, response)


def instead(data: bytes) -> Deliver:
    """Return a fault that sends something that is not the response."""

    async def deliver(wire: Wire, _response: Response) -> None:
        await wire.send(data)
        wire.close()

    return deliver


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _chunked_head(response: Response) -> bytes:
    return response.adding(("Transfer-Encoding", "chunked")).head()


def _chunks(body: bytes) -> bytes:
    pieces = (body[start : start + 1_000] for start in range(0, len(body), 1_000))
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
