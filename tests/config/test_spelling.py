"""Codes of a configuration may be in an exchange's own spelling."""

from exporter.config.loader import parse
from exporter.model import Account, Amount, AssetFilter, Threshold
from exporter.prices.settings import Ignored, Valuation

BITSO = """
accounts:
  - name: a
    exchange: bitso
    credentials: {api_key: k, api_secret: s}
"""
BTCTURK = """\
  - name: b
    exchange: btcturk
    credentials: {api_key: k, api_secret: c2VjcmV0}
"""


def accounts(text: str) -> tuple[Account, ...]:
    return parse(text, {}).accounts


def valuation(text: str) -> Valuation:
    found = parse(BITSO + f"valuation: {{currencies: [MXN], {text}}}\n", {}).valuation
    assert found
    return found


def bound(asset: str, value: str, *, is_default: bool = False) -> Threshold:
    return Threshold(asset, "free_min", Amount(value), is_default)


def test_an_asset_is_included_or_excluded_as_its_exchange_publishes_it():
    [included] = accounts(BITSO + "    assets: {include: [mxn, BTC]}\n")
    assert included.assets == AssetFilter(include=frozenset({"MXN", "BTC"}))
    [excluded] = accounts(BITSO + "    assets: {exclude: [mxn]}\n")
    assert excluded.assets == AssetFilter(exclude=frozenset({"MXN"}))


def test_codes_of_an_exchange_without_a_spelling_stay_as_they_are():
    text = "defaults: {assets: {exclude: [mxn]}}\n" + BITSO + BTCTURK
    bitso, btcturk = accounts(text)
    assert bitso.assets.exclude == {"MXN"}
    assert btcturk.assets.exclude == {"mxn"}


def test_a_threshold_is_of_the_asset_as_its_exchange_publishes_it():
    [account] = accounts(BITSO + "    thresholds: [{asset: mxn, free_min: 1}]\n")
    assert account.thresholds == (bound("MXN", "1"),)


def test_a_threshold_of_an_account_replaces_one_of_defaults_in_another_spelling():
    defaults = "defaults: {thresholds: [{asset: mxn, free_min: 1}, {asset: btc, free_min: 2}]}\n"
    [account] = accounts(defaults + BITSO + "    thresholds: [{asset: MXN, free_min: 3}]\n")
    assert account.thresholds == (bound("MXN", "3"), bound("BTC", "2", is_default=True))


def test_of_two_thresholds_of_defaults_the_published_spelling_wins():
    defaults = "defaults: {thresholds: [{asset: MXN, free_min: 2}, {asset: mxn, free_min: 1}]}\n"
    [account] = accounts(defaults + BITSO)
    assert account.thresholds == (bound("MXN", "2", is_default=True),)


def test_an_ignored_asset_of_an_exchange_is_spelled_as_it_publishes_it():
    assert valuation("ignore: [bitso/mxn]").ignored == {Ignored("MXN", "bitso")}


def test_an_asset_that_is_ignored_everywhere_is_ignored_in_each_spelling():
    found = valuation("ignore: [mxn]")
    assert found.ignored_at("bitso") == {"mxn", "MXN"}
    assert found.ignored_at("btcturk") == {"mxn"}
