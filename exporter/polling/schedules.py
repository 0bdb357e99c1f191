"""Compute how often accounts are polled within the rate limit that they share."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from exporter.credentials import SecretSource
from exporter.exchange_api.network import api_host
from exporter.exchanges import EXCHANGES
from exporter.model import Account, AccountKey
from exporter.polling.endpoint import EndpointKey
from exporter.polling.rate_limit import stretch
from exporter.polling.snapshots import PollSchedule

STALE_INTERVALS = 3
"""Paced intervals, plus the timeout, after which balances are stale unless configured."""

_MOST_BETWEEN_STARTS = 1.0  # seconds: a few accounts should not wait for their first poll

Egresses = Mapping[SecretSource, str]
"""The egress path by each proxy, whose URL is a secret, as its label."""


def endpoint_key(account: Account, egresses: Egresses) -> EndpointKey:
    """Return what names the limit that an account is polled within."""
    network = account.network
    forced = network.ip_family if network.ip_family != "any" else ""
    proxy = egresses.get(network.proxy_url) if network.proxy_url else None
    egress = proxy or network.source_address or forced
    counted = account.name if EXCHANGES[account.exchange].has_limit_per_account else ""
    return EndpointKey(account.exchange, api_host(account.base_url), egress, account=counted)


def public_endpoint_key(account: Account, egresses: Egresses) -> EndpointKey:
    """Return what names the limit of public calls: each address has one, apart from accounts."""
    return endpoint_key(account, egresses)._replace(limit="public", account="")


def make_schedules(
    accounts: Iterable[Account], limits: Mapping[str, int], egresses: Egresses
) -> dict[AccountKey, PollSchedule]:
    """Return how each account is polled when all accounts of an endpoint share its limit."""
    groups: dict[EndpointKey, list[Account]] = defaultdict(list)
    listed = tuple(accounts)
    for account in listed:
        groups[endpoint_key(account, egresses)].append(account)
    factors = {
        key: stretch((account.interval for account in group), limits[key.exchange])
        for key, group in groups.items()
    }
    return {
        account.key: _schedule(account, factors[endpoint_key(account, egresses)])
        for account in listed
    }


def _schedule(account: Account, factor: float) -> PollSchedule:
    interval = account.interval * factor
    stale_after = account.stale_after or STALE_INTERVALS * interval + account.timeout
    return PollSchedule(account, interval, stale_after)


def spread(
    schedules: Sequence[PollSchedule], egresses: Egresses
) -> list[tuple[PollSchedule, float]]:
    """Return each schedule with the seconds to wait before its first poll.

    The starts at one endpoint are spread over the interval, but at most a second apart, so that a
    few accounts show their balances soon.
    """
    groups: dict[EndpointKey, list[PollSchedule]] = defaultdict(list)
    for schedule in schedules:
        groups[endpoint_key(schedule.account, egresses)].append(schedule)
    return [
        (schedule, number * min(schedule.interval / len(group), _MOST_BETWEEN_STARTS))
        for group in groups.values()
        for number, schedule in enumerate(group)
    ]
