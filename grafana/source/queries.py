"""Write the PromQL that the dashboards share, so that no panel adds up what is not all there.

A sum over accounts lies while one of them is absent. So every sum stands beside `whole`, which has
a value only while each selected account is up and complete. It says the same as the recording
rules, and does not need them.
"""

from dataclasses import dataclass

TOTAL = "exchange_total_balance"
FREE = "exchange_free_balance"
LOCKED = "exchange_locked_balance"

BOUNDS = {
    "free_min": FREE,
    "free_max": FREE,
    "total_min": TOTAL,
    "total_max": TOTAL,
    "locked_min": LOCKED,
    "locked_max": LOCKED,
}
"""Every bound of a threshold, and the balance that it bounds."""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Query the accounts that a dashboard's variables select by matchers on their labels."""

    matchers: str

    def select(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return a metric's series of these accounts; `offset` is a duration."""
        return f"{metric}{{{self.matchers}{more}}}{_ago(offset)}"

    def each(self, metric: str) -> str:
        """Return a figure of each account; the lowest where several exporters report it."""
        return f"min by (exchange, account) ({self.select(metric)})"

    def _sound(self, offset: str = "") -> str:
        """Return 1 for an account that is up and complete as one exporter sees it, else 0."""
        up, complete = (
            self.select(f"exchange_account_{name}", offset=offset) for name in ("up", "complete")
        )
        return f"{up} * {complete}"

    def _lost(self, offset: str = "") -> str:
        """Return accounts whose exporter is down, or was removed today: not there, but not gone."""
        seen = self.select("exchange_account_up")
        day, week = (
            f"present_over_time({seen}[{window}]{_ago(offset)})" for window in ("1d:5m", "1w:1h")
        )
        up = f"up{_ago(offset)}"
        return (
            f"group by (exchange, account) ({day} unless on (job, instance) ({up} == 1)"
            f" or {week} and on (job, instance) ({up} == 0))"
        )

    def ready(self, offset: str = "") -> str:
        """Return 1 for an account that is up and complete, else 0; one series for each."""
        sound = f"max by (exchange, account) ({self._sound(offset)})"
        return f"({sound} or 0 * {self._lost(offset)})"

    @property
    def state(self) -> str:
        """Return 1 up, 0 down, -1 unknown as the exporter is down; one series for each account."""
        up = f"max by (exchange, account) ({self.select('exchange_account_up')})"
        return f"({up} or 0 * {self._lost()} - 1)"

    def whole(self, offset: str = "") -> str:
        """Return a value that exists only while every account is up and complete."""
        return f"(min({self.ready(offset)}) == 1)"

    @property
    def not_whole(self) -> str:
        """Return a value that exists only while accounts are known and one is not ready."""
        return f"(min({self.ready()}) < 1)"

    @property
    def age(self) -> str:
        """Return the seconds since each account's last good answer, where there was one."""
        return f"(time() - ({self.each('exchange_account_last_success_timestamp_seconds')} > 0))"

    @property
    def reason(self) -> str:
        """Return each account's most frequent failure of the last hour, in the label `reason`."""
        failures = self.select("exchange_account_poll_failures_total")
        counted = f"sum by (exchange, account, reason) (increase({failures}[1h]))"
        return f"(topk by (exchange, account) (1, {counted}) > 0)"

    def balance(self, metric: str, asset: str = "", offset: str = "") -> str:
        """Return a balance once for each account and asset, however many exporters report it."""
        series = self.select(metric, _of(asset), offset)
        return f"max by (exchange, account, asset) ({series})"

    def _counted(self, metric: str, asset: str = "", offset: str = "") -> str:
        """Return a balance as an exporter gives it that sees the account up and complete."""
        series = self.select(metric, _of(asset), offset)
        sound = f"on (job, instance, exchange, account) ({self._sound(offset)} == 1)"
        return f"max by (exchange, account, asset) ({series} and {sound})"

    def total(self, metric: str, asset: str = "") -> str:
        """Return a balance of each asset added up over the accounts, while all are there."""
        return f"(sum by (asset) ({self._counted(metric, asset)}) and on () {self.whole()})"

    def total_or_withheld(self, metric: str, asset: str) -> str:
        """Return one asset's total; NaN, not absent, while it would lie."""
        return f"(sum({self.total(metric, asset)}) or {self.not_whole} * NaN)"

    def change(self, metric: str) -> str:
        """Return how far each asset moved in a day, in the accounts that are and were there.

        An account that was added or removed is no change of money.
        """
        moved = f"{self._counted(metric)} - {self._counted(metric, offset='1d')}"
        both = f"{self.whole()} and on () {self.whole('1d')}"
        return f"(sum by (asset) ({moved}) and on () {both})"

    def threshold(self, side: str = "") -> str:
        """Return the configured thresholds: all, or those of one side, `min` or `max`."""
        more = f', bound=~".+_{side}"' if side else ""
        series = self.select("exchange_balance_threshold", more)
        return f"max by (exchange, account, asset, bound) ({series})"

    @property
    def bounded(self) -> str:
        """Return the balance that each threshold bounds; absent where that balance is."""
        each = " or ".join(
            f'label_replace({self.balance(metric)}, "bound", "{bound}", "", "")'
            for bound, metric in BOUNDS.items()
        )
        return f"(({each}) and on (exchange, account, asset, bound) {self.threshold()})"

    @property
    def breach(self) -> str:
        """Return 1 for a broken threshold, 0 for a kept one, -1 where its balance is absent."""
        below, above = (
            f"{self.bounded} {comparison} bool on (exchange, account, asset, bound)"
            f" {self.threshold(side)}"
            for side, comparison in (("min", "<"), ("max", ">"))
        )
        return f"({below} or {above} or {self.threshold()} * 0 - 1)"


SEVERAL = Accounts('exchange=~"$exchange", account=~"$account"')
"""The accounts of dashboards whose variables select several."""

ONE = Accounts('exchange="$exchange", account="$account"')
"""The account of a dashboard whose variables select one, whatever characters its name has."""


def _ago(offset: str) -> str:
    return f" offset {offset}" if offset else ""


def _of(asset: str) -> str:
    return f', asset="{asset}"' if asset else ""


def n_of_m(each: str) -> str:
    """Return the share of ones among ones and zeros; its label `share` reads `3 of 4`."""
    n, m = f'count_values("n", sum({each}))', f'count_values("m", count({each}))'
    words = f'label_join({n} * on () group_left (m) {m}, "share", " of ", "n", "m")'
    return f"({words} * on () group_left () avg({each}))"


def or_word(expr: str, label: str, words: str) -> str:
    """Return a headline's query that says why in its label, where it would have no value."""
    return f'{expr} or on () label_replace(vector(-1), "{label}", "{words}", "", "")'


def or_row(expr: str, label: str, words: str) -> str:
    """Return a table's query with one row that says why, where it would have none."""
    return f'{expr} or on () label_replace(vector(NaN), "{label}", "{words}", "", "")'
