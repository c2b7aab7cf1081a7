"""The command `voicebox setup`: look at the machine, propose what to install, and do it."""

from __future__ import annotations

import os
import signal
import sys
import threading
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path

from engines.catalogue.models import MODELS, all_models, find_model
from engines.environments import layout
from engines.environments.extra_packages import add_to_environment, add_to_own
from engines.environments.find import choose_interpreter, missing_packages, obstacle, recommended_group
from engines.environments.groups import GROUPS, find_group, without_credentials
from engines.environments.install import install_environment
from engines.errors import SpeechError
from engines.hub.progress import PullProgress
from engines.hub.store import ModelFiles
from engines.languages import read_language
from gateway.cli import output, tables
from gateway.cli.engine_packages import OWN
from gateway.cli.install_log import logged
from gateway.cli.machine import Machine, look_at
from gateway.cli.output import Failure
from gateway.cli.setup_plan import JAPANESE, Step, disk_needed, propose, unserved
from gateway.cli.setup_wait import wait_for_server
from gateway.config.load import load
from gateway.config.paths import data_folder
from gateway.config.settings import Settings

TERMINATED = 143
"""exit status after SIGTERM"""
LOG = "setup"
DICTIONARY = "unidic_lite"
LARGER_DICTIONARY = "unidic"
"""does as well, where somebody has it"""
COLUMNS = ("what", "name", "size", "licence", "for")


def run(args: Namespace) -> int:
    """Propose what suits this machine, ask, and install it. Returns 1 where something failed."""
    settings = load(args.config, os.environ, {})
    with output.waiting("looking at this machine"):
        machine = look_at(settings)
    output.print_note(f"this machine: {machine.description()}")
    languages = _checked(args.language or []) or _own_languages()
    steps = _steps(settings, machine, languages)
    _print_sources(machine)
    notes = unserved(machine, languages)
    for note in notes:
        output.print_note(note)
    if not steps:
        nothing = "nothing else can be had for this machine" if notes else "nothing is missing"
        output.print_note(f"{nothing}; `voicebox models available` lists all models")
        return 0
    tables.print_table(COLUMNS, [_row(step) for step in steps])
    total = sum(step.size for step in steps)
    output.print_note(f"{_gigabytes(total)} together")
    for step in steps:
        if step.index_url:
            output.print_note(
                f"torch comes from {without_credentials(step.index_url)}: it suits this machine"
            )
    if disk_needed(steps) > machine.disk_free:
        needed, free = _gigabytes(disk_needed(steps)), _gigabytes(machine.disk_free)
        raise Failure(f"that takes {needed} while it is installed, and {free} of disk are free")
    if args.dry_run:
        return 0
    _agree(args)
    if status := _install(settings, steps, total):
        return status
    models = [step.name for step in steps if step.kind == "model"]
    used = wait_for_server(args.config, models)
    how = "the running server uses it" if used else "a running server uses it within seconds"
    output.print_note(f"all is installed, and {how}: voicebox say 'Good morning.'")
    return 0


def _checked(languages: Sequence[str]) -> list[str]:
    """Return the tags of languages, however they are written. Raises Failure for what is none."""
    found = {language: read_language(language) for language in languages}
    if unknown := [language for language, tag in found.items() if tag is None]:
        raise Failure(
            f"{', '.join(map(repr, unknown))}: no language that is known; write de, pt-BR or German", 2
        )
    return [tag for tag in found.values() if tag]


def _agree(args: Namespace) -> None:
    """Ask whether to go on. Raises Failure when nobody can be asked, or the answer is no."""
    if args.yes:
        return
    if not sys.stdin.isatty():
        raise Failure("nobody is there to be asked; --yes agrees to the above", 2)
    if not output.confirm("Install?"):
        raise Failure("nothing was installed")


def _steps(settings: Settings, machine: Machine, languages: Sequence[str]) -> list[Step]:
    """Return what is to be installed: what suits the machine, and is neither here nor disabled."""
    environments = data_folder(settings) / layout.ENVIRONMENTS_FOLDER
    records = all_models(settings.models.own)
    files = _files(settings)
    stored = files.listing(records)
    present = {record.name for record, one in zip(records, stored, strict=True) if one.complete}
    present |= {group.name for group in GROUPS if _is_here(group.name, environments)}
    coming = recommended_group(machine.devices) if "packages" in machine.sources else ""
    obstacles = {
        record.name
        for record in records
        if obstacle(record, environments)
        and (record.engine.group != coming or not machine.devices & set(record.requires))
    }
    disabled = {name for name, each in settings.models.each.items() if not each.enabled}
    reader, lacking = _japanese_reader(environments)
    return propose(
        machine,
        languages,
        present=present,
        obstacles=obstacles | disabled,
        lacking=lacking,
        reader=reader,
    )


def _japanese_reader(environments: Path) -> tuple[str, tuple[str, ...]]:
    """Return the environment that runs Kokoro, or `own`, and the modules for Japanese that it has not."""
    record = find_model("kokoro-int8", MODELS)
    chosen = choose_interpreter(record.engine.group, record.engine.packages, environments)
    reader = record.engine.group if chosen.site else OWN
    lacking = missing_packages((*JAPANESE, LARGER_DICTIONARY), chosen.site)
    if LARGER_DICTIONARY not in lacking:
        return reader, tuple(module for module in lacking if module != DICTIONARY)
    return reader, tuple(module for module in lacking if module != LARGER_DICTIONARY)


def _install(settings: Settings, steps: Sequence[Step], total: int) -> int:
    """Do the steps with one bar, one after the other; print what failed. Returns 1 where something did."""
    # so that what was begun is deleted
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(TERMINATED))
    failures: list[str] = []
    done = 0
    data = data_folder(settings)
    with output.progress("setup") as show:
        for number, step in enumerate(steps, 1):
            begun = done
            show(done, total)
            output.print_note(f"{number} of {len(steps)}: {step.name}")
            try:
                _do(step, settings, data, lambda now, begun=begun: show(round(begun + now), total))  # type: ignore[misc]
            except KeyboardInterrupt:
                output.print_note("stopped; `voicebox setup` goes on with what is missing")
                raise
            except Failure as exc:
                failures.append(f"{step.name}: {exc}")
            done += step.size
            show(done, total)
    for failure in failures:
        output.print_note(failure)
    if failures:
        output.print_note("the rest is installed; `voicebox setup` tries again what is missing")
        return 1
    return 0


def _do(step: Step, settings: Settings, data: Path, show: Callable[[float], None]) -> None:
    """Do one step; `show` gets how many of its bytes are done. Raises Failure."""
    if step.kind == "packages":
        with logged(data, LOG, lambda downloaded: show(min(downloaded, step.size))) as take:
            if step.target == OWN:
                add_to_own(step.packages, take)
            else:
                add_to_environment(data / layout.ENVIRONMENTS_FOLDER / step.target, step.packages, take)
        return
    if step.kind == "environment":
        with logged(data, LOG, lambda downloaded: show(min(downloaded, step.size))) as take:
            install_environment(
                find_group(step.name),
                data / layout.ENVIRONMENTS_FOLDER,
                take,
                index_url=step.index_url,
                or_usual=True,
            )
        return
    record = find_model(step.name, all_models(settings.models.own))
    cancel = threading.Event()

    def report(progress: PullProgress) -> None:
        show(min(progress.done, step.size))

    try:
        _files(settings).pull(record, report, cancel, step.sources)
    except KeyboardInterrupt:
        cancel.set()
        raise
    except SpeechError as exc:
        raise Failure(exc.message) from exc


def _files(settings: Settings) -> ModelFiles:
    chosen = settings.models
    return ModelFiles(
        Path(chosen.folder).expanduser() if chosen.folder else None,
        offline=chosen.offline or None,
        sources=chosen.sources,
        package_index=chosen.package_index,
    )


def _is_here(name: str, environments: Path) -> bool:
    """Return whether an environment is installed, or its packages are this program's own."""
    found = layout.read_environment(environments / name)
    return found is not None or not missing_packages(find_group(name).packages)


def _own_languages() -> list[str]:
    """Return the language that this user's system speaks."""
    named = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    tag = named.partition(".")[0].replace("_", "-")
    return [tag] if tag and tag not in ("C", "POSIX") else []


def _print_sources(machine: Machine) -> None:
    if "hub" not in machine.sources:
        only = "only models that come as packages can be had" if machine.sources else "no model can be pulled"
        output.print_note(f"the hub of models cannot be reached: {only}")
    if "packages" not in machine.sources:
        output.print_note("the package index cannot be reached: no environment can be installed")


def _row(step: Step) -> tuple[str, ...]:
    return step.kind, step.name, _gigabytes(step.size), step.licence, step.purpose


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"
