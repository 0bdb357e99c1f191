"""Put all cases of the fault matrix into one table."""

from collections.abc import Iterator

from tests.faults.case import Case
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

    One exchange is played for each different thing that must be seen.
    """
    for number, case in enumerate((*SHOWN, *NETWORK, *STORIES)):
        shift = number % len(case.exchanges)
        turn = case.exchanges[shift:] + case.exchanges[:shift]
        for exchange in {case.seen[each]: each for each in turn}.values():
            yield case, exchange
    renewals = [case for case in ON_RENEWAL if case.group in _QUICK_RENEWALS]
    processes = [case for case in PROCESSES if case.name in _QUICK_PROCESSES]
    yield from ((case, case.exchanges[0]) for case in (*renewals, *processes))
