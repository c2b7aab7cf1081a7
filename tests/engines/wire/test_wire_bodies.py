"""Tests of the provider API's bodies: their bytes are what other implementers read."""

from __future__ import annotations

import msgspec
import pytest

from engines.api import EngineInfo, Prompt, SpeechJob, TranscriptSegment
from engines.wire.bodies import GenerateRequest, encode_job

ALWAYS = {
    "text": "One.",
    "voice": "low",
    "model": "",
    "language": None,
    "speed": 1.0,
    "pitch": None,
    "seed": None,
    "instruct": None,
    "pause": True,
}


@pytest.mark.parametrize(
    ("job", "include_prompt", "further"),
    [
        (SpeechJob("One.", "low"), False, {}),
        (SpeechJob("One.", "low", design="deep"), False, {"design": "deep"}),
        (SpeechJob("One.", "low", mix=(("a", 0.5), ("b", 0.5))), False, {"mix": [["a", 0.5], ["b", 0.5]]}),
        (
            SpeechJob("Two.", "low", stream="s", index=1, before="One. ", last=False),
            False,
            {"text": "Two.", "stream": "s", "index": 1, "before": "One. ", "last": False},
        ),
        (SpeechJob("One.", "low", ipa=((0, 3, "wʌn"),)), False, {"ipa": [[0, 3, "wʌn"]]}),
        (SpeechJob("One.", "low", prompt=Prompt("1f", b"x")), False, {"voice_prompt": {"id": "1f"}}),
        (
            SpeechJob("One.", "low", prompt=Prompt("1f", b"x")),
            True,
            {"voice_prompt": {"id": "1f", "safetensors": "eA=="}},
        ),
    ],
)
def test_fields_of_generate(job: SpeechJob, include_prompt: bool, further: dict[str, object]) -> None:
    """Some fields are always sent, the others only where they say something; a worker reads back the job."""
    body = encode_job(job, include_prompt=include_prompt)
    assert msgspec.json.decode(body) == ALWAYS | further
    assert msgspec.json.decode(body, type=GenerateRequest).to_job(job.prompt) == job


def test_names_of_the_provider_api() -> None:
    """Fields that are called otherwise in the code keep their names of version 1.0 on the wire."""
    info = msgspec.to_builtins(EngineInfo("a", "1", "MIT", ("a",)))
    segment = msgspec.to_builtins(TranscriptSegment("One.", 0.0, 1.0))
    assert "listening" in info
    assert "gap" in segment
