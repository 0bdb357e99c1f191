"""Respond to every request with a prepared response of BtcTurk's, as cheaply as asyncio can.

A request for `CHANGING` gets balances that changed since the one before, any other the same.
"""

import asyncio
import sys
from collections.abc import Sequence
from email.utils import formatdate
from itertools import cycle
from typing import cast

from benchmarks import balances

CHANGING = "/changing"
_UPDATED_MS = 1735866257711
_NAMES = ("balance", "free", "locked", "orderFund", "requestFund")


def document(held: float, updated_ms: int = _UPDATED_MS) -> bytes:
    """Return a response with 300 assets, of which a share is held; amounts have a decimal comma."""
    rows = []
    for code, amounts in zip(balances.asset_codes(), balances.amounts(1, held), strict=False):
        total, free, locked = (amount.replace(".", ",") for amount in amounts)
        texts = zip(_NAMES, (total, free, locked, locked, "0"), strict=True)
        fields = ",".join(f'"{name}":"{text}"' for name, text in texts)
        rows.append(
            f'{{"asset":"{code}","assetname":"Coin of {code}",{fields},"precision":8,'
            f'"timestamp":{updated_ms}}}'
        )
    return f'{{"data":[{",".join(rows)}],"success":true,"message":"SUCCESS","code":0}}'.encode()


class _Connection(asyncio.Protocol):
    """Take whatever a client sends at once for a request, which it is for a small GET."""

    def __init__(self, responses: Sequence[bytes]) -> None:
        self._same, self._changing = responses[0], cycle(responses)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        is_changing = CHANGING.encode() in data
        self._transport.write(next(self._changing) if is_changing else self._same)


async def run() -> None:
    """Serve until standard input ends."""
    bodies = [document(float(sys.argv[1]), _UPDATED_MS + change) for change in (0, 1)]
    size = len(bodies[0])
    head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Length: {size}\r\n"
    responses = [f"{head}Content-Type: application/json\r\n\r\n".encode() + body for body in bodies]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(responses), "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], size, flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(run())
