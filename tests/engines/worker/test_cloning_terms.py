"""Tests of what an engine asks of a voice's samples, and of prompts that a worker opens once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import contract_engines
import pytest
from one_worker import path_of_engines, started

from engines.api import Prompt, PromptJob, Sample, SpeechJob
from engines.catalogue.engines import EngineRecord
from engines.errors import BadAudio, BadInput, Unsupported
from engines.fleet.schedule import Schedule
from engines.fleet.streams import RequestTerms, StreamNeed
from engines.settings import Options
from engines.wire.client import WorkerClient

RATE = contract_engines.RATE
CLONING = EngineRecord("cloning-twice", "contract_engines:CloningTwice", ("speech",), "MIT")


@pytest.fixture(autouse=True)
def adapters_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the engines of these tests on the workers' import path."""
    monkeypatch.setenv("PYTHONPATH", path_of_engines(contract_engines.__file__))


def run(test: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(test(), 60))


def sample(seconds: float, transcript: str = "") -> Sample:
    """Return a sample that is not silent."""
    return Sample(bytes([1, 0]) * round(seconds * RATE), transcript)


async def speak(client: WorkerClient, prompt: Prompt) -> None:
    async for _ in client.speak(SpeechJob("one", "", prompt=prompt)):
        pass


def test_lengths_are_refused_with_their_figures(tmp_path: Path) -> None:
    """Samples that are too short or too long together are refused before the engine, with what it needs."""

    async def test() -> None:
        async with started(CLONING, {"file": str(tmp_path / "notes")}) as (_, client):
            with pytest.raises(BadAudio, match=r"too short: 1.5 seconds together, .* at least 2\."):
                await client.create_prompt(PromptJob((sample(0.5), sample(1.0))), RATE)
            with pytest.raises(BadAudio, match=r"too long: 5 seconds together, .* at most 4\."):
                await client.create_prompt(PromptJob((sample(5),)), RATE)
            with pytest.raises(BadAudio, match="silent"):
                await client.create_prompt(PromptJob((Sample(bytes(6 * RATE)),)), RATE)
            assert (await client.create_prompt(PromptJob((sample(2.0), sample(2.0))), RATE)).data

    run(test)


def test_transcripts_and_languages(tmp_path: Path) -> None:
    """An engine that needs the words of its samples refuses those without, and one that clones some languages
    only those of others; what the job says of them reaches the engine.
    """

    async def test() -> None:
        options: Options = {"file": str(tmp_path / "notes"), "transcript": "needed", "languages": "en de"}
        async with started(CLONING, options) as (_, client):
            with pytest.raises(BadInput, match="needs the words of each sample"):
                await client.create_prompt(PromptJob((sample(1, "Yes."), sample(1))), RATE)
            with pytest.raises(Unsupported, match="speak en, de, not 'fr'"):
                await client.create_prompt(PromptJob((sample(2, "Oui."),), language="fr"), RATE)
            job = PromptJob((sample(2, "Yes."),), language="en-GB")
            assert b"en-GB Yes." in (await client.create_prompt(job, RATE)).data

    run(test)


def test_a_prompt_depends_on_what_its_key_names() -> None:
    """A job for a prompt says nothing of a voice that the key does not have under which its prompt is kept, such
    as settings: they would be lost on who speaks with the prompt of another request.
    """
    assert PromptJob.__struct_fields__ == ("samples", "model", "language")


def test_a_prompt_is_opened_once(tmp_path: Path) -> None:
    """The worker that made a prompt keeps it under the id that the gateway uses, and has the engine open it once
    for all jobs; jobs get what the engine made of it.
    """

    async def test() -> None:
        notes = tmp_path / "notes"
        async with started(CLONING, {"file": str(notes)}) as (_, client):
            prompt = await client.create_prompt(PromptJob((sample(2),)), RATE)
            for _ in range(3):
                await speak(client, Prompt(prompt.id))  # without its bytes: the worker has them
        lines = notes.read_text().splitlines()
        assert lines[0] == "opened"
        assert len(lines) == 4
        assert all("sha256" in line for line in lines[1:])

    run(test)


def test_slots_prefer_a_worker_that_holds_the_prompt() -> None:
    """Of free slots a job gets one of the worker that had its prompt, though another has less to do; a job
    without a prompt gets the one with less.
    """

    class Worker:
        """A worker."""

    class Slot:
        """A slot of one."""

        valid = True

        def __init__(self, worker: Worker) -> None:
            self.worker = worker

    async def test() -> None:
        one, other = Worker(), Worker()
        schedule: Schedule[Slot] = Schedule()
        for worker in (one, other):
            for _ in range(3):
                schedule.offer(Slot(worker))
        need = StreamNeed(RequestTerms(), 1)
        first = await schedule.acquire(need, "voice")
        second = await schedule.acquire(need, "voice")
        assert second.worker is first.worker
        assert (await schedule.acquire(need)).worker is not first.worker
        assert (await schedule.acquire(need, "voice")).worker is first.worker
        assert (await schedule.acquire(need, "voice")).worker is not first.worker  # there is no other

    run(test)
