"""Define what each path serves, from memory alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from itertools import chain

from exporter import status
from exporter.config.loader import ConfigError
from exporter.exposition import balances_json, prices_json
from exporter.exposition.deflate import Block, deflate, gzip, inflate_in_pieces
from exporter.exposition.exporter_metrics import ExporterMetrics
from exporter.exposition.families import Format
from exporter.exposition.negotiation import VARY, Encoding, choose_encoding, choose_format
from exporter.exposition.pages import Exposition
from exporter.exposition.price_metrics import PricePage
from exporter.polling.snapshots import SnapshotStore
from exporter.prices.valuations import Valuations
from exporter.runtime.clock import Clock
from exporter.web.messages import Handler, Request, Response, Routes

_ENDS = {page_format: deflate(page_format.end.encode()) for page_format in Format}

Reload = Callable[[], Awaitable[None]]


GetValuations = Callable[[], Valuations | None]


def make_routes(  # noqa: PLR0913 - each can be told apart by its name
    *,
    telemetry_path: str,
    store: SnapshotStore,
    own: ExporterMetrics,
    clock: Clock,
    is_ready: Callable[[], bool],
    reload: Reload | None,
    valuations: GetValuations = lambda: None,
) -> Routes:
    """Return the routes; `reload` raises `ConfigError`; without it its route only says so."""
    people = status.StatusPage(store, clock, telemetry_path, valuations)
    routes: Routes = {
        "/": {"GET": _status_page(people)},
        telemetry_path: {"GET": _metrics(store, own, clock, valuations)},
        "/api/v1/balances": {"GET": _balances(people)},
        "/api/v1/prices": {"GET": _prices(store, clock, valuations)},
        **make_health_routes(is_ready),
    }
    return {**routes, **(_reload_route(reload) if reload else _no_reload_route())}


def _metrics(
    store: SnapshotStore, own: ExporterMetrics, clock: Clock, valuations: GetValuations
) -> Handler:
    exposition, prices = Exposition(store), PricePage(valuations)
    store.on_change = exposition.follow

    def metrics(request: Request) -> Response:
        page_format = choose_format(request.header("Accept"))
        now = clock.monotonic()
        page = exposition.page(page_format, now)
        price_block, price_series = prices.block(page_format, store.states, now)
        own.series.set(page.series + price_series)
        blocks = own.block(page_format), page.block, price_block, _ENDS[page_format]
        return _negotiated(request, page_format.content_type, blocks)

    return metrics


def _status_page(people: status.StatusPage) -> Handler:
    async def status_page(request: Request) -> Response:
        blocks = await people.blocks(status.view_of(request.query))
        if blocks is None:
            return Response.text(404, "No such account")
        response = _negotiated(request, status.CONTENT_TYPE, blocks)
        return replace(response, headers={**response.headers, **status.HEADERS})

    return status_page


def _balances(people: status.StatusPage) -> Handler:
    async def balances(request: Request) -> Response:
        known = await people.known()
        sums = balances_json.json_sums(await status.sum_up(known), known.retired)
        blocks = balances_json.document(known.states, known.now, sums, known.valued)
        return _negotiated(request, "application/json", await _in_turns(blocks))

    return balances


def _prices(store: SnapshotStore, clock: Clock, valuations: GetValuations) -> Handler:
    def prices(request: Request) -> Response:
        current = valuations()
        if current is None:
            return Response.text(404, "no prices: valuation is not configured")
        now = clock.monotonic()
        body = prices_json.prices_document(current.valued(store.states, now), now)
        return _negotiated(request, "application/json", [deflate(body)])

    return prices


def make_health_routes(is_ready: Callable[[], bool]) -> Routes:
    """Return the routes of probes, which serve nothing about accounts."""

    def ready(_request: Request) -> Response:
        return Response.text(200, "Ready") if is_ready() else Response.text(503, "Not ready")

    return {
        "/-/healthy": {"GET": lambda _request: Response.text(200, "Healthy")},
        "/-/ready": {"GET": ready},
    }


def _reload_route(reload: Reload) -> Routes:
    async def respond(request: Request) -> Response:
        if _is_of_another_site(request):
            return Response.text(403, "A page of another site must not reload")
        try:
            await reload()
        except ConfigError as error:
            return Response.text(500, f"Configuration rejected, keeping the previous one:\n{error}")
        return Response.text(200, "Reloaded")

    return {"/-/reload": {"POST": respond, "PUT": respond}}


def _no_reload_route() -> Routes:
    def respond(_request: Request) -> Response:
        return Response.text(404, "Not enabled: start with --web.enable-lifecycle, or send SIGHUP")

    return {"/-/reload": dict.fromkeys(("GET", "POST", "PUT"), respond)}


def _is_of_another_site(request: Request) -> bool:
    """Return whether a page of another site sends this; only browsers send an `Origin`."""
    origin = request.header("Origin")
    return bool(origin) and origin.partition("://")[2] != request.header("Host")


async def _in_turns(blocks: Iterable[Block]) -> list[Block]:
    """Return blocks that are made one by one, and let other tasks run in between."""
    made = []
    for block in blocks:
        made.append(block)
        await asyncio.sleep(0)
    return made


def _negotiated(request: Request, content_type: str, blocks: Iterable[Block]) -> Response:
    headers = {"Content-Type": content_type, "Vary": VARY}
    if choose_encoding(request.header("Accept-Encoding")) is Encoding.GZIP:
        pieces = gzip(blocks)
        headers["Content-Encoding"] = "gzip"
        return Response(200, headers, pieces, sum(map(len, pieces)))
    parts = tuple(blocks)
    text = chain.from_iterable(map(inflate_in_pieces, parts))
    return Response(200, headers, text, sum(part.length for part in parts))
