"""The suite passes a good server and fails broken ones, each by the check that is there for it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import broken
import pytest
from servers import Server

from conformance import checks
from conformance.context import Context, Target
from conformance.registry import REGISTRY, Result
from conformance.runner import run_one

FAULTS = [
    (broken.header_per_chunk, "speech.formats.wav_header"),
    (broken.other_rate, "speech.formats.pcm"),
    (broken.wav_by_default, "speech.formats.default"),
    (broken.detail_422, "errors.speech.input_empty"),
    (broken.octet_stream, "speech.formats.mp3"),
    (broken.no_request_id, "errors.request_id"),
    (broken.truncated, "speech.formats.opus"),
    (broken.silent_tail, "speech.formats.wav"),
    (broken.event_lines, "speech.sse.events"),
    (broken.no_done, "transcriptions.stream"),
    (broken.zero_usage, "speech.sse.events"),
    (broken.delta_field, "speech.sse.events"),
    (broken.quoted, "transcriptions.text"),
    (broken.no_hours, "transcriptions.vtt"),
    (broken.null_words, "transcriptions.granularities"),
    (broken.language_code, "transcriptions.verbose_json"),
    (broken.thin_segments, "transcriptions.verbose_json"),
    (broken.clipping, "speech.sound.plausible"),
    (broken.clicking, "speech.sound.joins"),
    (broken.error_in_200, "speech.voices.unknown"),
    (broken.gzipped, "speech.streaming.headers"),
    (broken.int_code, "errors.route"),
    (broken.one_voice, "speech.voices.different"),
    (broken.string_voices, "voices.list"),
    (broken.plain_ok, "probes.wyoming"),
    (broken.silence_is_an_error, "uploads.silence"),
    (broken.Swap(), "speech.concurrency"),
    (lambda _: None, "speech.streaming.audio"),
]
"""what is broken, and the check that must see it; the last breaks nothing but that the proxy does not stream"""


async def verdict(base_url: str, name: str) -> Result:
    context = Context(Target(base_url))
    try:
        return await run_one(context, REGISTRY.checks[name])
    finally:
        await context.close()


@pytest.mark.parametrize(("fault", "name"), FAULTS, ids=lambda value: getattr(value, "__name__", str(value))[:30])
def test_a_broken_server_fails(server: Server, fault: broken.Break, name: str) -> None:
    """Each fault is seen by the check named for it, which passes where nothing is broken."""

    async def compare() -> tuple[Result, Result]:
        async with broken.served(server.url, fault) as base_url:
            return await verdict(server.base_url, name), await verdict(base_url, name)

    good, bad = asyncio.run(compare())

    assert (good.verdict, bad.verdict) == ("pass", "fail"), (good.seen, bad.seen)


def test_nothing_fails_against_the_gateway(server: Server) -> None:
    """The program itself, run as people run it: errors, forms, lists, probes and paths, no failure, as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "conformance", "--base-url", server.base_url, "--format", "json", "--only", "[!stu]*"],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout)

    assert [result for result in report["results"] if result["verdict"] == "fail"] == []
    assert done.returncode == 0
    assert report["counts"]["pass"] > 30


def test_failure_is_the_exit_status(server: Server) -> None:
    """A server that fails gives status 1, one that does not answer 3; what was seen is in the table."""
    wrong = [sys.executable, "-m", "conformance", "--only", "models.list", "--base-url"]
    failed = subprocess.run([*wrong, f"{server.url}/nowhere"], capture_output=True, text=True, timeout=60, check=False)
    nobody = subprocess.run([*wrong, "http://127.0.0.1:9/v1"], capture_output=True, text=True, timeout=60, check=False)

    assert (failed.returncode, nobody.returncode) == (1, 3)
    assert "1 failed" in failed.stdout


def test_every_check_names_its_clause() -> None:
    """A check says what it promises and where the contract says so."""
    assert checks.__all__
    assert len(REGISTRY.checks) >= 100
    for check in REGISTRY.checks.values():
        assert check.promise.endswith("."), check.id
        assert check.clause, check.id
