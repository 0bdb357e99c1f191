"""What the page says all accounts are worth, and why it withholds it."""

from decimal import Decimal

from exporter.model import AccountKey
from exporter.prices.routes import Price
from exporter.prices.valuations import Valued, Worth
from exporter.prices.values import AccountValue
from exporter.status.worth import worth_html
from tests.accounts import make_account, make_store
from tests.prices.quotes import valuation
from tests.status.pages import read


def value(amount: str | None, *unpriced: str, known: str = "0") -> AccountValue:
    return AccountValue(
        None if amount is None else Decimal(amount), Decimal(amount or known), 1, unpriced, 0
    )


def page(values: dict[str, AccountValue | None], **changes: object) -> str:
    store = make_store(*(make_account(name) for name in values))
    settings = valuation("TRY")
    worth = Worth(
        values={
            AccountKey("btcturk", name): {"TRY": its}
            for name, its in values.items()
            if its is not None
        },
        **changes,  # type: ignore[arg-type]
    )
    return read(worth_html(Valued(settings, worth), list(store.states.values()))).words


def test_a_sum_is_shown_while_every_account_has_a_value():
    text = page({"a": value("1000.5"), "b": value("2000")})
    assert "3000.50" in text
    assert "2 of 2" in text
    assert "known part" not in text


def test_the_known_part_is_named_as_such_and_counts_its_accounts():
    text = page({"a": value("1000"), "b": value(None, "MMXN", known="5")})
    assert "1000.00" in text
    assert "known part, in 1 of 2 accounts" in text
    assert "b (btcturk) holds MMXN, which has no price" in text


def test_an_account_without_balances_is_named():
    assert "b (btcturk) serves no balances" in page({"a": value("1"), "b": None})


def test_an_incomplete_account_is_named():
    assert "b (btcturk) is incomplete" in page({"a": value("1"), "b": value(None)})


def test_a_peg_is_said_in_words():
    price = Price(Decimal(1), ("USDT", "USD"), assumed=("USDT=USD",))
    text = page({"a": value("1")}, prices={("btcturk", "USDT", "TRY"): price})
    assert "Assumes that 1 USDT is worth 1 USD." in text


def test_a_shared_code_is_said_in_words():
    price = Price(Decimal(1), ("BTC", "TRY"), ("btcturk",), ("trubit/BTC=btcturk/BTC",), 0.0)
    text = page({"a": value("1")}, prices={("trubit", "BTC", "TRY"): price})
    assert "Assumes the same coins at trubit and at btcturk: BTC." in text
    assert "Prices: bid of btcturk; oldest quote 00:00:00 UTC." in text
