"""A change of the configuration files is noticed once, whoever reads it first."""

from pathlib import Path

import pytest

from exporter.config.loader import ConfigError
from exporter.config.watched_files import WatchedFiles

TEXT = """\
accounts:
  - name: a
    exchange: btcturk
    credentials: {api_key: k, api_secret: c2VjcmV0}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return path


def test_a_change_is_noticed_once(file: Path):
    files = WatchedFiles([file])
    files.load({})
    assert not files.have_changed()
    file.write_text(TEXT.replace("name: a", "name: b"))
    assert files.have_changed()
    assert not files.have_changed()


def test_a_change_that_was_loaded_is_none(file: Path):
    files = WatchedFiles([file])
    files.load({})
    file.write_text(TEXT.replace("name: a", "name: b"))
    assert [account.name for account in files.load({}).accounts] == ["b"]
    assert not files.have_changed()


def test_a_file_that_was_rejected_is_not_read_again_until_it_changes(file: Path):
    files = WatchedFiles([file])
    files.load({})
    file.write_text("accounts: 5\n")
    with pytest.raises(ConfigError):
        files.load({})
    assert not files.have_changed()
    file.write_text(TEXT)
    assert files.have_changed()
