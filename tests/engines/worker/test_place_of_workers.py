"""Tests of the place that a worker gives its engine: what is in its environment, and what is not to be seen of
its options.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import msgspec
import psutil
import pytest
from one_worker import path_of_engines, started
from outputs import QUIET

from engines.api import EngineInfo, Output, Place, SpeechCapabilities, SpeechJob, SpeechOutput, Voice
from engines.catalogue.engines import EngineRecord, find_engine
from engines.catalogue.models import find_model
from engines.fleet.model_engines import ModelEngines
from engines.fleet.resting_engines import RestingEngines
from engines.fleet.worker_environ import worker_environ
from engines.fleet.worker_group import WorkerGroup
from engines.fleet.worker_process import StartFailed
from engines.memory.cores import usable_cores
from engines.memory.governor import Governor
from engines.settings import EngineSettings, ModelSettings, Options, WorkerSettings

RECORD = EngineRecord(
    "telling", "test_place_of_workers:Telling", ("speech",), "none", cache_folder="/srv/models"
)
SECRET = "sk-of-somebody-1234"
GIVEN = {
    "VOICEBOX_S3__SECRET_KEY": "mine",
    "VOICEBOX_WORKER_SECRET": "mine",
    "AWS_ACCESS_KEY_ID": "mine",
    "OPENAI_API_KEY": "mine",
    "NVIDIA_API_KEY": "mine",
    "HF_TOKEN": "mine",
    "HUGGING_FACE_HUB_TOKEN": "mine",
    "GOOGLE_APPLICATION_CREDENTIALS": "/mine",
    "DATABASE_URL": "postgres://me:mine@db",
    "TORCH_TOKEN": "mine",
    "SOMETHING_ELSE": "mine",
}
"""variables of the gateway that are none of an engine's"""
NEEDED = {
    "LC_ALL": "C.UTF-8",
    "https_proxy": "http://proxy:3128",
    "CUDA_HOME": "/usr/local/cuda",
    "HSA_OVERRIDE_GFX_VERSION": "10.3.0",
    "OMP_PLACES": "cores",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "0",
}
"""variables of the gateway that libraries of engines need"""


class Telling:
    """An engine that writes what it was given into a file."""

    def __init__(self, file: str, key: str = "", computes_on: str = "cpu") -> None:
        self._file = Path(file)
        self._key = key
        self._computes_on = computes_on

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Write it down."""
        told = {
            "environ": dict(os.environ),
            "key": self._key,
            "place": msgspec.to_builtins(place),
        }
        self._file.write_text(json.dumps(told))
        return EngineInfo(
            "telling",
            "1",
            "none",
            ("telling",),
            (Voice("low", "Low"),),
            speech=SpeechCapabilities(24_000, ("en",)),
            device=self._computes_on,
        )

    def speak(self, job: SpeechJob, out: SpeechOutput) -> None:
        """Give a little audio."""
        out.audio(bytes(480))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


@pytest.fixture(autouse=True)
def paths(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers import this file."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(__file__))


def test_an_engine_gets_what_it_needs_and_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker has the variables that libraries need, and neither the gateway's settings nor anybody's keys;
    the hub's libraries are offline, and look where pulled models lie.
    """
    for name, value in {**GIVEN, **NEEDED}.items():
        monkeypatch.setenv(name, value)

    async def test() -> None:
        async with started(RECORD, {"file": str(tmp_path / "told")}) as (process, _):
            had = json.loads((tmp_path / "told").read_text())["environ"]
            assert GIVEN.keys() & had.keys() == set()
            assert "mine" not in str(psutil.Process(process.pid).environ())
            assert {name: had[name] for name in NEEDED} == {**NEEDED, "HF_HUB_OFFLINE": "1"}
            assert had["TRANSFORMERS_OFFLINE"] == "1"
            assert had["HF_HUB_CACHE"] == "/srv/models"
            assert had["HOME"] == os.environ["HOME"]
            assert had["PYTORCH_CUDA_ALLOC_CONF"] == "expandable_segments:True"
            assert had["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"

    run(test)


def test_libraries_of_models_find_what_they_need() -> None:
    """What says where libraries and GPUs are passes, whatever system that is for; what Apple's GPU lacks is computed
    all the same, unless the gateway was started with another wish.
    """
    needed = dict.fromkeys(
        [
            "LD_LIBRARY_PATH",
            "NIX_LD_LIBRARY_PATH",
            "CONDA_PREFIX",
            "CUDA_PATH",
            "CUDA_MPS_PIPE_DIRECTORY",
            "HIP_VISIBLE_DEVICES",
            "HSA_OVERRIDE_GFX_VERSION",
            "ZE_AFFINITY_MASK",
            "https_proxy",
            "SSL_CERT_FILE",
            "LC_ALL",
            "PYTORCH_ALLOC_CONF",
        ],
        "as it was",
    )
    found = worker_environ(needed)
    assert needed.items() <= found.items()
    assert found["PYTORCH_ENABLE_MPS_FALLBACK"] == "1"
    assert worker_environ({"PYTORCH_ENABLE_MPS_FALLBACK": "0"})["PYTORCH_ENABLE_MPS_FALLBACK"] == "0"


def test_an_engine_is_told_its_place(tmp_path: Path) -> None:
    """Device, dtype and threads of the settings, the environment of the record and the folder of pulled models
    reach an engine when it is loaded, and none of them as an argument of its class.
    """
    record = msgspec.structs.replace(RECORD, group="legacy457")
    told = tmp_path / "told"
    given: list[tuple[Options, dict[str, object]]] = [
        ({}, {"device": "auto", "dtype": "auto", "threads": 0}),
        (
            {"device": "cuda", "dtype": "bfloat16", "threads": 3, "computes_on": "cuda:0"},
            {"device": "cuda", "dtype": "bfloat16", "threads": 3},
        ),
        ({"threads": "2"}, {"device": "auto", "dtype": "auto", "threads": 2}),
    ]

    async def test() -> None:
        for options, place in given:
            async with started(record, {"file": str(told), "key": "mine", **options}):
                had = json.loads(told.read_text())
                assert had["key"] == "mine"
                assert had["place"] == {**place, "group": "legacy457", "cache_folder": "/srv/models"}

    run(test)


def test_no_threads_are_left_to_the_engine_and_zero_is_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`threads: 0` in the settings is the worker's whole share of the cores, for engines too that would take
    fewer where nothing is said.
    """
    monkeypatch.setenv("OMP_NUM_THREADS", "1")

    async def test() -> None:
        async with started(RECORD, {"file": str(tmp_path / "told"), "threads": 0}):
            assert json.loads((tmp_path / "told").read_text())["place"]["threads"] == 1

    run(test)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"device": 0},
            "The option `device` should be the name of a device, such as auto, cpu or cuda, not 0.",
        ),
        ({"dtype": True}, "The option `dtype` should be the name of a kind of numbers, .*, not True."),
        ({"threads": "many"}, "The option `threads` should be a number of threads, .*, not 'many'."),
        ({"threads": -1}, "The option `threads` should be a number of threads, .*, not -1."),
        ({"device": "cuda"}, "There is no device 'cuda' for the engine `telling`: it computes on cpu."),
        ({"devise": "cuda"}, "unexpected keyword argument 'devise'"),
    ],
)
def test_places_and_options_that_are_none(tmp_path: Path, options: Options, reason: str) -> None:
    """What is no place is refused with the option's name, a device that the engine computes not on as well, and
    so is an option that the engine does not know.
    """

    async def test() -> None:
        with pytest.raises(StartFailed, match=reason):
            async with started(RECORD, {"file": str(tmp_path / "told"), **options}):
                pass

    run(test)


def test_a_models_environment_is_its_engines(tmp_path: Path) -> None:
    """The engine of a model has the group of the model's record, by which it names the command that mends its
    environment.
    """
    model = find_model("kokoro")
    elsewhere = msgspec.structs.replace(
        model, engine=msgspec.structs.replace(model.engine, group="legacy457")
    )
    engines = ModelEngines(tmp_path / "learned", Governor(), 0.0)
    groups = [engines.make(one, [tmp_path], 0, ModelSettings()).record.group for one in (model, elsewhere)]
    assert groups == ["main", "legacy457"]


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_options_are_not_to_be_seen(tmp_path: Path, size: int) -> None:
    """An engine gets its options whole, however long, and no list of processes shows them."""
    key = SECRET + "x" * size

    async def test() -> None:
        async with started(RECORD, {"file": str(tmp_path / "told"), "key": key}) as (process, client):
            shown = psutil.Process(process.pid)
            assert SECRET not in str(shown.cmdline()) + str(shown.environ())
            assert json.loads((tmp_path / "told").read_text())["key"] == key
            async with aclosing(client.speak(SpeechJob("a", "low"))) as events:
                assert [event async for event in events]

    run(test)


def test_what_is_remembered_of_a_model_tells_no_options(tmp_path: Path) -> None:
    """The file in which it is written how a model was run does not have what the settings say; other settings
    are another run all the same.
    """
    model = find_model("kokoro")
    learned = tmp_path / "learned"
    engines = ModelEngines(learned, Governor(), 0.0)

    async def remember() -> None:
        settings = ModelSettings(options={"api_key": SECRET})
        made = engines.make(model, [tmp_path], 0, settings)
        info = Telling(str(tmp_path / "told")).load(Place(), QUIET)
        made.on_demand.on_ready(info, os.getpid(), 1.0)
        while not (learned / "kokoro.json").exists():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(remember(), 30))
    assert SECRET not in (learned / "kokoro.json").read_text()
    for key, known in ((SECRET, True), ("another", False)):
        again = engines.make(model, [tmp_path], 0, ModelSettings(options={"api_key": key}))
        assert bool(again.on_demand.info) == known


def test_what_is_remembered_of_an_engine_that_rests_tells_no_options(tmp_path: Path) -> None:
    """Nor does the file of an engine without a model have them."""
    settings = EngineSettings(options={"file": str(tmp_path / "told"), "key": SECRET})
    learned = tmp_path / "learned"

    async def remember() -> None:
        info = Telling(str(tmp_path / "told")).load(Place(), QUIET)
        RestingEngines(learned, 0.0).on_demand(find_engine("tone"), settings).on_ready(info, os.getpid(), 1.0)
        while not (learned / "tone.json").exists():  # noqa: ASYNC110 - a thread writes it
            await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(remember(), 30))
    assert SECRET not in (learned / "tone.json").read_text()
    assert RestingEngines(learned, 0.0).on_demand(find_engine("tone"), settings).info


def test_workers_of_one_engine_share_the_cores(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each of two workers is told of half the cores, unless whoever starts the gateway says otherwise."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    half = worker_environ(os.environ, workers=2)["OMP_NUM_THREADS"]
    assert half == str(max(1, usable_cores() // 2))
    assert worker_environ(os.environ)["OMP_NUM_THREADS"] == str(usable_cores())

    async def test() -> None:
        engine = EngineSettings(workers=2, options={"file": str(tmp_path / "told")})
        group = WorkerGroup(RECORD, engine, WorkerSettings(), lambda *_, **__: None)
        async with group.running():
            assert await group.wait_ready()
            assert json.loads((tmp_path / "told").read_text())["environ"]["OMP_NUM_THREADS"] == half

    run(test)
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert worker_environ(os.environ, workers=2)["OMP_NUM_THREADS"] == "7"
