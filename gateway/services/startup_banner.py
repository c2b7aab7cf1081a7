"""What the server says on a terminal once it listens: where, who speaks and hears, who may call."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator, Sequence

from engines.catalogue.engines import CATALOGUE, Kind
from engines.errors import SpeechError
from gateway.config.command_name import as_called_here
from gateway.config.settings import ServerSettings, Settings
from gateway.models.on_disk import ModelOnDisk, models_on_disk
from gateway.security.hosts import is_loopback
from gateway.security.keys import KeyStore

LABEL_WIDTH = 9
LEAST_WIDTH = 40
MOST_WIDTH = 110
MOST_NAMED = 4
"""engines or models that are named one by one"""


def startup_banner(url: str, settings: Settings, keys: KeyStore, version: str) -> str:
    """Return the banner of a server that listens at `url`. Reads the disk."""
    try:
        models = [model for model in models_on_disk(settings) if model.complete]
    except (SpeechError, OSError):  # the log tells of a folder that cannot be read
        models = []
    width = max(LEAST_WIDTH, min(MOST_WIDTH, shutil.get_terminal_size().columns)) - 1
    first = textwrap.wrap(
        f"Voicebox Gateway {version} is listening at {url}",
        width,
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines = ["", *first, ""]
    for label, text in _facts(url, settings, keys, models):
        begin = f"  {label:<{LABEL_WIDTH}}"
        lines += textwrap.wrap(
            as_called_here(text),
            width,
            initial_indent=begin,
            subsequent_indent=" " * len(begin),
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join([*lines, ""])


def _facts(
    url: str, settings: Settings, keys: KeyStore, models: Sequence[ModelOnDisk]
) -> Iterator[tuple[str, str]]:
    yield "speaks", _engines("speech", settings, models) or "nobody: voicebox models pull kokoro"
    yield "hears", _engines("transcription", settings, models) or "nobody: voicebox models pull whisper-small"
    if stopped := [model.record.name for model in models if model.obstacle]:
        yield "cannot", f"run {_listed(stopped)}: `voicebox doctor` tells why"
    yield "keys", _keys(settings.server, keys)
    yield "try", f'voicebox say "Good morning." --play{_url_option(url, settings.server)}'
    yield "read", f"{url}{settings.server.base_path}/schema, or set any OpenAI client's base URL to {url}/v1"
    yield "stop", "Ctrl-C"


def _engines(kind: Kind, settings: Settings, models: Sequence[ModelOnDisk]) -> str:
    """Return the engines and models that do something, the best first."""
    ranks = {
        one.name: one.rank for one in CATALOGUE if kind in one.kinds and one.is_enabled(settings.engines)
    }
    ranks |= {
        one.record.name: one.record.total_rank for one in models if one.runs and kind in one.record.kinds
    }
    return _listed(sorted(ranks, key=lambda name: -ranks[name]))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _keys(server: ServerSettings, keys: KeyStore) -> str:
    """Return who may call."""
    if not keys.empty():
        good = sum(not key.expired() for key in keys.list())
        return f"needed; {good} good" if good else "needed, and none is good: voicebox keys create NAME"
    if is_loopback(server.host):
        return "none needed, from this machine only"
    return "none needed: everybody who reaches this machine can use it (voicebox keys create NAME)"


def _url_option(url: str, server: ServerSettings) -> str:
    """Return the option that a command needs to find the server; nothing where it finds it by itself."""
    return "" if server.port == ServerSettings().port and is_loopback(server.host) else f" --url {url}"
