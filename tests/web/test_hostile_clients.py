"""No client, however slow, large or rude, keeps another from its response or leaves a trace."""

import asyncio
import gc
import os
import random
import resource
import socket
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from exporter.web.limits import Limits
from exporter.web.messages import Response
from tests.web.shapes import AMBIGUOUS, TOO_LARGE, request

HUGE = 30_000_000
"""More than the kernel takes for a client that does not read."""


def page(size: int = 5):
    response = Response(200, {"Content-Type": "text/plain"}, (b"x" * size,), size)
    return {"GET": lambda _: response}


GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
GET_HUGE = GET.replace(b"/ ", b"/huge ")
PAGES = {"/": page(), "/huge": page(HUGE)}


def status(response: bytes) -> int:
    return int(response.split()[1])


SMUGGLED = b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "attempt", [pytest.param(sent, id=name) for name, sent in AMBIGUOUS.items()]
)
async def test_an_ambiguous_request_is_refused_and_nothing_after_it_is_served(
    serve, connect, attempt
):
    client = await connect(await serve(PAGES))
    response = await client.fetch(attempt + SMUGGLED)
    assert status(response) in {400, 501, 505}
    assert b"connection: close" in response.lower()
    assert response.count(b"Date: ") == 1


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [pytest.param(sent, refusal, id=name) for name, (sent, refusal) in TOO_LARGE.items()],
)
async def test_a_large_request_is_refused_and_the_client_can_read_why(
    serve, connect, sent, refusal
):
    client = await connect(await serve(PAGES))
    assert status(await client.fetch(sent)) == refusal


async def test_a_small_body_is_tolerated(serve, connect):
    client = await connect(await serve(PAGES))
    await client.send(request("Content-Length: 1024") + bytes(1024) + GET)
    assert (await client.response())[0] == 200
    assert (await client.response())[0] == 200


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(serve, connect):
    client = await connect(await serve(PAGES))
    await client.send(request("Content-Length: 2", "Expect: 100-continue"))
    assert (await client.response())[0] == 100
    await client.send(b"{}")
    assert (await client.response())[0] == 200


async def test_query_parameters_make_nobody_connect_anywhere(serve, connect):
    """CVE-2020-16248: an exporter that takes a target from its caller reads inside networks."""
    called = asyncio.Event()
    listener = await asyncio.start_server(lambda *_: called.set(), "127.0.0.1", 0)
    inside = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/"
    client = await connect(await serve(PAGES))
    responses = []
    for query in ("", f"target={inside}", f"url={inside}", f"module=x&target={inside}&debug=true"):
        await client.send(request(line=f"GET /?{query} HTTP/1.1"))
        responses.append(await client.response())
    assert [(code, body) for code, _, body in responses] == [(200, b"xxxxx")] * 4
    assert not called.is_set()
    listener.close()
    await listener.wait_closed()


async def test_made_up_methods_and_paths_leave_nothing_behind(serve, connect):
    """CVE-2022-21698: a series for each method that a client makes up eats all memory."""
    client = await connect(await serve(PAGES))
    rng = random.Random(1)

    async def explore(times: int) -> None:
        for _ in range(times):
            word = rng.randbytes(8).hex()
            await client.send(request(line=f"{word.upper()} /{word} HTTP/1.1"))
            assert (await client.response())[0] == 404
            await client.send(request(line=f"{word.upper()} / HTTP/1.1"))
            assert (await client.response())[0] == 405

    await explore(50)
    gc.collect()
    before = len(gc.get_objects())
    await explore(500)
    gc.collect()
    assert len(gc.get_objects()) - before < 100


async def test_500_clients_that_never_finish_their_request_keep_nobody_out(serve, connect):
    address = await serve(PAGES, Limits(receive=0.5))
    slow = [await connect(address) for _ in range(500)]
    for client in slow:
        await client.send(b"GET / HTTP/1.1\r\nHost: loc")
    prometheus = await connect(address)
    await prometheus.send(GET)
    assert (await prometheus.response())[0] == 200
    responses = await asyncio.gather(*(client.rest() for client in slow))
    # On a busy machine some have not begun in time, and are closed without a response.
    assert {status(response) for response in responses if response} == {408}


async def test_the_deadline_of_a_request_is_absolute_however_busily_it_drips(serve, connect):
    client = await connect(await serve(PAGES, Limits(receive=0.2)))

    async def drip() -> None:
        with suppress(OSError):
            while True:
                await client.send(b"X: y\r\n")
                await asyncio.sleep(0.01)

    await client.send(b"GET / HTTP/1.1\r\n")
    dripping = asyncio.create_task(drip())
    async with asyncio.timeout(5):
        assert status(await client.rest()) == 408
    dripping.cancel()


async def test_a_later_request_has_no_more_time_than_the_first(serve, connect):
    client = await connect(await serve(PAGES, Limits(receive=0.05)))
    await client.send(GET)
    await client.response()
    assert status(await client.fetch(b"GET / HTTP/1.1\r\n")) == 408


async def test_a_body_that_never_comes_is_not_waited_for(serve, connect):
    client = await connect(await serve(PAGES, Limits(receive=0.05)))
    assert status(await client.fetch(request("Content-Length: 5") + b"abc")) == 408


async def test_a_client_that_says_nothing_is_dropped_without_a_word(serve, connect):
    client = await connect(await serve(PAGES, Limits(receive=0.05)))
    assert await client.rest() == b""


async def test_an_idle_connection_is_dropped_after_a_while(serve, connect):
    client = await connect(await serve(PAGES, Limits(idle=0.05)))
    await client.send(GET)
    await client.response()
    assert await client.rest() == b""


async def test_1000_clients_at_once_are_all_served(serve):
    address = await serve({"/": page(1_000_000)})

    async def scrape() -> int:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(request("Connection: close"))
        response = await reader.read()
        writer.close()
        return status(response) if response.endswith(b"x" * 1_000_000) else 0

    assert set(await asyncio.gather(*(scrape() for _ in range(1000)))) == {200}


@contextmanager
def counted_turns():
    """Take a turn whenever the event loop lets us; what is yielded tells how many there were."""
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    yield lambda: turns
    others.cancel()


async def test_a_fast_reader_of_a_large_response_lets_the_others_have_their_turn(serve, connect):
    turns_seen = set()

    def chunks():
        for _ in range(8):  # 2 MB: the kernel takes them all at once
            turns_seen.add(turns())
            yield bytes(256 * 1024)

    client = await connect(await serve({"/": {"GET": lambda _: Response(200, {}, chunks())}}))
    with counted_turns() as turns:
        await client.send(request("Connection: close"))
        await client.rest()
    assert len(turns_seen) > 4


async def test_requests_that_come_together_let_the_others_have_their_turn(serve, connect):
    turns_seen = set()

    def handler(_) -> Response:
        turns_seen.add(turns())
        return Response.text(200, "hello")

    client = await connect(await serve({"/": {"GET": handler}}))
    with counted_turns() as turns:
        await client.send(GET * 99 + request("Connection: close"))
        await client.rest()
    assert len(turns_seen) == 100


async def test_a_client_that_does_not_read_is_dropped(serve, connect):
    client = await connect(await serve(PAGES, Limits(send=0.1)))
    await client.send(GET_HUGE)
    await asyncio.sleep(0.3)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await client.reader.readexactly(HUGE)


CROWDED = Limits(max_requests=3, reserved=1, slot_wait=0.05)


async def hoard(connect, address, count: int) -> None:
    """Request large responses and read none of them."""
    for _ in range(count):
        client = await connect(address)
        await client.send(GET_HUGE)
        await client.reader.readuntil(b"\r\n\r\n")


async def test_beyond_the_limit_a_large_response_is_refused(serve, connect):
    address = await serve(PAGES, CROWDED)
    await hoard(connect, address, 3)
    late = await connect(address)
    response = await late.fetch(GET_HUGE)
    assert status(response) == 503
    assert b"Retry-After: 1\r\n" in response


async def test_beyond_the_limit_a_small_response_is_still_sent(serve, connect):
    address = await serve(PAGES, CROWDED)
    await hoard(connect, address, 3)
    health = await connect(address)
    await health.send(GET)
    assert (await health.response())[0] == 200


async def test_beyond_the_limit_there_is_room_for_another_address(serve, connect):
    address = await serve(PAGES, CROWDED)
    await hoard(connect, address, 3)
    for _ in range(2):
        reader, writer = await asyncio.open_connection(*address, local_addr=("127.0.0.2", 0))
        writer.write(GET_HUGE)
        assert status(await reader.readuntil(b"\r\n\r\n")) == 200
        assert len(await reader.readexactly(HUGE)) == HUGE
        writer.transport.abort()


async def test_a_slot_that_comes_free_goes_to_the_one_who_waits(serve, connect):
    address = await serve(PAGES, replace(CROWDED, max_requests=1, slot_wait=10))
    first, second = await connect(address), await connect(address)
    await first.send(GET_HUGE)
    await first.reader.readuntil(b"\r\n\r\n")
    await second.send(GET_HUGE)
    await first.reader.readexactly(HUGE)
    assert (await second.response())[0] == 200


async def test_a_response_that_is_not_read_makes_room_for_one_that_will_be(serve, connect):
    address = await serve(PAGES, replace(CROWDED, stall=0.05, slot_wait=1))
    await hoard(connect, address, 3)
    prometheus = await connect(address)
    async with asyncio.timeout(8):
        await prometheus.send(GET_HUGE)
        assert (await prometheus.response())[0] == 200


async def test_a_crowd_that_waits_does_not_hold_up_who_comes_after_it(serve, connect):
    address = await serve(PAGES, replace(CROWDED, max_requests=1, slot_wait=10))
    reading = await connect(address)
    await reading.send(GET_HUGE)
    await reading.reader.readuntil(b"\r\n\r\n")
    for _ in range(5):
        crowd = await connect(address)
        await crowd.send(GET_HUGE)
    prometheus = await connect(address)
    await prometheus.send(GET_HUGE)
    assert len(await reading.reader.readexactly(HUGE)) == HUGE
    async with asyncio.timeout(4):
        assert (await prometheus.response())[0] == 200


async def test_responses_that_are_never_read_free_their_slots(serve, connect):
    address = await serve(PAGES, replace(CROWDED, send=1, slot_wait=10))
    await hoard(connect, address, 3)
    late = await connect(address)
    await late.send(GET_HUGE)
    assert (await late.response())[0] == 200


async def test_requests_pipelined_by_a_client_that_reads_nothing_are_not_heaped_up(serve, connect):
    served = 0

    def count(_) -> Response:
        nonlocal served
        served += 1
        return Response(200, {}, (b"x" * 60_000,), 60_000)

    client = await connect(await serve({"/": {"GET": count}}))
    with suppress(TimeoutError):
        async with asyncio.timeout(0.3):
            await client.send(GET * 10_000)
    assert served < 500


async def test_when_all_connections_are_taken_the_oldest_idle_one_makes_room(serve, connect):
    address = await serve(PAGES, Limits(max_connections=3))
    clients = []
    for _ in range(3):
        clients.append(await connect(address))
        await clients[-1].send(GET)
        await clients[-1].response()
    await clients[0].send(GET)
    await clients[0].response()
    newcomer = await connect(address)
    await newcomer.send(GET)
    assert (await newcomer.response())[0] == 200
    assert await clients[1].rest() == b""
    await clients[0].send(GET)
    assert (await clients[0].response())[0] == 200


async def test_when_every_connection_waits_for_a_response_none_is_dropped(serve, connect):
    address = await serve(PAGES, Limits(max_connections=2))
    await hoard(connect, address, 2)
    assert await (await connect(address)).rest() == b""


@contextmanager
def no_more_descriptors():
    """Let this process open nothing more than it has open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def status_of(client: socket.socket) -> int:
    """Send a request on a connection that was made without turning to the event loop."""
    client.sendall(GET)
    client.settimeout(0)
    async with asyncio.timeout(10):
        return status(await asyncio.get_running_loop().sock_recv(client, 1000))


async def test_without_file_descriptors_the_server_waits_and_goes_on(serve):
    address = await serve(PAGES)
    with structlog.testing.capture_logs() as logs, socket.create_connection(address) as client:
        with no_more_descriptors():
            await asyncio.sleep(0.3)
        assert await status_of(client) == 200
    assert [log["event"] for log in logs] == ["connections can't be accepted"]


async def test_without_file_descriptors_an_idle_connection_makes_room(serve, connect):
    address = await serve(PAGES)
    idle = await connect(address)
    await idle.send(GET)
    await idle.response()
    with structlog.testing.capture_logs(), socket.create_connection(address) as client:
        with no_more_descriptors():
            assert await status_of(client) == 200
        assert await idle.rest() == b""


def left_behind() -> tuple[int, int]:
    """How many file descriptors and objects this process has."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir())), len(gc.get_objects())


async def test_clients_that_leave_in_the_middle_10000_times_leave_nothing_behind(serve, connect):
    address = await serve({"/": page(3_000_000), "/last": page()})
    rng = random.Random(1)
    loop = asyncio.get_running_loop()

    async def leave() -> None:
        with socket.socket() as client:
            client.settimeout(0)
            # A reset, as of a client that crashed, for one half of them.
            linger = bytes([rng.randrange(2), *bytes(7)])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            await loop.sock_connect(client, address)
            sent = GET[: rng.choice([0, 1, 10, len(GET), len(GET)])]
            await loop.sock_sendall(client, sent)
            if sent == GET and rng.randrange(2):
                await loop.sock_recv(client, 1000)

    async def leave_often(times: int) -> tuple[int, int]:
        for _ in range(times):
            await leave()
        # Connections are accepted in order: with this one the others are at least begun.
        last = await connect(address)
        await last.fetch(request("Connection: close", line="GET /last HTTP/1.1"))
        last.writer.close()
        if serving := serving_tasks():
            await asyncio.wait(serving, timeout=10)
        assert not serving_tasks()
        return left_behind()

    descriptors, objects = await leave_often(500)
    descriptors_after, objects_after = await leave_often(9_500)
    assert descriptors_after == descriptors
    assert objects_after - objects < 200


def serving_tasks() -> list[asyncio.Task[None]]:
    return [task for task in asyncio.all_tasks() if "Server._serve" in repr(task.get_coro())]


async def test_a_head_of_countless_lines_is_refused_before_it_is_parsed(serve, connect):
    address = await serve(PAGES)
    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a:\r\n" * 4_000 + b"\r\n"
    began = asyncio.get_running_loop().time()
    for _ in range(50):
        client = await connect(address)
        assert status(await client.fetch(head)) == 431
    assert asyncio.get_running_loop().time() - began < 5


@pytest.mark.parametrize(("fields", "expected"), [(98, 200), (150, 431)])
async def test_a_head_has_at_most_a_hundred_fields(serve, connect, fields, expected):
    client = await connect(await serve(PAGES))
    await client.send(request(*[f"X-{number}: a" for number in range(fields)]))
    assert (await client.response())[0] == expected


async def test_of_a_list_in_a_header_only_the_first_items_are_looked_at(serve, connect):
    seen = []

    def page_(request):
        seen.append(request.header("Accept"))
        return Response.text(200, "")

    client = await connect(await serve({"/": {"GET": page_}}))
    await client.send(request("Accept: " + ",".join(f"a/{n}" for n in range(1_000))))
    assert (await client.response())[0] == 200
    assert seen[0].split(",") == [f"a/{n}" for n in range(64)]
