"""What is on the disk of the models that the settings know, and whether this machine can run it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from engines.catalogue.models import all_models
from engines.catalogue.records import ModelRecord
from engines.environments import layout
from engines.environments.find import obstacle
from engines.hub.store import ModelFiles
from engines.settings import ModelSettings
from gateway.config.paths import data_folder
from gateway.config.settings import Settings


class ModelOnDisk(msgspec.Struct, frozen=True):
    """A model that is on the disk."""

    record: ModelRecord
    complete: bool
    size: int
    """bytes"""
    obstacle: str
    """what keeps this machine from running it; empty where nothing does"""
    enabled: bool

    @property
    def runs(self) -> bool:
        """Whether a server here would run it."""
        return self.complete and self.enabled and not self.obstacle


def model_files(settings: Settings) -> ModelFiles:
    """Return the model files that the settings mean."""
    chosen = settings.models
    return ModelFiles(
        Path(chosen.folder).expanduser() if chosen.folder else None,
        offline=chosen.offline or None,
        sources=chosen.sources,
        package_index=chosen.package_index,
    )


def models_on_disk(settings: Settings) -> list[ModelOnDisk]:
    """Return the models of which something is on the disk, the best first. Reads the disk."""
    records = all_models(settings.models.own)
    environments = data_folder(settings) / layout.ENVIRONMENTS_FOLDER
    found = [
        ModelOnDisk(
            record,
            stored.complete,
            stored.size,
            obstacle(record, environments),
            settings.models.each.get(record.name, ModelSettings()).enabled,
        )
        for record, stored in zip(records, model_files(settings).listing(records), strict=True)
        if stored.size
    ]
    return sorted(found, key=lambda one: -one.record.total_rank)
