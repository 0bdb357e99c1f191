"""Play what happens to real installations for hours, and count who would have been paged how often.

Every minute is one scrape and one evaluation of all rules, unless a play says otherwise.
"""

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.conftest import Tool
from tests.alerts.files import RULE_FILES
from tests.alerts.scrapes import expand

Series = dict[str, str]
"""What Prometheus scrapes: a series, and its value in each minute in promtool's notation."""

TARGET = 'job="exchange-balance-exporter",instance="{}"'
ACCOUNT = 'exchange="btcturk",account="{}"'
TOTAL = 'asset:exchange_total_balance:sum{asset="BTC"}'


def exporter(minutes: int, instance: str = "a") -> Series:
    """Return an exporter that works all the time."""
    target = TARGET.format(instance)
    return {
        f"up{{{target}}}": f"1x{minutes}",
        f'exchange_exporter_build_info{{{target},version="1"}}': f"1x{minutes}",
        f"process_start_time_seconds{{{target}}}": f"-86400x{minutes}",
    }


def account(
    polls: list[bool], name: str = "treasury-tr", instance: str = "a", *, stale_after: int = 190
) -> Series:
    """Return an account of one balance, 10 BTC, that is polled every minute: True is a success."""
    labels = f"{TARGET.format(instance)},{ACCOUNT.format(name)}"
    successes, last = [], 0
    for minute, worked in enumerate(polls):
        last = 60 * minute if worked else last
        successes.append(last)
    served = [60 * minute - last < stale_after for minute, last in enumerate(successes)]
    failed = [sum(not worked for worked in polls[: minute + 1]) for minute in range(len(polls))]
    balance = " ".join("10" if one else "stale" for one in served)
    return {
        f"exchange_account_up{{{labels}}}": text(map(int, polls)),
        f"exchange_account_complete{{{labels}}}": text(map(int, served)),
        f"exchange_account_in_totals{{{labels}}}": text([1] * len(polls)),
        f"exchange_account_last_success_timestamp_seconds{{{labels}}}": text(successes),
        f"exchange_account_poll_interval_seconds{{{labels}}}": text([60] * len(polls)),
        f"exchange_account_stale_after_seconds{{{labels}}}": text([stale_after] * len(polls)),
        f"exchange_account_polls_total{{{labels}}}": text(range(1, len(polls) + 1)),
        f'exchange_account_poll_failures_total{{{labels},reason="timeout"}}': text(failed),
        f'exchange_account_poll_failures_total{{{labels},reason="authentication"}}': text(
            [0] * len(polls)
        ),
        f'exchange_total_balance{{{labels},asset="BTC"}}': balance,
        f'exchange_free_balance{{{labels},asset="BTC"}}': balance,
    }


def text(values: Any) -> str:
    return " ".join(map(str, values))


def minutes_of(minutes: int, *outages: tuple[int, int]) -> list[bool]:
    """Return polls that fail in each outage: from one minute on, until before another."""
    return [not any(start <= one < end for start, end in outages) for one in range(minutes)]


def free_min(minutes: int, name: str = "treasury-tr", instance: str = "a") -> Series:
    labels = f'{TARGET.format(instance)},{ACCOUNT.format(name)},asset="BTC",bound="free_min"'
    return {f"exchange_balance_threshold{{{labels}}}": f"5x{minutes}"}


def balance(name: str, values: str, kind: str = "total", instance: str = "a") -> Series:
    labels = f'{TARGET.format(instance)},{ACCOUNT.format(name)},asset="BTC"'
    return {f"exchange_{kind}_balance{{{labels}}}": values}


def refusals(name: str, values: str) -> Series:
    labels = f'{TARGET.format("a")},{ACCOUNT.format(name)},reason="authentication"'
    return {f"exchange_account_poll_failures_total{{{labels}}}": values}


def pages(minutes: int, **times: int) -> list[dict[str, Any]]:
    """Expect each alert to begin so many times, with any labels, and no other alert."""
    firing = 'ALERTS{alertstate="firing"}'
    begins = f"count by (alertname) ({firing} unless {firing} offset 1m)"
    expression = f"sum by (alertname) (sum_over_time(({begins})[{minutes}m:1m]))"
    return [
        expect(minutes, expression, {f'{{alertname="{name}"}}': n for name, n in times.items()})
    ]


def expect(minute: int, expression: str, values: dict[str, float]) -> dict[str, Any]:
    return {
        "expr": expression,
        "eval_time": f"{minute}m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in values.items()],
    }


def never_absent(minutes: int, at: int) -> dict[str, Any]:
    """Expect a total in each of the minutes before one."""
    return expect(at, f"count_over_time(absent({TOTAL})[{minutes}m:1m])", {})


def play(promtool: Tool, folder: Path, series: Series, expected: list[dict[str, Any]]) -> None:
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": expected,
    }
    document = {
        "rule_files": [str(path) for path in RULE_FILES],
        "evaluation_interval": "1m",
        "tests": [test],
    }
    path = folder / "play.yaml"
    path.write_text(yaml.safe_dump(document))
    result = promtool("test", "rules", path)
    assert result.returncode == 0, result.stdout + result.stderr


def test_totals_survive_polls_that_fail_at_random(promtool: Tool, tmp_path: Path) -> None:
    """20 accounts of which every twentieth poll fails: without a pause in three hours."""
    chance = random.Random(1)
    series = exporter(180)
    for number in range(20):
        series |= account([chance.random() > 0.05 for _ in range(180)], f"a{number}")
    total = expect(179, TOTAL, {TOTAL: 200})
    play(promtool, tmp_path, series, [total, never_absent(170, at=179), *pages(179)])


def test_every_second_poll_that_fails_is_one_warning_and_totals_stay(
    promtool: Tool, tmp_path: Path
) -> None:
    polls = [minute < 30 or minute % 2 == 0 for minute in range(240)]
    play(
        promtool,
        tmp_path,
        exporter(240) | account(polls),
        [
            *pages(50),
            *pages(239, ExchangePollsFailing=1),
            never_absent(200, at=239),
        ],
    )


def test_balances_that_are_withdrawn_between_two_polls_are_one_warning(
    promtool: Tool, tmp_path: Path
) -> None:
    """Polled every five minutes as paced, with a stale_after of three minutes."""
    series = exporter(240) | account([minute % 5 == 0 for minute in range(240)])
    for name in series:
        if name.startswith("exchange_account_poll_interval"):
            series[name] = "300x240"
        elif name.startswith(("exchange_account_up", "exchange_account_poll")):
            series[name] = "1x240" if "up{" in name else "0x240"
    play(promtool, tmp_path, series, pages(239, ExchangeStaleAfterTooShort=1))


def test_a_single_refusal_of_a_good_key_pages_nobody(promtool: Tool, tmp_path: Path) -> None:
    series = exporter(90) | account(minutes_of(90, (31, 32)))
    series |= refusals("treasury-tr", "0x30 1x60")
    play(promtool, tmp_path, series, pages(89))


@pytest.mark.parametrize("handover", [60, 62])
def test_a_redeployment_under_another_address_fires_nothing_again(
    promtool: Tool, tmp_path: Path, handover: int
) -> None:
    """A free balance has been too low since 30 minutes; exporter b follows a at 60 minutes."""
    low = "10x29 1x150"
    series = exporter(180) | account([True] * 180) | free_min(180)
    series |= balance("treasury-tr", low, "free")
    for name in list(series):
        values = " ".join([*expand(series[name])[:60], "stale"])
        later = " ".join(["_"] * handover + expand(series[name])[handover:])
        series[name.replace('instance="a"', 'instance="b"')] = later
        series[name] = values
    play(promtool, tmp_path, series, pages(170, ExchangeFreeBalanceLow=1))


def test_a_balance_that_swings_around_its_bound_pages_once(promtool: Tool, tmp_path: Path) -> None:
    swing = " ".join(["10"] * 30 + (["4"] * 10 + ["6"] * 10) * 12)
    series = exporter(270) | account([True] * 270) | free_min(270)
    play(
        promtool,
        tmp_path,
        series | balance("treasury-tr", swing, "free"),
        pages(265, ExchangeFreeBalanceLow=1),
    )


def test_accounts_that_recover_one_by_one_are_muted_until_the_last_has(
    promtool: Tool, tmp_path: Path
) -> None:
    series = exporter(140)
    for number in range(5):
        series |= account(minutes_of(140, (20, 60 + number)), f"a{number}")
    down, all_down = (
        f'ALERTS{{alertname="Exchange{name}",alertstate="firing"}}'
        for name in ("AccountDown", "AllAccountsDown")
    )
    alone = f"count_over_time(({down} unless on (exchange) {all_down})[139m:1m])"
    play(
        promtool,
        tmp_path,
        series,
        [
            expect(139, alone, {}),
            expect(64, f"count({down})", {"{}": 5}),
            *pages(139, ExchangeAllAccountsDown=1, ExchangeAccountDown=5, ExchangeBalancesStale=5,
                   ExchangeBalancesMissing=5),
        ],
    )  # fmt: skip


def test_one_of_two_exporters_that_fails_pages_nobody(promtool: Tool, tmp_path: Path) -> None:
    """Only two warnings: the account is polled twice, and half of its polls fail."""
    series = exporter(120) | exporter(120, "b")
    series |= account(minutes_of(120, (30, 120))) | account([True] * 120, instance="b")
    play(
        promtool,
        tmp_path,
        series,
        [
            *pages(119, ExchangeAccountPolledTwice=1, ExchangePollsFailing=1),
            never_absent(115, at=119),
        ],
    )


@pytest.mark.parametrize(("every", "lost", "at_most"), [(2, (), 1), (2, (30, 60), 1), (5, (), 2)])
def test_long_scrape_intervals_and_lost_scrapes_split_no_outage(
    promtool: Tool, tmp_path: Path, every: int, lost: tuple[int, ...], at_most: int
) -> None:
    series = exporter(120) | account(minutes_of(120, (20, 120)))
    for name, values in series.items():
        up = name.startswith("up")
        series[name] = " ".join(
            "_" if minute % every else ("0" if up else "stale") if minute in lost else value
            for minute, value in enumerate(expand(values))
        )
    firing = 'ALERTS{alertname="ExchangeAccountDown",alertstate="firing"}'
    begins = f"sum(count_over_time(({firing} unless {firing} offset 1m)[119m:1m]))"
    guard = 'count(ALERTS{alertname="ExchangeScrapedTooRarely",alertstate="firing"})'
    play(
        promtool,
        tmp_path,
        series,
        [
            expect(119, f"{begins} <= bool {at_most}", {"{}": 1}),
            expect(119, guard, {"{}": 1} if every > 2 else {}),
        ],
    )


def test_funds_that_leave_before_the_key_is_rejected_are_reported_throughout(
    promtool: Tool, tmp_path: Path
) -> None:
    """They leave at 60 minutes, the key is rejected from 62 on, the balance is withdrawn at 65."""
    series = exporter(200) | account(minutes_of(200, (62, 200))) | free_min(200)
    gone = "10x59 0.5x4 stale"
    series |= balance("treasury-tr", gone) | balance("treasury-tr", gone, "free")
    series |= refusals("treasury-tr", "0x61 1 2x4 3x14 4x14 5x14 6x14 7x14 8x14 9x14 10x14 11x30")
    throughout = (
        "ExchangeFundsLeftAndKeyRefused", "ExchangeBalanceFell", "ExchangeAuthenticationFailing",
    )  # fmt: skip
    firing = 'ALERTS{alertname="%s",alertstate="firing"}'
    play(
        promtool,
        tmp_path,
        series,
        [
            *pages(59),
            *(
                expect(minute, f"count({firing % name})", {"{}": 1})
                for minute in (64, 90, 120)
                for name in throughout
            ),
            *pages(
                120,
                **dict.fromkeys(throughout, 1),
                ExchangeFreeBalanceLow=1,
                ExchangeAccountDown=1,
                ExchangeBalancesStale=1,
                ExchangeBalancesMissing=1,
                ExchangeThresholdWithoutBalance=1,
            ),
        ],
    )


def test_a_crash_loop_is_reported_and_not_as_dead_accounts(promtool: Tool, tmp_path: Path) -> None:
    """From 30 minutes on the process starts every two minutes and polls nothing before it dies."""
    series = exporter(90) | account([minute < 30 for minute in range(90)])
    started = [-86400 if minute < 30 else 120 * (minute // 2) for minute in range(90)]
    series[f"process_start_time_seconds{{{TARGET.format('a')}}}"] = text(started)
    alerts = 'count by (alertname) (ALERTS{alertstate="firing",severity="critical"})'
    play(
        promtool,
        tmp_path,
        series,
        [
            expect(37, alerts, {'{alertname="ExchangeExporterRestarting"}': 1}),
            expect(60, f"{alerts} and on (alertname) (ALERTS{{alertname=~'.*AccountDown'}})", {}),
        ],
    )
