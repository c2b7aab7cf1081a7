"""Load the settings: one YAML file, environment variables over it, flags over those.

All mistakes are reported at once.

Mappings (`compat.model_aliases`, `speech.bitrate`, `engines`) are laid over each other entry by entry; a list
replaces.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import msgspec

from engines.catalogue.engines import CATALOGUE, FAKES, Kind
from engines.catalogue.models import all_models
from engines.catalogue.own import PLACE_NEEDED
from engines.catalogue.records import ModelRecord
from gateway.config import addresses, schema, sources
from gateway.config.paths import config_folder, default_data_folder
from gateway.config.settings import Settings
from gateway.config.sources import Given, Problem
from voices.naming.matching import did_you_mean

FILE_NAME = "config.yaml"
OWN_MODELS = ("models", "own")
MODEL_SETTINGS = ("models", "each")
DATABASE = re.compile(r"(sqlite|sqlite\+aiosqlite|postgres|postgresql|postgresql\+asyncpg)://")
COLLECTOR = re.compile(r"https?://[^/\s]+")
FILE_SETTINGS: tuple[schema.Path, ...] = (("data_dir",), ("auth", "file"), ("models", "folder"))
"""settings that name a file or a folder"""
MODELS_HINT = "`voicebox models available` lists them"


class ConfigError(Exception):
    """Settings that cannot be used; `problems` holds every reason."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = "" if len(self.problems) == 1 else f" ({len(self.problems)} problems)"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        super().__init__(f"the settings cannot be used{count}:{lines}")


class Loaded(msgspec.Struct, frozen=True):
    """Settings, and the source of each."""

    settings: Settings
    origins: dict[schema.Path, str]
    """the sources of settings that were given; all others have their defaults"""
    file: Path | None


def load(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]) -> Settings:
    """Return the settings; `overrides` are flags by dotted name, None if not given. Raises ConfigError."""
    return load_traced(path, environ, overrides).settings


def load_traced(path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]) -> Loaded:
    """Return the settings with the source of each. Raises ConfigError."""
    file = find_file(path, environ)
    problems: list[Problem] = []
    given: dict[schema.Path, Given] = {}
    layers = (
        sources.from_file(file) if file else iter(()),
        sources.from_environment(environ),
        sources.from_flags(overrides),
    )
    for layer in layers:
        for found in layer:
            if isinstance(found, Problem):
                problems.append(found)
            else:
                given[found.path] = found
    values = {path: _checked(one, problems) for path, one in given.items()}
    problems += _impossible_names(given)
    if problems:
        raise ConfigError(problems)
    loaded = Loaded(_build(values), {path: one.source for path, one in given.items()}, file)
    if problems := list(_contradictions(loaded)):
        raise ConfigError(problems)
    return loaded


def find_file(named: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return the settings file: the one named, VOICEBOX_CONFIG, ./config.yaml, or the user's own, or None.

    Raises ConfigError for a named file that is not there.
    """
    if named is None and environ.get("VOICEBOX_CONFIG"):
        named = Path(environ["VOICEBOX_CONFIG"])
    if named is not None:
        named = named.expanduser()
        if named.is_dir():
            raise ConfigError([Problem(str(named), (), _not_a_folder(named))])
        if not named.exists():
            raise ConfigError([Problem(str(named), (), "there is no such file")])
        return named
    candidates = [Path(FILE_NAME)]
    with suppress(RuntimeError):  # no home is known, so that the user has no file there
        candidates.append(config_folder() / FILE_NAME)
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _not_a_folder(named: Path) -> str:
    """Return what to say of a folder where a settings file is wanted."""
    files = [path.name for pattern in ("*.yaml", "*.yml") for path in sorted(named.glob(pattern))]
    if FILE_NAME in files or len(files) == 1:
        return f"is a folder; name the file in it: {named / (FILE_NAME if FILE_NAME in files else files[0])}"
    return "is a folder; name a settings file, or start one from config.example.yaml"


def _checked(given: Given, problems: list[Problem]) -> object:
    """Return one value in its exact type, or add to `problems` what is wrong with it."""
    kind = schema.type_at(given.path)
    try:
        return schema.convert(given.value, kind)
    except msgspec.ValidationError:
        shown = "nothing" if given.value is None else repr(schema.masked(given.path, given.value))
        hint = (
            "; put it in quotes" if schema.wants_text(kind) and isinstance(given.value, int | float) else ""
        )
        problems.append(
            Problem(given.source, given.path, f"{shown} is given; allowed: {schema.allowed(kind)}{hint}")
        )
        return None


def _build(values: Mapping[schema.Path, object]) -> Settings:
    tree: dict[str, Any] = msgspec.to_builtins(Settings())
    for path, value in values.items():
        section = tree
        for key in path[:-1]:
            section = section.setdefault(key, {})
        section[path[-1]] = value
    return msgspec.convert(tree, Settings)


def _impossible_names(given: Mapping[schema.Path, Given]) -> Iterator[Problem]:
    """Yield a problem for each of the user's own models with an impossible name."""
    name_type, _ = get_args(schema.type_at(OWN_MODELS))
    for name, origin in _entries(OWN_MODELS, {path: one.source for path, one in given.items()}).items():
        try:
            schema.convert(name, name_type)
        except msgspec.ValidationError:
            yield Problem(
                origin,
                (*OWN_MODELS, name),
                f"{name!r} cannot be a model's name; allowed: {schema.allowed(name_type)}",
            )


def _entries(section: schema.Path, origins: Mapping[schema.Path, str]) -> dict[str, str]:
    """Return the names in a mapping of settings, each with where it was given first."""
    found: dict[str, str] = {}
    for path, origin in origins.items():
        if path[: len(section)] == section and len(path) > len(section):
            found.setdefault(path[len(section)], origin)
    return found


def _contradictions(loaded: Loaded) -> Iterator[Problem]:
    """Yield the problems of values that are valid each by itself, and cannot work together."""
    yield from _wrong_names(loaded)
    yield from _wrong_addresses(loaded)
    yield from _wrong_folders(loaded)
    yield from _wrong_places(loaded)
    yield from _wrong_urls(loaded)
    workers = loaded.settings.workers
    if workers.restart_delay > workers.restart_delay_max:
        path = ("workers", "restart_delay_max")
        what = f"{workers.restart_delay_max:g} is less than restart_delay, {workers.restart_delay:g}"
        yield Problem(loaded.origins.get(path, "default"), path, what)


def _wrong_addresses(loaded: Loaded) -> Iterator[Problem]:
    """Yield the problems of networks, origins and paths that are none."""
    server = loaded.settings.server
    checks: tuple[tuple[str, Iterable[str], Callable[[str], object]], ...] = (
        ("trusted_proxies", server.trusted_proxies, addresses.proxy_network),
        ("cors_origins", server.cors_origins, addresses.origin_pattern),
        ("base_path", (server.base_path,), addresses.base_path),
    )
    for name, values, check in checks:
        for value in values:
            try:
                check(value)
            except ValueError as exc:
                path = ("server", name)
                yield Problem(loaded.origins.get(path, "default"), path, str(exc))


def _wrong_folders(loaded: Loaded) -> Iterator[Problem]:
    """Yield the problems of paths that lead nowhere: `~` where no home is known, or of a user who is not."""
    for path in FILE_SETTINGS:
        value: Any = loaded.settings
        for name in path:
            value = getattr(value, name)
        source = loaded.origins.get(path, "default")
        if "\0" in value:
            yield Problem(source, path, f"{value!r} is given, which no file can be named")
        elif value.startswith("~") and not _has_home(value):
            yield Problem(
                source, path, f"{value!r} is given, and no home folder is known for it; write a whole path"
            )
    if not loaded.settings.data_dir and not _has_own_folder():
        what = "no home folder is known: HOME is not set, and the system does not know this user; set one"
        yield Problem("default", ("data_dir",), what)


def _wrong_places(loaded: Loaded) -> Iterator[Problem]:
    """Yield the problems of models of the user's own that are nowhere, or at two places, or in a folder that
    depends on where the server was started.
    """
    origins = _entries(OWN_MODELS, loaded.origins)
    for name, own in loaded.settings.models.own.items():
        source, path = origins.get(name, "default"), (*OWN_MODELS, name)
        if bool(own.repo) == bool(own.folder):
            yield Problem(source, path, PLACE_NEEDED)
        elif own.folder and not _is_whole(own.folder):
            what = f"{own.folder!r} is given; write a whole path, or one that begins with ~"
            yield Problem(source, (*path, "folder"), what)


def _is_whole(path: str) -> bool:
    """Return whether a path leads to the same place from everywhere."""
    return "\0" not in path and (_has_home(path) if path.startswith("~") else Path(path).is_absolute())


def _wrong_urls(loaded: Loaded) -> Iterator[Problem]:
    """Yield the problems of URLs of a kind that nothing here understands."""
    settings = loaded.settings
    checks: tuple[tuple[schema.Path, str, re.Pattern[str], str], ...] = (
        (
            ("voices", "database"),
            settings.voices.database,
            DATABASE,
            "postgresql://user@host/name or sqlite:///path",
        ),
        (
            ("telemetry", "otlp_endpoint"),
            settings.telemetry.otlp_endpoint,
            COLLECTOR,
            "http://localhost:4318",
        ),
    )
    for path, value, pattern, example in checks:
        if value and not pattern.match(value):
            what = "what is given is no URL of its kind" if path[0] == "voices" else f"{value!r} is given"
            yield Problem(loaded.origins.get(path, "default"), path, f"{what}; write one such as {example}")


def _has_own_folder() -> bool:
    try:
        return default_data_folder().is_absolute()
    except RuntimeError:
        return False


def _has_home(path: str) -> bool:
    try:
        return not str(Path(path).expanduser()).startswith("~")
    except RuntimeError:
        return False


def _has_known_kind(record: ModelRecord) -> bool:
    """Return whether it is known what a model does, whose files nobody has read here."""
    return record.own is None or record.own.wanted_kind is not None


def _wrong_names(loaded: Loaded) -> Iterator[Problem]:
    """Yield the problems of names that no engine or model has, or that another has already."""
    settings, models = loaded.settings, all_models(loaded.settings.models.own)
    preferred: tuple[tuple[str, str, Kind], ...] = (
        ("speech", settings.speech.engine, "speech"),
        ("transcription", settings.transcription.engine, "transcription"),
    )
    for section, engine, kind in preferred:
        engines = [record.name for record in CATALOGUE if kind in record.kinds]
        usable = [
            *engines,
            *(record.name for record in models if kind in record.kinds or not _has_known_kind(record)),
        ]
        if engine and engine not in usable:
            path = (section, "engine")
            offered = [name for name in engines if name not in FAKES]
            allowed = f"{', '.join(offered)}, a model for {section} ({MODELS_HINT}), or nothing"
            what = (
                f"{engine!r} is given, which is no engine for {section}."
                f"{did_you_mean(engine, [name for name in usable if name not in FAKES])} Allowed: {allowed}"
            )
            yield Problem(loaded.origins[path], path, what)
    for name, origin in _entries(OWN_MODELS, loaded.origins).items():
        if any(record.name == name for record in CATALOGUE):
            yield Problem(origin, (*OWN_MODELS, name), "an engine has that name; choose another")
    names = [record.name for record in models]
    for name, origin in _entries(MODEL_SETTINGS, loaded.origins).items():
        if name not in names:
            yield Problem(
                origin,
                (*MODEL_SETTINGS, name),
                f"there is no model {name!r}.{did_you_mean(name, names)} {MODELS_HINT}",
            )
