"""Reduce a configuration to what one shard polls of it."""

from dataclasses import replace

from exporter.config.loader import Config
from exporter.exchanges import EXCHANGES
from exporter.polling.shards import Shard


def for_shard(config: Config, shard: Shard) -> Config:
    """Return what one shard polls of a configuration, and how often it may.

    A limit that an exchange counts per account is not divided. A price source that needs an account
    runs on that account's shard.
    """
    accounts = shard.select(config.accounts)
    names = {f"{account.exchange}:{account.name}" for account in accounts}
    valuation = config.valuation and replace(
        config.valuation,
        sources=tuple(
            source
            for source in config.valuation.sources
            if source.account is None or source.name in names
        ),
    )
    limits = {
        name: limit if EXCHANGES[name].has_limit_per_account else shard.share(limit)
        for name, limit in config.requests_per_minute.items()
    }
    return replace(config, accounts=accounts, requests_per_minute=limits, valuation=valuation)
