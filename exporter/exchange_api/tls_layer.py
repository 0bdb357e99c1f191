"""Encrypt and decrypt the bytes of one connection, without I/O.

asyncio's own TLS keeps a buffer of 256 KB for each connection, which 500 accounts would pay for.
"""

import ssl
from collections.abc import Iterator

_AT_ONCE = 64 * 1024


class TlsLayer:
    """The client's side of one TLS connection; every method may raise `ssl.SSLError`."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        """Prepare a handshake with a host, whose certificate must have its name."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    def shake_hands(self) -> bool:
        """Continue the handshake, and return whether it is complete."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def encrypt(self, data: bytes) -> None:
        """Take bytes to send."""
        self._tls.write(data)

    def receive(self, data: bytes | memoryview) -> None:
        """Take encrypted bytes that were received."""
        self._incoming.write(data)

    def decrypted(self) -> Iterator[bytes]:
        """Yield what can be decrypted of what was received."""
        while True:
            try:
                data = self._tls.read(_AT_ONCE)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                return
            if not data:
                return
            yield data

    def to_send(self) -> bytes:
        """Return the encrypted bytes that are to be sent now."""
        return self._outgoing.read()
