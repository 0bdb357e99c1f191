"""The pages for operators: links lead somewhere, and what they say is what the program does."""

import re
from pathlib import Path

import pytest

from benchmarks.sizing import table
from exporter.commands.flags import COMMANDS, DAEMON
from exporter.errors import REASONS
from exporter.exchanges import EXCHANGES

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / f"docs/{name}.md" for name in ("deployment", "operations", "scaling", "security")),
    ROOT / "docs/upgrading.md",
    ROOT / "SECURITY.md",
    ROOT / "packaging/helm/exchange-balance-exporter/README.md",
]
OPERATIONS = (ROOT / "docs/operations.md").read_text()

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"(?m)^#+ (.*)", text)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


@each_page
def test_links_lead_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        linked = page.parent / path if path else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked.read_text()), target


@each_page
def test_flags_and_their_twins_exist(page: Path):
    flags = {flag.name: flag.variable for command in (DAEMON, *COMMANDS) for flag in command.flags}
    text = page.read_text()
    ours = r"(?:config|web|log|shard|total-shards|runbooks-url)"
    for name in re.findall(rf"--({ours}[a-z.-]*[a-z])", text):
        assert name in flags, name
    for twin in re.findall(r"EXCHANGE_BALANCE_EXPORTER_[A-Z_]+", text):
        assert twin in flags.values(), twin


def test_every_host_is_listed():
    listed = set(re.findall(r"(?m)^\| `([a-z.-]+\.[a-z]+)`", OPERATIONS))
    for exchange in EXCHANGES.values():
        assert re.sub(r"https://|/.*", "", exchange.base_url) in listed


def test_every_reason_has_a_first_thing_to_check():
    rows = re.findall(r"(?m)^\| `([a-z_]+)` \| ", OPERATIONS.partition("### By reason")[2])
    assert sorted(rows) == sorted(REASONS)


@pytest.mark.parametrize(("exchange", "assets"), [("btcturk", 30), ("trubit", 20)])
def test_the_tables_of_sizes_are_those_that_are_worked_out(exchange: str, assets: int):
    assert table(exchange, assets) in (ROOT / "docs/scaling.md").read_text()
