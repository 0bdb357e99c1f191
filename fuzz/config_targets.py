"""Fuzz what reads the files of whoever runs the exporter: each target takes any bytes."""

import ssl
from base64 import b64encode
from functools import cache
from math import isfinite
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import trustme
import yaml

from exporter.config import loader
from exporter.config.loader import Config, ConfigError
from exporter.credentials import Secret, SecretFile
from exporter.errors import CredentialsError
from exporter.exchanges import EXCHANGES
from exporter.web import config as web_config
from exporter.web.config import WebConfig
from exporter.yamlfile import durations
from fuzz.oracles import CANARY, check_words, words_of

ENVIRONMENT = {
    "KEY": f"key-{CANARY}",
    "SECRET": b64encode(CANARY.encode() * 4).decode(),
    "EMPTY": "",
    "TWO_LINES": f"{CANARY}\n{CANARY}",
}


def configuration(data: bytes) -> None:
    """Read a configuration whole, or say where it is wrong without repeating it."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    try:
        read = loader.parse(text, ENVIRONMENT)
    except ConfigError as error:
        _check_problems(error, text)
        return
    _check_config(read)
    names = [item.get("name") for item in _texts(text)["accounts"]]
    assert len(read.accounts) == len(names), "other accounts than written"
    for account, name in zip(read.accounts, names, strict=True):
        assert account.name == name or "$" in str(name), "another name than written"


def web_configuration(data: bytes) -> None:
    """Honour every protection of a web configuration, or reject it."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "web.yaml"
        file.write_bytes(data)
        for name, pem in _pems().items():
            (file.parent / name).write_bytes(pem)
        try:
            read = web_config.load(file)
        except ConfigError as error:
            _check_problems(error, data.decode("utf-8", "replace"))
            return
    _check_protections(read, _texts(data.decode()))


def duration(data: bytes) -> None:
    """Read a duration as Prometheus does: never a negative or an endless one."""
    text = data.decode("utf-8", "replace")
    try:
        seconds = durations.parse_duration(text)
    except ValueError as error:
        check_words(error)
        return
    assert text.isascii(), "foreign digits are read"
    assert seconds >= 0, "a negative duration"
    assert isfinite(seconds), "an endless duration"


def secret_file(data: bytes) -> None:
    """Take one line of printable ASCII from a file, or name the file and nothing of its content."""
    with TemporaryDirectory() as folder:
        file = SecretFile(Path(folder) / "secret")
        file.path.write_bytes(data)
        try:
            value = file.read().reveal()
        except CredentialsError as error:
            check_words(error)
            return
    assert value == data.decode("ascii", "ignore").strip(), "another secret than the file holds"
    assert value.isprintable(), "a secret that no header can carry"


def _texts(document: str) -> Any:
    """Return a document that was read already, with every value as its text."""
    return yaml.load(document, yaml.CBaseLoader)  # noqa: S506 - this loader makes texts only


def _check_problems(error: ConfigError, text: str) -> None:
    assert error.problems, "refused without a reason"
    assert CANARY not in words_of(error), "an error repeats a value"
    lines = text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\x85") + 2
    for problem in error.problems:
        assert str(problem).isprintable(), "a problem that can't be printed"
        assert len(str(problem)) < 1500, "a problem of a strange length"
        assert 1 <= problem.line <= lines, "a line that the file does not have"
        assert 1 <= problem.column <= len(text) + 1, "a column that the file does not have"


def _check_config(read: Config) -> None:
    keys = {account.key for account in read.accounts}
    assert len(keys) == len(read.accounts) > 0, "no account, or one twice"
    for account in read.accounts:
        assert account.name.isprintable(), "a label that can't be printed"
        assert 1 <= account.interval <= 86_400, "an interval out of its limits"
        assert 0.1 <= account.timeout <= 600, "a timeout out of its limits"
        assert frozenset(account.credentials) in EXCHANGES[account.exchange].credential_sets
        assert account.base_url.startswith(("https://", "http://")), "another scheme"
        assert not any(character in account.base_url for character in " @?#\\\n"), "a strange URL"
        for threshold in account.thresholds:
            assert isfinite(float(threshold.value)), "an endless bound"
        for source in account.credentials.values():
            assert not isinstance(source, Secret) or source.reveal().isprintable(), "odd secret"
            assert "<secret>" in repr(source) or isinstance(source, SecretFile), "a secret shows"
    assert all(1 <= limit <= 60_000 for limit in read.requests_per_minute.values())


def _check_protections(read: WebConfig, written: Any) -> None:
    sections = written if isinstance(written, dict) else {}
    users = sections.get("basic_auth_users")
    if isinstance(users, dict):
        assert set(read.users) == set(users), "other users than written"
    tls = sections.get("tls_server_config")
    if isinstance(tls, dict) and tls.get("cert_file"):
        assert read.tls is not None, "TLS is configured and missing"
        assert read.tls.context.minimum_version >= ssl.TLSVersion.TLSv1_2, "an old TLS"
        demands = tls.get("client_auth_type") == "RequireAndVerifyClientCert"
        assert read.tls.demands_certificates == demands, "clients are not checked as configured"
    assert CANARY not in repr(read), "a value shows"
    assert "$2" not in repr(read), "a password's hash shows"


@cache
def _pems() -> dict[str, bytes]:
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    return {
        "server.crt": server.cert_chain_pems[0].bytes(),
        "server.key": server.private_key_pem.bytes(),
        "ca.crt": authority.cert_pem.bytes(),
        "garbage.crt": b"no certificate\n",
        "empty.crt": b"",
    }
