"""Give exact balances as JSON: for `/api/v1/balances` and for `poll`."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from exporter.exposition.deflate import Block, deflate
from exporter.exposition.prices_json import json_values, with_values
from exporter.model import Account, AccountKey
from exporter.polling.snapshots import AccountState, Snapshot
from exporter.prices.valuations import Valued
from exporter.totals import AssetTotal, Totals

_OPEN, _COMMA = deflate(b'{"accounts":['), deflate(b",")
_NO_BALANCES, _END = deflate(b"null}"), deflate(b"}")


def document(
    states: Iterable[AccountState],
    now: float,
    sums: Mapping[str, Any],
    valued: Valued | None = None,
) -> Iterator[Block]:
    """Yield the pieces of one JSON document; `now` is monotonic, `sums` are as `json_sums` writes.

    An account's `balances` is null while none are served: unknown is not empty, and not zero.
    With `valued`, accounts and rows say what they are worth.
    """
    yield _OPEN
    for number, state in enumerate(states):
        if number:
            yield _COMMA
        served = state.served(now)
        yield deflate(_opened(_description(state, now) | _values(state, valued)))
        yield from (_rows(state, served, valued), _END) if served else (_NO_BALANCES,)
    yield deflate(b"]," + msgspec.json.encode(sums)[1:] + b"\n")


def json_sums(totals: Totals, retired: Iterable[AccountKey]) -> dict[str, Any]:
    """Return the sum of each asset, and which accounts are not in them and why.

    A sum is a total if it is `whole`; otherwise it is the part that is known.
    """
    assets = sorted([*totals.held, *totals.zeros])
    return {
        "totals": [_sum(totals.of(asset)) for asset in assets],
        "not_counted": [account.key._asdict() for account in totals.missing],
        "left_out": [account.key._asdict() for account in totals.left_out],
        "retired": [key._asdict() for key in retired],
    }


def json_account(account: Account) -> dict[str, Any]:
    """Return an account's names as they are configured."""
    return {
        **account.key._asdict(),
        "labels": dict(account.labels),
        "in_totals": account.in_totals,
    }


def _sum(its: AssetTotal) -> dict[str, Any]:
    total, free, locked = its.amounts
    return {
        "asset": its.asset,
        "total": total,
        "free": free,
        "locked": locked,
        "whole": its.is_whole,
        "counted_accounts": its.counted,
        "accounts": its.accounts,
    }


def _description(state: AccountState, now: float) -> dict[str, Any]:
    served = state.served(now)
    return {
        **json_account(state.schedule.account),
        "up": state.up,
        "complete": served is not None and not served.rejected,
        "reason": state.outage.reason if state.outage else None,
        "last_success": state.last_success or None,
        "age_seconds": round(now - served.requested_at, 3) if served else None,
    }


def _values(state: AccountState, valued: Valued | None) -> dict[str, Any]:
    if valued is None:
        return {}
    return {"values": json_values(valued.worth.values.get(state.schedule.account.key))}


def _rows(state: AccountState, served: Snapshot, valued: Valued | None) -> Block:
    if valued is None:
        return served.rendered.rows
    return with_values(served.rendered.rows, state.schedule.account.key, valued)


def _opened(fields: dict[str, Any]) -> bytes:
    """Return a JSON object left open for its last field, the balances."""
    return msgspec.json.encode(fields)[:-1] + b',"balances":'
