"""Check that a release may be made: one version everywhere, and an entry in the changelog."""

import argparse
import sys
from collections.abc import Iterator

import yaml

from exporter import __version__
from release import changelog
from release.chart import CHART


def problems(tag: str, chart: str, changes: str, version: str = __version__) -> Iterator[str]:
    """Yield what is wrong with releasing `tag`, by the texts of Chart.yaml and CHANGELOG.md."""
    if tag != f"v{version}":
        yield f"the tag is {tag}, and exporter/__init__.py says {version}"
    metadata = yaml.safe_load(chart)
    for key, expected in (("version", semantic(version)), ("appVersion", version)):
        if metadata[key] != expected:
            yield f"Chart.yaml: {key} is {metadata[key]}, not {expected}"
    if changelog.entry(changes, version) is None:
        yield f"CHANGELOG.md has no entry `## [{version}] - YYYY-MM-DD`"


def semantic(version: str) -> str:
    """Return a version as Helm wants it: 0.2.0.dev0 is 0.2.0-dev.0 there."""
    return version.replace(".dev", "-dev.")


def main() -> int:
    """Print every problem; exit 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tag", nargs="?", default=f"v{__version__}")
    texts = (CHART / "Chart.yaml").read_text(), changelog.CHANGELOG.read_text()
    tag = parser.parse_args().tag
    found = list(problems(tag, *texts))
    print("\n".join(found) or f"{tag} may be released")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
