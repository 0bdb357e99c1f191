"""Name every metric family of balances and accounts, with its type and its HELP text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Describe a metric family; `kind` is `gauge` or `counter`."""

    name: str
    kind: str
    help: str

    def text_header(self) -> str:
        """Return the HELP and TYPE lines of the text format 0.0.4."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"

    def openmetrics_header(self) -> str:
        """Return the same for OpenMetrics 1.0.0, where a counter's family lacks `_total`."""
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        return f"# TYPE {name} {self.kind}\n# HELP {name} {self.help}\n"


_SERVED = "as of the last complete answer, withdrawn when that is too old; unit: the asset itself."

TOTAL = Family(
    "exchange_total_balance", "gauge", f"All that the account holds of the asset, {_SERVED}"
)
FREE = Family("exchange_free_balance", "gauge", f"What of it can be used at once, {_SERVED}")
LOCKED = Family(
    "exchange_locked_balance", "gauge", f"What open orders and withdrawals hold of it, {_SERVED}"
)
LOCKED_ORDERS = Family(
    "exchange_locked_orders_balance", "gauge", f"What open orders hold of it, {_SERVED}"
)
LOCKED_WITHDRAWALS = Family(
    "exchange_locked_withdrawals_balance",
    "gauge",
    f"What requested withdrawals hold of it, {_SERVED}",
)
UPDATED = Family(
    "exchange_balance_updated_timestamp_seconds",
    "gauge",
    "Unix time that the exchange itself gives for the balance.",
)
ASSET_INFO = Family("exchange_asset_info", "gauge", "The exchange's own name and id of an asset.")
BALANCES = (TOTAL, FREE, LOCKED, LOCKED_ORDERS, LOCKED_WITHDRAWALS, UPDATED, ASSET_INFO)

THRESHOLD = Family(
    "exchange_balance_threshold",
    "gauge",
    "Configured bound of a balance; `bound` says of which balance, and whether it is a minimum.",
)
UP = Family("exchange_account_up", "gauge", "Whether the last poll of the account worked.")
COMPLETE = Family(
    "exchange_account_complete",
    "gauge",
    "Whether every row of the served answer was understood; 0 while none is served.",
)
LAST_SUCCESS = Family(
    "exchange_account_last_success_timestamp_seconds",
    "gauge",
    "Unix time at which the last complete answer was asked for; 0 before the first.",
)
DURATION = Family("exchange_account_poll_duration_seconds", "gauge", "How long the last poll took.")
INTERVAL = Family(
    "exchange_account_poll_interval_seconds",
    "gauge",
    "Time between two polls, as stretched to keep the exchange's limit.",
)
STALE_AFTER = Family(
    "exchange_account_stale_after_seconds", "gauge", "Age at which balances are withdrawn."
)
ASSETS = Family("exchange_account_assets", "gauge", "Assets that are served.")
INCONSISTENT = Family(
    "exchange_account_inconsistent_assets",
    "gauge",
    "Served assets whose total differs from free plus locked.",
)
NEGATIVE = Family(
    "exchange_account_negative_assets", "gauge", "Served assets with an amount below zero."
)
REJECTED = Family(
    "exchange_account_rejected_assets",
    "gauge",
    "Rows of the served answer that could not be understood and are left out.",
)
CLOCK_OFFSET = Family(
    "exchange_account_clock_offset_seconds",
    "gauge",
    "The exchange's clock minus this machine's; 0 while they agree as far as can be known.",
)
CAN_DEPOSIT = Family(
    "exchange_account_can_deposit", "gauge", "Whether the exchange lets the account deposit."
)
POLLS = Family("exchange_account_polls_total", "counter", "Polls of the account that ended.")
FAILURES = Family(
    "exchange_account_poll_failures_total", "counter", "Polls of the account that failed."
)
ACCOUNTS = (
    UP, COMPLETE, LAST_SUCCESS, DURATION, INTERVAL, STALE_AFTER, ASSETS, INCONSISTENT, NEGATIVE,
    REJECTED, CLOCK_OFFSET, CAN_DEPOSIT, POLLS, FAILURES, THRESHOLD,
)  # fmt: skip
