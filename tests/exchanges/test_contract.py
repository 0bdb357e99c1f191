"""What every exchange must do; all of them, from the registry."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from exporter.credentials import Secret
from exporter.errors import PollError
from exporter.exchange_api.base import Exchange
from exporter.exchanges import EXCHANGES
from exporter.model import BalancesResponse, RejectedRow
from exporter.simulator import Simulator, no_limits, simulated_exchanges
from fuzz.oracles import CANARY, check_words
from fuzz.targets import TARGETS
from tests.exchanges.contract import RECORDED, complaints
from tests.faults.case import EXCHANGES as PLAYED
from tests.faults.virtual_time import run
from tests.faults.world import INTERVAL, LIMITS, World, opened

NAMES = list(EXCHANGES)


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_has_everything_that_it_needs(name: str):
    assert complaints(EXCHANGES[name]) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_without_a_recorded_response_is_noticed(name: str, tmp_path: Path):
    assert complaints(EXCHANGES[name], recorded=tmp_path) == [
        f"{name}: no recorded response in {tmp_path / name}"
    ]


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_that_is_not_simulated_is_noticed(name: str):
    others = {key: twin for key, twin in simulated_exchanges().items() if key != name}
    [complaint] = complaints(EXCHANGES[name], simulated=others)
    assert complaint == f"{name}: not simulated, see exporter/simulator/exchanges"


def _spoiled(exchange: Exchange, body: bytes) -> Any:
    response = exchange.parse_balances(body)
    rows = range(len(response.balances))
    return BalancesResponse((), tuple(RejectedRow(row, None, "bad") for row in rows))


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_that_drops_every_row_is_noticed(name: str):
    exchange = EXCHANGES[name]
    broken = replace(exchange, parse_balances=lambda body: _spoiled(exchange, body))
    assert f"{name}: documented.json: rows are dropped" in complaints(broken)


@pytest.mark.parametrize("name", NAMES)
def test_an_exchange_that_spells_codes_in_another_way_than_its_rows_is_noticed(name: str):
    broken = replace(EXCHANGES[name], spell=lambda code: f"{code}?")
    assert f"{name}: documented.json: an asset is not spelled as `spell` says" in complaints(broken)


@pytest.mark.parametrize("name", NAMES)
def test_every_tool_that_works_on_exchanges_works_on_it(name: str):
    assert f"{name}_balances" in TARGETS
    assert name in PLAYED


@pytest.mark.parametrize("name", NAMES)
def test_its_twin_documents_the_reasons_that_the_matrix_plays(name: str):
    refusals = simulated_exchanges()[name].refusals
    assert {"authentication", "rate_limited", "unavailable"} <= refusals.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_amount_of_a_recorded_response_is_a_plain_decimal(name: str):
    for file in sorted((RECORDED / name).glob("*.json")):
        for row in EXCHANGES[name].parse_balances(file.read_bytes()).balances:
            amounts = [amount for amount in row.amounts if amount is not None]
            assert all(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", amount) for amount in amounts)


@pytest.mark.parametrize("name", NAMES)
def test_its_demo_accounts_are_polled_without_a_dropped_row(name: str):
    async def poll() -> dict[str, Any]:
        async with opened(name) as world:
            accounts = [
                world.configured(world.simulator.add_account(exchange=name, name=each.name))
                for each in simulated_exchanges()[name].demo_accounts
            ]
            async with world.polling(accounts):
                page = await world.run(INTERVAL)
            return {
                account.name: (
                    page.failures(account.key),
                    page.number("exchange_account_rejected_assets", account.key),
                    page.number("exchange_account_inconsistent_assets", account.key),
                    len(page.assets(account.key)) > 2,
                )
                for account in accounts
            }

    seen = run(poll)
    assert seen == dict.fromkeys(seen, ({}, 0, 0, True))
    assert seen


@pytest.mark.parametrize("name", NAMES)
def test_its_limit_is_kept_by_many_accounts(name: str):
    async def polls(world: World) -> int:
        accounts = [world.add(f"a{number}", name) for number in range(60)]
        fast = [world.configured(world.simulated(each), interval=5.0) for each in accounts]
        async with world.polling(fast):
            await world.run(5 * INTERVAL)
        refused = [e for e in world.simulator.ledger.entries(name) if e.status in {418, 429}]
        assert refused == []
        return world.most_requests(name)

    async def main() -> int:
        async with opened(name) as world:
            return await polls(world)

    most = run(main)
    if not EXCHANGES[name].has_limit_per_account:
        assert most <= LIMITS[name]


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_shows_in_the_words_of_any_error(name: str):
    exchange = EXCHANGES[name]
    bodies = [CANARY, f'"{CANARY}"', f'{{"code":"{CANARY}","msg":"{CANARY}","success":false}}']
    bodies.append(f'{{"success":false,"error":{{"code":"{CANARY}","message":"{CANARY}"}}}}')
    for body in bodies:
        with pytest.raises(PollError) as caught:
            exchange.parse_balances(body.encode())
        check_words(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_no_credential_shows_in_the_repr_of_what_is_made_of_it(name: str):
    sets = EXCHANGES[name].credential_sets
    secrets = {each: Secret(CANARY) for names in sets for each in names}
    assert CANARY not in repr(secrets)
    with_accounts = Simulator(limits=no_limits())
    account = with_accounts.add_account(exchange=name, name="a")
    assert not any(secret in repr(account) for secret in account.credentials.values())


@pytest.mark.parametrize("name", NAMES)
def test_a_credential_of_the_wrong_form_is_rejected_without_repeating_it(name: str):
    for given in EXCHANGES[name].credentials:
        for each in given:
            with pytest.raises(ValueError, match="must be") as caught:
                each.validate(f"{CANARY}\x07é")
            assert CANARY not in str(caught.value)
