"""Show the whole stack at work: simulated exchanges, the exporter, Prometheus and Alertmanager."""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from stack import configuration, programs
from stack.pages import Page, as_text, webhook
from stack.programs import Program, StackError, free_address

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

WELCOME = """
  Balances      http://{exporter}/
  Prometheus    http://{prometheus}/alerts
  Alertmanager  http://{alertmanager}/

  Notifications of Alertmanager are printed below, half a minute after an alert fires.
  Stop with Ctrl-C; nothing is kept.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stack until a signal and return an exit status."""
    options = make_parser().parse_args(arguments)
    for number in SIGNALS:
        signal.signal(number, interrupt)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="exchange-balances-") as folder,
            running(Path(folder), options, lambda page: say(as_text(page))) as stack,
        ):
            say(WELCOME.format_map({program.name: program.address for program in stack}))
            watch(stack)
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 0


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser("python -m stack", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--fault",
        dest="faults",
        action="append",
        default=[],
        metavar="NAME[:OPTION=VALUE,...]",
        help="fault to inject, as for `exchange-balance-exporter demo`; repeatable",
    )
    for name, port in (("exporter", 10517), ("prometheus", 9090), ("alertmanager", 9093)):
        parser.add_argument(
            f"--{name}-port",
            type=int,
            default=port,
            metavar="PORT",
            help="a free one is picked if it is in use (default: %(default)s)",
        )
    return parser


@contextmanager
def running(
    folder: Path, options: argparse.Namespace, receive: Callable[[Page], None]
) -> Iterator[Sequence[Program]]:
    """Run all programs with their files in a folder, until the end of the block."""
    exporter = free_address(options.exporter_port)
    prometheus = free_address(options.prometheus_port)
    alertmanager = free_address(options.alertmanager_port)
    faults = [f"--fault={fault}" for fault in options.faults]
    with webhook(receive) as receivers:
        configuration.copy(folder, exporter, alertmanager, receivers)
        with (
            programs.alertmanager(folder, alertmanager) as pager,
            programs.exporter_demo(folder, exporter, faults) as demo,
            programs.prometheus(folder, prometheus) as scraper,
        ):
            yield pager, demo, scraper


def watch(stack: Sequence[Program]) -> NoReturn:
    """Wait until a signal, or until one of the programs stops by itself."""
    while True:
        for program in stack:
            program.check()
        time.sleep(0.5)


def interrupt(_number: int, _frame: object) -> None:
    """Begin to stop; a second Ctrl-C must not interrupt the cleanup."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def say(text: str) -> None:
    """Print a text at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
