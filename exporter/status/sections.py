"""Write the page of all accounts, of groups of them, or of one, from what is known at a moment."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

from exporter.exposition.deflate import Block, deflate
from exporter.model import AccountKey
from exporter.polling.snapshots import AccountState
from exporter.status import document
from exporter.status.accounts import END, account_html, details_on_demand, details_opening
from exporter.status.bounds import bounds, counted_twice
from exporter.status.conditions import condition_of, headline, summary
from exporter.status.holdings import balances_html
from exporter.status.known import Known, sum_up
from exporter.status.totals import totals_html
from exporter.status.view import View, group_address, group_labels, group_of
from exporter.status.words import element_id, listed, name
from exporter.status.worth import worth_html

_OPEN_UP_TO = 6  # accounts whose balances are in sight at once


async def page_blocks(known: Known, view: View) -> list[Block]:
    """Return the page up to its closing, in deflated pieces; the worst accounts come first."""
    known = replace(
        known, states=sorted(known.states, key=lambda s: condition_of(s, known.now).rank)
    )
    if view.account:
        return await _one_account(known, view.account)
    labels = group_labels(known.accounts)
    opening = _opening(known, document.group_links(labels, view.group_by))
    if view.group_by not in labels:
        sums = [*_worth(known), await _totals(known)]
        return [opening, *sums, *await _accounts(known, "accounts", "Accounts")]
    groups = _grouped(known, view.group_by)
    if view.group is not None:
        groups = {group: of for group, of in groups.items() if group == view.group}
    sums = [] if view.group is not None else [*_worth(known), await _totals(known)]
    blocks = [opening, *sums]
    for group, of in groups.items():
        is_small = known.is_small or view.group is not None
        blocks += await _group(of, view.group_by, group, is_small=is_small)
    return blocks


async def _one_account(known: Known, key: AccountKey) -> list[Block]:
    own = [state for state in known.states if state.schedule.account.key == key]
    alone = replace(known, states=own)
    back = '<nav><a href="./">All accounts</a></nav>'
    return [_opening(alone, back), *await _accounts(alone, "accounts", "Account")]


def _opening(known: Known, links: str) -> Block:
    contents = document.Contents(
        wall=known.wall,
        title=headline(known.states, known.now),
        summary=[
            *summary(known.states, known.now, known.wall),
            *bounds(known),
            *counted_twice(known),
        ],
        links=links,
    )
    return deflate(document.opening(contents).encode())


def _grouped(known: Known, label: str) -> Mapping[str, Known]:
    """Return what is known of each group; the accounts without the label come last."""
    groups = defaultdict[str, list[AccountState]](list)
    for state in known.states:
        groups[group_of(state.schedule.account, label)].append(state)
    in_order = sorted(groups.items(), key=lambda group: (not group[0], group[0]))
    return {group: replace(known, states=states) for group, states in in_order}


async def _group(known: Known, label: str, group: str, *, is_small: bool) -> list[Block]:
    key = element_id("group", label, group)
    title = f"{label}: {group}" if group else f"no {label}"
    sums = element_id("group", label, group, "totals")
    if is_small:
        inside = await _totals_html(known, title)
        totals = f'<details id="{sums}"><summary>Totals of this group</summary>{inside}</details>'
    else:
        address = escape(group_address(label, group))
        totals = (
            f'<details id="{sums}" data-part="{address}"><summary>Totals of this group</summary>'
            f'<p><a href="{address}">This group alone</a></p></details>'
        )
    heading = f"{escape(label)}: {name(group)}" if group else f"No {escape(label)}"
    return await _accounts(known, key, heading, f'<div class="totals">{totals}</div>')


def _worth(known: Known) -> list[Block]:
    if known.valued:
        html = worth_html(known.valued, known.in_totals)
    elif known.valuing_failed:
        html = '<p class="partial">Withheld because of an unexpected error; see the log.</p>'
    else:
        return []
    inside = f'<div class="totals">{html}</div>'
    return [deflate(document.section("worth", "Worth", inside).encode())]


async def _totals(known: Known) -> Block:
    html = _retired(known.retired) + await _totals_html(known, "")
    return deflate(
        document.section("totals", "Totals", f'<div class="totals">{html}</div>').encode()
    )


async def _totals_html(known: Known, of: str) -> str:
    return await totals_html(await sum_up(known), known.turns, of)


async def _accounts(known: Known, key: str, heading: str, before: str = "") -> list[Block]:
    blocks = [deflate(document.accounts_opening(key, heading, before).encode())]
    is_small, is_open = known.is_small, len(known.states) <= _OPEN_UP_TO
    async for state in known.turns.each(known.states):
        holdings = known.reading.served.get(state.schedule.account.key)
        is_inline = is_small or len(known.states) == 1 or not holdings
        html = account_html(state, holdings, known.now, known.wall, is_inline=is_inline)
        if holdings and not is_inline:
            html += details_on_demand(state, holdings)
        else:
            html += details_opening(state, holdings, is_open=is_open)
            if holdings:
                html += await known.turns.joined(balances_html(holdings, known.valued))
            html += "</details>"
        blocks.append(deflate((html + END).encode()))
    return [*blocks, deflate(document.ACCOUNTS_CLOSING.encode())]


def _retired(keys: Sequence[AccountKey]) -> str:
    if not keys:
        return ""
    names = listed([f"{name(key.account)} ({escape(key.exchange)})" for key in keys])
    return f"<p>Retired, so no longer counted: {names}.</p>"
