"""Bound what a client can cost: time, memory, descriptors."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one server; times in seconds, sizes in bytes.

    `max_requests`: concurrent large responses. A burst queues for `slot_wait`, well within
    Prometheus' default timeout of 10 s, and then gets 503. Responses up to `small` never wait:
    the kernel takes them whole, and a health check must not fail because others read slowly.
    `reserved`: slots beyond those for addresses that hold none, so that a client that hoards
    responses without reading them can't keep Prometheus out.
    `stall`: a response that a client leaves unread for so long makes room for another.
    `max_connections`: each may cost 0.1 MB over TLS; lowered to half of the process's descriptors,
    for polls need them too.
    `receive`: for the first byte of TLS, for its handshake, then to begin the first request, and
    for each request from its first byte on; absolute, however busily a client drips.
    `idle`: between requests; twice Prometheus' default interval, so that its connection lasts.
    `send`: for a whole response, absolute; three times Prometheus' default timeout.
    `linger`: for a refused client to read why; what it still sends is thrown away.
    `stop`: for running responses when the server stops.
    `head`, `body`: what a request may hold; no route reads a body, a small one is tolerated.
    `fields`, `items`: header fields of a request, and items of each that are looked at; the work
    for a request must not grow with what fits into its bytes.
    `piece`: what is written at once. It bounds the memory of a running response, and the time
    for which it keeps the event loop (inflating a piece takes 0.2 to 0.5 ms).
    """

    max_requests: int = 40
    reserved: int = 8
    slot_wait: float = 2.0
    stall: float = 1.0
    max_connections: int = 2048
    receive: float = 5.0
    idle: float = 120.0
    send: float = 30.0
    linger: float = 1.0
    stop: float = 2.0
    head: int = 16 * 1024
    body: int = 1024
    fields: int = 100
    items: int = 64
    small: int = 64 * 1024
    piece: int = 256 * 1024


DEFAULT_LIMITS = Limits()
