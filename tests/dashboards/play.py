"""Play accounts: what they hold, when they fail, and what the exporter exposes of them."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

END = 1_795_161_600
"""The present of every history: 2026-11-20 08:00:00 UTC."""

HOURS = 26
MINUTE, HOUR = 60, 3600
SCENARIOS = (
    "healthy",
    "account_down",
    "exchange_down",
    "authentication",
    "exporter_down",
    "empty",
    "many",
    "pair",
    "incomplete",
    "left_out",
    "unpriced",
    "twenty",
    "changed",
)
REASONS = (
    "authentication",
    "permission",
    "clock_skew",
    "rate_limited",
    "timeout",
    "connection",
    "tls",
    "redirect",
    "unavailable",
    "rejected",
    "bad_response",
    "config",
    "internal",
)
JOB = {"job": "exchange-balances"}
TARGET = JOB | {"instance": "exporter:10517"}
TWIN = JOB | {"instance": "exporter-twin:10517"}
"""A second exporter with the same accounts; in `pair`, it dies half an hour before the end."""
NAMES = {
    "BTC": "Bitcoin",
    "ETH": "Ethereum",
    "USDT": "Tether",
    "USDC": "USD Coin",
    "TRY": "Turkish Lira",
    "MXN": "Mexican Peso",
    "AVAX": "Avalanche",
    "XRP": "XRP",
    "SHIB": "Shiba Inu",
    "SOL": "Solana",
    "ADA": "Cardano",
}

Labels = dict[str, str]
Sample = tuple[str, Labels, float]


@dataclass
class Account:
    """Play one account: what it holds, when it fails and why, and what it has counted so far."""

    exchange: str
    name: str
    holdings: dict[str, float]
    interval: float = 60
    outages: tuple[tuple[int, int, str], ...] = ()
    thresholds: dict[tuple[str, str], float] = field(default_factory=dict)
    moves: dict[int, tuple[str, float]] = field(default_factory=dict)
    reasons: tuple[str, ...] = REASONS
    rejected: int = 0
    in_totals: bool = True
    lives: tuple[int, int] = (0, END + 1)
    failures: dict[str, float] = field(default_factory=dict)
    polls: float = 0
    last_success: float = 0

    @property
    def labels(self) -> Labels:
        """Return the account's two labels."""
        return {"exchange": self.exchange, "account": self.name}

    @property
    def stale_after(self) -> float:
        """Return the age at which balances are withdrawn."""
        return 3 * self.interval + 10

    @property
    def key(self) -> tuple[str, str]:
        """Return the exchange and the name."""
        return self.exchange, self.name

    def failing(self, time: int) -> str | None:
        """Return why polls fail at a time, or None while they work."""
        return next((why for start, end, why in self.outages if start <= time < end), None)

    def live(self, time: int, step: int, rng: random.Random) -> None:
        """Poll, trade and count for one step."""
        why = self.failing(time)
        polls = step / (900 if why == "authentication" else self.interval) * (why != "paused")
        self.polls += polls
        if why:
            self.failures[why] = self.failures.get(why, 0) + polls
        else:
            self.last_success = time - rng.uniform(0, min(self.interval, 50))
        for asset, held in self.holdings.items():
            if rng.random() < step / (20 * MINUTE):
                self.holdings[asset] = held * (1 + rng.gauss(0, 0.0015))
        if moved := self.moves.pop(time, None):
            asset, change = moved
            self.holdings[asset] += change

    def samples(self, time: int, rng: random.Random) -> Iterator[Sample]:
        """Return what the exporter exposes of the account."""
        why = self.failing(time)
        served = time - self.last_success < self.stale_after
        rows = len(self.holdings) if served else 0
        slow = 9.9 if why == "timeout" else 0.2 + rng.random() * 0.05
        for name, value in (
            ("up", float(why is None)),
            ("complete", float(served and not self.rejected)),
            ("last_success_timestamp_seconds", self.last_success),
            ("poll_duration_seconds", slow + (0.25 if self.exchange == "trubit" else 0)),
            ("poll_interval_seconds", self.interval),
            ("stale_after_seconds", self.stale_after),
            ("assets", rows),
            ("inconsistent_assets", 0),
            ("negative_assets", 0),
            ("rejected_assets", self.rejected if served else 0),
            ("clock_offset_seconds", round(rng.gauss(0.02, 0.01), 3)),
            ("polls_total", self.polls // 1),
            ("next_poll_timestamp_seconds", time + self.interval / 2),
            ("in_totals", float(self.in_totals)),
        ):
            yield f"exchange_account_{name}", self.labels, value
        for reason in self.reasons:
            labels = {**self.labels, "reason": reason}
            count = self.failures.get(reason, 0) // 1
            yield "exchange_account_poll_failures_total", labels, count
        for (asset, bound), value in self.thresholds.items():
            labels = {**self.labels, "asset": asset, "bound": bound}
            yield "exchange_balance_threshold", labels, value
        if served:
            yield from self.balances(time, rng)

    def balances(self, time: int, rng: random.Random) -> Iterator[Sample]:
        """Return the balances of the last good response."""
        if self.exchange == "trubit":
            yield "exchange_account_can_deposit", self.labels, 1
        for permission in ("read", "trade", "withdraw", "transfer", "ip_restricted"):
            allowed = float(permission in {"read", "ip_restricted"})
            labels = {**self.labels, "permission": permission}
            yield "exchange_account_key_permission", labels, allowed
        for index, (asset, held) in enumerate(self.holdings.items()):
            labels = {**self.labels, "asset": asset}
            total = round(held, 8)
            share = 0.08 + 0.06 * ((time // (50 * MINUTE) + index) % 4) if index % 3 else 0.02
            orders = round(total * share, 8)
            withdrawals = round(total * 0.01, 8) if index == 0 else 0.0
            locked = round(orders + withdrawals, 8)
            yield "exchange_total_balance", labels, total
            yield "exchange_free_balance", labels, round(total - locked, 8)
            yield "exchange_locked_balance", labels, locked
            info = {**labels, "asset_name": NAMES.get(asset, asset), "asset_id": str(index + 1)}
            yield "exchange_asset_info", info, 1
            if self.exchange == "btcturk":
                yield "exchange_locked_orders_balance", labels, orders
                yield "exchange_locked_withdrawals_balance", labels, withdrawals
                updated = self.last_success - rng.randrange(20)
                yield "exchange_balance_updated_timestamp_seconds", labels, updated


def ago(hours: float) -> int:
    """Return the time so many hours before the end, on a whole step."""
    return END - int(hours * HOUR) // MINUTE * MINUTE
