"""What one shard polls of a configuration: its accounts, its share of limits, its price sources."""

from structlog.testing import capture_logs

from exporter.config.loader import Config, parse
from exporter.config.reports import log_empty_shard
from exporter.config.shard_config import for_shard
from exporter.exchanges import EXCHANGES
from exporter.polling.shards import Shard

TEXT = """
accounts:
  - {name: one, exchange: btcturk, credentials: {api_key: a, api_secret: YQ==}}
  - {name: two, exchange: trubit, credentials: {token: b}}
  - {name: three, exchange: trubit, credentials: {token: c}}
valuation:
  currencies: [TRY, USDT]
  sources:
    - exchange: btcturk
    - {exchange: trubit, account: two, quotes: [{country: Mexico, from: MXN, to: USDT}]}
"""


def config() -> Config:
    return parse(TEXT, {})


def test_a_single_shard_polls_everything():
    assert for_shard(config(), Shard()) == config()


def test_a_limit_per_address_is_divided_and_one_per_account_is_not():
    before, after = config().requests_per_minute, for_shard(config(), Shard(0, 4))
    for name, limit in after.requests_per_minute.items():
        whole = EXCHANGES[name].has_limit_per_account
        assert limit == (before[name] if whole else before[name] // 4)


def test_a_shard_without_accounts_is_logged():
    whole = config()
    sharded = {shard: for_shard(whole, shard) for shard in (Shard(n, 50) for n in range(50))}
    with capture_logs() as lines:
        for shard, part in sharded.items():
            log_empty_shard(shard, part, whole)
    assert [(line["shard"], line["total_shards"], line["configured"]) for line in lines] == [
        (shard.number, 50, 3) for shard, part in sharded.items() if not part.accounts
    ]
    assert len(lines) >= 47


def test_a_price_source_goes_where_its_account_goes():
    for number in range(3):
        narrowed = for_shard(config(), Shard(number, 3))
        assert narrowed.valuation
        names = {source.name for source in narrowed.valuation.sources}
        polled = {account.name for account in narrowed.accounts}
        assert names == {"btcturk", *(["trubit:two"] if "two" in polled else [])}
