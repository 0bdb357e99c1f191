"""Put the rate limiter under load: requests, pauses, failures and cancellations in virtual time."""

import asyncio
import selectors
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.credentials import Secret
from exporter.errors import (
    AuthenticationError,
    BadResponseError,
    PermissionDeniedError,
    PollError,
    RateLimitedError,
    UnavailableError,
)
from exporter.exchange_api.base import Exchange
from exporter.exchange_api.messages import ApiRequest, ApiResponse
from exporter.exchange_api.network import DIRECT, Route
from exporter.exchange_api.progress import Progress
from exporter.exchange_api.server_clock import ServerClock
from exporter.model import Account, BalancesResponse, Network
from exporter.polling.endpoint import Endpoint
from exporter.polling.rate_limit import (
    MAX_PAUSE,
    PERIOD,
    WINDOW,
    Backoff,
    next_due,
    outage_pause,
    rate_limit_pause,
)
from exporter.runtime.clock import Clock
from tests.accounts import make_account


class TimeLoop(asyncio.SelectorEventLoop):
    """Pass over every wait at once: without sockets there is nothing else to wait for."""

    def __init__(self) -> None:
        self.now = 1_000.0
        super().__init__(Waitless(self))

    def time(self) -> float:
        return self.now


class Waitless(selectors.SelectSelector):
    def __init__(self, loop: TimeLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout and timeout > 0:
            self._loop.now += timeout
        return super().select(0)


def in_virtual_time(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=TimeLoop) as runner:
        runner.run(main)


@dataclass(frozen=True, slots=True)
class Script:
    """Say when a poll is wanted, how long each of its requests takes, and how it ends."""

    wanted: float
    requests: tuple[float, ...]
    error: PollError | None = None
    given_up: float | None = None  # seconds after which a reload cancels it


@dataclass(slots=True)
class Request:
    began: float
    ended: float = float("inf")


@dataclass(slots=True)
class ScriptedApi:
    """Stand for an exchange and its HTTP client: note when requests are sent, and send none."""

    script: Script = Script(0.0, ())
    sent: list[Request] = field(default_factory=list)
    network: Network = field(default_factory=Network)
    route: Route = DIRECT
    base_url: str = "https://x"

    async def fetch_balances(
        self, _account: Account, _credentials: Mapping[str, Secret], session: Any
    ) -> BalancesResponse:
        script = session._client.script
        for duration in script.requests:
            await session.send(lambda duration=duration: ApiRequest(str(duration), {}))
        if script.error is not None:
            raise script.error
        return BalancesResponse(())

    async def send(self, wanted: ApiRequest, _progress: Progress, _patience: float) -> ApiResponse:
        await self.record(float(wanted.path))
        return ApiResponse(200, b"")

    async def record(self, duration: float) -> None:
        request = Request(asyncio.get_running_loop().time())
        self.sent.append(request)
        try:
            await asyncio.sleep(duration)
        finally:
            request.ended = asyncio.get_running_loop().time()


@dataclass(slots=True)
class Scene:
    """Run scripts at one endpoint, and keep what was sent and how each poll ended."""

    limit: int
    jitter: float = 1.0
    sent: list[Request] = field(default_factory=list)
    refusals: list[tuple[float, RateLimitedError]] = field(default_factory=list)
    successes: list[float] = field(default_factory=list)

    async def play(self, scripts: Sequence[Script]) -> None:
        loop = asyncio.get_running_loop()
        exchange = Exchange("x", _api, _parse, "https://x", "/", self.limit, ((),))
        clock = Clock(loop.time, loop.time)
        endpoint = Endpoint(exchange, self.limit, clock, jitter=lambda: self.jitter)
        async with asyncio.TaskGroup() as tasks:
            for script in scripts:
                tasks.create_task(self._poll(endpoint, script))

    async def _poll(self, endpoint: Endpoint, script: Script) -> None:
        await asyncio.sleep(script.wanted)
        client = ScriptedApi(script, self.sent)
        account = make_account(timeout=200.0, credentials={})
        with suppress(TimeoutError):
            async with asyncio.timeout(script.given_up):
                result = await endpoint.poll(account, cast("Any", client))
                now = asyncio.get_running_loop().time()
                if isinstance(result.outcome, RateLimitedError):
                    self.refusals.append((now, result.outcome))
                elif isinstance(result.outcome, BalancesResponse):
                    self.successes.append(now)


def _api(_clock: ServerClock) -> ScriptedApi:
    return ScriptedApi()


def _parse(_body: bytes) -> BalancesResponse:
    return BalancesResponse(())


def played(limit: int, scripts: Sequence[Script], jitter: float = 1.0) -> Scene:
    scene = Scene(limit, jitter)
    in_virtual_time(scene.play(scripts))
    return scene


ERRORS = st.sampled_from(
    [
        AuthenticationError("refused"),
        BadResponseError("html"),
        RateLimitedError("429"),
        RateLimitedError("429", retry_after=0.0),
        RateLimitedError("429", retry_after=55.0),
        RateLimitedError("429", retry_after=900.0),
        UnavailableError("503", retry_after=120.0),
    ]
)
DURATIONS = st.sampled_from([0.0, 0.01, 0.5, 9.0, 59.0, 61.0])
SCRIPTS = st.lists(
    st.builds(
        Script,
        wanted=st.floats(0, 300),
        requests=st.lists(DURATIONS, min_size=1, max_size=3).map(tuple),
        error=st.none() | st.none() | ERRORS,
        given_up=st.none() | st.none() | st.floats(0.001, 100),
    ),
    min_size=1,
    max_size=60,
)
LIMITS = st.sampled_from([1, 2, 3, 10, 60, 120])


@settings(max_examples=150)
@given(LIMITS, SCRIPTS, st.floats(0, 1))
def test_no_window_sees_more_than_the_limit_in_any_order_of_failures(
    limit: int, scripts: list[Script], jitter: float
):
    sent = played(limit, scripts, jitter).sent
    for last in sent:
        seen = [r for r in sent if r.began <= last.began and r.ended > last.began - PERIOD]
        assert len(seen) <= limit


@settings(max_examples=150)
@given(LIMITS, SCRIPTS, st.floats(0, 1))
def test_after_a_refusal_no_request_is_sent_before_the_exchange_allows_it(
    limit: int, scripts: list[Script], jitter: float
):
    scene = played(limit, scripts, jitter)
    for at, error in scene.refusals:
        wait = error.retry_after or 0.0
        early = [r for r in scene.sent if at < r.began < at + wait - 1e-6]
        assert early == []


@settings(max_examples=150)
@given(LIMITS, SCRIPTS)
def test_the_next_polls_work_after_any_history(limit: int, scripts: list[Script]):
    """Every wait is bounded: by the longest pause, and by the requests that still count."""
    after = Script(400.0, (0.1,))
    scene = played(limit, [*scripts, after])
    refused_last = max((at for at, _ in scene.refusals), default=1_400.0)
    requests = sum(len(script.requests) for script in scripts)
    in_turn = (requests / limit + 1) * (WINDOW + sum(sum(s.requests) for s in scripts))
    assert scene.successes
    assert scene.successes[-1] <= max(1_400.0, refused_last) + MAX_PAUSE + in_turn


def test_pauses_without_a_wish_double_up_to_a_quarter_of_an_hour_and_start_anew_after_a_success():
    refused, fine = Script(0.0, (0.0,), RateLimitedError("429")), Script(0.0, (0.0,))
    scene = played(60, [*[refused] * 7, fine, refused, refused])
    began = [request.began for request in scene.sent]
    gaps = [round(later - earlier) for earlier, later in pairwise(began)]
    assert gaps == [60, 120, 240, 480, 900, 900, 900, 1, 60]


@given(st.integers(1, 100), st.floats(0, 1))
def test_the_jitter_is_full(in_a_row: int, jitter: float):
    longest = rate_limit_pause(RateLimitedError("429"), in_a_row, 1.0)
    assert rate_limit_pause(RateLimitedError("429"), in_a_row, jitter) == jitter * longest
    assert longest == min(MAX_PAUSE, 30.0 * 2.0 ** min(in_a_row, 10))


@given(
    st.lists(
        st.sampled_from(
            [
                AuthenticationError("refused"),
                PermissionDeniedError("refused"),
                BadResponseError("html"),
                UnavailableError("503", retry_after=900.0),
                None,
            ]
        ),
        min_size=1,
        max_size=50,
    ),
    st.floats(1, 3600),
    st.floats(0, 30),
)
def test_an_account_is_never_left_alone_for_longer_than_its_pause_and_its_interval(
    outcomes: list[PollError | None], interval: float, duration: float
):
    due, refusals = 0.0, Backoff[str]()
    for outcome in outcomes:
        ended = due + duration
        pause = refusals.note("a", "key", outcome, ended) or outage_pause(outcome)
        due = next_due(due, ended, interval, pause)
        assert ended <= due + 1e-6
        assert due <= ended + max(interval, MAX_PAUSE) + 1e-6


def test_polls_that_wait_for_the_same_pause_do_not_start_together():
    waiting = [Script(1.0, (0.2,)) for _ in range(200)]
    refused = Script(0.0, (0.0,), RateLimitedError("429", retry_after=60.0))
    sent = played(120, [refused, *waiting]).sent
    gaps = [later.began - earlier.began for earlier, later in pairwise(sent[1:])]
    assert min(gaps) >= PERIOD / 120


@pytest.mark.parametrize("on_their_way", [1, 5, 20])
def test_refusals_of_requests_that_were_on_their_way_together_are_one(on_their_way: int):
    refused = [Script(0.0, (20.0,), RateLimitedError("429")) for _ in range(on_their_way)]
    scene = played(120, [*refused, Script(30.0, (0.0,))])
    assert round(scene.sent[-1].began - scene.refusals[0][0]) <= 60 + 20
