"""The health check finds a daemon by the daemon's flags, with TLS, users or client certificates."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import bcrypt
import pytest
import trustme

from exporter.commands.healthcheck import Target, check, find_target
from exporter.commands.parser import parse_command_line
from exporter.web.addresses import Address, parse_address
from tests.programs import Exporter, exporter, run, wait_for

CLIENT_AUTH = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.pem\n"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def demo(folder: Path, *flags: str) -> Iterator[Exporter]:
    """Run the demo until it listens."""
    with exporter(folder, "demo", *flags) as daemon:
        wait_for(lambda: "msg=listening" in daemon.log)
        yield daemon


def guarded(folder: Path, client_auth: str) -> str:
    """Write a web configuration with TLS, a login, and client certificates; return its flag."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    password = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    (folder / "web.yaml").write_text(
        "tls_server_config:\n  cert_file: server.pem\n  key_file: server.pem\n"
        f"{client_auth}"
        f"basic_auth_users: {{prometheus: '{password}'}}\n"
    )
    return f"--web.config.file={folder / 'web.yaml'}"


def test_the_listen_address_of_the_flags_gets_the_request(tmp_path: Path):
    listen = f"--web.listen-address=127.0.0.1:{free_port()}"
    with demo(tmp_path, listen) as daemon:
        ended = run("healthcheck", listen)
        assert ended.returncode == 0
        assert ended.stdout.startswith(f"healthy: {daemon.url}/-/healthy: 200")
    ended = run("healthcheck", listen)
    assert ended.returncode == 1
    assert ended.stdout.startswith("unhealthy: http://127.0.0.1:")
    assert ended.stdout.endswith("Connection refused\n")
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "client_auth",
    ["", CLIENT_AUTH, f"{CLIENT_AUTH}  max_version: TLS12\n"],
    ids=["login", "client-certificate", "client-certificate-tls12"],
)
def test_tls_logins_and_client_certificates_are_no_obstacle(tmp_path: Path, client_auth: str):
    flags = guarded(tmp_path, client_auth), f"--web.listen-address=127.0.0.1:{free_port()}"
    with demo(tmp_path, *flags):
        assert run("healthcheck", *flags).returncode == 0


def test_the_health_port_needs_no_login_and_shows_no_balance(tmp_path: Path):
    health = f"--web.health-listen-address=127.0.0.1:{free_port()}"
    flags = guarded(tmp_path, ""), "--web.listen-address=127.0.0.1:0", health
    with demo(tmp_path, *flags):
        ended = run("healthcheck", *flags)
        assert ended.returncode == 0
        url = ended.stdout.removeprefix("healthy: ").partition("/-/")[0]
        assert ended.stdout == f"healthy: {url}/-/healthy: 200\n"
        assert run("healthcheck", f"{url}/-/ready").stdout == f"healthy: {url}/-/ready: 200\n"
        for path in ("/metrics", "/api/v1/balances", "/index.html"):
            assert run("healthcheck", f"{url}{path}").stdout == f"unhealthy: {url}{path}: 404\n"


def test_a_unix_socket_gets_the_request(tmp_path: Path):
    listen = f"--web.listen-address=unix:{tmp_path}/exporter.sock"
    with demo(tmp_path, listen) as daemon:
        assert run("healthcheck", listen).stdout == f"healthy: unix:{tmp_path}/exporter.sock: 200\n"
        assert f"addresses=unix:{tmp_path}/exporter.sock" in daemon.log
        assert daemon.stop() == 0
    assert not (tmp_path / "exporter.sock").exists()


def test_a_web_configuration_without_tls_is_no_obstacle(tmp_path: Path):
    (tmp_path / "web.yaml").write_text("{}\n")
    flags = f"--web.config.file={tmp_path}/web.yaml", f"--web.listen-address=:{free_port()}"
    with demo(tmp_path, *flags):
        assert run("healthcheck", *flags).returncode == 0


def test_a_server_that_fails_or_another_program_is_not_healthy():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        target = Target("127.0.0.1", port)
        for response in (b"HTTP/1.1 500 Oops\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"):
            assert not _is_healthy_after(other, response, target)
        assert _is_healthy_after(other, b"HTTP/1.1 401 No\r\n\r\n", target)
        health = Target("127.0.0.1", port, must_be_ok=True)
        assert not _is_healthy_after(other, b"HTTP/1.1 401 No\r\n\r\n", health)


def _is_healthy_after(listener: socket.socket, response: bytes, target: Target) -> bool:
    """Return the verdict on a response, which waits for the request in the kernel."""

    def serve() -> None:
        client, _ = listener.accept()
        with client:
            client.recv(4096)
            client.sendall(response)

    thread = threading.Thread(target=serve)
    thread.start()
    result = check(target)
    thread.join()
    return result.is_healthy


@pytest.mark.parametrize(
    ("addresses", "host"),
    [
        ([":10517"], "127.0.0.1"),
        (["0.0.0.0:10517", "192.0.2.1:10517"], "127.0.0.1"),
        (["[::]:10517"], "::1"),
        (["192.0.2.1:10517"], "192.0.2.1"),
        (["localhost:10517"], "localhost"),
    ],
)
def test_an_address_for_all_interfaces_gets_the_request_on_this_machine(
    addresses: list[str], host: str
):
    assert find_target(None, [], list(map(parse_address, addresses)), None) == Target(host, 10517)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://127.0.0.1:10517", Target("127.0.0.1", 10517)),
        ("https://[::1]:10517/", Target("::1", 10517, may_have_tls=True)),
        ("http://localhost/-/ready", Target("localhost", 80, "/-/ready", must_be_ok=True)),
        ("https://[::1]/nope", Target("::1", 443, "/nope", may_have_tls=True, must_be_ok=True)),
    ],
)
def test_a_url_is_taken_as_it_is(url: str, target: Target):
    assert find_target(url, [Address("127.0.0.1", 1)], [Address("127.0.0.1", 2)], None) == target


@pytest.mark.parametrize("arguments", [["127.0.0.1:10517"], ["--web.listen-address=127.0.0.1:0"]])
def test_an_unusable_target_is_named_in_one_line(arguments: list[str]):
    ended = run("healthcheck", *arguments)
    assert ended.returncode == 1
    assert ended.stdout.startswith("unhealthy: ")
    assert ended.stdout.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("healthcheck", "a", "b"),
        ("healthcheck", "--nope"),
        ("healthcheck", "--web.listen-address=nowhere"),
        ("--web.listen-address=nowhere", "healthcheck"),
    ],
)
def test_a_command_line_that_is_wrong_is_one_line_and_one(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parse_command_line(arguments, {})
    assert ended.value.code == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("exchange-balance-exporter: error: ")
    assert "--help`" in line
