"""The example shows every setting, and every page and schema says the same of it."""

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from exporter.config import loader, valuation_settings
from exporter.config import settings as account_settings
from exporter.config.configuration import CONFIGURATION
from exporter.config.example import config_example
from exporter.config.json_schema import json_schema
from exporter.config.schema import Member, Section, Setting
from exporter.exchanges import EXCHANGES
from exporter.model import Account
from exporter.yamlfile import reader

EXAMPLE = config_example()
SWITCHED_ON = re.sub(r"#(?=[a-z_]+:|- )", "", EXAMPLE)
ENVIRONMENT = dict.fromkeys(re.findall(r"\$\{(\w+)", EXAMPLE), "c2VjcmV0")


def settings(member: Member, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(member, Setting):
        yield path, member
    else:
        for each in member.members:
            yield from settings(each, (*path, each.key))


@pytest.mark.parametrize("module", [account_settings, valuation_settings])
def test_no_setting_is_forgotten(module):
    def members(section: Section) -> Iterator[Member]:
        for member in section.members:
            yield member
            if isinstance(member, Section):
                yield from members(member)

    known = {id(member) for member in members(CONFIGURATION)}
    for name, value in vars(module).items():
        if isinstance(value, Setting | Section):
            assert id(value) in known, name


def test_a_single_setting_of_an_account_is_a_field_of_it():
    fields = {field.name for field in dataclasses.fields(Account)}
    single = {each.key for each in account_settings.SHARED if isinstance(each, Setting)}
    assert single <= fields


def test_the_example_loads():
    loaded = loader.parse(EXAMPLE, ENVIRONMENT)
    assert {account.exchange for account in loaded.accounts} == set(EXCHANGES)


def test_the_example_shows_every_setting():
    keys = {key for _, setting in settings(CONFIGURATION) for key in [setting.key]}
    shown = {word.lstrip("#") for word in re.findall(r"#?[a-z_]+(?=:)", EXAMPLE)}
    assert keys <= shown


def test_the_example_overrides_no_default_that_follows_the_rate_limit():
    shown = yaml.safe_load(EXAMPLE)
    assert "stale_after" not in shown["defaults"]
    assert "exchanges" not in shown


def test_what_is_switched_off_in_the_example_is_right_too():
    both = SWITCHED_ON.replace("proxy_url_file: /run", "#proxy_url_file: /run")
    one_list = re.sub(r"(?m)^retired.*", "retired: [btcturk/old-desk]", both)
    loaded = loader.parse(one_list, ENVIRONMENT)
    assert loaded.retired
    assert loaded.valuation
    assert [source.name for source in loaded.valuation.sources] == ["btcturk", "trubit:payments-mx"]
    assert loaded.accounts[0].network.source_address == "192.0.2.10"


def test_a_default_is_said_as_it_is():
    for path, setting in settings(CONFIGURATION):
        if setting.default_in_words or not setting.shown_default:
            continue
        root = reader.parse(f"{setting.key}: {setting.shown_default}", "default.yaml")
        assert setting.read(root.section([setting.key])) == setting.default, path


def test_every_example_is_right():
    for path, setting in settings(CONFIGURATION):
        text = re.sub(r"\$\{.*?\}", "c2VjcmV0", setting.example)
        root = reader.parse(f"{setting.key}: {text}", "example.yaml")
        assert setting.kind.read(root.section([setting.key])[setting.key]) is not None, path
        root.report.check()


def test_the_schema_knows_every_key_and_no_other():
    def keys(schema: dict[str, Any]) -> set[str]:
        own = schema.get("properties") or schema.get("items", {}).get("properties", {})
        return set(own).union(*map(keys, own.values()))

    expected = {key for path, _ in settings(CONFIGURATION) for key in path} | set(EXCHANGES)
    assert keys(json_schema()) == expected
    json.dumps(json_schema())


def test_the_example_fits_the_schema():
    errors = list(mismatches(yaml.safe_load(EXAMPLE), json_schema(), ""))
    assert errors == []


def test_the_schema_takes_amounts_without_quotes_as_the_configuration_does():
    bound = {"asset": "BTC", "free_min": 1.5, "free_max": "2"}
    fits = {"accounts": [{"name": "a", "thresholds": [bound]}]}
    assert list(mismatches(fits, json_schema(), "")) == []


def test_the_schema_finds_a_misspelt_key_and_a_wrong_type():
    wrong = {"accounts": [{"nam": "x"}], "defaults": [], "exchanges": {"x": {}}}
    assert sorted(mismatches(wrong, json_schema(), "")) == [
        ".accounts[0].nam: unknown",
        ".accounts[0]: name is missing",
        ".defaults: type",
        ".exchanges.x: unknown",
    ]


TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


def mismatches(value: Any, schema: dict[str, Any], path: str) -> Iterator[str]:
    """Compare a value with what our schema uses of JSON Schema."""
    types = schema.get("type", [])
    wanted = [types] if isinstance(types, str) else types
    if wanted and not any(isinstance(value, TYPES[each]) for each in wanted):
        yield f"{path}: type"
        return
    if isinstance(value, dict):
        for missing in set(schema.get("required", ())) - set(value):
            yield f"{path}: {missing} is missing"
        known = schema.get("properties", {})
        for key, each in value.items():
            if key in known:
                yield from mismatches(each, known[key], f"{path}.{key}")
            elif schema.get("additionalProperties") is False:
                yield f"{path}.{key}: unknown"
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from mismatches(each, schema.get("items", {}), f"{path}[{number}]")


def test_sections_and_settings_have_one_key_each():
    def check(section: Section) -> None:
        assert len(section.keys) == len(set(section.keys))
        for member in section.members:
            if isinstance(member, Section):
                check(member)

    check(CONFIGURATION)
