"""Poll every account once and show the result: the command `poll`."""

import asyncio
import difflib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

from exporter.amounts import is_zero
from exporter.commands.errors import CommandError
from exporter.config.loader import Config
from exporter.errors import InternalError, PollError
from exporter.exposition.balances_json import json_account, json_sums
from exporter.exposition.pages import json_row
from exporter.model import Account, AccountKey, Balance, BalancesResponse, RejectedRow
from exporter.polling.access import AccessReader
from exporter.polling.endpoints import Endpoints
from exporter.polling.schedules import endpoint_key
from exporter.polling.snapshots import PollResult
from exporter.runtime.clock import Clock
from exporter.totals import AssetTotal, Held, Totals

log = structlog.get_logger(__name__)

Results = Mapping[AccountKey, PollResult]

_COLUMNS = ("ASSET", "TOTAL", "FREE", "LOCKED")
_LONG = 5.0  # seconds of silence after which a person wonders
_SHOWN_ROWS = 5
_SHOWN_NAMES = 10


class SelectionError(CommandError):
    """No configured account is the one that a flag names."""

    event = "nothing to poll"


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
        raise SelectionError("no account has this name at this exchange")
    return replace(config, accounts=accounts)


def _check_known(flag: str, given: Collection[str], known: Collection[str]) -> None:
    for value in given:
        if value not in known:
            near = difflib.get_close_matches(value[:100], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"configured: {_few(sorted(known))}"
            raise SelectionError(f"--{flag}={value}: no configured account has this; {hint}")


def _few(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"{shown} and {more} more" if (more := len(names) - _SHOWN_NAMES) > 0 else shown


async def poll(
    config: Config, clock: Clock, ended: Callable[[AccountKey, PollResult], None]
) -> Results:
    """Return how one poll of each account ended, within the exchanges' rate limits.

    `ended` is called for each as soon as it ended; long waits for a limit are logged.
    """
    endpoints, access = Endpoints(clock, sleep=_telling_sleep), AccessReader()
    await access.read_proxies(config.accounts)

    async def poll_one(account: Account) -> PollResult:
        key = endpoint_key(account, access.egresses)
        limit = config.requests_per_minute[account.exchange]
        endpoint = endpoints.get(key, account, limit)
        client = endpoint.connect(account)
        try:
            result = await endpoint.poll(account, client)
        finally:
            await client.aclose()
        _log_defect(account.key, result.outcome)
        ended(account.key, result)
        return result

    results = await asyncio.gather(*map(poll_one, config.accounts))
    return {a.key: result for a, result in zip(config.accounts, results, strict=True)}


def _log_defect(key: AccountKey, outcome: BalancesResponse | PollError) -> None:
    if isinstance(outcome, InternalError) and outcome.__cause__:
        log.error("unexpected error in a poll", **key._asdict(), exc_info=outcome.__cause__)


async def _telling_sleep(seconds: float) -> None:
    if seconds > _LONG:
        log.info("waiting for the rate limit", wait=f"{seconds:.0f}s")
    await asyncio.sleep(seconds)


def all_worked(results: Results) -> bool:
    """Return whether every account answered; one of which rows were left out has."""
    return all(isinstance(result.outcome, BalancesResponse) for result in results.values())


def as_json(config: Config, results: Results) -> str:
    """Return exact decimal texts in the shape of `/api/v1/balances`."""
    polled = [account for account in config.accounts if account.key in results]
    document = {
        "accounts": [_json_account(account, results[account.key]) for account in polled],
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
            held, zeros = _split(outcome.balances)
            totals.count(account, map(Held.of, held), [row.asset for row in zeros])
        else:
            rows = outcome.balances if isinstance(outcome, BalancesResponse) else ()
            totals.miss(account, [row.asset for row in _split(rows)[0]])
    return totals


def _split(balances: Iterable[Balance]) -> tuple[list[Balance], list[Balance]]:
    """Return the rows of which something is held, and the others."""
    held, zeros = list[Balance](), list[Balance]()
    for row in balances:
        is_empty = all(map(is_zero, (row.total, row.free, row.locked)))
        (zeros if is_empty else held).append(row)
    return held, zeros


def _json_account(account: Account, result: PollResult) -> dict[str, Any]:
    outcome = result.outcome
    named = json_account(account)
    if isinstance(outcome, PollError):
        state = {"up": False, "complete": False, "reason": outcome.reason, "error": str(outcome)}
        return {**named, **state, "balances": None}
    return {
        **named,
        "up": True,
        "complete": not outcome.rejected,
        "reason": None,
        "last_success": result.wall,
        "balances": [json_row(balance) for balance in outcome.balances],
    }


def as_table(key: AccountKey, result: PollResult) -> str:
    """Return a table that a person can read; assets that are all zero are only counted."""
    title = f"{key.exchange} / {key.account}"
    outcome = result.outcome
    if isinstance(outcome, PollError):
        return f"{title}: {outcome.reason}: {outcome}\n  {outcome.advice}"
    time = datetime.fromtimestamp(result.wall, UTC)
    held, zeros = _split(outcome.balances)
    lines = [f"{title}: {_assets(len(outcome.balances))} at {time:%Y-%m-%d %H:%M:%S} UTC"]
    if held:
        lines += _table([(b.asset, b.total, b.free, b.locked) for b in held])
    if zeros:
        lines.append(f"  and {_assets(len(zeros))} at zero")
    return "\n".join(lines + _dropped(outcome.rejected))


def totals_table(totals: Totals) -> str:
    """Return the sums over all accounts; what is only the known part says so."""
    sums = [totals.of(asset) for asset in totals.held]
    lines = ["totals" if not totals.missing else "known part, no totals where accounts are missing"]
    if sums:
        columns = (*_COLUMNS, "ACCOUNTS")
        lines += _table([(its.asset, *its.amounts, _share(its)) for its in sums], columns)
    for said, accounts in (("not counted", totals.missing), ("left out", totals.left_out)):
        if accounts:
            names = [f"{account.exchange} / {account.name}" for account in accounts]
            lines.append(f"  {said}: {_few(names)}")
    return "\n".join(lines)


def _share(its: AssetTotal) -> str:
    share = f"{its.counted} of {its.accounts}"
    return share if its.is_whole else f"known part, {share}"


def _assets(number: int) -> str:
    return "1 asset" if number == 1 else f"{number} assets"


def _dropped(rows: Sequence[RejectedRow]) -> list[str]:
    lines = [
        f"  dropped: row {row.row} ({row.asset or 'no asset'}): {row.problem}"
        for row in rows[:_SHOWN_ROWS]
    ]
    return [*lines, f"  and {more} more"] if (more := len(rows) - len(lines)) else lines


def _table(rows: list[tuple[str, ...]], titles: Sequence[str] = _COLUMNS) -> list[str]:
    """Return lines with amounts aligned at their decimal point; a fifth column is text."""
    columns = list(zip(titles, *rows, strict=True))
    amounts, texts = columns[1 : len(_COLUMNS)], columns[len(_COLUMNS) :]
    padded = [_left(columns[0]), *map(_aligned, amounts), *map(_left, texts)]
    return ["  " + "   ".join(cells).rstrip() for cells in zip(*padded, strict=True)]


def _left(cells: tuple[str, ...]) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) for cell in cells]


def _aligned(cells: tuple[str, ...]) -> list[str]:
    title, *amounts = cells
    parts = [amount.partition(".") for amount in amounts]
    before = max(len(whole) for whole, _, _ in parts)
    after = max(len(point + fraction) for _, point, fraction in parts)
    lines = [f"{whole:>{before}}{(point + fraction):<{after}}" for whole, point, fraction in parts]
    width = max(len(title), before + after)
    return [title.rjust(width), *(line.rjust(width) for line in lines)]
