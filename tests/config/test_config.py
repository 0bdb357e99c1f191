"""A configuration is read exactly, or refused with everything that is wrong with it."""

import re
import traceback
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.config import loader, settings
from exporter.config.loader import ConfigError
from exporter.config.values import check_proxy_url
from exporter.credentials import Secret, SecretFile, base64_text
from exporter.exchanges import EXCHANGES
from exporter.model import (
    Account,
    AccountKey,
    Amount,
    AssetFilter,
    Network,
    Threshold,
    ValueThreshold,
)

EXAMPLE = Path(__file__).parents[2] / "config.example.yaml"
BROKEN = sorted((Path(__file__).parents[1] / "data" / "config").glob("*.yaml"))
ENVIRONMENT = {
    "KEY": "key",
    "BTCTURK_API_KEY": "a-key",
    "BTCTURK_API_SECRET": "c2VjcmV0",
    "TRUBIT_TOKEN": "a-token",
    "EMPTY": "",
    "SPACES": " \n",
    "TWO_LINES": "one\ntwo",
    "NOT_BASE64": "not base64!",
    "QUOTED": '"abc"',
}
BTCTURK = """\
accounts:
  - name: treasury
    exchange: btcturk
    credentials: {api_key: k, api_secret: c2VjcmV0}
"""
TRUBIT = """\
accounts:
  - name: payments
    exchange: trubit
    credentials: {token: t}
"""


def account(text, **environ):
    (only,) = loader.parse(text, environ).accounts
    return only


def problems(text):
    with pytest.raises(ConfigError) as caught:
        loader.parse(text, ENVIRONMENT)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_is_refused_with_exactly_these_problems(path):
    with pytest.raises(ConfigError) as caught:
        loader.load([path], ENVIRONMENT)
    said = [
        str(problem).removeprefix(f"{path.parent}/").replace(", ".join(EXCHANGES), "<exchanges>")
        for problem in caught.value.problems
    ]
    assert said == path.with_suffix(".txt").read_text().splitlines()


def test_the_broken_files_are_found():
    assert len(BROKEN) > 100


# What is read


def test_an_account_needs_only_its_name_exchange_and_credentials():
    treasury = account(BTCTURK)
    assert treasury.key == ("btcturk", "treasury")
    assert treasury.base_url == "https://api.btcturk.com"
    assert treasury.balances_path == "/api/v1/users/balances"
    assert treasury.credentials == {"api_key": Secret("k"), "api_secret": Secret("c2VjcmV0")}
    assert (treasury.interval, treasury.timeout, treasury.stale_after) == (60, 10, None)
    assert treasury.assets == AssetFilter()
    assert treasury.thresholds == ()


def test_defaults_hold_for_every_account_that_says_nothing_else():
    treasury = account(
        "defaults: {interval: 30s, timeout: 5s}\n" + BTCTURK + "    timeout: 1m30s\n"
    )
    assert (treasury.interval, treasury.timeout, treasury.stale_after) == (30, 90, None)


def test_an_account_can_have_every_default_as_its_own():
    own = "    interval: 2m\n    timeout: 500ms\n    stale_after: 1h\n"
    treasury = account("defaults: {stale_after: 5m}\n" + BTCTURK + own)
    assert (treasury.interval, treasury.timeout, treasury.stale_after) == (120, 0.5, 3600)


def test_a_section_without_a_value_is_as_good_as_none():
    assert account("defaults:\nexchanges:\n" + BTCTURK + "    thresholds:\n").thresholds == ()


def test_each_exchange_has_its_documented_limit_unless_another_is_given():
    name, *others = EXCHANGES
    text = f"exchanges: {{{name}: {{requests_per_minute: 7}}}}\n" + BTCTURK
    limits = loader.parse(text, {}).requests_per_minute
    documented = {other: EXCHANGES[other].requests_per_minute for other in others}
    assert limits == {name: 7, **documented}


def test_accounts_keep_their_order_and_share_a_name_across_exchanges():
    second = TRUBIT.removeprefix("accounts:\n").replace("payments", "treasury")
    accounts = loader.parse(BTCTURK + second, {}).accounts
    assert [account.key for account in accounts] == [
        ("btcturk", "treasury"),
        ("trubit", "treasury"),
    ]


@pytest.mark.parametrize(
    "name", ["no", "012", "1_000", "12:30:45", "1e3", "true", "Ödeme €", "a b"]
)
def test_a_name_stays_the_text_that_is_written(name):
    assert account(BTCTURK.replace("treasury", name)).name == name


def test_an_alias_repeats_what_its_anchor_holds():
    shared = BTCTURK + "    thresholds: &t [{asset: BTC, free_min: '1'}]\n"
    second = shared.removeprefix("accounts:\n").replace("treasury", "other")
    first, other = loader.parse(shared + re.sub("&t.*", "*t", second), {}).accounts
    assert first.thresholds == other.thresholds == (Threshold("BTC", "free_min", Amount("1")),)


def test_the_configuration_can_not_be_changed():
    loaded = loader.parse(BTCTURK, {})
    with pytest.raises(TypeError):
        loaded.requests_per_minute["btcturk"] = 1000  # type: ignore[index]
    with pytest.raises(TypeError):
        loaded.accounts[0].credentials["api_key"] = Secret("other")  # type: ignore[index]
    with pytest.raises(AttributeError):
        loaded.accounts = ()  # type: ignore[misc]


# Defaults


def test_everything_but_a_name_can_be_a_default():
    defaults = (
        "defaults:\n"
        "  exchange: trubit\n"
        "  base_url: https://api.velafi.com\n"
        "  balances_path: /v2/assets\n"
        "  credentials: {token: t}\n"
        "  assets: {exclude: [BRL1]}\n"
        "  interval: 5s\n"
        "  timeout: 1s\n"
        "  stale_after: 1m\n"
        "  network: {source_address: '::1', ip_family: ipv6}\n"
        "  labels: {desk: a}\n"
        "  in_totals: false\n"
        "  thresholds: [{asset: BTC, free_min: '1'}, {value_in: TRY, value_max: '2'}]\n"
    )
    rest = "accounts: [{name: a}]\nvaluation: {currencies: [TRY]}\n"
    assert account(defaults + rest) == Account(
        "a",
        "trubit",
        "https://api.velafi.com",
        "/v2/assets",
        {"token": Secret("t")},
        interval=5,
        timeout=1,
        stale_after=60,
        assets=AssetFilter(exclude=frozenset({"BRL1"})),
        thresholds=(Threshold("BTC", "free_min", Amount("1"), is_default=True),),
        value_thresholds=(ValueThreshold("TRY", "value_max", Amount("2")),),
        network=Network(source_address="::1", ip_family="ipv6"),
        labels={"desk": "a"},
        in_totals=False,
    )


def test_defaults_know_every_key_of_an_account_but_its_name():
    assert {*settings.DEFAULTS.keys} == {*settings.ACCOUNTS.keys} - {"name"}


def test_keys_of_network_and_labels_merge_one_by_one():
    merged = account(
        "defaults: {network: {proxy_url: 'http://p:1', ip_family: ipv4}, labels: {a: x, b: y}}\n"
        + BTCTURK
        + "    network: {source_address: 192.0.2.1}\n    labels: {b: z, c: w}\n"
    )
    assert merged.network == Network(Secret("http://p:1"), None, "192.0.2.1", "ipv4")
    assert merged.labels == {"a": "x", "b": "z", "c": "w"}


def test_an_empty_text_takes_a_proxy_or_a_label_of_defaults_away():
    text = "defaults: {network: {proxy_url: 'http://p:1'}, labels: {a: x}}\n" + BTCTURK
    without = account(text + "    network: {proxy_url: ''}\n    labels: {a: ''}\n")
    assert without.network == Network()
    assert without.labels == {}


def test_a_file_of_an_account_replaces_the_proxy_of_defaults():
    text = "defaults: {network: {proxy_url: 'http://p:1'}}\n" + BTCTURK
    own = account(text + "    network: {proxy_url_file: /proxy}\n")
    assert own.network.proxy_url == SecretFile(Path("/proxy"), check_proxy_url)


def test_other_sections_of_an_account_replace_those_of_defaults():
    text = "defaults: {assets: {exclude: [BRL1]}, credentials: {api_key: a, api_secret: Yg==}}\n"
    own = account(text + BTCTURK + "    assets: {include: [BTC]}\n")
    assert own.assets == AssetFilter(include=frozenset({"BTC"}))
    assert own.credentials["api_key"] == Secret("k")


def test_thresholds_of_defaults_hold_where_an_account_has_none_of_its_own():
    text = (
        "defaults: {thresholds: [{asset: BTC, free_min: '1', free_max: '9'}, "
        "{asset: ETH, free_min: '2'}, {asset: X, free_min: '3'}]}\n"
        + BTCTURK
        + "    assets: {exclude: [X]}\n    thresholds: [{asset: BTC, free_min: '5'}]\n"
    )
    assert account(text).thresholds == (
        Threshold("BTC", "free_min", Amount("5")),
        Threshold("BTC", "free_max", Amount("9"), is_default=True),
        Threshold("ETH", "free_min", Amount("2"), is_default=True),
    )


def test_a_path_of_defaults_holds_only_for_exchanges_that_have_other_paths():
    text = "defaults: {balances_path: /v2/other}\n" + BTCTURK
    two = loader.parse(text + TRUBIT.removeprefix("accounts:\n"), {}).accounts
    assert [each.balances_path for each in two] == ["/api/v1/users/balances", "/v2/other"]


def test_a_loopback_address_of_defaults_may_stand_for_several_exchanges():
    text = "defaults: {base_url: 'http://127.0.0.1:1'}\n" + BTCTURK
    two = loader.parse(text + TRUBIT.removeprefix("accounts:\n"), {}).accounts
    assert {each.base_url for each in two} == {"http://127.0.0.1:1"}


# Variables


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("${NAME}", "desk"),
        ("a-${NAME}-b", "a-desk-b"),
        ("${UNSET:-other}", "other"),
        ("${EMPTY:-other}", "other"),
        ("${NAME:-other}", "desk"),
        ("x${EMPTY}", "x"),
        ("x${UNSET:-}", "x"),
        ("$$", "$"),
        ("$${NAME}", "${NAME}"),
        ("$$$${NAME}", "$${NAME}"),
        ("${UNSET:-$$}", "$"),
        ("a$b", "a$b"),
        ("5$", "5$"),
        ("${NULL}", "null"),
        ("${LIST}", "[a]"),
        ("${REFERENCE}", "${NAME}"),
    ],
)
def test_a_variable_is_replaced_in_any_text(written, read):
    environ = {
        "NAME": " desk\n",
        "EMPTY": "",
        "NULL": "null",
        "LIST": "[a]",
        "REFERENCE": "${NAME}",
    }
    assert account(BTCTURK.replace("treasury", f"'{written}'"), **environ).name == read


def test_a_variable_can_be_a_number_a_boolean_or_a_duration():
    text = (
        "exchanges: {btcturk: {requests_per_minute: '${LIMIT}'}}\n"
        + BTCTURK
        + "    in_totals: ${FLAG:-false}\n    interval: ${INTERVAL}\n"
    )
    loaded = loader.parse(text, {"LIMIT": "7", "INTERVAL": "5s"})
    assert loaded.requests_per_minute["btcturk"] == 7
    assert (loaded.accounts[0].in_totals, loaded.accounts[0].interval) == (False, 5)


def test_a_variable_can_be_a_part_of_a_path():
    text = TRUBIT.replace("{token: t}", '{token_file: "${CREDENTIALS_DIRECTORY}/token"}')
    credentials = account(text, CREDENTIALS_DIRECTORY="/run/credentials/x").credentials
    assert credentials == {"token": SecretFile(Path("/run/credentials/x/token"))}


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("http://user:${PASSWORD}@proxy:1", "http://user:p%40%20%3A%2F@proxy:1"),
        ("${URL}", "http://u:p@proxy:1"),
        ("${UNSET:-http://u:p@other:1}", "http://u:p@other:1"),
        ("http://u:p%40@proxy:1", "http://u:p%40@proxy:1"),
    ],
)
def test_a_variable_in_a_proxy_url_is_percent_encoded_unless_it_is_all_of_it(written, read):
    environ = {"PASSWORD": "p@ :/", "URL": "http://u:p@proxy:1"}
    text = BTCTURK + f"    network: {{proxy_url: '{written}'}}\n"
    assert account(text, **environ).network.proxy_url == Secret(read)


def test_a_key_keeps_its_dollar_signs():
    assert problems(BTCTURK + "    ${KEY}: x\n")[0].startswith(
        "config.yaml:5:5: accounts[0].<key>: unknown key"
    )


# Credentials


def test_a_credential_can_come_from_the_environment():
    text = BTCTURK.replace("k,", '"${KEY}",')
    assert account(text, KEY="from-the-environment").credentials["api_key"] == Secret(
        "from-the-environment"
    )


def test_white_space_around_a_variable_is_dropped_as_it_is_in_a_file():
    text = BTCTURK.replace("k,", '"${KEY}",')
    assert account(text, KEY=" key\r\n").credentials["api_key"] == Secret("key")


def test_the_file_of_a_credential_is_relative_to_the_configuration(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TRUBIT.replace("token: t", "token_file: secrets/token"))
    (payments,) = loader.load([path], {}).accounts
    assert payments.credentials == {"token": SecretFile(tmp_path / "secrets" / "token")}


def test_the_file_of_a_credential_can_be_anywhere_and_need_not_exist_yet():
    text = TRUBIT.replace("token: t", "token_file: /run/secrets/no-such-file")
    assert account(text).credentials == {"token": SecretFile(Path("/run/secrets/no-such-file"))}


def test_one_credential_can_be_inline_and_another_in_a_file():
    text = BTCTURK.replace("api_secret: c2VjcmV0", "api_secret_file: /secret")
    assert account(text).credentials == {
        "api_key": Secret("k"),
        "api_secret": SecretFile(Path("/secret"), base64_text),
    }


def test_trubit_takes_a_key_with_its_secret_or_a_token():
    both = TRUBIT.replace("{token: t}", "{api_key: k, api_secret: not*base64}")
    assert account(both).credentials.keys() == {"api_key", "api_secret"}
    assert account(TRUBIT).credentials.keys() == {"token"}


@pytest.mark.parametrize(
    ("variable", "spoken"),
    [
        ("API_KEY", "variable API_KEY is"),
        ("_KEY2", "variable _KEY2 is"),
        ("btcturk_api_key", "variable btcturk_api_key is"),
        ("b8c1b9f4c9zq71", "variable named here is"),
        ("MDEyMzQ1Njc4OWFi", "variable named here is"),
    ],
)
def test_a_missing_variable_is_named_unless_it_may_be_the_secret_itself(variable, spoken):
    (problem,) = problems(BTCTURK.replace("k,", f'"${{{variable}}}",'))
    assert spoken in problem
    assert (variable in problem) == (variable in spoken)


# URLs, assets and thresholds


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("https://api.velafi.com", "https://api.velafi.com"),
        ("https://api.velafi.com/", "https://api.velafi.com"),
        ("https://proxy.example.com:8443/trubit/", "https://proxy.example.com:8443/trubit"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://127.8.9.10", "http://127.8.9.10"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
        ("http://localhost:1", "http://localhost:1"),
    ],
)
def test_a_base_url_uses_tls_or_stays_on_this_machine(written, read):
    assert account(TRUBIT + f"    base_url: {written}\n").base_url == read


@pytest.mark.parametrize(
    "written",
    [
        "http://10.0.0.1",
        "http://0.0.0.0",
        "http://[::2]",
        "http://localhost.example.com",
        "http://127.0.0.1@example.com",
        "http://128.0.0.1",
        "http://127.1",
        "ftp://127.0.0.1",
        "https://",
        "https://a b",
        "https://host:0",
        "https://host:",
        r"https://host\@evil",
        "https://host?",
    ],
)
def test_any_other_base_url_is_refused(written):
    (problem,) = problems(TRUBIT + f"    base_url: '{written}'\n")
    assert problem.startswith("config.yaml:5:15: accounts[0].base_url: must be")


def test_trubit_responds_under_another_path_for_velafi():
    path = "/v2/assets/account/assets?merchantId=0"
    assert account(TRUBIT + f"    balances_path: {path}\n").balances_path == path


def test_assets_are_included_or_excluded():
    assert account(BTCTURK + "    assets: {include: [BTC, usdt.e]}\n").assets == AssetFilter(
        include=frozenset({"BTC", "usdt.e"})
    )
    assert account(BTCTURK + "    assets: {exclude: [BRL1]}\n").assets == AssetFilter(
        exclude=frozenset({"BRL1"})
    )


@pytest.mark.parametrize(
    "digits", ["0", "1.5", "-3", "40.00", "0.000000000000000001", "9" * 100, "1" * 18 + ".5"]
)
@pytest.mark.parametrize("quote", ["", '"', "'"])
def test_a_threshold_keeps_its_digits_quoted_or_not(digits, quote):
    text = BTCTURK + f"    thresholds: [{{asset: BTC, free_min: {quote}{digits}{quote}}}]\n"
    assert account(text).thresholds == (Threshold("BTC", "free_min", digits),)


def test_an_asset_can_have_all_its_bounds_in_one_entry_or_in_several():
    one = "    thresholds: [{asset: BTC, free_min: '9', free_max: '10', locked_max: '2'}]\n"
    two = one.replace("10', locked", "10'}, {asset: BTC, locked")
    expected = (
        Threshold("BTC", "free_min", Amount("9")),
        Threshold("BTC", "free_max", Amount("10")),
        Threshold("BTC", "locked_max", Amount("2")),
    )
    assert account(BTCTURK + one).thresholds == account(BTCTURK + two).thresholds == expected


# Files


def test_accounts_and_retired_of_several_files_add_up(tmp_path):
    (tmp_path / "b.yaml").write_text(BTCTURK + "retired: [btcturk/x]\n")
    (tmp_path / "a.yml").write_text("defaults: {interval: 5s}\n" + TRUBIT)
    (tmp_path / "c.yaml").write_text("retired: [trubit/y]\n")
    (tmp_path / ".hidden.yaml").write_text("no: sense\n")
    (tmp_path / "notes.txt").write_text("no: sense\n")
    for patterns in ([tmp_path], [tmp_path / "*.y*ml"], [tmp_path / n for n in ("a.yml", "[bc]*")]):
        loaded = loader.load(patterns, {})
        assert [each.name for each in loaded.accounts] == ["payments", "treasury"]
        assert {each.interval for each in loaded.accounts} == {5}
        assert loaded.retired == (AccountKey("btcturk", "x"), AccountKey("trubit", "y"))
        assert [file.name for file in loaded.files] == ["a.yml", "b.yaml", "c.yaml"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path):
    (tmp_path / "a.yaml").write_text(BTCTURK)
    loaded = loader.load([tmp_path, tmp_path / "a.yaml"], {})
    assert len(loaded.accounts) == 1


def test_a_problem_names_its_own_file(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "defaults: {interval: 5s}\nexchanges: {btcturk: {}}\n" + BTCTURK
    )
    (tmp_path / "b.yaml").write_text("defaults: {timeout: 5s}\n" + BTCTURK)
    (tmp_path / "c.yaml").write_text("exchanges: {trubit: {}}\na: [\n")
    (tmp_path / "d.yaml").write_text("accounts: [{name: x, exchange: y}]\n")
    with pytest.raises(ConfigError) as caught:
        loader.load([tmp_path], {})
    said = [str(problem).replace(f"{tmp_path}/", "") for problem in caught.value.problems]
    assert said == [
        "b.yaml:1:11: defaults: stands in a.yaml already; keep it in one file",
        (
            "b.yaml:3:11: accounts[0].name: another account of this exchange has the same name, "
            "in line 4 of a.yaml"
        ),
        "c.yaml:3:1: (file): a value was expected here; check that every list and brace is closed",
        f"d.yaml:1:32: accounts[0].exchange: must be one of {', '.join(EXCHANGES)}, ccxt:NAME",
    ]


def test_a_secret_file_is_relative_to_the_file_that_names_it(tmp_path):
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d" / "a.yaml").write_text(TRUBIT.replace("token: t", "token_file: token"))
    (tmp_path / "main.yaml").write_text("defaults: {network: {ca_file: ca.pem}}\n")
    (payments,) = loader.load([tmp_path / "main.yaml", tmp_path / "conf.d"], {}).accounts
    assert payments.credentials == {"token": SecretFile(tmp_path / "conf.d" / "token")}
    assert payments.network.ca_file == tmp_path / "ca.pem"


@pytest.mark.parametrize("pattern", ["empty", "*.yaml"])
def test_a_pattern_that_finds_nothing_is_a_problem(tmp_path, pattern):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r": no \*\.yaml or \*\.yml file is found here$"):
        loader.load([tmp_path / pattern], {})


def test_without_secrets_and_variables_the_syntax_can_be_checked():
    text = BTCTURK.replace("api_key: k", "api_key: '${NO_KEY}'").replace("treasury", "${NO_NAME}")
    loader.parse(text, {}, syntax_only=True)
    with pytest.raises(ConfigError, match="must be a duration"):
        loader.parse(text + "    interval: ${UNSET:-x}\n", {}, syntax_only=True)


def test_a_missing_file_says_how_to_make_one(tmp_path):
    path = tmp_path / "config.yaml"
    with pytest.raises(
        ConfigError, match=r"config\.yaml:1:1: \(file\): there is no such file; .* config init"
    ):
        loader.load([path], {})


def test_a_path_through_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r":1:1: \(file\): can't be read: Not a directory"):
        loader.load([tmp_path / "file" / "config.yaml"], {})


def test_a_file_is_read_with_a_byte_order_mark_and_dos_line_ends(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BTCTURK.replace("\n", "\r\n").encode())
    assert loader.load([path], {}) == loader.parse(BTCTURK, {}, path=path)


# Any text

CANARY = "hunter2-CANARY"
BARE_EXAMPLE = re.sub(r" *#.*", "", EXAMPLE.read_text())
WORDS = [match.span() for match in re.finditer(r"[^\s:{}\[\],\"]+", BARE_EXAMPLE)]
NEIGHBOURS = st.text(alphabet="${}[]:,-?&*!|>'\"%@` \n\t#~\\<=/é\0", max_size=3)


def everything_said(error):
    shown = [str(error), repr(error), repr(error.problems)]
    return "\n".join([*shown, *traceback.format_exception(error)])


def message_for(text):
    """Return all that is said of a text, which may be right."""
    try:
        loader.parse(text, ENVIRONMENT)
    except ConfigError as error:
        return everything_said(error)
    return ""


@given(st.text())
def test_no_text_raises_anything_but_a_config_error(text):
    said = message_for(text)
    assert not said or said.startswith("config.yaml:")


@given(word=st.sampled_from(WORDS), before=NEIGHBOURS, after=NEIGHBOURS)
def test_a_secret_in_a_wrong_place_is_never_repeated(word, before, after):
    start, end = word
    text = BARE_EXAMPLE[:start] + before + CANARY + after + BARE_EXAMPLE[end:]
    assert CANARY not in message_for(text)


@pytest.mark.parametrize("value", [f"{CANARY} é", f"{CANARY}\n{CANARY}", CANARY])
def test_the_value_of_a_variable_is_never_repeated(value):
    with pytest.raises(ConfigError) as caught:
        loader.parse(BTCTURK.replace("c2VjcmV0", '"${SECRET}"'), {"SECRET": value})
    assert CANARY not in everything_said(caught.value)


def test_a_configuration_does_not_show_its_secrets():
    text = BTCTURK.replace("k,", f"{CANARY},").replace("c2VjcmV0", '"${SECRET}"')
    loaded = loader.parse(text, {"SECRET": "aHVudGVyMg=="})
    shown = f"{loaded} {loaded!r} {loaded.accounts[0]} {loaded.accounts[0].credentials}"
    assert "<secret>" in shown
    assert CANARY not in shown
    assert "aHVudGVyMg" not in shown
