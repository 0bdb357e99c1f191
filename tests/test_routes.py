"""The routes: what each path serves, in which format, and that a scrape reads memory only."""

import asyncio
import gzip
import json
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.config.loader import ConfigError, Problem
from exporter.errors import TlsError
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.pages import read_held
from exporter.model import AccountKey, AssetFilter
from exporter.prices.valuations import Valuations
from exporter.routes import make_routes
from exporter.runtime.clock import Clock
from exporter.web.messages import Request, Response, Routes
from tests.accounts import balance, make_account, make_store, poll_at, reading
from tests.prices.quotes import valuation

TREASURY = make_account("treasury")
PAYMENTS = make_account("payments", "trubit")
OPENMETRICS = "application/openmetrics-text;version=1.0.0"


def routes(**changes: object) -> Routes:
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(0.0), reading(balance("BTC", "1.50")))
    store.fail(PAYMENTS.key, poll_at(0.0), TlsError("expired"))
    clock = Clock(monotonic=lambda: 10.0, wall=lambda: 1_700_000_010.0)
    parts: dict[str, Any] = {
        "telemetry_path": "/metrics",
        "store": store,
        "own": ExporterMetrics("1.2.3", "abc", clock.monotonic),
        "clock": clock,
        "is_ready": lambda: True,
        "reload": None,
    }
    return make_routes(**(parts | changes))


def get(path: str, among: Routes | None = None, **headers: str) -> Response:
    request = Request("GET", path, "", {k.replace("_", "-"): v for k, v in headers.items()}, "::1")
    response = (among or routes())[path]["GET"](request)
    assert isinstance(response, Response)
    return response


async def get_awaited(path: str, among: Routes | None = None, **headers: str) -> Response:
    request = Request("GET", path, "", {k.replace("_", "-"): v for k, v in headers.items()}, "::1")
    response = (among or routes())[path]["GET"](request)
    assert not isinstance(response, Response)
    return await response


def body(response: Response) -> bytes:
    whole = b"".join(response.body)
    assert response.length == len(whole)
    return whole


def names(families: Iterable[Metric]) -> set[str]:
    return {family.name for family in families}


def test_the_text_format_holds_the_exporters_own_families_and_the_accounts():
    response = get("/metrics")
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = names(parse_text(body(response).decode()))
    assert {"exchange_total_balance", "exchange_exporter_build_info", "process_open_fds"} <= found


def test_openmetrics_is_whole_and_ends_once():
    response = get("/metrics", accept=OPENMETRICS)
    text = body(response).decode()
    assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    assert text.endswith("# EOF\n")
    assert text.count("# EOF") == 1
    assert names(parse_openmetrics(text)) == names(parse_text(body(get("/metrics")).decode()))


@pytest.mark.parametrize("accept", ["", OPENMETRICS])
def test_a_gzip_response_is_one_member_of_the_same_page(accept: str):
    among = routes()
    packed = get("/metrics", among, accept=accept, accept_encoding="gzip")
    member = body(packed)
    reader = zlib.decompressobj(wbits=31)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert reader.decompress(member) == body(get("/metrics", among, accept=accept))
    assert reader.eof
    assert not reader.unused_data


def test_a_negotiated_response_varies_by_what_was_accepted():
    assert get("/metrics").headers["Vary"] == "Accept, Accept-Encoding"


async def test_exact_balances_are_given_as_text_and_unknown_ones_as_null():
    document = json.loads(body(await get_awaited("/api/v1/balances")))
    treasury, payments = document["accounts"]
    assert treasury["balances"] == [
        {"asset": "BTC", "total": "1.50", "free": "1.50", "locked": "0"}
    ]
    assert (treasury["up"], treasury["complete"], treasury["reason"]) == (True, True, None)
    assert treasury["age_seconds"] == 10
    assert payments["balances"] is None
    assert (payments["up"], payments["reason"]) == (False, "tls")


async def test_sums_say_whether_they_are_whole_and_which_accounts_are_not_in_them():
    sandbox = make_account("sandbox", in_totals=False, labels={"entity": "acme"})
    only_mxn = make_account("mx", "trubit", assets=AssetFilter(frozenset({"MXN"})))
    store = make_store(TREASURY, only_mxn, sandbox)
    rows = reading(balance("BTC", "1.50"), balance("MXN", "2"), balance("TRY", "0"))
    store.succeed(TREASURY.key, poll_at(0.0), rows)
    store.succeed(sandbox.key, poll_at(0.0), reading(balance("BTC", "99")))
    store.retire([AccountKey("btcturk", "old-desk")])
    document = json.loads(body(await get_awaited("/api/v1/balances", routes(store=store))))
    assert [
        (each["asset"], each["total"], each["whole"], each["counted_accounts"], each["accounts"])
        for each in document["totals"]
    ] == [("BTC", "1.50", True, 1, 1), ("MXN", "2", False, 1, 2), ("TRY", "0", True, 1, 1)]
    assert document["not_counted"] == [{"exchange": "trubit", "account": "mx"}]
    assert document["left_out"] == [{"exchange": "btcturk", "account": "sandbox"}]
    assert document["retired"] == [{"exchange": "btcturk", "account": "old-desk"}]
    last = document["accounts"][2]
    assert (last["labels"], last["in_totals"]) == ({"entity": "acme"}, False)


async def test_exact_balances_can_be_deflated_too():
    packed = await get_awaited("/api/v1/balances", accept_encoding="gzip")
    plain = await get_awaited("/api/v1/balances")
    assert json.loads(gzip.decompress(body(packed))) == json.loads(body(plain))


def test_there_are_prices_only_while_valuation_is_configured():
    valuations: Valuations | None = None
    among = routes(valuations=lambda: valuations)
    assert get("/api/v1/prices", among).status == 404
    valuations = Valuations(valuation(), read_held)
    assert json.loads(body(get("/api/v1/prices", among)))["currencies"]
    valuations = None
    assert get("/api/v1/prices", among).status == 404


async def test_there_is_no_page_of_an_account_that_is_not_configured():
    request = Request("GET", "/", "exchange=btcturk&account=nobody", {}, "::1")
    response = routes()["/"]["GET"](request)
    assert not isinstance(response, Response)
    assert (await response).status == 404


def test_readiness_ends_with_the_process():
    assert get("/-/ready").status == 200
    assert get("/-/ready", routes(is_ready=lambda: False)).status == 503
    assert get("/-/healthy", routes(is_ready=lambda: False)).status == 200


def test_the_path_of_the_metrics_can_be_chosen():
    assert "/metrics" not in routes(telemetry_path="/prom")
    assert get("/prom", routes(telemetry_path="/prom")).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_a_reload_that_is_not_enabled_says_how_to_enable_it(method: str):
    response = routes()["/-/reload"][method](Request(method, "/-/reload", "", {}, "::1"))
    assert isinstance(response, Response)
    assert response.status == 404
    assert b"--web.enable-lifecycle" in body(response)


async def test_a_rejected_reload_returns_every_problem():
    async def refuse() -> None:
        await asyncio.sleep(0)
        raise ConfigError([Problem("config.yaml", 3, 5, "accounts[0].name", "a value is missing")])

    handler = routes(reload=refuse)["/-/reload"]["POST"]
    pending = handler(Request("POST", "/-/reload", "", {}, "::1"))
    assert not isinstance(pending, Response)
    response = await pending
    assert response.status == 500
    assert b"config.yaml:3:5: accounts[0].name: a value is missing" in body(response)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"host": "a:10517"}, 200, id="no browser"),
        pytest.param({"host": "a:10517", "origin": "http://a:10517"}, 200, id="our own page"),
        pytest.param({"host": "a:10517", "origin": "https://evil.test"}, 403, id="another site"),
        pytest.param({"host": "a:10517", "origin": "http://a:8080"}, 403, id="another port"),
        pytest.param({"host": "a:10517", "origin": "null"}, 403, id="a page that hides its site"),
    ],
)
async def test_no_page_of_another_site_can_reload(headers: dict[str, str], status: int):
    async def accept() -> None:
        await asyncio.sleep(0)

    handler = routes(reload=accept)["/-/reload"]["POST"]
    response = await handler(Request("POST", "/-/reload", "", headers, "::1"))  # type: ignore[misc]
    assert response.status == status
