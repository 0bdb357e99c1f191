"""Check a configuration, and print an example or the JSON Schema of one."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporter.config.example import config_example
from exporter.config.findings import examine
from exporter.config.json_schema import json_schema
from exporter.config.loader import Config, ConfigError, load
from exporter.daemon import OPEN_ADVICE, OPEN_TO_ALL
from exporter.web import config as web_config
from exporter.web.addresses import Address
from exporter.yamlfile.nodes import Problem


def check(
    files: Sequence[Path],
    web_file: Path | None,
    environ: Mapping[str, str],
    *,
    syntax_only: bool = False,
) -> tuple[list[str], bool]:
    """Return what is wrong or suspicious, line by line, and whether nothing is wrong.

    With `syntax_only` neither secrets nor variables are needed, and nothing is suspicious.
    """
    problems: list[Problem] = []
    lines: list[str] = []
    config: Config | None = None
    try:
        config = load(files, environ, syntax_only=syntax_only)
    except ConfigError as error:
        problems += error.problems
    if config is not None and not syntax_only:
        findings = examine(config, environ)
        problems += findings.errors
        lines += map(str, findings.suspicions)
    if web_file is not None:
        found, warnings = _check_web(web_file, environ, syntax_only=syntax_only)
        problems += found
        lines += [] if syntax_only else map(str, warnings)
    return [*map(str, problems), *lines], not problems


def open_addresses(addresses: Sequence[Address], web_file: Path | None) -> list[str]:
    """Return a warning for each address at which every client could read the balances."""
    try:
        if web_file is not None and not web_config.load(web_file).is_open:
            return []
    except ConfigError:
        return []
    return [
        f"(command line):1:1: --web.listen-address: warning: {OPEN_TO_ALL} ({address}); "
        f"{OPEN_ADVICE}"
        for address in addresses
        if not _is_private(address)
    ]


def _is_private(address: Address) -> bool:
    """Return whether only this machine reaches an address; a name is not looked up."""
    try:
        return bool(address.host) and address.is_private
    except ValueError:
        return True


def _check_web(
    file: Path, environ: Mapping[str, str], *, syntax_only: bool
) -> tuple[Sequence[Problem], Sequence[Problem]]:
    """Return what keeps the web configuration from being used, and its warnings."""
    try:
        return (), web_config.load(file, environ, syntax_only=syntax_only).warnings
    except ConfigError as error:
        return error.problems, ()


def text_of(action: str) -> str:
    """Return what `config init` or `config schema` prints."""
    if action == "init":
        return config_example()
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
