"""Read what an account is polled with: its credentials, and the proxy on its way."""

import asyncio
from collections.abc import Collection, Mapping
from typing import NamedTuple

from exporter.credentials import CredentialsReader, Secret, SecretFile, SecretSource, fingerprint
from exporter.errors import CredentialsError
from exporter.exchange_api.network import api_url, parse_proxy
from exporter.model import Account
from exporter.polling.schedules import endpoint_key

_PROXY = "proxy_url"


class Access(NamedTuple):
    """What an exchange judges when it refuses an account: a key, and where it is used from."""

    api: str
    egress: str
    fingerprint: bytes

    @classmethod
    def of(cls, account: Account, egress: str, credentials: Mapping[str, Secret]) -> "Access":
        """Return the access of an account whose credentials are sent over an egress."""
        api = f"{account.exchange} {api_url(account.base_url)}"
        return cls(api, egress, fingerprint(credentials))


class AccessReader:
    """Look up the egress path of each account and its current key; no secret of a file is kept."""

    def __init__(self) -> None:
        """Start without knowing any proxy."""
        self.egresses: dict[SecretSource, str] = {}
        self._reader = CredentialsReader()

    async def read_proxies(self, accounts: Collection[Account]) -> None:
        """Learn the proxies of all accounts; one that can't be read stays what it was."""
        proxied = [account for account in accounts if account.network.proxy_url]
        await asyncio.gather(*map(self.read, proxied))
        used = {account.network.proxy_url for account in proxied}
        self.egresses = {url: each for url, each in self.egresses.items() if url in used}

    async def read(self, account: Account) -> Access | None:
        """Return what an account is polled with now, None if a file of it can't be read."""
        try:
            secrets = await self._read(account)
            if proxy_url := account.network.proxy_url:
                self.egresses[proxy_url] = parse_proxy(secrets.pop(_PROXY)).address
        except (TimeoutError, CredentialsError, RuntimeError):
            return None  # the poll that follows explains it
        return Access.of(account, endpoint_key(account, self.egresses).egress, secrets)

    async def _read(self, account: Account) -> dict[str, Secret]:
        proxy_url = account.network.proxy_url
        sources = {**account.credentials} | ({_PROXY: proxy_url} if proxy_url else {})
        if any(isinstance(source, SecretFile) for source in sources.values()):
            async with asyncio.timeout(account.timeout):
                return await self._reader.read_all(sources)
        return {name: each for name, each in sources.items() if isinstance(each, Secret)}
