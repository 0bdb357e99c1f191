"""Ask every query of every panel of a real Prometheus, in good and in bad times."""

import math
from collections.abc import Callable, Mapping

import pytest

from tests.dashboards.conftest import Prometheus
from tests.dashboards.files import UIDS, Json, panels, substitute
from tests.dashboards.history import SCENARIOS

History = Callable[[str], Prometheus]

TREASURY, ACCOUNT, EXPORTER = UIDS
TREASURY_TR = {"$exchange": "btcturk", "$account": "treasury-tr", "$asset": "BTC"}
PAYMENTS_MX = {"$exchange": "trubit", "$account": "payments-mx", "$asset": "MXN"}
SELECTIONS: dict[str, list[Mapping[str, str]]] = {
    TREASURY: [{}],
    ACCOUNT: [TREASURY_TR, PAYMENTS_MX],
    EXPORTER: [{}],
}
DOWN = ("account_down", "exchange_down", "authentication", "exporter_down")
NOT_ALL_THERE = (*DOWN, "incomplete")
SUMS = ("Total $asset", "Free $asset", "Locked $asset")


def panel(uid: str, title: str) -> Json:
    return next(one for one in panels(uid) if one["title"] == title)


def ask(
    prometheus: Prometheus, target: Json, selection: Mapping[str, str] | None = None
) -> list[Json]:
    expr = substitute(target["expr"], selection or {})
    return prometheus.ask(expr, instant=target["instant"])


def values(series: list[Json]) -> list[float]:
    return [float(value) for one in series for _, value in one["values"]]


def finite(series: list[Json]) -> list[float]:
    return [value for value in values(series) if math.isfinite(value)]


def shown(
    prometheus: Prometheus, uid: str, title: str, ref: str = "A", **selection: str
) -> list[Json]:
    """Return what one query of a panel gives."""
    target = next(one for one in panel(uid, title)["targets"] if one["refId"] == ref)
    return ask(prometheus, target, {f"${name}": value for name, value in selection.items()})


def label(series: list[Json], name: str) -> list[str]:
    return sorted(one["metric"].get(name, "") for one in series)


@pytest.mark.parametrize(
    ("uid", "title"), [(uid, one["title"]) for uid in UIDS for one in panels(uid)]
)
def test_every_panel_has_data_while_all_is_well(history: History, uid: str, title: str) -> None:
    answers = [
        ask(history("healthy"), target, selection)
        for selection in SELECTIONS[uid]
        for target in panel(uid, title)["targets"]
    ]

    assert any(finite(answer) for answer in answers)


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one != "many"])
@pytest.mark.parametrize("uid", UIDS)
def test_every_query_can_be_answered_at_all_times(
    history: History, uid: str, scenario: str
) -> None:
    for one in panels(uid):
        for target in one["targets"]:
            for selection in SELECTIONS[uid]:
                ask(history(scenario), target, selection)


@pytest.mark.parametrize("scenario", NOT_ALL_THERE)
def test_no_sum_is_shown_while_an_account_is_missing(history: History, scenario: str) -> None:
    for title in SUMS:
        (withheld,) = values(shown(history(scenario), TREASURY, title))
        assert math.isnan(withheld)
    for ref in "BCDEFG":
        assert finite(shown(history(scenario), TREASURY, "Holdings", ref)) == []


@pytest.mark.parametrize("scenario", DOWN)
def test_a_missing_account_is_drawn_as_an_outage(history: History, scenario: str) -> None:
    chart = panel(TREASURY, "Free and locked $asset")
    free, _, outage, _ = (ask(history(scenario), target) for target in chart["targets"])
    end = max(time for one in outage for time, _ in one["values"])

    assert all(time < end for one in free for time, _ in one["values"])


def test_an_outage_is_never_drawn_as_money_that_left(history: History) -> None:
    free = finite(shown(history("healthy"), TREASURY, "Free and locked $asset", asset="MXN"))

    assert len(free) < 360  # the outage of last night is a gap ...
    assert min(free) > 28_000_000  # ... and not a fall by the nine million of payments-mx


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("healthy", "5 of 5"),
        ("account_down", "4 of 5"),
        ("exchange_down", "2 of 5"),
        ("authentication", "4 of 5"),
        ("exporter_down", "0 of 5"),
        ("empty", "no account is seen"),
        ("pair", "5 of 5"),
    ],
)
def test_the_number_of_accounts_stands_beside_the_sums(
    history: History, scenario: str, words: str
) -> None:
    for title in ("Accounts up and complete", "In the sum"):
        assert label(shown(history(scenario), TREASURY, title), "share") == [words]


@pytest.mark.parametrize(
    ("scenario", "problems"),
    [
        ("healthy", ["nothing"]),
        ("account_down", ["payments-mx: connection"]),
        (
            "exchange_down",
            ["market-making: unavailable", "payouts-tr: unavailable", "treasury-tr: unavailable"],
        ),
        ("authentication", ["treasury-tr: authentication"]),
        ("incomplete", ["treasury-mx: incomplete"]),
        ("exporter_down", ["the exporter is down"]),
        ("empty", ["no account is seen"]),
    ],
)
def test_the_overview_names_what_is_wrong(
    history: History, scenario: str, problems: list[str]
) -> None:
    assert label(shown(history(scenario), TREASURY, "What is wrong?"), "problem") == problems


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("healthy", 0), ("account_down", 3), ("incomplete", 2), ("exporter_down", 4)],
)
def test_the_first_panel_says_whether_it_is_all_there(
    history: History, scenario: str, code: int
) -> None:
    assert values(shown(history(scenario), TREASURY, "Is it all there?")) == [code]


def test_the_sums_return_when_the_missing_account_is_deselected(history: History) -> None:
    others = {"account": "treasury-tr|market-making|payouts-tr|treasury-mx"}

    assert finite(shown(history("account_down"), TREASURY, "Total $asset", **others))


def test_an_account_that_two_exporters_read_counts_once(history: History) -> None:
    (twice,) = finite(shown(history("pair"), TREASURY, "Total $asset", asset="BTC"))
    each = finite(shown(history("pair"), TREASURY, "Accounts that hold $asset", asset="BTC"))

    assert len(each) == 4
    assert twice == pytest.approx(sum(each), rel=1e-12)


def test_an_asset_of_which_nothing_is_held_is_not_listed(history: History) -> None:
    for ref in "ABCDEFG":
        assert "XRP" not in label(shown(history("healthy"), TREASURY, "Holdings", ref), "asset")


def test_a_broken_threshold_is_counted_and_listed(history: History) -> None:
    prometheus = history("authentication")

    assert values(shown(prometheus, TREASURY, "Thresholds broken", "A")) == [1]
    broken = [
        one["metric"]["account"]
        for one in shown(prometheus, TREASURY, "Thresholds")
        if values([one]) == [1]
    ]
    assert broken == ["payouts-tr"]


def test_a_threshold_without_a_balance_is_unknown_and_not_kept(history: History) -> None:
    prometheus = history("account_down")

    assert values(shown(prometheus, TREASURY, "Thresholds broken", "B")) == [1]


@pytest.mark.parametrize(
    ("scenario", "words"),
    [
        ("healthy", "Up"),
        ("account_down", "Down: connection"),
        ("exporter_down", "Exporter down"),
        ("empty", "no account is seen"),
    ],
)
def test_an_account_says_why_it_is_down(history: History, scenario: str, words: str) -> None:
    target = panel(ACCOUNT, "State")["targets"][0]

    assert label(ask(history(scenario), target, PAYMENTS_MX), "state") == [words]


def test_withdrawn_balances_are_not_shown_as_the_present(history: History) -> None:
    table = panel(ACCOUNT, "Balances")["targets"]
    rows = [ask(history("account_down"), target, PAYMENTS_MX) for target in table]

    assert label(rows[0], "asset") == ["no balance is served"]
    assert [finite(row) for row in rows] == [[] for _ in rows]
