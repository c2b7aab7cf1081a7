"""What the parsers of commands share."""

from __future__ import annotations

import os
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
    _SubParsersAction,
)
from collections.abc import Collection
from pathlib import Path
from typing import TypeAlias, get_args

from streaming.formats import OutputFormat

AUDIO_FORMATS = get_args(OutputFormat)
DEFAULT_URL = "http://127.0.0.1:8000"

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


def add_command(
    commands: Commands, name: str, command: str, summary: str, epilog: str = ""
) -> ArgumentParser:
    """Add a command that runs `command`, and return its parser."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=epilog,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command)
    return parser


def add_group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that only has subcommands, and return these."""
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    return parser.add_subparsers(metavar="COMMAND", required=True)


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
