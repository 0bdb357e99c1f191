"""The page as a whole: valid HTML with any names, and made only when something changed."""

import asyncio
import re
from base64 import b64encode
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import BadResponseError
from exporter.exposition.deflate import inflate, join
from exporter.exposition.pages import read_held
from exporter.model import Amount, RejectedRow, Threshold
from exporter.prices.book import Book, Rate
from exporter.prices.valuations import Valuations
from exporter.quotes import Pair
from exporter.runtime.clock import Clock
from exporter.status import HEADERS, StatusPage, view_of
from tests.accounts import FilledStore, balance, make_account, make_store, poll_at, reading
from tests.prices.quotes import valuation
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


def with_name(text: str) -> FilledStore:
    """Return a store in which a text stands everywhere that a text can stand."""
    good = make_account(text, thresholds=(Threshold(text, "free_min", Amount("2")),))
    bad = make_account(text, "trubit")
    store = make_store(good, bad)
    rows = (balance(text, "1.5", asset_name=text), balance(f"{text}0", "0"))
    rejected = (RejectedRow(0, text, text),)
    store.succeed(good.key, poll_at(NOW), reading(*rows, rejected=rejected))
    store.fail(bad.key, poll_at(NOW), BadResponseError(text))
    return store


def tags_of(store: FilledStore) -> list[tuple[str, list[str]]]:
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


async def text_of(status: StatusPage) -> bytes:
    blocks = await status.blocks()
    assert blocks is not None
    return inflate(join(blocks))


def test_the_link_to_the_metrics_follows_their_path():
    clock = Clock(monotonic=lambda: 0.0, wall=lambda: 0.0)
    status = StatusPage(make_store(), clock, "/prom")
    assert b'href="./prom"' in asyncio.run(text_of(status))


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
    assert b"1<span" in await text_of(status)
    now += 0.6
    assert b"withdrawn <time" in await text_of(status)


async def test_values_are_of_the_same_responses_as_the_balances():
    now = count(NOW, 0.005)  # so slow that other tasks run while balances are read
    accounts = [make_account("a"), make_account("b")]
    store = make_store(*accounts)
    for account in accounts:
        store.succeed(account.key, poll_at(NOW), reading(balance("TRY", "100")))
    worth = Valuations(valuation("TRY"), read_held)
    status = StatusPage(store, Clock(lambda: next(now), lambda: NOW), "/metrics", lambda: worth)

    async def poll() -> None:
        store.succeed(accounts[0].key, poll_at(NOW + 1), reading(balance("TRY", "7")))

    polling = asyncio.create_task(poll())
    known = await status.known()
    assert polling.done()
    assert known.valued
    values = [known.valued.of(account, "TRY") for account in accounts]
    assert [value and value.value for value in values] == [Decimal(100), Decimal(100)]


async def test_a_page_never_outlives_the_prices_on_it():
    account = make_account("a")
    store = make_store(account)
    store.succeed(account.key, poll_at(NOW), reading(balance("BTC", "2")))
    worth = Valuations(valuation("TRY"), read_held)
    [state] = worth.sources.values()
    rate = Rate(Decimal(100), Decimal(101), 0.0, dated_at=NOW, expires_at=NOW + 0.5)
    worth.publish(replace(state, book=Book(rates={Pair("BTC", "TRY"): rate})))
    now = NOW
    status = StatusPage(store, Clock(lambda: now, lambda: now), "/metrics", lambda: worth)
    assert b"no price" not in await text_of(status)
    now += 0.6
    assert b"no price" in await text_of(status)


async def test_many_who_ask_at_once_get_the_same_page():
    status = StatusPage(make_store(), Clock(lambda: NOW, lambda: NOW), "/metrics")
    first, *others = await asyncio.gather(*(status.blocks() for _ in range(10)))
    assert all(each is first for each in others)


def many_balances(number: int) -> FilledStore:
    """Return two accounts with so many balances, and one of them out of bounds."""
    threshold = Threshold("A0", "free_min", Amount("2"))
    accounts = [make_account("a", thresholds=(threshold,)), make_account("b", "trubit")]
    store = make_store(*accounts)
    for account in accounts:
        rows = [balance(f"A{each}", "1") for each in range(number // 2)]
        store.succeed(account.key, poll_at(NOW), reading(*rows, balance("ZERO", "0")))
    return store


def test_many_balances_stand_on_pages_of_their_own_and_still_count():
    page = page_of(many_balances(1002))
    [table] = page.all("table", class_="balances")
    assert rows_of(table)["A500"] == ["2", "2", "0", "2 of 2"]
    assert "1 bound is broken" in page.by_id("summary").words
    account = page.by_id("btcturk/a")
    assert account.attributes["data-assets"].split()[:2] == ["A0", "A1"]
    details = account.one("details")
    address = "./?exchange=btcturk&account=a"
    assert details.attributes["data-part"] == address
    assert details.one("a").attributes["href"] == address


def test_the_page_of_one_account_has_its_balances():
    page = page_of(many_balances(1002), query="exchange=btcturk&account=a")
    assert [each.attributes["id"] for each in page.all("tbody", class_="account")] == ["btcturk/a"]
    assert len(rows_of(page.by_id("btcturk/a/details").one("table"))) == 501
    assert page.all(id="totals") == []
    assert page.one("nav").one("a").attributes["href"] == "./"


async def test_there_is_no_page_of_an_unknown_account():
    status = StatusPage(make_store(), Clock(lambda: NOW, lambda: NOW), "/metrics")
    assert await status.blocks(view_of("exchange=btcturk&account=nobody")) is None


def test_few_balances_stand_on_the_page():
    assert len(page_of(many_balances(1000)).all("table", class_="balances")) == 3


async def test_making_a_page_of_many_accounts_lets_others_take_their_turn():
    accounts = [make_account(f"a{each}") for each in range(100)]
    store = make_store(*accounts)
    for account in accounts:
        rows = [balance(f"A{each}", f"{each}.5") for each in range(100)]
        store.succeed(account.key, poll_at(0.0), reading(*rows))
    ticks = count()
    status = StatusPage(store, Clock(lambda: next(ticks) * 0.001, lambda: NOW), "/metrics")
    making = asyncio.create_task(status.blocks())
    turns = 0
    while not making.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 50


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
