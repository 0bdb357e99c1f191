"""Replace `${VARIABLE}` in the values of a file by what the environment holds."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

_TOKEN = re.compile(r"\$\$|\$\{([^}]*)(\}?)")
_REFERENCE = re.compile(r"(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<has_default>:-(?P<default>.*))?")
_BARE = re.compile(r"\$[A-Za-z_][A-Za-z0-9_]*")
# A key that was pasted between the braces does not look like this, so it is not repeated.
_SPEAKABLE = re.compile(r"[A-Z_][A-Z0-9_]*|[a-z0-9]+(?:_[a-z0-9]+)+")


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of an environment.

    Unless they are `required`, a text with a variable that is not set is unknown, not wrong.
    """

    environ: Mapping[str, str] = field(repr=False)
    required: bool = True

    def replace(self, text: str, encode: Callable[[str], str] = str) -> str | None:
        """Return the text with its variables replaced by their encoded values; None if unknown.

        Raises `ValueError`, whose message repeats no value.
        """
        if "$" not in text:
            return text
        if _BARE.fullmatch(text):
            raise ValueError("write a variable as ${NAME}, and a literal dollar sign as $$")
        names: list[str] = []

        def value(token: re.Match[str]) -> str:
            if token[0] == "$$":
                return "$"
            reference = _REFERENCE.fullmatch(token[1])
            if not reference or not token[2] or "${" in token[1]:
                raise ValueError("write a variable as ${NAME} or ${NAME:-default}")
            names.append(reference["name"])
            return encode(self._value(reference))

        try:
            replaced = _TOKEN.sub(value, text)
        except _UnsetError as error:
            if not self.required:
                return None
            raise ValueError(str(error)) from None
        if names and not replaced.strip():
            raise ValueError(f"the environment {_named(names[0])} is empty")
        return replaced

    def _value(self, reference: re.Match[str]) -> str:
        """Return the value of a variable without the white space around it."""
        name, default = reference["name"], (reference["default"] or "").replace("$$", "$")
        value = self.environ.get(name)
        if reference["has_default"] is not None:
            return (value or "").strip() or default
        if value is None:
            raise _UnsetError(f"the environment {_named(name)} is not set")
        return value.strip()


class _UnsetError(ValueError):
    """A variable without a default is not set."""


def is_whole(text: str) -> bool:
    """Return whether a text is one variable and nothing else."""
    token = _TOKEN.fullmatch(text)
    return bool(token and token[2])


def _named(name: str) -> str:
    return f"variable {name}" if _SPEAKABLE.fullmatch(name) else "variable named here"
