"""A flag wins over its environment twin, and a mistake is one line with a hint."""

import pytest

from exporter.commands.flags import COMMANDS, DAEMON
from exporter.commands.parser import parse_command_line
from exporter.web.addresses import Address

VALUES = {
    "DURATION": ("30s", "1m"),
    "ADDRESS": ("127.0.0.1:1", "[::1]:2"),
    "PATH": ("/a", "/b"),
    "FILE": ("/a", "/b"),
    "HOST": ("a.example.com", "b.example.com"),
    "N": ("7", "8"),
    "K": ("7", "8"),
    "LEVEL": ("warn", "debug"),
    "NAME": ("a", "b"),
    "NAME[:OPTION=VALUE,...]": ("http_500:account=a,times=2", "http_401"),
    "true|false": ("true", "false"),
    "syntax": ("syntax", "false"),
    "URL": ("https://a.example.com", "https://b.example.com"),
}
CHOICES = {
    ("poll", "format"): ("json", "table"),
    ("assets", "format"): ("configmap", "files"),
}


def error(capsys, *arguments: str, **environ: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        parse_command_line(arguments, environ)
    assert ended.value.code == 2
    lines: list[str] = capsys.readouterr().err.splitlines()
    assert "--help" in lines[1]
    assert len(lines) == 2
    return lines


@pytest.mark.parametrize(
    ("line", "flag"),
    [(line, flag) for line in (DAEMON, *COMMANDS) for flag in line.flags],
    ids=lambda each: each.name,
)
def test_every_flag_has_an_environment_twin_which_it_overrides(line, flag):
    own = ("json", "logfmt") if flag.name == "log.format" else None
    first, second = own or CHOICES.get((line.name, flag.name)) or VALUES[flag.metavar]
    command = [line.name, *("init" for _ in line.arguments)] if line.name else []
    by_flag = parse_command_line([*command, f"--{flag.name}={first}"], {})
    by_twin = parse_command_line(command, {flag.variable: first})
    by_both = parse_command_line([*command, f"--{flag.name}={first}"], {flag.variable: second})
    by_none = parse_command_line(command, {flag.variable: ""})
    read = [
        repr(list(value) if flag.is_repeatable else value)
        for value in (getattr(each, flag.destination) for each in (by_flag, by_twin, by_both))
    ]
    assert read[0] == read[1] == read[2]
    assert getattr(by_none, flag.destination) == flag.default


def test_a_twin_has_the_name_of_its_flag_in_capitals():
    names = {flag.name: flag.variable for flag in DAEMON.flags}
    assert names["web.listen-address"] == "EXCHANGE_BALANCE_EXPORTER_WEB_LISTEN_ADDRESS"


def test_a_twin_separates_values_by_commas():
    twin = {"EXCHANGE_BALANCE_EXPORTER_WEB_LISTEN_ADDRESS": "127.0.0.1:1, [::1]:2"}
    read = parse_command_line([], twin).web_listen_address
    assert read == (Address("127.0.0.1", 1), Address("::1", 2))


def test_a_fault_in_a_twin_keeps_the_commas_of_its_options():
    twin = {"EXCHANGE_BALANCE_EXPORTER_FAULT": "http_500:account=a,times=2,http_401"}
    faults = parse_command_line(["demo"], twin).fault
    assert [(each.fault.name, each.account, each.times) for each in faults] == [
        ("http_500", "a", 2),
        ("http_401", None, None),
    ]


def test_a_twin_of_another_command_is_not_read():
    assert parse_command_line([], {"EXCHANGE_BALANCE_EXPORTER_ACCOUNTS": "x"}).command == ""


def test_a_wrong_twin_is_named(capsys):
    first, _ = error(capsys, EXCHANGE_BALANCE_EXPORTER_WEB_MAX_REQUESTS="many")
    assert first.endswith(
        "error: environment variable EXCHANGE_BALANCE_EXPORTER_WEB_MAX_REQUESTS: "
        "must be a whole number from 1 to 999999999"
    )


def test_a_twin_that_two_commands_share_is_for_the_one_that_knows_its_value():
    twin = {"EXCHANGE_BALANCE_EXPORTER_FORMAT": "json"}
    assert parse_command_line(["poll"], twin).format == "json"
    assert parse_command_line(["assets", "folder"], twin).format == "files"


def test_a_twin_that_no_command_knows_is_an_error_of_each(capsys):
    for command in (["poll"], ["assets", "folder"]):
        first, _ = error(capsys, *command, EXCHANGE_BALANCE_EXPORTER_FORMAT="xml")
        assert "environment variable EXCHANGE_BALANCE_EXPORTER_FORMAT: must be " in first


def test_a_switch_in_the_environment_can_be_switched_off_by_its_flag():
    twin = {"EXCHANGE_BALANCE_EXPORTER_WEB_ENABLE_LIFECYCLE": "true"}
    assert parse_command_line([], twin).web_enable_lifecycle is True
    assert parse_command_line(["--web.enable-lifecycle=false"], twin).web_enable_lifecycle is False


@pytest.mark.parametrize(
    ("written", "read"),
    [("--config.check", "true"), ("--config.check=syntax", "syntax")],
)
def test_a_check_takes_its_kind_only_with_an_equals_sign(written, read):
    options = parse_command_line([written, "poll"], {})
    assert (options.command, options.config_check) == ("", read)


@pytest.mark.parametrize("level", ["warn", "warning", "WARN"])
def test_a_level_has_the_names_that_people_write(level):
    assert parse_command_line([f"--log.level={level}"], {}).log_level == "warning"


def test_an_unknown_flag_is_one_line_with_the_nearest_one(capsys):
    first, hint = error(capsys, "--web.listen-adress=127.0.0.1:0")
    assert first.endswith("unknown flag --web.listen-adress; did you mean --web.listen-address?")
    assert hint == "See `exchange-balance-exporter --help`."


@pytest.mark.parametrize(
    "arguments",
    [("--confg.file", "x"), ("--confg.file", "x", "poll"), ("poll", "--confg.file", "x")],
)
def test_a_misspelled_flag_is_named_though_its_value_stands_apart(capsys, arguments):
    first, _ = error(capsys, *arguments)
    assert first.endswith("error: unknown flag --confg.file; did you mean --config.file?")


def test_a_flag_with_one_dash_is_told_to_have_two(capsys):
    first, _ = error(capsys, "-config.file", "x")
    assert first.endswith("error: unknown flag -config.file; did you mean --config.file?")


def test_a_misspelled_flag_before_an_argument_is_named(capsys):
    first, _ = error(capsys, "config", "--log.levl", "debug", "init")
    assert first.endswith("error: unknown flag --log.levl; did you mean --log.level?")


def test_a_misspelled_command_is_told_the_nearest_one(capsys):
    first, _ = error(capsys, "--log.level", "debug", "pol")
    assert first.endswith("error: unknown command; did you mean poll?")


def test_a_flag_value_is_never_taken_for_a_command():
    options = parse_command_line(["--log.level", "debug", "poll", "--account", "pol"], {})
    assert (options.command, list(options.account)) == ("poll", ["pol"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("--config.file", "healthcheck", "--log.levl=debug"),
        ("--config.file", "healthcheck", "--log.level=loud"),
        ("--config.file", "config", "--log.levl=debug"),
    ],
)
def test_a_flag_value_that_is_named_as_a_command_leaves_an_error_to_the_daemon(capsys, arguments):
    _, hint = error(capsys, *arguments)
    assert hint == "See `exchange-balance-exporter --help`."


def test_a_switch_before_a_command_leaves_an_error_to_the_command(capsys):
    _, hint = error(capsys, "--web.enable-lifecycle", "config", "init", "--log.levl=debug")
    assert hint == "See `exchange-balance-exporter config --help`."


def test_help_is_shown_whatever_follows_it():
    with pytest.raises(SystemExit) as ended:
        parse_command_line(["--help", "--confg.file"], {})
    assert ended.value.code == 0


def test_a_flag_of_another_command_is_unknown_to_this_one(capsys):
    first, hint = error(capsys, "poll", "--seed=1")
    assert first.endswith("error: unknown flag --seed")
    assert hint == "See `exchange-balance-exporter poll --help`."


def test_a_flag_of_a_command_stands_behind_it(capsys):
    for arguments in (("--format=json", "poll"), ("--format", "json", "poll")):
        first, _ = error(capsys, *arguments)
        assert first.endswith("error: --format must follow the command poll")


def test_a_value_that_stands_alone_is_not_repeated(capsys):
    first, _ = error(capsys, "poll", "hunter2")
    assert "hunter2" not in first
