"""Write the page of the HTTP endpoints, from what the routes serve."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from docs.source.markdown import NOTICE, code, table
from exporter.errors import PollTimeoutError
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.families import Format
from exporter.exposition.pages import PageRenderer
from exporter.model import Account, AccountKey, Amount, Balance, BalancesResponse
from exporter.polling.snapshots import PollResult, PollSchedule, SnapshotStore
from exporter.routes import make_routes
from exporter.runtime.clock import Clock
from exporter.web.messages import Request, Response, Routes

_WALL = 1_700_000_000.0
_NOW = 1000.0

_MEANINGS: Mapping[str, str] = {
    "/": (
        "Status page for people. `?by=LABEL` groups the accounts by a label or by `exchange`, "
        "`?by=LABEL&is=VALUE` shows one group, `?exchange=NAME&account=NAME` one account."
    ),
    "/metrics": "Metrics for Prometheus ([metrics.md](metrics.md)); see `--web.telemetry-path`.",
    "/api/v1/balances": "Balances and sums with exact decimal texts, as JSON.",
    "/api/v1/prices": "Prices with exact decimal texts, as JSON. Only with `valuation`.",
    "/-/healthy": "200 while the process serves requests.",
    "/-/ready": "200 from the start until the exporter stops, then 503.",
    "/-/reload": (
        "Reloads the configuration: 200, or 500 with all problems of a file that was rejected. "
        "Without `--web.enable-lifecycle` 404."
    ),
}

_FIELDS: Mapping[str, Mapping[str, str]] = {
    "accounts": {
        "exchange": "name of the exchange",
        "account": "name of the account",
        "labels": "labels that the configuration gives to the account",
        "in_totals": "whether the account counts in sums, as configured",
        "up": "whether the last poll succeeded",
        "complete": "whether balances are served and every row was parsed",
        "reason": "reason of the current outage, or null",
        "last_success": "Unix time of the last successful poll, or null",
        "age_seconds": "age of the balances, or null while none are served",
        "balances": "rows, or null while none are served: null is unknown, `[]` is nothing held",
    },
    "balances": {
        "asset": "code of the asset",
        "total": "total balance",
        "free": "available balance",
        "locked": "balance in open orders and pending withdrawals",
        "locked_orders": "balance in open orders; this and what follows only if it is reported",
        "locked_withdrawals": "balance in pending withdrawals",
        "pending_deposit": "deposits that are not credited yet, part of no other balance",
        "pending_withdrawal": "pending withdrawals that have left the total",
        "updated": "the exchange's own time of the balance, in Unix seconds",
        "asset_name": "the exchange's name of the asset",
        "asset_id": "the exchange's id of the asset",
    },
    "totals": {
        "asset": "code of the asset",
        "total": "sum of the total balances of the accounts that are counted",
        "free": "sum of the free balances",
        "locked": "sum of the locked balances",
        "whole": "true if this is a total; false if it is only the known part",
        "counted_accounts": "accounts in the sum",
        "accounts": "accounts that may hold the asset",
    },
    "": {
        "accounts": "all configured accounts, in the order of the configuration",
        "totals": "a sum for each asset",
        "not_counted": "accounts that are missing from the sums: not served, or not complete",
        "left_out": "accounts that the configuration keeps out of the sums",
        "retired": "accounts that were removed on purpose",
    },
}

_TOP = f"""# HTTP endpoints

{NOTICE}
GET is allowed wherever it is listed, and so is HEAD. Another path gets 404, another method 405.
Every response comes from memory: no request to the exporter causes one to an exchange.

"""

_FORMATS = f"""
## Formats of /metrics

`Accept` chooses between {code(Format.TEXT.content_type)} and
{code(Format.OPENMETRICS.content_type)}; the text format is the default. `Accept-Encoding: gzip` is
honoured for every page. Weights (`q`) are honoured.

## Status codes

| Code | When |
|---|---|
| 401 | users are configured in `--web.config.file`, and the login is missing or wrong |
| 403 | another site's page requests a reload, or a client certificate is not allowed |
| 404 | unknown path, the status page of an unknown account, or prices without `valuation` |
| 405 | wrong method |
| 421 | the `Host` is not one that this address serves |
| 503 | more than `--web.max-requests` large responses at once, or not ready |

## JSON of /api/v1/balances

Amounts are decimal texts with the exact digits that the exchange sent. Fields may be added;
existing ones keep their names and meaning. `poll --format=json` prints the same document, except
that an account has `remote_addresses`, has no `age_seconds`, and after a failed poll has `error` in
place of `last_success`.

"""

_VALUES = """
With `valuation`, an account also has `values`: for each currency `value` (null unless every asset
held has a price or is ignored), `known` (value of the assets that have a price), `valued` (their
number), `unpriced` (the assets without a price) and `ignored` (how many are excluded). A row also
has `value`: for each currency an amount, or null.
`values` is null while the balances are withdrawn.

## JSON of /api/v1/prices

`currencies`, and `prices`: each has `exchange`, `asset`, `currency`, `price` (what one unit would
bring), `route` (such as `BTC>USDT>TRY`), `source`, `assumed` (pegs and shared codes),
`updated` (the source's own time, in Unix seconds) and `age_seconds`. All numbers are texts.
"""


def page() -> str:
    """Return the page."""
    served = _routes()
    rows = [(code(path), ", ".join(methods), _MEANINGS[path]) for path, methods in served.items()]
    example = _document(served)
    fields = "".join(_field_tables(example))
    shown = f"```json\n{json.dumps(example, indent=2)}\n```\n"
    return (
        _TOP
        + table(("Path", "Methods", "What it serves"), rows)
        + _FORMATS
        + fields
        + shown
        + _VALUES
    )


def _field_tables(example: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table for each kind of object; fails if a field is not described, or not there."""
    account = example["accounts"][0]
    found = {
        "": example,
        "accounts": account,
        "balances": account["balances"][0],
        "totals": example["totals"][0],
    }
    for name, fields in found.items():
        title = f"Fields of an element of `{name}`:" if name else "Fields of the document:"
        if set(fields) != set(_FIELDS[name]):
            raise ValueError(f"{title} {sorted(set(fields) ^ set(_FIELDS[name]))}")
        rows = [(code(field), _FIELDS[name][field]) for field in fields]
        yield f"{title}\n\n{table(('Field', 'Meaning'), rows)}\n"


def _document(served: Routes) -> dict[str, Any]:
    async def get() -> bytes:
        request = Request("GET", "/api/v1/balances", "", {}, "127.0.0.1")
        response = served["/api/v1/balances"]["GET"](request)
        return b"".join((response if isinstance(response, Response) else await response).body)

    return dict(json.loads(asyncio.run(get())))


async def _reload() -> None:
    """Reload nothing: only that there is such a route counts here."""


def _routes() -> Routes:
    clock = Clock(monotonic=lambda: _NOW, wall=lambda: _WALL)
    return make_routes(
        telemetry_path="/metrics",
        store=_store(),
        own=ExporterMetrics("1.0.0", "", clock.monotonic),
        clock=clock,
        is_ready=lambda: True,
        reload=_reload,
    )


def _store() -> SnapshotStore:
    """Return two accounts, one of which was never served."""
    store = SnapshotStore(PageRenderer())
    accounts = [
        Account("treasury-tr", "btcturk", "", "", {}, labels={"entity": "acme-tr"}),
        Account("payments-mx", "trubit", "", "", {}),
    ]
    store.configure({account.key: PollSchedule(account, 60.0, 190.0) for account in accounts}, 0.0)
    store.retire([AccountKey("btcturk", "old-desk")])
    row = Balance(
        asset="BTC",
        total=Amount("12.50000000"),
        free=Amount("10.25000000"),
        locked=Amount("2.25000000"),
        locked_orders=Amount("2.00000000"),
        locked_withdrawals=Amount("0.25000000"),
        pending_deposit=Amount("0.50000000"),
        pending_withdrawal=Amount("0.00000000"),
        updated="1699999990.123",
        asset_name="Bitcoin",
        asset_id="1",
    )
    served = PollResult(_NOW - 5, _WALL - 5, 0.2, BalancesResponse((row,)))
    failed = replace(served, outcome=PollTimeoutError("no response within 10s"))
    for account, result in zip(accounts, (served, failed), strict=True):
        store.record(account.key, result, _WALL + 55)
    return store
