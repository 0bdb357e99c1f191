"""Say what an exchange lacks that every exchange needs."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from exporter.exchange_api.base import Exchange
from exporter.model import BalancesResponse
from exporter.simulator import Exchange as Simulated
from exporter.simulator import simulated_exchanges

RECORDED = Path(__file__).parents[1] / "data" / "responses"


def complaints(
    exchange: Exchange,
    *,
    recorded: Path = RECORDED,
    simulated: Mapping[str, type[Simulated]] | None = None,
) -> list[str]:
    """Return all that is missing, or wrong with the recorded responses, in words."""
    twins = simulated_exchanges() if simulated is None else simulated
    return [f"{exchange.name}: {text}" for text in _complaints(exchange, recorded, twins)]


def _complaints(
    exchange: Exchange, recorded: Path, twins: Mapping[str, type[Simulated]]
) -> Iterator[str]:
    if exchange.name not in twins:
        yield "not simulated, see exporter/simulator/exchanges"
        return
    files = sorted((recorded / exchange.name).glob("*.json"))
    if not files:
        yield f"no recorded response in {recorded / exchange.name}"
    for file in files:
        response = exchange.parse_balances(file.read_bytes())
        yield from (f"{file.name}: {text}" for text in _wrong(response, exchange))
        rows = twins[exchange.name]().rows_of(file.read_bytes()) or ()
        if len(rows) != len(response.balances) + len(response.rejected):
            yield f"{file.name}: its twin reads {len(rows)} rows"


def _wrong(response: BalancesResponse, exchange: Exchange) -> Iterator[str]:
    if any(balance.asset != exchange.spell(balance.asset) for balance in response.balances):
        yield "an asset is not spelled as `spell` says"
    if response.rejected:
        yield "rows are dropped"
    if not any(balance.total.strip("-0.") for balance in response.balances):
        yield "no balance is other than zero"
