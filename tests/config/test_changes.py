"""What a reload changes is said by names and keys, never by values."""

from pathlib import Path

from exporter.config.changes import find_changes
from exporter.config.files import fingerprint
from exporter.config.loader import parse
from exporter.model import AccountKey

A, B = AccountKey("btcturk", "a"), AccountKey("btcturk", "b")


def config(*accounts: str, rest: str = ""):
    items = "".join(
        f"  - {{name: {name}, exchange: btcturk, credentials: {{api_key: {key}, "
        f"api_secret: c2VjcmV0}}, {more}}}\n"
        for name, key, more in (each.split("|") for each in accounts)
    )
    return parse(f"{rest}accounts:\n{items}", {})


def test_accounts_come_and_go():
    changes = find_changes(config("a|k|"), config("b|k|"))
    assert (changes.added, changes.removed, dict(changes.changed)) == ((B,), (A,), {})


def test_nothing_changed_is_no_change():
    changes = find_changes(config("a|k|"), config("a|k|"))
    assert (changes.added, changes.removed, dict(changes.changed), changes.settings) == (
        (),
        (),
        {},
        (),
    )


def test_changed_keys_are_named_as_the_configuration_has_them():
    before = config("a|k|labels: {x: y, z: w}, network: {ip_family: ipv4}")
    after = config(
        "a|hunter2|labels: {x: v}, network: {source_address: 192.0.2.1}, interval: 5s, "
        "in_totals: false, thresholds: [{asset: BTC, free_min: '1'}]"
    )
    changes = find_changes(before, after)
    assert changes.changed[A] == (
        "credentials.api_key",
        "interval",
        "thresholds",
        "network.source_address",
        "network.ip_family",
        "labels.x",
        "labels.z",
        "in_totals",
    )
    assert "hunter2" not in repr(changes)


def test_other_settings_are_named():
    rest = "exchanges: {trubit: {requests_per_minute: 7}}\nretired: [btcturk/x]\n"
    valued = "valuation: {currencies: [TRY]}\n"
    changes = find_changes(config("a|k|"), config("a|k|", rest=rest + valued))
    assert changes.settings == ("exchanges.trubit.requests_per_minute", "retired", "valuation")


def test_a_fingerprint_follows_content_and_names(tmp_path: Path):
    (tmp_path / "a.yaml").write_text("a")
    before = fingerprint([tmp_path])
    (tmp_path / "a.yaml").touch()
    assert fingerprint([tmp_path]) == before
    (tmp_path / "a.yaml").write_text("b")
    changed = fingerprint([tmp_path])
    (tmp_path / "b.yaml").touch()
    assert len({before, changed, fingerprint([tmp_path])}) == 3
    assert fingerprint([tmp_path / "none"]) != before
