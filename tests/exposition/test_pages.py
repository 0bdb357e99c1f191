"""The exposition: valid in both formats, whole, and made again only when something changed."""

from collections.abc import Iterable
from weakref import ref

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text
from prometheus_client.samples import Sample

from exporter.errors import REASONS, TlsError
from exporter.exposition import metrics
from exporter.exposition.deflate import inflate
from exporter.exposition.families import Format
from exporter.exposition.pages import Exposition
from exporter.model import Account, AccountKey, Amount, AssetFilter, Balance, Threshold
from tests.accounts import WALL, FilledStore, balance, make_account, make_store, poll_at, reading

PARSERS = {Format.TEXT: parse_text, Format.OPENMETRICS: parse_openmetrics}

names = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20)


def parsed(store: FilledStore, page_format: Format = Format.TEXT, now: float = 1.0) -> list[Metric]:
    text = inflate(Exposition(store).page(page_format, now).block).decode()
    end = page_format.end
    return list(PARSERS[page_format](text + end))


ROW = Balance(
    asset="BTC",
    total=Amount("3.0"),
    free=Amount("1"),
    locked=Amount("2"),
    locked_orders=Amount("1"),
    locked_withdrawals=Amount("1"),
    pending_deposit=Amount("0.5"),
    pending_withdrawal=Amount("0.25"),
    updated="1735866257.007",
    asset_name='Bit"coin\\',
    asset_id="1",
)
OPTIONAL = (
    "locked_orders", "locked_withdrawals", "pending_deposit", "pending_withdrawal", "updated",
)  # fmt: skip
CHANGES: list[tuple[str, str | None]] = [(name, "7") for name in ROW.__struct_fields__]
CHANGES += [(name, None) for name in OPTIONAL]


def full_store(*accounts: Account) -> FilledStore:
    store = make_store(*accounts)
    for account in accounts:
        store.succeed(account.key, poll_at(0.0), reading(ROW, can_deposit=True))
        store.allow(account.key, {"read": True, "withdraw": False}, 0.0)
    return store


def samples(metrics: Iterable[Metric], name: str) -> list[Sample]:
    return [sample for metric in metrics for sample in metric.samples if sample.name == name]


def values(metrics: Iterable[Metric], name: str) -> dict[tuple[str, ...], float]:
    return {tuple(sample.labels.values()): sample.value for sample in samples(metrics, name)}


@pytest.mark.parametrize("page_format", Format)
def test_every_family_is_served_in_both_formats(page_format: Format):
    threshold = Threshold("BTC", "free_min", Amount("1.5"))
    only_btc = AssetFilter(frozenset({"BTC"}))
    store = full_store(make_account(thresholds=(threshold,), assets=only_btc))
    store.retire([AccountKey("btcturk", "old-desk")])
    found = parsed(store, page_format)
    expected = [family.name.removesuffix("_total") for family in metrics.FAMILIES]
    assert [metric.name for metric in found] == expected
    assert all(metric.documentation for metric in found)


@pytest.mark.parametrize("page_format", Format)
@given(name=names, label=names)
def test_any_name_survives_the_way_to_prometheus(page_format: Format, name: str, label: str):
    store = make_store(make_account(name))
    row = balance("BTC", "1", asset_name=label, asset_id=label)
    store.succeed(make_account(name).key, poll_at(0.0), reading(row))
    found = parsed(store, page_format)
    assert ("btcturk", name) in values(found, "exchange_account_up")
    assert values(found, "exchange_asset_info") == {("btcturk", name, "BTC", label, label): 1}


@pytest.mark.parametrize("page_format", Format)
@pytest.mark.parametrize("field", ["asset", "asset_name", "asset_id"])
def test_a_line_break_in_a_text_of_a_row_ends_no_line(page_format: Format, field: str):
    store = make_store(make_account("a"))
    row = replace(balance("BTC", "1"), **{field: "a\nb"})
    store.succeed(make_account("a").key, poll_at(0.0), reading(row))
    [sample] = samples(parsed(store, page_format), "exchange_asset_info")
    assert sample.labels[field] == "a\nb"


def test_the_exchanges_own_time_is_in_seconds_with_its_milliseconds():
    [value] = values(
        parsed(full_store(make_account())), "exchange_balance_updated_timestamp_seconds"
    ).values()
    assert value == 1735866257.007


def test_every_account_has_its_series_from_the_first_scrape_on():
    found = parsed(make_store(make_account("a"), make_account("b", "trubit")))
    for name in ("up", "complete", "last_success_timestamp_seconds", "polls_total", "assets"):
        assert list(values(found, f"exchange_account_{name}").values()) == [0, 0]
    failures = values(found, "exchange_account_poll_failures_total")
    assert failures == {
        (*key, reason): 0 for key in (("btcturk", "a"), ("trubit", "b")) for reason in REASONS
    }


def test_the_reasons_are_those_of_the_contract():
    assert set(REASONS) == {
        "authentication", "permission", "clock_skew", "rate_limited", "timeout", "connection",
        "tls", "redirect", "unavailable", "rejected", "bad_response", "config", "internal",
    }  # fmt: skip


def test_a_failed_poll_counts_once_and_under_its_reason():
    account = make_account()
    store = make_store(account)
    store.fail(account.key, poll_at(0.0), TlsError("expired"))
    found = parsed(store)
    failures = values(found, "exchange_account_poll_failures_total")
    assert {key[2] for key, count in failures.items() if count} == {"tls"}
    assert values(found, "exchange_account_polls_total") == {account.key: 1}


def test_thresholds_are_served_while_the_account_is_down():
    threshold = Threshold("BTC", "free_min", Amount("1.5"))
    found = parsed(make_store(make_account(thresholds=(threshold,))))
    assert values(found, "exchange_balance_threshold") == {
        ("btcturk", "treasury", "BTC", "free_min"): 1.5
    }


def test_thresholds_of_defaults_are_served_for_the_assets_that_the_account_lists():
    thresholds = (
        Threshold("BTC", "free_min", Amount("1.5"), is_default=True),
        Threshold("ETH", "free_min", Amount("2"), is_default=True),
        Threshold("XYZ", "free_min", Amount("3")),
    )
    account = make_account(thresholds=thresholds)
    own = {("btcturk", "treasury", "XYZ", "free_min"): 3}
    assert values(parsed(make_store(account)), "exchange_balance_threshold") == own
    assert values(parsed(full_store(account)), "exchange_balance_threshold") == {
        ("btcturk", "treasury", "BTC", "free_min"): 1.5,
        **own,
    }


def test_an_accounts_own_labels_are_those_of_its_configuration():
    found = parsed(
        make_store(
            make_account("a", labels={"entity": 'acme "tr"', "desk": "fx"}), make_account("b")
        )
    )
    assert [sample.labels for sample in samples(found, "exchange_account_info")] == [
        {"exchange": "btcturk", "account": "a", "entity": 'acme "tr"', "desk": "fx"},
        {"exchange": "btcturk", "account": "b"},
    ]


def test_an_account_that_is_kept_out_of_totals_has_0():
    found = parsed(make_store(make_account("a"), make_account("b", in_totals=False)))
    assert values(found, "exchange_account_in_totals") == {("btcturk", "a"): 1, ("btcturk", "b"): 0}


@pytest.mark.parametrize(
    ("assets", "expected"),
    [
        (AssetFilter(), set()),
        (AssetFilter(frozenset({"BTC"})), {("include", "BTC")}),
        (AssetFilter(exclude=frozenset({"A", 'B"'})), {("exclude", "A"), ("exclude", 'B"')}),
    ],
)
def test_the_configured_filter_of_assets_is_served(
    assets: AssetFilter, expected: set[tuple[str, str]]
):
    found = values(parsed(make_store(make_account(assets=assets))), "exchange_account_asset_filter")
    assert {key[2:] for key in found} == expected
    assert set(found.values()) <= {1}


def test_the_next_poll_is_served_once_it_is_known():
    store = full_store(make_account())
    [due] = values(parsed(store), "exchange_account_next_poll_timestamp_seconds").values()
    assert due == WALL + 60


def test_an_account_is_described_by_one_sample_of_1():
    store = full_store(make_account("a", labels={"team": "fx"}))
    [sample] = samples(parsed(store), "exchange_account_info")
    assert sample.labels == {"exchange": "btcturk", "account": "a", "team": "fx"}
    assert sample.value == 1


def test_the_same_balances_again_are_not_rendered_again():
    account = make_account()
    store = full_store(account)
    before = store.states[account.key].snapshot
    store.succeed(account.key, poll_at(5.0), reading(ROW))
    after = store.states[account.key].snapshot
    assert before
    assert after
    assert after is not before
    assert after.rendered is before.rendered


@pytest.mark.parametrize(("field", "value"), CHANGES)
def test_balances_that_differ_in_anything_are_rendered_again(field: str, value: str | None):
    account = make_account()
    polled_before, fresh = full_store(account), make_store(account)
    rendered = []
    for store in (polled_before, fresh):
        store.succeed(account.key, poll_at(5.0), reading(replace(ROW, **{field: value})))
        snapshot = store.states[account.key].snapshot
        assert snapshot
        rendered.append(snapshot.rendered)
    assert rendered[0] == rendered[1]


@pytest.mark.parametrize("is_following", [True, False])
def test_nothing_of_an_old_response_is_kept(*, is_following: bool):
    account = make_account()
    store = full_store(account)
    exposition = Exposition(store)
    if is_following:
        store.on_change = exposition.follow
    exposition.page(Format.TEXT, 1.0)
    snapshot = store.states[account.key].snapshot
    assert snapshot
    kept = [
        ref(piece)
        for block in (snapshot.rendered.rows, *snapshot.rendered.samples.values())
        for piece in block.pieces
    ]
    del snapshot
    store.succeed(account.key, poll_at(5.0), reading(replace(ROW, total=Amount("4"))))
    if not is_following:
        exposition.page(Format.TEXT, 6.0)
    assert [each() for each in kept] == [None] * len(kept)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["same", "changed", "failed", "withdrawn", "paused", "passed"]),
            st.integers(0, 1),
        ),
        max_size=12,
    )
)
def test_a_page_that_follows_changes_is_the_page_that_is_made_at_once(
    events: list[tuple[str, int]],
):
    accounts = make_account("a", stale_after=10.0), make_account("b", stale_after=10.0)
    store = full_store(*accounts)
    exposition = Exposition(store)
    store.on_change = exposition.follow
    now = 1.0
    for number, (event, place) in enumerate(events):
        key = accounts[place].key
        if event == "same":
            store.succeed(key, poll_at(now), reading(ROW))
        elif event == "changed":
            store.succeed(key, poll_at(now), reading(replace(ROW, total=Amount(str(number)))))
        elif event == "failed":
            store.fail(key, poll_at(now), TlsError("no"))
        elif event == "withdrawn":
            store.withdraw_others(key, b"another key")
        elif event == "paused":
            store.pause({key: now + 5})
        else:
            now += 6.0
        if number % 2:
            pages = exposition.page(Format.TEXT, now), Exposition(store).page(Format.TEXT, now)
            assert inflate(pages[0].block) == inflate(pages[1].block)
            assert pages[0].series == pages[1].series


def test_a_row_of_the_api_has_only_what_the_exchange_sent():
    row = balance("BTC", "1.50")
    assert msgspec.json.decode(msgspec.json.encode(row)) == {
        "asset": "BTC",
        "total": "1.50",
        "free": "1.50",
        "locked": "0",
    }


def test_retired_accounts_are_served_until_they_are_retired_no_more():
    store, key = make_store(make_account()), AccountKey("btcturk", "old-desk")
    exposition = Exposition(store)
    store.retire([key])
    assert values(parsed(store), "exchange_account_retired") == {key: 1}
    before = exposition.page(Format.TEXT, 1.0)
    store.retire([])
    assert exposition.page(Format.TEXT, 1.0) is not before
    assert values(parsed(store), "exchange_account_retired") == {}


def test_an_asset_with_a_quote_in_its_code_is_served():
    store = make_store(make_account())
    store.succeed(make_account().key, poll_at(0.0), reading(balance('A"\\B', "1")))
    assert values(parsed(store), "exchange_total_balance") == {("btcturk", "treasury", 'A"\\B'): 1}


def test_families_without_a_sample_are_not_announced():
    assert "exchange_total_balance" not in {metric.name for metric in parsed(make_store())}


def test_a_page_is_made_again_only_when_something_changed():
    account = make_account()
    store = full_store(account)
    exposition = Exposition(store)
    first = exposition.page(Format.TEXT, 1.0)
    assert exposition.page(Format.TEXT, 2.0) is first
    store.succeed(account.key, poll_at(3.0), reading(balance("BTC", "2")))
    assert exposition.page(Format.TEXT, 4.0) is not first


@pytest.mark.parametrize("now", [1.0, 1_000.0])
def test_the_number_of_series_is_that_of_the_page(now: float):
    store = full_store(make_account("a"), make_account("b"))
    store.retire([AccountKey("btcturk", "old-desk")])
    page = Exposition(store).page(Format.TEXT, now)
    lines = inflate(page.block).decode().splitlines()
    assert page.series == sum(not line.startswith("#") for line in lines)


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["ok", "fail"]), st.integers(0, 400)),
        max_size=12,
    )
)
def test_a_page_made_step_by_step_equals_one_made_at_once(steps: list[tuple[str, str, int]]):
    accounts = {name: make_account(name) for name in "abc"}
    store = make_store(*accounts.values())
    kept = Exposition(store)
    now = 0.0
    for name, what, delay in steps:
        now += delay
        if what == "ok":
            store.succeed(accounts[name].key, poll_at(now), reading(balance("BTC", str(delay))))
        else:
            store.fail(accounts[name].key, poll_at(now), TlsError("expired"))
        fresh = Exposition(store).page(Format.TEXT, now).block
        assert inflate(kept.page(Format.TEXT, now).block) == inflate(fresh)
