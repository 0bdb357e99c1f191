"""The search for secrets: what it would find, so that finding nothing means something."""

import base64
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.faults.canaries import Canaries, api_key, api_secret
from tests.faults.virtual_time import run
from tests.faults.world import opened
from tests.programs import exporter, wait_for
from tests.programs import run as run_to_its_end

KEY = api_key("victim")


def canaries() -> Canaries:
    known = Canaries()
    known.know_account("victim")
    return known


@pytest.mark.parametrize(
    "leak",
    [
        KEY,
        quote(KEY, safe=""),
        KEY.encode().hex(),
        base64.b64encode(KEY.encode()).decode(),
        base64.b64encode(b"Authorization: " + KEY.encode() + b" and more").decode(),
        base64.urlsafe_b64encode(b"x" + KEY.encode()).decode(),
        api_secret("victim"),
        base64.b64decode(api_secret("victim")).decode(),
        "X-BH-TOKEN",
        "https://exchange/v2/token/generate?timestamp=1&signature=ab",
        "b8c1b9f4-1c5e-4a3b-8f00-0123456789ab",
        "7fdd71b6dfed9a746d2698e980a2cb5dc15ca9fab9e4339676dea3c282a862c6",
        "db3kfpsEOjtcJgDoaRgvgpBtIdEQoyE/zghAkRsyxmI=",
    ],
)
def test_a_planted_secret_is_found(leak: str):
    assert canaries().found(f'level=error error="{leak}" up=0')


def test_an_honest_line_is_not_suspected():
    line = 'exchange_total_balance{exchange="btcturk",account="victim",asset="BTC"} 1.5'
    assert canaries().found(line) == []


def test_what_was_found_is_not_repeated():
    with pytest.raises(AssertionError) as caught:
        canaries().check(f"key={KEY}", "the log")
    assert KEY not in str(caught.value)
    assert "the key of victim" in str(caught.value)


@pytest.mark.parametrize("where", ["log", "page"])
def test_a_leak_of_the_daemons_parts_would_be_noticed(where: str):
    async def leak() -> None:
        async with opened("btcturk") as world, world.polling():
            await world.run(5)
            if where == "log":
                world.log.write(f"level=debug url=https://x/?key={KEY}\n")
            else:
                world.store.states[world.victim.key].failures[KEY] = 1  # type: ignore[index]
            await world.check_everything()

    with pytest.raises(AssertionError, match="the key of victim"):
        run(leak)


@pytest.fixture
def leaking(tmp_path: Path) -> tuple[str, dict[str, str]]:
    """Return the flag and the environment of an exporter that prints its secret."""
    config = tmp_path / "config.yaml"
    config.write_text(
        f'accounts:\n  - {{name: a, exchange: trubit, credentials: {{token: "{KEY}"}}}}\n'
    )
    (tmp_path / "sitecustomize.py").write_text(f"print({KEY!r}, flush=True)\n")
    path = f"{tmp_path}:{Path(__file__).parents[2]}"
    return f"--config.file={config}", {"PYTHONPATH": path}


def test_a_leak_of_a_process_would_be_noticed(tmp_path: Path, leaking: tuple[str, dict[str, str]]):
    flag, environment = leaking
    with (
        pytest.raises(AssertionError, match="a secret of the configuration"),
        exporter(tmp_path, flag, "--config.check", environment=environment) as running,
    ):
        wait_for(running.output.read_text)


def test_a_leak_of_a_command_would_be_noticed(leaking: tuple[str, dict[str, str]]):
    flag, environment = leaking
    with pytest.raises(AssertionError, match="a secret of the configuration"):
        run_to_its_end(flag, "--config.check", **environment)
