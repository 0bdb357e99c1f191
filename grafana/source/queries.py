"""Write the PromQL that the dashboards share, so that no panel shows a part as the whole.

Sums over accounts come from the recording rules. The whole exists only while every account that may
hold the asset is counted: its balances are served and every row of them was understood. The known
part, what the counted accounts hold, has its own name and stands beside the whole, never in its
place.
"""

from dataclasses import dataclass

TOTAL = "exchange_total_balance"
FREE = "exchange_free_balance"
LOCKED = "exchange_locked_balance"

STATE = "exchange_account:exchange_account_outage:state"
"""0 served and complete, 1 incomplete, 2 not served, 3 no exporter reports the account."""
COUNTED = "exchange_account:exchange_account_counted:bool"
"""1 for an account that is in the sums, 0 for one that is missing; absent if it is excluded."""
LEFT_OUT = "exchange_account:exchange_account_left_out:bool"
KNOWN_ACCOUNTS = "exchange:exchange_account_counted:count"
OUTAGE = "exchange:exchange_account_outage:max"
HELD = f"exchange_account_asset:{TOTAL}:held"
LAST_SEEN = f"exchange_account_asset:{TOTAL}:last_seen"
SEEN = "exchange_account:exchange_account_last_seen:timestamp"
BOUNDED = "exchange_account_asset_bound:exchange_balance:bounded"
RULES = "all:exchange_account_left_out:count"
"""Always recorded, also without any account: absent, no rules are evaluated."""
CHANGE = f"exchange_asset:{TOTAL}:change1d"
FAILURES_OF_AN_HOUR = "exchange_account_reason:exchange_account_poll_failures:increase1h"
FAILURE_RATE = "exchange_reason:exchange_account_poll_failures:rate5m"
FAILURES = "exchange_account_poll_failures_total"
SUCCESS = "exchange_account_last_success_timestamp_seconds"

# No series has a label `all`, so a matcher on it compares with the empty text. A variable that
# selects everything is `.*` and matches that; a selection does not.
EXCHANGES_SELECTED = 'all!~"$exchange"'
ACCOUNTS_SELECTED = 'all!~"$account"'

ON_ACCOUNT = "on (exchange, account)"


@dataclass(frozen=True, slots=True)
class Accounts:
    """Query the accounts that matchers on their labels select."""

    matchers: str

    def select(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return a metric's series of these accounts; `offset` is a duration, or `@ start()`."""
        return f"{metric}{{{both(self.matchers, more)}}}{_ago(offset)}"

    def each(self, metric: str, more: str = "") -> str:
        """Return a figure of each account; the highest if several exporters report it."""
        return f"max by (exchange, account) ({self.select(metric, more)})"

    def counted(self, offset: str = "") -> str:
        """Return 1 for each account that is in the sums, 0 for one that is missing."""
        return self.select(COUNTED, offset=offset)

    @property
    def whole(self) -> str:
        """Return a value that exists only while every account is counted."""
        return f"(min({self.counted()}) == 1)"

    @property
    def not_whole(self) -> str:
        """Return a value that exists only while a known account is missing."""
        return f"(min({self.counted()}) == 0)"

    @property
    def outage(self) -> str:
        """Return the worst state of the accounts within each step, as in `STATE`."""
        return f"max(max_over_time({self.select(STATE)}[$__interval]))"

    @property
    def state(self) -> str:
        """Return the state of each account, the worst highest; see `states.STATES`."""
        failed = f"0 * ({self.each('exchange_account_up')} == 0) + 1"
        known = f"max by (exchange, account) ({self.select(STATE)})"
        return f"(({known} > 0) + 1 or {failed} or 0 * {known})"

    @property
    def age(self) -> str:
        """Return the seconds since each account's last complete response, if there was one."""
        return f"(time() - ({self.each(SUCCESS)} > 0))"

    @property
    def reason(self) -> str:
        """Return each account's most frequent failure of the last hour, in the label `reason`."""
        most = f"topk by (exchange, account) (1, {self.select(FAILURES_OF_AN_HOUR)})"
        return f"max by (exchange, account, reason) ({most})"

    def balance(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return a balance once for each account and asset, as the newest poll gave it."""
        polled = self.select(SUCCESS, offset=offset)
        return (
            f"max by (exchange, account, asset) ({self.select(metric, more, offset)}"
            f" and on (job, instance, exchange, account) ({polled} =="
            f" {ON_ACCOUNT} group_left () max by (exchange, account) ({polled})))"
        )

    def known(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return what the counted accounts hold of each asset: the known part."""
        return f"sum by (asset) ({self.known_at(metric, more, offset)})"

    def known_at(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return the known part of each asset at each exchange."""
        source = self.select(f"instance_{COUNTED}", offset=offset)
        return (
            "sum by (exchange, asset) (max by (exchange, account, asset)"
            f" ({self.select(metric, more, offset)}"
            f" and on (job, instance, exchange, account) {source}))"
        )

    def total(self, metric: str, more: str = "") -> str:
        """Return what all accounts hold of each asset, only while all are counted."""
        return f"({self.known(metric, more)} and on () {self.whole})"

    def total_or_withheld(self, metric: str, asset: str) -> str:
        """Return one asset's total; NaN, not absent, while it would lie."""
        withheld = named(f"{self.not_whole} * NaN", "asset", asset)
        return f"({self.total(metric, of(asset))} or {withheld})"

    @property
    def all_seen(self) -> str:
        """Return a value that exists only while accounts are missing, and all were seen once."""
        never = f"{self.counted()} == 0 unless {ON_ACCOUNT} {self.select(SEEN)}"
        return f"({self.not_whole} unless on () count({never}))"

    def last_seen(self, more: str = "") -> str:
        """Return what the missing accounts held of each asset when they were last seen."""
        return f"sum by (asset) ({self.select(LAST_SEEN, more)})"

    def change(self, more: str = "") -> str:
        """Return how far each asset moved in a day, in accounts that are counted at both ends.

        An account that was added, removed or missing at one end is not a change of money.
        """
        counted = f"({self.counted()} == 1 and {self.counted('1d')} == 1)"
        ends = " or ".join(
            named(f"{sign}{self.select(HELD, more, offset)}", "end", end)
            for end, sign, offset in (("now", "", ""), ("then", "-1 * ", "1d"))
        )
        return f"sum by (asset) (({ends}) and {ON_ACCOUNT} {counted})"

    @property
    def threshold(self) -> str:
        """Return the configured thresholds."""
        series = self.select("exchange_balance_threshold")
        return f"max by (exchange, account, asset, bound) ({series})"

    def bounded(self, side: str = "") -> str:
        """Return the balance of each threshold, or of a side's, `min` or `max`; absent if it is."""
        more = f'bound=~".+_{side}"' if side else ""
        return f"max by (exchange, account, asset, bound) ({self.select(BOUNDED, more)})"

    @property
    def breach(self) -> str:
        """Return 2 for a broken threshold, 1 if its balance is absent, 0 if it is kept."""
        low = f"2 * ({self.bounded('min')} < bool {self.threshold})"
        high = f"2 * ({self.bounded('max')} > bool {self.threshold})"
        return f"({low} or {high} or 1 + 0 * {self.threshold})"


@dataclass(frozen=True, slots=True)
class Selection(Accounts):
    """Query the accounts that `$exchange` and `$account` select, each of which may be all.

    Sums over all accounts, and over those of an exchange, are recorded. Only a selection of
    accounts is added up from the balances themselves.
    """

    @property
    def chosen(self) -> Accounts:
        """Return the accounts of a selection by name; none while all are selected."""
        return Accounts(both(self.matchers, ACCOUNTS_SELECTED))

    def _selected(self, metric: str, more: str, offset: str) -> str:
        """Return the known part of each asset while a selection is on."""
        by_exchange = f"exchange_asset:{metric}:sum_known"
        exchanges = self.select(by_exchange, both(EXCHANGES_SELECTED, more), offset)
        return f"(sum by (asset) ({exchanges}) or {self.chosen.known(metric, more, offset)})"

    def known(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return what the counted accounts hold of each asset: the known part."""
        recorded = self.select(f"asset:{metric}:sum_known", more, offset)
        return f"({recorded} or {self._selected(metric, more, offset)})"

    def known_at(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return the known part of each asset at each exchange."""
        recorded = self.select(f"exchange_asset:{metric}:sum_known", more, offset)
        chosen = self.chosen.known_at(metric, more, offset)
        return f"({recorded} or {chosen})"

    def total(self, metric: str, more: str = "", offset: str = "") -> str:
        """Return what all accounts hold of each asset, only while none is missing that may hold it.

        The rule knows from the accounts' asset filters which may. A selection waits for all.
        """
        recorded = self.select(f"asset:{metric}:sum", more, offset)
        whole = f"(min({self.counted(offset)}) == 1)"
        return f"({recorded} or {self._selected(metric, more, offset)} and on () {whole})"

    def moved_most(self, count: int) -> str:
        """Return the assets whose sum changed most in the selected time, as a share of its highest.

        While an account is missing, a sum of all exists as little as a change of it. What never was
        whole goes by its known part.
        """
        levels = (
            (f"asset:{TOTAL}", ""),
            (f"exchange_asset:{TOTAL}", EXCHANGES_SELECTED),
        )
        spans = [
            _span(self.select(f"{level}:{kind}", more))
            for kind in ("sum", "sum_known")
            for level, more in levels
        ]
        return f"topk({count}, {' or '.join([*spans, _span(self.chosen.select(TOTAL))])})"

    @property
    def outage(self) -> str:
        """Return the worst state of the accounts within each step, as in `STATE`."""
        recorded = f"max(max_over_time({self.select(OUTAGE)}[$__interval]))"
        chosen = f"max_over_time({self.chosen.select(STATE)}[$__interval])"
        return f"({recorded} or max({chosen} and {ON_ACCOUNT} {self.counted()}))"

    def change(self, more: str = "") -> str:
        """Return how far each asset moved in a day, in accounts that are counted at both ends."""
        recorded = self.select(CHANGE, more)
        return f"(sum by (asset) ({recorded}) or {self.chosen.change(more)})"

    @property
    def failure_rate(self) -> str:
        """Return the failed polls per second by reason."""
        recorded = self.select(FAILURE_RATE)
        chosen = f"rate({self.chosen.select(FAILURES)}[$__rate_interval])"
        return f"(sum by (reason) ({recorded}) or sum by (reason) ({chosen}))"

    @property
    def changed(self) -> str:
        """Return a value that exists for each step in which an account was added or removed."""
        return f"(sum(changes({self.select(KNOWN_ACCOUNTS)}[$__interval])) > 0)"

    @property
    def is_part(self) -> str:
        """Return a value that exists only while a selection excludes a known account."""
        return f"(count({self.counted()}) < count({COUNTED}))"


def _span(series: str) -> str:
    """Return how far each asset's series went up and down in the selected time, as a share."""
    over = f"({series}[$__range] @ end())"
    return (
        f"sum by (asset) (max_over_time{over} - min_over_time{over})"
        f" / (sum by (asset) (max_over_time{over}) > 0)"
    )


SEVERAL = Selection('exchange=~"$exchange", account=~"$account"')
"""The accounts of dashboards whose variables select several."""

ONE = Accounts('exchange="$one_exchange", account="$one_account"')
"""The account of a dashboard whose variables select one, whatever characters its name has."""


def of(asset: str) -> str:
    """Return the matcher of one asset."""
    return f'asset="{asset}"'


def both(*matchers: str) -> str:
    """Return matchers as one; empty ones are skipped."""
    return ", ".join(filter(None, matchers))


def _ago(offset: str) -> str:
    """Return a modifier of time: a duration ago, or `@ start()` or `@ end()` as it is."""
    return f" {offset}" if offset.startswith("@") else f" offset {offset}" if offset else ""


def named(expr: str, label: str, text: str) -> str:
    """Return an expression with one more label."""
    return f'label_replace({expr}, "{label}", "{text}", "", "")'


NO_RULES = "no recording rules"
_WITHOUT_RULES = f"vector(-1) unless on () {RULES}"


def n_of_m(selection: Selection) -> str:
    """Return how many accounts are counted; the label `share` reads `3 of 4`.

    The value is their share, or 2 while a selection is on: then it also says of how many.
    """
    n, m, k = (
        f'count_values("{label}", {aggregate})'
        for label, aggregate in (
            ("n", f"sum({selection.counted()})"),
            ("m", f"count({selection.counted()})"),
            ("k", f"count({COUNTED})"),
        )
    )
    joined = f"{n} * on () group_left (m) {m} * on () group_left (k) {k}"
    parts = f'label_join({joined}, "parts", "/", "n", "m", "k")'
    selected = (
        f'2 + 0 * label_replace({parts}, "share", "$1 of $2 selected, $3 known",'
        ' "parts", "(.+)/(.+)/(.+)")'
    )
    everything = f'label_replace({parts}, "share", "$1 of $2", "parts", "(.+)/(.+)/.+")'
    share = f"({everything} * on () group_left () avg({selection.counted()}))"
    return f"max by (share) ({selected} and on () {selection.is_part} or on () {share})"


def or_word(expr: str, label: str, text: str) -> str:
    """Return a headline's query that says in its label why it would have no value."""
    without_rules = named(_WITHOUT_RULES, label, NO_RULES)
    return f"{expr} or on () {without_rules} or on () {named('vector(-1)', label, text)}"


def or_row(expr: str, label: str, text: str) -> str:
    """Return a table's query with one row that says why, if it would have none."""
    without_rules = named(f"({_WITHOUT_RULES}) * NaN", label, NO_RULES)
    return f"{expr} or on () {without_rules} or on () {named('vector(NaN)', label, text)}"
