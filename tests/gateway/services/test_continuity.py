"""Tests of what the segments of a request have in common, on real servers: one process, and several."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, running
from telling_engine import REFUSED, STUMBLE
from verifying_server import OTHERS, copy_program

RECORDS = """
    EngineRecord("telling", "engines.adapters.telling.engine:Telling", ("speech",), "MIT", rank=90),
    EngineRecord("staying", "engines.adapters.telling.engine:Telling", ("speech",), "MIT", rank=80),
    EngineRecord("picky", "engines.adapters.telling.engine:Telling", ("speech",), "MIT", rank=70),
    EngineRecord("useless", "engines.adapters.telling.engine:Telling", ("speech",), "MIT", rank=60),
    EngineRecord("polyglot", "engines.adapters.telling.engine:Telling", ("speech",), "MIT", rank=50),
"""
SENTENCES = [f"This is sentence number {number} of quite a long text." for number in range(12)]
TEXT = " ".join(SENTENCES)
GERMAN = "Guten Morgen, heute scheint die Sonne, und wir gehen alle zusammen in den Wald."


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the program with the engines of these tests in it."""
    place = tmp_path_factory.mktemp("program")
    return copy_program(place, {"telling": "telling_engine.py"}, RECORDS)


def engine(folder: Path, name: str, workers: int = 2, **options: Any) -> dict[str, Any]:
    """Return the settings of one of these engines."""
    told = {"file": str(folder / f"{name}.jsonl"), "name": name, **options}
    return {"enabled": True, "workers": workers, "options": told}


@pytest.fixture(scope="module", params=["1", "2"], ids=["one process", "two processes"])
def server(
    request: pytest.FixtureRequest, program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """Serve the engines of these tests by one gateway process, or by two."""
    folder = tmp_path_factory.mktemp("continuity")
    engines: dict[str, Any] = {name: {"enabled": False} for name in OTHERS}
    engines |= {
        "telling": engine(folder, "telling", alloy=True),
        "staying": engine(folder, "staying", affinity=True),
        "picky": engine(folder, "picky", refuses=str(folder / "refused")),
        "useless": engine(folder, "useless", refuses="all"),
        "polyglot": engine(folder, "polyglot", 1, languages="fr en de", language="needed"),
    }
    config = {"engines": engines, "speech": {"first_segment": 60, "segment": 60}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(program))
        with running(folder, config, ("--workers", request.param), cwd=program) as running_server:
            yield running_server


def speak(server: Server, model: str, text: str, **fields: Any) -> httpx.Response:
    """Return the answer to a request for a text in WAV, by a connection of its own."""
    body = {"model": model, "voice": "low", "input": text, "response_format": "wav", **fields}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)


def jobs(server: Server, name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the jobs that an engine was given, by their streams, in order."""
    lines = [json.loads(line) for line in (server.folder / f"{name}.jsonl").read_text().splitlines()]
    lines.sort(key=lambda line: line["began"])
    return {
        stream: [line for line in lines if line["stream"] == stream]
        for stream in dict.fromkeys(line["stream"] for line in lines)
        if stream
    }


def jobs_of(server: Server, name: str, text: str, **fields: Any) -> list[dict[str, Any]]:
    """Speak a text, and return the jobs that it became."""
    path = server.folder / f"{name}.jsonl"
    known = set(jobs(server, name)) if path.exists() else set()
    answer = speak(server, name, text, **fields)
    assert answer.status_code == 200, answer.text
    [new] = [stream for stream in jobs(server, name) if stream not in known]
    return jobs(server, name)[new]


def test_one_seed_a_request(server: Server) -> None:
    """All segments of a request have one seed, drawn for it where it brings none, and another request has
    another.
    """
    first, second = jobs_of(server, "telling", TEXT), jobs_of(server, "telling", TEXT)
    assert len(first) > 5
    [seed], [other] = ({job["seed"] for job in one} for one in (first, second))
    assert seed is not None
    assert seed != other
    assert {job["seed"] for job in jobs_of(server, "telling", TEXT, seed=7)} == {7}


def test_segments_know_what_was_before(server: Server) -> None:
    """Each segment has its stream, its number, the end of the text before it, and says whether it is the last."""
    told = sorted(jobs_of(server, "telling", " ".join([TEXT] * 4)), key=lambda job: int(job["index"]))
    assert [job["index"] for job in told] == list(range(len(told)))
    assert [job["last"] for job in told] == [False] * (len(told) - 1) + [True]
    before = ""
    for job in told:
        assert before.endswith(job["before"])
        assert min(900, len(before)) <= len(job["before"]) <= 1000
        before += job["text"]


def test_another_attempt_has_another_seed(server: Server) -> None:
    """What comes out far too short is made again with another seed; what was whole keeps the request's."""
    text = f"{SENTENCES[0]} This one {STUMBLE} over and over, as some do now and then. {SENTENCES[1]}"
    told = jobs_of(server, "telling", text)
    by_segment = [[job["seed"] for job in told if job["index"] == number] for number in range(3)]
    assert [len(seeds) for seeds in by_segment] == [1, 2, 1]
    assert by_segment[0] == by_segment[2] == by_segment[1][:1]
    assert by_segment[1][1] != by_segment[1][0]


def test_a_stream_stays_with_its_worker(server: Server) -> None:
    """An engine that keeps something between segments gets those of a stream one by one, in one worker."""
    for _ in range(3):
        told = jobs_of(server, "staying", TEXT)
        assert len(told) > 5
        assert len({job["pid"] for job in told}) == 1
        assert all(one["ended"] <= next_one["began"] for one, next_one in itertools.pairwise(told))


def test_a_job_that_is_sent_elsewhere_is_done_there(server: Server) -> None:
    """Where a worker says that another one could do it, another one does, and the caller sees nothing of it."""
    for _ in range(4):
        told = jobs_of(server, "picky", SENTENCES[0])
        assert [job["refused"] for job in told] in ([False], [True, False])
        assert len({job["pid"] for job in told}) == len(told)


def test_each_worker_is_asked_once(server: Server) -> None:
    """Where all workers send a job elsewhere, their error is the answer, after one attempt by each."""
    answer = speak(server, "useless", SENTENCES[0])
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == REFUSED
    [told] = jobs(server, "useless").values()
    assert len({job["pid"] for job in told}) == len(told) == 2


def test_a_language_is_found_where_it_is_needed(server: Server) -> None:
    """An engine that needs a language gets that of the request, or else that of the text, which the answer
    names, by the engine's own tag for it; one that ignores it gets none.
    """
    for text, fields, language in (
        (GERMAN, {}, "de"),
        (SENTENCES[0], {}, "en"),
        (SENTENCES[0], {"language": "fr"}, "fr"),
        (SENTENCES[0], {"language": "de-AT"}, "de"),
        (GERMAN, {"language": "ja"}, "de"),
        ("Доброе утро, сегодня светит солнце, и мы идём в лес.", {}, "fr"),
    ):
        told = jobs_of(server, "polyglot", text, **fields)
        assert {job["language"] for job in told} == {language}
        assert speak(server, "polyglot", text, **fields).headers["x-voicebox-language"] == language
    assert {job["language"] for job in jobs_of(server, "telling", GERMAN)} == {None}


@pytest.mark.parametrize("model", ["tts-1", "tts-1-hd", "gpt-4o-mini-tts"])
def test_a_model_that_does_not_speak_the_language_is_not_chosen(server: Server, model: str) -> None:
    """OpenAI's names mean an engine that speaks the text's language, also where its voices name none."""
    for text, name in ((GERMAN, "polyglot"), (SENTENCES[0], "telling")):
        answer = speak(server, model, text, voice="alloy")
        assert answer.status_code == 200, answer.text
        assert answer.headers["x-voicebox-engine"] == name
