"""List the exchanges: a new one is a file here and a line in `EXCHANGES`."""

from exporter.exchanges.base import Exchange

EXCHANGES: dict[str, Exchange] = {
    "btcturk": Exchange(
        name="btcturk",
        base_url="https://api.btcturk.com",
        balances_path="/api/v1/users/balances",
        requests_per_minute=120,
        credentials=(frozenset({"api_key", "api_secret"}),),
    ),
    "trubit": Exchange(
        name="trubit",
        base_url="https://api-business.trubit.com",
        balances_path="/v2/user/account/assets",
        requests_per_minute=60,
        credentials=(frozenset({"api_key", "api_secret"}), frozenset({"token"})),
    ),
}
