"""Put all cases of the fault matrix into one table."""

from collections.abc import Iterator
from itertools import cycle

from tests.faults.case import EXCHANGES, Case
from tests.faults.endurance import ENDURANCE
from tests.faults.network import NETWORK
from tests.faults.of_files import OF_FILES
from tests.faults.of_http import OF_HTTP
from tests.faults.of_keys import OF_KEYS
from tests.faults.of_prices import OF_PRICES
from tests.faults.of_time import OF_TIME
from tests.faults.processes import PROCESSES
from tests.faults.serving import SERVING
from tests.faults.table import ON_RENEWAL, SHOWN

GROUPS = {
    "A": "Connection and TLS",
    "B": "Time",
    "C": "Body",
    "D": "HTTP",
    "E": "Rows",
    "F": "Keys and clocks",
    "G": "Configuration, secrets, lifecycle",
    "H": "Serving",
    "I": "Endurance",
    "J": "Prices",
}

STORIES = [*OF_TIME, *OF_HTTP, *OF_KEYS, *OF_FILES, *OF_PRICES]
MATRIX = sorted(
    [*SHOWN, *ON_RENEWAL, *NETWORK, *STORIES, *PROCESSES, *SERVING, *ENDURANCE],
    key=lambda case: case.group,
)

# Processes take seconds; these show what nothing else does.
_QUICK_PROCESSES = {
    "sigterm_in_a_storm",
    "sigkill",
    "stdout_full",
    "stderr_unread",
    "no_threads",
    "secret_hangs",
    "resolver_hangs_for_real",
}
_QUICK_RENEWALS = "ABF"


def quick() -> Iterator[tuple[Case, str]]:
    """Yield what is played in every run of the tests: each fault at one exchange in turn.

    Both exchanges are played where they differ in what must be seen.
    """
    turns = cycle(EXCHANGES)
    for case in (*SHOWN, *NETWORK, *STORIES):
        differs = len(set(case.seen.values())) > 1
        turn = next(turns)
        for exchange in case.exchanges:
            if differs or exchange == turn or case.exchanges != EXCHANGES:
                yield case, exchange
    yield from ((case, "trubit") for case in ON_RENEWAL if case.group in _QUICK_RENEWALS)
    yield from ((case, "btcturk") for case in PROCESSES if case.name in _QUICK_PROCESSES)
