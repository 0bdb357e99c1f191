"""List what must be seen of every fault that the simulated exchanges show."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from exporter.simulator import FAULTS
from exporter.simulator.exchange import Exchange as Simulated
from tests.faults.case import (
    LEFT_OUT,
    Case,
    Expected,
    Seen,
    at_once,
    fails,
    fault_case,
    seen_at,
    serves,
)
from tests.faults.of_keys import WITH_TOKENS
from tests.faults.world import World

WORKS = serves()

_BAD = fails("bad_response")


def _coded(code: object, *, in_place: bool = False) -> Expected:
    """Return what a code in a 200 stands for, new or `in_place` of the one of a good response."""

    def expected(simulated: type[Simulated]) -> Seen:
        if in_place and simulated.code_key is None:
            return WORKS
        return fails(simulated.reason_of(code))

    return expected


def _refused(reason: str) -> Expected:
    """Return what the exchange's own error for a reason stands for, where it has one."""
    return lambda simulated: fails(reason) if reason in simulated.refusals else None


def _separated(separator: str) -> Expected:
    """Return what a row with both marks costs, of which this one is the decimal separator."""
    return lambda simulated: LEFT_OUT if simulated.style.separator == separator else _BAD


def _mismatched(simulated: type[Simulated]) -> Seen:
    """Return that a wrong total is served as given, or that it is absent if it is our sum."""
    return serves("987654.25" if "total" in simulated.style.fields else "987654.75")


_A = {
    "close": fails("connection"),
    "reset": fails("connection"),
    "reset_in_head": fails("connection"),
    "reset_in_body": fails("connection"),
    "close_after": WORKS,
    "close_on_reuse": WORKS,
    "not_http": fails("connection"),
}

_B = {
    "silence": fails("timeout"),
    "late": WORKS,
    "drip": fails("timeout"),
    "stall_in_head": fails("timeout"),
    "stall_in_body": fails("timeout"),
}

_C = (
    {
        "chunked": WORKS,
        "until_close": WORKS,
        "early_hints": WORKS,
        "content_type": WORKS,
    }
    | dict.fromkeys(
        (
            *("truncated", "truncated_chunks", "bad_chunk", "short_length", "two_lengths"),
            *("huge_length", "endless_body", "endless_chunks", "endless_head", "large_header"),
            *("compressed", "bomb"),
            *("empty_200", "html", "large", "latin_1", "utf_16", "nan", "infinity", "big_integer"),
            *("nul", "cut_json", "key_twice", "top_twice", "deep", "deep_data"),
            *("array", "null", "rows_null", "rows_text", "rows_object"),
            *("two_documents", "other_shape"),
        ),
        _BAD,
    )
    | {"row_null": serves(None, rejected=2), "lone_surrogate": LEFT_OUT}
)

_D: dict[str, Expected] = {
    "http_401": fails("authentication"),
    "http_401_empty": fails("authentication"),
    "http_403": fails("unavailable"),
    "http_404": fails("rejected"),
    **dict.fromkeys(
        (
            *("http_418", "http_429", "http_429_soon", "http_429_bare", "http_429_date"),
            *("http_429_past", "http_429_absurd", "http_429_endless", "http_429_negative"),
            "http_429_garbage",
        ),
        fails("rate_limited"),
    ),
    **dict.fromkeys(
        (
            *("http_500", "http_502", "http_503", "http_504", "http_520"),
            *("http_challenge", "http_challenge_503"),
        ),
        fails("unavailable"),
    ),
    "http_503_wait": fails("unavailable", pauses=True),
    **dict.fromkeys(
        ("http_301", "http_302", "http_303", "http_307", "http_308"), fails("redirect")
    ),
    **dict.fromkeys(("http_201", "http_204", "http_206", "http_304"), _BAD),
    "own_authentication": _refused("authentication"),
    "own_permission": _refused("permission"),
    "own_clock_skew": _refused("clock_skew"),
    "own_rate_limited": _refused("rate_limited"),
    "code_unauthorised": fails("authentication"),
    "code_401": _coded(401),
    "code_403": _coded(403),
    "code_429": _coded(429),
    "code_500": _coded(500),
    "code_unknown": _coded(-9999),
    "code_limited": _coded(-1003),
    "code_timestamp": _coded(-1021),
    "code_signature": _coded(-1022),
    "code_text": WORKS,
    "code_null": _coded(None, in_place=True),
    "code_false": _coded(False, in_place=True),
    "code_wrong": _coded(1, in_place=True),
    "set_cookie": WORKS,
    "echo": fails("rejected"),
}

_E: dict[str, Expected] = {
    **dict.fromkeys((name for name in FAULTS if name.startswith("total_")), LEFT_OUT),
    "total_two_kinds": _separated(","),
    "total_two_kinds_swapped": _separated("."),
    "total_other_separator": _BAD,
    "all_other_separator": WORKS,
    "free_null": LEFT_OUT,
    "locked_null": LEFT_OUT,
    "balance_long": serves("123456789012345678.123456789012345678"),
    "balance_tiny": serves("0.000000000000000001"),
    "balance_minus_zero": serves("0"),
    "balance_negative": serves("-1.5"),
    "balance_zero": serves("0"),
    "balance_exponent": serves("1500"),
    "balance_number": serves("12345678901234567.25"),
    "no_total": LEFT_OUT,
    "no_free": LEFT_OUT,
    "no_locked": LEFT_OUT,
    "no_asset": LEFT_OUT,
    "no_extras": WORKS,
    "unknown_field": WORKS,
    "twice_alike": WORKS,
    "twice_different": serves(None, rejected=2),
    "mismatch": _mismatched,
    "gone": serves(None),
    "none": serves(None),
    "all_zero": serves("0"),
    "many": serves("1.5", rejected=3000),
    "time_text": WORKS,
    "time_huge": WORKS,
    "time_negative": WORKS,
    **dict.fromkeys(
        (name for name in FAULTS if name.startswith("asset_")), serves("1.5", rejected=1)
    ),
    **dict.fromkeys(
        (
            *("asset_quote", "asset_backslash", "asset_look_alike", "asset_emoji"),
            "asset_markup",
        ),
        WORKS,
    ),
    "name_hostile": WORKS,
    "name_long": WORKS,
    "name_null": WORKS,
}

_TOKENS = {
    "token_refused": fails("authentication"),
    "token_limited": fails("rate_limited"),
    "token_unavailable": fails("unavailable"),
    "token_stale": fails("authentication"),
    "token_endless": _BAD,
    "token_timeless": _BAD,
    "token_hostile": _BAD,
    "token_empty": _BAD,
}

_F = {"date_missing": WORKS, "date_garbage": WORKS, "date_old": WORKS}


def _shown(group: str, name: str, seen: Expected) -> Case:
    @asynccontextmanager
    async def begin(world: World) -> AsyncIterator[None]:
        with world.simulator.show(name, exchange=world.exchange, account="victim"):
            yield

    return fault_case(group, name, FAULTS[name].description, seen, at_once(begin))


_SEEN_ON_RENEWAL = {"lone_surrogate": _BAD}  # a token has no rows to drop


def _shown_on_renewal(group: str, name: str, seen: Expected) -> Case:
    @asynccontextmanager
    async def begin(world: World) -> AsyncIterator[None]:
        world.simulator.expire_tokens(world.simulated(world.victim))
        with world.simulator.show(name, account="victim", call="token"):
            yield

    return fault_case(
        group,
        f"renewal_{name}",
        f"While a token is renewed: {FAULTS[name].description}",
        _SEEN_ON_RENEWAL.get(name, seen),
        at_once(begin),
        exchanges=WITH_TOKENS,
        why="there are no tokens",
    )


_SEEN: Mapping[str, Mapping[str, Expected]] = {
    "A": _A, "B": _B, "C": _C, "D": _D, "E": _E, "F": _F,
}  # fmt: skip

# Without rows, only faults of the whole response apply.
_ABOUT_ROWS = {"none", "rows_null", "rows_text", "rows_object", "row_null"}

SHOWN = [
    _shown(group, name, seen) for group, faults in _SEEN.items() for name, seen in faults.items()
]
ON_RENEWAL = [
    _shown_on_renewal(group, name, seen)
    for group in "ABCD"
    for name, seen in _SEEN[group].items()
    if name not in _ABOUT_ROWS
] + [_shown_on_renewal("F", name, seen) for name, seen in _TOKENS.items()]


def reason_of(fault: str, exchange: str) -> str | None:
    """Return the reason with which a poll fails that meets a fault, None where it works."""
    for faults in _SEEN.values():
        if fault in faults:
            seen = seen_at(faults[fault], exchange)
            return seen.reason if seen else None
    raise LookupError(fault)
