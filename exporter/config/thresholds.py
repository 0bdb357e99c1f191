"""Read bounds of balances and values, and merge an account's with those of `defaults`."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

from exporter.config import settings
from exporter.config.schema import Setting
from exporter.model import (
    BOUNDS,
    VALUE_BOUNDS,
    Amount,
    AssetFilter,
    Threshold,
    ValueThreshold,
)
from exporter.yamlfile.nodes import Node

Bound: TypeAlias = tuple[str, str]
"""An asset or a currency, and the name of a bound."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds with the nodes that set them: of balances by asset, of values by currency."""

    balances: Mapping[Bound, tuple[Amount, Node]] = field(default_factory=dict)
    values: Mapping[Bound, tuple[Amount, Node]] = field(default_factory=dict)

    def merged(self, default: "Bounds", assets: AssetFilter) -> "Bounds":
        """Return these bounds, and the default ones of admitted assets that have none here."""
        admitted = {
            bound: value for bound, value in default.balances.items() if assets.admits(bound[0])
        }
        return Bounds(
            {**self.balances, **_missing(admitted, self.balances)},
            {**self.values, **_missing(default.values, self.values)},
        )

    def spelled(self, spell: Callable[[str], str]) -> "Bounds":
        """Return these bounds with every asset respelled; one that is spelled so already wins."""
        respelled = {(spell(asset), bound): it for (asset, bound), it in self.balances.items()}
        kept = {key: it for key, it in self.balances.items() if key in respelled}
        return Bounds(respelled | kept, self.values)

    def check_order(self) -> None:
        """Report each lower bound that is above its upper one."""
        for found in (self.balances, self.values):
            _check_order(found)

    def thresholds(self, own: "Bounds") -> tuple[Threshold, ...]:
        """Return the bounds of balances; those that are not `own` are of `defaults`."""
        return tuple(
            Threshold(asset, bound, value, is_default=(asset, bound) not in own.balances)
            for (asset, bound), (value, _) in self.balances.items()
        )

    def value_thresholds(self) -> tuple[ValueThreshold, ...]:
        """Return the bounds of values."""
        return tuple(
            ValueThreshold(currency, bound, value)
            for (currency, bound), (value, _) in self.values.items()
        )


def read_bounds(node: Node, assets: AssetFilter, spell: Callable[[str], str] = str) -> Bounds:
    """Return the bounds of a list; those of an asset that is not published are problems.

    `spell` returns an asset's code as it is published.
    """
    balances: dict[Bound, tuple[Amount, Node]] = {}
    of_values: dict[Bound, tuple[Amount, Node]] = {}
    for item in node.items():
        nodes = settings.THRESHOLDS.read(item)
        if nodes["value_in"].is_nothing:
            written = settings.ASSET.read(nodes)
            asset = spell(written) if written else None
            if nodes["asset"].is_nothing:
                nodes["asset"].problem("a value is missing")
            if asset and not assets.admits(asset):
                nodes["asset"].problem("`assets` excludes this asset, so it is never checked")
            _add(item, nodes, asset, BOUNDS, balances)
        else:
            currency = settings.VALUE_IN.read(nodes)
            if not nodes["asset"].is_nothing:
                nodes["asset"].problem("give either `asset` or `value_in`")
            _add(item, nodes, currency, VALUE_BOUNDS, of_values)
    return Bounds(balances, of_values)


def _add(
    item: Node,
    nodes: Mapping[str, Node],
    subject: str | None,
    bounds: tuple[str, ...],
    found: dict[Bound, tuple[Amount, Node]],
) -> None:
    """Note the bounds of one item of the list."""
    given = [bound for bound in (*BOUNDS, *VALUE_BOUNDS) if not nodes[bound].is_nothing]
    for bound in given:
        if bound not in bounds:
            nodes[bound].problem(f"is not a bound here; those are {', '.join(bounds)}")
    if not given:
        item.problem(f"give at least one bound: {', '.join(bounds)}")
    for bound, setting in _settings(bound for bound in bounds if bound in given):
        value = setting.read(nodes)
        if subject and (subject, bound) in found:
            nodes[bound].problem("this bound is already given")
        elif subject and value:
            found[subject, bound] = value, nodes[bound]


def _settings(given: Iterable[str]) -> Iterator[tuple[str, Setting[Amount, None]]]:
    known = {
        setting.key: setting
        for setting in (*settings.BOUND_SETTINGS, *settings.VALUE_BOUND_SETTINGS)
    }
    for bound in given:
        yield bound, known[bound]


def _missing(
    default: Mapping[Bound, tuple[Amount, Node]], own: Mapping[Bound, tuple[Amount, Node]]
) -> dict[Bound, tuple[Amount, Node]]:
    return {bound: value for bound, value in default.items() if bound not in own}


def _check_order(found: Mapping[Bound, tuple[Amount, Node]]) -> None:
    for (subject, bound), (least, node) in found.items():
        maximum = bound.replace("_min", "_max")
        most, _ = found.get((subject, maximum), (least, node))
        if Decimal(least) > Decimal(most):
            node.problem(f"is greater than the `{maximum}` that holds here")
