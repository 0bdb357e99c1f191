"""Run every query of every panel on a real Prometheus, in good and in bad times."""

import math
from collections.abc import Callable, Mapping

import pytest

from tests.dashboards.conftest import Prometheus
from tests.dashboards.files import UIDS, Json, annotations, panels, substitute
from tests.dashboards.play import HOUR, HOURS, SCENARIOS, ago

History = Callable[[str], Prometheus]

TREASURY, ACCOUNT, EXPORTER = UIDS
TREASURY_TR = {"$one_exchange": "btcturk", "$one_account": "treasury-tr", "$asset": "BTC"}
PAYMENTS_MX = {"$one_exchange": "trubit", "$one_account": "payments-mx", "$asset": "MXN"}
SELECTIONS: dict[str, list[Mapping[str, str]]] = {
    TREASURY: [{}],
    ACCOUNT: [TREASURY_TR, PAYMENTS_MX],
    EXPORTER: [{}],
}
DOWN = ("account_down", "exchange_down", "authentication", "exporter_down")
NOT_ALL_THERE = (*DOWN, "incomplete")
HOLDINGS = ("Holdings: currencies", "Holdings: coins")
TOTAL, KNOWN, LAST_SEEN, FREE = "B", "C", "D", "E"
"""The columns of holdings."""
FOUR_ACCOUNTS = "treasury-tr|market-making|payouts-tr|treasury-mx"


def panel(uid: str, title: str) -> Json:
    return next(one for one in panels(uid) if one["title"] == title)


def query(
    prometheus: Prometheus, target: Json, selection: Mapping[str, str] | None = None
) -> list[Json]:
    expr = substitute(target["expr"], selection or {})
    return prometheus.query(expr, instant=target["instant"])


def values(series: list[Json]) -> list[float]:
    return [float(value) for one in series for _, value in one["values"]]


def finite(series: list[Json]) -> list[float]:
    return [value for value in values(series) if math.isfinite(value)]


def shown(
    prometheus: Prometheus, uid: str, title: str, ref: str = "A", **selection: str
) -> list[Json]:
    """Return what one query of a panel gives."""
    target = next(one for one in panel(uid, title)["targets"] if one["refId"] == ref)
    return query(prometheus, target, {f"${name}": value for name, value in selection.items()})


def label(series: list[Json], name: str) -> list[str]:
    return sorted(one["metric"].get(name, "") for one in series)


ONLY_IN_BAD_TIMES = {"Last seen in the missing", "Holdings without a price"}


@pytest.mark.parametrize(
    ("uid", "title"),
    [
        (uid, one["title"])
        for uid in UIDS
        for one in panels(uid)
        if one["title"] not in ONLY_IN_BAD_TIMES
    ],
)
def test_every_panel_has_data_while_all_is_well(history: History, uid: str, title: str) -> None:
    results = [
        query(history("healthy"), target, selection)
        for selection in SELECTIONS[uid]
        for target in panel(uid, title)["targets"]
    ]

    assert any(finite(result) for result in results)


@pytest.mark.parametrize("scenario", [one for one in SCENARIOS if one != "many"])
@pytest.mark.parametrize("uid", UIDS)
def test_every_query_works_at_all_times(history: History, uid: str, scenario: str) -> None:
    for one in panels(uid):
        for target in one["targets"]:
            for selection in SELECTIONS[uid]:
                query(history(scenario), target, selection)


@pytest.mark.parametrize("scenario", NOT_ALL_THERE)
def test_no_total_is_shown_while_an_account_is_missing(history: History, scenario: str) -> None:
    (withheld,) = values(shown(history(scenario), TREASURY, "Total $asset"))

    assert math.isnan(withheld)
    for title in HOLDINGS:
        assert finite(shown(history(scenario), TREASURY, title, TOTAL)) == []


@pytest.mark.parametrize("scenario", [one for one in NOT_ALL_THERE if one != "exporter_down"])
def test_the_known_part_stands_beside_a_total_that_is_withheld(
    history: History, scenario: str
) -> None:
    assert finite(shown(history(scenario), TREASURY, "Known part of $asset"))
    assert finite(shown(history(scenario), TREASURY, "Free $asset, known"))
    assert finite(shown(history(scenario), TREASURY, "Holdings: coins", KNOWN))


def test_the_known_part_is_what_the_accounts_that_are_there_hold(history: History) -> None:
    prometheus = history("account_down")
    (known,) = finite(shown(prometheus, TREASURY, "Known part of $asset", asset="MXN"))
    each = finite(shown(prometheus, TREASURY, "Accounts that hold $asset", asset="MXN"))

    assert known == pytest.approx(sum(each), rel=1e-12)


def test_what_a_missing_account_held_when_last_seen_is_no_part_of_another_figure(
    history: History,
) -> None:
    prometheus = history("account_down")
    (seen,) = finite(shown(prometheus, TREASURY, "Last seen in the missing", asset="MXN"))
    (known,) = finite(shown(prometheus, TREASURY, "Known part of $asset", asset="MXN"))
    (before,) = finite(shown(history("healthy"), TREASURY, "Total $asset", asset="MXN"))

    assert 8_000_000 < seen < 9_500_000
    assert known < before - 0.9 * seen


def test_nothing_is_last_seen_while_no_account_is_missing(history: History) -> None:
    for title in HOLDINGS:
        assert shown(history("healthy"), TREASURY, title, LAST_SEEN) == []
    (none,) = values(shown(history("healthy"), TREASURY, "Last seen in the missing"))
    assert math.isnan(none)


def test_an_account_that_never_responded_was_never_seen(history: History) -> None:
    assert shown(history("twenty"), TREASURY, "Last seen in the missing") == []


def test_one_account_of_twenty_that_is_always_down_leaves_the_rest_to_be_seen(
    history: History,
) -> None:
    prometheus = history("twenty")

    assert label(shown(prometheus, TREASURY, "Accounts in totals"), "share") == ["18 of 19"]
    assert finite(shown(prometheus, TREASURY, "Known part of $asset"))
    assert finite(shown(prometheus, TREASURY, "Holdings: coins", "G"))  # the change of a day


def test_an_account_that_is_left_out_on_purpose_is_named_as_such(history: History) -> None:
    prometheus = history("left_out")

    for title in ("Accounts in totals", "In accounts"):
        assert label(shown(prometheus, TREASURY, title), "share") == ["4 of 4"]
        assert label(shown(prometheus, TREASURY, title, "B"), "share") == ["1 excluded"]
    (left_out,) = shown(prometheus, TREASURY, "Accounts", "H")
    assert left_out["metric"] == {"exchange": "btcturk", "account": "payouts-tr"}


@pytest.mark.parametrize("scenario", DOWN)
def test_a_missing_account_is_drawn_as_an_outage(history: History, scenario: str) -> None:
    chart = panel(TREASURY, "Free and locked $asset")
    free, _, _, _, *outages, _, _ = (
        query(history(scenario), target) for target in chart["targets"]
    )
    end = max(time for outage in outages for one in outage for time, _ in one["values"])

    assert all(time < end for one in free for time, _ in one["values"])


def test_an_outage_that_is_shorter_than_a_step_is_drawn(history: History) -> None:
    missing = panel(TREASURY, "Free and locked $asset")["targets"][4]
    expr = substitute(missing["expr"], {"$__interval": "6h"})

    (at_its_end,) = history("healthy").query(expr, instant=True)  # it was five hours ago
    assert values([at_its_end]) == [1]


def test_the_worst_exporter_is_told_from_an_account_that_is_missing(history: History) -> None:
    missing, down = panel(TREASURY, "Free and locked $asset")["targets"][4:6]

    for scenario, lit, dark in (
        ("account_down", missing, down),
        ("exporter_down", down, missing),
    ):
        expr, other = (substitute(one["expr"]) for one in (lit, dark))
        assert history(scenario).query(expr, instant=True)
        assert not history(scenario).query(other, instant=True)


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
        ("empty", "no account is known"),
        ("pair", "5 of 5"),
    ],
)
def test_the_number_of_accounts_stands_beside_the_sums(
    history: History, scenario: str, words: str
) -> None:
    for title in ("Accounts in totals", "In accounts"):
        assert label(shown(history(scenario), TREASURY, title), "share") == [words]


def test_a_selection_does_not_pass_for_the_whole(history: History) -> None:
    prometheus = history("account_down")
    others = {"account": FOUR_ACCOUNTS}

    (share,) = shown(prometheus, TREASURY, "Accounts in totals", **others)
    assert share["metric"]["share"] == "4 of 4 selected, 5 known"
    assert values([share]) == [2]  # orange
    assert values(shown(prometheus, TREASURY, "Is it all there?", **others)) == [1]


def test_a_selection_of_everything_is_none(history: History) -> None:
    everyone = {"account": f"{FOUR_ACCOUNTS}|payments-mx"}

    assert label(
        shown(history("healthy"), TREASURY, "Accounts in totals", **everyone), "share"
    ) == ["5 of 5"]


@pytest.mark.parametrize("selected", [{}, {"exchange": "trubit|btcturk"}])
def test_a_total_is_the_same_however_everything_is_selected(
    history: History, selected: dict[str, str]
) -> None:
    prometheus = history("healthy")
    everyone = {"account": f"{FOUR_ACCOUNTS}|payments-mx"}
    (recorded,) = finite(shown(prometheus, TREASURY, "Total $asset", **selected))
    (added_up,) = finite(shown(prometheus, TREASURY, "Total $asset", **everyone))

    assert recorded == pytest.approx(added_up, rel=1e-12)


@pytest.mark.parametrize(
    ("scenario", "problems"),
    [
        ("healthy", ["nothing"]),
        ("account_down", ["payments-mx at trubit: connection"]),
        (
            "exchange_down",
            ["btcturk: 3 of 3: unavailable"],
        ),
        ("authentication", ["treasury-tr at btcturk: authentication"]),
        ("paused", ["payments-mx at trubit: no fresh balances"]),
        ("incomplete", ["treasury-mx at trubit: incomplete"]),
        ("exporter_down", ["btcturk: 3 of 3: exporter down", "trubit: 2 of 2: exporter down"]),
        ("many", ["btcturk: 3 of 30: rate_limited"]),
        ("empty", ["no account is known"]),
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


def test_the_total_of_a_selection_is_shown_while_another_account_is_missing(
    history: History,
) -> None:
    others = {"account": FOUR_ACCOUNTS}

    assert finite(shown(history("account_down"), TREASURY, "Total $asset", **others))


def test_an_account_that_two_exporters_read_counts_once(history: History) -> None:
    (twice,) = finite(shown(history("pair"), TREASURY, "Total $asset", asset="BTC"))
    each = finite(shown(history("pair"), TREASURY, "Accounts that hold $asset", asset="BTC"))

    assert len(each) == 4
    assert twice == pytest.approx(sum(each), rel=1e-12)


def test_an_asset_of_which_nothing_is_held_is_not_listed(history: History) -> None:
    for ref in "ABCDEFGHIJ":
        assert "XRP" not in label(
            shown(history("healthy"), TREASURY, "Holdings: coins", ref), "asset"
        )


def test_currencies_and_coins_are_listed_apart(history: History) -> None:
    currencies, coins = (
        set(label(shown(history("healthy"), TREASURY, title), "asset")) for title in HOLDINGS
    )

    assert currencies == {"TRY", "MXN"}
    assert {"BTC", "USDT"} <= coins
    assert not currencies & coins


def test_a_broken_threshold_is_counted_and_listed(history: History) -> None:
    prometheus = history("authentication")

    assert values(shown(prometheus, TREASURY, "Thresholds broken", "A")) == [1]
    broken = [
        one["metric"]["account"]
        for one in shown(prometheus, TREASURY, "Thresholds")
        if values([one]) == [2]
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
        ("paused", "Down: no fresh balances"),
        ("exporter_down", "Exporter down"),
        ("empty", "no account is known"),
    ],
)
def test_an_account_says_why_it_is_down(history: History, scenario: str, words: str) -> None:
    target = panel(ACCOUNT, "State")["targets"][0]

    assert label(query(history(scenario), target, PAYMENTS_MX), "state") == [words]


def test_withdrawn_balances_are_not_shown_as_the_present(history: History) -> None:
    table = panel(ACCOUNT, "Balances: currencies")["targets"]
    rows = [query(history("account_down"), target, PAYMENTS_MX) for target in table]

    assert label(rows[0], "note") == ["no balance is served"]
    assert [finite(row) for row in rows] == [[] for _ in rows]


@pytest.mark.parametrize("uid", [ACCOUNT, EXPORTER])
def test_no_poll_failed_is_said_only_if_it_is_known(history: History, uid: str) -> None:
    title = "Failed polls per minute, by reason"
    failed, none = (
        query(history("account_down"), target, PAYMENTS_MX)
        for target in panel(uid, title)["targets"][:2]
    )
    while_failing = {time for one in failed for time, value in one["values"] if float(value)}

    assert while_failing
    assert set(values(none)) == {0}
    assert not while_failing & {time for one in none for time, _ in one["values"]}
    assert query(history("empty"), panel(uid, title)["targets"][1], PAYMENTS_MX) == []


def test_alerts_are_listed_the_most_severe_first(history: History) -> None:
    (alert,) = shown(history("account_down"), TREASURY, "Alerts")

    assert alert["metric"]["alertname"] == "ExchangeAccountDown"
    assert values([alert]) == [3]
    assert values(shown(history("healthy"), TREASURY, "Alerts")) == [-1]  # none is firing


def test_a_missing_account_is_a_band_of_its_own_over_time(history: History) -> None:
    bands = shown(history("exchange_down"), TREASURY, "Missing accounts over time")

    assert label(bands, "account") == ["market-making", "payments-mx", "payouts-tr", "treasury-tr"]


def test_the_worth_is_what_all_accounts_are_worth(history: History) -> None:
    prometheus = history("healthy")
    (worth,) = finite(shown(prometheus, TREASURY, "Worth"))
    each = finite(shown(prometheus, TREASURY, "Worth by account"))
    assets = [
        value
        for title in HOLDINGS
        for value in finite(shown(prometheus, TREASURY, title, "J"))  # values
    ]

    assert worth == pytest.approx(sum(each))
    assert worth == pytest.approx(sum(assets), rel=1e-6)


def test_one_holding_without_a_price_withholds_the_worth(history: History) -> None:
    prometheus = history("unpriced")
    (withheld,) = values(shown(prometheus, TREASURY, "Worth"))

    assert math.isnan(withheld)
    assert finite(shown(prometheus, TREASURY, "Known part of the worth"))
    assert label(shown(prometheus, TREASURY, "Accounts valued"), "share") == ["3 of 5"]
    assert label(shown(prometheus, TREASURY, "Holdings without a price"), "asset") == ["USDC"]
    assert "USDC" not in label(shown(prometheus, TREASURY, "Holdings: coins", "J"), "asset")


def test_without_valuation_the_row_says_so(history: History) -> None:
    prometheus = history("exchange_down")

    assert shown(prometheus, TREASURY, "Worth") == []
    assert label(shown(prometheus, TREASURY, "Accounts valued"), "share") == [
        "valuation is not configured"
    ]


def test_what_moved_and_what_prices_did_add_up_to_the_change_of_the_worth(
    history: History,
) -> None:
    prometheus = history("healthy")
    title = "Moved in each hour, and what prices did"
    moved, repriced = (values_by_time(shown(prometheus, TREASURY, title, ref)) for ref in "AB")
    worth = values_by_time(shown(prometheus, TREASURY, "Worth over time"))
    times = [time for time in moved if time - HOUR in worth and time in worth]

    assert len(times) > 200
    for time in times:
        change = worth[time] - worth[time - HOUR]
        assert moved[time] + repriced[time] == pytest.approx(change, rel=1e-6, abs=1)


def values_by_time(series: list[Json]) -> dict[float, float]:
    """Return the values of the only series by their times."""
    (one,) = series
    return {time: float(value) for time, value in one["values"]}


@pytest.mark.parametrize("uid", UIDS)
def test_a_restart_is_marked_at_its_time(history: History, uid: str) -> None:
    restarts = history("healthy").query(annotations(uid)["Restarts"], instant=True)

    assert set(values(restarts)) == {1000 * (ago(HOURS) - 30)}


@pytest.mark.parametrize(
    ("change", "account"), [("Accounts added", "new-desk"), ("Accounts removed", "old-desk")]
)
def test_added_and_removed_accounts_are_marked(history: History, change: str, account: str) -> None:
    marks = history("changed").query(substitute(annotations(TREASURY)[change]), instant=False)

    assert label(marks, "account") == [account]
    assert len(values(marks)) == 1


@pytest.mark.parametrize(
    "title", ["Did anything move?", "Free and locked $asset", "Worth over time"]
)
def test_a_sum_that_steps_with_its_accounts_is_shaded(history: History, title: str) -> None:
    *_, changed = panel(TREASURY, title)["targets"]
    (spans,) = query(history("changed"), changed)

    assert len(spans["values"]) == 2
    assert query(history("account_down"), changed) == []


@pytest.mark.parametrize("scenario", ["exporter_down", "empty"])
@pytest.mark.parametrize(
    ("uid", "title", "label_name"),
    [
        (TREASURY, "Thresholds", "asset"),
        (TREASURY, "Holdings without a price", "asset"),
        (TREASURY, "Accounts valued", "share"),
        (ACCOUNT, "Value by asset", "note"),
    ],
)
def test_what_is_not_known_is_not_said_to_be_none(
    history: History, scenario: str, uid: str, title: str, label_name: str
) -> None:
    said = label(shown(history(scenario), uid, title, one_account="payments-mx"), label_name)

    assert set(said) <= {
        "no threshold is known",
        "no price is known",
        "no price or no balance is known",
        "valuation is not configured",
    }
    if scenario == "exporter_down":
        assert "valuation is not configured" not in said


@pytest.mark.parametrize(
    ("scenario", "words"), [("healthy", "timeout"), ("empty", ""), ("left_out", "timeout")]
)
def test_no_poll_is_not_no_failure(history: History, scenario: str, words: str) -> None:
    (row,) = shown(history(scenario), EXPORTER, "Accounts that fail")

    assert row["metric"].get("reason", "") == words
    if not words:
        assert row["metric"] == {"exchange": "no poll is known"}


def test_an_account_that_is_down_is_listed_though_no_poll_of_it_failed(history: History) -> None:
    title = "Accounts that fail"
    rows = shown(history("paused"), EXPORTER, title, account="payments-mx", __range="1h")
    (state,) = shown(history("paused"), EXPORTER, title, "B", account="payments-mx", __range="1h")

    assert [(row["metric"]["account"], values([row])) for row in rows] == [("payments-mx", [0])]
    assert values([state]) == [3]


@pytest.mark.parametrize("uid", UIDS)
def test_the_rows_of_a_table_are_joined_on_labels_and_not_on_names_of_metrics(
    history: History, uid: str
) -> None:
    """Grafana would show the name of the metric as one more column."""
    for one in panels(uid):
        for target in one["targets"] if one["type"] == "table" else []:
            rows = query(history("account_down"), target, PAYMENTS_MX)
            assert not any("__name__" in row["metric"] for row in rows), one["title"]


def test_a_history_that_begins_within_an_outage_is_drawn(history: History) -> None:
    assert shown(history("twenty"), TREASURY, "Did anything move?", "B")


@pytest.mark.parametrize(
    ("scenario", "words"),
    [("changed", ["none is held"]), ("exporter_down", ["no balance is served"])],
)
def test_an_account_without_currencies_is_told_from_one_that_is_not_served(
    history: History, scenario: str, words: list[str]
) -> None:
    """new-desk holds coins alone; of treasury-tr nothing is served."""
    one = (
        {"one_exchange": "trubit", "one_account": "new-desk"}
        if scenario == "changed"
        else {"one_exchange": "btcturk", "one_account": "treasury-tr"}
    )

    assert label(shown(history(scenario), ACCOUNT, "Balances: currencies", **one), "note") == words


def test_holdings_of_a_kind_that_nobody_has_are_none_only_if_all_are_there(
    history: History,
) -> None:
    title = "Holdings: currencies"

    assert label(shown(history("many"), TREASURY, title), "note") == ["none is known"]
    others = {"account": "client-000|client-001"}
    assert label(shown(history("many"), TREASURY, title, **others), "note") == ["none is held"]
