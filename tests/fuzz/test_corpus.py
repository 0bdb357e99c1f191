"""The seed corpus is large, small-grained, and exactly what the project's own data make of it."""

from pathlib import Path

from fuzz.make_corpus import make
from fuzz.targets import FOLDER, TARGETS, files

CORPUS = FOLDER / "corpus"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


def test_the_corpus_is_what_the_script_makes(tmp_path: Path):
    make(tmp_path / "corpus")
    made, committed = contents(tmp_path / "corpus"), contents(CORPUS)
    names = made.keys() | committed.keys()
    changed = [name for name in sorted(names) if made.get(name) != committed.get(name)]
    assert not changed, "run python -m fuzz.make_corpus"


def test_the_corpus_has_files_for_every_target():
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)
    assert all(len(list(files(name))) > 10 for name in TARGETS)


def test_the_corpus_has_at_least_five_hundred_small_files():
    sizes = [len(content) for content in contents(CORPUS).values()]
    assert len(sizes) >= 500
    assert max(sizes) < 20_000
    assert sum(sizes) < 3_000_000
