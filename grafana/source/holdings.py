"""Make the tables of holdings: currencies with two decimals, coins with the digits they need."""

from . import queries as q
from .look import BAD, FIAT, QUIET, WARNING, Json, steps
from .panels import runbooks
from .tables import AMOUNT_COLUMN, amount, column, table
from .values import value_of

ours = q.SEVERAL
ASSET_LINK = [
    {
        "title": "Show this asset below",
        "url": "/d/exchange-treasury?${datasource:queryparam}&${exchange:queryparam}"
        "&${account:queryparam}&${currency:queryparam}"
        "&var-asset=${__data.fields.Asset:percentencode}&${__url_time_range}",
    }
]
CHANGE_COLORS = steps((None, QUIET), (-10, BAD), (-0.2, WARNING), (-0.05, QUIET))


def _held(ref: str, title: str, *, money: bool) -> Json:
    """Return a column that is as wide for currencies as for coins: the two tables line up."""
    made = amount(ref, title, money=money)
    return {**made, "look": {**made["look"], "custom__minWidth": AMOUNT_COLUMN}}


def holdings(title: str, kind: str, *, money: bool) -> Json:
    """Return the holdings of one kind of asset: `kind` is a matcher on its code."""
    known = {
        metric: f"sum by (asset) ({ours.known(metric, kind)})"
        for metric in (q.TOTAL, q.FREE, q.LOCKED)
    }
    yesterday = ours.known(q.TOTAL, kind, "1d")
    total = f"sum by (asset) ({ours.total(q.TOTAL, kind)})"
    lost = ours.last_seen(kind)
    held = f"group by (asset) ({known[q.TOTAL]} != 0 or {yesterday} != 0 or {lost})"
    part = f"{known[q.TOTAL]} and on () {ours.not_whole}"
    value = value_of(kind)
    change = ours.change(kind)
    return table(
        title,
        "What the selected accounts hold now or held a day ago. Withheld: an account is missing, so"
        " a total would lie. Known part: what the counted accounts hold; a missing account may owe,"
        " so the total can be more or less. Last seen: what the missing accounts held at their last"
        " response. Change: only accounts that were counted at both ends. Click an asset to see it"
        " below.",
        [
            q.or_row(
                f"0 * {held} + on () group_left (share) 0 * ({q.n_of_m(ours)})"
                f" or on () {q.named(f'NaN * {ours.whole}', 'note', 'none is held')}",
                "note",
                "none is known",
            ),
            f"({total} or NaN * {held}) and on (asset) {held}",
            f"{part} and on (asset) {held}",
            lost,
            f"{known[q.FREE]} and on (asset) {held}",
            f"{known[q.LOCKED]} and on (asset) {held}",
            f"{change} and on (asset) {held}",
            f"{change} / ({known[q.TOTAL]} - {change} > 0) and on (asset) {held}",
            f"{value} / ({known[q.TOTAL]} > 0) and on (asset) {held}",
            f"{value} and on (asset) {held}",
        ],
        [
            column("note", "Note"),
            column("asset", "Asset", 95, links=ASSET_LINK, custom__filterable=True),
            _held("B", "Total", money=money),
            _held("C", "Known part", money=money),
            column("share", "Accounts", 82, custom__align="right"),
            _held("D", "Missing, last seen", money=money),
            amount("J", "Value, known", money=True),
            _held("G", "Change in 24 h", money=money),
            column(
                "Value #H",
                "Change",
                80,
                unit="percentunit",
                decimals=2,
                thresholds=CHANGE_COLORS,
                custom__align="right",
                custom__cellOptions={"type": "color-text"},
            ),
            _held("E", "Free, known", money=money),
            _held("F", "Locked, known", money=money),
            amount("I", "Price"),
        ],
        hide=("n", "m", "k", "parts"),
        sort=[("Value, known", True), ("Asset", False)],
        links=runbooks("ExchangeAssetVanished", "ExchangeAllBalancesZero"),
        frozen=1,
    )


CURRENCIES = holdings("Holdings: currencies", f'asset=~"{FIAT}"', money=True)
COINS = holdings("Holdings: coins", f'asset!~"{FIAT}"', money=False)
