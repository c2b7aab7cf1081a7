"""Faults of servers in events, transcripts, lists and errors."""

from __future__ import annotations

import base64
import re

from broken_speech import speech
from good_server import Answer


def detail_422(answer: Answer) -> None:
    """Refuse as FastAPI does."""
    if answer.status == 400:
        answer.status = 422
        answer.put({"detail": [{"msg": "bad"}]})


def no_request_id(answer: Answer) -> None:
    """Leave the id out."""
    answer.headers.pop("x-request-id", None)


def event_lines(answer: Answer) -> None:
    """Put a ping without data into event streams."""
    if _events(answer):
        answer.body = b"event: ping\r\n\r\n" + answer.body


def no_done(answer: Answer) -> None:
    """Leave [DONE] out."""
    answer.body = answer.body.replace(b"data: [DONE]\r\n\r\n", b"") if _events(answer) else answer.body


def zero_usage(answer: Answer) -> None:
    """Count nothing."""
    if _events(answer):
        answer.body = re.sub(rb'(_tokens":)\d+', rb"\g<1>0", answer.body)


def delta_field(answer: Answer) -> None:
    """Name the audio of events as the realtime API does."""
    if _events(answer):
        answer.body = answer.body.replace(b'"audio":"', b'"delta":"')


def quoted(answer: Answer) -> None:
    """Send text formats as JSON strings."""
    if answer.kind.startswith("text/plain"):
        answer.put(answer.body.decode())


def no_hours(answer: Answer) -> None:
    """Leave the hours out of subtitles."""
    if answer.kind.startswith("text/plain"):
        answer.body = answer.body.replace(b"00:00:", b"00:")


def null_words(answer: Answer) -> None:
    """Return null for words."""
    if answer.kind.startswith("application/json") and b'"words":' in answer.body:
        answer.put({**answer.json(), "words": None})


def language_code(answer: Answer) -> None:
    """Name the language by its code."""
    answer.body = answer.body.replace(b'"language":"english"', b'"language":"en"')


def thin_segments(answer: Answer) -> None:
    """Leave fields out of segments."""
    answer.body = answer.body.replace(b'"seek":0,', b"")


def error_in_200(answer: Answer) -> None:
    """Send errors with status 200."""
    if answer.status >= 400:
        answer.status = 200


def int_code(answer: Answer) -> None:
    """Return a number for the error's code."""
    if answer.status >= 400:
        answer.put({"error": {**answer.json()["error"], "code": answer.status}})


def string_voices(answer: Answer) -> None:
    """List voices as strings."""
    if answer.path.endswith("/audio/voices"):
        answer.put({"voices": [voice["id"] for voice in answer.json()["voices"]]})


def plain_ok(answer: Answer) -> None:
    """Say OK as Speaches does."""
    if answer.path == "/health":
        answer.body = b"OK"


def silence_is_an_error(answer: Answer) -> None:
    """Refuse recordings without speech."""
    if answer.path.endswith("/transcriptions") and answer.status == 200 and b'"text":""' in answer.body:
        answer.status = 500


def _transcript(answer: Answer) -> bool:
    return answer.path.endswith("/transcriptions") and answer.status == 200


def _events(answer: Answer) -> bool:
    return answer.kind.startswith("text/event-stream")


def retry_line(answer: Answer) -> None:
    """Send a retry line among the events."""
    if _events(answer):
        answer.body = b"retry: 1000\r\n\r\n" + answer.body


def no_last_empty_line(answer: Answer) -> None:
    """End the last record without an empty line."""
    if _events(answer):
        answer.body = answer.body.removesuffix(b"\r\n")


def usage_like_transcripts(answer: Answer) -> None:
    """Count as transcripts do, with a type."""
    if _events(answer):
        answer.body = answer.body.replace(b'"usage":{', b'"usage":{"type":"tokens",')


def lost_delta(answer: Answer) -> None:
    """Lose one delta of many."""
    if _events(answer):
        records = answer.body.split(b"\r\n\r\n")
        answer.body = b"\r\n\r\n".join(records[:1] + records[2:])


def duration_usage(answer: Answer) -> None:
    """Count seconds in the last event of a stream, which the strict SDK refuses."""
    if _events(answer) and answer.path.endswith("/transcriptions"):
        answer.body = answer.body.replace(
            b'"transcript.text.done",', b'"transcript.text.done","usage":{"type":"duration","seconds":3},'
        )


def json_instead_of_events(answer: Answer) -> None:
    """Ignore stream=true, which leaves clients with nothing."""
    if _events(answer) and answer.path.endswith("/transcriptions"):
        answer.headers["content-type"] = "application/json"
        answer.put({"text": "and so"})


def two_line_ends(answer: Answer) -> None:
    """End text with two newlines."""
    if answer.kind.startswith("text/plain"):
        answer.body += b"\n"


def srt_without_last_line(answer: Answer) -> None:
    """End srt as vtt ends."""
    if answer.kind.startswith("text/plain") and answer.body.startswith(b"1\n"):
        answer.body = answer.body.removesuffix(b"\n")


def all_granularities(answer: Answer) -> None:
    """Return words and segments whatever was requested: here, null for what was not."""
    if _transcript(answer) and b'"words"' in answer.body and b'"segments"' not in answer.body:
        answer.put({**answer.json(), "segments": None})


def words_backwards(answer: Answer) -> None:
    """Return words in the wrong order."""
    if _transcript(answer) and b'"words"' in answer.body:
        answer.put({**answer.json(), "words": answer.json()["words"][::-1]})


def words_in_milliseconds(answer: Answer) -> None:
    """Count the words' times in milliseconds."""
    if _transcript(answer) and b'"words"' in answer.body:
        words = [
            word | {"start": 1000 * word["start"], "end": 1000 * word["end"]}
            for word in answer.json()["words"]
        ]
        answer.put({**answer.json(), "words": words})


def hallucinated(answer: Answer) -> None:
    """Return the same transcript for every recording."""
    if _transcript(answer) and b'"duration":11' in answer.body:
        answer.put(
            {
                **answer.json(),
                "text": "thank you for watching",
                "words": [{"word": "thank", "start": 0.0, "end": 9.0}],
            }
        )


def created_missing(answer: Answer) -> None:
    """List models without the time of their creation."""
    answer.body = answer.body.replace(b'"created": 1, ', b"")


def three_keys(answer: Answer) -> None:
    """Leave param out of errors."""
    if answer.status >= 400:
        answer.put(
            {"error": {name: value for name, value in answer.json()["error"].items() if name != "param"}}
        )


def server_error(answer: Answer) -> None:
    """Blame the server for callers' mistakes, so that clients try again."""
    if answer.status in (400, 404):
        answer.status = 500


def html(answer: Answer) -> None:
    """Answer unknown routes with HTML, as a web server does."""
    if answer.status in (404, 405):
        answer.headers["content-type"], answer.body = "text/html", b"<h1>Not Found</h1>"


def repeats_key(answer: Answer) -> None:
    """Repeat the wrong key in the error."""
    if answer.status == 401:
        answer.put(
            {
                "error": {
                    **answer.json()["error"],
                    "message": "sk-this-key-is-certainly-wrong-0123456789 is wrong",
                }
            }
        )


def refuses_key_with_403(answer: Answer) -> None:
    """Forbid where keys are wrong."""
    if answer.status == 401:
        answer.status = 403


def bad_base64(answer: Answer) -> None:
    """Send events whose audio is no base64."""
    if _events(answer):
        answer.body = answer.body.replace(b'"audio":"', b'"audio":"*', 1)


def fractional_usage(answer: Answer) -> None:
    """Count fractions of seconds."""
    if _transcript(answer) and answer.kind == "application/json":
        body = answer.json()
        answer.put({**body, "usage": {"type": "duration", "seconds": 2.4}})


def short_deltas(answer: Answer) -> None:
    """Cut each delta's audio before it is coded, one byte short."""
    if _events(answer) and speech(answer):
        answer.body = re.sub(rb'"audio":"([^"]+)"', _shorter, answer.body)


def _shorter(found: re.Match[bytes]) -> bytes:
    return b'"audio":"' + base64.b64encode(base64.b64decode(found[1])[:-1]) + b'"'


def deleted_voice(answer: Answer) -> None:
    """Call a deleted voice a voice."""
    answer.body = answer.body.replace(b"audio.voice.deleted", b"audio.voice")


def deletes_twice(answer: Answer) -> None:
    """Accept deleting what does not exist."""
    if answer.status == 404 and answer.path.startswith("/audio/voices/"):
        answer.status = 200
        answer.put({"id": answer.path.rpartition("/")[2], "deleted": True, "object": "audio.voice.deleted"})


def bare_ids(answer: Answer) -> None:
    """Leave out the prefixes of ids."""
    answer.body = answer.body.replace(b'"voice_', b'"')


def prompt_lost(answer: Answer) -> None:
    """Leave out a designed voice's prompt."""
    answer.body = re.sub(rb', "prompt": "[^"]*"', b"", answer.body)


def no_type(answer: Answer) -> None:
    """Leave out how a voice was made, as the published description of the API does."""
    answer.body = re.sub(rb', "type": "[^"]*"', b"", answer.body) if answer.status == 200 else answer.body


def never_more(answer: Answer) -> None:
    """Say that every page is the last."""
    answer.body = answer.body.replace(b'"has_more": true', b'"has_more": false')


def keeps_names(answer: Answer) -> None:
    """Ignore renaming."""
    answer.body = answer.body.replace(b'"another name"', b'"the first name"')


def deleted_consent(answer: Answer) -> None:
    """Call a deleted consent as a deleted voice is called."""
    if b'"deleted": true' in answer.body:
        answer.body = answer.body.replace(b"audio.voice_consent", b"audio.voice_consent.deleted")
