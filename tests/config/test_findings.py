"""A check finds what a daemon would find out: unreadable secrets, and what is not meant."""

from pathlib import Path

import pytest
import trustme

from exporter.config import loader
from exporter.config.findings import examine
from exporter.exchanges import EXCHANGES

ACCOUNT = """\
accounts:
  - name: a
    exchange: btcturk
    credentials: {api_key: k, api_secret: c2VjcmV0}
"""
CANARY = "hunter2"


def load(folder: Path, text: str, mode: int = 0o600) -> loader.Config:
    path = folder / "config.yaml"
    path.write_text(text)
    path.chmod(mode)
    return loader.load([path], {})


def errors(folder: Path, text: str) -> list[str]:
    found = examine(load(folder, text), {}).errors
    return [str(each).removeprefix(f"{folder}/") for each in found]


def warnings(folder: Path, text: str, mode: int = 0o600, **environ: str) -> list[str]:
    found = examine(load(folder, text, mode), environ)
    assert found.errors == ()
    return [str(each).replace(f"{folder}/", "") for each in found.suspicions]


def with_file(folder: Path, content: str, mode: int = 0o600) -> str:
    secret = folder / "secret"
    secret.write_text(content)
    secret.chmod(mode)
    return ACCOUNT.replace("api_secret: c2VjcmV0", "api_secret_file: secret")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        (" \n", "the file is empty"),
        ("b25l\ndHdv\n", "more than one line"),
        ("not base64!", "must be base64"),
        ('"c2VjcmV0"', "has quotes around it"),
        ("BTCTURK_API_SECRET=c2VjcmV0", "looks like NAME=VALUE"),
    ],
)
def test_a_secret_file_that_can_not_be_used_is_an_error_at_its_place(
    tmp_path: Path, content: str, said: str
):
    [error] = errors(tmp_path, with_file(tmp_path, content))
    assert error.startswith("config.yaml:4:48: accounts[0].credentials.api_secret_file: ")
    assert said in error or "one line" in said
    assert "secret=" not in error.lower()
    assert "c2VjcmV0" not in error


def test_a_missing_secret_file_is_an_error_that_does_not_repeat_its_path(tmp_path: Path):
    text = ACCOUNT.replace("api_secret: c2VjcmV0", f"api_secret_file: {CANARY}")
    [error] = errors(tmp_path, text)
    assert error.endswith("No such file or directory")
    assert CANARY not in error


def test_a_secret_file_of_defaults_is_one_error_for_all_accounts(tmp_path: Path):
    text = (
        "defaults: {exchange: btcturk, credentials: {api_key: k, api_secret_file: none}}\n"
        "accounts: [{name: a}, {name: b}]\n"
    )
    [error] = errors(tmp_path, text)
    assert error.startswith("config.yaml:1:74: defaults.credentials.api_secret_file: ")


def test_a_proxy_in_a_file_and_a_ca_file_are_examined(tmp_path: Path):
    (tmp_path / "proxy").write_text(f"proxy:{CANARY}")
    (tmp_path / "ca.pem").write_text("no certificate")
    network = "    network: {proxy_url_file: proxy, ca_file: ca.pem}\n"
    proxy, ca = errors(tmp_path, ACCOUNT + network)
    assert "network.proxy_url_file: its content must be http://HOST:PORT" in proxy
    assert CANARY not in proxy
    assert ca.endswith("network.ca_file: holds no CA certificate in PEM")
    missing = errors(tmp_path, ACCOUNT + "    network: {ca_file: none}\n")
    assert missing[0].endswith("can't be read: No such file or directory")


def test_a_good_configuration_has_no_findings(tmp_path: Path):
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "proxy").write_text("http://user:p@proxy:3128\n")
    (tmp_path / "proxy").chmod(0o600)
    network = "    network: {proxy_url_file: proxy, ca_file: ca.pem}\n"
    text = with_file(tmp_path, "c2VjcmV0\n") + network
    assert warnings(tmp_path, text, HTTPS_PROXY="http://x") == []


def test_one_key_in_two_accounts_is_found_in_files_too(tmp_path: Path):
    text = ACCOUNT + with_file(tmp_path, "c2VjcmV0").removeprefix("accounts:\n").replace(
        "name: a", "name: b"
    )
    [warning] = warnings(tmp_path, text)
    assert warning == (
        "config.yaml:5:11: accounts[1].name: warning: accounts share a key (exchange: btcturk, "
        "account: b, other: a); a sum counts the same money twice: remove one of them"
    )


def test_two_merchants_of_one_key_are_two_accounts_but_not_beside_all_of_them(tmp_path: Path):
    def text(first: str, second: str) -> str:
        return "accounts:\n" + "".join(
            f"  - {{name: {name}, exchange: trubit, balances_path: '/x?merchantId={merchant}', "
            "credentials: {token: t}}\n"
            for name, merchant in (("a", first), ("b", second))
        )

    assert warnings(tmp_path, text("1", "2")) == []
    [warning] = warnings(tmp_path, text("0", "2"))
    assert "account contains the balances of another account" in warning
    assert "account: a, other: b" in warning
    left_out = text("0", "2").replace("name: a,", "name: a, in_totals: false,")
    assert warnings(tmp_path, left_out) == []


@pytest.mark.parametrize("name", EXCHANGES)
def test_a_limit_above_the_documented_one_is_found(tmp_path: Path, name: str):
    documented = EXCHANGES[name].requests_per_minute
    limit = f"exchanges: {{{name}: {{requests_per_minute: {documented + 1}}}}}\n"
    [warning] = warnings(tmp_path, limit + ACCOUNT)
    assert f"exchanges.{name}.requests_per_minute: warning: " in warning
    assert f"documented: {documented}" in warning
    assert warnings(tmp_path, limit.replace(str(documented + 1), str(documented)) + ACCOUNT) == []


def test_balances_that_are_stale_before_the_next_poll_are_found(tmp_path: Path):
    [warning] = warnings(tmp_path, ACCOUNT + "    interval: 5m\n    stale_after: 30s\n")
    assert "stale_after is shorter than the time between two polls" in warning
    assert "stale_after: 30s, interval: 300.0s" in warning


def test_accounts_that_are_polled_less_often_than_configured_are_found(tmp_path: Path):
    limit = "exchanges: {btcturk: {requests_per_minute: 1}}\ndefaults: {interval: 10s}\n"
    [warning] = warnings(tmp_path, limit + ACCOUNT)
    assert "too many accounts for the rate limit" in warning
    assert "exchange: btcturk, accounts: 1, requests_per_minute: 1, longest_interval: " in warning


def valued(text: str, currency: str = "TRY") -> str:
    return f"{ACCOUNT}valuation:\n  currencies: [{currency}]\n  {text}\n"


@pytest.mark.parametrize(
    "text", ["stale_after: 30s", "sources: [{exchange: btcturk, interval: 1h, stale_after: 30m}]"]
)
def test_quotes_that_are_stale_before_the_next_ones_are_found(tmp_path: Path, text: str):
    [warning] = warnings(tmp_path, valued(text))
    assert "valuation.sources" in warning
    assert "stale_after is shorter than the time between two requests for quotes" in warning
    assert "source: btcturk, stale_after: " in warning


def test_the_usual_age_of_quotes_is_fine(tmp_path: Path):
    assert warnings(tmp_path, valued("interval: 10m")) == []


def source_of(exchange: str) -> str:
    """Return a source of an exchange, with an account if it needs one."""
    quotes = EXCHANGES[exchange].quotes
    assert quotes
    if not quotes.need_account:
        return f"sources: [{{exchange: {exchange}}}]"
    return (
        f"sources: [{{exchange: {exchange}, account: q, quotes: [{{country: Mexico, "
        "from: MXN, to: USDT}]}]"
    )


@pytest.mark.parametrize(("exchange", "price"), [("trubit", "mid"), ("binance", "last")])
def test_a_source_that_never_has_the_configured_price_is_found(
    tmp_path: Path, exchange: str, price: str
):
    text = valued(f"{source_of(exchange)}\n  price: {price}", "USDT")
    account = "  - {name: q, exchange: trubit, credentials: {token: t}}\nvaluation:"
    [warning] = warnings(tmp_path, text.replace("valuation:", account))
    assert "valuation.sources[0]: warning: price source has no such price" in warning
    assert f"(source: {exchange}" in warning
    assert "set price to bid or " in warning
    assert warnings(tmp_path, text.replace("valuation:", account).replace(price, "bid")) == []


@pytest.mark.parametrize(
    ("ignored", "hint"),
    [
        ("btctruk/X", "did you mean `btcturk`?"),
        ("velafi/X", "did you mean `trubit`?"),
        ("nope/X", "known exchanges: "),
    ],
)
def test_an_ignored_asset_of_an_unknown_exchange_is_found(tmp_path: Path, ignored: str, hint: str):
    [warning] = warnings(tmp_path, valued(f"ignore: [BTC, {ignored}]"))
    assert "valuation.ignore[1]: warning: ignored asset has a slash" in warning
    assert hint in warning


def test_an_ignored_asset_of_a_known_exchange_is_fine(tmp_path: Path):
    assert warnings(tmp_path, valued("ignore: [BTC, bitso/X]")) == []


@pytest.mark.parametrize("secret", ["c2VjcmV0", "$$x"])
def test_a_readable_configuration_is_found_if_secrets_are_written_out_in_it(
    tmp_path: Path, secret: str
):
    text = ACCOUNT.replace("api_key: k", f"api_key: {secret}")
    [warning] = warnings(tmp_path, text, 0o644)
    assert warning.startswith(
        "config.yaml:1:1: (file): warning: configuration file with secrets is world-readable"
    )
    assert warnings(tmp_path, text, 0o640) == []


def test_a_readable_configuration_without_secrets_is_fine(tmp_path: Path):
    (tmp_path / "k").write_text("c2VjcmV0")
    (tmp_path / "k").chmod(0o400)
    path = tmp_path / "config.yaml"
    path.write_text(
        ACCOUNT.replace("api_key: k", 'api_key: "${KEY}"').replace(
            "api_secret: c2VjcmV0", "api_secret_file: k"
        )
    )
    path.chmod(0o644)
    assert examine(loader.load([path], {"KEY": "k"}), {}).suspicions == ()


def test_a_readable_secret_file_is_found(tmp_path: Path):
    [warning] = warnings(tmp_path, with_file(tmp_path, "c2VjcmV0", 0o644))
    assert "credentials.api_secret_file: warning: secret file is world-readable (file: " in warning
    assert "chmod o-r" in warning


def test_a_folder_in_place_of_a_secret_file_is_an_error_alone(tmp_path: Path):
    (tmp_path / "folder").mkdir(mode=0o755)
    text = ACCOUNT.replace("api_secret: c2VjcmV0", "api_secret_file: folder")
    found = examine(load(tmp_path, text), {})
    assert len(found.errors) == 1
    assert found.suspicions == ()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_that_is_not_used_is_found(tmp_path: Path, variable: str):
    [warning] = warnings(tmp_path, ACCOUNT, 0o600, **{variable: f"http://user:{CANARY}@proxy:1"})
    assert f"proxy from the environment is ignored (variable: {variable})" in warning
    assert CANARY not in warning
