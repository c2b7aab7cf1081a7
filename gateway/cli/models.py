"""`voicebox models`: list, pull, verify and delete model files here; load and unload in a running server."""

from __future__ import annotations

import os
import sys
import threading
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.catalogue.hardware import obstacle
from engines.catalogue.models import find, known
from engines.catalogue.records import ModelRecord
from engines.environments import layout
from engines.errors import SpeechError
from engines.hub.progress import Progress
from engines.hub.store import ModelFiles
from gateway.cli import output, remote
from gateway.cli.output import Failure, Meter
from gateway.config import load as configuration
from gateway.config.folders import data_folder
from voices.naming.matching import did_you_mean

MEGA = 1_000_000


def show(args: Namespace) -> int:
    """List the models that can be pulled, and what is here of them."""
    records, environments = _records(args), _environments(args)
    stored = _files(args).listing(records)
    rows = [
        (record, one, obstacle(record, environments)) for record, one in zip(records, stored, strict=True)
    ]
    if args.json:
        facts = [
            {**_facts(record), "here": one.complete, "size_on_disk": one.size, "obstacle": why}
            for record, one, why in rows
        ]
        output.show_json(facts)
        return 0
    columns = ("model", "kind", "size", "here", "licence", "remark")
    output.show_table(
        columns,
        [
            (
                record.name,
                record.kinds[0],
                _size(record.size_bytes),
                _size(one.size) if one.complete else "",
                record.licence,
                why,
            )
            for record, one, why in rows
        ],
    )
    return 0


def pull(args: Namespace) -> int:
    """Pull a model's files; what was cut before goes on."""
    record, files, cancel = _record(args), _files(args), threading.Event()
    output.note(f"{record.display}: {record.licence}, {record.repo}{', gated' if record.gated else ''}")
    with output.progress(record.name) as meter, _failing():
        try:
            files.pull(record, lambda at: _tell(at, meter), cancel)
        except KeyboardInterrupt:
            cancel.set()
            raise
    output.note(f"{record.name} is here, and a running server finds it by itself")
    if why := obstacle(record, _environments(args)):
        output.note(f"but it cannot run yet: {why}")
    return 0


def verify(args: Namespace) -> int:
    """Compare a model's files with their hashes."""
    with _failing():
        _files(args).verify(_record(args))
    output.note(f"{args.name} is whole")
    return 0


def delete(args: Namespace) -> int:
    """Delete a model's files."""
    with _failing():
        freed = _files(args).delete(_record(args), _records(args))
    output.note(f"{_size(freed) or '0 MB'} freed")
    return 0


def load(args: Namespace) -> int:
    """Load a model in a running server, or take it out of memory."""
    remote.run(_say(args, args.what))
    output.note(f"{args.name} {'is loaded' if args.what == 'load' else 'is out of memory'}")
    return 0


async def _say(args: Namespace, what: str) -> None:
    async with (
        remote.connected(args, alone=False) as server,
        server.ask("POST", f"/v1/voicebox/models/{args.name}/{what}"),
    ):
        return


@contextmanager
def _failing() -> Iterator[None]:
    """Turn our errors into the command's."""
    try:
        yield
    except SpeechError as exc:
        raise Failure(exc.message) from exc


def _tell(at: Progress, meter: Meter) -> None:
    meter(at.done, at.total or None)
    if at.state == "waiting" and sys.stderr.isatty():
        output.note("another pull of the same files is under way; waiting for it")


def _records(args: Namespace) -> tuple[ModelRecord, ...]:
    return known(configuration.load(args.config, os.environ, {}).models.own)


def _record(args: Namespace) -> ModelRecord:
    records, name = _records(args), args.name
    try:
        return find(name, records)
    except KeyError:
        hint = did_you_mean(name, [record.name for record in records])
        raise Failure(
            f"there is no model {name!r}.{hint} `voicebox models available` lists them", 2
        ) from None


def _files(args: Namespace) -> ModelFiles:
    settings = configuration.load(args.config, os.environ, {}).models
    return ModelFiles(
        Path(settings.folder).expanduser() if settings.folder else None, offline=settings.offline or None
    )


def _environments(args: Namespace) -> Path:
    settings = configuration.load(args.config, os.environ, {})
    return (Path(settings.data_dir).expanduser() if settings.data_dir else data_folder()) / layout.FOLDER


def _facts(record: ModelRecord) -> dict[str, object]:
    return {
        "name": record.name,
        "engine": record.engine.name,
        "repo": record.repo,
        "licence": record.licence,
        "kinds": record.kinds,
        "languages": record.languages,
        "size": record.size_bytes,
        "gated": record.gated,
        "tier": record.tier,
    }


def _size(size: int) -> str:
    return f"{size / MEGA:,.0f} MB" if size else ""
