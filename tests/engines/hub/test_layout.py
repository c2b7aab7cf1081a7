"""Tests of the selection of a repository's files: older formats are pulled only without the same weights in
safetensors.
"""

from __future__ import annotations

import pytest

from engines.catalogue.own import SAFE_FILES
from engines.catalogue.records import Source
from engines.catalogue.transformers import FALLBACK_FILES
from engines.hub.layout import RemoteFile, Tree

SOURCE = Source("acme/toy", files=SAFE_FILES, fallback_files=FALLBACK_FILES)
OLD = "pytorch_model.bin"
SHARDS = ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")


def wanted(*names: str, source: Source = SOURCE) -> set[str]:
    """Return which of a repository's files are pulled."""
    return set(Tree({name: RemoteFile(1, "0" * 40) for name in names}).select(source))


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        ((OLD,), {OLD}),
        ((OLD, "model.safetensors"), {"model.safetensors"}),
        ((*SHARDS, "model.safetensors.index.json"), {"model.safetensors.index.json"}),
        (SHARDS, set(SHARDS)),
        ((OLD, "pytorch_model.safetensors"), {"pytorch_model.safetensors"}),
        ((OLD, "speaker.safetensors"), {OLD, "speaker.safetensors"}),
        ((OLD, "codec/model.safetensors"), {OLD, "codec/model.safetensors"}),
        (("model.safetensors", f"codec/{OLD}"), {"model.safetensors", f"codec/{OLD}"}),
        ((f"codec/{OLD}", "codec/model.safetensors"), {"codec/model.safetensors"}),
        (("training_args.bin", "modeling.py"), set()),
    ],
)
def test_older_formats(names: tuple[str, ...], kept: set[str]) -> None:
    """Weights in `.bin` are pulled unless the same folder has them in safetensors; other folders do not
    matter.
    """
    assert wanted(*names) == kept


def test_sources_without_patterns() -> None:
    """A source without patterns means all files; one without older formats means none of these."""
    assert wanted(OLD, "modeling.py", source=Source("acme/toy")) == {OLD, "modeling.py"}
    assert wanted(OLD, "config.json", source=Source("acme/toy", files=SAFE_FILES)) == {"config.json"}
