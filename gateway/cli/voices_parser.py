"""The commands about voices and their arguments."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import get_args

from gateway.cli.arguments import (
    Commands,
    add_command,
    add_config_file,
    add_group,
    add_json,
    add_server,
    add_speech_output,
)
from streaming.formats import TextFormat

VOICE = "name or id of one of your voices"
SAMPLE = "its number in `samples list`, or its id"
RECORDING = "1 to 30 seconds of one person speaking, in any audio format"
EXAMPLES = """\
examples:
  voicebox voices --language de
  voicebox voices create Anna anna.wav
  voicebox voices create Narrator --design 'A calm elderly man with a deep voice.'
  voicebox voices preview Anna --play
  voicebox voices export Anna && voicebox voices import Anna.voicebox.zip --name Anna2
"""


def add_voices(commands: Commands) -> None:
    """Add `voicebox voices`."""
    parser = add_command(
        commands,
        "voices",
        "gateway.cli.listing:voices",
        "list the voices, and make voices of your own",
        EXAMPLES,
    )
    _add_filters(parser)
    subcommands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_filters(add_command(subcommands, "list", "gateway.cli.listing:voices", "list the voices"))
    show = _add_one(subcommands, "show", "tell all that is known of a voice, and which engines can speak it")
    add_json(show)
    _add_create(subcommands)
    rename = _add_one(subcommands, "rename", "give a voice another name")
    rename.add_argument("new", metavar="NEW", help="the name that it is to have")
    _add_edit(subcommands)
    delete = add_command(
        subcommands, "delete", "gateway.cli.voices:delete", "delete voices with all their recordings"
    )
    delete.add_argument("voices", metavar="VOICE", nargs="+", help=VOICE)
    delete.add_argument("--yes", action="store_true", help="do not ask")
    add_server(delete)
    preview = _add_one(subcommands, "preview", "hear a voice")
    preview.add_argument("--text", help="what it says (default: a sentence in its language)")
    preview.add_argument("--model", default="tts-1", help="what speaks it (default: the best that can)")
    add_speech_output(preview, "VOICE")
    export = _add_one(subcommands, "export", "write a voice with its recordings to a ZIP file")
    export.add_argument(
        "-o", "--output", metavar="FILE", help="where to (default VOICE.voicebox.zip); - is standard output"
    )
    import_ = add_command(
        subcommands, "import", "gateway.cli.voice_files:import_", "make a voice of such a ZIP file"
    )
    import_.add_argument("file", metavar="FILE", help="as `voices export` has written it")
    import_.add_argument("--name", help="the name that it is to have (default: as it was called)")
    add_json(import_)
    add_server(import_)
    _add_samples(subcommands)
    _add_consents(subcommands)
    _add_aliases(subcommands)


def add_clone(commands: Commands) -> None:
    """Add `voicebox clone`, short for `voicebox voices create` with a recording."""
    parser = add_command(
        commands,
        "clone",
        "gateway.cli.voices:create",
        "make a voice of a recording, and print its id",
        "example:\n  voicebox clone Anna anna.wav && voicebox say 'Good morning.' --voice Anna\n",
    )
    parser.add_argument("name", metavar="NAME", help="what the voice is to be called")
    parser.add_argument("files", metavar="FILE", nargs="+", help=RECORDING)
    _add_recording_options(parser)
    parser.set_defaults(design=None, script=None, preset=None, description=None, shared=None)
    add_json(parser)
    add_server(parser)


def add_cache(commands: Commands) -> None:
    """Add `voicebox cache`."""
    subcommands = add_group(commands, "cache", "what is kept of voices so that it is not computed again")
    clear = add_command(
        subcommands,
        "clear",
        "gateway.cli.voice_cache:clear",
        "forget the engines' forms of voices; they are made anew",
    )
    clear.add_argument("--voice", metavar="NAME", help="only this one's")
    add_server(clear)
    sweep = add_command(
        subcommands,
        "sweep",
        "gateway.cli.voice_cache:sweep",
        "delete recordings that no voice names, as a crash may leave them",
    )
    sweep.add_argument(
        "--all", action="store_true", help="also those of the last hour; only while no server runs"
    )
    add_config_file(sweep)


def _add_one(commands: Commands, name: str, summary: str) -> ArgumentParser:
    """Add a command about one voice, and return its parser."""
    module = "voice_files" if name in ("export", "preview") else "voices"
    parser = add_command(commands, name, f"gateway.cli.{module}:{name}", summary)
    parser.add_argument("voice", metavar="VOICE", help=VOICE)
    add_server(parser)
    return parser


def _add_filters(parser: ArgumentParser) -> None:
    parser.add_argument("--engine", help="only those that this engine speaks")
    parser.add_argument("--language", help="only those that speak it: en takes en-GB too")
    add_json(parser)
    add_server(parser)


def _add_create(commands: Commands) -> None:
    parser = add_command(
        commands,
        "create",
        "gateway.cli.voices:create",
        "make a voice: of recordings, of a description (--design), or of an engine's own (--preset)",
    )
    parser.add_argument("name", metavar="NAME", help="what the voice is to be called")
    parser.add_argument("files", metavar="FILE", nargs="*", help=f"a recording to clone: {RECORDING}")
    parser.add_argument("--design", metavar="TEXT", help="what the voice is like, in words")
    parser.add_argument("--script", metavar="TEXT", help="what a designed voice says when it is made")
    parser.add_argument("--preset", metavar="ENGINE/VOICE", help="an engine's voice, under a name of yours")
    _add_recording_options(parser)
    _add_facts(parser)
    add_json(parser)
    add_server(parser)


def _add_recording_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--transcript",
        metavar="TEXT",
        help="what is said in it (default: found out where needed)",
    )
    parser.add_argument("--language", metavar="TAG", help="what it speaks, as in en-US")
    parser.add_argument("--consent", metavar="ID", help="consent recording, where the server demands one")


def _add_facts(parser: ArgumentParser) -> None:
    parser.add_argument("--description", metavar="TEXT", help="what lists say of it")
    shared = parser.add_mutually_exclusive_group()
    shared.add_argument(
        "--shared", action="store_true", default=None, help="every key may use it, not only yours"
    )
    shared.add_argument("--private", dest="shared", action="store_false", help="only your key may use it")


def _add_edit(commands: Commands) -> None:
    parser = _add_one(commands, "edit", "change what is given of a voice; everything else stays")
    parser.add_argument("--name", help="its name")
    _add_facts(parser)
    parser.add_argument(
        "--language", dest="languages", action="append", metavar="TAG", help="what it speaks; may be repeated"
    )
    parser.add_argument(
        "--engine", dest="engines", action="append", metavar="NAME", help="what may speak it; may be repeated"
    )
    parser.add_argument("--model", help="the model of requests that leave it open")
    parser.add_argument("--speed", type=float, help="the speed of requests that leave it open, 0.25 to 4")
    parser.add_argument("--instructions", metavar="TEXT", help="how it says things, likewise")
    parser.add_argument("--text-format", choices=get_args(TextFormat), help="what its texts are written in")
    parser.add_argument("--design", metavar="TEXT", help="what it is like, before it was made")
    parser.add_argument("--script", metavar="TEXT", help="what it says when it is made")
    parser.add_argument("--consent", metavar="ID", help="consent recording")
    parser.add_argument(
        "--pronounce",
        action="append",
        metavar="WORD=RESPELLING",
        help="how it says a word; may be repeated, and replaces all that were given before",
    )
    add_json(parser)


def _add_samples(commands: Commands) -> None:
    subcommands = add_group(commands, "samples", "the recordings of a cloned voice")
    summaries = {
        "list": "list a voice's recordings",
        "add": "add a recording to a voice",
        "edit": "give the words of a recording",
        "transcribe": "find out the words of a recording",
        "trim": "use only a part of a recording",
        "export": "write a recording to a file",
        "delete": "delete a recording",
    }
    for name, summary in summaries.items():
        parser = add_command(subcommands, name, f"gateway.cli.samples:{name}", summary)
        parser.add_argument("voice", metavar="VOICE", help=VOICE)
        if name == "add":
            parser.add_argument("file", metavar="FILE", help=RECORDING)
        elif name != "list":
            parser.add_argument("sample", metavar="SAMPLE", help=SAMPLE)
        if name in ("add", "edit"):
            parser.add_argument(
                "--transcript", metavar="TEXT", required=name == "edit", help="what is said in it"
            )
        if name == "trim":
            parser.add_argument("--start", type=float, default=0.0, metavar="SECONDS", help="default 0")
            parser.add_argument("--end", type=float, metavar="SECONDS", help="default: its end")
        if name == "export":
            parser.add_argument("--original", action="store_true", help="as it came, not as it is used")
            parser.add_argument(
                "-o", "--output", metavar="FILE", default="sample.wav", help="default %(default)s"
            )
        if name not in ("export", "delete"):
            add_json(parser)
        add_server(parser)


def _add_consents(commands: Commands) -> None:
    subcommands = add_group(commands, "consents", "recordings in which people agree to be cloned")
    shown = add_command(subcommands, "list", "gateway.cli.consents:show", "list the consents")
    added = add_command(subcommands, "add", "gateway.cli.consents:add", "keep a consent, and print its id")
    added.add_argument("name", metavar="NAME", help="whose it is, and when")
    added.add_argument("file", metavar="FILE", help="the recording")
    added.add_argument("--language", metavar="TAG", required=True, help="what is spoken in it, as in en-US")
    deleted = add_command(
        subcommands,
        "delete",
        "gateway.cli.consents:delete",
        "delete a consent, which silences its voices",
    )
    deleted.add_argument("consent", metavar="ID", help="as `consents list` has it")
    for parser in (shown, added):
        add_json(parser)
    for parser in (shown, added, deleted):
        add_server(parser)


def _add_aliases(commands: Commands) -> None:
    subcommands = add_group(commands, "aliases", "further names of voices")
    shown = add_command(subcommands, "list", "gateway.cli.aliases:show", "list the names")
    set_ = add_command(subcommands, "set", "gateway.cli.aliases:set_alias", "give a voice a further name")
    set_.add_argument("name", metavar="NAME", help="the further name")
    set_.add_argument("voice", metavar="VOICE", help="any voice, by name or id")
    deleted = add_command(subcommands, "delete", "gateway.cli.aliases:delete", "take such a name away")
    deleted.add_argument("name", metavar="NAME", help="as `aliases list` has it")
    add_json(shown)
    for parser in (shown, set_, deleted):
        add_server(parser)
