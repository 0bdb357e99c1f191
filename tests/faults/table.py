"""List what must be seen of every fault that the simulated exchanges show."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from exporter.simulator import FAULTS
from tests.faults.case import LEFT_OUT, Case, Seen, at_once, fails, fault_case, serves
from tests.faults.world import World

WORKS = serves()

_BAD = fails("bad_response")


def _each(btcturk: Seen, trubit: Seen) -> Mapping[str, Seen]:
    return {"btcturk": btcturk, "trubit": trubit}


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
            *("lone_surrogate", "nul", "cut_json", "key_twice", "top_twice", "deep", "deep_data"),
            *("array", "null", "rows_null", "rows_text", "rows_object"),
            *("two_documents", "other_shape"),
        ),
        _BAD,
    )
    | {"row_null": serves(None, rejected=2)}
)

_D: dict[str, Seen | Mapping[str, Seen]] = {
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
    "code_unauthorised": fails("authentication"),
    "code_401": fails("authentication"),
    "code_403": fails("permission"),
    "code_429": fails("rate_limited"),
    "code_500": fails("unavailable"),
    "code_unknown": fails("rejected"),
    "code_limited": _each(fails("rejected"), fails("rate_limited")),
    "code_timestamp": _each(fails("rejected"), fails("clock_skew")),
    "code_signature": _each(fails("rejected"), fails("authentication")),
    "code_text": _each(WORKS, _BAD),
    "code_null": _each(fails("rejected"), _BAD),
    "code_false": _each(fails("rejected"), _BAD),
    "code_wrong": fails("rejected"),
    "set_cookie": WORKS,
    "echo": fails("rejected"),
}

_E: dict[str, Seen | Mapping[str, Seen]] = {
    **dict.fromkeys((name for name in FAULTS if name.startswith("total_")), LEFT_OUT),
    "total_two_kinds": LEFT_OUT,
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
    "mismatch": serves("987654.25"),
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


def _shown(group: str, name: str, seen: Seen | Mapping[str, Seen]) -> Case:
    @asynccontextmanager
    async def begin(world: World) -> AsyncIterator[None]:
        with world.simulator.show(name, exchange=world.exchange, account="victim"):
            yield

    return fault_case(group, name, FAULTS[name].description, seen, at_once(begin))


def _shown_on_renewal(group: str, name: str, seen: Seen) -> Case:
    @asynccontextmanager
    async def begin(world: World) -> AsyncIterator[None]:
        world.simulator.expire_tokens(world.simulated(world.victim))
        with world.simulator.show(name, account="victim", call="token"):
            yield

    return fault_case(
        group,
        f"renewal_{name}",
        f"While a token is renewed: {FAULTS[name].description}",
        seen,
        at_once(begin),
        exchanges=("trubit",),
        why="there are no tokens",
    )


def _at(exchange: str, seen: Seen | Mapping[str, Seen]) -> Seen:
    return seen if isinstance(seen, Seen) else seen[exchange]


_SEEN: Mapping[str, Mapping[str, Seen | Mapping[str, Seen]]] = {
    "A": _A, "B": _B, "C": _C, "D": _D, "E": _E, "F": _F,
}  # fmt: skip

# Of an answer without rows, only what concerns whole answers can be wrong.
_ABOUT_ROWS = {"none", "rows_null", "rows_text", "rows_object", "row_null"}

SHOWN = [
    _shown(group, name, seen) for group, faults in _SEEN.items() for name, seen in faults.items()
]
ON_RENEWAL = [
    _shown_on_renewal(group, name, _at("trubit", seen))
    for group in "ABCD"
    for name, seen in _SEEN[group].items()
    if name not in _ABOUT_ROWS
] + [_shown_on_renewal("F", name, seen) for name, seen in _TOKENS.items()]


def reason_of(fault: str, exchange: str) -> str | None:
    """Return the reason with which a poll fails that meets a fault, None where it works."""
    for faults in _SEEN.values():
        if fault in faults:
            return _at(exchange, faults[fault]).reason
    raise LookupError(fault)
