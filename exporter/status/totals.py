"""Show the sums of all accounts: totals, or the known part while an account is missing."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from exporter.amounts import is_zero
from exporter.model import Account
from exporter.status.tables import amount_cells, amounts_table, decimals, zeros_list
from exporter.status.turns import Turns
from exporter.status.words import account_name, listed, name
from exporter.totals import AssetTotal, Totals


async def totals_html(totals: Totals, turns: Turns, of: str) -> str:
    """Return the inside of a section of sums; `of` names the group, and is empty for all."""
    sums = [totals.of(asset) async for asset in turns.each(totals.held)]
    key = f"totals/{escape(of)}" if of else "totals"
    title = f"Totals of {of}" if of else "Totals"
    return _lead(totals, sums) + await turns.joined(_table(title, sums)) + _zeros(key, totals)


def _lead(totals: Totals, sums: Sequence[AssetTotal]) -> str:
    lead = ""
    if totals.missing:
        lead = f'<p class="partial">{_partial(sums)} Not counted: {_names(totals.missing)}.</p>'
    if totals.left_out:
        lead += f"<p>Excluded from totals by configuration: {_names(totals.left_out)}.</p>"
    return lead


def _partial(sums: Sequence[AssetTotal]) -> str:
    if any(each.is_whole for each in sums):
        return "<strong>Amounts marked as the known part are not totals.</strong>"
    return "<strong>These are not totals.</strong>"


def _names(accounts: Iterable[Account]) -> str:
    return listed([account_name(account) for account in accounts])


def _table(title: str, sums: Sequence[AssetTotal]) -> Iterator[str]:
    if not sums:
        yield "<p>No account is known to hold anything.</p>"
        return
    places = decimals((each.asset, amount) for each in sums for amount in each.amounts)
    yield from amounts_table(title, "Accounts", (_row(each, places) for each in sums))


def _row(its: AssetTotal, places: int) -> str:
    total, free, _ = its.amounts
    kinds = [*(["known"] if its.missing else []), *(["plain"] if free == total else [])]
    marks = f' class="{" ".join(kinds)}"' if kinds else ""
    return (
        f'<tr{marks}><th scope="row">{escape(its.asset)}</th>'
        f"{amount_cells(its.asset, its.amounts, places)}<td>{_share(its)}</td></tr>"
    )


def _share(its: AssetTotal) -> str:
    share = f"{its.counted} of {its.accounts}"
    if its.is_whole:
        return share
    # Beside amounts the lead has said who is missing; beside zeros it says why the row is here.
    is_empty = all(map(is_zero, its.amounts))
    last_seen = [name(account.name) for account in its.last_seen_in] if is_empty else []
    also = f"; last seen in {listed(last_seen)}" if last_seen else ""
    return f"<strong>known part</strong>, in {share} accounts{also}"


def _zeros(key: str, totals: Totals) -> str:
    where = " in every account that is counted" if totals.missing else " in every account"
    return zeros_list(f"{key}/zeros", where, totals.zeros)
