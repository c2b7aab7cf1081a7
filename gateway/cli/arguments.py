"""What the parsers of commands share."""

from __future__ import annotations

import os
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, TypeAlias, get_args

from gateway.config.command_name import as_called_here
from streaming.formats import OutputFormat

AUDIO_FORMATS = get_args(OutputFormat)
LIST = "list"
DEFAULT_URL = "http://127.0.0.1:8000"

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


class CommandParser(ArgumentParser):
    """A parser that complains itself of what it does not know: argparse leaves that to the parser above all
    commands, whose usage helps nobody.
    """

    def parse_known_args(  # type: ignore[override]  # one signature for its three
        self,
        args: Sequence[str] | None = None,
        namespace: Any = None,  # noqa: ANN401 - whatever argparse was given
    ) -> tuple[Any, list[str]]:
        """Return the arguments; there are none beside that are not known."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown


def add_command(
    commands: Commands, name: str, command: str, summary: str, epilog: str = ""
) -> ArgumentParser:
    """Add a command that runs `command`, and return its parser."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=as_called_here(epilog),
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    return parser


def add_group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that only has subcommands, and return these. By itself it shows its list, or else its
    help.
    """
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    parser.set_defaults(command="", group=parser)
    return parser.add_subparsers(title="commands", metavar="COMMAND")


def parse(parser: ArgumentParser, words: Sequence[str]) -> Namespace | None:
    """Return the arguments of a command; None where there is none, and help was printed instead."""
    args = parser.parse_args(words)
    if args.command:
        return args
    group: ArgumentParser = args.group
    for action in group._actions:
        listing = action.choices.get(LIST) if isinstance(action, _SubParsersAction) else None
        if listing is not None and not listing._get_positional_actions():
            return parser.parse_args([*words, LIST])
    group.print_help()
    return None


def add_json(parser: ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="for machines")


def add_config_file(parser: ArgumentParser) -> None:
    """Add `--config`."""
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (default: ./config.yaml, or the user's own config.yaml)",
    )


def add_server(parser: ArgumentParser, other: str = "") -> None:
    """Add what names a server; `other` says what is done by default, where no server is started."""
    parser.add_argument(
        "--url",
        type=_url,
        default=os.environ.get("VOICEBOX_URL") or None,
        help=f"server (default: {other or 'as the settings have it; when none runs there, one is started'})",
    )
    parser.add_argument(
        "--api-key", default=os.environ.get("VOICEBOX_API_KEY"), metavar="KEY", help="key for that server"
    )
    add_config_file(parser)


def _url(text: str) -> str:
    """Return a server's URL without `/v1`. Raises ArgumentTypeError."""
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/").removesuffix("/v1")


def add_speech_output(parser: ArgumentParser, default: str) -> None:
    """Add where speech goes to; `default` is how the help calls the file that it goes to by itself."""
    parser.add_argument(
        "-o", "--output", metavar="FILE", help=f"where to (default {default}.FORMAT); - is standard output"
    )
    parser.add_argument(
        "--format", choices=AUDIO_FORMATS, help="audio format (default: by the ending of FILE, or mp3)"
    )
    parser.add_argument("--play", action="store_true", help="play it; written to a file only with -o")


def keep_what_was_given(parser: ArgumentParser, above: Collection[str] = ()) -> None:
    """Let an option that a command and its subcommands have be given before either: argparse by itself puts
    the subcommand's default over what was given to the command.
    """
    options = {action.dest for action in parser._actions if action.option_strings} - {"help"}
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for command in action.choices.values():
                keep_what_was_given(command, {*above, *options})
        elif action.dest in above and action.option_strings:
            action.help = (action.help or "").replace("%(default)s", str(action.default))
            action.default = SUPPRESS
