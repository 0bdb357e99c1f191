"""Read the command line, and return the result as an exit status.

Commands are imported when they run: together with the simulator they have 4 MB.
"""

import argparse
import asyncio
import ctypes
import io
import os
import resource
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from exporter.commands.errors import CommandError, SelectionError
from exporter.commands.parser import parse_command_line
from exporter.config.loader import ConfigError, load
from exporter.config.watched_files import WatchedFiles
from exporter.daemon import Daemon, Options, make_exporter_metrics
from exporter.model import AccountKey
from exporter.polling.shards import Shard, ShardError
from exporter.polling.snapshots import PollResult
from exporter.prices.valuations import Valued
from exporter.runtime import logs
from exporter.runtime.clock import Clock
from exporter.runtime.threads import EventLoop
from exporter.web.addresses import ListenError

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

OK, FAILED, UNUSABLE = 0, 1, 2

_PR_SET_DUMPABLE = 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status."""
    _keep_memory_private()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(
            errors="backslashreplace"
        )  # not every terminal can print every character
    given = sys.argv[1:] if arguments is None else arguments
    options = parse_command_line(given, os.environ)
    run = _COMMANDS[options.command]
    try:
        status = run(options)
        if sys.stdout is not None:  # as it is where it was closed
            sys.stdout.flush()
    except OSError as error:
        status = _output_failed(error)
    except (ConfigError, SelectionError, ShardError) as error:
        print(error, file=sys.stderr)
        status = UNUSABLE
    return status


def _output_failed(error: OSError) -> int:
    """Return the status of a command whose output is full, or has lost its reader."""
    _write_no_more()
    if isinstance(error, BrokenPipeError):  # as `head` does after its last line
        return 128 + signal.SIGPIPE
    print(f"cannot continue: {error.strerror}", file=sys.stderr)
    return FAILED


def _keep_memory_private() -> None:
    """Leave no core dump, and let no other program of the same user read this one's secrets."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # The limit does not hold where the kernel pipes core dumps into a program.
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _run_daemon(options: argparse.Namespace) -> int:
    if options.config_check != "false":
        return _check_config(options)
    clock, its_options = Clock(), _daemon_options(options)
    own = make_exporter_metrics(clock, its_options)
    logs.configure(options.log_level, options.log_format, own.count_log_message)
    files = WatchedFiles(options.config_file)
    loaded = files.load(os.environ)

    async def run() -> None:
        await Daemon(its_options, files, own, clock).run(loaded)

    return _serve(run())


def _run_poll(options: argparse.Namespace) -> int:
    from exporter.commands import poll, poll_tables  # noqa: PLC0415

    logs.configure(options.log_level, options.log_format)
    loaded = load(options.config_file, os.environ)
    selected = poll.select(loaded, options.account, options.exchange)
    is_table = options.format == "table"
    ended = _print_table if is_table else _print_later
    results, valued = _run(poll.poll(selected, Clock(), ended))
    if not is_table:
        print(poll.as_json(loaded, results, valued))
    elif len(selected.accounts) == len(loaded.accounts) > 1:
        print(poll_tables.totals_table(poll.sum_up(loaded.accounts, results)))
        if valued:
            print(f"\n{poll_tables.worth_lines(loaded.accounts, valued)}")
    return OK if poll.all_worked(results) else FAILED


def _run_healthcheck(options: argparse.Namespace) -> int:
    from exporter.commands import healthcheck  # noqa: PLC0415

    try:
        target = healthcheck.find_target(
            options.url,
            options.web_health_listen_address,
            options.web_listen_address,
            options.web_config_file,
        )
    except ValueError as error:
        print(f"unhealthy: {error}")
        return FAILED
    result = healthcheck.check(target)
    print(f"{'healthy' if result.is_healthy else 'unhealthy'}: {result.text}")
    return OK if result.is_healthy else FAILED


def _run_config(options: argparse.Namespace) -> int:
    from exporter.commands import config  # noqa: PLC0415

    print(config.text_of(options.action), end="")
    return OK


def _run_assets(options: argparse.Namespace) -> int:
    from exporter.commands import assets  # noqa: PLC0415

    choices = assets.Choices(options.runbooks_url, options.job, assets.Format(options.format))
    try:
        for path in assets.write(options.dir, choices):
            print(path)
    except OSError as error:
        print(f"{options.dir}: {error.strerror}", file=sys.stderr)
        return FAILED
    return OK


def _print_table(key: AccountKey, result: PollResult, valued: Valued | None) -> None:
    from exporter.commands import poll_tables  # noqa: PLC0415

    print(poll_tables.as_table(key, result, valued), end="\n\n", flush=True)


def _print_later(key: AccountKey, result: PollResult, valued: Valued | None) -> None:
    """Print nothing: a JSON document needs all accounts."""


def _run_demo(options: argparse.Namespace) -> int:
    from exporter.commands import demo  # noqa: PLC0415

    if options.list_faults:
        print(demo.fault_list())
        return OK
    clock, its_options = Clock(), _daemon_options(options)
    own = make_exporter_metrics(clock, its_options)
    logs.configure(options.log_level, options.log_format, own.count_log_message)
    return _serve(demo.demo(demo.scenario(options), its_options, own, clock))


def _run_simulate(options: argparse.Namespace) -> int:
    from exporter.commands import demo  # noqa: PLC0415

    if options.list_faults:
        print(demo.fault_list())
        return OK
    logs.configure(options.log_level, options.log_format)
    return _serve(demo.simulate(demo.scenario(options), options.listen, options.write_config))


def _check_config(options: argparse.Namespace) -> int:
    from exporter.commands import config  # noqa: PLC0415

    _shard(options)
    files, web_file = options.config_file, options.web_config_file
    is_syntax = options.config_check == "syntax"
    lines, is_valid = config.check(files, web_file, os.environ, syntax_only=is_syntax)
    if not is_syntax:
        lines += config.open_addresses(options.web_listen_address, web_file)
    valid = [f"{' '.join(map(str, files))}: valid"] if is_valid else []
    print("\n".join([*lines, *valid]))
    return OK if is_valid else UNUSABLE


def _serve(running: Coroutine[Any, Any, None]) -> int:
    try:
        _run(_until_the_end(running))
    except ListenError as error:
        log.error("cannot listen", error=str(error))  # noqa: TRY400 - the line says it all
    except CommandError as error:
        log.error(error.event, error=str(error))  # noqa: TRY400 - as above
    except (ConfigError, OSError):
        raise
    except Exception:
        # Python's own traceback would say what the exception says, which could repeat a secret.
        log.exception("unexpected error, exiting")
    else:
        return OK
    return FAILED


async def _until_the_end(running: Coroutine[Any, Any, None]) -> None:
    """Run what signals end; one more of them must not end it again, in another way."""
    try:
        await running
    finally:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT, signal.SIGHUP))


def _run(running: Coroutine[Any, Any, Result]) -> Result:
    sys.unraisablehook = _log_ignored
    with asyncio.Runner(loop_factory=EventLoop) as runner:
        runner.get_loop().set_exception_handler(_log_unhandled)
        return runner.run(running)


def _log_unhandled(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log what a task or a callback left to asyncio, whose own log shows results and arguments."""
    about, _, _ = context["message"].partition("(")
    log.error(about, exc_info=context.get("exception"))


def _log_ignored(ignored: "sys.UnraisableHookArgs") -> None:
    log.error("an exception was ignored", exc_info=ignored.exc_value)


def _daemon_options(options: argparse.Namespace) -> Options:
    return Options(
        auto_reload_interval=getattr(options, "config_auto_reload_interval", 0.0),
        listen_addresses=options.web_listen_address,
        web_config_file=options.web_config_file,
        allowed_hosts=options.web_allowed_host,
        telemetry_path=options.web_telemetry_path,
        enable_lifecycle=options.web_enable_lifecycle,
        max_requests=options.web_max_requests,
        health_listen_addresses=options.web_health_listen_address,
        systemd_socket=options.web_systemd_socket,
        shard=_shard(options) if hasattr(options, "shard") else Shard(),
        disable_exporter_metrics=options.web_disable_exporter_metrics,
    )


def _shard(options: argparse.Namespace) -> Shard:
    return Shard(options.shard, options.total_shards, options.shard_shared_egress)


def _write_no_more() -> None:
    """Drop what is left of standard output: it is full, or its reader has left, as `head` does."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_COMMANDS: Mapping[str, Callable[[argparse.Namespace], int]] = {
    "": _run_daemon,
    "poll": _run_poll,
    "config": _run_config,
    "healthcheck": _run_healthcheck,
    "assets": _run_assets,
    "simulate": _run_simulate,
    "demo": _run_demo,
}
