"""Credentials: read from files in every state, and never shown."""

import asyncio
import copy
import os
import pickle
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from exporter.credentials import (
    MAX_SECRET_BYTES,
    CredentialsReader,
    Secret,
    SecretFile,
    base64_text,
    pem_text,
)
from exporter.errors import CredentialsError

CANARY = "canary-7c1d9e"


def write(folder: Path, content: bytes) -> SecretFile:
    path = folder / "secret"
    path.write_bytes(content)
    return SecretFile(path)


@pytest.mark.parametrize(
    "content",
    [b"s3cret", b"s3cret\n", b"s3cret\r\n", b"  s3cret \n\n", b"\xef\xbb\xbfs3cret\r\n"],
)
def test_white_space_around_a_secret_does_not_count(tmp_path: Path, content: bytes):
    assert write(tmp_path, content).read().reveal() == "s3cret"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"a\nb", "must be one line"),
        (b"a\x00b", "must be one line"),
        ("schlüssel".encode(), "must be one line of printable ASCII"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * (MAX_SECRET_BYTES + 1), "larger than"),
    ],
)
def test_a_file_that_holds_no_secret_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, why: str
):
    with pytest.raises(CredentialsError, match=why):
        write(tmp_path, content).read()


@pytest.mark.parametrize(
    ("pasted", "why"),
    [
        (CANARY, "No such file or directory"),
        (f"{CANARY}/+==", "No such file or directory"),
        (CANARY * 20, "File name too long"),
        (f"file/{CANARY}", "Not a directory"),
    ],
)
async def test_what_is_no_file_is_told_by_its_key_because_it_may_be_the_secret(
    tmp_path: Path, pasted: str, why: str
):
    (tmp_path / "file").touch()
    source = SecretFile(tmp_path / pasted)
    with pytest.raises(CredentialsError) as caught:
        await CredentialsReader().read_all({"api_key": Secret("key"), "api_secret": source})
    assert str(caught.value) == f"api_secret_file: {why}"
    assert CANARY not in repr(source)


def test_a_folder_is_no_secret(tmp_path: Path):
    with pytest.raises(CredentialsError):
        SecretFile(tmp_path).read()


def test_a_fifo_is_refused_without_waiting_for_its_writer(tmp_path: Path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(CredentialsError, match="not a regular file"):
        SecretFile(tmp_path / "fifo").read()


def test_a_device_is_refused():
    with pytest.raises(CredentialsError, match="not a regular file"):
        SecretFile(Path("/dev/zero")).read()


def test_a_replaced_file_is_read_anew(tmp_path: Path):
    source = write(tmp_path, b"old")
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").rename(source.path)
    assert source.read().reveal() == "new"


def test_a_symbolic_link_that_is_turned_is_followed(tmp_path: Path):
    for name in ("old", "new"):
        (tmp_path / name).write_text(name)
    link = tmp_path / "link"
    link.symlink_to("old")
    assert SecretFile(link).read().reveal() == "old"
    (tmp_path / "turned").symlink_to("new")
    (tmp_path / "turned").rename(link)
    assert SecretFile(link).read().reveal() == "new"


def test_a_file_that_everyone_can_read_is_known(tmp_path: Path):
    source = write(tmp_path, b"s3cret")
    source.path.chmod(0o604)
    assert source.is_readable_by_others()
    source.path.chmod(0o640)
    assert not source.is_readable_by_others()
    assert not SecretFile(tmp_path / "nowhere").is_readable_by_others()


def test_only_a_regular_file_can_be_readable_by_others(tmp_path: Path):
    tmp_path.chmod(0o755)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    fifo.chmod(0o644)
    assert not SecretFile(tmp_path).is_readable_by_others()
    assert not SecretFile(fifo).is_readable_by_others()


async def test_all_credentials_of_an_account_are_read(tmp_path: Path):
    sources: dict[str, Secret | SecretFile] = {
        "api_key": Secret("key"),
        "api_secret": write(tmp_path, b"secret\n"),
    }
    read = await CredentialsReader().read_all(sources)
    assert {name: secret.reveal() for name, secret in read.items()} == {
        "api_key": "key",
        "api_secret": "secret",
    }


async def test_a_file_that_hangs_is_read_once_however_often_it_is_wanted(tmp_path: Path):
    hangs, reads = threading.Event(), []

    class Hanging(SecretFile):
        def read(self) -> Secret:
            reads.append(self.path)
            hangs.wait()
            return SecretFile.read(self)

    (tmp_path / "secret").write_text("s3cret")
    reader, sources = CredentialsReader(), {"token": Hanging(tmp_path / "secret")}
    for _ in range(5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await reader.read_all(sources)
    hangs.set()
    assert (await reader.read_all(sources))["token"].reveal() == "s3cret"
    assert len(reads) <= 2


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format, lambda s: f"{[s]}"])
def test_a_secret_is_never_shown(show):
    assert CANARY not in show(Secret(CANARY))


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_does_not_leave_by_pickle_or_copy(leave):
    with pytest.raises(TypeError) as caught:
        leave(Secret(CANARY))
    assert CANARY not in str(caught.value)


def test_equal_secrets_are_equal():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that every user may enter, which pytest's own is not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def unprivileged() -> Iterator[None]:
    """Do without the rights of root, if we have them."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_of_another_user_is_described_by_ids_and_mode(folder: Path):
    source = write(folder, b"s3cret")
    source.path.chmod(0o000)
    owner = os.geteuid(), os.getegid()
    with unprivileged(), pytest.raises(CredentialsError) as caught:
        source.read()
    assert str(caught.value) == (
        f"permission denied to uid {owner[0] or 65534}, gid {owner[1]}: "
        f"the file has mode 0000, owner {owner[0]}, group {owner[1]}"
    )


def test_a_folder_that_can_not_be_entered_is_what_is_wrong(folder: Path):
    source = write(folder, b"s3cret")
    folder.chmod(0o600)
    with unprivileged(), pytest.raises(CredentialsError, match="a folder on the way can't"):
        source.read()
    folder.chmod(0o700)


def test_a_secret_of_the_largest_size_is_read_and_a_larger_one_is_not(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("x" * MAX_SECRET_BYTES)
    assert len(SecretFile(path).read().reveal()) == MAX_SECRET_BYTES == 16 * 1024
    path.write_text("x" * (MAX_SECRET_BYTES + 1))
    with pytest.raises(CredentialsError, match="larger than"):
        SecretFile(path).read()


@pytest.mark.parametrize("content", ['"abc"', "'abc'", '"abc', "abc'", "BTCTURK_API_KEY=abc"])
def test_a_secret_pasted_with_its_decoration_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "secret"
    path.write_text(content)
    with pytest.raises(CredentialsError) as caught:
        SecretFile(path).read()
    assert "abc" not in str(caught.value)


PEM = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        PEM.replace("BEGIN", "BEGAN"),
        PEM.replace("END", "FIN"),
        PEM.replace("MC4", "MÇ4"),
        PEM.replace("MC4", "M\x004"),
        PEM.splitlines()[0],
        "MC4CAQAwBQYDK2VwBCIEIA==",
    ],
)
def test_what_is_no_pem_block_is_refused(text: str):
    pem_text(PEM)
    with pytest.raises(ValueError, match="PEM"):
        pem_text(text)


@pytest.mark.parametrize("text", ["c2Vj cmV0", "c2Vj-cmV0", "c2VjcmV", "çç=="])
def test_what_is_no_base64_is_refused_without_being_repeated(text: str):
    base64_text("c2VjcmV0")
    with pytest.raises(ValueError, match="must be") as caught:
        base64_text(text)
    assert text not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_secret_is_read_anew_each_time(tmp_path: Path):
    reader, file = CredentialsReader(), write(tmp_path, b"old")
    assert (await reader.read_all({"api_key": file}))["api_key"].reveal() == "old"
    write(tmp_path, b"new")
    assert (await reader.read_all({"api_key": file}))["api_key"].reveal() == "new"


def test_reading_leaves_no_descriptor_open(tmp_path: Path):
    file, folder = write(tmp_path, b"s3cret"), SecretFile(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        file.read()
        with pytest.raises(CredentialsError):
            folder.read()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
