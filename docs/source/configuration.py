"""Write the page of the configuration."""

from collections.abc import Iterator

from docs.source.markdown import NOTICE, code, table
from exporter.config.configuration import CONFIGURATION
from exporter.config.schema import Member, Section, Setting
from exporter.config.settings import LIMITS
from exporter.exchanges import EXCHANGES

_TOP = f"""# Configuration

{NOTICE}
The configuration is YAML: one file, several, or folders of them (`--config.file` is repeatable
and takes globs). `accounts` and `retired` of all files add up; `defaults`, `exchanges` and
`valuation` can be set in one file only. A folder means its `*.yaml` and `*.yml` in the order
of their names, without hidden files. Unknown and repeated keys are errors.

- `exchange-balance-exporter config init` prints a commented configuration with every key.
- `exchange-balance-exporter config schema` prints its JSON Schema, for editors.
- `exchange-balance-exporter --config.check` prints every problem as
  `FILE:LINE:COL: path: message`, and the warnings that the daemon would log; it reads the secret
  files, too. The exit status is 0, or 2 after an error. `--config.check=syntax` needs neither
  secrets nor variables, for a repository's CI.

Durations are written as in Prometheus: `500ms`, `30s`, `1m30s`, `5m`, `1h`, `1d`.

## Variables

`${{NAME}}` in any value is replaced by the environment variable, without the white space around
it; `${{NAME:-text}}` by the text if the variable is unset or empty. `$$` is a literal `$`. A
variable that is not set is an error that names it. What comes from a variable is read as if it
were quoted, except that numbers and booleans may come from one, too. In braces and brackets YAML
needs quotes: `{{api_key: "${{KEY}}"}}`. In `proxy_url` the value of a variable is percent-encoded,
unless the variable is the whole value.

## Files with secrets

Any credential can come from a file: `api_secret_file` in place of `api_secret`, `proxy_url_file`
in place of `proxy_url`. The file is read again when it changes, without a reload. A relative path
starts at the folder of the configuration file that names it. An account whose file is missing or
unreadable is down with reason `config`; the others are polled. A secret in quotes, or written as
`NAME=VALUE`, is rejected.

## Reload

SIGHUP, `POST /-/reload` (with `--web.enable-lifecycle`) and `--config.auto-reload-interval` reload
the files. The log says which accounts were added, removed and changed, and by which keys. Files
with a problem change nothing: the previous configuration stays in force.
"""

_LIMITS = """
The documented limits, which are the defaults. An exchange of ccxt has the limit that ccxt knows, at
most 60.

"""


def page() -> str:
    """Return the page."""
    return _TOP + "".join(_section(CONFIGURATION, "", 2))


def _section(section: Section, path: str, level: int) -> Iterator[str]:
    title = f"`{path}`" if path else "Top level"
    yield f"\n{'#' * level} {title}\n\n{section.doc}\n\n"
    titles = ("Key", "Type", "Default", "Meaning", "Example", "Since")
    yield table(titles, map(_row, section.members))
    if section is LIMITS:
        yield _LIMITS
        yield table(("Exchange", "Requests a minute", "Counted for each"), _limits())
    for member in section.members:
        if isinstance(member, Section) and _is_described_here(section, member):
            yield from _section(member, _path(path, member), min(level + 1, 4))


def _limits() -> Iterator[tuple[str, ...]]:
    for name, exchange in EXCHANGES.items():
        client = "account" if exchange.has_limit_per_account else "address"
        yield code(name), str(exchange.requests_per_minute), client


def _is_described_here(section: Section, member: Section) -> bool:
    """Return whether a section is described below this one; `accounts` describes what it shares."""
    return section.key != "defaults" or member.key not in {
        each.key
        for accounts in CONFIGURATION.members
        for each in _members(accounts)
        if accounts.key == "accounts"
    }


def _members(member: Member) -> tuple[Member, ...]:
    return member.members if isinstance(member, Section) else ()


def _path(path: str, section: Section) -> str:
    key = f"{path}.{section.key}" if path else section.key
    suffix = {"mapping": "", "list": "[]", "names": ".<exchange>"}[section.form]
    return key + suffix


def _row(member: Member) -> tuple[str, ...]:
    if isinstance(member, Setting):
        kind, default, example = member.kind.name, member.shown_default, code(member.example)
    else:
        kind = {"mapping": "mapping", "list": "list of mappings", "names": "mapping"}[member.form]
        default = example = ""
    return code(member.key), kind, default, member.doc, example, member.since
