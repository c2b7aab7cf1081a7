"""Tests that the suite passes a good server and fails broken ones, each by the check for its fault."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import broken_answers as answers
import broken_speech as speech
import good_server
import pytest
from anyio.from_thread import start_blocking_portal
from servers import TIMEOUT, Server

from conformance import checks, report
from conformance.addresses import cleaned, find_base_url
from conformance.checks import streams
from conformance.context import Context, Target
from conformance.registry import REGISTRY, Result
from conformance.runner import run_all, run_one

FAULTS: list[tuple[good_server.Break, str]] = [
    (speech.header_per_chunk, "speech.formats.wav_header"),
    (speech.wav_rate_field, "speech.formats.wav_header"),
    (speech.zero_sizes, "speech.formats.wav_header"),
    (speech.other_rate, "speech.formats.pcm"),
    (speech.pcm_with_header, "speech.formats.pcm"),
    (speech.half_sample, "speech.formats.pcm"),
    (speech.big_endian, "speech.formats.pcm"),
    (speech.wav_by_default, "speech.formats.default"),
    (speech.octet_stream, "speech.formats.mp3"),
    (speech.fast_mp3, "speech.formats.mp3"),
    (speech.quiet_tail, "speech.formats.mp3"),
    (speech.raw_opus, "speech.formats.opus"),
    (speech.truncated, "speech.formats.opus"),
    (speech.silent_tail, "speech.formats.wav"),
    (speech.truncated, "speech.formats.aac"),
    (speech.gzipped, "speech.streaming.headers"),
    (speech.clipping, "speech.sound.plausible"),
    (speech.clicking, "speech.sound.joins"),
    (speech.jump_at_join, "speech.sound.joins"),
    (speech.hole, "speech.sound.pauses"),
    (speech.last_sentence_lost, "speech.sound.whole"),
    (speech.sentence_twice, "speech.sound.whole"),
    (speech.speed_ignored, "speech.speed.2"),
    (speech.speed_by_rate, "speech.speed.2"),
    (speech.speed_ignored, "speech.speed.forms"),
    (speech.one_voice, "speech.voices.different"),
    (speech.two_voices, "speech.voices.different"),
    (speech.buffered, "speech.streaming.audio"),
    (speech.header_then_buffered, "speech.streaming.audio"),
    (speech.with_length, "speech.streaming.audio"),
    (speech.buffered, "speech.streaming.sse"),
    (speech.Swap(), "speech.concurrency"),
    (answers.event_lines, "speech.sse.events"),
    (answers.retry_line, "speech.sse.events"),
    (answers.no_done, "speech.sse.events"),
    (answers.no_last_empty_line, "speech.sse.events"),
    (answers.zero_usage, "speech.sse.events"),
    (answers.usage_like_transcripts, "speech.sse.events"),
    (answers.delta_field, "speech.sse.events"),
    (answers.bad_base64, "speech.sse.events"),
    (answers.short_deltas, "speech.sse.formats"),
    (answers.lost_delta, "transcriptions.stream"),
    (answers.no_done, "transcriptions.stream"),
    (answers.json_instead_of_events, "transcriptions.stream"),
    (answers.duration_usage, "transcriptions.stream_sdk"),
    (answers.quoted, "transcriptions.text"),
    (answers.two_line_ends, "transcriptions.text"),
    (answers.quoted, "transcriptions.srt"),
    (answers.srt_without_last_line, "transcriptions.srt"),
    (answers.no_hours, "transcriptions.vtt"),
    (answers.null_words, "transcriptions.granularities.both"),
    (answers.all_granularities, "transcriptions.granularities.word"),
    (answers.words_backwards, "transcriptions.granularities.word"),
    (answers.words_in_milliseconds, "transcriptions.granularities.both"),
    (answers.language_code, "transcriptions.verbose_json"),
    (answers.thin_segments, "transcriptions.verbose_json"),
    (answers.thin_segments, "transcriptions.sdk"),
    (answers.hallucinated, "transcriptions.right_words"),
    (answers.fractional_usage, "transcriptions.usage"),
    (answers.silence_is_an_error, "uploads.silence"),
    (answers.error_in_200, "uploads.bad.garbage"),
    (answers.error_in_200, "speech.voices.unknown"),
    (answers.detail_422, "errors.speech.input_empty"),
    (answers.three_keys, "errors.speech.model_unknown"),
    (answers.int_code, "errors.route"),
    (answers.html, "errors.route"),
    (answers.html, "errors.method"),
    (answers.server_error, "errors.sdk"),
    (answers.no_request_id, "errors.request_id"),
    (answers.string_voices, "voices.list"),
    (answers.created_missing, "models.list"),
    (answers.plain_ok, "probes.wyoming"),
    (answers.deleted_voice, "voices.sample"),
    (answers.deletes_twice, "voices.sample"),
    (answers.bare_ids, "voices.sample"),
    (answers.prompt_lost, "voices.prompt"),
    (answers.no_type, "voices.prompt"),
    (answers.never_more, "voices.consents.pages"),
    (answers.keeps_names, "voices.consents.lifecycle"),
    (answers.deleted_consent, "voices.consents.lifecycle"),
    (answers.detail_422, "voices.consents.errors"),
    (answers.error_in_200, "voices.errors"),
    (answers.html, "voices.errors"),
]
"""faults, and the check that must detect each"""
HEAVY = (
    "transcri",
    "transla",
    "uploads.",
    "forms.",
    "speech.streaming",
    "speech.voices",
    "speech.concurrency",
    "speech.requests.long",
)
"""checks that cost the gateway's engines seconds each; `make conformance` runs them"""
ONE_OF_EACH = {
    "transcriptions.json",
    "translations.json",
    "uploads.flac",
    "transcriptions.stream",
    "speech.streaming.audio",
}


async def verdict(base_url: str, name: str, key: str | None = None) -> Result:
    context = Context(Target(base_url, key))
    try:
        return await run_one(context, REGISTRY.checks[name])
    finally:
        await context.close()


class Pretending:
    """A server in a thread, whose fault a test sets, and the suite's results while it has none."""

    def __init__(self, app: good_server.Server, base_url: str) -> None:
        self.app = app
        self.base_url = base_url
        results = asyncio.run(run_all(Target(base_url), list(REGISTRY.checks.values())))
        self.good = {result.id: result for result in results}

    def verdict(self, fault: good_server.Break, name: str) -> Result:
        """Return a check's result for the server with a fault."""
        self.app.fault = fault
        return asyncio.run(verdict(self.base_url, name))


@pytest.fixture(scope="module")
def pretending() -> Iterator[Pretending]:
    """Run the good server."""
    app = good_server.Server()
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(good_server.served(app)) as base_url,
    ):
        yield Pretending(app, base_url)


@pytest.mark.parametrize(
    ("fault", "name"), FAULTS, ids=[f"{getattr(fault, '__name__', fault)}-{name}" for fault, name in FAULTS]
)
def test_a_broken_server_fails(
    pretending: Pretending, fault: good_server.Break, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault is detected by the check named for it, which passes without the fault."""
    monkeypatch.setattr(streams, "ATTEMPTS", 1)  # these servers are late each time
    good, bad = pretending.good[name], pretending.verdict(fault, name)

    assert pretending.app.crashes == []
    assert (good.verdict, bad.verdict) == ("pass", "fail"), (good.seen, bad.seen)


def test_keys() -> None:
    """Where a key is required, the check passes a server that refuses wrong ones properly, and fails others."""

    async def run(fault: good_server.Break, key: str | None) -> Result:
        async with good_server.served(good_server.Server(fault, key)) as base_url:
            return await verdict(base_url, "errors.key", "sk-right")

    assert asyncio.run(run(good_server.whole, "sk-right")).verdict == "pass"
    for fault, key in (
        (answers.repeats_key, "sk-right"),
        (answers.refuses_key_with_403, "sk-right"),
        (good_server.whole, None),
    ):
        assert asyncio.run(run(fault, key)).verdict == "fail", (fault, key)


def test_one_check_leaves_the_others_their_connections() -> None:
    """With a key, all checks that use the SDK pass one after another, over the connections they share."""
    chosen = [
        REGISTRY.checks[name]
        for name in ("errors.key", "errors.sdk", "models.list", "speech.sdk", "transcriptions.sdk")
    ]

    async def run() -> list[Result]:
        async with good_server.served(good_server.Server(good_server.whole, "sk-right")) as base_url:
            return await run_all(Target(base_url, "sk-right"), chosen)

    assert [(result.id, result.seen) for result in asyncio.run(run()) if result.verdict != "pass"] == []


@pytest.mark.parametrize("name", ["transcriptions.logprobs", "transcriptions.diarized"])
def test_unsupported_features_must_be_refused_properly(pretending: Pretending, name: str) -> None:
    """A server may lack some features when it says so in the envelope, not otherwise."""
    assert pretending.good[name].verdict == "not offered"
    assert pretending.verdict(answers.detail_422, name).verdict == "fail"


def test_nothing_fails_against_a_good_server(pretending: Pretending) -> None:
    """A good server that shares no code with the gateway passes everything: no check depends on the gateway."""
    results = list(pretending.good.values())

    assert [(result.id, result.seen) for result in results if result.verdict == "fail"] == []
    assert [result.id for result in results] == list(REGISTRY.checks)
    assert report.summary(results).endswith("0 failed, 4 not offered")


def test_nothing_fails_against_the_gateway(server: Server) -> None:
    """The gateway passes all quick checks, and one of each kind of slow ones."""
    chosen = [
        one for one in REGISTRY.checks.values() if not one.id.startswith(HEAVY) or one.id in ONE_OF_EACH
    ]

    results = asyncio.run(run_all(Target(server.base_url), chosen))

    assert [(result.id, result.seen) for result in results if result.verdict == "fail"] == []


@pytest.mark.parametrize("name", ["speech.voices.case", "speech.voices.object"])
@pytest.mark.parametrize("voice", ["alloy", "coral", "echo", "onyx", "Coral", "verse"])
def test_any_voice_to_measure_with(pretending: Pretending, voice: str, name: str) -> None:
    """A good server passes whichever voice it is measured with; one that has a single voice never does, nor one that
    takes another spelling for another voice.
    """
    faults = (speech.one_voice, speech.other_spelling)
    for fault, expected in ((good_server.whole, "pass"), *((fault, "fail") for fault in faults)):
        pretending.app.fault = fault
        target = Target(pretending.base_url, voice=voice)
        results = asyncio.run(run_all(target, [REGISTRY.checks[name]]))

        assert results[0].verdict == expected, results[0].seen
    pretending.app.fault = good_server.whole


@pytest.mark.parametrize(
    ("typed", "clean"),
    [("http://h:8000/v1", "http://h:8000/v1"), ("http://h:8000/v1/", "http://h:8000/v1"), ("h:8000", "http://h:8000"),
     (" https://h/openai/v1// ", "https://h/openai/v1"), ("h/v1/audio/speech?x=1", "http://h/v1"), ("http://h/v1/models", "http://h/v1")],
)  # fmt: skip
def test_addresses_as_people_type_them(typed: str, clean: str) -> None:
    """What does not belong to a base URL is taken away."""
    assert cleaned(typed) == clean


def test_an_address_without_a_version(server: Server) -> None:
    """The server is found without /v1, with slashes and without a scheme; probes at the root are not taken for others."""
    bare = server.url.removeprefix("http://")
    for typed in (
        server.url,
        f"{server.url}/",
        f"{server.base_url}/",
        bare,
        f"{bare}/v1/",
        f"{server.base_url}/audio/speech",
    ):
        assert find_base_url(typed) == server.base_url

    done = _program("--only", "probes.*", "--base-url", f"{server.url}/", "--format", "json")

    assert json.loads(done.stdout)["base_url"] == server.base_url
    assert {result["verdict"] for result in json.loads(done.stdout)["results"]} == {"pass"}
    assert f"base URL is {server.base_url}" in done.stderr


def test_progress_is_printed_as_it_is_made(server: Server, pretending: Pretending) -> None:
    """Each check's result is printed when it is there, while the next is still under way, and the report stands
    alone.
    """
    command = [sys.executable, "-m", "conformance", "--only", "models.*", "--base-url", server.base_url]
    done = _program(*command[3:], "--format", "json")
    quiet = _program(*command[3:], "--format", "json", "--quiet")

    results = json.loads(done.stdout)["results"]
    assert [line.split()[0] for line in done.stderr.splitlines()] == [
        f"{number}/{len(results)}" for number in range(1, len(results) + 1)
    ]
    assert {line.split()[2] for line in done.stderr.splitlines()} == {result["id"] for result in results}
    assert quiet.stderr == ""
    first, read, given_up = Event(), Event(), Event()

    def hold(answer: good_server.Answer) -> None:
        """Keep the checks behind the first, which asks for /audio/models, waiting until its line has been read."""
        if answer.path == "/audio/models":
            first.set()
        elif first.is_set() and not read.wait(TIMEOUT):
            given_up.set()

    pretending.app.fault = hold
    try:
        command[-1] = pretending.base_url
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert "models.audio" in process.stderr.readline()
            assert not given_up.is_set()
            read.set()
            assert process.stdout is not None
            assert "passed" in process.stdout.read()
    finally:
        read.set()
        pretending.app.fault = good_server.whole


def _program(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conformance", *args], capture_output=True, text=True, timeout=120, check=False
    )


def test_the_program(server: Server) -> None:
    """The program prints a table, JSON or Markdown; a failure is status 1, a server that does not answer 3."""
    base = ["--only", "models.list", "--base-url"]
    as_json, as_markdown = (
        _program(*base, server.base_url, "--format", form) for form in ("json", "markdown")
    )
    failed, nobody, malformed = (
        _program(*base, url) for url in (f"{server.url}/nowhere", "http://127.0.0.1:9/v1", "http://[::1")
    )

    assert json.loads(as_json.stdout)["results"][0]["verdict"] == "pass"
    assert "| models.list | pass |" in as_markdown.stdout
    assert "1 failed" in failed.stdout
    codes = [done.returncode for done in (as_json, as_markdown, failed, nobody, malformed)]
    assert codes == [0, 0, 1, 3, 3]


@pytest.mark.parametrize("wrong", [("--only", "no-such-check"), ("--audio", "/no/such/file"), ()])
def test_wrong_usage(wrong: tuple[str, ...]) -> None:
    """A pattern without a check, a missing recording and a missing address are status 2, not a run of
    nothing.
    """
    base = ("--base-url", "http://127.0.0.1:9/v1") if wrong else ()

    assert _program(*base, *wrong).returncode == 2


def test_every_check_names_its_clause() -> None:
    """Every check has its promise and the contract's clause, and --list shows them."""
    listed = _program("--list").stdout.splitlines()

    assert checks.__all__
    assert [line.split("\t")[0] for line in listed] == list(REGISTRY.checks)
    for check in REGISTRY.checks.values():
        assert check.promise.endswith("."), check.id
        assert check.clause, check.id


def test_the_program_imports_nothing_of_the_gateway() -> None:
    """The program imports no module of the gateway, so that it can measure any server from anywhere."""
    ours = "('gateway', 'compat', 'streaming', 'voices', 'engines')"
    code = f"import conformance.__main__, sys; sys.exit(any(name.split('.')[0] in {ours} for name in sys.modules))"

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=60, check=False
    )

    assert done.returncode == 0
