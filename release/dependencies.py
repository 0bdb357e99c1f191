"""Read what the lock file installs at run time, and what its packages say about themselves."""

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements/runtime.txt"

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+?))?\s*\\$")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_CLASSIFIERS = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "License :: OSI Approved :: Python Software Foundation License": "PSF-2.0",
}


@dataclass(frozen=True, slots=True)
class Dependency:
    """Describe a locked package; `licence` is an SPDX expression, None if it states none."""

    name: str
    version: str
    hashes: tuple[str, ...]
    licence: str | None
    is_installed: bool


def dependencies(lock: str) -> list[Dependency]:
    """Return the packages of a lock file's text, sorted by name."""
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", lock)
    return sorted(
        (_dependency(block) for block in blocks if block.strip()), key=lambda each: each.name
    )


def _dependency(block: str) -> Dependency:
    first, _, rest = block.partition("\n")
    pinned = _PINNED.match(first)
    if not pinned:
        raise ValueError(f"not a pinned package with hashes: {first}")
    name, version, _ = pinned.groups()
    try:
        found: Distribution | None = distribution(name)
    except PackageNotFoundError:  # it is for another Python or another system
        found = None
    return Dependency(
        name=name,
        version=version,
        hashes=tuple(_HASH.findall(rest)),
        licence=licence_of(found) if found else None,
        is_installed=found is not None,
    )


def licence_of(package: Distribution) -> str | None:
    """Return the SPDX expression of a package, by its newest kind of metadata that has one."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    classifiers = metadata.get_all("Classifier") or []
    classified = {_CLASSIFIERS[each] for each in classifiers if each in _CLASSIFIERS}
    if len(classified) == 1:
        return classified.pop()
    text = (metadata.get_all("License") or [""])[0]
    return text if re.fullmatch(r"[A-Za-z0-9.+-]+( (OR|AND) [A-Za-z0-9.+-]+)*", text) else None
