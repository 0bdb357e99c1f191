"""Fuzz what clients of the exporter send and get: each target takes any bytes."""

import asyncio
import binascii
import re
from base64 import b64decode
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

import bcrypt
import h11
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from exporter.amounts import AmountError, parse_amount
from exporter.daemon import make_exporter_metrics
from exporter.exposition.deflate import inflate
from exporter.exposition.families import Format
from exporter.exposition.negotiation import Encoding, choose_encoding, choose_format
from exporter.exposition.pages import Exposition
from exporter.model import Balance
from exporter.polling.snapshots import SnapshotStore
from exporter.routes import make_routes
from exporter.runtime.clock import Clock
from exporter.web.addresses import Address
from exporter.web.auth import PasswordCheck
from exporter.web.server import Server
from fuzz.oracles import CANARY, is_nearest_float64
from tests.accounts import make_account, make_store, poll_at, reading

_STATUSES = {200, 400, 404, 405, 408, 413, 417, 421, 431, 501, 503, 505}
_ASSET = re.compile(r"[A-Za-z0-9._-]{1,32}")
_PATIENCE = 10.0
_USER, _PASSWORD = "alice", f"right-{CANARY}"


def negotiation(data: bytes) -> None:
    """Choose a format and a coding that the header allows, whatever else it contains."""
    header = data.decode("latin-1")
    lower = header.lower()
    accepted, coding = choose_format(header), choose_encoding(header)
    if not any(word in lower for word in ("openmetrics", "application/*", "*/*")):
        assert accepted is Format.TEXT, "OpenMetrics for a client that never heard of it"
    if not any(word in lower for word in ("gzip", "*")):
        assert coding is Encoding.IDENTITY, "gzip for a client that never heard of it"
    for same in (header.upper(), f" {header} ", header.replace(",", " , ")):
        assert choose_format(same) is accepted, "case or space decides"
        assert choose_encoding(same) is coding, "case or space decides"
    assert choose_encoding(f"{header},gzip;q=0") is Encoding.IDENTITY, "gzip though refused"
    assert choose_encoding(f"{header},identity;q=0,gzip") is Encoding.GZIP, (
        "no gzip although requested"
    )


def authorization(data: bytes) -> None:
    """Admit clients with the right password, and no others."""
    header = data.decode("latin-1")
    assert asyncio.run(_is_let_in(header)) == _proves_the_password(header), "wrong at the door"


def request(data: bytes) -> None:
    """Send only whole responses to any request, and never a 500."""
    received = asyncio.run(_talk(data))
    assert CANARY.encode() not in received, "a response repeats the request"
    if received:
        client = h11.Connection(h11.CLIENT)
        method = "HEAD" if data.lstrip(b"\r\n").startswith(b"HEAD ") else "GET"
        client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
        client.receive_data(received)
        client.receive_data(b"")
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert event is not h11.NEED_DATA, "half a response"
            if isinstance(event, h11.Response):
                assert event.status_code in _STATUSES, f"status {event.status_code}"


def exposition(data: bytes) -> None:
    """Serve names and amounts so that strict parsers read the same names and nearest floats.

    The first line is the account's name, each other one `asset total free locked name`.
    """
    name, balances = read_balances(data)
    store = make_store(make_account(name))
    store.succeed(make_account(name).key, poll_at(0.0), reading(*balances))
    wanted = _wanted(name, balances)
    for page_format, parse in ((Format.TEXT, parse_text), (Format.OPENMETRICS, parse_openmetrics)):
        text = inflate(Exposition(store).page(page_format, 1.0).block).decode() + page_format.end
        found = dict(_samples(parse(text)))
        assert found.keys() == wanted.keys(), "other series than there should be"
        for series, digits in wanted.items():
            assert is_nearest_float64(found[series], digits), "another value than there should be"


def read_balances(data: bytes) -> tuple[str, list[Balance]]:
    """Return the name and the balances that a file of the target `exposition` stands for."""
    first, *lines = data.decode("utf-8", "replace").split("\n")
    name = "".join(filter(str.isprintable, first)).strip() or "a"
    found: dict[str, Balance] = {}
    for line in lines:
        parts = line.split(" ", 4)
        if len(parts) == 5 and _ASSET.fullmatch(parts[0]) and parts[4].isprintable():
            with suppress(AmountError):
                total, free, locked = map(parse_amount, parts[1:4])
                found[parts[0]] = Balance(parts[0], total, free, locked, asset_name=parts[4])
    return name, list(found.values())


Series = tuple[str, str, str, str]


def _wanted(name: str, balances: Iterable[Balance]) -> dict[Series, str]:
    samples: dict[Series, str] = {}
    for row in balances:
        samples["exchange_asset_info", name, row.asset, row.asset_name] = "1"
        for kind in ("total", "free", "locked"):
            samples[f"exchange_{kind}_balance", name, row.asset, ""] = getattr(row, kind)
    return samples


def _samples(metrics: Iterable[Metric]) -> Iterable[tuple[Series, float]]:
    for metric in metrics:
        for sample in metric.samples:
            if "asset" in sample.labels:
                labels = sample.labels
                series = sample.name, labels["account"], labels["asset"]
                yield (*series, labels.get("asset_name", "")), sample.value


async def _talk(data: bytes) -> bytes:
    """Send to a server and close that direction; return all that it says until it closes too."""
    server = Server(
        make_routes(
            telemetry_path="/metrics",
            store=_store(),
            own=_own(),
            clock=Clock(),
            is_ready=lambda: True,
            reload=None,
        )
    )
    [(host, port)] = await server.start([Address("127.0.0.1", 0)])
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            with suppress(ConnectionError):
                writer.write(data)
                writer.write_eof()
            received = await reader.read()
            writer.close()
            return received
    finally:
        await server.stop()


@cache
def _store() -> SnapshotStore:
    return make_store(make_account())


_own = cache(lambda: make_exporter_metrics(Clock()))


async def _is_let_in(header: str) -> bool:
    check = PasswordCheck()
    try:
        return await check.is_right(header, {"bob": _hash("other"), _USER: _hash(_PASSWORD)})
    finally:
        await check.close()


@cache
def _hash(password: str) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()


def _proves_the_password(header: str) -> bool:
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    users = {f"{_USER}:{_PASSWORD}".encode(), b"bob:other"}
    return scheme.lower() == "basic" and decoded in users
