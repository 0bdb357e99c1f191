"""Work out from the exchanges' ledger what must be on a page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from exporter.simulator import Entry
from tests.faults.table import reason_of

SUCCESS = "success"
REFUSED = "refused"
_UP_TO_THE_STATUS = frozenset(
    {"close", "reset", "reset_in_head", "silence", "drip", "stall_in_head", "endless_head"}
    | {"http_401"}
)
_AT_ONCE = 0.05  # seconds; polls at one exchange begin at least half a second apart
_PLAIN = re.compile(r"-?(0|[1-9][0-9]*)([.,][0-9]+)?")
_CODE = re.compile(r"[A-Za-z0-9._-]{1,32}")

Samples = dict[tuple[str, str], Decimal]
"""The value of each family and asset."""

_FAMILIES = {
    "exchange_total_balance": "total",
    "exchange_free_balance": "free",
    "exchange_locked_balance": "locked",
}


_PARTS = ("free", "locked")


@dataclass(frozen=True, slots=True)
class Poll:
    """Hold the requests of one poll, in order."""

    entries: tuple[Entry, ...]

    @property
    def began(self) -> float:
        return self.entries[0].began

    @property
    def ended(self) -> float | None:
        return self.entries[-1].ended

    @property
    def outcome(self) -> str:
        """Return `SUCCESS` or the reason for which the poll must have failed."""
        last = self.entries[-1]
        # Of a refusal only the status is read: no fault of what follows it is ever met.
        met = _UP_TO_THE_STATUS.intersection(last.faults) if last.status == 401 else last.faults
        for fault in met:
            if reason := reason_of(fault, last.exchange or ""):
                return reason
        if last.status == 401:
            return REFUSED
        return SUCCESS if last.call == "balances" and last.rows is not None else "timeout"


def polls_of(entries: Sequence[Entry], boundaries: Iterable[float], timeout: float) -> list[Poll]:
    """Return an account's polls; none crosses a boundary, where a configuration was taken over.

    A poll asks again at once, or with the token that it just got; the next poll keeps a distance.
    """
    cuts = sorted(boundaries)
    groups: list[list[Entry]] = []
    for entry in entries:
        if groups and _goes_on(groups[-1], entry, timeout) and not _between(cuts, groups, entry):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return [Poll(tuple(group)) for group in groups]


def _goes_on(group: Sequence[Entry], entry: Entry, timeout: float) -> bool:
    last = group[-1]
    if last.ended is None:
        return False
    if last.call == "token" and last.status == 200 and entry.call == "balances":
        return entry.began - group[0].began <= timeout
    return entry.began - last.ended < _AT_ONCE


def _between(cuts: Sequence[float], groups: Sequence[Sequence[Entry]], entry: Entry) -> bool:
    return any(groups[-1][0].began < cut <= entry.began for cut in cuts)


def samples_of(entry: Entry) -> Samples:
    """Return what an answer gives to publish, by a reading of its rows that is not ours."""
    samples: Samples = {}
    for row in entry.rows or ():
        asset = row.fields.get("asset")
        amounts = {family: row.fields.get(field) for family, field in _FAMILIES.items()}
        if "total" not in row.fields and all(_is(_PLAIN, row.fields[part]) for part in _PARTS):
            parts = (Decimal(str(row.fields[part]).replace(",", ".")) for part in _PARTS)
            amounts["exchange_total_balance"] = format(sum(parts, Decimal()), "f")
        if _is(_CODE, asset) and all(_is(_PLAIN, amount) for amount in amounts.values()):
            for family, amount in amounts.items():
                samples[family, _published(entry.exchange or "", str(asset))] = Decimal(
                    str(amount).replace(",", ".")
                )
    return samples


def _published(exchange: str, asset: str) -> str:
    """Return an asset's code as it is published; one exchange writes in lower case."""
    return asset.upper() if exchange == "bitso" else asset


def _is(form: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def samples_on(page: Mapping[str, str], exchange: str, account: str) -> Samples:
    """Return the balances of an account on a page."""
    labels = re.compile(
        rf'(\w+_balance){{exchange="{exchange}",account="{account}",asset="([^"]*)"}}'
    )
    found = ((labels.fullmatch(series), value) for series, value in page.items())
    return {
        (match[1], match[2]): Decimal(value)
        for match, value in found
        if match and match[1] in _FAMILIES
    }
