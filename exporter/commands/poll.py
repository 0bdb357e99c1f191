"""Poll every account once and show the result: the command `poll`."""

import asyncio
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import structlog

from exporter.commands.errors import SelectionError
from exporter.commands.poll_tables import few, split_zeros
from exporter.config.loader import Config
from exporter.errors import InternalError, PollError
from exporter.exposition.balances_json import json_account, json_sums
from exporter.exposition.pages import PageRenderer, read_held
from exporter.exposition.prices_json import json_row_values, json_values
from exporter.model import Account, AccountKey, Balance, BalancesResponse
from exporter.polling.access import AccessReader
from exporter.polling.endpoint import Endpoint, HoldBack, send_any
from exporter.polling.endpoints import Endpoints
from exporter.polling.poller import Polled, find_public
from exporter.polling.schedules import endpoint_key, make_schedules
from exporter.polling.snapshots import PollResult, SnapshotStore
from exporter.prices.settings import Valuation
from exporter.prices.sources import PriceSources
from exporter.prices.valuations import Valued
from exporter.runtime.clock import Clock
from exporter.totals import Held, Totals

log = structlog.get_logger(__name__)

Results = Mapping[AccountKey, PollResult]

_LONG = 5.0  # seconds without output, after which the wait is explained


def select(config: Config, names: Collection[str], exchanges: Collection[str]) -> Config:
    """Return a configuration of the accounts that have one of the names and exchanges.

    An empty collection stands for all; raises `SelectionError` for what no account has.
    """
    _check_known("account", names, {account.name for account in config.accounts})
    _check_known("exchange", exchanges, {account.exchange for account in config.accounts})
    accounts = tuple(
        account
        for account in config.accounts
        if (not names or account.name in names) and (not exchanges or account.exchange in exchanges)
    )
    if not accounts:
        named = [each for each in config.accounts if each.name in names]
        found = few([f"{each.exchange} / {each.name}" for each in named])
        its_name, its_exchange = " or ".join(names), " or ".join(exchanges)
        raise SelectionError(f"no account {its_name} at {its_exchange}; configured: {found}")
    return replace(config, accounts=accounts)


def _check_known(flag: str, given: Collection[str], known: Collection[str]) -> None:
    for value in given:
        if value not in known:
            near = difflib.get_close_matches(value[:100], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"configured: {few(sorted(known))}"
            raise SelectionError(f"--{flag}={value}: no configured account has this; {hint}")


Ended = Callable[[AccountKey, PollResult, Valued | None], None]


async def poll(config: Config, clock: Clock, ended: Ended) -> tuple[Results, Valued | None]:
    """Return how one poll of each account ended, and what it is worth if that is configured.

    `ended` is called for each account as soon as all that concerns it is known; long waits for a
    rate limit are logged.
    """
    ways = _Ways(config, clock)
    await ways.access.read_proxies(config.accounts)

    async def poll_one(account: Account) -> PollResult:
        endpoint = ways.endpoint(account)
        client = endpoint.connect(account)
        try:
            result = await endpoint.poll(account, client)
        finally:
            await client.aclose()
        _log_unexpected(account.key, result.outcome)
        if config.valuation is None:
            ended(account.key, result, None)
        return result

    polled = await asyncio.gather(*map(poll_one, config.accounts))
    results = {a.key: result for a, result in zip(config.accounts, polled, strict=True)}
    if config.valuation is None:
        return results, None
    valued = await _value(config.valuation, config, results, ways)
    for key, result in results.items():
        ended(key, result, valued)
    return results, valued


class _Ways:
    """Find the endpoint of an account or of a price source, as a `Poller` does."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.clock = clock
        self.access = AccessReader()
        self._config = config
        self._endpoints = Endpoints(clock, sleep=_telling_sleep)

    def endpoint(self, account: Account) -> Endpoint:
        key = endpoint_key(account, self.access.egresses)
        limit = self._config.requests_per_minute[account.exchange]
        return self._endpoints.get(key, account, limit)

    def find_polled(self, key: AccountKey) -> Polled | None:
        found = (account for account in self._config.accounts if account.key == key)
        return next((Polled(account, self.endpoint(account)) for account in found), None)

    async def public(self, account: Account, limit: int) -> Polled:
        return await find_public(self.access, self._endpoints, account, limit)

    def hold_back(self, _account: Account) -> HoldBack:
        return send_any


async def _value(valuation: Valuation, config: Config, results: Results, ways: _Ways) -> Valued:
    """Fetch the quotes of every source once, and value what was polled as the daemon does."""
    store, clock = SnapshotStore(PageRenderer()), ways.clock
    egresses = ways.access.egresses
    schedules = make_schedules(config.accounts, config.requests_per_minute, egresses)
    store.configure(schedules, clock.monotonic())
    for key, result in results.items():
        store.record(key, result, next_poll=0.0)
    sources = PriceSources(store, clock, read_held, sleep=_telling_sleep)
    valuations = await sources.fetch_once(valuation, ways)
    return valuations.valued(store.states, clock.monotonic())


def _log_unexpected(key: AccountKey, outcome: BalancesResponse | PollError) -> None:
    if isinstance(outcome, InternalError) and outcome.__cause__:
        log.error("unexpected error in a poll", **key._asdict(), exc_info=outcome.__cause__)


async def _telling_sleep(seconds: float) -> None:
    if seconds > _LONG:
        log.info("waiting for the rate limit", wait=f"{seconds:.0f}s")
    await asyncio.sleep(seconds)


def all_worked(results: Results) -> bool:
    """Return whether every account sent balances, some of whose rows may have been dropped."""
    return all(isinstance(result.outcome, BalancesResponse) for result in results.values())


def as_json(config: Config, results: Results, valued: Valued | None) -> str:
    """Return exact decimal texts in the shape of `/api/v1/balances`."""
    polled = [account for account in config.accounts if account.key in results]
    document = {
        "accounts": [_json_account(account, results[account.key], valued) for account in polled],
        **json_sums(sum_up(config.accounts, results), config.retired),
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode()


def sum_up(accounts: Iterable[Account], results: Results) -> Totals:
    """Return the sums over all configured accounts; one that was not polled is missing."""
    totals = Totals()
    for account in accounts:
        outcome = results[account.key].outcome if account.key in results else None
        if not account.in_totals:
            totals.left_out.append(account)
        elif isinstance(outcome, BalancesResponse) and not outcome.rejected:
            held, zeros = split_zeros(outcome.balances)
            totals.count(account, map(Held.of, held), [row.asset for row in zeros])
        else:
            rows = outcome.balances if isinstance(outcome, BalancesResponse) else ()
            totals.miss(account, [row.asset for row in split_zeros(rows)[0]])
    return totals


def _json_account(account: Account, result: PollResult, valued: Valued | None) -> dict[str, Any]:
    outcome = result.outcome
    reached = dict.fromkeys(each.address for each in result.requests if each.address)
    named = {**json_account(account), "remote_addresses": list(reached)}
    if valued:
        named["values"] = json_values(valued.worth.values.get(account.key))
    if isinstance(outcome, PollError):
        state = {"up": False, "complete": False, "reason": outcome.reason, "error": str(outcome)}
        return {**named, **state, "balances": None}
    return {
        **named,
        "up": True,
        "complete": not outcome.rejected,
        "reason": None,
        "last_success": result.wall,
        "balances": list(_json_rows(account, outcome.balances, valued)),
    }


def _json_rows(
    account: Account, balances: Iterable[Balance], valued: Valued | None
) -> Iterator[dict[str, Any]]:
    prices = valued.prices_at(account.exchange) if valued else {}
    for balance in balances:
        row: dict[str, Any] = msgspec.to_builtins(balance)
        if valued:
            row["value"] = json_row_values(balance.asset, balance.total, prices)
        yield row
