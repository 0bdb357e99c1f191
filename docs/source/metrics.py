"""Write the page of the metrics."""

from collections.abc import Iterable

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from docs.source.markdown import NOTICE, code, table
from exporter.errors import REASONS
from exporter.exchange_api.session import RequestRecord
from exporter.exposition import metrics, price_metrics
from exporter.exposition.deflate import inflate
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.families import AccountFamily, BalanceFamily, Format, StoreFamily
from exporter.exposition.price_metrics import PriceFamily
from exporter.model import BOUNDS
from exporter.polling.endpoint import EndpointKey
from exporter.polling.endpoints import LimitState

Documented = BalanceFamily | AccountFamily | StoreFamily | PriceFamily
Row = tuple[str, str, str, str]

_TITLES = ("Metric", "Type", "Labels", "Help")

_TOP = f"""# Metrics

{NOTICE}
Names, labels and the values of `reason` and `bound` are stable: they change only with a major
version. No sample has a timestamp. Amounts have the exact digits that the exchange sent; Prometheus
stores them as float64.
"""

_BALANCES = """
## Balances

The unit is the asset itself. The series exist only while the account's last complete response is
younger than `stale_after`; otherwise they are absent. A balance that the exchange reports as zero
is 0. One account's balances all come from one response.

"""

_ACCOUNTS = f"""
## Accounts

Every configured account has these from the first scrape on, if nothing else is said.
`exchange_account_info` has the labels that the configuration gives to the account, to join on.

`reason` is one of {", ".join(map(code, REASONS))}; each is 0 from the start. `bound` is one of
{", ".join(map(code, BOUNDS))}. `mode` is `include` or `exclude`.

An account is in a total while it is served and complete (`exchange_account_complete` 1), whether or
not its last poll succeeded, unless `exchange_account_in_totals` is 0.

"""

_PRICES = """
## Prices and values

Only with `valuation` in the configuration.

"""

_APIS = """
## APIs of the exchanges

`host` has its port if that is not the scheme's own. `egress` is the proxy's `host:port`, else the
source address, else the IP family if one is forced, else empty. `call` is `balances`, `token`,
`ticker`, `quote` or `permissions`. `code` is the HTTP status, or the reason if none came. `limit`
is `private` or `public`; `account` is set only if each account has a limit of its own.

"""

_EXPORTER = """
## The exporter

`--web.disable-exporter-metrics` turns off those of the process and of Python.

"""


def page() -> str:
    """Return the page."""
    return "".join(
        (
            _TOP,
            _BALANCES + table(_TITLES, _declared(metrics.BALANCES)),
            _ACCOUNTS + table(_TITLES, _declared((*metrics.ACCOUNTS, *metrics.STORE))),
            _PRICES + table(_TITLES, _declared(price_metrics.PRICES)),
            _APIS + table(_TITLES, _registered("exchange_api_")),
            _EXPORTER + table(_TITLES, _registered("exchange_exporter_", "process_", "python_")),
        )
    )


def _declared(families: Iterable[Documented]) -> Iterable[Row]:
    return [
        (code(each.name), each.kind, ", ".join(map(code, each.labels)), each.help)
        for each in families
    ]


def _registered(*prefixes: str) -> Iterable[Row]:
    """Return the families of prometheus_client whose names have one of the prefixes."""
    return [_row(family) for family in _own() if family.name.startswith(prefixes)]


def _own() -> Iterable[Metric]:
    """Return all families of prometheus_client, each with a sample that has its labels."""
    own, key = ExporterMetrics("1.0.0", "", lambda: 0.0), EndpointKey("btcturk", "api.btcturk.com")
    own.api.count(key, RequestRecord("balances", "200", 0.1))
    own.api.watch(lambda: [LimitState(key, 60, 0.0)])
    text = inflate(own.block(Format.TEXT)).decode()
    return text_string_to_metric_families(text)


def _row(family: Metric) -> Row:
    name = family.name + ("_total" if family.type == "counter" else "")
    labels = family.samples[0].labels.keys() - {"le"}
    in_order = sorted(labels, key=lambda label: (_ORDER.find(label), label))
    return code(name), family.type, ", ".join(map(code, in_order)), family.documentation


_ORDER = "exchange host egress limit account call code"
