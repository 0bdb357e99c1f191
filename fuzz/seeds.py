"""List the short inputs that a fuzzer begins with, of every kind that is known to matter."""

from fuzz.oracles import CANARY

AMOUNTS = (
    "0", "-0", "-0,00", "1", "10", "1.5", "1,5", "-1.5", "-1,5", "0.000000000000000001",
    "27223,7283250757643288", "123456789012345678.123456789012345678", "1e-18", "1E+3", "1.5e3",
    "5e-324", "4.9406564584124654e-324", "2e-324", "2.5e-324", "1.7976931348623157e308",
    "1.7976931348623159e308", "9" * 100, "9" * 101, "0." + "0" * 97 + "1", "0." + "0" * 98 + "1",
    "9007199254740993", "0.1", "0.30000000000000004", "1e999", "1e-999", "1e1000", "-1e400",
    "1.234,5", "1,234.5", "1.2.3", "1,2,3", " 1", "1 ", "1 000", "1\n", "1\0", "+1", "--1", "-",
    ".5", "5.", ",", ".", "", "00", "007", "-01", "1_000", "1'234", "0x1F", "NaN", "Infinity", "e",
    "1e", "1e+", "1e+-5", "１２.5", "٣", "½", "\u22121", "1\u202e2", "\u00a01", "1.5 BTC", CANARY,
)  # fmt: skip

JSON_LITERALS = (
    "0", "-0", "1", "1.5", "-1.5", "1e-18", "1E400", "1e-400", "0.1234567890123456789",
    "12345678901234567890", "9" * 400, "null", "true", "false", '""', '"1"', "[]", '["1"]', "{}",
    '{"a":1}', "NaN", "Infinity", "-Infinity", "01", "1.", ".5", "+1", r'"\u0031"', r'"\ud800"',
    '"1', f'"{CANARY}"', "1700000000000", '"1700000000000"', '"99999999999999"',
)  # fmt: skip

RETRY_AFTER = (
    "0", "1", "55", " 55 ", "900", "901", "86400", "86401", "999999999", "9999999999", "9" * 5_000,
    "-5", "+5", "1.5", "1e3", "0x10", "", " ", "a while", CANARY, "０", "5, 6", "5;6",
    "Tue, 14 Nov 2023 22:14:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT",
    "Tuesday, 14-Nov-23 22:14:20 GMT", "Tue Nov 14 22:14:20 2023", "Tue, 14 Nov 2023 22:14:20",
    "Tue, 14 Nov 2023 22:14:20 -0000", "Tue, 14 Nov 2023 22:14:20 +0530",
    "Tue, 14 Nov 2023 22:14:20 +9999", "Tue, 14 Nov 2023 22:14:20 EST",
    "Tue, 14 Nov 2023 22:14:60 GMT", "Tue, 14 Nov 2023 24:00:00 GMT", "14 Nov 2023 22:14:20 GMT",
    "Tue, 29 Feb 2023 00:00:00 GMT", "Tue, 29 Feb 2024 00:00:00 GMT", "Tue, 14 Nov 23 22:14:20 GMT",
    "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT", "Fri, 31 Dec 99999 23:59:59 GMT", "Tue, , 2023", "GMT",
    "14 Nov 2023", "Nov 14 22:14:20", "2023-11-14T22:14:20Z", "Tue, 14 Nov 2023 22.14.20 GMT",
    "(comment) Tue, 14 Nov 2023 22:14:20 GMT", "Tue, 14 Nov 2023 -1:14:20 GMT",
)  # fmt: skip

DURATIONS = (
    "0", "0s", "1s", "30s", "1m30s", "5m", "1h", "1d", "1w", "1y", "500ms", "1d12h",
    "1y1w1d1h1m1s1ms", "292y", "293y", "9" * 19 + "y", "9" * 20 + "s", "30", "s", "", " ",
    "1.5s", "-1s", "+1s", "30s1m", "1s1s", "1 s", "1S", "１s", "1h30", CANARY,
)  # fmt: skip

SECRETS = (
    CANARY, f"{CANARY}\n", f"{CANARY}\r\n", f"  {CANARY}\t", "", "\n", " \n ",
    f"{CANARY}\n{CANARY}", f"{CANARY}\0", f"\ufeff{CANARY}", f"{CANARY}é", "é", "\x7f",
    "x" * 15_000, f"\x0b{CANARY}\x0c", f"\x1c{CANARY}", f"\u00a0{CANARY}",
)  # fmt: skip

_PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
_PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
ACCEPT = (
    "", "*/*", "text/*", "application/*", "text/plain", "application/openmetrics-text",
    _PROMETHEUS_2, _PROMETHEUS_3,
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8",
    'application/openmetrics-text; version="1.0.0"', "application/openmetrics-text;version=2.0.0",
    "application/openmetrics-text;q=0,*/*", "text/plain;q=0,*/*", "text/*;q=0.2,*/*;q=0.8",
    "application/openmetrics-text;q=0.5,text/plain;q=0.5", "text/plain;q=1.0000", "text/plain;q=2",
    "text/plain;q=-1", "text/plain;q=NaN", "text/plain;q=1e9", "text/plain;q=", "text/plain;q",
    "text/plain;;;q=0.5", 'text/plain;a="b,c";q=0.1', ";;;,,,=;q", ",", "/", "*", CANARY,
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
)  # fmt: skip
ACCEPT_ENCODING = (
    "gzip", "gzip, deflate, br, zstd", "x-gzip", "identity", "*", "gzip;q=0", "gzip;q=0.0, *",
    "*;q=0", "identity;q=0", "identity;q=0, *;q=0", "identity;q=1, gzip;q=0.5", "gzip;q=0.001",
    "gzip;q=abc", "gzip;q=0.5, *;q=1", "gzipped", "gzip,gzip;q=0", "GZIP;Q=0", "gzip ; q = 0",
)  # fmt: skip

_GET = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n"
REQUESTS = (
    f"{_GET}\r\n", f"{_GET}\r\n" * 3, f"{_GET}Connection: close\r\n\r\n{_GET}\r\n",
    f"{_GET}Accept: {_PROMETHEUS_3}\r\nAccept-Encoding: gzip\r\n\r\n",
    f"{_GET}Accept: application/openmetrics-text\r\n\r\n", f"{_GET}X-Trace: {CANARY}\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /api/v1/balances HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /-/healthy HTTP/1.0\r\n\r\n", "GET /-/ready HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "POST /-/reload HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 5\r\n\r\n1234",
    "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
    "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET /\r\n\r\n",
    "GET / HTTP/2.0\r\nHost: x\r\n\r\n", "GET / HTTP/0.9\r\n\r\n",
    "GET / HTTP/1.2\r\nHost: x\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET http://x/metrics HTTP/1.1\r\nHost: x\r\n\r\n", "CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET //metrics HTTP/1.1\r\nHost: x\r\n\r\n", "GET /metrics? HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /metrics?key={CANARY} HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /%2e%2e/metrics HTTP/1.1\r\nHost: x\r\n\r\n", "GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /{CANARY} HTTP/1.1\r\nHost: x\r\n\r\n", f"{CANARY} / HTTP/1.1\r\nHost: x\r\n\r\n",
    "get / HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\nX: \0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\n", "GET  /  HTTP/1.1\r\nHost: x\r\n\r\n",
    f"{_GET}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", f"{_GET}Upgrade: h2c\r\n\r\n",
    f"{_GET}Authorization: Basic YTpi\r\n\r\n", f"{_GET}Range: bytes=0-1\r\n\r\n",
    f"{_GET}{'A: b' * 4_000}\r\n\r\n", f"{_GET}" + "A: b\r\n" * 2_000 + "\r\n",
    f"GET /{'a' * 15_000} HTTP/1.1\r\n", _GET, "GET",
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "",
)  # fmt: skip

EXPOSITIONS = (
    "treasury\nBTC 9,7502186644553258 6,439241464455326 3,3109771999999998 Bitcoin",
    "treasury\nTRY 27223.7283250757643288 22349.3654565035348765 4874.3628685722294523 Türk Lirası",
    'quote " backslash \\ brace {}\nBTC 1 1 0 Bit"coin\\',
    "Kasa ₺ 金庫\nBTC 1 1 0 ₿", "a\\nb\nBTC 1 1 0 a\\nb", "a\nBTC 1 1 0 ", "a",
    "a\n" + "\n".join(f"A{number} {number}.{number:018} 0 0 n" for number in range(100)),
    *(f"a\nX {text} {text} 0 x" for text in AMOUNTS if text.isascii() and " " not in text),
)  # fmt: skip

_ACCOUNT = "  - {name: a, exchange: trubit, credentials: {token: C4n4ry}"
CONFIGURATIONS = {
    "smallest": f"accounts:\n{_ACCOUNT}}}\n",
    "json": (
        '{"accounts": [{"name": "a", "exchange": "trubit", "credentials": {"token": "C4n4ry"}}]}'
    ),
    "variables": (
        "accounts:\n  - name: a\n    exchange: btcturk\n"
        "    credentials: {api_key: '${KEY}', api_secret: '${SECRET}'}\n"
    ),
    "files": (
        "accounts:\n  - name: a\n    exchange: btcturk\n"
        "    credentials: {api_key_file: k, api_secret_file: /run/s}\n"
    ),
    "defaults": (
        f"defaults: {{interval: 30s, timeout: 5s, stale_after: 10m}}\naccounts:\n{_ACCOUNT}}}\n"
    ),
    "limits": f"exchanges: {{btcturk: {{requests_per_minute: 60}}}}\naccounts:\n{_ACCOUNT}}}\n",
    "include": f"accounts:\n{_ACCOUNT}, assets: {{include: [BTC, ETH]}}}}\n",
    "exclude": f"accounts:\n{_ACCOUNT}, assets: {{exclude: [BRL1]}}}}\n",
    "thresholds": (
        f'accounts:\n{_ACCOUNT}, thresholds: [{{asset: BTC, free_min: "1.5", total_max: 40}}]}}\n'
    ),
    "paths": f"accounts:\n{_ACCOUNT}, balances_path: '/v2/x?id=0', base_url: 'http://[::1]:80/x'}}\n",
    "aliases": f"accounts:\n{_ACCOUNT}, assets: {{include: &x [BTC]}}}}\n"
    "  - {name: b, exchange: trubit, credentials: {token: t}, assets: {include: *x}}\n",
    "block-scalars": (
        "accounts:\n  - name: |-\n      a\n    exchange: >-\n      trubit\n"
        "    credentials: {token: 'it''s'}\n"
    ),
    "unicode": "accounts:\n  - {name: Kasa ₺ 金庫, exchange: trubit, credentials: {token: t}}\n",
    "two-hundred": "accounts:\n"
    + "".join(
        f"  - {{name: a{n}, exchange: trubit, credentials: {{token: t}}}}\n" for n in range(200)
    ),
}
