"""Put all cases of the fault matrix into one table."""

from tests.faults.network import NETWORK
from tests.faults.stories import STORIES
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
}

MATRIX = sorted([*SHOWN, *ON_RENEWAL, *NETWORK, *STORIES], key=lambda case: case.group)
