"""Write the page of the command line."""

from collections.abc import Iterator

from docs.source.markdown import NOTICE, code, table
from exporter.commands.command_line import CommandLine, Flag, FlagGroup
from exporter.commands.flags import COMMANDS, DAEMON
from exporter.commands.parser import NAME

_TOP = f"""# Command line

{NOTICE}
`{NAME}` without a command runs the daemon; `python -m exporter` is the same. `--version` prints
the version, and `--help` behind a command prints its flags. Logs go to stderr.

Every flag has an environment variable, given below. The flag wins; separate several values by
commas; switches are `true` or `false`; an empty variable is ignored. `poll` and `assets` share the
variable of `--format`: each ignores what only the other one knows.

Exit status: 0 after success or a signal, 1 after a failure, 2 for a wrong flag or configuration.
`poll` ends with 1 if an account failed.
"""


def page() -> str:
    """Return the page."""
    return _TOP + "".join(map(_command, (DAEMON, *COMMANDS)))


def _command(command: CommandLine) -> str:
    arguments = "".join(
        f" [{each.name}]" if each.is_optional else f" {each.name}" for each in command.arguments
    )
    title = f"{NAME} {command.name}".strip() + arguments
    return f"\n## `{title}`\n\n{command.help[:1].upper()}{command.help[1:]}.\n" + "".join(
        _parts(command)
    )


def _parts(command: CommandLine) -> Iterator[str]:
    if command.arguments:
        rows = [(code(each.name), each.help) for each in command.arguments]
        yield "\n" + table(("Argument", "Meaning"), rows)
    for group in command.groups:
        yield f"\n{_group(group)}"


def _group(group: FlagGroup) -> str:
    title = f"### {group.title[:1].upper()}{group.title[1:]}\n\n"
    titles = ("Flag", "Default", "Meaning", "Environment variable", "Since")
    return title + table(titles, map(_row, group.flags))


def _row(flag: Flag) -> tuple[str, ...]:
    value = f"={flag.metavar}"
    name = f"--{flag.name}{f'[{value}]' if flag.is_switch else value}"
    return code(name), code(flag.default_text), flag.help, code(flag.variable), flag.since
