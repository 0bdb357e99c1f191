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
        self._seen = b""

    def load(self, environ: Mapping[str, str]) -> Config:
        """Load the files; raises `ConfigError` with every problem."""
        self._seen = fingerprint(self._patterns)  # before: a change during the load is not lost
        return load(self._patterns, environ)

    def have_changed(self) -> bool:
        """Return whether the content is not what was last read, by `load` or by this."""
        before, self._seen = self._seen, fingerprint(self._patterns)
        return before != self._seen
