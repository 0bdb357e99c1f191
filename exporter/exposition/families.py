"""Define metric families, and write them in either of the two formats."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Literal

from exporter.model import AccountKey, Balance
from exporter.polling.snapshots import AccountState, Snapshot, SnapshotStore

Kind = Literal["gauge", "counter", "histogram"]
Value = float | str
State = AccountState
Served = Snapshot | None


class Format(Enum):
    """The two exposition formats, by their exact content type."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

    @property
    def content_type(self) -> str:
        """Return the value of the `Content-Type` header."""
        return self.value

    @property
    def end(self) -> str:
        """Return what ends a page."""
        return "# EOF\n" if self is Format.OPENMETRICS else ""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Describe a metric family by its name, type and HELP text."""

    name: str
    kind: Kind
    help: str

    def header(self, page_format: Format) -> str:
        """Return the HELP and TYPE lines; OpenMetrics names a counter's family without `_total`."""
        if page_format is Format.TEXT:
            return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.kind}\n"
        name = self.name.removesuffix("_total") if self.kind == "counter" else self.name
        return f"# TYPE {name} {self.kind}\n# HELP {name} {self.help}\n"


@dataclass(frozen=True, slots=True, eq=False)
class BalanceFamily(Family):
    """Add the samples of one response: `lines` are the rest of them, from the asset on.

    The texts of its rows are escaped.
    """

    lines: Callable[[Sequence[Balance]], list[str]]
    labels: tuple[str, ...] = ("exchange", "account", "asset")


@dataclass(frozen=True, slots=True, eq=False)
class AccountFamily(Family):
    """Add the samples of one account: pairs of further labels, as text, and a value."""

    samples: Callable[[State, Served], Iterable[tuple[str, Value]]]
    labels: tuple[str, ...] = ("exchange", "account")


@dataclass(frozen=True, slots=True, eq=False)
class StoreFamily(Family):
    """Add the samples that belong to no polled account: pairs of all labels and a value."""

    samples: Callable[[SnapshotStore], Iterable[tuple[str, Value]]]
    labels: tuple[str, ...] = ("exchange", "account")


_ESCAPES = {"\\": r"\\", '"': r"\"", "\n": r"\n"}
_TRANSLATION = str.maketrans(_ESCAPES)
ESCAPED = tuple(_ESCAPES)
"""Characters that a label's value can't have as they are."""


@lru_cache(maxsize=2048)
def escape(value: str) -> str:
    """Return a label's value as both formats write it; the same few names come at every poll."""
    return value.translate(_TRANSLATION)


def account_labels(key: AccountKey) -> str:
    """Return the two labels of an account."""
    return f'exchange="{escape(key.exchange)}",account="{escape(key.account)}"'
