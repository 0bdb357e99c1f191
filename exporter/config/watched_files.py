"""Load the configuration files, and notice when they change afterwards."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from exporter.config.files import fingerprint
from exporter.config.loader import Config, load


class WatchedFiles:
    """The configuration files, and the content that was last read from them."""

    def __init__(self, patterns: Sequence[Path]) -> None:
        """Read nothing yet; folders and globs are resolved again at each reading."""
        self._patterns = patterns
        self._seen: bytes | None = None

    def load(self, environ: Mapping[str, str]) -> Config:
        """Load the files; raises `ConfigError` with every problem."""
        self._seen = fingerprint(self._patterns)  # before: a change during the load is not lost
        return load(self._patterns, environ)

    def have_changed(self) -> bool:
        """Return whether the content is not what was last read; the first call returns False."""
        before, self._seen = self._seen, fingerprint(self._patterns)
        return before not in {None, self._seen}
