"""Play in short what lasts long: schedules that are held against the ledger, and a soak."""

from collections.abc import Callable

from tests.faults.case import case_of_all
from tests.ledger.drive import check
from tests.soak.short import short_soak

_SEEDS = range(100, 110)


def _schedule(seed: int) -> Callable[[], None]:
    def play() -> None:
        assert check(seed) > 0

    return play


ENDURANCE = [
    *(
        case_of_all(
            "I",
            f"schedule_{seed}",
            "Half an hour of random faults, reloads, restarts and clock jumps.",
            "every page agrees with the ledger",
            _schedule(seed),
        )
        for seed in _SEEDS
    ),
    case_of_all(
        "I",
        "soak",
        "200 polls, a tenth of them with faults, 20 reloads and 2,000 scrapes.",
        "all of them are done, no descriptors or tasks pile up",
        short_soak,
    ),
]
