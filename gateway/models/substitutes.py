"""Pull a model, or the one that stands for it where it cannot run here or its source is out of reach."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engines.catalogue.records import ModelRecord, SourceName
from engines.hub.errors import HubBusy, ModelUnreachable, Offline, PullStalled

Pull = Callable[[ModelRecord], Path]
"""pulls a model and returns its folder; raises ModelError"""
OnSubstitute = Callable[[ModelRecord, str], None]
"""is told the model that is pulled in place of another, and why"""
MAY_PASS = (HubBusy, PullStalled)
"""errors after which the same pull is to be tried again"""


def pull_or_substitute(
    record: ModelRecord,
    records: Sequence[ModelRecord],
    obstacle: Callable[[ModelRecord], str],
    pull: Pull,
    on_substitute: OnSubstitute,
    sources: Sequence[SourceName] = (),
) -> tuple[ModelRecord, Path]:
    """Pull a model or its substitute; return which of them, and its folder.

    The substitute is one of `records`, and must be able to run here: `obstacle` says what keeps a model from
    it. `sources` are those that were asked for. Raises ModelError.
    """
    substitute = next((one for one in records if one.name == record.substitute), None)
    if substitute is None or obstacle(substitute):
        return record, pull(record)
    why = obstacle(record)
    if sources and not set(sources) & set(record.source_names):
        why = why or f"it does not come from {' or '.join(sources)}"
    if not why:
        try:
            return record, pull(record)
        except MAY_PASS:
            raise
        except (ModelUnreachable, Offline) as exc:
            why = exc.message.rstrip(".")
    on_substitute(substitute, why)
    return substitute, pull(substitute)
