"""The page in Chromium: what a person sees, and that the browser sends no request to others."""

import re
from collections.abc import Callable
from urllib.parse import unquote

import pytest

from exporter.errors import AuthenticationError, PollTimeoutError
from tests.accounts import FilledStore, balance, make_account, make_store, poll_at, reading
from tests.programs import exporter, wait_for
from tests.status.browser import Tab
from tests.status.conftest import Site
from tests.status.pages import NOW
from tests.status.test_page import HOSTILE, with_name

Serve = Callable[[FilledStore], Site]

TREASURY = make_account("treasury")
PAYMENTS = make_account("payments", "trubit")
REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"


def two_accounts() -> FilledStore:
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW - 5), reading(balance("BTC", "1234567.8900")))
    store.succeed(PAYMENTS.key, poll_at(NOW - 60), reading(balance("MXN", "7"), balance("X", "0")))
    return store


def many_accounts(number: int) -> FilledStore:
    accounts = [make_account(f"account-{each:03}") for each in range(number)]
    store = make_store(*accounts)
    for order, account in enumerate(accounts):
        rows = [balance(f"A{each}", f"{order}.{each}0") for each in range(1, 10)]
        store.succeed(account.key, poll_at(NOW - order % 100), reading(balance("BTC", "1"), *rows))
    return store


def seen(tab: Tab) -> list[str]:
    """Return the names of the accounts that are in sight, from top to bottom."""
    script = "[...document.querySelectorAll('tbody.account')].filter(a => !a.hidden).map(a => a.id)"
    return [unquote(each.partition("/")[2]) for each in tab.run(script)]


def filter_by(tab: Tab, text: str) -> None:
    tab.run(
        f"document.getElementById('filter').value = {text!r};"
        "document.getElementById('choice').dispatchEvent(new Event('input'))"
    )


def refresh(tab: Tab, condition: str) -> None:
    tab.run(REFRESH)
    tab.wait_for(condition)


def test_the_browser_requests_nothing_else_and_reports_no_error(site: Serve, tab: Tab):
    its = site(two_accounts())
    tab.open(its.url)
    its.now += 2
    refresh(tab, "document.querySelector('h1').innerText.includes('at most 1 min 2 s old')")
    addresses = {each for each in tab.requests() if not each.startswith("data:")}
    assert addresses == {its.url}
    assert tab.complaints() == []


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_runs_nothing_and_is_shown(name: str, site: Serve, tab: Tab):
    its = site(with_name(name))
    tab.open(its.url)
    refresh(tab, "document.getElementById('contact').hidden")
    assert tab.run("document.scripts.length") == 1
    assert tab.run("document.images.length") == 0
    assert tab.run("document.querySelector('tbody.account bdi').textContent") == name
    assert tab.complaints() == []
    filter_by(tab, name)
    assert seen(tab) == [name, name]


def test_without_javascript_the_page_is_whole(site: Serve, tab: Tab):
    its = site(two_accounts())
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.call("Page.navigate", url=its.url)
    tab.wait_for("document.querySelector('footer') !== null")
    text = tab.run("document.body.innerText")
    assert "All 2 accounts are up" in text
    assert "1234567.8900" in text
    assert "Reload the page" in text
    assert not tab.run("document.getElementById('choice').checkVisibility()")
    assert tab.run("document.querySelectorAll('button').length") == 0


def test_a_refresh_keeps_filter_sort_focus_and_what_is_open(site: Serve, tab: Tab):
    store = two_accounts()
    its = site(store)
    tab.open(its.url)
    tab.run("document.getElementById('sort-0').focus()")
    tab.press_enter()
    tab.run("document.getElementById('btcturk/treasury/details').open = false")
    assert seen(tab) == ["payments", "treasury"]
    store.succeed(TREASURY.key, poll_at(NOW), reading(balance("BTC", "9.25")))
    refresh(tab, "document.getElementById('btcturk/treasury').textContent.includes('9.25')")
    assert seen(tab) == ["payments", "treasury"]
    assert tab.run("document.activeElement.id") == "sort-0"
    assert not tab.run("document.getElementById('btcturk/treasury/details').open")
    assert tab.run("document.getElementById('trubit/payments/details').open")
    filter_by(tab, "treasury")
    refresh(tab, "document.getElementById('contact').hidden")
    assert seen(tab) == ["treasury"]


def test_the_page_refreshes_itself(site: Serve, tab: Tab):
    store = two_accounts()
    its = site(store)
    tab.open(its.url)
    store.fail(TREASURY.key, poll_at(NOW), AuthenticationError("the key was refused"))
    tab.pass_time(6)
    tab.wait_for("document.title.startsWith('1 of 2 down')")


def test_columns_sort_by_keyboard_and_say_how(site: Serve, tab: Tab):
    tab.open(site(two_accounts()).url)
    orders = []
    for _ in range(2):
        tab.run("document.getElementById('sort-3').focus()")
        tab.press_enter()
        how = "document.querySelector('[aria-sort]').getAttribute('aria-sort')"
        orders.append((tab.run(how), seen(tab)))
    assert orders == [
        ("ascending", ["payments", "treasury"]),
        ("descending", ["treasury", "payments"]),
    ]


def test_an_asset_is_found_in_every_account_among_500(site: Serve, tab: Tab):
    store = many_accounts(500)
    its = site(store)
    tab.open(its.url)
    assert len(seen(tab)) == 500
    filter_by(tab, "a7")
    assert len(seen(tab)) == 500
    filter_by(tab, "a77")
    assert seen(tab) == []
    filter_by(tab, "account-123")
    assert seen(tab) == ["account-123"]
    assert tab.run("document.getElementById('matches').textContent") == "1 of 500 accounts"
    assert tab.complaints() == []


def test_only_accounts_that_need_a_look_are_left(site: Serve, tab: Tab):
    store = two_accounts()
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no response"))
    tab.open(site(store).url)
    tab.run("document.getElementById('look').click()")
    assert seen(tab) == ["payments"]


def test_without_contact_the_page_does_not_look_fresh(site: Serve, tab: Tab):
    its = site(two_accounts())
    tab.open(its.url)
    its.close()
    refresh(tab, "!document.getElementById('contact').hidden")
    assert tab.run("document.getElementById('contact').textContent") == (
        "No contact with the exporter since 22:30:00 UTC: it can’t be reached."
    )
    assert tab.run("document.body.classList.contains('stale')")
    assert tab.run("document.title").startswith("old")


def test_balances_are_loaded_when_they_are_opened_and_again_with_the_page(site: Serve, tab: Tab):
    store = many_accounts(200)
    tab.open(site(store).url)
    details = "document.getElementById('btcturk/account-007/details')"
    assert tab.run("document.querySelectorAll('#accounts .balances').length") == 0
    tab.run(f"{details}.querySelector('summary').focus()")
    tab.press_enter()
    tab.wait_for(f"{details}.querySelector('table') !== null")
    assert "7.9" in tab.run(f"{details}.textContent")
    rows = reading(balance("BTC", "31415.92"))
    store.succeed(make_account("account-007").key, poll_at(NOW), rows)
    refresh(tab, f"{details}.textContent.includes('31415.92')")
    assert tab.run(f"{details}.open")
    assert tab.run("document.querySelectorAll('#accounts .balances').length") == 1
    assert tab.complaints() == []


def test_without_javascript_a_link_leads_to_the_balances_of_an_account(site: Serve, tab: Tab):
    its = site(many_accounts(200))
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    tab.call("Page.navigate", url=its.url)
    tab.wait_for("document.querySelector('footer') !== null")
    link = "document.getElementById('btcturk/account-007/details').querySelector('a').href"
    tab.call("Page.navigate", url=tab.run(link))
    tab.wait_for("document.querySelectorAll('tbody.account').length === 1")
    assert "7.9" in tab.run("document.body.innerText")


def test_groups_have_their_own_totals_and_stay_over_a_refresh(site: Serve, tab: Tab):
    accounts = [make_account(each, labels={"entity": each[0]}) for each in ("a1", "a2", "b1")]
    store = make_store(*accounts, make_account("c"))
    for account in accounts:
        store.succeed(account.key, poll_at(NOW), reading(balance("BTC", "1.5")))
    tab.open(site(store).url)
    tab.run("[...document.querySelectorAll('nav a')].find((a) => a.text === 'entity').click()")
    tab.wait_for("location.search === '?by=entity' && document.readyState === 'complete'")
    headings = "[...document.querySelectorAll('h2')].map((h) => h.textContent)"
    expected = ["Totals", "entity: a", "entity: b", "No entity"]
    assert tab.run(headings) == expected
    refresh(tab, "document.getElementById('contact').hidden")
    assert tab.run(headings) == expected
    sums = "document.getElementById('group/entity/a/totals').querySelector('tbody').textContent"
    assert tab.run(sums).startswith("BTC3.03.002 of 2")
    assert tab.complaints() == []


def test_only_new_problems_are_announced_to_a_screen_reader(site: Serve, tab: Tab):
    store = two_accounts()
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no response"))
    tab.open(site(store).url)
    assert tab.run("document.getElementById('news').textContent") == ""
    store.fail(TREASURY.key, poll_at(NOW), PollTimeoutError("no response"))
    refresh(tab, "document.title.startsWith('all 2 down')")
    assert tab.run("document.getElementById('news').textContent") == "treasury is down."
    assert tab.run("document.getElementById('news').getAttribute('role')") == "status"


@pytest.mark.parametrize("width", [390, 1280])
def test_what_can_be_pressed_is_large_enough(width: int, site: Serve, tab: Tab):
    store = two_accounts()
    tab.resize(width, 844)
    tab.open(site(store).url)
    small = """[...document.querySelectorAll("a, button, summary, input")]
        .filter((each) => each.checkVisibility())
        .map((each) => [each.textContent, each.getBoundingClientRect()])
        .filter(([, box]) => box.width > 1 && (box.width < 24 || box.height < 24))
        .map(([text, box]) => `${text} ${box.width} ${box.height}`)"""
    assert tab.run(small) == []


def test_every_table_has_a_name(site: Serve, tab: Tab):
    tab.open(site(two_accounts()).url)
    tree = tab.call("Accessibility.getFullAXTree")["nodes"]
    names = [each["name"]["value"] for each in tree if each.get("role", {}).get("value") == "table"]
    assert names == [
        "Totals", "Accounts", "Balances of treasury (btcturk)", "Balances of payments (trubit)",
    ]  # fmt: skip


def test_on_a_phone_an_asset_takes_a_line_of_the_totals(site: Serve, tab: Tab):
    tab.resize(390, 844)
    tab.open(site(two_accounts()).url)
    heights = "[...document.querySelectorAll('.totals tbody tr')].map((row) => row.offsetHeight)"
    assert max(tab.run(heights)) < 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(scheme: str, site: Serve, tab: Tab):
    store = two_accounts()
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no response"))
    tab.prefer(prefers_color_scheme=scheme)
    tab.open(site(store).url)
    assert tab.run(_LOW_CONTRAST) == []


_LOW_CONTRAST = """(() => {
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = getComputedStyle(each).backgroundColor;
      if ((numbers(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const low = [];
  for (const element of document.body.querySelectorAll("*")) {
    const says = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    if (!says || !element.checkVisibility()) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...new Set(low)];
})()"""


@pytest.mark.parametrize("width", [390, 800, 1280])
def test_nothing_runs_out_of_the_window(width: int, site: Serve, tab: Tab):
    store = two_accounts()
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no response"))
    tab.resize(width, 844)
    tab.open(site(store).url)
    assert tab.run("document.documentElement.scrollWidth") <= width


def test_decimal_points_stand_below_each_other(site: Serve, tab: Tab):
    store = make_store(TREASURY)
    rows = [balance("BTC", "1.5"), balance("TRY", "1234567.12345678"), balance("XRP", "20")]
    store.succeed(TREASURY.key, poll_at(NOW), reading(*rows))
    tab.open(site(store).url)
    points = tab.run(
        "[...document.querySelectorAll('#totals td:nth-child(2) .f')]"
        ".map((f) => Math.round(f.getBoundingClientRect().left))"
    )
    assert len(points) == 3
    assert len(set(points)) == 1


def test_an_outage_of_one_exchange_shows_in_the_running_exporter(tmp_path, tab: Tab):
    demo = ("demo", "--web.listen-address=127.0.0.1:0", "--fault=http_401:account=treasury-tr")
    with exporter(tmp_path, *demo) as daemon:
        wait_for(lambda: 'class="account waiting"' not in daemon.get("/"))
        tab.open(f"{daemon.url}/")
        headline = tab.run("document.querySelector('h1').innerText").strip()
        assert re.match(r"1 of \d+ accounts is down: treasury-tr \(btcturk\), authentic", headline)
        assert tab.run("document.querySelectorAll('.known').length") > 0
        assert tab.complaints() == []
        assert daemon.stop() == 0
