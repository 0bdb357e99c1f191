"""The page as a whole: whole HTML whatever the names, and made no more often than it must be."""

import asyncio
import re
from base64 import b64encode
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadResponseError
from exporter.exposition.deflate import inflate, join
from exporter.model import Amount, RejectedRow, Threshold
from exporter.polling.snapshots import SnapshotStore
from exporter.runtime.clock import Clock
from exporter.status import HEADERS, StatusPage
from tests.accounts import balance, make_account, make_store, poll_at, reading
from tests.status.pages import NOW, html_of, page_of, rows_of

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onclick='alert(1)",
    "</style><b>",
    "<!-- accounts -->",
    "${headline} $totals %s {}",
    "&lt;b&gt;",
    "\u202ereversed",
]
names = st.one_of(st.sampled_from(HOSTILE), st.text(min_size=1, max_size=20))


def with_name(text: str) -> SnapshotStore:
    """Return a store in which a text stands everywhere that a text can stand."""
    good = make_account(text, thresholds=(Threshold(text, "free_min", Amount("2")),))
    bad = make_account(text, "trubit")
    store = make_store(good, bad)
    rows = (balance(text, "1.5")._replace(asset_name=text), balance(f"{text}0", "0"))
    rejected = (RejectedRow(0, text, text),)
    store.succeed(good.key, poll_at(NOW), reading(*rows, rejected=rejected))
    store.fail(bad.key, poll_at(NOW), BadResponseError(text))
    return store


def tags_of(store: SnapshotStore) -> list[tuple[str, list[str]]]:
    return [(each.tag, list(each.attributes)) for each in page_of(store).descendants]


@given(names)
def test_no_name_adds_an_element_or_an_attribute(text: str):
    plain = text.replace("`", "'")  # in a message they mark a setting
    assert tags_of(with_name(plain)) == tags_of(with_name("name"))


@given(names)
def test_a_name_is_shown_as_it_is(text: str):
    page = page_of(with_name(text))
    account = page.all("tbody", class_="account")[1]
    assert account.all("bdi")[0].text == text


def test_no_markup_carries_style_or_script_of_its_own():
    for element in page_of(with_name("name")).descendants:
        assert not {each for each in element.attributes if each.startswith("on") or each == "style"}


def test_the_policy_admits_the_pages_own_style_and_script_and_nothing_else():
    policy = dict(
        part.strip().split(" ", 1) for part in HEADERS["Content-Security-Policy"].split(";")
    )
    html = html_of(make_store())
    for tag in ("style", "script"):
        text = re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        assert text is not None
        digest = b64encode(sha256(text[1].encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"


def test_every_address_in_the_page_is_relative_or_its_own():
    for element in page_of(with_name("name")).descendants:
        address = element.attributes.get("href", "") + element.attributes.get("src", "")
        assert not address or address.startswith(("#", "./", "data:image/svg+xml,"))


def test_the_link_to_the_metrics_follows_their_path():
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: 0.0)
    blocks = asyncio.run(StatusPage(make_store(), clock, "/prom").blocks())
    assert b'href="./prom"' in inflate(join(blocks))


async def test_a_page_is_made_again_when_something_changed():
    account = make_account("treasury")
    store = make_store(account)
    status = StatusPage(store, Clock(lambda: NOW, lambda: NOW), "/metrics")
    first = await status.blocks()
    assert await status.blocks() is first
    store.succeed(account.key, poll_at(NOW), reading())
    assert await status.blocks() is not first


async def test_a_page_is_made_again_after_a_second():
    now = NOW
    status = StatusPage(make_store(), Clock(lambda: now, lambda: now), "/metrics")
    first = await status.blocks()
    now += 0.9
    assert await status.blocks() is first
    now += 0.2
    assert await status.blocks() is not first


async def test_a_page_never_outlives_the_balances_on_it():
    account = make_account("treasury")
    store = make_store(account, stale_after=180)
    store.succeed(account.key, poll_at(NOW - 179.5), reading(balance("BTC", "1.5")))
    now = NOW
    status = StatusPage(store, Clock(lambda: now, lambda: now), "/metrics")
    assert b"1<span" in inflate(join(await status.blocks()))
    now += 0.6
    assert b"withdrawn <time" in inflate(join(await status.blocks()))


async def test_many_who_ask_at_once_get_the_same_page():
    status = StatusPage(make_store(), Clock(lambda: NOW, lambda: NOW), "/metrics")
    first, *others = await asyncio.gather(*(status.blocks() for _ in range(10)))
    assert all(each is first for each in others)


def test_more_balances_than_a_browser_can_show_are_left_out_and_said_so():
    account = make_account("treasury")
    store = make_store(account)
    rows = [balance(f"A{number}", "1") for number in range(100_001)]
    store.succeed(account.key, poll_at(NOW), reading(*rows))
    page = page_of(store)
    assert page.all("table", class_="balances") == []
    assert "More than 100000 balances" in page.by_id("totals").words
    assert page.by_id("btcturk/treasury").all("td")[4].text == "100001"


def test_few_accounts_are_open_and_many_are_not():
    def open_details(number: int) -> int:
        accounts = [make_account(f"a{each}") for each in range(number)]
        store = make_store(*accounts)
        for account in accounts:
            store.succeed(account.key, poll_at(NOW), reading(balance("BTC", "1")))
        return sum("open" in each.attributes for each in page_of(store).all("details"))

    assert (open_details(6), open_details(7)) == (6, 0)


def test_the_balances_of_an_account_are_sorted_by_asset():
    account = make_account("treasury")
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(balance("XRP", "1"), balance("BTC", "2")))
    assert list(rows_of(page_of(store).by_id("totals").one("table"))) == ["BTC", "XRP"]
    assert list(rows_of(page_of(store).by_id("btcturk/treasury").one("table"))) == ["BTC", "XRP"]
