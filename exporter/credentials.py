"""Keep the secrets of an account unreadable, and read those that are in files."""

import asyncio
import base64
import binascii
import hashlib
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from exporter.errors import CredentialsError

MAX_SECRET_BYTES = 16 * 1024

_QUOTES = frozenset("'\"`")
# Padding may end a base64 text, so a lone equals sign at the end assigns nothing.
_ASSIGNMENT = re.compile(r"(?:export\s+)?[A-Za-z_][A-Za-z0-9_.-]*\s*(?:=\s*[^=\s]|:\s+\S)")


class Secret:
    """Keep a text out of every `repr`, log line, message and pickle; `reveal()` gives it back."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Keep the secret text."""
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the one place that must send or sign with it."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a secret can't be pickled or copied")


def check_not_decorated(text: str) -> None:
    """Raise `ValueError` if a credential was pasted with its quotes or the name of its variable."""
    if text[0] in _QUOTES or text[-1] in _QUOTES:
        raise ValueError("has quotes around it that belong to a file or a shell; remove them")
    if _ASSIGNMENT.match(text):
        raise ValueError("looks like NAME=VALUE or NAME: VALUE; keep only the value")


Validate = Callable[[str], None]
"""Raise a `ValueError` that says what a credential must be; the message never repeats the text."""


def one_line(text: str) -> None:
    """Check that a credential can stand in a header or a URL."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError("must be one line of printable ASCII characters")


def base64_text(text: str) -> None:
    """Check that a credential is base64, as some exchanges show their secrets."""
    one_line(text)
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        raise ValueError("must be base64, exactly as the exchange shows it") from None


def pem_text(text: str) -> None:
    """Check that a credential is a PEM block, such as a private key, with its line breaks."""
    lines = text.splitlines()
    is_framed = lines[0].startswith("-----BEGIN ") and lines[-1].startswith("-----END ")
    if not (is_framed and all(line.isascii() and line.isprintable() for line in lines)):
        raise ValueError("must be a PEM block with its BEGIN and END lines")


@dataclass(frozen=True, slots=True)
class Credential:
    """Declare one credential of an exchange: its name in a configuration, and its form."""

    name: str
    validate: Validate = one_line


@dataclass(frozen=True, slots=True)
class SecretFile:
    """Name a file whose text is a secret of a form; it is read again at every poll.

    Neither `repr` nor an error shows the path: the secret itself may have been taken for one.
    """

    path: Path = field(repr=False)
    validate: Validate = field(default=one_line, repr=False)

    def read(self) -> Secret:
        """Return the file's text without the white space, or the byte order mark, around it.

        Anything but a regular file is rejected without blocking on it, as a FIFO would.
        Raises `CredentialsError`.
        """
        try:
            text = _read_regular_file(self.path).decode("utf-8-sig").strip()
        except PermissionError as error:
            raise CredentialsError(_denied(self.path)) from error
        except OSError as error:
            raise CredentialsError(error.strerror or "unreadable") from error
        except UnicodeDecodeError:
            raise CredentialsError("not UTF-8 text") from None
        if not text:
            raise CredentialsError("the file is empty")
        try:
            check_not_decorated(text)
            self.validate(text)
        except ValueError as error:
            raise CredentialsError(f"its content {error}") from None
        return Secret(text)

    def is_readable_by_others(self) -> bool:
        """Return whether every user of this machine can read the regular file, as it is now."""
        try:
            mode = self.path.stat().st_mode
        except OSError:
            return False
        return stat.S_ISREG(mode) and bool(mode & stat.S_IROTH)


SecretSource = Secret | SecretFile

_FINGERPRINT_KEY = os.urandom(32)


def fingerprint(credentials: Mapping[str, Secret]) -> bytes:
    """Return what tells credentials from others within this process, and gives nothing away."""
    digest = hashlib.blake2b(digest_size=16, key=_FINGERPRINT_KEY)
    for name, secret in sorted(credentials.items()):
        for text in (name, secret.reveal()):
            data = text.encode()
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()


class CredentialsReader:
    """Read credentials in threads: a file system that hangs must not block anything else.

    No file is read twice at the same time, so that one which hangs costs one thread.
    """

    def __init__(self) -> None:
        """Read nothing yet."""
        self._running: dict[SecretFile, asyncio.Future[Secret]] = {}

    async def read_all(self, sources: Mapping[str, SecretSource]) -> dict[str, Secret]:
        """Return every credential of an account.

        Raises `CredentialsError` for the first unreadable one, with its key in the configuration.
        """
        return {name: await self._read(name, source) for name, source in sources.items()}

    async def _read(self, name: str, source: SecretSource) -> Secret:
        if isinstance(source, Secret):
            return source
        running = self._running.get(source)
        if running is None:
            running = asyncio.get_running_loop().run_in_executor(None, source.read)
            running.add_done_callback(partial(self._forget, source))
            self._running[source] = running
        try:
            return await asyncio.shield(running)
        except CredentialsError as error:
            raise CredentialsError(f"{name}_file: {error}") from error

    def _forget(self, source: SecretFile, ended: "asyncio.Future[Secret]") -> None:
        del self._running[source]
        if not ended.cancelled():
            ended.exception()  # looked at, in case nothing waits for it any more


def _denied(path: Path) -> str:
    """Return who may not read a file, and whose it is: what one needs to know to fix it."""
    ours = f"permission denied to uid {os.geteuid()}, gid {os.getegid()}"
    try:
        found = path.stat()
    except OSError:
        return f"{ours}: a folder on the way can't be entered"
    mode = stat.S_IMODE(found.st_mode)
    return f"{ours}: the file has mode {mode:04o}, owner {found.st_uid}, group {found.st_gid}"


def _read_regular_file(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise CredentialsError("not a regular file")
        content = os.read(descriptor, MAX_SECRET_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_SECRET_BYTES:
        raise CredentialsError(f"larger than {MAX_SECRET_BYTES} bytes")
    return content
