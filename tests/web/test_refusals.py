"""What is refused at the door is logged, without filling the log."""

import asyncio
import socket
import ssl

import bcrypt
import pytest
import structlog

from exporter.web.access import Access
from exporter.web.limits import Limits
from exporter.web.messages import Response
from exporter.web.refusals import RefusalLog

PAGES = {"/": {"GET": lambda _: Response.text(200, "hello")}}
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"


def lines(logs, event: str = "requests rejected") -> list[tuple[object, ...]]:
    said = [log for log in logs if log["event"] == event]
    return [(log["log_level"], log["status"], log.get("count"), log["reason"]) for log in said]


@pytest.fixture
def web_file(pem_folder):
    def write(text: str):
        path = pem_folder / "web.yaml"
        path.write_text(text)
        return path

    return write


async def test_a_kind_is_logged_once_a_minute_and_each_refusal_at_debug(serve, connect, web_file):
    hashed = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode()
    access = Access(web_file(f"basic_auth_users: {{alice: {hashed}}}\n"))
    client = await connect(await serve(PAGES, access=access))
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            await client.send(GET)
            assert (await client.response())[0] == 401
    assert lines(logs) == [("warning", 401, 1, "user name and password required")]
    assert len(lines(logs, "request rejected")) == 3


@pytest.mark.parametrize(
    ("request_", "level", "status"),
    [
        (GET.replace(b"/ ", b"/none?token=hunter2 "), "info", 404),
        (GET.replace(b"GET", b"POST"), "info", 405),
        (GET.replace(b"localhost", b"hunter2.example"), "warning", 421),
        (GET.replace(b"/ ", b"hunter2 "), "warning", 400),
        (b"GET / HTTP/1.1\r\n" + b"a: hunter2\r\n" * 200 + b"\r\n", "warning", 431),
    ],
)
async def test_every_refusal_has_a_line_that_repeats_nothing(
    serve, connect, request_, level, status
):
    client = await connect(await serve(PAGES))
    with structlog.testing.capture_logs() as logs:
        await client.send(request_)
        assert (await client.response())[0] == status
    [(said_level, said_status, count, _)] = lines(logs)
    assert (said_level, said_status, count) == (level, status, 1)
    assert "hunter2" not in repr(logs)


async def test_what_is_served_is_not_logged(serve, connect):
    client = await connect(await serve(PAGES))
    with structlog.testing.capture_logs() as logs:
        await client.send(GET)
        assert (await client.response())[0] == 200
    assert logs == []


async def test_a_minute_later_the_count_is_logged_and_a_quiet_minute_ends_it():
    refusals = RefusalLog()
    with structlog.testing.capture_logs() as logs:
        for _ in range(500):
            refusals.note(401, "192.0.2.1", "why")
        refusals._flush(401)
        refusals._flush(401)
        refusals.note(401, "192.0.2.1", "why")
    assert [count for _, _, count, _ in lines(logs)] == [1, 499, 1]
    refusals.close()


async def test_plain_http_on_the_tls_port_is_told_so(serve, connect, web_file):
    address = await serve(PAGES, access=Access(web_file(TLS)))
    client = await connect(address)
    with structlog.testing.capture_logs() as logs:
        response = await client.fetch(GET)
    assert response.startswith(b"HTTP/1.1 400 ")
    assert response.endswith(b"this port serves HTTPS; use https:// in the URL\n")
    assert [status for _, status, _, _ in lines(logs)] == [400]


async def test_what_is_neither_tls_nor_http_gets_no_response(serve, connect, web_file):
    client = await connect(await serve(PAGES, access=Access(web_file(TLS))))
    assert await client.fetch(b"\x00\x01\x02\x03") in {b"", b"\x15\x03\x01\x00\x02\x022"}


async def test_a_client_that_says_nothing_to_the_tls_port_is_dropped(serve, connect, web_file):
    limits = Limits(receive=0.1)
    client = await connect(await serve(PAGES, limits, access=Access(web_file(TLS))))
    assert await client.rest() == b""


def handshake(address, context) -> None:
    """Fail to trust the server, as a client of OpenSSL does: with an alert."""
    with socket.create_connection(address) as client, pytest.raises(ssl.SSLError):
        context.wrap_socket(client, server_hostname="localhost")


async def test_a_failed_handshake_is_logged_with_its_reason(serve, authorities, web_file):
    address = await serve(PAGES, access=Access(web_file(TLS)))
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authorities.other.configure_trust(stranger)
    with structlog.testing.capture_logs() as logs:
        await asyncio.to_thread(handshake, address, stranger)
        for _ in range(500):
            if lines(logs):
                break
            await asyncio.sleep(0.01)
    [(level, status, _, reason)] = lines(logs)
    assert (level, status) == ("warning", "tls")
    assert "unknown ca" in str(reason)
