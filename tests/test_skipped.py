"""A run says what it skipped and what to install, and where CI is set it skips nothing."""

import pytest

from tests.skipped import summary

pytest_plugins = ["pytester"]

_SKIPPING = """
import pytest

@pytest.mark.parametrize("number", range(3))
def test_with_prometheus(number):
    pytest.skip("apt-get install prometheus")

def test_with_chromium():
    pytest.skip("apt-get install chromium")

def test_alone():
    pass
"""
_HOOKS = """
from tests.conftest import pytest_sessionfinish, pytest_terminal_summary
"""


def skipped(module: str, reason: str) -> pytest.TestReport:
    longrepr = (module, 1, f"Skipped: {reason}")
    return pytest.TestReport(
        f"{module}::test", (module, 1, "test"), {}, "skipped", longrepr, "setup"
    )


def test_each_reason_has_a_line_with_its_modules():
    reports = [
        skipped("tests/b.py", "apt-get install prometheus"),
        skipped("tests/c.py", "make packaging"),
        skipped("tests/a.py", "apt-get install prometheus"),
        skipped("tests/b.py", "apt-get install prometheus"),
    ]
    assert summary(reports) == [
        "3 skipped, apt-get install prometheus: tests/a.py (1), tests/b.py (2)",
        "1 skipped, make packaging: tests/c.py (1)",
    ]


@pytest.mark.parametrize(("ci", "status"), [("", pytest.ExitCode.OK), ("true", 1)])
def test_a_run_that_skips_says_so_and_fails_in_ci(
    ci: str, status: int, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("CI", ci)
    pytester.makeconftest(_HOOKS)
    pytester.makepyfile(_SKIPPING)
    result = pytester.runpytest_inprocess()
    assert result.ret == status
    result.stdout.fnmatch_lines(
        [
            "*skipped tests*",
            "3 skipped, apt-get install prometheus: *.py (3)",
            "1 skipped, apt-get install chromium: *.py (1)",
        ]
    )
