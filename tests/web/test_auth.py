"""Only who knows a password gets in, and trying tells nobody anything."""

import asyncio
import base64
import time
from functools import lru_cache

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.web.auth import PasswordCheck
from exporter.web.messages import RefusedError


@lru_cache
def hashed(password: str, cost: int = 4) -> str:
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


USERS = {"alice": hashed("wonderland"), "bob": hashed("builder")}


async def test_the_right_password_is_right_again_and_again():
    check = PasswordCheck()
    assert [await check.is_right(basic("alice", "wonderland"), USERS) for _ in range(3)] == [
        True
    ] * 3


@pytest.mark.parametrize(
    "authorization",
    [
        pytest.param("", id="nothing"),
        pytest.param(basic("alice", "builder"), id="another user's password"),
        pytest.param(basic("alice", ""), id="no password"),
        pytest.param(basic("ALICE", "wonderland"), id="another user"),
        pytest.param(basic("", "wonderland"), id="no user"),
        pytest.param(basic("carol", "wonderland"), id="an unknown user"),
        pytest.param(basic("alice", "wonderland" + "x" * 100), id="more than 72 bytes"),
        pytest.param(basic("alice", "wonderland\0"), id="a NUL behind it"),
        pytest.param(basic("alice", "wonderland").replace("Basic", "Bearer"), id="another scheme"),
        pytest.param("Basic", id="a scheme alone"),
        pytest.param("Basic !!!!", id="not base64"),
        pytest.param("Basic YWxpY2U=", id="no colon"),
        pytest.param("Basic /////w==", id="not UTF-8"),
        pytest.param(
            basic("alice", "wonderland") + ", " + basic("bob", "builder"), id="two at once"
        ),
    ],
)
async def test_anything_else_is_wrong_again_and_again(authorization):
    check = PasswordCheck()
    assert not any([await check.is_right(authorization, USERS) for _ in range(3)])


@given(st.text())
def test_no_header_is_too_strange(header):
    assert not asyncio.run(PasswordCheck().is_right(header, USERS))


async def test_a_password_of_72_bytes_is_not_too_long():
    password = "p" * 72
    users = {"alice": hashed(password)}
    assert await PasswordCheck().is_right(basic("alice", password), users)


async def test_a_password_may_hold_colons_and_any_letters():
    users = {"Zoë": hashed("пароль: ☂")}
    assert await PasswordCheck().is_right(basic("Zoë", "пароль: ☂"), users)


async def test_a_new_password_replaces_the_old_one_at_once():
    check = PasswordCheck()
    assert await check.is_right(basic("alice", "wonderland"), USERS)
    assert not await check.is_right(basic("alice", "wonderland"), {"alice": hashed("new")})


async def test_a_user_who_is_removed_is_out_at_once():
    check = PasswordCheck()
    assert await check.is_right(basic("alice", "wonderland"), USERS)
    assert not await check.is_right(basic("alice", "wonderland"), {"bob": USERS["bob"]})


async def test_no_login_can_be_mistaken_for_another_by_moving_its_parts():
    """CVE-2022-46146: what was remembered was user, hash and password in one string."""
    check = PasswordCheck()
    whole = f"alice{USERS['alice']}wonderland"
    assert await check.is_right(basic("alice", "wonderland"), USERS)
    for end in range(len(whole)):
        if whole[:end] != "alice":
            assert not await check.is_right(basic(whole[:end], whole[end:]), USERS)


@given(st.lists(st.text()), st.lists(st.text()))
def test_what_is_remembered_stands_for_one_login_only(parts, others):
    check = PasswordCheck()
    assert (check._digest(*parts) == check._digest(*others)) == (parts == others)


async def test_an_unknown_user_is_rejected_with_the_password_of_another():
    """Nor does it later: the hash that such a login is checked against is another user's."""
    check = PasswordCheck()
    users = {"alice": USERS["alice"]}
    assert await check.is_right(basic("alice", "wonderland"), users)
    for _ in range(3):
        assert not await check.is_right(basic("mallory", "wonderland"), users)


async def test_an_unknown_user_takes_as_long_as_a_wrong_password():
    users = {"alice": hashed("wonderland", 9)}
    check = PasswordCheck()

    async def work(user: str, password: str) -> float:
        start = time.process_time()
        await check.is_right(basic(user, password), users)
        return time.process_time() - start

    known = min([await work("alice", f"wrong{number}") for number in range(7)])
    unknown = min([await work(f"user{number}", f"wrong{number}") for number in range(7)])
    assert 0.5 < unknown / known < 2


async def test_1000_good_and_1000_bad_logins_at_once_are_told_apart():
    check = PasswordCheck()
    logins = [basic("alice", "wonderland"), basic("alice", "wrong")] * 1000
    verdicts = await asyncio.gather(*(check.is_right(login, USERS) for login in logins))
    assert verdicts == [True, False] * 1000


async def test_a_check_leaves_the_event_loop_free():
    check = PasswordCheck()
    slow = asyncio.create_task(check.is_right(basic("alice", "x"), {"alice": hashed("y", 11)}))
    turns = 0
    while not slow.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 100


async def test_guessing_in_parallel_is_refused_but_known_logins_still_pass():
    check = PasswordCheck()
    assert await check.is_right(basic("alice", "wonderland"), USERS)
    guesses = [check.is_right(basic("alice", f"guess{n}"), USERS) for n in range(200)]
    guessing = asyncio.gather(*guesses, return_exceptions=True)
    await asyncio.sleep(0)
    assert await check.is_right(basic("alice", "wonderland"), USERS)
    outcomes = await guessing
    assert outcomes.count(False) == 16
    refusals = [outcome for outcome in outcomes if isinstance(outcome, RefusedError)]
    assert [refusal.response.status for refusal in refusals] == [503] * 184


async def test_guessing_in_parallel_keeps_nobody_at_another_address_out():
    check = PasswordCheck()
    guesses = [check.is_right(basic("alice", f"guess{n}"), USERS, "10.0.0.1") for n in range(200)]
    guessing = asyncio.gather(*guesses, return_exceptions=True)
    await asyncio.sleep(0)
    assert await check.is_right(basic("alice", "wonderland"), USERS, "10.0.0.2")
    await guessing


async def test_guessing_from_many_addresses_is_bounded():
    check = PasswordCheck()
    guesses = [check.is_right(basic("alice", f"guess{n}"), USERS, f"10.0.0.{n}") for n in range(99)]
    outcomes = await asyncio.gather(*guesses, return_exceptions=True)
    assert outcomes.count(False) == 64


async def test_wrong_guesses_do_not_push_out_what_is_remembered():
    check = PasswordCheck()
    await check.is_right(basic("alice", "wonderland"), USERS)
    for number in range(200):
        await check.is_right(basic("alice", f"guess{number}"), USERS)
    assert len(check._right) == 1


async def test_what_is_remembered_is_bounded():
    check = PasswordCheck()
    users = {f"user{number}": USERS["alice"] for number in range(150)}
    for user in users:
        assert await check.is_right(basic(user, "wonderland"), users)
    assert len(check._right) == 100


async def test_a_client_that_leaves_does_not_end_the_check_for_others():
    check = PasswordCheck()
    first = asyncio.create_task(check.is_right(basic("alice", "wonderland"), USERS))
    second = asyncio.create_task(check.is_right(basic("alice", "wonderland"), USERS))
    await asyncio.sleep(0)
    first.cancel()
    assert await second


async def test_a_right_password_with_an_unknown_user_is_not_remembered():
    check = PasswordCheck()
    users = {"alice": bcrypt.hashpw(b"wonderland", bcrypt.gensalt(4)).decode()}
    for _ in range(3):
        assert not await check.is_right(basic("mallory", "wonderland"), users)
    assert not check._right
    assert await check.is_right(basic("alice", "wonderland"), users)
    assert len(check._right) == 1
