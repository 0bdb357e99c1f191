"""Find the accounts that wait for a pause of their rate limit, and publish until when."""

from collections.abc import Mapping

from exporter.model import AccountKey
from exporter.polling.endpoint import EndpointKey
from exporter.polling.endpoints import Endpoints, PauseState
from exporter.polling.schedules import Egresses, endpoint_key
from exporter.polling.snapshots import AccountState, SnapshotStore
from exporter.runtime.clock import CLOCK_ERROR


def waiting(
    states: Mapping[AccountKey, AccountState],
    pauses: Mapping[EndpointKey, PauseState],
    egresses: Egresses,
) -> dict[AccountKey, PauseState]:
    """Return each account that is due before a pause of its endpoint ends, with that pause."""
    if not pauses:
        return {}
    return {
        key: pause
        for key, state in states.items()
        if (pause := pauses.get(endpoint_key(state.schedule.account, egresses)))
        and state.due < pause.wall
    }


class Waits:
    """Publish until when accounts wait for pauses."""

    def __init__(self, store: SnapshotStore, endpoints: Endpoints) -> None:
        """Publish into a store."""
        self._store = store
        self._endpoints = endpoints

    def publish(self, egresses: Egresses) -> dict[AccountKey, PauseState]:
        """Publish what is not published yet, and return the accounts that wait now."""
        states = self._store.states
        waits = waiting(states, self._endpoints.pauses(), egresses)
        until = {key: waits[key].wall if key in waits else 0.0 for key in states}
        changed = {
            key: at for key, at in until.items() if abs(at - states[key].paused_until) > CLOCK_ERROR
        }
        if changed:
            self._store.pause(changed)
        return waits
