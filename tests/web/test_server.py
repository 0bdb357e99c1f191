"""The server serves what its routes name, as HTTP wants it, and stops in order."""

import asyncio
import socket

import httpx
import pytest
import structlog

from exporter.web.addresses import Address, ListenError
from exporter.web.limits import Limits
from exporter.web.messages import Request, Response
from exporter.web.server import Server


def page(text: str = "hello", content_type: str = "text/plain"):
    body = text.encode()
    return lambda _: Response(200, {"Content-Type": content_type}, (body,), len(body))


def echo(request: Request) -> Response:
    return Response.text(200, f"{request.method} {request.path} {request.query} {request.peer}")


def get(path: str = "/", *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode()


def url(address: tuple[str, int], path: str = "/") -> str:
    return f"http://{address[0]}:{address[1]}{path}"


async def test_a_route_responds(serve):
    address = await serve({"/": {"GET": page("hello")}})
    async with httpx.AsyncClient() as client:
        response = await client.get(url(address))
    assert (response.status_code, response.text) == (200, "hello")


async def test_a_route_sees_the_request_as_it_was_sent(serve, connect):
    client = await connect(await serve({"/a": {"GET": echo}}))
    await client.send(get("/a?b=%41&c"))
    assert (await client.response())[2] == b"GET /a b=%41&c 127.0.0.1\n"


async def test_header_names_are_found_in_any_case(serve, connect):
    route = {"GET": lambda request: Response.text(200, request.header("ACCEPT"))}
    client = await connect(await serve({"/": route}))
    await client.send(get("/", "accept: a", "Accept: b"))
    assert (await client.response())[2] == b"a, b\n"


@pytest.mark.parametrize(
    "path",
    ["/x", "//", "/metrics/", "/%6detrics", "/./metrics", "/x/../metrics", "/METRICS", "/metrics;"],
)
async def test_only_the_exact_path_is_a_page(serve, connect, path):
    client = await connect(await serve({"/metrics": {"GET": page()}}))
    await client.send(get(path))
    assert (await client.response())[0] == 404


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "X"]
)
async def test_a_wrong_method_is_told_the_right_ones(serve, connect, method):
    client = await connect(await serve({"/": {"GET": page()}}))
    await client.send(get("/", method=method))
    status, headers, _ = await client.response()
    assert (status, headers["allow"]) == (405, "GET, HEAD")


async def test_get_on_a_page_for_post_is_a_wrong_method(serve, connect):
    client = await connect(await serve({"/-/reload": {"POST": page()}}))
    await client.send(get("/-/reload"))
    status, headers, _ = await client.response()
    assert (status, headers["allow"]) == (405, "POST")


async def test_head_has_the_headers_of_get_and_no_body(serve, connect):
    client = await connect(await serve({"/": {"GET": page("hello")}}))
    response = await client.fetch(get("/", "Connection: close", method="HEAD"))
    assert b"Content-Length: 5\r\n" in response
    assert response.endswith(b"\r\n\r\n")


async def test_a_route_may_take_its_time(serve, connect):
    done = asyncio.Event()

    async def reload(_: Request) -> Response:
        await done.wait()
        return Response.text(200, "reloaded")

    client = await connect(await serve({"/-/reload": {"POST": reload}}))
    await client.send(get("/-/reload", "Content-Length: 2", method="POST") + b"{}")
    done.set()
    assert (await client.response())[2] == b"reloaded\n"


async def test_a_body_of_unknown_length_goes_out_in_chunks(serve):
    address = await serve({"/": {"GET": lambda _: Response(200, {}, iter([b"one ", b"", b"two"]))}})
    async with httpx.AsyncClient() as client:
        response = await client.get(url(address))
    assert response.headers["transfer-encoding"] == "chunked"
    assert response.content == b"one two"


async def test_an_old_client_gets_a_body_of_unknown_length_up_to_the_close(serve, connect):
    client = await connect(
        await serve({"/": {"GET": lambda _: Response(200, {}, iter([b"one ", b"two"]))}})
    )
    response = await client.fetch(get("/", version="1.0"))
    assert response.endswith(b"\r\n\r\none two")
    assert b"chunked" not in response


async def test_a_large_body_arrives_whole_though_it_is_made_while_it_leaves(serve):
    chunks = [bytes([number]) * 100_000 for number in range(100)]
    response = Response(200, {}, chunks, 10_000_000)
    address = await serve({"/": {"GET": lambda _: response}})
    async with httpx.AsyncClient() as client:
        assert (await client.get(url(address))).content == b"".join(chunks)


async def test_pipelined_requests_get_their_responses_in_order(serve, connect):
    client = await connect(await serve({f"/{n}": {"GET": page(f"{n:03}")} for n in range(100)}))
    response = await client.fetch(
        b"".join(get(f"/{n}") for n in range(99)) + get("/99", "Connection: close")
    )
    bodies = [part[:3] for part in response.split(b"\r\n\r\n")[1:]]
    assert bodies == [b"%03d" % n for n in range(100)]


async def test_every_response_has_a_date_and_is_never_stored(serve, connect):
    client = await connect(await serve({"/": {"GET": page()}}, wall=lambda: 784111777.9))
    await client.send(get("/"))
    _, headers, _ = await client.response()
    assert headers["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


async def test_no_response_says_what_serves_it_or_opens_it_to_other_origins(serve, connect):
    client = await connect(await serve({"/": {"GET": page()}}))
    await client.send(get("/", "Origin: https://example.org"))
    _, headers, _ = await client.response()
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & headers.keys()


async def test_a_page_of_html_is_locked_down(serve, connect):
    client = await connect(await serve({"/": {"GET": page("<p>", "text/html; charset=utf-8")}}))
    await client.send(get("/"))
    _, headers, _ = await client.response()
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["x-frame-options"] == "deny"
    assert headers["referrer-policy"] == "no-referrer"


async def test_a_page_may_loosen_its_own_policy(serve, connect):
    headers = {"Content-Type": "text/html", "Content-Security-Policy": "default-src 'self'"}
    client = await connect(await serve({"/": {"GET": lambda _: Response(200, headers, (), 0)}}))
    await client.send(get("/"))
    assert (await client.response())[1]["content-security-policy"] == "default-src 'self'"


async def test_a_page_that_fails_says_nothing_but_that_it_failed(serve, connect):
    def fail(_: Request) -> Response:
        raise ValueError("hunter2")

    client = await connect(await serve({"/": {"GET": fail}, "/good": {"GET": page("good")}}))
    with structlog.testing.capture_logs() as logs:
        await client.send(get("/") + get("/good"))
        status, _, body = await client.response()
        assert (status, body) == (500, b"internal error; see the log\n")
        assert (await client.response())[2] == b"good"
    assert logs == [
        {
            "event": "unexpected error in a request",
            "log_level": "error",
            "path": "/",
            "error": "ValueError",
        }
    ]


async def test_a_body_that_fails_half_way_is_seen_to_be_incomplete(serve):
    def chunks():
        yield b"x" * 1000
        raise ValueError("hunter2")

    address = await serve({"/": {"GET": lambda _: Response(200, {}, chunks())}})
    with structlog.testing.capture_logs() as logs:
        async with httpx.AsyncClient() as client:
            with pytest.raises(httpx.TransportError):
                await client.get(url(address))
    assert [(log["event"], log["error"]) for log in logs] == [
        ("a response was cut off", "ValueError")
    ]


async def test_a_client_that_closes_its_sending_side_still_gets_its_response(serve, connect):
    client = await connect(await serve({"/": {"GET": page("hello")}}))
    client.writer.write(get("/"))
    client.writer.write_eof()
    assert (await client.rest()).endswith(b"hello")


async def test_several_addresses_are_served_ipv6_among_them():
    server = Server({"/": {"GET": page("hello")}})
    bound = await server.start(
        [Address("127.0.0.1", 0), Address("::1", 0), Address("localhost", 0)]
    )
    assert [host for host, _ in bound] == ["127.0.0.1", "::1", "127.0.0.1"]
    for address in bound:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(get("/", "Connection: close"))
        assert (await reader.read()).endswith(b"hello")
        writer.close()
    await server.stop()


@pytest.mark.parametrize("host", ["", "::"])
async def test_every_interface_is_one_of_both_families(host):
    server = Server({"/": {"GET": page("hello")}})
    [(_, port)] = await server.start([Address(host, 0)])
    for address in ("127.0.0.1", "::1"):
        reader, writer = await asyncio.open_connection(address, port)
        writer.write(get("/", "Connection: close"))
        assert (await reader.read()).endswith(b"hello")
        writer.close()
    await server.stop()


async def test_a_port_in_use_is_an_error_that_leaves_nothing_open():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = Server({})
        with pytest.raises(
            ListenError, match=rf"^127\.0\.0\.1:{port}: Address already in use \(.*"
        ):
            await server.start([Address("127.0.0.1", 0), Address("127.0.0.1", port)])
        await server.stop()


async def test_stopping_closes_idle_connections_at_once(connect):
    server = Server({"/": {"GET": page()}}, limits=Limits(stop=60))
    [address] = await server.start([Address("127.0.0.1", 0)])
    client = await connect(address)
    await client.send(get("/"))
    await client.response()
    async with asyncio.timeout(5):
        await server.stop()
    assert await client.rest() == b""
    with pytest.raises(ConnectionRefusedError):
        await connect(address)


async def test_stopping_lets_a_response_under_way_finish(connect):
    size = 30_000_000
    pages = {"/": {"GET": lambda _: Response(200, {}, (bytes(size),), size)}}
    server = Server(pages, limits=Limits(stop=60))
    [address] = await server.start([Address("127.0.0.1", 0)])
    client = await connect(address)
    await client.send(get("/"))
    await client.reader.readuntil(b"\r\n\r\n")
    stopping = asyncio.create_task(server.stop())
    assert len(await client.reader.readexactly(size)) == size
    assert await client.rest() == b""
    async with asyncio.timeout(5):
        await stopping


async def test_stopping_does_not_wait_for_a_client_that_reads_nothing(connect):
    size = 30_000_000
    server = Server(
        {"/": {"GET": lambda _: Response(200, {}, (bytes(size),), size)}}, limits=Limits(stop=0.01)
    )
    [address] = await server.start([Address("127.0.0.1", 0)])
    client = await connect(address)
    await client.send(get("/"))
    await client.reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(5):
        await server.stop()
