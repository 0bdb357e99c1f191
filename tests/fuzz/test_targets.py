"""Every fuzz target holds for its corpus, for what once made it fail, and for their neighbours."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.exchanges import EXCHANGES
from exporter.simulator import Simulator, simulated_exchanges
from fuzz.seeds import JSON_LITERALS
from fuzz.targets import TARGETS, files

SLOW = {"response", "request", "web_configuration"}
"""Targets that open sockets or load keys: a few milliseconds for each input."""


@pytest.mark.parametrize("name", TARGETS)
def test_no_file_of_the_corpus_makes_a_target_fail(name: str):
    for file in files(name):
        try:
            TARGETS[name](file.read_bytes())
        except Exception as error:
            error.add_note(f"fuzz target {name}, file {file}")
            raise


@st.composite
def neighbours(draw: st.DrawFn, name: str) -> bytes:
    """Draw a file of a target's corpus with a few bytes replaced, or taken from other files."""
    data = draw(st.sampled_from(list(files(name)))).read_bytes()
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(data)))
        end = start + draw(st.integers(0, 20))
        other = draw(st.sampled_from(list(files(name)))).read_bytes()
        cut = draw(st.integers(0, len(other)))
        new = draw(st.binary(max_size=8) | st.just(other[cut : cut + 40]))
        data = data[:start] + new + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_no_neighbour_of_the_corpus_makes_a_target_fail(name: str):
    @settings(max_examples=25 if name in SLOW else 150, suppress_health_check=list(HealthCheck))
    @given(neighbours(name) | st.binary(max_size=300))
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()


SIMULATED = simulated_exchanges()


@st.composite
def documents(draw: st.DrawFn, name: str) -> bytes:
    """Draw a response of the right shape with values of every kind, mostly valid ones."""
    style = SIMULATED[name].style
    strange = st.sampled_from(JSON_LITERALS)
    amounts = st.sampled_from(['"0"', '"1,5"', '"-2,25"', "3", "1.5", "1e-8", '"1,234,567.8"'])
    fields = {style.fields[each]: amounts | amounts | amounts | strange for each in style.amounts}
    fields[style.fields["asset"]] = st.sampled_from(['"BTC"', '"btc"', '"TRY"']) | strange
    row = st.fixed_dictionaries(fields) | st.fixed_dictionaries({}, optional=fields)
    rows = draw(st.lists(row, max_size=4))
    texts = [", ".join(f'"{field}": {value}' for field, value in row.items()) for row in rows]
    listed = ", ".join(f"{{{text}}}" for text in texts)
    account = Simulator().add_account(exchange=name, name="a")
    return SIMULATED[name]().document(f"[{listed}]".encode(), account)


@pytest.mark.parametrize("name", EXCHANGES)
def test_no_value_in_a_row_makes_a_target_fail(name: str):
    @settings(max_examples=500, suppress_health_check=list(HealthCheck))
    @given(documents(name))
    def check(data: bytes) -> None:
        TARGETS[f"{name}_balances"](data)

    check()
