"""Copy the repository's configuration of Prometheus and Alertmanager to the folder it runs in."""

import re
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("prometheus/prometheus.yml", "prometheus/rules/*.yaml", "alertmanager/alertmanager.yml")

# Addresses in the files.
EXPORTER = "127.0.0.1:10517"
ALERTMANAGER = "127.0.0.1:9093"
RECEIVERS = "127.0.0.1:9099"


def copy(
    folder: Path,
    exporter: str,
    alertmanager: str,
    receivers: str,
    change: Callable[[str], str] = str,
) -> None:
    """Copy the files to a folder, with these addresses (`host:port`) and one more change."""
    addresses = {EXPORTER: exporter, ALERTMANAGER: alertmanager, RECEIVERS: receivers}
    pattern = "|".join(map(re.escape, addresses))
    for source in (path for files in FILES for path in ROOT.glob(files)):
        target = folder / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        text = re.sub(pattern, lambda found: addresses[found[0]], source.read_text())
        target.write_text(change(text))
