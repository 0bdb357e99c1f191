"""Give every account recognisable secrets, and look for them in all that comes out."""

import base64
import re
from collections.abc import Iterator
from urllib.parse import quote

from exporter.exchanges import EXCHANGES

_MARK = "CANARY/+=%"  # changes when it is quoted, and when it is encoded in any other way

# What is made anew for each request can't be known beforehand, but it has a recognisable form.
_MADE = {
    "a token": re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b"),
    "a signature in hex": re.compile(r"\b[0-9a-fA-F]{64}\b"),
    "a signature in base64": re.compile(r"(?<![\w+/])[\w+/]{43}=(?!=)"),
    "a header of a signed request": re.compile(r"\b(?i:X-(PCK|Stamp|Signature|BH-\w+))\b"),
    "a signed query": re.compile(r"[?&](timestamp|signature)="),
}


def api_key(account: str) -> str:
    """Return a key as any exchange would take it."""
    return f"{_MARK}-KEY-{account}"


def api_secret(account: str) -> str:
    """Return a secret in base64, as one exchange wants it and the others do not mind."""
    return base64.b64encode(f"{_MARK}-SECRET-{account}".encode()).decode()


def forms(secret: str) -> Iterator[str]:
    """Yield every text that would reveal a secret: as it is, and encoded in common ways."""
    raw = secret.encode()
    yield secret
    yield raw.hex()
    yield raw.hex().upper()
    yield quote(secret, safe="")
    yield quote(secret)
    for shift in range(3):  # base64 looks different at each of three places
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        whole = encoded[-(-shift * 8 // 6) : len(encoded) - 4]
        yield whole
        yield whole.replace("+", "-").replace("/", "_")


class Canaries:
    """Register the secrets of a test."""

    def __init__(self) -> None:
        self._forms: dict[str, str] = {}

    def credentials(self, exchange: str, account: str) -> dict[str, str]:
        """Return canaries for all that an account of an exchange must give, and look for them."""
        self.know_account(account)
        [names, *_] = EXCHANGES[exchange].credential_sets
        return {
            name: api_key(account) if name == "api_key" else api_secret(account) for name in names
        }

    def know_account(self, account: str) -> None:
        """Look for the key and the secret of an account."""
        self.know(f"the key of {account}", api_key(account))
        self.know(f"the secret of {account}", api_secret(account))
        self.know(f"the decoded secret of {account}", f"{_MARK}-SECRET-{account}")

    def know(self, what: str, secret: str) -> None:
        """Look for one more secret."""
        self._forms |= dict.fromkeys(forms(secret), what)

    def found(self, text: str) -> list[str]:
        """Return what of the secrets stands in a text; never the secret itself."""
        known = {what for form, what in self._forms.items() if form in text}
        return sorted(known | {what for what, looks in _MADE.items() if looks.search(text)})

    def check(self, text: str, where: str) -> None:
        """Fail if a secret stands in a text."""
        assert not (found := self.found(text)), f"{where}: {', '.join(found)}"
