"""Give exact balances as JSON: for `/api/v1/balances` and for `poll`."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from exporter.exposition.deflate import Block, deflate
from exporter.polling.snapshots import AccountState

_OPEN, _COMMA, _CLOSE = (deflate(text) for text in (b'{"accounts":[', b",", b"]}\n"))
_NO_BALANCES, _END = deflate(b"null}"), deflate(b"}")


def document(states: Iterable[AccountState], now: float) -> Iterator[Block]:
    """Yield the pieces of one JSON document; `now` is monotonic.

    An account's `balances` is null while none are served: unknown is not empty, and not zero.
    """
    yield _OPEN
    for number, state in enumerate(states):
        if number:
            yield _COMMA
        served = state.served(now)
        yield deflate(_opened(_description(state, now)))
        yield from (served.rendered.rows, _END) if served else (_NO_BALANCES,)
    yield _CLOSE


def _description(state: AccountState, now: float) -> dict[str, Any]:
    served = state.served(now)
    return {
        **state.schedule.account.key._asdict(),
        "up": state.up,
        "complete": served is not None and not served.rejected,
        "reason": state.outage.reason if state.outage else None,
        "last_success": state.last_success or None,
        "age_seconds": round(now - served.requested_at, 3) if served else None,
    }


def _opened(fields: dict[str, Any]) -> bytes:
    """Return a JSON object left open for its last field, the balances."""
    return msgspec.json.encode(fields)[:-1] + b',"balances":'
