"""Replay the day that breaks a naive exporter: an outage, then 250 balances at zero."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.alerts.conftest import Tool
from tests.alerts.files import RULE_FILES

ASSETS = [f"A{number:03}" for number in range(250)]
LABELS = 'job="exchange-balance-exporter",instance="exporter:10517"'
TREASURY = f'{LABELS},exchange="btcturk",account="treasury-tr"'
PAYMENTS = f'{LABELS},exchange="trubit",account="payments-mx"'

OUTAGE = 20
"""Minutes from 40 on, in which every poll of treasury-tr fails."""
SERVED = 4
"""Minutes of them in which its balances are still served, as stale_after allows."""


def story(balances_afterwards: int) -> list[dict[str, str]]:
    """Return what Prometheus scrapes: an hour and a half, and an outage in the middle."""
    states = {
        f"up{{{LABELS}}}": "1x100",
        f'exchange_exporter_build_info{{{LABELS},version="1"}}': "1x100",
        f"exchange_account_up{{{TREASURY}}}": "1x39 0x19 1x40",
        f"exchange_account_complete{{{TREASURY}}}": "1x43 0x15 1x40",
        f"exchange_account_last_success_timestamp_seconds{{{TREASURY}}}": (
            "_ 60+60x38 2340x19 3600+60x40"
        ),
        f"exchange_account_poll_interval_seconds{{{TREASURY}}}": "60x100",
        f"exchange_account_stale_after_seconds{{{TREASURY}}}": "190x100",
        f'exchange_account_poll_failures_total{{{TREASURY},reason="unavailable"}}': (
            "0x39 1+1x19 20x40"
        ),
        f"exchange_account_up{{{PAYMENTS}}}": "1x100",
        f"exchange_account_complete{{{PAYMENTS}}}": "1x100",
        f'exchange_total_balance{{{PAYMENTS},asset="A000"}}': "7x100",
        f'exchange_balance_threshold{{{TREASURY},asset="A000",bound="free_min"}}': "1x100",
    }
    balance = f"5x43 stale _x15 {balances_afterwards}x40"
    series = states | {
        f'exchange_{kind}_balance{{{TREASURY},asset="{asset}"}}': balance
        for kind in ("total", "free")
        for asset in ASSETS
    }
    return [{"series": name, "values": values} for name, values in series.items()]


def firing(minute: int, alerts: dict[str, int]) -> dict[str, Any]:
    """Expect so many of each alert, and no other, at a minute."""
    return {
        "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
        "eval_time": f"{minute}m",
        "exp_samples": [
            {"labels": f'{{alertname="{name}"}}', "value": count} for name, count in alerts.items()
        ],
    }


def total(minute: int, value: int | None) -> dict[str, Any]:
    """Expect the total of the one asset that both accounts hold, or that it is absent."""
    name = 'asset:exchange_total_balance:sum{asset="A000"}'
    samples = [] if value is None else [{"labels": name, "value": value}]
    return {"expr": name, "eval_time": f"{minute}m", "exp_samples": samples}


DURING = [
    firing(39, {}),
    total(39, 12),
    *(total(minute, 12) for minute in range(40, 40 + SERVED)),
    *(total(minute, None) for minute in range(40 + SERVED, 40 + OUTAGE)),
    firing(50, {"ExchangeAccountDown": 1, "ExchangeBalancesStale": 1}),
    firing(
        59,
        {
            "ExchangeAccountDown": 1,
            "ExchangeBalancesStale": 1,
            "ExchangeBalancesMissing": 1,
            "ExchangeThresholdWithoutBalance": 1,
        },
    ),
]


@pytest.mark.parametrize(
    ("balances_afterwards", "expected"),
    [
        pytest.param(5, [firing(70, {}), total(70, 12)], id="an outage is not money that left"),
        pytest.param(
            0,
            [
                firing(
                    70,
                    {
                        "ExchangeAllBalancesZero": 1,
                        "ExchangeBalanceFell": 250,
                        "ExchangeFreeBalanceLow": 1,
                    },
                ),
                total(70, 7),
            ],
            id="zeros that the exchange reports are said, all of them",
        ),
    ],
)
def test_an_outage_and_250_balances_afterwards(
    promtool: Tool, balances_afterwards: int, expected: list[dict[str, Any]], tmp_path: Path
) -> None:
    document = {
        "rule_files": [str(path) for path in RULE_FILES],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": story(balances_afterwards),
                "promql_expr_test": [*DURING, *expected],
            }
        ],
    }
    path = tmp_path / "outage.yaml"
    path.write_text(yaml.safe_dump(document))
    result = promtool("test", "rules", path)
    assert result.returncode == 0, result.stdout + result.stderr
