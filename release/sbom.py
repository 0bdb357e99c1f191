"""Write the bill of materials of a release in CycloneDX: every locked package with its hashes."""

import argparse
import json
import sys
import uuid
from pathlib import Path
from typing import Any

from exporter import __version__
from release.dependencies import LOCK, Dependency, dependencies

NAME = "exchange-balance-exporter"


def bill(packages: list[Dependency], version: str) -> dict[str, Any]:
    """Return the bill; the same packages give the same bytes, so it has no time in it."""
    root = f"pkg:pypi/{NAME}@{version}"
    components = [_component(each) for each in packages]
    content: dict[str, Any] = {
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": root,
                "name": NAME,
                "version": version,
                "purl": root,
                "licenses": [{"expression": "Apache-2.0"}],
            }
        },
        "components": components,
        "dependencies": [{"ref": root, "dependsOn": [each["bom-ref"] for each in components]}],
    }
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(content))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        **content,
    }


def _component(each: Dependency) -> dict[str, Any]:
    purl = f"pkg:pypi/{each.name}@{each.version}"
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": purl,
        "name": each.name,
        "version": each.version,
        "purl": purl,
        # One hash for each file that the lock admits: the wheels and the source distribution.
        "externalReferences": [
            {
                "type": "distribution",
                "url": f"https://pypi.org/project/{each.name}/{each.version}/#files",
                "hashes": [{"alg": "SHA-256", "content": content} for content in each.hashes],
            }
        ],
    }
    if each.licence:
        component["licenses"] = [{"expression": each.licence}]
    return component


def main() -> int:
    """Write the bill into the given folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(bill(dependencies(LOCK.read_text()), __version__), indent=2) + "\n"
    (folder / f"{NAME}-{__version__}.cdx.json").write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
