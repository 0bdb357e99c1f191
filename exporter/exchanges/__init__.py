"""List the exchanges: a new one is a file here and a line in `EXCHANGES`."""

from exporter.exchanges import btcturk, trubit
from exporter.exchanges.base import Exchange

EXCHANGES: dict[str, Exchange] = {
    exchange.name: exchange for exchange in (btcturk.EXCHANGE, trubit.EXCHANGE)
}
