"""Say what one configuration changes in another, without a value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from exporter.config.loader import Config
from exporter.model import Account, AccountKey


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed: accounts that came and went, keys of those that stayed, other settings."""

    added: tuple[AccountKey, ...]
    removed: tuple[AccountKey, ...]
    changed: Mapping[AccountKey, tuple[str, ...]]
    settings: tuple[str, ...]


def find_changes(before: Config, after: Config) -> Changes:
    """Return what changed from one configuration to the next."""
    old = {account.key: account for account in before.accounts}
    new = {account.key: account for account in after.accounts}
    differing = {key: tuple(_keys(old[key], new[key])) for key in new if key in old}
    return Changes(
        added=tuple(key for key in new if key not in old),
        removed=tuple(key for key in old if key not in new),
        changed={key: keys for key, keys in differing.items() if keys},
        settings=tuple(_settings(before, after)),
    )


def _keys(before: Account, after: Account) -> Iterator[str]:
    """Yield the keys, as the configuration has them, in which two accounts differ."""
    for field in fields(Account):
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old == new:
            continue
        if field.name in {"credentials", "labels"}:
            yield from (f"{field.name}.{name}" for name in _differing(old, new))
        elif field.name == "network":
            names = [each.name for each in fields(old)]
            yield from (f"network.{n}" for n in names if getattr(old, n) != getattr(new, n))
        else:
            yield "thresholds" if field.name == "value_thresholds" else field.name


def _differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys((*before, *after))
    return [name for name in names if before.get(name) != after.get(name)]


def _settings(before: Config, after: Config) -> Iterator[str]:
    limits = _differing(before.requests_per_minute, after.requests_per_minute)
    yield from (f"exchanges.{name}.requests_per_minute" for name in limits)
    if set(before.retired) != set(after.retired):
        yield "retired"
    if before.valuation != after.valuation:
        yield "valuation"
