"""Share what every kind of test needs."""

import os
import sys
from collections.abc import AsyncIterator, Generator, Iterator

import pytest
import structlog
from hypothesis import settings

from exporter.simulator import Simulator, no_limits
from tests import skipped
from tests.faults.canaries import Canaries

# A busy machine makes single examples slow; that is no failure of the code.
settings.register_profile("exporter", deadline=None)
settings.load_profile("exporter")


@pytest.fixture
def anyio_backend() -> str:
    """Run asynchronous tests on asyncio, which the exporter is written for."""
    return "asyncio"


@pytest.fixture(autouse=True)
def fresh_loggers() -> Iterator[None]:
    """Undo a test's configuration of the log, which loggers keep from their first message on."""
    yield
    structlog.reset_defaults()
    for name, module in list(sys.modules.items()):
        if name.startswith("exporter.") and "log" in vars(module):
            vars(vars(module)["log"]).pop("bind", None)


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """Simulate every exchange over real sockets, without rate limits."""
    async with Simulator(limits=no_limits()) as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose output or log shows a token or a signature."""
    report = yield
    found = Canaries().found(report.capstdout + report.capstderr + report.caplog)
    if report.when == "teardown" and report.passed and found:
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} shows {', '.join(found)}"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what was skipped and what to install."""
    if lines := skipped.summary(terminalreporter.getreports("skipped")):
        terminalreporter.section("skipped tests")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where CI is set and a test was skipped: there everything must be tested."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped"):
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED
