"""Send answers in the ways that broken servers and networks do."""

from exporter.simulator.messages import Response
from exporter.simulator.wire import Wire


async def close(wire: Wire, response: Response) -> None:  # noqa: ARG001
    """Close the connection without an answer."""
    wire.close()
