"""List the faults of the simulated exchanges, each as one entry of one table."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

from exporter.simulator.exchange import Account, Call, Exchange
from exporter.simulator.faults import on_quotes, on_response, on_rows, on_wire
from exporter.simulator.market import QuoteRows, QuotesAt
from exporter.simulator.messages import CallKind, Response
from exporter.simulator.rows import Rows, Style
from exporter.simulator.server import Deliver


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoil a response in one way, at one or more of the places that it passes in this order.

    `before` the request is checked; the `rows` of a balances response; the `quotes` of a ticker,
    from the quotes at a time, when the fault began and the time now; the whole `response`; how its
    bytes are sent (`deliver`: of several such faults the last one counts). `only` names the one
    call to which the fault applies, `reason` that whose error the exchange has to document.
    """

    name: str
    description: str
    before: Callable[[Exchange, Account], None] | None = None
    rows: Callable[[Rows, Style], Rows] | None = None
    quotes: Callable[[QuotesAt, float, float], QuoteRows] | None = None
    response: Callable[[Response, Call], Response] | None = None
    deliver: Deliver | None = None
    only: CallKind | None = None
    reason: str | None = None


def _expire_tokens(exchange: Exchange, account: Account) -> None:
    exchange.expire_tokens(account)


def _on_token(name: str, description: str, spoil: on_response.SpoilResponse) -> Fault:
    return Fault(name, description, response=spoil, only="token")


def _on_ticker(name: str, description: str, spoil: on_quotes.Spoil) -> Fault:
    return Fault(name, description, quotes=spoil, only="ticker")


def _on_permissions(name: str, description: str, spoil: on_response.SpoilResponse) -> Fault:
    return Fault(name, description, response=spoil, only="permissions")


def _own(name: str, description: str, reason: str) -> Fault:
    return Fault(name, description, response=on_response.refused(reason), reason=reason)


_EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"
_LONG = "123456789012345678.123456789012345678"
_UNKNOWN = "c2f1c4a0-0000-4000-8000-000000000000"
_HOSTILE = '"\n\\<script>alert(1)</script>\x07'

_CONNECTION = (
    Fault("close", "Closed before a response.", deliver=on_wire.close),
    Fault("reset", "Reset before a response.", deliver=on_wire.reset),
    Fault("reset_in_head", "Reset in the middle of the headers.", deliver=on_wire.reset_in_head),
    Fault("reset_in_body", "Reset in the middle of the body.", deliver=on_wire.reset_in_body),
    Fault("close_after", "Closed after each response without notice.", deliver=on_wire.close_after),
    Fault("close_on_reuse", "Closed at the second request.", deliver=on_wire.close_on_reuse),
)

_TIME = (
    Fault("silence", "No response.", deliver=on_wire.silence),
    Fault("late", "The response takes a second.", deliver=on_wire.late(1.0)),
    Fault("drip", "One byte every 0.3 s.", deliver=on_wire.drip(0.3)),
    Fault("stall_in_head", "Nothing more after half the headers.", deliver=on_wire.stall_in_head),
    Fault("stall_in_body", "Nothing more after half the body.", deliver=on_wire.stall_in_body),
)

_FRAMING = (
    Fault("chunked", "Chunked, which is valid.", deliver=on_wire.chunked),
    Fault("until_close", "No length, which is valid.", deliver=on_wire.until_close),
    Fault("early_hints", "A 103 first, which is valid.", deliver=on_wire.early_hints),
    Fault("truncated", "Closed after half the body.", deliver=on_wire.truncated),
    Fault("truncated_chunks", "The last chunk is missing.", deliver=on_wire.truncated_chunks),
    Fault("bad_chunk", "A chunk size that is not a number.", deliver=on_wire.bad_chunk),
    Fault("short_length", "The length is half the body's.", deliver=on_wire.short_length),
    Fault("two_lengths", "Two different lengths.", deliver=on_wire.two_lengths),
    Fault("huge_length", "A declared length of 10 GB.", deliver=on_wire.declared(10 * 1024**3)),
    Fault("endless_body", "The body never ends.", deliver=on_wire.endless_body),
    Fault("endless_chunks", "Chunks of one byte, endlessly.", deliver=on_wire.endless_chunks),
    Fault("endless_head", "The headers never end.", deliver=on_wire.endless_head),
    Fault("not_http", "Not HTTP.", deliver=on_wire.instead(b"SSH-2.0-OpenSSH_9.2\r\n")),
    Fault("compressed", "Compressed although not requested.", response=on_response.compressed),
    Fault("bomb", "1 MiB that unpacks to 1 GiB.", response=on_response.bomb),
)

_BODY = (
    Fault("empty_200", "An empty 200.", response=on_response.body(b"")),
    Fault("html", "An HTML page with status 200.", response=on_response.page(200, "Welcome")),
    Fault("large", "2 MiB of JSON.", response=on_response.edit(lambda b: b + b" " * 2**21)),
    Fault("latin_1", "ISO 8859-1.", response=on_response.edit(on_response.in_latin_1)),
    Fault("utf_16", "UTF-16.", response=on_response.edit(on_response.in_utf_16)),
    Fault("nan", "An amount is NaN.", response=on_response.literal(b"NaN")),
    Fault("infinity", "An amount is Infinity.", response=on_response.literal(b"Infinity")),
    Fault("big_integer", "A 5,000-digit integer.", response=on_response.literal(b"9" * 5_000)),
    Fault("lone_surrogate", "A lone surrogate.", response=on_response.literal(rb'"\ud800"')),
    Fault("nul", "A NUL in an amount.", response=on_response.literal(b'"1\x00"')),
    Fault("cut_json", "JSON cut off at the end.", response=on_response.edit(lambda b: b[:-2])),
    Fault("key_twice", "A duplicate key for an amount.", response=on_response.key_twice),
    Fault(
        "top_twice",
        "Every top-level key twice.",
        response=on_response.edit(on_response.members_twice),
    ),
    Fault("deep", "Nested 200,000 deep.", response=on_response.body(b"[" * 200_000)),
    Fault(
        "deep_data", "Data nested 200,000 deep.", response=on_response.body(b'{"data":' * 200_000)
    ),
    Fault("array", "An array.", response=on_response.edit(lambda b: b"[" + b + b"]")),
    Fault("null", "The document is null.", response=on_response.body(b"null")),
    Fault("rows_null", "Null for the list of rows.", response=on_response.listing(None)),
    Fault("rows_text", "A string for the list of rows.", response=on_response.listing("soon")),
    Fault("rows_object", "An object for the list of rows.", response=on_response.listing({})),
    Fault("row_null", "Rows that are null or numbers.", response=on_response.listing([None, 1])),
    Fault("two_documents", "Two documents.", response=on_response.edit(lambda b: b + b)),
    Fault("other_shape", "The document of another exchange.", response=on_response.other_shape),
)

_STATUS = (
    Fault(
        "http_401",
        "Unauthorised, in each exchange's way.",
        response=on_response.refused("authentication", status=401),
    ),
    Fault("http_401_empty", "Unauthorised, with an empty body.", response=on_response.status(401)),
    Fault("http_403", "Forbidden.", response=on_response.page(403, "Forbidden")),
    Fault("http_404", "Not found.", response=on_response.page(404, "Not found")),
    Fault("http_418", "Banned, as some exchanges respond.", response=on_response.status(418)),
    Fault(
        "http_418_ban",
        "Banned for two hours.",
        response=on_response.limited("7200", status=418),
    ),
    Fault("http_429", "Too many requests, wait 55 s.", response=on_response.limited("55")),
    Fault("http_429_soon", "Too many requests, wait 1 s.", response=on_response.limited("1")),
    Fault("http_429_bare", "Too many requests.", response=on_response.limited(None)),
    Fault(
        "http_429_date",
        "Too many requests, wait until a minute from now.",
        response=on_response.limited_until(60),
    ),
    Fault(
        "http_429_past",
        "Too many requests, wait until an hour ago.",
        response=on_response.limited_until(-3_600),
    ),
    Fault(
        "http_429_absurd",
        "Too many requests, wait 300 years.",
        response=on_response.limited("9999999999"),
    ),
    Fault(
        "http_429_endless",
        "Too many requests, wait a 5,000-digit time.",
        response=on_response.limited("9" * 5_000),
    ),
    Fault("http_429_negative", "Too many requests, wait -5 s.", response=on_response.limited("-5")),
    Fault(
        "http_429_garbage",
        'Too many requests, wait "a while".',
        response=on_response.limited("a while"),
    ),
    Fault("http_500", "Internal error.", response=on_response.refused("unavailable", status=500)),
    Fault("http_502", "Bad gateway.", response=on_response.page(502, "Bad gateway")),
    Fault("http_503", "Maintenance.", response=on_response.page(503, "Maintenance")),
    Fault(
        "http_503_wait",
        "Maintenance, wait 120 s.",
        response=on_response.page(503, "Maintenance", ("Retry-After", "120")),
    ),
    Fault("http_504", "Gateway timeout.", response=on_response.page(504, "Gateway timeout")),
    Fault("http_520", "Cloudflare's unknown origin error.", response=on_response.status(520)),
    Fault("http_challenge", "A Cloudflare challenge page.", response=on_response.challenge(403)),
    Fault(
        "http_challenge_503",
        "A Cloudflare challenge page with status 503.",
        response=on_response.challenge(503),
    ),
    Fault("http_301", "A permanent redirect.", response=on_response.redirect(301)),
    Fault("http_302", "Moved.", response=on_response.redirect(302)),
    Fault("http_303", "A redirect to another page.", response=on_response.redirect(303)),
    Fault("http_307", "Moved.", response=on_response.redirect(307)),
    Fault("http_308", "A permanent redirect.", response=on_response.redirect(308)),
    Fault("http_201", "Created.", response=on_response.recoded(201)),
    Fault("http_204", "No content.", response=on_response.status(204)),
    Fault("http_206", "Partial content.", response=on_response.recoded(206)),
    Fault("http_304", "Not modified.", response=on_response.status(304)),
)

_CODES = (
    Fault(
        "code_unauthorised",
        "The exchange's own code for refused credentials.",
        response=on_response.refused("authentication", status=200),
    ),
    Fault("code_401", "A 200 with code 401.", response=on_response.code_in_200(401)),
    Fault("code_403", "A 200 with code 403.", response=on_response.code_in_200(403)),
    Fault("code_429", "A 200 with code 429.", response=on_response.code_in_200(429)),
    Fault("code_500", "A 200 with code 500.", response=on_response.code_in_200(500)),
    Fault("code_unknown", "A 200 with code -9999.", response=on_response.code_in_200(-9999)),
    Fault("code_limited", "A 200 with code -1003.", response=on_response.code_in_200(-1003)),
    Fault("code_timestamp", "A 200 with code -1021.", response=on_response.code_in_200(-1021)),
    Fault("code_signature", "A 200 with code -1022.", response=on_response.code_in_200(-1022)),
    _own("own_authentication", "The exchange's own authentication error.", "authentication"),
    _own("own_permission", "The exchange's own permission error.", "permission"),
    _own("own_clock_skew", "The exchange's own timestamp error.", "clock_skew"),
    _own("own_rate_limited", "The exchange's own rate limit error.", "rate_limited"),
    Fault("code_text", "The success code as a string.", response=on_response.code(rb'"\1"')),
    Fault("code_null", "The code is null.", response=on_response.code(b"null")),
    Fault("code_false", "The code is false.", response=on_response.code(b"false")),
    Fault("code_wrong", "Valid rows with an error code.", response=on_response.code(b"1")),
)

_HEADERS = (
    Fault("set_cookie", "A cookie.", response=on_response.header("Set-Cookie", "session=1")),
    Fault("echo", "An error that repeats the whole request.", response=on_response.echo),
    Fault("date_missing", "No Date.", response=on_response.header("Date", None)),
    Fault("date_garbage", "An invalid Date.", response=on_response.header("Date", "yesterday")),
    Fault("date_old", "A Date of 1970.", response=on_response.header("Date", _EPOCH)),
    Fault(
        "content_type",
        "JSON with Content-Type text/html.",
        response=on_response.header("Content-Type", "text/plain"),
    ),
    Fault(
        "large_header", "A header of 1 MiB.", response=on_response.header("X-Large", "x" * 2**20)
    ),
)

_AMOUNTS = (
    Fault("total_two_separators", "1,234,5", rows=on_rows.total("1.234.5")),
    Fault("total_two_kinds", "1.234,5", rows=on_rows.main("1.234,5")),
    Fault("total_two_kinds_swapped", "1,234.5", rows=on_rows.main("1,234.5")),
    Fault(
        "total_other_separator",
        "The other decimal separator in one amount.",
        rows=on_rows.other_separator,
    ),
    Fault(
        "all_other_separator",
        "The other decimal separator in every amount.",
        rows=on_rows.all_other_separator,
    ),
    Fault("total_space_before", "A space before the amount.", rows=on_rows.total(" 1.5")),
    Fault("total_space_after", "A space after the amount.", rows=on_rows.total("1.5 ")),
    Fault("total_space_inside", "1 234.5", rows=on_rows.total("1 234.5")),
    Fault("total_newline", "A newline after the amount.", rows=on_rows.total("1.5\n")),
    Fault("total_plus", "+1.5", rows=on_rows.total("+1.5")),
    Fault("total_two_signs", "--1.5", rows=on_rows.total("--1.5")),
    Fault("total_underscore", "1_000", rows=on_rows.total("1_000")),
    Fault("total_apostrophe", "1'234", rows=on_rows.total("1'234")),
    Fault("total_full_width", "Full-width digits.", rows=on_rows.total("\uff11\uff12.\uff15")),
    Fault("total_arabic", "Arabic-Indic digits.", rows=on_rows.total("\u0661\u0662")),
    Fault("total_hex", "0x1F", rows=on_rows.total("0x1F")),
    Fault("total_nan", "The string NaN.", rows=on_rows.total("NaN")),
    Fault("total_infinity", "The string Infinity.", rows=on_rows.total("Infinity")),
    Fault("total_currency", "1.5 BTC", rows=on_rows.total("1.5 BTC")),
    Fault("total_dash", "A dash.", rows=on_rows.total("-")),
    Fault("total_separator", "Only a decimal separator.", rows=on_rows.total(".")),
    Fault("total_no_decimals", "1 and a decimal separator.", rows=on_rows.total("1.")),
    Fault("total_no_whole", "A decimal separator and 5.", rows=on_rows.total(".5")),
    Fault("total_empty", "An empty string.", rows=on_rows.total("")),
    Fault("total_null", "null", rows=on_rows.main(None)),
    Fault("total_true", "true", rows=on_rows.main(value=True)),
    Fault("total_list", "A list.", rows=on_rows.main(["1"])),
    Fault("total_object", "An object.", rows=on_rows.main({"amount": "1"})),
    Fault("total_huge", "1e400", rows=on_rows.total("1e400")),
    Fault("total_huge_digits", "400 digits.", rows=on_rows.total("9" * 400)),
    Fault("total_bomb", "1e999999999", rows=on_rows.total("1e999999999")),
    Fault("total_underflow", "1e-400", rows=on_rows.total("1e-400")),
    Fault("total_underflow_digits", "400 decimals.", rows=on_rows.total("0." + "0" * 399 + "1")),
    Fault("free_null", "null for free.", rows=on_rows.first(free=None)),
    Fault("locked_null", "null for locked.", rows=on_rows.first(locked=None)),
    Fault("balance_long", "18 digits and 18 decimals.", rows=on_rows.balance(_LONG)),
    Fault("balance_tiny", "1e-18, written out.", rows=on_rows.balance("0.000000000000000001")),
    Fault("balance_minus_zero", "-0", rows=on_rows.balance("-0")),
    Fault("balance_negative", "-1.5", rows=on_rows.balance("-1.5")),
    Fault("balance_zero", "0", rows=on_rows.balance("0")),
    Fault("balance_exponent", "1.5e3 as a string.", rows=on_rows.balance("1.5e3")),
    Fault("balance_number", "A JSON number.", rows=on_rows.balance_number),
)

_ROWS = (
    Fault("no_total", "No total.", rows=on_rows.without_main),
    Fault("no_free", "No free.", rows=on_rows.missing("free")),
    Fault("no_locked", "No locked.", rows=on_rows.missing("locked")),
    Fault("no_asset", "No asset.", rows=on_rows.missing("asset")),
    Fault("no_extras", "Only asset, total, free and locked.", rows=on_rows.bare),
    Fault("unknown_field", "An unknown field.", rows=on_rows.first(staked="1.5")),
    Fault("twice_alike", "An asset listed twice with the same amounts.", rows=on_rows.added()),
    Fault(
        "twice_different",
        "An asset listed twice with different amounts.",
        rows=on_rows.contradicted,
    ),
    Fault("mismatch", "The total is not free + locked.", rows=on_rows.total("987654.25")),
    Fault("gone", "The first asset is missing.", rows=on_rows.without_first),
    Fault("none", "An empty list of assets.", rows=on_rows.none),
    Fault("all_zero", "Every balance is zero.", rows=on_rows.all_zero),
    Fault("many", "5,000 assets.", rows=on_rows.filled_up(5_000)),
    Fault("time_text", "A time that is not a number.", rows=on_rows.first(updated_ms="now")),
    Fault("time_huge", "A time in 300 million years.", rows=on_rows.first(updated_ms=10**19)),
    Fault("time_negative", "A time before 1970.", rows=on_rows.first(updated_ms=-1)),
)

_NAMES = (
    Fault("asset_control", "A control character.", rows=on_rows.added(asset="A\x07")),
    Fault("asset_nul", "A NUL.", rows=on_rows.added(asset="A\x00")),
    Fault("asset_quote", "A quotation mark.", rows=on_rows.added(asset='A"} 1')),
    Fault("asset_backslash", "A backslash.", rows=on_rows.added(asset="A\\")),
    Fault("asset_newline", "A newline and a sample.", rows=on_rows.added(asset="A\nup 0")),
    Fault("asset_right_to_left", "A right-to-left mark.", rows=on_rows.added(asset="\u202eCTB")),
    Fault("asset_zero_width", "A zero-width space.", rows=on_rows.added(asset="BT\u200bC")),
    Fault("asset_look_alike", "A Cyrillic letter.", rows=on_rows.added(asset="\u0412TC")),
    Fault("asset_emoji", "An emoji.", rows=on_rows.added(asset="\U0001f680")),
    Fault("asset_long", "10 kB.", rows=on_rows.added(asset="A" * 10_000)),
    Fault("asset_empty", "Nothing.", rows=on_rows.added(asset="")),
    Fault("asset_space", "A space.", rows=on_rows.added(asset=" BTC")),
    Fault(
        "asset_markup", "HTML with a script.", rows=on_rows.added(asset="<script>alert(1)</script>")
    ),
    Fault("asset_null", "null.", rows=on_rows.added(asset=None)),
    Fault("asset_number", "A number.", rows=on_rows.added(asset=1)),
    Fault("asset_fraction", "A number with decimals.", rows=on_rows.added(asset=1.5)),
    Fault(
        "name_hostile", "A display name with hostile characters.", rows=on_rows.first(name=_HOSTILE)
    ),
    Fault("name_long", "A display name of 10 kB.", rows=on_rows.first(name="N" * 10_000)),
    Fault("name_null", "null for the display name.", rows=on_rows.first(name=None)),
)

_TOKENS = (
    Fault("token_expired", "All tokens are revoked.", before=_expire_tokens, only="balances"),
    _on_token(
        "token_refused",
        "The token request is refused.",
        on_response.refused("authentication", status=401),
    ),
    _on_token("token_limited", "The token request gets 429, wait 55 s.", on_response.limited("55")),
    _on_token(
        "token_unavailable", "The token request gets 503.", on_response.page(503, "Maintenance")
    ),
    _on_token("token_stale", "A token that expired long ago.", on_response.token(_UNKNOWN, "1")),
    _on_token(
        "token_endless", "A token that never expires.", on_response.token(_UNKNOWN, "9" * 30)
    ),
    _on_token(
        "token_timeless", "A token whose expiry is not a time.", on_response.token(_UNKNOWN, "soon")
    ),
    _on_token("token_hostile", "A token with a line break.", on_response.token("a\r\nX-Evil: 1")),
    _on_token("token_empty", "An empty token.", on_response.token("")),
)

_KEYS = (
    _on_permissions(
        "key_can_withdraw", "The key may withdraw.", on_response.permitting("withdraw")
    ),
    _on_permissions("key_can_trade", "The key may trade.", on_response.permitting("trade")),
    _on_permissions(
        "key_unbound",
        "The key is not bound to an address.",
        on_response.permitting(without="ip_restricted"),
    ),
)

_PRICES = (
    _on_ticker("quote_zeros", "Zeros for every price.", on_quotes.every(*["0"] * 3)),
    _on_ticker("quote_one_sided", "No bid in the first row.", on_quotes.first(bid=0)),
    _on_ticker("quote_null", "null for the first ask.", on_quotes.first(ask=None)),
    _on_ticker("quote_crossed", "The first bid is above its ask.", on_quotes.crossed),
    _on_ticker("quote_wide", "The first ask is twice its bid.", on_quotes.wide),
    _on_ticker("quote_missing", "The first pair is missing.", on_quotes.missing),
    _on_ticker("quote_none", "An empty list of pairs.", on_quotes.nothing),
    _on_ticker("quote_frozen", "The same quotes every time.", on_quotes.frozen),
    _on_ticker("quote_past", "Quotes from 12 hours ago.", on_quotes.past),
    _on_ticker("quote_future", "Rows dated an hour ahead.", on_quotes.future),
    _on_ticker("quote_timeless", "No time in the first row.", on_quotes.first(updated_ms=None)),
    _on_ticker("quote_exponent", "Prices with exponents.", on_quotes.exponents),
    _on_ticker(
        "quote_twice_alike", "The first pair twice with the same quotes.", on_quotes.twice_alike
    ),
    _on_ticker(
        "quote_twice", "The first pair twice with different quotes.", on_quotes.twice_differently
    ),
    _on_ticker("quote_text", "A first bid that is not a number.", on_quotes.first(bid="soon")),
    _on_ticker("quote_negative", "The first bid is negative.", on_quotes.first(bid=-1)),
)

GROUPS: dict[str, tuple[Fault, ...]] = {
    "connection": _CONNECTION,
    "time": _TIME,
    "framing": _FRAMING,
    "body": _BODY,
    "status": _STATUS,
    "codes in a 200": _CODES,
    "headers": _HEADERS,
    "amounts": _AMOUNTS,
    "rows": _ROWS,
    "names": _NAMES,
    "tokens": _TOKENS,
    "keys": _KEYS,
    "prices": _PRICES,
}

FAULTS: dict[str, Fault] = {fault.name: fault for faults in GROUPS.values() for fault in faults}


def named(name: str) -> Fault:
    """Return a fault of the table; raises `ValueError` for a name that is not in it."""
    if name not in FAULTS:
        near = " or ".join(get_close_matches(name, FAULTS))
        advice = f"did you mean {near}?" if near else "--list-faults lists all"
        raise ValueError(f"fault {name}: unknown; {advice}")
    return FAULTS[name]
