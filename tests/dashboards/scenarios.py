"""Define the accounts of every scenario."""

from tests.dashboards.play import END, HOUR, Account, ago

DAY = 24 * HOUR
MANY = {"many": 40, "five_hundred": 500}


def accounts_of(scenario: str) -> list[Account]:
    """Return the accounts of a scenario."""
    if scenario == "empty":
        return []
    if scenario in MANY:
        return many_accounts(MANY[scenario])
    if scenario == "twenty":
        return twenty_accounts()
    if scenario == "month":
        return [*few_accounts(scenario), *changed(9 * DAY, 14 * DAY)]
    if scenario == "changed":
        return [*few_accounts(scenario), *changed(9 * HOUR, 14 * HOUR)]
    return few_accounts(scenario)


def changed(removed: int, added: int) -> list[Account]:
    """Return an account that was removed, and one that was added, so many seconds ago."""
    return [
        Account(
            "btcturk",
            "old-desk",
            {"BTC": 2.0, "TRY": 5_000_000.0},
            lives=(0, END - removed),
        ),
        Account(
            "trubit",
            "new-desk",
            {"USDT": 300_000.0},
            lives=(END - added, END + 1),
        ),
    ]


def twenty_accounts() -> list[Account]:
    """Return 20 accounts, of which one has been down all the time and one is not in totals."""
    down = (0, END + 1, "authentication")
    return [
        Account(
            ("btcturk", "trubit")[index % 2],
            f"client-{index:02}",
            {"USDT": 1_000.0 + 37.5 * index, "BTC": 0.1 * (index % 7), "TRY": 1e6 + index},
            outages=(down,) if index == 7 else (),
            in_totals=index != 12,
        )
        for index in range(20)
    ]


def few_accounts(scenario: str) -> list[Account]:
    """Return five accounts on two exchanges; last night one of them was away for half an hour."""
    night = (ago(5.2), ago(4.7), "timeout")
    downtime: dict[str, tuple[int, int, str]] = {}
    if scenario == "account_down":
        downtime = {"payments-mx": (ago(0.8), END + 1, "connection")}
    if scenario == "exchange_down":
        down = (ago(0.7), END + 1, "unavailable")
        downtime = dict.fromkeys(("treasury-tr", "market-making", "payouts-tr"), down)
    if scenario == "paused":
        downtime = {"payments-mx": (ago(1.5), END + 1, "paused")}
    if scenario == "authentication":
        downtime = {"treasury-tr": (ago(3), END + 1, "authentication")}

    low = 4_500_000 if scenario == "authentication" else 2_500_000

    def outages(name: str, *usual: tuple[int, int, str]) -> tuple[tuple[int, int, str], ...]:
        return (*usual, *([downtime[name]] if name in downtime else []))

    return [
        Account(
            "btcturk",
            "treasury-tr",
            {
                "TRY": 48_213_977.25,
                "BTC": 12.40518231,
                "ETH": 185.2291,
                "USDT": 1_284_500.1875,
                "AVAX": 5_120.75,
                "SHIB": 912_345_678.5,
                "XRP": 0.0,
            },
            outages=outages("treasury-tr"),
            thresholds={("BTC", "free_min"): 1.5, ("TRY", "total_max"): 60_000_000},
            moves={ago(9): ("BTC", -2.5)},
        ),
        Account(
            "btcturk",
            "market-making",
            {"TRY": 6_402_118.4, "BTC": 3.20771, "ETH": 41.5, "USDT": 402_331.25, "SOL": 1_204.5},
            outages=outages("market-making"),
            thresholds={("TRY", "free_min"): 2_000_000},
            moves={ago(14): ("USDT", 150_000)},
        ),
        Account(
            "btcturk",
            "payouts-tr",
            {"TRY": 3_118_402.07, "USDT": 50_120.5, "BTC": 0.00000042},
            in_totals=scenario != "left_out",
            outages=outages("payouts-tr"),
            thresholds={("TRY", "free_min"): low},
            moves={ago(17): ("TRY", 1_500_000), ago(2): ("TRY", -650_000)},
        ),
        Account(
            "trubit",
            "payments-mx",
            {"MXN": 9_412_040.33, "USDT": 210_400.5, "USDC": 88_000.0},
            outages=outages("payments-mx", night),
            thresholds={("MXN", "free_min"): 1_000_000},
            moves={ago(11): ("MXN", -1_200_000)},
        ),
        Account(
            "trubit",
            "treasury-mx",
            {"MXN": 21_774_301.9, "BTC": 1.75, "USDT": 640_000.0, "USDC": 310_250.5},
            outages=outages("treasury-mx"),
            rejected=int(scenario == "incomplete"),
            thresholds={("USDC", "total_min"): 250_000},
        ),
    ]


def many_accounts(count: int) -> list[Account]:
    """Return accounts with two assets each; three of them fail."""
    outage = (ago(1.5), END + 1, "rate_limited")
    return [
        Account(
            "btcturk" if index % 4 else "trubit",
            f"client-{index:03}",
            {"USDT": 1_000.0 + 37.5 * index, "BTC": 0.001 * (index % 7)},
            interval=190 if index % 4 else 125,
            outages=(outage,) if index in {21, 22, 37} else (),
            reasons=("authentication", "rate_limited", "timeout"),
        )
        for index in range(count)
    ]
