"""Make the panels of Exporter health about the exchanges' APIs and the price sources."""

from . import queries as q
from .look import BAD, BY_EXCHANGE, DASHES, GOOD, QUIET, TOTAL, WARNING, override, steps, tones
from .panels import chart, not_known, query, runbooks
from .process import EXPORTER_DOWN, TARGET
from .states import ACCOUNT_LINK
from .tables import column, duration, share, state, table

ours = q.SEVERAL
OF_EXCHANGE = f'{TARGET}, exchange=~"$exchange"'
REQUESTS = f"exchange_api_requests_total{{{OF_EXCHANGE}}}"
BUCKETS = f"exchange_api_request_duration_seconds_bucket{{{OF_EXCHANGE}}}"
POLLED = [EXPORTER_DOWN, not_known(ours)]
BY_LIMIT = "max by (exchange, host, egress, limit, account)"


def _limited(metric: str) -> str:
    return f"{BY_LIMIT} ({metric}{{{OF_EXCHANGE}}})"


def _sent(limit: str, calls: str) -> str:
    """Return the requests per minute that count against a limit of an address."""
    rate = f'rate(exchange_api_requests_total{{{OF_EXCHANGE}, call=~"{calls}"}}[5m])'
    return q.named(f"60 * sum by (exchange, host, egress) ({rate})", "limit", limit)


SENT = f"({_sent('private', 'balances|token|permissions')} or {_sent('public', 'ticker|quote')})"
LIMITS = _limited("exchange_api_rate_limit_requests_per_minute")
PAUSED = f"({_limited('exchange_api_paused_until_timestamp_seconds')} - time() > 0)"

REQUESTS_SENT = chart(
    "API requests per minute, by exchange",
    "How many requests each exchange gets from here, polls, tokens and prices together. Much less"
    " than before: accounts wait after failures. Near the limit below: intervals are stretched.",
    query(f"60 * sum by (exchange) (rate({REQUESTS}[$__rate_interval]))", "{{exchange}}"),
    decimals=1,
    overrides=BY_EXCHANGE,
    shades=POLLED,
    links=runbooks("ExchangeRateLimited", "ExchangeAccountPolledTwice"),
)

FAILED_REQUESTS = chart(
    "Failed API requests per minute, by code",
    "Responses other than 2xx, by HTTP status, and requests without one, by reason. 401 or 403: a"
    " key; 429 or 418: too many requests; 5xx: the exchange; timeout, connection or tls: the"
    " network.",
    query(
        "60 * sum by (exchange, code) (rate("
        f'exchange_api_requests_total{{{OF_EXCHANGE}, code!~"2.."}}[$__rate_interval])) > 0',
        "{{code}} at {{exchange}}",
    ),
    decimals=1,
    style="bars",
    soft_max=1,
    color=tones(BAD),
    shades=POLLED,
    links=runbooks("ExchangeAllAccountsDown"),
)

REQUEST_DURATION = chart(
    "API request duration, by exchange",
    "How long the exchanges take to respond: the median, and what 95 % of the requests stay below."
    " Near the timeout (10 s unless configured otherwise) polls fail.",
    *(
        query(
            f"histogram_quantile({quantile},"
            f" sum by (exchange, le) (rate({BUCKETS}[$__rate_interval])))",
            f"{{{{exchange}}}} {name}",
        )
        for quantile, name in ((0.5, "median"), (0.95, "95 %"))
    ),
    unit="s",
    overrides=[*BY_EXCHANGE, override("B", custom__lineWidth=1, custom__lineStyle=DASHES)],
    shades=POLLED,
)

RATE_LIMITS = table(
    "Rate limits",
    "Every limit that the exporter keeps, those that are paused first, then the most used: per"
    " egress address, or per account if the exchange counts so. Paused: the exchange asked to wait,"
    " or an account waits after failures.",
    [
        f"{SENT} / on (exchange, host, egress, limit) group_right () {LIMITS}",
        LIMITS,
        PAUSED,
    ],
    [
        column("exchange", "Exchange", 110),
        column("host", "Host", None),
        column("egress", "Egress", 160),
        column("limit", "Limit", 90),
        column("account", "Account", 140),
        share("A", "Used", 160, TOTAL),
        column("Value #B", "Requests per minute allowed", 210),
        duration("C", "Paused for", 160),
    ],
    sort=[("Paused for", True), ("Used", True)],
    links=runbooks("ExchangeRateLimited"),
)

BY_REASON = "max by (source, reason)"
FAILURES_OF_AN_HOUR = f"increase(exchange_price_source_failures_total{{{TARGET}}}[1h])"


def _newest(name: str) -> str:
    """Return a figure of each source; the highest if several exporters read it."""
    return f"max by (source) (exchange_price_source_{name}{{{TARGET}}})"


SOURCES = table(
    "Price sources",
    "Every source of prices, those that fail first. Older than Stale after: its quotes are not"
    " used, and what needs them has no price. Empty: valuation is not configured.",
    [
        _newest("up"),
        f"time() - ({_newest('last_success_timestamp_seconds')} > 0)",
        _newest("stale_after_seconds"),
        _newest("quotes"),
        f"sum by (source) ({BY_REASON} (exchange_price_source_refused_quotes{{{TARGET}}}))",
        f"sum by (source) ({BY_REASON} ({FAILURES_OF_AN_HOUR}))",
    ],
    [
        state("A", "State", 95, {1: ("Up", GOOD), 0: ("Down", BAD)}),
        column("source", "Source"),
        duration("B", "Age of quotes", 200),
        duration("C", "Stale after", 200),
        column("Value #D", "Quotes", 100),
        column("Value #E", "Rejected quotes", 140, thresholds=steps((None, QUIET), (1, WARNING))),
        column("Value #F", "Failures in an hour", 160, decimals=0),
    ],
    sort=[("State", False)],
    links=runbooks("ExchangePricesStale", "ExchangeStablecoinOffPeg", "ExchangePriceJumped"),
)

KEY_LOOKS: dict[str, dict[float, tuple[str, str]]] = {
    "withdraw": {1: ("yes", BAD), 0: ("no", GOOD)},
    "transfer": {1: ("yes", WARNING), 0: ("no", GOOD)},
    "trade": {1: ("yes", WARNING), 0: ("no", GOOD)},
    "ip_restricted": {1: ("yes", GOOD), 0: ("no", WARNING)},
    "read": {1: ("yes", QUIET), 0: ("no", WARNING)},
}
"""What keys may do, the most dangerous first. The exporter needs nothing but reading."""


def _allowed(permission: str) -> str:
    return ours.each("exchange_account_key_permission", f'permission="{permission}"')


KEYS = table(
    "What the keys may do",
    "Permissions of the accounts' keys, if the exchange reports them, the most dangerous first. The"
    " exporter only reads: a key that may withdraw, transfer or trade, or that is not bound to IP"
    " addresses, is worth replacing. Empty: no exchange reports any.",
    [_allowed(permission) for permission in KEY_LOOKS],
    [
        column("exchange", "Exchange", 110),
        column("account", "Account", links=ACCOUNT_LINK),
        *(
            state(ref, heading, 150, KEY_LOOKS[permission])
            for ref, heading, permission in (
                ("A", "May withdraw", "withdraw"),
                ("B", "May transfer", "transfer"),
                ("C", "May trade", "trade"),
                ("D", "Bound to addresses", "ip_restricted"),
                ("E", "May read", "read"),
            )
        ),
    ],
    sort=[("May withdraw", True), ("May transfer", True), ("May trade", True)],
)
