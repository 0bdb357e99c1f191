"""Define the command line: its commands, its flags, and what their values may be."""

import argparse
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exporter import __version__
from exporter.commands.assets import JOB, RUNBOOKS_URL, Format
from exporter.daemon import Options
from exporter.runtime import logs
from exporter.simulator import FaultInjection, parse_injection
from exporter.web.addresses import check_address, parse_address

Command = Callable[[argparse.Namespace], int]

_DEFAULTS = Options()
_NAME = "exchange-balance-exporter"


@dataclass(frozen=True, slots=True)
class Commands:
    """Hold what each command does with the flags; it returns the exit status."""

    daemon: Command
    poll: Command
    simulate: Command
    demo: Command
    healthcheck: Command
    assets: Command


def make_parser(commands: Commands) -> argparse.ArgumentParser:
    """Return the parser of all commands; `run` of what it parses is the one that was chosen."""
    parser = argparse.ArgumentParser(
        _NAME,
        description="Expose the balances that exchanges hold for you to Prometheus. "
        "Without a command the daemon runs.",
        allow_abbrev=False,
    )
    parser.set_defaults(
        run=commands.daemon,
        config_file=_DEFAULTS.config_file,
        telemetry_path=_DEFAULTS.telemetry_path,
        max_requests=_DEFAULTS.max_requests,
        log_level="info",
        log_format="logfmt",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    _add_config_flag(parser)
    parser.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="validate the configuration, print every problem with its place, and exit",
    )
    _add_web_flags(parser)
    _add_log_flags(parser)
    _add_commands(parser, commands)
    return parser


def _add_commands(parser: argparse.ArgumentParser, commands: Commands) -> None:
    choices = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(name: str, text: str, run: Command) -> argparse.ArgumentParser:
        command = choices.add_parser(
            name,
            help=text,
            description=text,
            allow_abbrev=False,
            argument_default=argparse.SUPPRESS,  # keeps what the same flag before the command said
        )
        command.set_defaults(run=run)
        _add_log_flags(command)
        return command

    poll = add("poll", "poll every account once and print the balances", commands.poll)
    _add_config_flag(poll)
    poll.add_argument(
        "--format", choices=("table", "json"), default="table", help="(default: %(default)s)"
    )
    simulate = add("simulate", "run the two simulated exchanges alone", commands.simulate)
    _add_simulator_flags(simulate)
    simulate.add_argument(
        "--listen",
        type=_address,
        default="127.0.0.1:0",
        metavar="ADDRESS",
        help="(default: %(default)s)",
    )
    simulate.add_argument(
        "--write-config",
        type=Path,
        default=None,
        metavar="FILE",
        help="write a configuration for the accounts",
    )
    simulate.add_argument(
        "--no-limits",
        dest="has_limits",
        action="store_false",
        default=True,
        help="accept any number of requests, for measurements",
    )
    show = add("demo", "run the daemon on simulated exchanges: no account, no key", commands.demo)
    _add_simulator_flags(show)
    _add_web_flags(show)

    health = add("healthcheck", "request the health page of a running daemon", commands.healthcheck)
    health.add_argument(
        "url",
        nargs="?",
        default=None,
        metavar="URL",
        help="default: the first health address, or else the first listen address, of the flags "
        "that the daemon has",
    )
    _add_config_flag(health)
    _add_web_flags(health)

    write = add(
        "assets",
        "write the rules, dashboards, runbooks and examples of this version",
        commands.assets,
    )
    write.add_argument("folder", type=Path, metavar="DIR", help="where they are written")
    write.add_argument(
        "--runbooks-url",
        type=_url,
        default=RUNBOOKS_URL,
        metavar="URL",
        help="where your people read the runbooks (default: the repository)",
    )
    write.add_argument(
        "--job",
        type=_job,
        default=JOB,
        metavar="NAME",
        help="job of the exporter in Prometheus (default: %(default)s)",
    )
    write.add_argument(
        "--format",
        choices=[each.value for each in Format],
        default=Format.FILES.value,
        help="files, or objects of Kubernetes: one PrometheusRule, or ConfigMaps with rules and "
        "dashboards (default: %(default)s)",
    )


def _add_config_flag(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        metavar="FILE",
        help=f"the accounts to poll (default: {_DEFAULTS.config_file})",
    )


def _add_web_flags(parser: argparse.ArgumentParser) -> None:
    web = parser.add_argument_group("serving")
    web.add_argument(
        "--web.listen-address",
        dest="listen_addresses",
        action="append",
        type=_checked_address,
        metavar="ADDRESS",
        help="HOST:PORT or unix:/path; repeatable; port 0 picks a free one "
        f"(default: {_DEFAULTS.listen_addresses[0]})",
    )
    web.add_argument(
        "--web.health-listen-address",
        dest="health_listen_addresses",
        action="append",
        type=_checked_address,
        metavar="ADDRESS",
        help="repeatable; serves /-/healthy and /-/ready alone, without TLS and login",
    )
    web.add_argument(
        "--web.systemd-socket",
        dest="systemd_socket",
        action="store_true",
        help="serve on the sockets that systemd opened, not on listen addresses",
    )
    web.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS, client certificates and users, in the format of Prometheus' exporter-toolkit",
    )
    web.add_argument(
        "--web.telemetry-path",
        dest="telemetry_path",
        type=_path,
        metavar="PATH",
        help=f"(default: {_DEFAULTS.telemetry_path})",
    )
    web.add_argument(
        "--web.enable-lifecycle",
        dest="enable_lifecycle",
        action="store_true",
        help="allow POST /-/reload",
    )
    web.add_argument(
        "--web.max-requests",
        dest="max_requests",
        type=_positive,
        metavar="N",
        help="large answers under way at once; more are told 503 "
        f"(default: {_DEFAULTS.max_requests})",
    )


def _add_log_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("logging, to stderr")
    group.add_argument("--log.level", dest="log_level", choices=logs.LEVELS, help="(default: info)")
    group.add_argument(
        "--log.format", dest="log_format", choices=logs.FORMATS, help="(default: logfmt)"
    )


def _add_simulator_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("simulated exchanges")
    group.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        type=_fault,
        metavar="NAME[:OPTION=VALUE,...]",
        help="repeatable; options: exchange, account, call, times, probability, after, lasting",
    )
    group.add_argument(
        "--list-faults", action="store_true", default=False, help="list all faults, and exit"
    )
    group.add_argument(
        "--accounts",
        type=_positive,
        default=None,
        metavar="N",
        help="accounts at each exchange (default: two with names that speak)",
    )
    group.add_argument(
        "--assets", type=_positive, default=None, metavar="N", help="assets of each account"
    )
    group.add_argument("--seed", type=int, default=0, help="another seed, other balances")


def _fault(text: str) -> FaultInjection:
    try:
        return parse_injection(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address(text: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _checked_address(text: str) -> str:
    try:
        return check_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _url(text: str) -> str:
    if not re.fullmatch(r"https?://[!-~]+", text) or {'"', "'", "<", ">", "\\"} & set(text):
        raise argparse.ArgumentTypeError("must be a URL such as https://wiki.example.com/runbooks")
    return text


def _job(text: str) -> str:
    if not re.fullmatch(r"[\w./:@-]+", text):
        raise argparse.ArgumentTypeError("must consist of letters, digits and . _ / : @ -")
    return text


def _path(text: str) -> str:
    is_path = re.fullmatch("/[!-~]+", text) and not {"?", "#"} & set(text)
    if not is_path or text.startswith(("/-/", "/api/")):
        raise argparse.ArgumentTypeError("must be a path such as /metrics, and not one in use")
    return text


def _positive(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999999")
    return int(text)
