"""The log of one account, poll by poll: each change once, and a line for every recovery."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from exporter.credentials import Secret, fingerprint
from exporter.errors import AuthenticationError, PollError, PollTimeoutError, UnavailableError
from exporter.model import AccountKey, AssetFilter, RejectedRow
from exporter.polling.endpoint import EndpointKey
from exporter.polling.endpoints import PauseState
from exporter.polling.events import EventLog
from exporter.polling.snapshots import AccountState, PollSchedule
from tests.accounts import balance, make_account, make_store, poll_at, reading

ACCOUNT = make_account()
KEY = ACCOUNT.key
HOUR = 3600.0

DOWN = UnavailableError("HTTP 500")
LATE = PollTimeoutError("no response in 10 s")
REFUSED = AuthenticationError("HTTP 401")

TOO_OLD = "balances are withdrawn, the last complete response is too old"
OTHER_KEY = "balances are withdrawn, they were fetched with another key"
OTHER_SETTINGS = "balances are withdrawn, they were fetched with other settings"
SERVED_AGAIN = "balances are served again"
ROWS = "dropped rows that could not be parsed"


class Night:
    """Poll one account at given times, and read what is logged at info and above."""

    def __init__(self, lines: list[EventDict]) -> None:
        self.store = make_store(ACCOUNT)
        self.events = EventLog()
        self.logged = lines

    @property
    def state(self) -> AccountState:
        return self.store.states[KEY]

    def fail(self, at: float, error: PollError = DOWN, next_poll_in: float = 60) -> None:
        before, result = self.state, replace(poll_at(at), outcome=error)
        self.store.record(KEY, result, result.wall + result.duration + next_poll_in)
        self.events.polled(before, self.state, result)

    def succeed(self, at: float, *rejected: RejectedRow) -> None:
        before, response = self.state, reading(balance("EUR", "1"), rejected=rejected)
        result = replace(poll_at(at), outcome=response)
        self.store.succeed(KEY, result, response)
        self.events.polled(before, self.state, result)

    def drop(self, at: float, *assets: str | None) -> None:
        """Poll, with rows that can't be parsed."""
        self.succeed(at, *(RejectedRow(n, name, "not a number") for n, name in enumerate(assets)))

    def watch(self, at: float) -> None:
        self.events.watch(self.store.states.values(), at)

    def watch_pause(
        self, until: float, at: float = 0, *, waiting: int = 0, clock_step: float = 0
    ) -> None:
        """Watch at some time while a pause lasts, which a number of accounts wait for."""
        key = EndpointKey("btcturk", "api.btcturk.com")
        pause = PauseState(key, until, 1.7e9 + until + clock_step)
        accounts = {AccountKey("btcturk", f"a{number}"): pause for number in range(waiting)}
        self.events.watch_pauses([pause], accounts, at)

    def replace_key(self, at: float) -> None:
        """Find another key in the account's file."""
        before = self.state
        self.store.withdraw_others(KEY, fingerprint({"api_key": Secret("another")}))
        self.events.key_changed(before, self.state, at)

    def reload(self, at: float, stale_after: float = 180.0, **changes: Any) -> None:
        before, changed = self.store.states, replace(ACCOUNT, **changes)
        self.events.keep([KEY])
        self.store.configure({KEY: PollSchedule(changed, 60.0, stale_after)}, at)
        self.events.reconfigured(before, self.store.states, at)

    def lines(self, *fields: str) -> list[tuple[object, ...]]:
        """Return the lines since the last call: level, event, and fields."""
        found = [
            (line["log_level"], line["event"], *map(line.get, fields))
            for line in self.logged
            if line["log_level"] != "debug"
        ]
        self.logged.clear()
        return found

    def messages(self) -> list[object]:
        """Return the messages since the last call."""
        return [event for _, event in self.lines()]


@pytest.fixture
def night() -> Iterator[Night]:
    with capture_logs() as lines:
        yield Night(lines)


def test_a_cause_that_does_not_change_is_one_warning_and_a_reminder_an_hour(night: Night):
    for minute in range(130):
        night.fail(60.0 * minute)
        night.watch(60.0 * minute + 1)
    assert night.lines("error", "down_for") == [
        ("warning", "account is down", "HTTP 500", None),
        ("info", "account is still down", "HTTP 500", "3601s"),
        ("info", "account is still down", "HTTP 500", "7201s"),
    ]


def test_another_cause_is_a_warning_at_once_and_the_reminder_an_hour_after_it(night: Night):
    night.fail(0)
    night.fail(1800, LATE)
    night.watch(HOUR + 1)
    assert night.lines("reason", "down_for", "failed_polls") == [
        ("warning", "account is down", "unavailable", None, None),
        ("warning", "account is still down, for another reason", "timeout", "1800s", 2),
    ]
    night.watch(1800 + HOUR)
    assert night.lines("reason") == [("info", "account is still down", "timeout")]


def test_a_cause_that_comes_back_is_logged_when_it_lasts(night: Night):
    night.fail(0)
    night.fail(60, LATE)
    for minute in range(2, 7):
        night.fail(60.0 * minute)
    assert len(night.lines()) == 2
    night.fail(420)
    night.fail(480)
    assert night.lines("reason") == [
        ("warning", "account is still down, for another reason", "unavailable")
    ]


def test_causes_that_alternate_for_a_day_are_a_line_each_and_a_reminder_an_hour(night: Night):
    for minute in range(24 * 60):
        night.fail(60.0 * minute, LATE if minute % 2 else DOWN)
        night.watch(60.0 * minute + 1)
    levels = [level for level, _ in night.lines()]
    assert levels[:2] == ["warning", "warning"]
    assert levels[2:] == ["info"] * 23


def test_messages_that_vary_with_every_poll_are_logged_a_number_of_times(night: Night):
    for minute in range(200):
        error = (PollTimeoutError, UnavailableError)[minute % 2]
        night.fail(60.0 * minute, error(f"attempt {minute}"))
    assert len(night.lines()) == 20 + 2


@pytest.mark.parametrize("ends", ["success", "reload"])
def test_what_was_logged_of_one_outage_says_nothing_of_the_next(night: Night, ends: str):
    night.reload(0, stale_after=24 * HOUR)
    night.fail(0, LATE)
    night.fail(3000, LATE)
    if ends == "success":
        night.succeed(3010)
    else:
        night.reload(3010, stale_after=24 * HOUR, credentials={"api_key": Secret("another")})
    night.lines()
    night.fail(3020, REFUSED)
    night.fail(3080, LATE)
    night.watch(HOUR + 10)
    assert night.lines("reason") == [
        ("warning", "account is down", "authentication"),
        ("warning", "account is still down, for another reason", "timeout"),
    ]
    night.watch(3080 + HOUR)
    assert night.lines("down_for") == [("info", "account is still down", "3660s")]


def test_the_end_of_an_outage_says_how_long_it_was_and_what_is_served(night: Night):
    night.fail(0)
    night.fail(60)
    night.succeed(120)
    assert night.lines("down_for", "failed_polls", "assets")[1:] == [
        ("info", "account is up again", "120s", 2, 1)
    ]


def test_rows_dropped_later_are_logged_when_they_are_new(night: Night):
    night.drop(0, "XYZ")
    night.drop(60, "XYZ", "BTC")
    night.drop(120, "BTC", "TRY")
    assert night.lines("rows", "first")[1:] == [
        ("warning", ROWS, 1, "row 0 (XYZ): not a number"),
        ("warning", ROWS, 2, "row 1 (BTC): not a number"),
        ("warning", ROWS, 2, "row 1 (TRY): not a number"),
    ]


def test_rows_that_move_or_alternate_are_logged_once(night: Night):
    night.drop(0, "XYZ", "BTC")
    night.lines()
    for minute in range(1, 60):
        night.drop(60.0 * minute, *(["BTC", "XYZ"], ["BTC"], ["XYZ"])[minute % 3])
    assert night.lines() == []


def test_rows_are_logged_again_after_the_account_was_complete(night: Night):
    night.drop(0, "XYZ")
    night.drop(60)
    night.drop(120, "XYZ")
    assert night.messages()[1:] == [ROWS, "every row could be parsed again", ROWS]


def test_an_account_that_is_complete_with_other_settings_is_logged(night: Night):
    night.drop(0, "XYZ")
    night.reload(30, assets=AssetFilter(exclude=frozenset({"XYZ"})))
    night.lines()
    night.succeed(60)
    assert night.messages() == ["account is up", "every row could be parsed again"]


def test_one_line_names_five_rows(night: Night):
    night.drop(0, *(f"COIN{number}" for number in range(900)))
    [_, (_, _, rows, first)] = night.lines("rows", "first")
    assert (rows, str(first).count("COIN")) == (900, 5)


def test_rows_of_huge_responses_with_other_names_are_logged_once(night: Night):
    night.drop(0, *(f"COIN{number}" for number in range(3000)))
    night.drop(60, *(f"TOKEN{number}" for number in range(3000)))
    assert night.lines("rows")[1:] == [("warning", ROWS, 3000)]


def test_rows_with_another_name_at_every_poll_are_not_logged_without_end(night: Night):
    for poll in range(30):
        night.drop(60.0 * poll, *(f"COIN{poll}-{number}" for number in range(100)))
    assert len(night.lines()) == 1 + 10 + 1


def test_balances_that_become_too_old_while_the_account_is_up_are_logged_both_ways(
    night: Night,
):
    night.succeed(0)
    for second in range(178, 183):
        night.watch(float(second))
    night.succeed(200)
    assert night.lines("age", "absent_for")[1:] == [
        ("info", TOO_OLD, "180s", None),
        ("info", SERVED_AGAIN, None, "20s"),
    ]


def test_balances_that_are_too_old_for_less_than_a_look_are_logged_too(night: Night):
    night.succeed(0)
    night.succeed(179.9)
    assert night.messages()[1:] == [TOO_OLD, SERVED_AGAIN]


def test_balances_that_are_still_served_when_a_poll_fails_are_not_called_withdrawn(night: Night):
    night.succeed(0)
    night.fail(179.9)
    assert night.messages() == ["account is up", "account is down"]


@pytest.mark.parametrize("fails", [True, False])
def test_balances_of_another_key_are_withdrawn_in_the_log_too(night: Night, *, fails: bool):
    night.succeed(0)
    night.replace_key(60)
    night.replace_key(61)
    night.watch(62)
    if fails:
        night.fail(60, REFUSED)
    night.succeed(120)
    assert night.messages() == [
        "account is up",
        OTHER_KEY,
        *(["account is down", "account is up again"] if fails else [SERVED_AGAIN]),
    ]


SETTINGS = [
    ({"base_url": "https://other.example"}, "base_url"),
    ({"balances_path": "/other"}, "balances_path"),
    ({"credentials": {"api_key": Secret("another")}}, "credentials"),
    ({"assets": AssetFilter(include=frozenset({"BTC"}))}, "assets"),
]


@pytest.mark.parametrize(("changes", "keys"), SETTINGS)
def test_balances_that_a_reload_withdraws_are_logged_with_the_settings_that_changed(
    night: Night, changes: dict[str, Any], keys: str
):
    night.succeed(0)
    night.reload(60, **changes)
    night.watch(300)
    night.succeed(310)
    assert night.lines("keys", "age")[1:] == [
        ("info", OTHER_SETTINGS, keys, "60s"),
        ("info", "account is up", None, None),
    ]


def test_balances_that_a_shorter_stale_after_withdraws_are_too_old(night: Night):
    night.succeed(0)
    night.reload(60, stale_after=30.0)
    night.watch(61)
    night.reload(62, stale_after=3600.0)
    night.watch(63)
    night.succeed(64)
    assert night.lines("stale_after")[1:] == [
        ("info", TOO_OLD, "30s"),
        ("info", SERVED_AGAIN, None),
    ]


def test_balances_are_withdrawn_for_one_cause_at_a_time(night: Night):
    night.succeed(0)
    night.reload(180, base_url="https://other.example")
    night.replace_key(181)
    assert night.messages()[1:] == [TOO_OLD]


def test_a_reload_that_changes_nothing_about_balances_is_no_withdrawal(night: Night):
    night.succeed(0)
    night.reload(60, interval=30.0)
    night.succeed(61)
    assert night.messages() == ["account is up"]


BEGAN = "rate limit pause began, no requests are sent"
LONGER = "rate limit pause became longer, no requests are sent"
ENDED = "rate limit pause ended"


def test_a_pause_that_becomes_longer_says_until_when(night: Night):
    for until in (0.5, 0.51, 30, 29):
        night.watch_pause(until)
    night.events.watch_pauses([], {}, 0)
    assert night.lines("until", "host") == [
        ("info", BEGAN, "2023-11-14T22:13:20Z", "api.btcturk.com"),
        ("info", LONGER, "2023-11-14T22:13:50Z", "api.btcturk.com"),
        ("info", ENDED, None, "api.btcturk.com"),
    ]


def test_a_pause_of_more_than_a_minute_is_a_warning(night: Night):
    night.watch_pause(60)
    night.watch_pause(120, at=30)
    assert night.lines() == [("info", BEGAN), ("warning", LONGER)]


def test_a_pause_says_how_many_accounts_wait_for_it(night: Night):
    night.watch_pause(120, waiting=3)
    assert night.lines("accounts_waiting") == [("warning", BEGAN, 3)]


def test_a_step_of_the_wall_clock_makes_no_pause_longer(night: Night):
    night.watch_pause(60)
    night.watch_pause(60, clock_step=5)
    assert night.messages() == [BEGAN]


def test_a_pause_that_grows_in_small_steps_is_logged_once_it_is_longer(night: Night):
    for tenths in range(20):
        night.watch_pause(60 + 0.1 * tenths)
    assert night.messages() == [BEGAN, LONGER]


@pytest.mark.parametrize("seconds", [60, 300, 0, -5])
def test_an_account_that_is_down_says_when_it_is_polled_next(night: Night, seconds: int):
    night.fail(0, REFUSED, next_poll_in=seconds)
    night.fail(60, LATE, next_poll_in=900)
    assert night.lines("next_poll") == [
        ("warning", "account is down", f"in {max(seconds, 0)} s"),
        ("warning", "account is still down, for another reason", "in 900 s"),
    ]


def test_the_debug_line_of_every_poll_says_when_the_next_one_is(night: Night):
    night.fail(0, REFUSED, next_poll_in=60)
    night.fail(60, REFUSED, next_poll_in=300)
    lines = [line for line in night.logged if line["event"] == "polled"]
    assert [line["next_poll"] for line in lines] == ["in 60 s", "in 300 s"]
