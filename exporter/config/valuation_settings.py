"""List every setting of the section `valuation`, each as one literal."""

import re
from decimal import Decimal

from exporter.config import kinds, values
from exporter.config.schema import Section, Setting
from exporter.config.settings import BASE_URL, NETWORK, TIMEOUT
from exporter.exchanges import EXCHANGES
from exporter.prices.settings import Ignored, PriceSource, Valuation
from exporter.quotes import PRICE_KINDS

MAX_CURRENCIES = 5
LEAST_STALE_AFTER = 300.0
STALE_INTERVALS = 3
"""Intervals of a source, plus its timeout, after which its quotes are too old if that is longer."""

_DEFAULTS = Valuation(currencies=(), sources=())
_OF_SOURCE = PriceSource("", "")
_PERCENT = re.compile(r"(?P<number>0|[1-9][0-9]?|100)(?P<fraction>\.[0-9]{1,6})?%")
_STALE_AFTER = f"5m, or {STALE_INTERVALS} intervals of the source plus its timeout if longer"
_CODES = kinds.texts("list of codes", values.asset_code)


def percentage(text: str) -> Decimal:
    """Return the ratio that a percentage such as `5%` means."""
    if not (found := _PERCENT.fullmatch(text)):
        raise ValueError("must be a percentage from 0% to 100%, such as 5% or 0.5%")
    return Decimal(found["number"] + (found["fraction"] or "")) / 100


def _ignored(text: str) -> Ignored:
    """Return an asset to ignore; `exchange/asset` means at that exchange alone."""
    code = values.asset_code(text)
    name, slash, asset = code.partition("/")
    exchange = EXCHANGES.get(name) if slash else None
    if exchange is None:
        return Ignored(code)
    return Ignored(exchange.spell(values.asset_code(asset)), exchange.name)


def _country(text: str) -> str:
    if re.fullmatch(r"[A-Za-z]+(?: [A-Za-z]+)*", text) and len(text) <= 40:
        return text
    raise ValueError("must be the name of a country, such as Mexico")


CURRENCIES = Setting(
    "currencies",
    _CODES,
    _DEFAULTS.currencies,
    f"Reference currencies, 1 to {MAX_CURRENCIES}; alerts count in the first one. Required.",
    "[TRY, USDT]",
    since="0.2.0",
)
PRICE = Setting(
    "price",
    kinds.choice(PRICE_KINDS),
    _DEFAULTS.price,
    "Price to count with: bid (what a sale would bring now), mid, or last.",
    "bid",
    since="0.2.0",
)
INTERVAL = Setting(
    "interval",
    kinds.duration("1s", "1d"),
    _OF_SOURCE.interval,
    "How often quotes are requested.",
    "60s",
    since="0.2.0",
)
STALE_AFTER = Setting(
    "stale_after",
    kinds.duration("1s", "1d"),
    None,
    "Age at which a quote is no longer used.",
    "5m",
    default_in_words=_STALE_AFTER,
    since="0.2.0",
)
MAX_ROW_AGE = Setting(
    "max_row_age",
    kinds.duration("1s", "1w"),
    _DEFAULTS.max_row_age,
    "Age that a single pair's own time may have if the ticker as a whole is fresh.",
    "1h",
    since="0.2.0",
)
MAX_SPREAD = Setting(
    "max_spread",
    kinds.text("percentage", percentage),
    _DEFAULTS.max_spread,
    "Spread, (ask - bid) / bid, above which a pair is not used.",
    "5%",
    default_in_words="5%",
    since="0.2.0",
)
BRIDGES = Setting(
    "bridges",
    _CODES,
    _DEFAULTS.bridges,
    "Intermediate codes, at most one per route, in this order.",
    "[USDT, TRY]",
    default_in_words=f"[{', '.join(_DEFAULTS.bridges)}]",
    since="0.2.0",
)
SHARED_CODES = Setting(
    "shared",
    _CODES,
    tuple(sorted(_DEFAULTS.shared)),
    "Codes that mean the same coin at every exchange; any other is priced by its own exchange.",
    "[BTC, ETH, USDT, USDC]",
    default_in_words=f"[{', '.join(sorted(_DEFAULTS.shared))}]",
    since="0.2.0",
)
IGNORE = Setting(
    "ignore",
    kinds.texts("list of asset codes, or exchange/code", _ignored),
    (),
    "Assets that are not part of any value, and reported as such.",
    "[BRL1]",
    since="0.2.0",
)

SOURCE_EXCHANGE = Setting(
    "exchange",
    kinds.choice([name for name, exchange in EXCHANGES.items() if exchange.quotes]),
    None,
    "Exchange to request quotes from.",
    "btcturk",
    since="0.2.0",
)
SOURCE_ACCOUNT = Setting(
    "account",
    kinds.text("name of an account", values.account_name),
    None,
    "Account whose key the quotes need, within its rate limit.",
    "payments-mx",
    since="0.2.0",
)
COUNTRY = Setting(
    "country", kinds.text("text", _country), None, "Country of the quote.", "Mexico", since="0.2.0"
)
FROM = Setting(
    "from", kinds.text("code", values.asset_code), None, "What is sold.", "MXN", since="0.2.0"
)
TO = Setting(
    "to", kinds.text("code", values.asset_code), None, "What is bought.", "USDT", since="0.2.0"
)
QUOTES = Section(
    "quotes",
    "Quotes to request from an exchange that has no ticker.",
    (COUNTRY, FROM, TO),
    form="list",
    since="0.2.0",
)
SOURCES = Section(
    "sources",
    "Where quotes come from. Default: the public ticker of every configured exchange that has "
    "one, or else BtcTurk's.",
    (SOURCE_EXCHANGE, SOURCE_ACCOUNT, INTERVAL, TIMEOUT, STALE_AFTER, BASE_URL, NETWORK, QUOTES),
    form="list",
    since="0.2.0",
)
PEG_ASSET = Setting(
    "asset", kinds.text("code", values.asset_code), None, "Pegged asset.", "USDC", since="0.2.0"
)
PEG_CURRENCY = Setting(
    "currency",
    kinds.text("code", values.asset_code),
    None,
    "What one unit of it is taken to be worth one unit of.",
    "USDT",
    since="0.2.0",
)
PEGS = Section(
    "pegs",
    "Assumptions, shown wherever they are used; none by default.",
    (PEG_ASSET, PEG_CURRENCY),
    form="list",
    since="0.2.0",
)
VALUATION = Section(
    "valuation",
    "What balances are worth. Without this section no price is requested and no series is added.",
    (
        CURRENCIES,
        PRICE,
        INTERVAL,
        STALE_AFTER,
        MAX_ROW_AGE,
        MAX_SPREAD,
        BRIDGES,
        SOURCES,
        SHARED_CODES,
        PEGS,
        IGNORE,
    ),
    since="0.2.0",
)
