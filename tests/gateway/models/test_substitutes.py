"""Models that are pulled in the place of others, and served by the names of these."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest

pytest.importorskip("hibari")

from kokoro_in_process import RATE, folder
from neural_server import served_models
from neural_server import speak as speak_to
from servers import TIMEOUT, running, wait_until
from word_error_rate import error_rate, transcribe

from engines.catalogue.models import MODELS, find_model
from engines.catalogue.records import ModelRecord, SourceName
from engines.errors import SpeechError
from engines.hub.errors import DiskFull, HubBusy, ModelNotFound, ModelUnreachable, Offline, PullStalled
from engines.hub.package_files import PackageFolder
from gateway.models.substitutes import pull_or_substitute

KOKORO = find_model("kokoro")
INT8 = find_model("kokoro-int8")
TEXT = "The source of the huge river is the clear spring. A pot of tea helps to pass the evening."


class Puller:
    """A pull that fails for some models, and notes what was pulled and what was said."""

    def __init__(self, **faults: SpeechError) -> None:
        self.pulled: list[str] = []
        self.said: list[tuple[str, str]] = []
        self._faults = faults

    def __call__(self, record: ModelRecord) -> Path:
        """Pull a model."""
        self.pulled.append(record.name)
        if record.name in self._faults:
            raise self._faults[record.name]
        return Path(record.name)

    def run(self, record: ModelRecord = KOKORO, *unable: str, source: SourceName | None = None) -> str:
        """Pull a model or its substitute; `unable` cannot run. Return which was pulled."""

        def say(substitute: ModelRecord, why: str) -> None:
            self.said.append((substitute.name, why))

        sources: tuple[SourceName, ...] = (source,) if source else ()
        obstacles = dict.fromkeys(unable, "torch not installed: voicebox engines install main")
        found, path = pull_or_substitute(
            record, MODELS, lambda one: obstacles.get(one.name, ""), self, say, sources
        )
        assert path == Path(found.name)
        return found.name


def test_every_substitute_is_a_model() -> None:
    """What stands for another is in the catalogue, does the same, and needs other packages."""
    names = [record for record in MODELS if record.substitute]

    assert KOKORO in names
    for record in names:
        substitute = find_model(record.substitute)
        assert substitute.kinds == record.kinds and not substitute.substitute
        assert substitute.engine.packages != record.engine.packages


def test_where_both_can_run() -> None:
    """Where a model can run and be had, it is pulled itself, and nothing is said."""
    pull = Puller()

    assert pull.run() == "kokoro"
    assert pull.run(INT8, "kokoro-int8") == "kokoro-int8"
    assert (pull.pulled, pull.said) == (["kokoro", "kokoro-int8"], [])


def test_where_it_cannot_run() -> None:
    """Where a model cannot run its substitute is pulled, and the reason said; but not one that cannot run either."""
    pull = Puller()

    assert pull.run(KOKORO, "kokoro") == "kokoro-int8"
    assert pull.said == [("kokoro-int8", "torch not installed: voicebox engines install main")]
    assert pull.run(KOKORO, "kokoro", "kokoro-int8") == "kokoro"
    assert pull.pulled == ["kokoro-int8", "kokoro"]


@pytest.mark.parametrize("fault", [ModelUnreachable("The hub cannot be reached."), Offline("No network.")])
def test_where_its_source_is_out_of_reach(fault: SpeechError) -> None:
    """Where the hub is out of reach the substitute is pulled, which may come from elsewhere."""
    pull = Puller(kokoro=fault)

    assert pull.run() == "kokoro-int8"
    assert pull.said == [("kokoro-int8", fault.message.rstrip("."))]


@pytest.mark.parametrize(
    "fault", [HubBusy("Later."), PullStalled("Slow."), DiskFull("Full."), ModelNotFound("None.")]
)
def test_faults_that_another_model_does_not_mend(fault: SpeechError) -> None:
    """A fault that passes, or that another model would meet as well, is the pull's own."""
    pull = Puller(kokoro=fault)
    with pytest.raises(type(fault)):
        pull.run()
    assert (pull.pulled, pull.said) == (["kokoro"], [])


def test_a_source_that_it_does_not_have() -> None:
    """Who asks for packages gets the substitute, which comes in some; who asks for the hub gets the model."""
    pull = Puller()

    assert (pull.run(source="packages"), pull.run(source="hub")) == ("kokoro-int8", "kokoro")
    assert pull.said == [("kokoro-int8", "it does not come from packages")]


def test_it_is_served_by_the_others_name(tmp_path: Path) -> None:
    """With the int8 graph pulled from its wheels, requests for `kokoro` are spoken by it, as the ear confirms, and
    OpenAI's names stay with voices that speak the language of the text.
    """
    assert INT8.packaged
    place = PackageFolder(tmp_path / "hub", INT8.name, INT8.packaged)
    place.files.parent.mkdir(parents=True)
    place.files.symlink_to(folder())
    settings = {"models": {"folder": str(tmp_path / "hub")}}
    (tmp_path / "server").mkdir()
    with running(tmp_path / "server", settings) as server:
        wait_until(lambda: "kokoro-int8" in served_models(server), "the model is served", 3 * TIMEOUT)
        pcm = speak_to(server, "kokoro", TEXT, "jf_alpha")
        alloy, german = (
            httpx.post(
                f"{server.base_url}/audio/speech",
                json={"model": "tts-1", "voice": "alloy", "input": text},
                timeout=TIMEOUT,
            )
            for text in ("Hi.", "Guten Tag, wie geht es Ihnen heute?")
        )

    assert error_rate([(TEXT, transcribe(pcm / np.float32(32768), RATE))]) <= 0.3
    assert alloy.headers["x-voicebox-engine"] != "kokoro-int8"
    assert (german.headers["x-voicebox-engine"], german.headers["x-voicebox-language"]) == ("espeak", "de")
    assert german.headers["x-voicebox-mapped"].startswith("voice=alloy->espeak/de")
