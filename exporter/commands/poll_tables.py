"""Write what was polled as tables that a person can read."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from exporter.amounts import is_zero
from exporter.errors import PollError
from exporter.model import Account, AccountKey, Balance, RejectedRow
from exporter.polling.snapshots import PollResult
from exporter.prices.valuations import Valued
from exporter.prices.values import plain, row_value, sum_of_values
from exporter.totals import AssetTotal, Totals

_COLUMNS = ("ASSET", "TOTAL", "FREE", "LOCKED")
_SHOWN_ROWS = 5
_SHOWN_NAMES = 10


def split_zeros(balances: Iterable[Balance]) -> tuple[list[Balance], list[Balance]]:
    """Return the rows of which something is held, and the others."""
    held, zeros = list[Balance](), list[Balance]()
    for row in balances:
        is_empty = all(map(is_zero, (row.total, row.free, row.locked)))
        (zeros if is_empty else held).append(row)
    return held, zeros


def few(names: Sequence[str]) -> str:
    """Return the first of many names, and how many more there are."""
    shown = ", ".join(names[:_SHOWN_NAMES])
    return f"{shown} and {more} more" if (more := len(names) - _SHOWN_NAMES) > 0 else shown


def as_table(key: AccountKey, result: PollResult, valued: Valued | None = None) -> str:
    """Return a table that a person can read; assets that are all zero are only counted."""
    title = f"{key.exchange} / {key.account}"
    outcome = result.outcome
    if isinstance(outcome, PollError):
        return f"{title}: {outcome.reason}: {outcome}\n  {outcome.advice}"
    time = datetime.fromtimestamp(result.wall, UTC)
    held, zeros = split_zeros(outcome.balances)
    lines = [f"{title}: {_assets(len(outcome.balances))} at {time:%Y-%m-%d %H:%M:%S} UTC"]
    if held:
        lines += _balances(key, held, valued)
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
    for said, accounts in (("not counted", totals.missing), ("excluded", totals.left_out)):
        if accounts:
            names = [f"{account.exchange} / {account.name}" for account in accounts]
            lines.append(f"  {said}: {few(names)}")
    return "\n".join(lines)


def _balances(key: AccountKey, held: Sequence[Balance], valued: Valued | None) -> list[str]:
    rows: list[tuple[str, ...]] = [(b.asset, b.total, b.free, b.locked) for b in held]
    if valued is None:
        return _table(rows)
    currency = valued.valuation.currencies[0]
    prices = valued.prices_at(key.exchange)[currency]
    values = [row_value(b.asset, b.total, prices) for b in held]
    cells = ["no price" if value is None else plain(value) for value in values]
    rows = [(*row, cell) for row, cell in zip(rows, cells, strict=True)]
    lines = _table(rows, (*_COLUMNS, f"VALUE IN {currency}"))
    return [*lines, *_account_worth(key, valued)]


def _account_worth(key: AccountKey, valued: Valued) -> Iterator[str]:
    """Yield what an account is worth in each currency, or why that is not known."""
    for currency, its in valued.worth.values.get(key, {}).items():
        if its.value is not None:
            yield f"  worth {plain(its.value)} {currency}"
        elif its.unpriced:
            yield f"  worth in {currency} not known: no price for {few(its.unpriced)}"
        else:
            yield f"  worth in {currency} not known: the account is incomplete"


def worth_lines(accounts: Iterable[Account], valued: Valued) -> str:
    """Return what all accounts are worth; what is only the known part says so."""
    counted = [account for account in accounts if account.in_totals]
    lines = []
    for currency in valued.valuation.currencies:
        its = sum_of_values(valued.of(account, currency) for account in counted)
        share = f"{its.counted} of {its.accounts} accounts"
        known = "" if its.is_whole else "known part, in "
        lines.append(f"worth {plain(its.value)} {currency} ({known}{share})")
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
