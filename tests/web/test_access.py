"""The web configuration holds for every page, follows its files, and is never dropped."""

import asyncio
import base64
import select
import socket
import ssl
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import structlog

from exporter.web.access import Access
from exporter.web.limits import Limits
from exporter.web.messages import Response
from exporter.yamlfile.nodes import ConfigError

HASH = bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()
ALICE = base64.b64encode(b"alice:wonderland").decode()
USERS = f"basic_auth_users: {{alice: {HASH}}}\n"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n"
MUTUAL = (
    "tls_server_config: {cert_file: server.crt, key_file: server.key, client_ca_file: ca.crt, "
    "client_auth_type: RequireAndVerifyClientCert}\n"
)
PAGES = {
    "/": {"GET": lambda _: Response(200, {"Content-Type": "text/html"}, (b"hello",), 5)},
    "/-/healthy": {"GET": lambda _: Response.text(200, "healthy")},
}


def get(path: str = "/", *headers: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]).encode()


AS_ALICE = f"Authorization: Basic {ALICE}"


@pytest.fixture
def configure(pem_folder: Path) -> Callable[[str], Path]:
    """Write the web configuration as a careful tool does: whole, under its name at once."""

    def write(text: str) -> Path:
        draft = pem_folder / "draft"
        draft.write_text(text)
        return draft.rename(pem_folder / "web.yaml")

    return write


@pytest.fixture
def trusting(authorities) -> Callable[..., ssl.SSLContext]:
    """Make the TLS context of a client that trusts our authority, and may have a certificate."""

    def context(certificate=None, **settings) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authorities.ours.configure_trust(made)
        if certificate:
            certificate.configure_cert(made)
        for name, value in settings.items():
            setattr(made, name, value)
        return made

    return context


async def fetch(address, context, *requests: bytes) -> bytes:
    """Send requests over TLS, and return all that comes back until the server closes."""
    reader, writer = await asyncio.open_connection(
        *address, ssl=context, server_hostname="localhost"
    )
    try:
        for request in requests:
            writer.write(request)
        return await reader.read()
    finally:
        writer.transport.abort()


async def is_kept_out(address, context) -> bool:
    """Whether a client gets nothing; TLS 1.3 tells it only after its own side is done."""
    try:
        return await fetch(address, context, get()) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def of_files(logs: list[Any]) -> list[Any]:
    """Return what is logged about the web configuration, not about refused requests."""
    return [log for log in logs if log["event"].startswith("web configuration")]


def status(response: bytes) -> int:
    return int(response.split()[1])


async def status_of(client, request: bytes) -> int:
    await client.send(request)
    return int((await client.response())[0])


# Passwords


@pytest.mark.parametrize("path", ["/", "/-/healthy", "/nowhere", "/?user=alice"])
async def test_every_page_wants_a_password(serve, connect, configure, path):
    client = await connect(await serve(PAGES, access=Access(configure(USERS))))
    await client.send(get(path))
    code, headers, _ = await client.response()
    assert (code, headers["www-authenticate"]) == (401, 'Basic realm="metrics"')


async def test_the_right_password_opens_the_pages(serve, connect, configure):
    client = await connect(await serve(PAGES, access=Access(configure(USERS))))
    assert await status_of(client, get("/", AS_ALICE)) == 200
    assert (
        await status_of(client, get("/-/healthy", AS_ALICE.lower().replace(ALICE.lower(), ALICE)))
        == 200
    )
    assert await status_of(client, get("/nowhere", AS_ALICE)) == 404


async def test_an_overlong_password_is_no_error_of_ours(serve, connect, configure):
    client = await connect(await serve(PAGES, access=Access(configure(USERS))))
    long = base64.b64encode(b"alice:" + b"x" * 100).decode()
    assert await status_of(client, get("/", f"Authorization: Basic {long}")) == 401


# Rate limit and headers


async def test_a_rate_limit_counts_before_passwords_are_checked(serve, connect, configure):
    seconds = 100.0
    file = configure(USERS + "rate_limit: {interval: 10s, burst: 2}")
    client = await connect(await serve(PAGES, access=Access(file, clock=lambda: seconds)))
    assert [await status_of(client, get()) for _ in range(4)] == [401, 401, 429, 429]
    seconds += 10
    assert [await status_of(client, get("/", AS_ALICE)) for _ in range(2)] == [200, 429]
    seconds += 1000
    assert [await status_of(client, get("/", AS_ALICE)) for _ in range(3)] == [200, 200, 429]


async def test_configured_headers_stand_in_every_response_before_our_own(serve, connect, configure):
    text = "http_server_config: {headers: {X-Frame-Options: sameorigin, X-XSS-Protection: '0'}}"
    client = await connect(await serve(PAGES, access=Access(configure(text))))
    for path in ("/", "/nowhere"):
        await client.send(get(path))
        _, headers, _ = await client.response()
        assert headers["x-frame-options"] == "sameorigin"
        assert headers["x-xss-protection"] == "0"


async def test_spaces_around_a_configured_header_are_left_out(serve, connect, configure):
    text = "http_server_config: {headers: {Content-Security-Policy: \"  default-src 'none' \"}}"
    client = await connect(await serve(PAGES, access=Access(configure(text))))
    await client.send(get())
    _, headers, _ = await client.response()
    assert headers["content-security-policy"] == "default-src 'none'"


# Changes while it runs


async def test_a_new_user_gets_in_without_a_restart(serve, connect, configure):
    client = await connect(
        await serve(PAGES, access=Access(configure(USERS.replace("alice", "bob"))))
    )
    assert await status_of(client, get("/", AS_ALICE)) == 401
    configure(USERS)
    assert await status_of(client, get("/", AS_ALICE)) == 200


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param("basic_auth_users: {", id="not YAML"),
        pytest.param("basic_auth_users: {alice: secret}", id="no hash"),
        pytest.param("", id="empty, as while it is written"),
        pytest.param("http_server_config: {http2: true}", id="without users"),
    ],
)
async def test_a_file_that_breaks_leaves_the_door_as_it_was(serve, connect, configure, broken):
    seconds = 0.0
    access = Access(configure(USERS), clock=lambda: seconds)
    client = await connect(await serve(PAGES, access=access))
    with structlog.testing.capture_logs() as logs:
        configure(broken)
        for _ in range(3):
            seconds += 100
            assert await status_of(client, get()) == 401
            assert await status_of(client, get("/", AS_ALICE)) == 200
    assert {(log["log_level"], log["event"]) for log in of_files(logs)} == {
        ("error", "web configuration rejected, keeping the previous one")
    }
    assert len(of_files(logs)) == len({log["problem"] for log in of_files(logs)})


async def test_a_file_that_is_gone_leaves_the_door_as_it_was(serve, connect, configure):
    file = configure(USERS)
    client = await connect(await serve(PAGES, access=Access(file)))
    with structlog.testing.capture_logs() as logs:
        file.unlink()
        assert await status_of(client, get()) == 401
    assert len(of_files(logs)) == 1


async def test_a_file_that_is_fixed_counts_again(serve, connect, configure):
    client = await connect(await serve(PAGES, access=Access(configure(USERS))))
    with structlog.testing.capture_logs() as logs:
        configure("")
        assert await status_of(client, get("/", AS_ALICE)) == 200
        configure(USERS.replace("alice", "bob"))
        assert await status_of(client, get("/", AS_ALICE)) == 401
    assert [log["event"] for log in of_files(logs)][1:] == ["web configuration reloaded"]


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (TLS, "", "tls_server_config"),
        (MUTUAL, TLS, "client_auth_type"),
        (
            MUTUAL,
            MUTUAL.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven"),
            "client_auth_type",
        ),
        (
            MUTUAL.replace("}", ", client_allowed_sans: [a]}"),
            MUTUAL,
            "client_allowed_sans",
        ),
        (USERS, "basic_auth_users: {}", "basic_auth_users"),
        ("rate_limit: {interval: 1s, burst: 1}", "", "rate_limit"),
        (TLS + USERS, "", "basic_auth_users, tls_server_config"),
    ],
)
async def test_no_protection_is_switched_off_without_a_restart(configure, before, after, lost):
    access = Access(configure(before))
    config = access.config
    with structlog.testing.capture_logs() as logs:
        configure(after)
        assert await access.refresh() is config
    assert [log["problem"] for log in logs] == [f"restart to switch off {lost}"]


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (USERS, USERS.replace("alice", "bob"), "basic_auth_users"),
        (TLS + USERS, TLS + USERS.replace("alice", "bob"), "basic_auth_users"),
        (TLS, MUTUAL, "tls_server_config"),
        (TLS, TLS + USERS, "basic_auth_users"),
        (
            TLS,
            TLS.replace("}", ", min_version: TLS13}") + "rate_limit: {interval: 1s, burst: 9}\n",
            "tls_server_config, rate_limit",
        ),
        (USERS, USERS + "\n# a remark\n", ""),
    ],
)
async def test_a_reload_says_which_sections_changed(configure, before, after, changed):
    access = Access(configure(before))
    tls = access.config.tls
    with structlog.testing.capture_logs() as logs:
        configure(after)
        await access.refresh()
    assert [log["changed"] for log in of_files(logs)] == [changed]
    assert (access.config.tls is tls) == ("tls_server_config" not in changed)


async def test_a_certificate_that_comes_later_than_its_name_is_found(configure, pem_folder):
    seconds = 0.0
    access = Access(configure(TLS), clock=lambda: seconds)
    before = access.config
    with structlog.testing.capture_logs():
        configure(TLS.replace("server.crt", "later.crt"))
        assert await access.refresh() is before
        (pem_folder / "later.crt").write_bytes((pem_folder / "server.crt").read_bytes())
        seconds += 100
        assert await access.refresh() is not before


async def test_a_large_file_that_stays_broken_keeps_no_request_waiting(configure):
    access = Access(configure(USERS))
    with structlog.testing.capture_logs() as logs:
        configure("".join(f"key{number}: x\n" for number in range(30_000)))
        turns = 0
        reading = asyncio.create_task(access.refresh())
        while not reading.done():
            await asyncio.sleep(0.01)
            turns += 1
        await access.close()
    assert turns > 1  # the event loop went on while a thread read
    assert len(of_files(logs)) <= 21


async def test_a_file_that_no_thread_can_read_is_read_later(configure):
    seconds = 0.0
    access = Access(configure(USERS), clock=lambda: seconds)
    before = access.config
    loop = asyncio.get_running_loop()
    executor = ThreadPoolExecutor(1)
    executor.shutdown()
    loop.set_default_executor(executor)
    with structlog.testing.capture_logs() as logs:
        configure(USERS.replace("alice", "bob"))
        assert await access.refresh() is before
        loop.set_default_executor(ThreadPoolExecutor(1))
        seconds += 100
        assert await access.refresh() is not before
    assert [log["log_level"] for log in of_files(logs)] == ["error", "info"]


async def test_countless_problems_are_logged_in_a_few_lines(configure):
    access = Access(configure(USERS))
    with structlog.testing.capture_logs() as logs:
        configure("".join(f"key{number}: x\n" for number in range(100)))
        await access.refresh()
    assert len(of_files(logs)) == 21
    assert of_files(logs)[-1]["problem"] == "and 80 more, which --config.check prints"


def test_a_file_that_is_wrong_at_the_start_is_an_error(configure):
    with pytest.raises(ConfigError, match=r"web\.yaml:1:1: tsl: unknown key"):
        Access(configure("tsl: {}"))


# TLS


async def test_tls_serves_what_plain_http_does(serve, configure, trusting):
    address = await serve(PAGES, access=Access(configure(TLS)))
    response = await fetch(address, trusting(), get("/", "Connection: close"))
    assert response.endswith(b"\r\n\r\nhello")


async def test_plain_http_on_a_tls_port_gets_nothing(serve, connect, configure):
    client = await connect(await serve(PAGES, access=Access(configure(TLS))))
    assert b"hello" not in await client.fetch(get())


async def test_500_silent_peers_hold_up_nobody_and_are_dropped(serve, connect, configure, trusting):
    address = await serve(PAGES, Limits(receive=0.5), access=Access(configure(TLS)))
    silent = [await connect(address) for _ in range(500)]
    response = await fetch(address, trusting(), get("/", "Connection: close"))
    assert response.endswith(b"hello")
    assert set(await asyncio.gather(*(peer.rest() for peer in silent))) == {b""}


async def test_peers_that_do_not_respond_to_our_goodbye_make_room(serve, configure, trusting):
    limits = Limits(max_connections=3, receive=0.1, linger=10)
    address = await serve(PAGES, limits, access=Access(configure(TLS)))
    # With TLS 1.2 nothing comes after the handshake but the goodbye.
    context = trusting(maximum_version=ssl.TLSVersion.TLSv1_2)

    def see_goodbye() -> ssl.SSLSocket:
        plain = socket.create_connection(address)
        peer: ssl.SSLSocket = context.wrap_socket(plain, server_hostname="localhost")
        select.select([peer], [], [])
        return peer

    with ExitStack() as peers:
        for peer in await asyncio.gather(*(asyncio.to_thread(see_goodbye) for _ in range(3))):
            peers.enter_context(peer)
        response = await fetch(address, trusting(), get("/", "Connection: close"))
    assert response.endswith(b"hello")


async def test_a_silent_peer_costs_little_memory(serve, connect, configure, trusting):
    address = await serve(PAGES, access=Access(configure(TLS)))
    tracemalloc.start()
    for _ in range(100):
        await connect(address)
    await fetch(
        address, trusting(), get("/", "Connection: close")
    )  # the others were accepted before
    allocated, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert allocated < 100 * 64 * 1024


async def test_a_renewed_certificate_is_shown_to_new_connections(
    serve, configure, trusting, pem_folder, authorities
):
    async def shown() -> bytes:
        _, writer = await asyncio.open_connection(
            *address, ssl=trusting(), server_hostname="localhost"
        )
        peer: ssl.SSLObject = writer.get_extra_info("ssl_object")
        certificate = peer.getpeercert(binary_form=True)
        assert certificate
        writer.transport.abort()
        return certificate

    def renew() -> None:
        certificate = authorities.ours.issue_cert("localhost")
        certificate.cert_chain_pems[0].write_to_path(pem_folder / "server.crt")
        certificate.private_key_pem.write_to_path(pem_folder / "server.key")

    address = await serve(PAGES, access=Access(configure(TLS)))
    first = await shown()
    assert await shown() == first
    renew()
    assert await shown() != first


async def test_a_certificate_that_is_half_renewed_changes_nothing(
    serve, configure, trusting, pem_folder
):
    address = await serve(PAGES, access=Access(configure(TLS)))
    with structlog.testing.capture_logs() as logs:
        (pem_folder / "server.key").write_bytes((pem_folder / "other.key").read_bytes())
        for _ in range(3):
            assert (await fetch(address, trusting(), get("/", "Connection: close"))).endswith(
                b"hello"
            )
    assert len(logs) == 1
    assert "server.crt" not in logs[0]["problem"].split(": ", 1)[1]


async def test_an_open_connection_has_to_prove_itself_under_new_rules(serve, configure, trusting):
    address = await serve(PAGES, access=Access(configure(TLS)))
    reader, writer = await asyncio.open_connection(
        *address, ssl=trusting(), server_hostname="localhost"
    )
    writer.write(get())
    await reader.readuntil(b"hello")
    configure(MUTUAL)
    writer.write(get())
    assert await reader.read() == b""
    writer.transport.abort()


async def test_a_client_without_a_certificate_is_kept_out(serve, configure, trusting):
    address = await serve(PAGES, access=Access(configure(MUTUAL)))
    assert await is_kept_out(address, trusting())


async def test_a_client_of_another_authority_is_kept_out(serve, configure, trusting, authorities):
    address = await serve(PAGES, access=Access(configure(MUTUAL)))
    foreign = authorities.other.issue_cert("prometheus.example.org")
    assert await is_kept_out(address, trusting(foreign))


async def test_a_client_of_our_authority_gets_in(serve, configure, trusting, authorities):
    address = await serve(PAGES, access=Access(configure(MUTUAL)))
    own = authorities.ours.issue_cert("prometheus.example.org")
    assert (await fetch(address, trusting(own), get("/", "Connection: close"))).endswith(b"hello")


async def test_a_certificate_that_need_not_be_shown_must_still_be_good(
    serve, configure, trusting, authorities
):
    text = MUTUAL.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven")
    address = await serve(PAGES, access=Access(configure(text)))
    request = get("/", "Connection: close")
    assert (await fetch(address, trusting(), request)).endswith(b"hello")
    assert (await fetch(address, trusting(authorities.ours.issue_cert("a.b")), request)).endswith(
        b"hello"
    )
    assert await is_kept_out(address, trusting(authorities.other.issue_cert("a.b")))


async def test_only_clients_with_an_allowed_name_may_ask(serve, configure, trusting, authorities):
    names = ", client_allowed_sans: [prometheus.example.org, 10.1.2.3]}"
    address = await serve(PAGES, access=Access(configure(MUTUAL.replace("}", names))))
    request = get("/", "Connection: close")
    for name, code in [
        ("prometheus.example.org", 200),
        ("10.1.2.3", 200),
        ("other.example.org", 403),
    ]:
        client = trusting(authorities.ours.issue_cert(name))
        assert status(await fetch(address, client, request)) == code


async def test_tls_older_than_the_minimum_is_refused(serve, configure, trusting):
    text = TLS.replace("}", ", min_version: TLS13}")
    address = await serve(PAGES, access=Access(configure(text)))
    assert await is_kept_out(address, trusting(maximum_version=ssl.TLSVersion.TLSv1_2))
    assert status(await fetch(address, trusting(), get("/", "Connection: close"))) == 200


def test_a_minimum_that_is_too_old_is_logged_as_a_warning(configure):
    path = configure(TLS.replace("}", ", min_version: TLS11}"))
    with structlog.testing.capture_logs() as logs:
        Access(path)
    [line] = logs
    assert line["log_level"] == "warning"
    assert "min_version" in line["problem"]


async def test_a_large_response_arrives_whole_over_tls(serve, configure, trusting):
    body = bytes(range(256)) * 80_000
    pages = {"/": {"GET": lambda _: Response(200, {}, (body,), len(body))}}
    address = await serve(pages, access=Access(configure(TLS)))
    assert (await fetch(address, trusting(), get("/", "Connection: close"))).endswith(body)


async def test_a_reader_over_tls_that_is_too_slow_is_dropped(serve, configure, trusting):
    size = 30_000_000
    pages = {"/": {"GET": lambda _: Response(200, {}, (bytes(size),), size)}}
    address = await serve(pages, Limits(send=0.1), access=Access(configure(TLS)))
    reader, writer = await asyncio.open_connection(
        *address, ssl=trusting(), server_hostname="localhost"
    )
    writer.write(get())
    await asyncio.sleep(0.3)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError, ssl.SSLError)):
        await reader.readexactly(size)
    writer.transport.abort()
