"""Poll through a proxy in a network of its own; run by a test, inside a network namespace."""

import asyncio
import json
import sys
from pathlib import Path

import trustme

from exporter.simulator import Simulator, no_limits
from tests.exchange_api.proxies import connect_proxy
from tests.faults.relay import relay_to, server_context

SOURCE, EXCHANGE = "192.0.2.10", "btcturk"

_CONFIG = """
accounts:
  - name: treasury
    exchange: {exchange}
    base_url: https://127.0.0.1:{port}
    credentials: {credentials}
    network:
      proxy_url: http://exporter:${{PROXY_PASSWORD}}@127.0.0.1:{proxy}
      ca_file: ca.pem
      source_address: {source}
      ip_family: ipv4
"""


async def main(folder: Path) -> None:
    """Print what the command `poll` printed, and what the proxy saw."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    tls = server_context(authority.issue_cert("127.0.0.1"))
    async with (
        Simulator(limits=no_limits()) as simulator,
        relay_to(simulator.url, tls=tls) as relay,
        connect_proxy("exporter", "p@ss:word") as proxy,
    ):
        account = simulator.add_account(exchange=EXCHANGE, name="treasury")
        config = _CONFIG.format(
            exchange=EXCHANGE,
            port=relay.port,
            credentials=json.dumps(dict(account.credentials)),
            proxy=proxy.port,
            source=SOURCE,
        )
        (folder / "config.yaml").write_text(config)
        polling = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "exporter", "poll", "--format=json"),
            f"--config.file={folder / 'config.yaml'}",
            env={"PROXY_PASSWORD": "p@ss:word", "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, log = await asyncio.wait_for(polling.communicate(), 60)
    seen: dict[str, object] = {
        "status": polling.returncode,
        "peers": proxy.peers,
        "requests": proxy.seen,
    }
    seen |= {"proxy": f"127.0.0.1:{proxy.port}", "relay": f"127.0.0.1:{relay.port}"}
    print(json.dumps(seen | {"poll": json.loads(out or b"{}"), "log": log.decode()}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
