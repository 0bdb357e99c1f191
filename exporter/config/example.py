"""Write a commented configuration that shows every setting: `config init`."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from exporter.config.configuration import CONFIGURATION
from exporter.config.schema import Member, Section, Setting
from exporter.exchanges import EXCHANGES

_WIDTH: Final = 100

_HEADER = """\
# Every setting of the exporter, with an example. Keep the accounts that you have, and check:
#
#     exchange-balance-exporter --config.check
#
# Only `accounts` is required. A # directly before a key disables the line.
# An unknown or repeated key is an error, so that no typo goes unnoticed.
#
# Durations are written as in Prometheus: 500ms, 30s, 1m30s, 5m, 1h, 1d. ${NAME} in a value is
# replaced by the environment variable NAME, ${NAME:-text} by the text if that is unset or empty,
# and $$ by a dollar sign. In braces and brackets quote such a value: {api_key: "${KEY}"}.
"""


class Off(dict[str, Any]):
    """Values that are shown, but switched off."""


class OffText(str):
    """A single value that is shown, but switched off."""

    __slots__ = ()


# What the file shows: for each key its text, or what stands below it. A set `stale_after` would not
# follow intervals that are stretched to fit a rate limit.
_DEFAULTS = {
    "interval": "60s",
    "timeout": "10s",
    "stale_after": OffText("5m"),
    "network": Off(
        proxy_url="http://exporter:${PROXY_PASSWORD}@proxy.example.com:3128",
        proxy_url_file="/run/secrets/proxy-url",
        ca_file="/etc/ssl/corporate.pem",
        source_address="192.0.2.10",
        ip_family="ipv4",
    ),
}
_BTCTURK = (
    'BtcTurk. Make a key with the "Total Funds" permission and no other, bound to the IP address '
    "from which this machine reaches the Internet: such a key can read balances and nothing else."
)
_TRUBIT = (
    "TruBit Business. API access is enabled by hand, and the key is bound to a list of IP "
    "addresses. TruBit documents no read-only key: THIS KEY CAN MOVE FUNDS. Keep it in a file "
    "that only the exporter can read (chmod 0400), and keep the list of IP addresses short."
)
_ACCOUNTS: Sequence[tuple[str, Mapping[str, Any]]] = (
    (
        _BTCTURK,
        {
            "name": "treasury-tr",
            "exchange": "btcturk",
            "credentials": {
                "api_key": "${BTCTURK_API_KEY}",
                "api_secret": "${BTCTURK_API_SECRET}",
            },
            "thresholds": [
                {
                    "asset": "BTC",
                    "free_min": '"1.5"',
                    "free_max": '"25"',
                    "total_min": '"2"',
                    "total_max": '"40"',
                    "locked_min": '"0"',
                    "locked_max": '"10"',
                },
                {"asset": "TRY", "total_min": '"250000"'},
                Off(value_in="TRY", value_min='"100000"', value_max='"5000000"'),
            ],
            "labels": "{entity: acme-tr, desk: treasury}",
            "in_totals": "true",
        },
    ),
    (
        _TRUBIT,
        {
            "name": "payments-mx",
            "exchange": "trubit",
            "credentials": {
                "api_key_file": "/run/secrets/trubit-payments-mx-key",
                "api_secret_file": "/run/secrets/trubit-payments-mx-secret",
            },
            "assets": {"exclude": "[BRL1]"},
        },
    ),
    (
        "TruBit Business with a ready token, made and renewed by another program.",
        {
            "name": "payments-br",
            "exchange": "trubit",
            "credentials": {"token_file": "secrets/trubit-payments-br-token"},
            "assets": {"include": "[USDT, BRL1]"},
            "interval": "2m",
            "timeout": "20s",
            "stale_after": "10m",
        },
    ),
    (
        "TruBit Business under its new name, VelaFi: another host and another path.",
        {
            "name": "payments-velafi",
            "exchange": "trubit",
            "base_url": "https://api.velafi.com",
            "balances_path": "/v2/assets/account/assets?merchantId=0",
            "credentials": {"token": "${TRUBIT_TOKEN}"},
        },
    ),
)

_VALUATION = Off(
    currencies="[TRY, USDT]",
    price="bid",
    interval="60s",
    stale_after="5m",
    max_row_age="1h",
    max_spread="5%",
    bridges="[USDT, TRY]",
    sources=[
        {"exchange": "btcturk"},
        {
            "exchange": "trubit",
            "account": "payments-mx",
            "interval": "5m",
            "stale_after": "16m",
            "quotes": [
                {"country": "Mexico", "from": "MXN", "to": "USDT"},
                {"country": "Brazil", "from": "BRL", "to": "USDT"},
            ],
        },
    ],
    shared="[BTC, ETH, USDT, USDC]",
    pegs=[{"asset": "USDC", "currency": "USDT"}],
    ignore="[BRL1]",
)


def config_example() -> str:
    """Return the text of the file."""
    writer = _Writer()
    return _HEADER + "".join(
        f"\n{line}" for member in CONFIGURATION.members for line in [writer.top(member)]
    )


class _Writer:
    """Write sections; what a setting means is said where it appears first."""

    def __init__(self) -> None:
        self._described: set[str] = set()

    def top(self, member: Member) -> str:
        """Return the lines of a top-level key."""
        shown: dict[str, Any] = {
            "defaults": _DEFAULTS,
            "exchanges": Off(
                (name, {"requests_per_minute": str(exchange.requests_per_minute)})
                for name, exchange in EXCHANGES.items()
            ),
            "valuation": _VALUATION,
        }
        if member.key == "accounts" and isinstance(member, Section):
            lines = [*_comment(_described(member)), "accounts:", *self._accounts(member)]
        elif member.key in shown:
            lines = list(self._member(member, shown[member.key], ""))
        else:
            lines = [_switched_off(line) for line in self._member(member, _all_of(member), "")]
        return "\n".join(lines) + "\n"

    def _accounts(self, section: Section) -> Iterator[str]:
        written = {values["exchange"] for _, values in _ACCOUNTS}
        others = [
            (each.note or f"An account at {each.name}.", _account_of(each.name))
            for each in EXCHANGES.values()
            if each.name not in written
        ]
        (first, shown), *rest = _ACCOUNTS
        for comment, values in ((first, {**shown, **_not_shown(section)}), *rest, *others):
            yield ""
            yield from (f"  {line}" for line in _comment(comment))
            yield from self._item(section, values, "  ")

    def _item(self, section: Section, values: Mapping[str, Any], indent: str) -> Iterator[str]:
        """Return the lines of one item of a list, whose first key stands behind a dash."""
        lines = list(self._members(section, values, ""))
        first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
        for number, line in enumerate(lines):
            before = "- " if number == first else "  "
            yield f"{indent}{before if number >= first else ''}{line}"

    def _members(self, section: Section, values: Mapping[str, Any], indent: str) -> Iterator[str]:
        members = {member.key: member for member in section.members}
        for key, value in values.items():
            yield from self._member(members[key], value, indent)

    def _member(self, member: Member, value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401
        yield from (f"{indent}{line}" for line in self._comment_of(member))
        is_off = isinstance(value, Off | OffText)
        lines = list(self._value(member, value))
        yield from (f"{indent}{_switched_off(line) if is_off else line}" for line in lines)

    def _value(self, member: Member, value: Any) -> Iterator[str]:  # noqa: ANN401
        if isinstance(value, str):
            yield f"{member.key}: {value}"
            return
        yield f"{member.key}:"
        if not isinstance(member, Section):
            return
        if member.form == "names":
            for name, values in value.items():
                yield f"  {name}:"
                yield from self._members(member, values, "    ")
        elif member.form == "list":
            for item in value:
                lines = self._item(member, item, "  ")
                yield from map(_switched_off, lines) if isinstance(item, Off) else lines
        else:
            yield from self._members(member, value, "  ")

    def _comment_of(self, member: Member) -> list[str]:
        if member.key in self._described:
            return []
        self._described.add(member.key)
        return _comment(_described(member))


def _described(member: Member) -> str:
    if isinstance(member, Section):
        return member.doc
    default = f" Default: {member.shown_default}." if member.shown_default else ""
    return f"{member.doc} ({member.kind.name[:1].upper()}{member.kind.name[1:]}.{default})"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(
        text,
        _WIDTH - 8,
        initial_indent="# ",
        subsequent_indent="# ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _switched_off(line: str) -> str:
    """Return a line that YAML skips; prose is skipped anyway."""
    text = line.lstrip(" ")
    return line if text.startswith("#") or not text else f"{line[: -len(text)]}#{text}"


def _all_of(member: Member) -> Any:  # noqa: ANN401 - a text, or what stands below a key
    """Return the examples of all settings below a key."""
    if isinstance(member, Setting):
        return member.example
    below = {each.key: _all_of(each) for each in member.members}
    if member.form == "names":
        return dict.fromkeys(member.names, below)
    return [below] if member.form == "list" else below


def _not_shown(section: Section) -> Mapping[str, OffText]:
    """Return the single settings of an account that no example has, switched off."""
    shown = {key for _, values in _ACCOUNTS for key in values}
    return {
        member.key: OffText(member.example)
        for member in section.members
        if isinstance(member, Setting) and member.key not in shown
    }


def _account_of(exchange: str) -> Mapping[str, Any]:
    """Return an account at an exchange that has no example of its own."""
    names = sorted(EXCHANGES[exchange].credential_sets[0])
    variable = exchange.upper().replace(":", "_")
    return {
        "name": f"{exchange.replace('_', '-')}-main",
        "exchange": exchange,
        "credentials": {name: f"${{{variable}_{name.upper()}}}" for name in names},
    }
