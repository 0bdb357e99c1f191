"""Start the command line; signals are handled before the imports, which take a while."""

import os
import signal
import sys

# What these found is unknown if they are cut short, so they don't end with 0 then.
_ENDING_BY_THEMSELVES = frozenset(
    ("poll", "healthcheck", "--config.check", "--config.check=syntax")
)
_CHECK_TWIN = "EXCHANGE_BALANCE_EXPORTER_CONFIG_CHECK"


def main() -> int:
    """Run a command and return its exit status.

    Until a command handles signals itself, SIGTERM and SIGINT end it without output.
    """
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    if not _ends_by_itself():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # what it would reload is yet to be read
    from exporter.cli import main as run  # noqa: PLC0415 - the signals come first

    return run()


def _ends_by_itself() -> bool:
    is_check = os.environ.get(_CHECK_TWIN, "") not in {"", "false"}
    return is_check or not _ENDING_BY_THEMSELVES.isdisjoint(sys.argv)


def _end(number: int, _frame: object) -> None:
    # An exception could be swallowed by a module being imported, or print a traceback.
    os._exit(128 + number if _ends_by_itself() else 0)


if __name__ == "__main__":
    sys.exit(main())
