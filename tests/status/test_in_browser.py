"""The page in Chromium: what a person sees, and that the browser asks nobody else."""

from collections.abc import Callable
from urllib.parse import unquote

import pytest

from exporter.errors import AuthenticationError, PollTimeoutError
from exporter.polling.snapshots import SnapshotStore
from tests.accounts import balance, make_account, make_store, poll_at, reading
from tests.programs import exporter, wait_for
from tests.status.browser import Tab
from tests.status.conftest import Site
from tests.status.pages import NOW
from tests.status.test_page import HOSTILE, with_name

Serve = Callable[[SnapshotStore], Site]

TREASURY = make_account("treasury")
PAYMENTS = make_account("payments", "trubit")
REFRESH = "document.dispatchEvent(new Event('visibilitychange'))"


def two_accounts() -> SnapshotStore:
    store = make_store(TREASURY, PAYMENTS)
    store.succeed(TREASURY.key, poll_at(NOW - 5), reading(balance("BTC", "1234567.8900")))
    store.succeed(PAYMENTS.key, poll_at(NOW - 60), reading(balance("MXN", "7"), balance("X", "0")))
    return store


def many_accounts(number: int) -> SnapshotStore:
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


def test_the_browser_asks_nobody_else_and_has_nothing_to_complain_of(site: Serve, tab: Tab):
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
    shown = "[...document.querySelectorAll('#accounts .balances tbody tr')].filter(r => !r.hidden)"
    assert tab.run(f"new Set({shown}.map(r => r.cells[0].textContent)).size") == 1
    filter_by(tab, "account-123")
    assert seen(tab) == ["account-123"]
    assert tab.run("document.getElementById('matches').textContent") == "1 of 500 accounts"
    assert tab.complaints() == []


def test_only_accounts_that_need_a_look_are_left(site: Serve, tab: Tab):
    store = two_accounts()
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no answer"))
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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(scheme: str, site: Serve, tab: Tab):
    store = two_accounts()
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no answer"))
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
    store.fail(PAYMENTS.key, poll_at(NOW), PollTimeoutError("no answer"))
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
        wait_for(lambda: daemon.get("/").count('class="account up"') == 3)
        tab.open(f"{daemon.url}/")
        headline = tab.run("document.querySelector('h1').innerText").strip()
        assert headline.startswith("1 of 4 accounts is down: treasury-tr (btcturk), authentication")
        assert tab.run("document.querySelectorAll('.withheld').length") > 0
        assert tab.complaints() == []
        assert daemon.stop() == 0
