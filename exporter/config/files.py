"""Find the files of a configuration: named, in folders, or by globs."""

import glob
import hashlib
from collections.abc import Iterable
from pathlib import Path

from exporter.yamlfile.nodes import Problem
from exporter.yamlfile.reader import MAX_BYTES

_ENDINGS = frozenset({".yaml", ".yml"})


def find_files(patterns: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[Problem, ...]]:
    """Return every file once, in order, and a problem for each pattern that finds none.

    A folder stands for its *.yaml and *.yml in the order of their names, without hidden files.
    """
    found: dict[Path, None] = {}
    problems = []
    for pattern in patterns:
        try:
            files = _matching(pattern)
            message = "" if files else "no *.yaml or *.yml file is found here"
        except OSError as error:
            files, message = [], f"can't be read: {error.strerror}"
        if message:
            problems.append(Problem(str(pattern), 1, 1, "(file)", message))
        found.update(dict.fromkeys(files))
    return tuple(found), tuple(problems)


def fingerprint(patterns: Iterable[Path]) -> bytes:
    """Return what changes with the names and the content of the files; reads at most 1 MiB each."""
    digest = hashlib.blake2b(digest_size=32)
    files, problems = find_files(patterns)
    for file in files:
        digest.update(f"\0{file}\0".encode(errors="surrogateescape"))
        try:
            if file.is_file():
                with file.open("rb") as opened:
                    digest.update(opened.read(MAX_BYTES + 1))
        except OSError as error:
            digest.update(str(error.errno).encode())
    digest.update(str(len(problems)).encode())
    return digest.digest()


def _matching(pattern: Path) -> list[Path]:
    if pattern.is_dir():
        return _in_folder(pattern)
    if pattern.exists() or not glob.has_magic(str(pattern)):
        return [pattern]
    matches = sorted(map(Path, glob.glob(str(pattern), recursive=True)))  # noqa: PTH207 - absolute too
    return [
        file for match in matches for file in (_in_folder(match) if match.is_dir() else [match])
    ]


def _in_folder(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix in _ENDINGS and not path.name.startswith(".") and not path.is_dir()
    )
