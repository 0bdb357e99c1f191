"""Read the command line, and turn what became of it into an exit status."""

import argparse
import asyncio
import os
import re
import resource
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import structlog

from exporter import __version__, demo, logs, once
from exporter.clock import Clock
from exporter.config import ConfigError, Problem, load
from exporter.daemon import CannotListenError, Daemon, Options, make_own_metrics
from exporter.endpoints import Attempt
from exporter.model import AccountKey
from exporter.simulator import Showing, parse_showing
from exporter.threads import use_own_threads
from exporter.web import config as web_config
from exporter.web.addresses import parse_address

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

OK, FAILED, UNUSABLE = 0, 1, 2

_DEFAULTS = Options()
_NAME = "exchange-balance-exporter"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold every secret
    options = make_parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        print(end="", flush=True)
    except BrokenPipeError:
        _write_no_more()
        status = FAILED
    except ConfigError as error:
        print(error, file=sys.stderr)
        status = UNUSABLE
    return status


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; without a command the daemon runs."""
    parser = argparse.ArgumentParser(
        _NAME,
        description="Expose the balances that exchanges hold for you to Prometheus. "
        "Without a command the daemon runs.",
        allow_abbrev=False,
    )
    parser.set_defaults(run=_run_daemon)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    _add_config_flag(parser, default=_DEFAULTS.config_file)
    parser.add_argument(
        "--config.check",
        dest="config_check",
        action="store_true",
        help="validate the configuration, print every problem with its place, and exit",
    )
    _add_web_flags(parser)
    _add_log_flags(parser, level="info", style="logfmt")
    _add_commands(parser)
    return parser


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    def add(
        name: str, text: str, run: Callable[[argparse.Namespace], int]
    ) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        command.set_defaults(run=run)
        _add_log_flags(command, level=argparse.SUPPRESS, style=argparse.SUPPRESS)
        return command

    poll = add("poll", "poll every account once and print the balances", _run_poll)
    _add_config_flag(poll, default=argparse.SUPPRESS)
    poll.add_argument(
        "--format", choices=("table", "json"), default="table", help="(default: %(default)s)"
    )
    simulate = add("simulate", "run the two simulated exchanges alone", _run_simulate)
    _add_simulator_flags(simulate)
    simulate.add_argument(
        "--listen",
        type=_address,
        default="127.0.0.1:0",
        metavar="ADDRESS",
        help="(default: %(default)s)",
    )
    simulate.add_argument(
        "--write-config", type=Path, metavar="FILE", help="write a configuration for the accounts"
    )
    show = add("demo", "run the daemon on simulated exchanges: no account, no key", _run_demo)
    _add_simulator_flags(show)
    _add_web_flags(show)


def _add_config_flag(parser: argparse.ArgumentParser, default: Any) -> None:  # noqa: ANN401
    parser.add_argument(
        "--config.file",
        dest="config_file",
        type=Path,
        default=default,
        metavar="FILE",
        help=f"the accounts to poll (default: {_DEFAULTS.config_file})",
    )


def _add_web_flags(parser: argparse.ArgumentParser) -> None:
    web = parser.add_argument_group("serving")
    web.add_argument(
        "--web.listen-address",
        dest="listen_addresses",
        action="append",
        metavar="ADDRESS",
        help=f"repeatable; port 0 picks a free one (default: {_DEFAULTS.listen_addresses[0]})",
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
        default=_DEFAULTS.telemetry_path,
        metavar="PATH",
        help="(default: %(default)s)",
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
        default=_DEFAULTS.max_requests,
        metavar="N",
        help="large answers under way at once; more are told 503 (default: %(default)s)",
    )


def _add_log_flags(parser: argparse.ArgumentParser, level: str, style: str) -> None:
    group = parser.add_argument_group("logging, to stderr")
    group.add_argument(
        "--log.level", dest="log_level", choices=logs.LEVELS, default=level, help="(default: info)"
    )
    group.add_argument(
        "--log.format",
        dest="log_format",
        choices=logs.FORMATS,
        default=style,
        help="(default: logfmt)",
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
    group.add_argument("--list-faults", action="store_true", help="list all faults, and exit")
    group.add_argument(
        "--accounts",
        type=_positive,
        metavar="N",
        help="accounts at each exchange (default: two with names that speak)",
    )
    group.add_argument("--assets", type=_positive, metavar="N", help="assets of each account")
    group.add_argument("--seed", type=int, default=0, help="another seed, other balances")


def _run_daemon(options: argparse.Namespace) -> int:
    if options.config_check:
        return _check_config(options.config_file, options.web_config_file)
    clock = Clock()
    own = make_own_metrics(clock)
    logs.configure(options.log_level, options.log_format, own.count_log_message)
    config = load(options.config_file, os.environ)

    async def run() -> None:
        await Daemon(_daemon_options(options), own, clock).run(config)

    return _serve(run())


def _run_demo(options: argparse.Namespace) -> int:
    if options.list_faults:
        return _list_faults()
    clock = Clock()
    own = make_own_metrics(clock)
    logs.configure(options.log_level, options.log_format, own.count_log_message)
    return _serve(demo.demo(_scenario(options), _daemon_options(options), own, clock))


def _run_simulate(options: argparse.Namespace) -> int:
    if options.list_faults:
        return _list_faults()
    logs.configure(options.log_level, options.log_format)
    return _serve(demo.simulate(_scenario(options), options.listen, options.write_config))


def _run_poll(options: argparse.Namespace) -> int:
    logs.configure(options.log_level, options.log_format)
    config = load(options.config_file, os.environ)
    is_table = options.format == "table"
    results = _run(once.poll(config, Clock(), _print_table if is_table else _print_later))
    if not is_table:
        print(once.as_json(results))
    return OK if once.all_worked(results) else FAILED


def _print_table(key: AccountKey, attempt: Attempt) -> None:
    print(once.as_table(key, attempt), end="\n\n", flush=True)


def _print_later(key: AccountKey, attempt: Attempt) -> None:
    """Print nothing: a JSON document needs all accounts."""


def _list_faults() -> int:
    print(demo.fault_list())
    return OK


def _check_config(path: Path, web_path: Path | None) -> int:
    checks: list[Callable[[], object]] = [lambda: load(path, os.environ)]
    if web_path:
        checks.append(lambda: web_config.load(web_path))
    problems = [problem for check in checks for problem in _problems_of(check)]
    print("\n".join(map(str, problems)) or f"{path}: valid")
    return UNUSABLE if problems else OK


def _problems_of(check: Callable[[], object]) -> Sequence[Problem]:
    try:
        check()
    except ConfigError as error:
        return error.problems
    return ()


def _serve(running: Coroutine[Any, Any, None]) -> int:
    try:
        _run(running)
    except CannotListenError as error:
        log.error("cannot listen", error=str(error))  # noqa: TRY400 - the line says it all
    except demo.CannotWriteError as error:
        log.error("cannot write the configuration", error=str(error))  # noqa: TRY400 - as above
    else:
        return OK
    return FAILED


def _run(running: Coroutine[Any, Any, Result]) -> Result:
    async def run() -> Result:
        use_own_threads()
        return await running

    return asyncio.run(run())


def _daemon_options(options: argparse.Namespace) -> Options:
    return Options(
        config_file=getattr(options, "config_file", _DEFAULTS.config_file),
        listen_addresses=options.listen_addresses or _DEFAULTS.listen_addresses,
        web_config_file=options.web_config_file,
        telemetry_path=options.telemetry_path,
        enable_lifecycle=options.enable_lifecycle,
        max_requests=options.max_requests,
    )


def _scenario(options: argparse.Namespace) -> demo.Scenario:
    return demo.Scenario(
        faults=tuple(options.faults),
        accounts=options.accounts,
        assets=options.assets,
        seed=options.seed,
    )


def _fault(text: str) -> Showing:
    try:
        return parse_showing(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _address(text: str) -> tuple[str, int]:
    try:
        return parse_address(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _path(text: str) -> str:
    if not text.startswith("/") or text == "/" or text.startswith(("/-/", "/api/")):
        raise argparse.ArgumentTypeError("must be a path such as /metrics, and not one in use")
    return text


def _positive(text: str) -> int:
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 999999999")
    return int(text)


def _write_no_more() -> None:
    """Drop what is left of standard output: its reader has left, as `head` does."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
