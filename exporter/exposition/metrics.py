"""Declare every metric of balances and accounts, each as one literal: name, kind, HELP, value.

What stands in one of the three tuples is served and documented; nothing else has to be edited.
"""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter

from exporter.exposition.families import (
    AccountFamily,
    BalanceFamily,
    Family,
    Served,
    State,
    StoreFamily,
    Value,
    account_labels,
    escape,
)
from exporter.model import Account, Balance
from exporter.polling.snapshots import Snapshot, SnapshotStore

_ASSET: Callable[[Balance], str] = attrgetter("asset")


def _amounts(field: Callable[[Balance], str | None]) -> Callable[..., list[str]]:
    """Return the samples of one field; a row without it has none."""

    def lines(rows: Sequence[Balance]) -> list[str]:
        return [
            f'{asset}"}} {amount}\n'
            for asset, amount in zip(map(_ASSET, rows), map(field, rows), strict=True)
            if amount is not None
        ]

    return lines


def _asset_info(rows: Sequence[Balance]) -> list[str]:
    return [
        f'{row.asset}",asset_name="{row.asset_name}",asset_id="{row.asset_id}"}} 1\n'
        for row in rows
    ]


BALANCES: tuple[BalanceFamily, ...] = (
    BalanceFamily(
        "exchange_total_balance",
        "gauge",
        "Total balance from the last complete response, in units of the asset. "
        "Absent once older than stale_after.",
        _amounts(attrgetter("total")),
    ),
    BalanceFamily(
        "exchange_free_balance",
        "gauge",
        "Balance available for trading or withdrawal, in units of the asset.",
        _amounts(attrgetter("free")),
    ),
    BalanceFamily(
        "exchange_locked_balance",
        "gauge",
        "Balance locked in open orders and pending withdrawals, in units of the asset.",
        _amounts(attrgetter("locked")),
    ),
    BalanceFamily(
        "exchange_locked_orders_balance",
        "gauge",
        "Balance locked in open orders, in units of the asset.",
        _amounts(attrgetter("locked_orders")),
    ),
    BalanceFamily(
        "exchange_locked_withdrawals_balance",
        "gauge",
        "Balance locked in pending withdrawals, in units of the asset.",
        _amounts(attrgetter("locked_withdrawals")),
    ),
    BalanceFamily(
        "exchange_pending_deposit_balance",
        "gauge",
        "Deposits that are not credited yet, in units of the asset. Part of no other balance.",
        _amounts(attrgetter("pending_deposit")),
    ),
    BalanceFamily(
        "exchange_pending_withdrawal_balance",
        "gauge",
        "Withdrawals that have left the total and are still pending, in units of the asset. "
        "Part of no other balance.",
        _amounts(attrgetter("pending_withdrawal")),
    ),
    BalanceFamily(
        "exchange_balance_updated_timestamp_seconds",
        "gauge",
        "Unix time at which the exchange last updated the balance, as it reports it.",
        _amounts(attrgetter("updated")),
    ),
    BalanceFamily(
        "exchange_asset_info",
        "gauge",
        "Name and id that the exchange gives to the asset. Always 1.",
        _asset_info,
        ("exchange", "account", "asset", "asset_name", "asset_id"),
    ),
)


def _of_state(value: Callable[[State], float]) -> Callable[..., Iterable[tuple[str, Value]]]:
    """Return one sample that depends on the last poll or on the configuration."""
    return lambda state, _served: (("", value(state)),)


def _of_served(value: Callable[[Snapshot], int]) -> Callable[..., Iterable[tuple[str, Value]]]:
    """Return one sample that depends on what is served; 0 while nothing is."""
    return lambda _state, served: (("", value(served) if served else 0),)


def _can_deposit(_state: State, served: Served) -> Iterable[tuple[str, Value]]:
    if served is not None and served.can_deposit is not None:
        yield "", int(served.can_deposit)


def _key_permissions(state: State, _served: Served) -> Iterable[tuple[str, Value]]:
    return [
        (f',permission="{name}"', int(is_given)) for name, is_given in state.key_permissions.items()
    ]


def _failures(state: State, _served: Served) -> Iterable[tuple[str, Value]]:
    return [(f',reason="{reason}"', count) for reason, count in state.failures.items()]


def _thresholds(state: State, served: Served) -> Iterable[tuple[str, Value]]:
    """Return an account's own bounds, and those of `defaults` for the assets that it lists."""
    listed = served.listed if served else frozenset()
    return [
        (f',asset="{escape(each.asset)}",bound="{each.bound}"', each.value)
        for each in state.schedule.account.thresholds
        if not each.is_default or each.asset in listed
    ]


def _info(state: State, _served: Served) -> Iterable[tuple[str, Value]]:
    labels = state.schedule.account.labels
    yield "".join(f',{name}="{escape(value)}"' for name, value in labels.items()), 1


def _asset_filter(state: State, _served: Served) -> Iterable[tuple[str, Value]]:
    return [
        (f',mode="{mode}",asset="{escape(asset)}"', 1)
        for mode, asset in _filtered(state.schedule.account)
    ]


def _filtered(account: Account) -> Iterable[tuple[str, str]]:
    include, exclude = account.assets.include, account.assets.exclude
    mode, assets = ("exclude", exclude) if include is None else ("include", include)
    return [(mode, asset) for asset in sorted(assets)]


ACCOUNTS: tuple[AccountFamily, ...] = (
    AccountFamily(
        "exchange_account_up",
        "gauge",
        "Whether the last poll of the account succeeded.",
        _of_state(lambda state: int(state.up)),
    ),
    AccountFamily(
        "exchange_account_complete",
        "gauge",
        "Whether every row of the served response that the account's assets setting admits was "
        "parsed. 0 while no balances are served.",
        _of_served(lambda served: int(not served.rejected)),
    ),
    AccountFamily(
        "exchange_account_in_totals",
        "gauge",
        "Whether the account counts in totals, as configured.",
        _of_state(lambda state: int(state.schedule.account.in_totals)),
    ),
    AccountFamily(
        "exchange_account_info",
        "gauge",
        "Labels configured for the account. Always 1.",
        _info,
        ("exchange", "account", "<configured labels>"),
    ),
    AccountFamily(
        "exchange_account_asset_filter",
        "gauge",
        "Assets that the account's configuration includes or excludes. Always 1.",
        _asset_filter,
        ("exchange", "account", "mode", "asset"),
    ),
    AccountFamily(
        "exchange_account_last_success_timestamp_seconds",
        "gauge",
        "Unix time at which the last successful poll was sent. 0 before the first.",
        _of_state(lambda state: state.last_success),
    ),
    AccountFamily(
        "exchange_account_next_poll_timestamp_seconds",
        "gauge",
        "Unix time at which the next poll is due.",
        _of_state(lambda state: state.next_poll),
    ),
    AccountFamily(
        "exchange_account_poll_duration_seconds",
        "gauge",
        "Duration of the last poll.",
        _of_state(lambda state: state.duration),
    ),
    AccountFamily(
        "exchange_account_poll_interval_seconds",
        "gauge",
        "Time between two polls, stretched if needed to keep the exchange's rate limit.",
        _of_state(lambda state: state.schedule.interval),
    ),
    AccountFamily(
        "exchange_account_stale_after_seconds",
        "gauge",
        "Age at which balances are withdrawn.",
        _of_state(lambda state: state.schedule.stale_after),
    ),
    AccountFamily(
        "exchange_account_assets",
        "gauge",
        "Number of assets served.",
        _of_served(lambda served: served.assets),
    ),
    AccountFamily(
        "exchange_account_inconsistent_assets",
        "gauge",
        "Number of served assets whose total differs from free plus locked.",
        _of_served(lambda served: served.inconsistent),
    ),
    AccountFamily(
        "exchange_account_negative_assets",
        "gauge",
        "Number of served assets with a negative amount.",
        _of_served(lambda served: served.negative),
    ),
    AccountFamily(
        "exchange_account_rejected_assets",
        "gauge",
        "Number of rows of the served response that were dropped because they could not be parsed.",
        _of_served(lambda served: len(served.rejected)),
    ),
    AccountFamily(
        "exchange_account_clock_offset_seconds",
        "gauge",
        "The exchange's clock minus the local clock. 0 if no difference is known.",
        _of_state(lambda state: state.clock_offset),
    ),
    AccountFamily(
        "exchange_account_can_deposit",
        "gauge",
        "Whether the exchange allows deposits to the account.",
        _can_deposit,
    ),
    AccountFamily(
        "exchange_account_key_permission",
        "gauge",
        "Whether the account's key has a permission: read, trade, withdraw, transfer, or "
        "ip_restricted if it is bound to IP addresses. Absent unless the exchange has reported it "
        "within the last two hours.",
        _key_permissions,
        ("exchange", "account", "permission"),
    ),
    AccountFamily(
        "exchange_account_polls_total",
        "counter",
        "Total number of polls of the account.",
        _of_state(lambda state: state.polls),
    ),
    AccountFamily(
        "exchange_account_poll_failures_total",
        "counter",
        "Total number of failed polls of the account, by reason.",
        _failures,
        ("exchange", "account", "reason"),
    ),
    AccountFamily(
        "exchange_balance_threshold",
        "gauge",
        "Configured bound of a balance. The label bound names the balance and the side, such as "
        "free_min.",
        _thresholds,
        ("exchange", "account", "asset", "bound"),
    ),
)


def _retired(store: SnapshotStore) -> Iterable[tuple[str, Value]]:
    return [(account_labels(key), 1) for key in store.retired]


STORE: tuple[StoreFamily, ...] = (
    StoreFamily(
        "exchange_account_retired",
        "gauge",
        "Accounts that were removed on purpose, as configured. Always 1.",
        _retired,
    ),
)

FAMILIES: tuple[Family, ...] = (*ACCOUNTS, *STORE, *BALANCES)
