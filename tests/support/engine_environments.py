"""The environments of engines that `make test-engines` has built, for tests of what runs in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engines.catalogue.models import find_model
from engines.environments.find import missing_packages
from engines.environments.layout import ENVIRONMENTS_FOLDER, Environment, read_environment

FOLDER = Path(__file__).parents[2] / ".venv" / ENVIRONMENTS_FOLDER
"""where `scripts/setup test-engines` installs them, as `voicebox engines install` does"""


def environment(group: str) -> Environment:
    """Return the environment of a group; skip the test where it was not built."""
    found = read_environment(FOLDER / group)
    if found is None:
        pytest.skip(
            f"the environment {group} is not installed, and nothing of it was tested: make test-engines"
        )
    return found


def lend_environments(data_folder: Path) -> None:
    """Let a server with this data folder run its models in these environments, which must be there."""
    data_folder.mkdir(parents=True, exist_ok=True)
    (data_folder / ENVIRONMENTS_FOLDER).symlink_to(FOLDER)


def need_packages(model: str) -> None:
    """Skip the test where the environment of a model's engine lacks a package of it."""
    engine = find_model(model).engine
    if missing := missing_packages(engine.packages, environment(engine.group).site):
        pytest.skip(
            f"{missing[0]} is not installed, and nothing of {model} was tested: voicebox engines add {model}"
        )
