"""What keys may do is logged when it changes; a permission that is absent is not known."""

from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from exporter.model import AccountKey
from exporter.polling.permission_log import PermissionLog

KEY = AccountKey("binance", "main")
HARMFUL = "the key can do more than read"
READS_ONLY = "the key can only read now"
UNBOUND = "the key is not bound to an IP address"
BOUND = "the key is bound to an IP address now"


class Checks:
    """Report permissions of one account's key, and read what is logged."""

    def __init__(self, lines: list[EventDict]) -> None:
        self.log = PermissionLog()
        self._lines = lines

    def report(self, digest: bytes = b"1", **found: bool) -> None:
        self.log.checked(KEY, digest, found)

    def withdraw(self) -> None:
        self.log.withdrawn(KEY)

    @property
    def messages(self) -> list[str]:
        """Return the messages since the last look."""
        found = [line["event"] for line in self._lines]
        self._lines.clear()
        return found

    @property
    def permissions(self) -> list[str]:
        """Return the permissions of each line since the last look."""
        found = [line["permissions"] for line in self._lines]
        self._lines.clear()
        return found


@pytest.fixture
def checks() -> Iterator[Checks]:
    with capture_logs() as lines:
        yield Checks(lines)


def test_each_key_of_an_account_is_warned_about(checks: Checks):
    for digest, can_trade in ((b"1", True), (b"1", True), (b"2", True), (b"3", False)):
        checks.report(digest, trade=can_trade)
    assert checks.messages == [HARMFUL, HARMFUL, READS_ONLY]


def test_a_changed_set_of_permissions_is_warned_about(checks: Checks):
    checks.report(trade=True, withdraw=True)
    checks.report(trade=True, withdraw=False)
    assert checks.permissions == ["withdraw, trade", "trade"]


def test_permissions_that_are_absent_are_not_recovered(checks: Checks):
    checks.report(trade=True, ip_restricted=False)
    assert checks.messages == [HARMFUL, UNBOUND]
    checks.report(read=True)
    assert checks.messages == []


def test_permissions_are_recovered_when_the_exchange_reports_them_again(checks: Checks):
    checks.report(trade=True, ip_restricted=False)
    checks.report(read=True)
    checks.report(trade=False, ip_restricted=True)
    assert checks.messages == [HARMFUL, UNBOUND, READS_ONLY, BOUND]


def test_permissions_that_return_after_an_absence_are_not_warned_about_again(checks: Checks):
    checks.report(trade=True, ip_restricted=False)
    checks.report(read=True)
    checks.report(trade=True, ip_restricted=False)
    assert checks.messages == [HARMFUL, UNBOUND]


def test_a_key_with_one_permission_withdrawn_and_another_absent_can_still_harm(checks: Checks):
    checks.report(trade=True, withdraw=True)
    checks.report(trade=False)
    assert checks.permissions == ["withdraw, trade", "withdraw"]


def test_a_new_key_is_not_warned_about_for_what_the_old_one_could_do(checks: Checks):
    checks.report(b"1", trade=True, withdraw=True)
    checks.report(b"2", trade=False)
    assert checks.messages == [HARMFUL]


def test_a_new_key_is_warned_about_once_its_permissions_are_reported(checks: Checks):
    checks.report(b"1", trade=True)
    checks.report(b"2", read=True)
    checks.report(b"2", trade=True)
    assert checks.messages == [HARMFUL, HARMFUL]


def test_permissions_are_logged_as_known_once_after_a_withdrawal(checks: Checks):
    checks.report(read=True)
    checks.withdraw()
    checks.report(read=True)
    checks.report(read=True)
    assert checks.messages == [
        "key permissions are withdrawn, the last response is too old",
        "key permissions are known again",
    ]
