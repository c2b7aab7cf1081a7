"""The command `voicebox models show`: what a model is, and what a request may set of it."""

from __future__ import annotations

from argparse import Namespace

import msgspec

from compat.openai.models import model_settings
from engines.api import EngineInfo, RequestOptions, SeedWorth
from engines.catalogue.records import ModelRecord
from engines.catalogue.request_options import request_options
from gateway.cli import models, output, tables

SEEDS: dict[SeedWorth, str] = {
    "exact": "exact: the same audio each time, on the same machine and versions",
    "similar": "similar: nearly the same audio each time",
    "none": "none: it has no effect",
}
COLUMNS = ("setting", "allowed", "usual", "what it changes")


def show(args: Namespace) -> int:
    """Print what a model is; no server is asked."""
    record = models.find_record(args)
    said = models.last_said(args, record)
    options = _options(record, said)
    if args.json:
        output.print_json(models.facts(record) | _as_json(options) | _on_its_device(said))
        return 0
    for name, value in models.facts(record).items():
        print(f"{name}: {_words(value)}")
    if said and said.speech:
        print(f"seed: {SEEDS[said.seed_worth]} (on {said.device})")
    elif "speech" in record.kinds:
        print("seed: what it is worth is known once the model has run")
    if options.longest_text:
        print(f"longest_text: {options.longest_text} characters at once; texts are cut")
    if options.longest_seconds:
        print(f"longest_seconds: {options.longest_seconds:g} of audio at once; texts are cut")
    if options.marks:
        print(f"marks: {'  '.join(options.marks)}")
    if options.settings:
        print()
        rows = [(one.name, one.allowed, one.usual, one.about) for one in options.settings]
        tables.print_table(COLUMNS, rows, spare=("what it changes",))
    return 0


def _options(record: ModelRecord, said: EngineInfo | None) -> RequestOptions:
    """Return what requests to a model may hold besides what all engines know: as it said when it last ran, or
    else as its record has it.
    """
    if said is None or said.speech is None:
        return request_options(record.engine)
    names = RequestOptions.__struct_fields__
    return RequestOptions(**{name: getattr(said.speech, name) for name in names})


def _as_json(options: RequestOptions) -> dict[str, object]:
    return msgspec.structs.asdict(options) | {
        "settings": msgspec.to_builtins(model_settings(options.settings))
    }


def _on_its_device(said: EngineInfo | None) -> dict[str, object]:
    """Return what is known of a model since it has run."""
    if said is None:
        return {"device": None, "seed": None}
    return {"device": said.device, "seed": said.seed_worth if said.speech else None}


def _words(value: object) -> str:
    """Return a fact in words."""
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "any"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
