"""Log what is wrong with a configuration, what is suspicious, and what a reload changed."""

from collections.abc import Sequence

import structlog

from exporter.config.changes import Changes
from exporter.config.findings import Suspicion
from exporter.config.loader import Config, ConfigError
from exporter.polling.shards import Shard

log = structlog.get_logger(__name__)

_SHOWN = 20  # lines of a kind; there can be tens of thousands


def log_problems(error: ConfigError) -> None:
    """Log why a configuration is rejected."""
    for problem in error.shown(_SHOWN):
        log.error("configuration rejected, keeping the previous one", problem=problem)


def log_suspicions(suspicions: Sequence[Suspicion]) -> None:
    """Log what is allowed, and probably not meant."""
    for each in suspicions[:_SHOWN]:
        log.warning(each.event, **each.details, advice=each.advice)
    if more := len(suspicions[_SHOWN:]):
        log.warning("more warnings, which --config.check prints", warnings=more)


def log_empty_shard(shard: Shard, config: Config, whole: Config) -> None:
    """Log that none of the accounts of the whole configuration are on this shard."""
    if whole.accounts and not config.accounts:
        log.warning(
            "this shard has no accounts",
            shard=shard.number,
            total_shards=shard.total,
            configured=len(whole.accounts),
            advice="they are all on other shards; run fewer shards if that is not meant",
        )


def log_changes(changes: Changes, accounts: int) -> None:
    """Log what a reload changed; `accounts` are polled from now on."""
    log.info(
        "configuration reloaded",
        accounts=accounts,
        added=len(changes.added),
        removed=len(changes.removed),
        changed=len(changes.changed),
    )
    if changes.settings:
        log.info("settings changed", keys=", ".join(changes.settings))
    lines = [
        *(("account added", key, None) for key in changes.added),
        *(("account removed", key, None) for key in changes.removed),
        *(("account changed", key, ", ".join(keys)) for key, keys in changes.changed.items()),
    ]
    for event, key, keys in lines[:_SHOWN]:
        log.info(event, **key._asdict(), **({"keys": keys} if keys else {}))
    if len(lines) > _SHOWN:
        log.info("more accounts changed", accounts=len(lines) - _SHOWN)
