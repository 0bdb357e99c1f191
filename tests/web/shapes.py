"""List requests that are too large or ambiguous, and what clients say that they accept."""

from collections.abc import Mapping

from exporter.exposition.families import Format
from exporter.exposition.negotiation import Encoding

TEXT, OPENMETRICS = Format.TEXT, Format.OPENMETRICS
IDENTITY, GZIP = Encoding.IDENTITY, Encoding.GZIP
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)
PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8"


def request(*headers: str, line: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join([line, "Host: localhost", *headers, "", ""]).encode()


AMBIGUOUS: Mapping[str, bytes] = {
    "CL.TE": request("Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    "TE.CL": request("Transfer-Encoding: chunked", "Content-Length: 4") + b"0\r\n\r\n",
    "chunks from an HTTP/1.0 client": request("Transfer-Encoding: chunked", line="GET / HTTP/1.0")
    + b"0\r\n\r\n",
    "two lengths": request("Content-Length: 4", "Content-Length: 5"),
    "two lengths in one header": request("Content-Length: 4, 5"),
    "a signed length": request("Content-Length: +4"),
    "a negative length": request("Content-Length: -1"),
    "a hexadecimal length": request("Content-Length: 0x4"),
    "a length with a space": request("Content-Length: 4 4"),
    "a space before the colon": request("Content-Length : 4"),
    "an unknown coding": request("Transfer-Encoding: xchunked"),
    "two codings": request("Transfer-Encoding: chunked, identity"),
    "chunked twice": request("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "a bad chunk size": request("Transfer-Encoding: chunked") + b"0x1\r\na\r\n",
    "a negative chunk size": request("Transfer-Encoding: chunked") + b"-1\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an absolute target of another scheme": request(line="GET ftp://localhost/ HTTP/1.1"),
    "an absolute target with a user": request(line="GET http://user@localhost/ HTTP/1.1"),
    "an absolute target without a host": request(line="GET http:///x HTTP/1.1"),
    "a host with a path": b"GET / HTTP/1.1\r\nHost: localhost/x\r\n\r\n",
    "a proxy's request": request(line="CONNECT localhost:80 HTTP/1.1"),
    "the whole server": request(line="OPTIONS * HTTP/1.1"),
    "a NUL in the target": request(line="GET /\x00 HTTP/1.1"),
    "a space in the target": request(line="GET / x HTTP/1.1"),
    "a NUL in a header": request("X: a\x00b"),
    "a carriage return in a header": request("X: a\rb"),
    "a header without a name": request(": x"),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
}
"""What two readers could understand in two ways, or not at all; refused and closed."""

TOO_LARGE: Mapping[str, tuple[bytes, int]] = {
    "a target of 1 MB": (b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n", 431),
    "a header of 1 MB": (request("X: " + "a" * 1_000_000), 431),
    "a header of 17 KB in one packet": (request("X: " + "a" * 17_000), 431),
    "200,000 headers": (request(*["X: a"] * 200_000), 431),
    "a body of 1 MB": (request("Content-Length: 1000000") + bytes(1_000_000), 413),
    "a declared 100 EB": (request("Content-Length: 99999999999999999999"), 413),
    "chunks of more than 1 KB": (
        request("Transfer-Encoding: chunked") + b"400\r\n" + bytes(1024) + b"\r\n1\r\nx\r\n",
        413,
    ),
    "a chunk of 1 MB": (
        request("Transfer-Encoding: chunked") + b"f4240\r\n" + bytes(1_000_000),
        413,
    ),
}
"""Requests, and the status that refuses them."""

ACCEPT: Mapping[str, tuple[str, Format]] = {
    "nothing said": ("", TEXT),
    "anything": ("*/*", TEXT),
    "Prometheus 3": (PROMETHEUS_3, OPENMETRICS),
    "Prometheus 2": (PROMETHEUS_2, OPENMETRICS),
    "a browser": (BROWSER, TEXT),
    "no version": ("application/openmetrics-text", OPENMETRICS),
    "0.0.1": ("application/openmetrics-text; version=0.0.1", OPENMETRICS),
    "quoted": ('application/openmetrics-text; version="1.0.0"', OPENMETRICS),
    "any case": ("APPLICATION/OpenMetrics-Text", OPENMETRICS),
    "a later version": ("application/openmetrics-text; version=2.0.0", TEXT),
    "later or any": ("application/openmetrics-text;version=2.0.0,*/*;q=0.1", TEXT),
    "text weighs more": ("application/openmetrics-text;q=0.4,text/plain;q=0.5", TEXT),
    "a tie": ("application/openmetrics-text;q=0.5,text/plain;q=0.5", TEXT),
    "excluded": ("application/openmetrics-text;q=0", TEXT),
    "excluded, though all is welcome": ("application/openmetrics-text;q=0,*/*", TEXT),
    "anything but text": ("text/plain;q=0,*/*", OPENMETRICS),
    "the narrower wildcard counts": ("text/*;q=0.2,*/*;q=0.8", OPENMETRICS),
    "version": ("text/plain;version=0.0.4;q=0.9,text/plain;q=0.1,application/*;q=0.5", TEXT),
    "a wildcard that text is not in": ("application/*", OPENMETRICS),
    "nothing fits": ("application/json", TEXT),
    "protobuf": ("application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily", TEXT),
    "no weight": ("application/openmetrics-text;q=2,text/plain;q=0.1", TEXT),
    "garbage": (";;;,,,=;q", TEXT),
}

ACCEPT_ENCODING: Mapping[str, tuple[str, Encoding]] = {
    "nothing said": ("", IDENTITY),
    "Prometheus": ("gzip", GZIP),
    "a browser": ("gzip, deflate, br, zstd", GZIP),
    "any case": ("GZip", GZIP),
    "the old name": ("x-gzip", GZIP),
    "anything": ("*", GZIP),
    "hardly welcome": ("gzip;q=0.001", GZIP),
    "excluded": ("gzip;q=0", IDENTITY),
    "excluded, though all is welcome": ("gzip;q=0.0, *", IDENTITY),
    "all excluded": ("*;q=0", IDENTITY),
    "identity weighs more": ("identity;q=1, gzip;q=0.5", IDENTITY),
    "gzip weighs more": ("identity;q=0.5, gzip", GZIP),
    "anything but identity": ("identity;q=0, *", GZIP),
    "the wildcard speaks for identity": ("gzip;q=0.5, *;q=1", IDENTITY),
    "codings we lack": ("deflate, br", IDENTITY),
    "no weight": ("gzip;q=abc", IDENTITY),
    "another word": ("gzipped", IDENTITY),
}
