"""Tests that a text in which nothing is seen is answered at once, with a short silence in any format."""

from __future__ import annotations

import io
from collections.abc import Iterator

import httpx2 as httpx
import numpy as np
import pytest
from decoded import decoded
from servers import TIMEOUT, Server, running

NEVER = 1e6
"""seconds that the engine takes for a second of audio: whoever waits for it waits for ever"""
BLANK = (" ", "\n\n", "\t \r\n" * 300, "\u00a0\u2003", "\u200b\ufeff", "\u2028")


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a gateway whose only engine never comes to the end of what somebody had it say."""
    options = {"rtf": NEVER, "first_chunk": 0.0}
    with running(
        tmp_path_factory.mktemp("held"), {"engines": {"pace": {"enabled": True, "options": options}}}
    ) as server:
        body = {
            "model": "pace",
            "voice": "alloy",
            "input": "Some words that are never said.",
            "response_format": "pcm",
        }
        with httpx.stream("POST", f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT) as stream:
            next(stream.iter_bytes())
            yield server


def ask(server: Server, text: str, **fields: str) -> httpx.Response:
    body = {"model": "pace", "voice": "alloy", "input": text, **fields}
    return httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)


@pytest.mark.parametrize("text", BLANK)
def test_no_engine_is_waited_for(held: Server, text: str) -> None:
    """It is answered while the engine is busy for ever."""
    answer = ask(held, text, response_format="wav")

    assert answer.status_code == 200
    sound = decoded(answer.content)
    assert 0.1 < len(sound) / 24_000 < 1.0
    assert not np.abs(sound).max()


@pytest.mark.parametrize("format", ["mp3", "opus", "aac", "flac", "pcm"])
def test_every_format(held: Server, format: str) -> None:
    """The silence is a whole file in every format, and in events."""
    answer = ask(held, "  ", response_format=format)
    events = ask(held, "  ", response_format=format, stream_format="sse")

    assert decoded(answer.content, format).size
    assert events.text.strip().endswith("data: [DONE]")
    assert '"speech.audio.done"' in events.text


def test_through_the_sdk(held: Server) -> None:
    """OpenAI's library gets its file, and does not try again."""
    speech = held.sdk().audio.speech.create(model="pace", voice="alloy", input=" ", response_format="wav")

    assert io.BytesIO(speech.content).read(4) == b"RIFF"
