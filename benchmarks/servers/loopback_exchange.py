"""Respond to every request with one prepared response of BtcTurk's, as cheaply as asyncio can."""

import asyncio
import sys
from email.utils import formatdate
from typing import cast

from benchmarks import balances

_NAMES = ("balance", "free", "locked", "orderFund", "requestFund")


def document(held: float) -> bytes:
    """Return a response with 300 assets, of which a share is held; amounts have a decimal comma."""
    rows = []
    for code, amounts in zip(balances.asset_codes(), balances.amounts(1, held), strict=False):
        total, free, locked = (amount.replace(".", ",") for amount in amounts)
        texts = zip(_NAMES, (total, free, locked, locked, "0"), strict=True)
        fields = ",".join(f'"{name}":"{text}"' for name, text in texts)
        rows.append(
            f'{{"asset":"{code}","assetname":"Coin of {code}",{fields},"precision":8,'
            f'"timestamp":1735866257711}}'
        )
    return f'{{"data":[{",".join(rows)}],"success":true,"message":"SUCCESS","code":0}}'.encode()


class _Connection(asyncio.Protocol):
    """Take whatever a client sends at once for a request, which it is for a small GET."""

    def __init__(self, response: bytes) -> None:
        self._response = response

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - every request is the same
        self._transport.write(self._response)


async def run() -> None:
    """Serve until standard input ends."""
    body = document(float(sys.argv[1]))
    head = f"HTTP/1.1 200 OK\r\nDate: {formatdate(usegmt=True)}\r\nContent-Length: {len(body)}\r\n"
    response = f"{head}Content-Type: application/json\r\n\r\n".encode() + body
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Connection(response), "127.0.0.1", 0)
    print("listening", server.sockets[0].getsockname()[1], len(body), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(run())
