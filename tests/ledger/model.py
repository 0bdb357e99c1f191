"""Work out from the exchanges' ledger what must be on a page."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from exporter.simulator import FAULTS, Entry, simulated_exchanges
from tests.faults.table import reason_of

SUCCESS = "success"
REFUSED = "refused"
_UP_TO_THE_STATUS = frozenset(
    {"close", "reset", "reset_in_head", "silence", "drip", "stall_in_head", "endless_head"}
    | {"http_401", "echo"}
)
_OF_SUCCESSES = frozenset(
    {"key_twice", "nan", "infinity", "nul", "big_integer", "lone_surrogate"}
    | {"code_text", "code_null", "code_false", "code_wrong"}
    | {name for name, fault in FAULTS.items() if fault.rows}
)
"""What spoils amounts and positive codes, of which a refusal with status 200 has none."""

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


@dataclass(frozen=True, slots=True)
class Poll:
    """The requests of one poll, in order."""

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
        # The status of a refusal is enough: what breaks only its body is not met.
        is_refusal = last.status in {400, 401}
        met = _UP_TO_THE_STATUS.intersection(last.faults) if is_refusal else set(last.faults)
        if last.call == "balances" and last.rows is None:
            met = met - _OF_SUCCESSES
        for fault in met:
            if reason := reason_of(fault, last.exchange or ""):
                return reason
        if last.call == "balances":
            return REFUSED if last.rows is None else SUCCESS
        return REFUSED if is_refusal else "timeout"


def polls_of(entries: Sequence[Entry], boundaries: Iterable[float], timeout: float) -> list[Poll]:
    """Return an account's polls; none crosses a boundary, where a configuration was taken over.

    A poll may send a second request at once, or after its token; the next poll comes later.
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
    is_spoiled = any(reason_of(fault, last.exchange or "") for fault in last.faults)
    if last.call == "token" and last.status == 200 and entry.call == "balances" and not is_spoiled:
        return entry.began - group[0].began <= timeout
    return entry.began - last.ended < _AT_ONCE


def _between(cuts: Sequence[float], groups: Sequence[Sequence[Entry]], entry: Entry) -> bool:
    return any(groups[-1][0].began < cut <= entry.began for cut in cuts)


def samples_of(entry: Entry) -> Samples:
    """Return what a response lets us publish, parsed independently of our code."""
    samples: Samples = {}
    style = simulated_exchanges()[entry.exchange or ""].style
    for row in entry.rows or ():
        asset = row.fields.get("asset")
        given = [field for field in _FAMILIES.values() if field in style.fields]
        if not (_is(_CODE, asset) and all(_is(_PLAIN, row.fields.get(each)) for each in given)):
            continue
        amounts = {each: Decimal(str(row.fields[each]).replace(",", ".")) for each in given}
        amounts.setdefault("total", sum(amounts.values(), Decimal(0)))
        code = str(asset).upper() if style.is_lower_case else str(asset)
        samples |= {(family, code): amounts[field] for family, field in _FAMILIES.items()}
    return samples


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
