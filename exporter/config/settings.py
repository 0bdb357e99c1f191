"""List every setting of the configuration, each as one literal."""

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from exporter.config import kinds, values
from exporter.config.schema import Section, Setting
from exporter.exchanges import EXCHANGES
from exporter.model import BOUNDS, MAX_ASSET_CODE, VALUE_BOUNDS, Account, Network
from exporter.yamlfile.nodes import Node

# What people call an exchange, and the name that it has here.
OTHER_NAMES = MappingProxyType({"velafi": "trubit", "trubit_business": "trubit"})

FAMILY_PATTERN = "^[a-z0-9_]+:."
"""Matches exchanges of families that are too large to list, such as `ccxt:kraken`."""

_SHOWN_AMOUNTS = {
    "free_min": "1.5",
    "free_max": "25",
    "total_min": "2",
    "total_max": "40",
    "locked_min": "0",
    "locked_max": "10",
}
_DEFAULTS = Account("", "", "", "", {})
_NO_NETWORK = Network()


def read_labels(node: Node) -> Mapping[str, str]:
    """Return labels by their names; an empty one is none, so that one of `defaults` can go."""
    labels = {}
    for name, value in node.entries().items():
        try:
            values.label_name(name)
        except ValueError as error:
            value.problem(str(error))
        text = value.content if value.content == "" else value.parsed(values.label_value)
        labels[name] = text if isinstance(text, str) else ""
    return labels


INTERVAL = Setting(
    "interval",
    kinds.duration("1s", "1d"),
    _DEFAULTS.interval,
    "Time from one poll to the next.",
    "60s",
)
TIMEOUT = Setting(
    "timeout",
    kinds.duration("100ms", "10m"),
    _DEFAULTS.timeout,
    "Time for one whole poll, not for one read.",
    "10s",
)
STALE_AFTER = Setting(
    "stale_after",
    kinds.duration("1s", "1w"),
    None,
    "Age at which balances are withdrawn.",
    "5m",
    default_in_words="three intervals, as polled, plus the timeout",
)

NAME = Setting(
    "name",
    kinds.text(f"text of at most {values.MAX_NAME} characters", values.account_name),
    None,
    "The label account; unique for each exchange.",
    "treasury-tr",
)
EXCHANGE = Setting(
    "exchange",
    kinds.choice(
        EXCHANGES,
        OTHER_NAMES,
        unlisted=EXCHANGES.unlisted,
        pattern=FAMILY_PATTERN,
        advice=EXCHANGES.advice,
    ),
    "",
    "The label exchange.",
    "btcturk",
)
BASE_URL = Setting(
    "base_url",
    kinds.text("https URL; http for a loopback address only", values.base_url),
    "",
    "Address of the API, if it is not the exchange's usual one.",
    "https://api.velafi.com",
    default_in_words="the exchange's documented address",
)
BALANCES_PATH = Setting(
    "balances_path",
    kinds.text("path, with an optional query", values.balances_path),
    "",
    "Path of the balances; TruBit only. merchantId=0 is the sum of all merchants.",
    "/v2/assets/account/assets?merchantId=0",
    default_in_words="the exchange's documented path",
)
INCLUDE = Setting(
    "include",
    kinds.texts("list of asset codes", values.asset_code),
    (),
    "Only these assets are published.",
    "[USDT, BRL1]",
    default_in_words="every asset that the exchange lists, zeros included",
)
EXCLUDE = Setting(
    "exclude",
    kinds.texts("list of asset codes", values.asset_code),
    (),
    "All assets but these are published.",
    "[BRL1]",
)
ASSETS = Section("assets", "Which assets are published: include or exclude.", (INCLUDE, EXCLUDE))

ASSET = Setting(
    "asset",
    kinds.text(f"text of at most {MAX_ASSET_CODE} characters", values.asset_code),
    None,
    "Asset that these bounds are for.",
    "BTC",
)
BOUND_SETTINGS = tuple(
    Setting(
        bound,
        kinds.text("decimal with a point, in units of the asset", values.decimal),
        None,
        f"Alert when the {bound.removesuffix('_min').removesuffix('_max')} balance is "
        f"{'below' if bound.endswith('_min') else 'above'} this.",
        f'"{_SHOWN_AMOUNTS[bound]}"',
    )
    for bound in BOUNDS
)
VALUE_IN = Setting(
    "value_in",
    kinds.text("code of a currency of valuation", values.currency),
    None,
    "Currency of the bounds of the account's value, in place of asset.",
    "TRY",
    since="0.2.0",
)
VALUE_BOUND_SETTINGS = tuple(
    Setting(
        bound,
        kinds.text("decimal with a point, in units of the currency", values.decimal),
        None,
        f"Alert when the account's value is {'below' if bound.endswith('_min') else 'above'} this.",
        f'"{Decimal(example)}"',
        since="0.2.0",
    )
    for bound, example in zip(VALUE_BOUNDS, ("100000", "5000000"), strict=True)
)
THRESHOLDS = Section(
    "thresholds",
    "Bounds, exported as metrics so that one alert rule serves every account. Those of defaults "
    "hold for accounts that list the asset and have no bound of their own for it.",
    (ASSET, *BOUND_SETTINGS, VALUE_IN, *VALUE_BOUND_SETTINGS),
    form="list",
)

PROXY_URL = Setting(
    "proxy_url",
    kinds.text("http or https URL, or empty for none", values.proxy_url),
    None,
    "HTTP proxy to the exchange; a variable in it is percent-encoded unless it is the whole value.",
    "http://exporter:${PROXY_PASSWORD:-}@proxy.example.com:3128",
    default_in_words="none; proxies of the environment are not used",
    since="0.2.0",
)
PROXY_URL_FILE = Setting(
    "proxy_url_file",
    kinds.text("path", str),
    None,
    "File with the proxy's URL, in place of proxy_url.",
    "/run/secrets/proxy-url",
    since="0.2.0",
)
CA_FILE = Setting(
    "ca_file",
    kinds.text("path", str),
    None,
    "CA certificates in PEM, trusted besides the system's; read again when the file changes.",
    "/etc/ssl/corporate.pem",
    since="0.2.0",
)
SOURCE_ADDRESS = Setting(
    "source_address",
    kinds.text("IP address", values.ip_address),
    _NO_NETWORK.source_address,
    "Address of this machine to connect from, such as the one that a key is bound to.",
    "192.0.2.10",
    since="0.2.0",
)
IP_FAMILY = Setting(
    "ip_family",
    kinds.choice(("any", "ipv4", "ipv6")),
    _NO_NETWORK.ip_family,
    "Kind of addresses to connect to.",
    "ipv4",
    since="0.2.0",
)
NETWORK = Section(
    "network",
    "How the exchange is reached. Accounts with the same egress path share its rate limit.",
    (PROXY_URL, PROXY_URL_FILE, CA_FILE, SOURCE_ADDRESS, IP_FAMILY),
    since="0.2.0",
)
LABELS: Setting[Mapping[str, str], Mapping[str, str]] = Setting(
    "labels",
    kinds.custom("mapping of label names to texts", read_labels, type="object"),
    MappingProxyType({}),
    "Labels of exchange_account_info, to join on. An empty text removes one of defaults.",
    "{entity: acme-tr, desk: market-making}",
    since="0.2.0",
)
IN_TOTALS = Setting(
    "in_totals",
    kinds.boolean(),
    _DEFAULTS.in_totals,
    "Whether the account counts in totals; false for a test account, which is polled and shown.",
    "true",
    since="0.2.0",
)


def _credential_names() -> list[str]:
    sets = [given for each in EXCHANGES.values() for given in each.credential_sets]
    names = {name for given in sets for name in given}
    return sorted(names)


def _shown(name: str) -> str:
    return f"The {name.replace('_', ' ').replace('api', 'API')}"


CREDENTIALS = Section(
    "credentials",
    "The credentials of the exchange. Each is a text, a variable, or a file: the same key with "
    "_file. A file is read again when it changes; a relative path starts at the folder of this "
    "file.",
    tuple(
        setting
        for name in _credential_names()
        for setting in (
            Setting(
                name,
                kinds.text("secret text", str),
                None,
                f"{_shown(name)}, exactly as the exchange shows it.",
                f"${{BTCTURK_{name.upper()}}}",
            ),
            Setting(
                f"{name}_file",
                kinds.text("path", str),
                None,
                f"File with the {_shown(name)[4:]}.",
                f"/run/secrets/{name.replace('_', '-')}",
            ),
        )
    ),
)

# What an account may say, and `defaults` for all accounts; an account's own key wins. The value of
# a single setting is the field of that name of `model.Account`.
SHARED = (
    EXCHANGE,
    CREDENTIALS,
    BASE_URL,
    BALANCES_PATH,
    ASSETS,
    THRESHOLDS,
    INTERVAL,
    TIMEOUT,
    STALE_AFTER,
    NETWORK,
    LABELS,
    IN_TOTALS,
)
DEFAULTS = Section(
    "defaults",
    "Defaults for every account. The keys of network and labels are "
    "merged one by one; any other key of an account replaces the one here.",
    SHARED,
)
REQUESTS_PER_MINUTE = Setting(
    "requests_per_minute",
    kinds.integer(1, 60_000),
    None,
    "Requests a minute, for all accounts with the same egress path together.",
    "120",
    default_in_words="the exchange's documented limit",
)
LIMITS = Section(
    "exchanges",
    "Rate limits other than the documented ones. Lower one if other programs use the same IP "
    "address; accounts are polled less often if their intervals would need more.",
    (REQUESTS_PER_MINUTE,),
    form="names",
    names=tuple(EXCHANGES),
)
ACCOUNTS = Section(
    "accounts",
    "The accounts to poll. Only name, exchange and credentials are required.",
    (NAME, *SHARED),
    form="list",
)
RETIRED = Setting(
    "retired",
    kinds.texts("list of exchange/name", values.retired_account),
    (),
    "Accounts that were removed on purpose; rules stop waiting for them.",
    "[btcturk/old-desk]",
    since="0.2.0",
)
