"""Say why a command can't do its work."""

from typing import ClassVar


class CommandError(Exception):
    """End a command with status 1; `event` is what its log line says."""

    event: ClassVar[str]


class SelectionError(CommandError):
    """No configured account is the one that a flag names."""

    event = "nothing to poll"
