"""Tests that no ear's odd times reach a client: a real server whose engine tells times that cross."""

from __future__ import annotations

import io
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
from servers import TIMEOUT, Server
from verifying_server import copy_program, serve

from engines.api import TranscriptSegment, TranscriptWord
from streaming.audio import wav

SECONDS = 8.0
HEARD = [
    TranscriptSegment("At <first> & foremost", -0.5, 2.0, (TranscriptWord("At", -0.5, 1.0), TranscriptWord("first", 1.0, 2.6), TranscriptWord("foremost", 2.6, 2.4))),
    TranscriptSegment("then back", 1.5, 1.2, (TranscriptWord("then", 1.0, 1.4), TranscriptWord("back", 1.4, 5.0))),
    TranscriptSegment("and on", 5.0, 30.0, (TranscriptWord("and", 4.2, 5.5), TranscriptWord("on", 29.0, 30.0))),
    TranscriptSegment("behind the end", 31.0, 33.0, (TranscriptWord("behind", 31.0, 33.0),)),
]  # fmt: skip


def transcribed(server: Server, **fields: Any) -> httpx.Response:
    file = io.BytesIO(wav.encode(bytes(round(SECONDS * 32_000)), 16_000))
    answer = httpx.post(
        f"{server.base_url}/audio/transcriptions",
        files={"file": ("a.wav", file)},
        data={"model": "whisper-1", **fields},
        timeout=TIMEOUT,
    )
    assert answer.status_code == 200, answer.text
    return answer


def test_odd_times(tmp_path: Path) -> None:
    """Words lie within their segments, segments follow each other, and all are within the recording; no word is
    lost, and what looks like markup is shown.
    """
    options = {"heard": msgspec.json.encode(HEARD).decode()}
    with serve(
        copy_program(tmp_path / "program"), tmp_path / "run", transcriber="odd", options=options
    ) as server:
        both = {"response_format": "verbose_json", "timestamp_granularities[]": ["word", "segment"]}
        answer = transcribed(server, **both).json()
        vtt, srt = (transcribed(server, response_format=format).text for format in ("vtt", "srt"))

    segments, words = answer["segments"], answer["words"]
    assert [word["word"] for word in words] == [word.word for segment in HEARD for word in segment.words]
    assert all(0 <= one["start"] <= one["end"] <= answer["duration"] for one in (*segments, *words))
    for ordered in (segments, words):
        assert all(before["end"] <= after["start"] for before, after in pairwise(ordered))
    left = iter(words)
    for segment, heard in zip(segments, HEARD, strict=True):
        for word in (next(left) for _ in heard.words):
            assert segment["start"] <= word["start"] <= word["end"] <= segment["end"]
    assert "At &lt;first&gt; &amp; foremost" in vtt
    assert "00:00:08" in srt
    assert not any(f"00:00:{late}" in vtt + srt for late in ("29", "30", "31", "33"))
