"""The web configuration means what it means to Prometheus' own servers, or is refused."""

import os
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from exporter.commands.config import check
from exporter.web.config import RateLimit, WebConfig, load
from exporter.yamlfile.nodes import ConfigError
from tests.programs import require

FILES = Path(__file__).parent.parent / "data" / "web-config"
TLS = "tls_server_config: {cert_file: server.crt, key_file: server.key"


def files(*kinds: str):
    found = sorted(file for kind in kinds for file in (FILES / kind).glob("*.yaml"))
    return [pytest.param(file, id=f"{file.parent.name}/{file.stem}") for file in found]


def read(folder: Path, text: str) -> WebConfig:
    file = folder / "web.yaml"
    file.write_text(text)
    return load(file)


def problems(folder: Path, text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(ConfigError) as raised:
        read(folder, text)
    return [(each.line, each.column, each.path) for each in raised.value.problems]


@pytest.mark.parametrize("file", files("accepted", "newer"))
def test_a_good_file_is_accepted(pem_folder, file):
    load(Path(shutil.copy(file, pem_folder)))


@pytest.mark.parametrize("file", files("refused", "stricter"))
def test_a_bad_file_is_refused_with_a_place_and_without_repeating_it(pem_folder, file):
    with pytest.raises(ConfigError) as raised:
        load(Path(shutil.copy(file, pem_folder)))
    assert str(raised.value).startswith(f"{pem_folder / file.name}:")
    assert "hunter2" not in str(raised.value)
    assert "$2" not in str(raised.value)


def test_promtool_says_the_same_but_for_the_differences_on_record(pem_folder):
    """docs/decisions/0005-web-config.md gives the reason of each difference."""
    names = {}
    for kind in ("accepted", "refused", "stricter", "newer"):
        for file in (FILES / kind).glob("*.yaml"):
            name = f"{kind}-{file.name}"
            shutil.copy(file, pem_folder / name)
            names[name] = kind
    run = subprocess.run(
        [require("promtool"), "check", "web-config", *names],
        cwd=pem_folder,
        capture_output=True,
        check=False,
    )
    said_yes = {
        line.split()[0]
        for line in (run.stdout + run.stderr).decode().splitlines()
        if line.endswith("SUCCESS")
    }
    # A promtool from before 2025 does not know the keys in `newer`; a later one accepts them.
    expected = {name for name, kind in names.items() if kind in {"accepted", "stricter"}}
    newer = {name for name, kind in names.items() if kind == "newer"}
    assert said_yes - newer == expected


def test_every_problem_of_a_file_is_said_at_once(pem_folder):
    text = """\
tls_server_config:
  cert_file: nowhere.crt
  key_file: server.key
  min_version: TLS9
basic_auth_users:
  alice: hunter2
http_server_config:
  headers:
    X-Frame-Options: allow
rate_limit:
  burst: 0
extra: 1
"""
    assert problems(pem_folder, text) == [
        (2, 14, "tls_server_config.cert_file"),
        (4, 16, "tls_server_config.min_version"),
        (6, 10, "basic_auth_users.alice"),
        (9, 22, "http_server_config.headers.X-Frame-Options"),
        (11, 3, "rate_limit.interval"),
        (11, 10, "rate_limit.burst"),
        (12, 1, "extra"),
    ]


def test_an_empty_file_asks_for_nothing(pem_folder):
    assert read(pem_folder, "") == WebConfig()


def test_certificates_may_stand_in_the_file_itself(pem_folder):
    def pem(name: str) -> str:
        return "|\n" + "".join(
            f"    {line}\n" for line in (pem_folder / name).read_text().splitlines()
        )

    text = f"""\
tls_server_config:
  cert: {pem("server.crt")}
  key: {pem("server.key")}
  client_ca: {pem("ca.crt")}
  client_auth_type: RequireAndVerifyClientCert
"""
    config = read(pem_folder, text)
    assert config.tls is not None
    assert config.tls.files == ()
    assert config.tls.context.verify_mode is ssl.CERT_REQUIRED


def test_a_certificate_is_given_once(pem_folder):
    text = f"{TLS}, cert: x}}"
    assert (1, 72, "tls_server_config.cert") in problems(pem_folder, text)


def test_a_fifo_is_not_waited_for(pem_folder):
    os.mkfifo(pem_folder / "fifo")
    assert problems(pem_folder, TLS.replace("server.key", "fifo") + "}") == [
        (1, 54, "tls_server_config.key_file")
    ]


def test_tls_is_as_strict_as_it_is_told(pem_folder):
    config = read(
        pem_folder,
        f"{TLS}, min_version: TLS12, max_version: TLS12, prefer_server_cipher_suites: false, "
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]}",
    )
    assert config.tls is not None
    context = config.tls.context
    assert context.minimum_version is context.maximum_version is ssl.TLSVersion.TLSv1_2
    assert not context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    older = [suite["name"] for suite in context.get_ciphers() if suite["protocol"] != "TLSv1.3"]
    assert older == ["ECDHE-ECDSA-AES256-GCM-SHA384"]


def test_by_default_tls_is_1_2_or_later_and_the_server_chooses_the_suite(pem_folder):
    config = read(pem_folder, f"{TLS}}}")
    assert config.tls is not None
    assert config.tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert config.tls.context.options & ssl.OP_CIPHER_SERVER_PREFERENCE
    assert config.tls.context.verify_mode is ssl.CERT_NONE


@pytest.mark.parametrize("version", ["TLS10", "TLS11"])
def test_a_minimum_older_than_tls_1_2_means_tls_1_2_with_a_warning(pem_folder, version):
    config = read(pem_folder, f"{TLS}, min_version: {version}}}")
    assert config.tls is not None
    assert config.tls.context.minimum_version is ssl.TLSVersion.TLSv1_2
    [warning] = config.warnings
    assert str(warning).startswith(
        f"{pem_folder}/web.yaml:1:79: tls_server_config.min_version: warning: "
    )


def test_a_check_prints_the_warnings_of_the_web_configuration(pem_folder):
    config, web = pem_folder / "config.yaml", pem_folder / "web.yaml"
    config.write_text(
        "accounts: [{name: a, exchange: btcturk, credentials: {api_key: k, api_secret: c2VjcmV0}}]"
    )
    config.chmod(0o600)
    web.write_text(f"{TLS}, min_version: TLS11}}")
    [line], is_valid = check([config], web, {})
    assert ": tls_server_config.min_version: warning: " in line
    assert is_valid


def test_a_maximum_older_than_tls_1_2_is_refused_with_the_reason(pem_folder):
    with pytest.raises(ConfigError, match="nobody could connect"):
        read(pem_folder, f"{TLS}, min_version: TLS10, max_version: TLS11}}")


def test_suites_of_tls_1_3_alone_leave_nothing_older(pem_folder):
    suites = "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256"
    config = read(pem_folder, f"{TLS}, cipher_suites: [{suites}]}}")
    assert config.tls is not None
    assert config.tls.context.minimum_version is ssl.TLSVersion.TLSv1_3


@pytest.mark.parametrize(
    ("certificate", "admitted"),
    [
        ({"subjectAltName": (("DNS", "prometheus.example.org"),)}, True),
        ({"subjectAltName": (("DNS", "other.example.org"), ("IP Address", "10.0.0.1"))}, True),
        ({"subjectAltName": (("IP Address", "0:0:0:0:0:0:0:1"),)}, True),
        ({"subjectAltName": (("email", "ops@example.org"),)}, True),
        ({"subjectAltName": (("URI", "spiffe://example.org/prometheus"),)}, True),
        ({"subjectAltName": (("DNS", "x.prometheus.example.org"),)}, False),
        ({"subjectAltName": (("DNS", "*.example.org"),)}, False),
        ({"subjectAltName": (("othername", "prometheus.example.org"),)}, False),
        ({"subject": ((("commonName", "prometheus.example.org"),),)}, False),
        ({}, False),
    ],
)
def test_a_name_of_a_client_is_allowed_exactly_as_it_is_written(pem_folder, certificate, admitted):
    config = load(Path(shutil.copy(FILES / "newer" / "allowed-sans.yaml", pem_folder)))
    assert config.tls is not None
    assert config.tls.admits(certificate) is admitted


@pytest.mark.parametrize(
    ("interval", "seconds"), [("1s", 1), ("500ms", 0.5), ("1m30.5s", 90.5), ("1h", 3600)]
)
def test_a_rate_limit_has_an_interval_as_go_writes_it(pem_folder, interval, seconds):
    config = read(pem_folder, f"rate_limit: {{interval: {interval}, burst: 3}}")
    assert config.rate_limit == RateLimit(seconds, 3)


@pytest.mark.parametrize("interval", ["1", "0s", "-1s", "1d", "2h", "s", "1 s", "''"])
def test_another_interval_is_refused(pem_folder, interval):
    assert problems(pem_folder, f"rate_limit: {{interval: {interval}, burst: 3}}") == [
        (1, 24, "rate_limit.interval")
    ]


def test_no_hash_of_a_password_shows_in_a_repr(pem_folder):
    config = load(Path(shutil.copy(FILES / "accepted" / "users.yaml", pem_folder)))
    assert set(config.users) == {"alice", "bob"}
    assert "$2" not in repr(config)


def test_a_variable_is_replaced_as_in_the_configuration(pem_folder):
    file = pem_folder / "web.yaml"
    file.write_text(
        "tls_server_config: {cert_file: '${FOLDER}/server.crt', key_file: '${FOLDER}/server.key'}\n"
    )
    assert load(file, {"FOLDER": str(pem_folder)}).tls is not None
    with pytest.raises(ConfigError, match="environment variable FOLDER is not set"):
        load(file, {})
    load(file, {}, syntax_only=True)
