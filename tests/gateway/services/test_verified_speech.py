"""Tests of verified speech on a real server: an engine that loses words, a real transcriber, and odd ones."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from servers import TIMEOUT, Server, wait_until

pytest.importorskip("hibari", reason="hibari-tts is not installed: pip install -e '.[natural]'")
pytest.importorskip("faster_whisper", reason="faster-whisper is not installed")

from forgetful_hibari import FAILS_AGAIN, LOSES_ALWAYS, LOSES_BY_TURNS
from verifying_server import SENTENCES, copy_program, metric, serve, speak, transcript

TEXT = " ".join(SENTENCES[:2])
LOST = ("smooth", "lemons")
"""the words of the two segments of TEXT that the engine loses"""


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the program with the engines of these tests in it."""
    return copy_program(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def verifying(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve an engine that loses a word at its first take, and a real transcriber."""
    with serve(program, tmp_path_factory.mktemp("verifying"), speech={"first_segment": 60}) as server:
        yield server


def log_line(server: Server, answer: httpx.Response) -> dict[str, Any]:
    """Return the log line of an answer."""
    name = answer.headers["x-request-id"]
    wait_until(lambda: any(line["id"] == name for line in server.requests()), "the request is logged")
    return next(line for line in server.requests() if line["id"] == name)


def test_lost_words_come_back(verifying: Server) -> None:
    """Words that the first takes lack are in what is sent; header, log and metrics tell how it came."""
    before = metric(verifying, "voicebox_verified_segments_total", engine="forgetful", result="mended")
    plain, checked = speak(verifying, TEXT), speak(verifying, TEXT, verify=True)
    said, mended = (transcript(verifying, answer.content).casefold() for answer in (plain, checked))

    assert [word in said for word in LOST] == [False, False]
    assert [word in mended for word in LOST] == [True, True]
    assert "x-voicebox-verify" not in plain.headers
    assert checked.headers["x-voicebox-verify"] == "ear"
    line = log_line(verifying, checked)
    assert (line["verify"], line["verified"]) == ("ear", {"mended": 2})
    assert line["retries"] == ["missing words", "missing words"]
    assert line["verify_seconds"] > 0
    assert "verify" not in log_line(verifying, plain)
    after = metric(
        verifying, "voicebox_verified_segments_total", engine="forgetful", transcriber="ear", result="mended"
    )
    assert after - before == 2
    assert metric(verifying, "voicebox_retries_total", engine="forgetful", reason="missing words") >= 2
    assert metric(verifying, "voicebox_verify_seconds_total", engine="forgetful", transcriber="ear") > 0


def test_a_seed_is_not_made_again(verifying: Server) -> None:
    """What a seed gives is what was asked for: what it lacks is told, and sent, and the same without verifying."""
    checked = speak(verifying, TEXT, verify=True, seed=5)
    line = log_line(verifying, checked)

    assert line["verified"] == {"doubtful": 2}
    assert "retries" not in line
    assert checked.content == speak(verifying, TEXT, seed=5).content


def test_clean_speech_is_sent_as_it_is(verifying: Server) -> None:
    """Segments that lack nothing are transcribed once and not changed: not a sample differs."""
    whole = {"seed": 2_000_000}
    checked = speak(verifying, TEXT, verify=True, **whole)

    assert log_line(verifying, checked)["verified"] == {"clean": 2}
    assert checked.content == speak(verifying, TEXT, **whole).content


def test_the_events_tell_the_outcome(verifying: Server) -> None:
    """With `stream_format: sse` the last event says what came of the segments, beside the usage; without
    verifying it is OpenAI's alone.
    """
    events = {}
    for verify in (True, False):
        answer = speak(verifying, TEXT, verify=verify, stream_format="sse", response_format="pcm")
        lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
        events[verify] = [json.loads(line) for line in lines]

    last = events[True][-1]
    assert (last["type"], last["voicebox_verified"]) == ("speech.audio.done", {"mended": 2})
    assert last["usage"]["output_tokens"] > 0
    assert set(events[False][-1]) == {"type", "usage"}
    sizes = [sum(len(base64.b64decode(event["audio"])) for event in all_[:-1]) for all_ in events.values()]
    assert sizes[0] > sizes[1]


def test_the_sdk_can_ask(verifying: Server) -> None:
    """`extra_body={"verify": True}` of OpenAI's SDK is understood, and what is no boolean is refused."""
    client = verifying.sdk()
    with client.audio.speech.with_streaming_response.create(
        model="forgetful", voice="alloy", input=SENTENCES[0], extra_body={"verify": True}
    ) as answer:
        assert answer.headers["x-voicebox-verify"] == "ear"
        assert "x-voicebox-ignored" not in answer.headers
        answer.read()
    body = {"model": "forgetful", "voice": "alloy", "input": "Hello.", "verify": "perhaps"}
    refused = httpx.post(f"{verifying.base_url}/audio/speech", json=body, timeout=TIMEOUT)
    assert refused.status_code == 400
    assert "'verify'" in refused.json()["error"]["message"]


def test_an_engine_with_a_habit(verifying: Server) -> None:
    """An engine that loses the same word again is asked once more for the first segment, and then no more: the
    rest is told as doubtful.
    """
    checked = speak(verifying, TEXT, verify=True, voice=LOSES_ALWAYS)
    line = log_line(verifying, checked)

    assert checked.content == speak(verifying, TEXT, voice=LOSES_ALWAYS).content
    assert line["verified"] == {"doubtful": 2}
    assert line["retries"] == ["missing words"]


def test_other_words_lost_each_time(verifying: Server) -> None:
    """Where every take lacks another word, there are as many as the settings allow; one of them is sent."""
    line = log_line(verifying, speak(verifying, SENTENCES[0], verify=True, voice=LOSES_BY_TURNS))

    assert line["verified"] == {"doubtful": 1}
    assert line["retries"] == 2 * ["missing words"]


def test_a_further_take_that_fails(verifying: Server) -> None:
    """An engine that fails at the second take has its first one sent."""
    line = log_line(verifying, speak(verifying, SENTENCES[0], verify=True, voice=FAILS_AGAIN))

    assert (line["status"], line["verified"]) == (200, {"doubtful": 1})


def test_without_a_transcriber(program: Path, tmp_path: Path) -> None:
    """Where nothing transcribes, the speech that the settings want verified comes as without, and the header says
    why; that is so where unsupported parameters are refused, too. A request may do without.
    """
    sections: dict[str, Any] = {"speech": {"verify": True}, "compat": {"unsupported": "refuse"}}
    with serve(program, tmp_path, transcriber=None, **sections) as server:
        checked, plain = speak(server, TEXT), speak(server, TEXT, verify=False)
        line = log_line(server, checked)

    assert checked.content == plain.content
    assert line["verify"] == "unavailable: no engine that transcribes is ready"
    assert checked.headers["x-voicebox-verify"] == line["verify"]
    assert "verified" not in line
    assert "x-voicebox-verify" not in plain.headers


@pytest.fixture(scope="module")
def odd(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Serve a transcriber that fails at short segments, and never ends with long ones."""
    sections: dict[str, Any] = {"admission": {"wait": 3.0}, "speech": {"first_segment": 60, "verify": True}}
    with serve(program, tmp_path_factory.mktemp("odd"), transcriber="odd", **sections) as server:
        yield server


def test_a_transcriber_that_fails(odd: Server) -> None:
    """Segments that cannot be transcribed are sent as they are, and told as unheard with the reason."""
    checked = speak(odd, "Hello there.")
    line = log_line(odd, checked)

    assert checked.content == speak(odd, "Hello there.", verify=False).content
    assert (checked.headers["x-voicebox-verify"], line["verified"]) == ("odd", {"unheard": 1})
    assert "Nothing could be heard." in line["verify_error"]


def test_a_client_that_leaves_and_one_that_cannot_wait(odd: Server) -> None:
    """While one request has the transcriber for itself, another's segments are sent unheard once the longest wait
    is over. When the first client leaves, its transcription ends.
    """

    def running() -> float:
        return metric(odd, "voicebox_running_jobs", engine="odd")

    body = json.dumps({"model": "forgetful", "voice": "alloy", "input": TEXT}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", odd.port), TIMEOUT) as leaving:
        leaving.sendall(head.encode() + body)
        wait_until(lambda: running() == 1, "the transcriber is at it")
        line = log_line(odd, speak(odd, TEXT))
        assert line["verified"] == {"unheard": 2}
        assert "DeadlineExceeded" in line["verify_error"]
        assert running() == 1
    wait_until(lambda: running() == 0, "the transcription has ended")
    wait_until(lambda: any(line["outcome"] == "client_gone" for line in odd.requests()), "it is logged so")


def test_a_transcriber_that_dies(program: Path, tmp_path: Path) -> None:
    """A transcriber that dies takes the segment with it that it has, and those that no patience is left for while it
    loads; what comes once it is back is heard.
    """
    sections: dict[str, Any] = {
        "admission": {"wait": 1.0},
        "speech": {"first_segment": 60, "segment": 60, "verify": True, "verify_takes": 1},
    }
    options = {"deaths": str(tmp_path / "deaths")}
    with serve(program, tmp_path, transcriber="odd", options=options, **sections) as server:
        line = log_line(server, speak(server, " ".join(15 * SENTENCES)))

    assert line["status"] == 200
    assert line["verified"]["unheard"] >= 1
    assert sum(line["verified"].values()) > line["verified"]["unheard"]
    assert line["verify_error"]


def test_several_gateway_processes(program: Path, tmp_path: Path) -> None:
    """Speech is verified by the one set of engines that several processes share."""
    with serve(program, tmp_path, server={"processes": 2}, speech={"first_segment": 60}) as server:
        answer = speak(server, TEXT, verify=True)
        said = transcript(server, answer.content).casefold()

    assert answer.headers["x-voicebox-verify"] == "ear"
    assert [word in said for word in LOST] == [True, True]
