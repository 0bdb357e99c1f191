"""Parse the command line: flags first, then their environment variables, then defaults."""

import argparse
import difflib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NoReturn

from exporter import __version__
from exporter.commands.command_line import (
    VARIABLE_PREFIX,
    Argument,
    CommandLine,
    Flag,
    FlagGroup,
)
from exporter.commands.flags import COMMANDS, DAEMON

NAME = "exchange-balance-exporter"

_NO_FLAGS = frozenset({"-h", "--help", "--version", "--"})
"""What ends the search for misspelled names: argparse prints, or takes the rest as arguments."""

_EPILOG = (
    "Every flag has an environment variable, which the flag overrides: --web.listen-address is "
    f"{VARIABLE_PREFIX}WEB_LISTEN_ADDRESS. Several values are separated by commas."
)


def parse_command_line(arguments: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    """Return every value of the chosen command, whose name is in `command`.

    Exits with status 2 after one line that says what is wrong, and a hint; a health check exits
    with 1 after one line, because Docker reserves 2.
    """
    try:
        return _parse(arguments, environ)
    except _UsageError as error:
        line, manual = f"{NAME}: error: {error}", f"`{error.program} --help`"
        is_probe = _meant(_with_values(arguments)).is_probe
        print(f"{line}; see {manual}" if is_probe else f"{line}\nSee {manual}.", file=sys.stderr)
        sys.exit(1 if is_probe else 2)


def _parse(arguments: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    parser, commands = _parsers()
    words = _with_values(arguments)
    _check_names(words, {"": parser, **commands})
    options, unknown = parser.parse_known_args(words)
    is_check = getattr(options, "config_check", "false") != "false"
    chosen: CommandLine = DAEMON if is_check else options.chosen
    its_parser = commands.get(chosen.name, parser)
    if unknown:
        its_parser.error(_unknown(unknown[0], chosen))
    for flag in chosen.flags:
        if not hasattr(options, flag.destination):
            value = _of_environment(flag, environ, its_parser)
            setattr(options, flag.destination, value)
    options.command = chosen.name
    return options


def _parsers() -> tuple[argparse.ArgumentParser, dict[str, argparse.ArgumentParser]]:
    parser = _Parser(
        prog=NAME,
        usage=f"{NAME} [FLAG ...] [COMMAND ...]",
        description="Expose the balances that exchanges hold for you to Prometheus. "
        "Without a command the daemon runs.",
        epilog=_EPILOG,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(chosen=DAEMON)
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    for group in DAEMON.groups:
        _add_group(parser, group)
    choices = parser.add_subparsers(title="commands", metavar="COMMAND", prog=NAME)
    return parser, {command.name: _add_command(choices, command) for command in COMMANDS}


def _add_command(
    choices: "argparse._SubParsersAction[_Parser]", command: CommandLine
) -> argparse.ArgumentParser:
    parser = choices.add_parser(
        command.name,
        usage=" ".join((NAME, command.name, *map(_shown, command.arguments), "[FLAG ...]")),
        help=command.help,
        description=command.help,
        epilog=_EPILOG,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
    )
    parser.set_defaults(chosen=command)
    for argument in command.arguments:
        _add_argument(parser, argument)
    for group in command.groups:
        _add_group(parser, group)
    return parser


def _shown(argument: Argument) -> str:
    return f"[{argument.name}]" if argument.is_optional else argument.name


def _add_group(parser: argparse.ArgumentParser, group: FlagGroup) -> None:
    added = parser.add_argument_group(group.title)
    for flag in group.flags:
        default = f" (default: {flag.default_text})" if flag.default_text else ""
        added.add_argument(
            f"--{flag.name}",
            dest=flag.destination,
            action="append" if flag.is_repeatable else "store",
            type=_type(flag.parse),
            metavar=flag.metavar,
            nargs="?" if flag.is_switch else None,
            help=f"{flag.help}{default}".replace("%", "%%"),
        )


def _add_argument(parser: argparse.ArgumentParser, argument: Argument) -> None:
    parser.add_argument(
        argument.destination,
        metavar=argument.name,
        type=_type(argument.parse),
        nargs="?" if argument.is_optional else None,
        default=argument.default,
        help=argument.help,
    )


def _type(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:  # noqa: ANN401 - each flag has a type of its own
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _with_values(arguments: Sequence[str]) -> list[str]:
    """Give each switch its value, so that the argument behind it is never taken for one."""
    every = (flag for command in (DAEMON, *COMMANDS) for flag in command.flags)
    switches = {f"--{flag.name}" for flag in every if flag.is_switch}
    return [f"{each}=true" if each in switches else each for each in arguments]


def _check_names(words: Sequence[str], parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    """Exit if a flag or the command is misspelled.

    argparse takes the word behind an unknown flag for a command, and complains of that.
    """
    commands = {command.name: command for command in COMMANDS}
    meant = _meant(words)
    chosen = DAEMON
    rest = iter(words)
    for word in rest:
        name, has_value, _ = word.partition("=")
        if name in _NO_FLAGS:
            return
        if name.startswith("-"):
            if name not in _names(chosen):
                parsers[meant.name].error(_unknown(word, meant))
            if not has_value:
                next(rest, None)
        elif chosen is DAEMON:
            if word not in commands:
                parsers[""].error(_unknown_command(word, commands))
            chosen = commands[word]


def _meant(words: Sequence[str]) -> CommandLine:
    """Return the command that is named first, whatever is wrong around it."""
    commands = {command.name: command for command in COMMANDS}
    flags = _names(DAEMON)
    named = (
        commands[word]
        for before, word in pairwise(("", *words))
        if word in commands and before not in flags  # behind a flag it is the value
    )
    return next(named, DAEMON)


def _names(command: CommandLine) -> list[str]:
    return [f"--{flag.name}" for flag in command.flags]


def _unknown_command(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word[:60], known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"choose from {', '.join(known)}"
    return f"unknown command; {hint}"


def _of_environment(flag: Flag, environ: Mapping[str, str], parser: argparse.ArgumentParser) -> Any:  # noqa: ANN401 - each flag has a type of its own
    """Return what a flag's environment variable says, or the default if that is unset or empty.

    What only another command's flag of this name understands is meant for that one.
    """
    text = environ.get(flag.variable, "").strip()
    if not text:
        return flag.default
    try:
        if flag.is_repeatable:
            return tuple(flag.parse(each) for each in flag.split(text))
        return flag.parse(text)
    except ValueError as error:
        if any(_is_valid(each, text) for each in _namesakes(flag)):
            return flag.default
        parser.error(f"environment variable {flag.variable}: {error}")


def _namesakes(flag: Flag) -> Iterator[Flag]:
    every = (each for command in COMMANDS for each in command.flags)
    return (each for each in every if each.variable == flag.variable and each is not flag)


def _is_valid(flag: Flag, text: str) -> bool:
    try:
        flag.parse(text)
    except ValueError:
        return False
    return True


def _unknown(argument: str, command: CommandLine) -> str:
    name = argument.partition("=")[0]
    if not name.startswith("-"):
        return "unexpected argument"
    known = _names(command)
    if name in known:
        return f"{name} must follow the command {command.name}"
    near = difflib.get_close_matches(name[:60], known, n=1)
    return f"unknown flag {name}{f'; did you mean {near[0]}?' if near else ''}"


class _UsageError(Exception):
    """A command line can't be used; `program` is the one whose help explains it."""

    def __init__(self, message: str, program: str) -> None:
        super().__init__(message)
        self.program = program


class _Parser(argparse.ArgumentParser):
    """Raise what is wrong, where argparse prints its usage and exits."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(message, self.prog)
