"""List the exchanges: a new one is a file here and a line in `EXCHANGES`."""

from exporter.exchange_api.base import Exchange
from exporter.exchanges import btcturk, trubit

EXCHANGES: dict[str, Exchange] = {
    exchange.name: exchange for exchange in (btcturk.EXCHANGE, trubit.EXCHANGE)
}
