"""Find what a folder's modules and other installed packages register under a name."""

import logging
import pkgutil
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TypeVar

Found = TypeVar("Found")

log = logging.getLogger(__name__)


def in_folder(package: ModuleType, kind: type[Found]) -> Iterator[Found]:
    """Yield the objects of a kind that the modules of a package define, by the modules' names."""
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = import_module(f"{package.__name__}.{info.name}")
        yield from (value for value in vars(module).values() if isinstance(value, kind))


def in_packages(group: str, kind: type[Found]) -> Iterator[Found]:
    """Yield the objects of a kind that other packages offer under an entry point group.

    A package that can't be loaded costs a warning, not the daemon.
    """
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        value = _loaded(entry)
        if isinstance(value, kind):
            yield value


@cache
def _loaded(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:  # noqa: BLE001 - it is others' code, and may fail in any way
        log.warning(
            "entry point %s of %s can't be loaded (%s)",
            entry.name,
            entry.group,
            type(error).__name__,
        )
        return None
