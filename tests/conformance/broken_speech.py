"""Faults of servers in audio: each is applied to the answers of an otherwise good server."""

from __future__ import annotations

import gzip
import re
from array import array

import numpy as np
import tone_speech as tones
from good_server import Answer

from conformance import sound


def speech(answer: Answer) -> bool:
    """Return whether an answer is successful speech."""
    return answer.path.endswith("/audio/speech") and answer.status == 200


def header_per_chunk(answer: Answer) -> None:
    """Put a WAV header before every 20,000 bytes."""
    if speech(answer) and answer.kind == "audio/wav":
        head, pcm = answer.body[:44], answer.body[44:]
        answer.body = b"".join(head + pcm[start : start + 20_000] for start in range(0, len(pcm), 20_000))


def other_rate(answer: Answer) -> None:
    """Send every PCM at 22.05 kHz: one sample in twelve too few."""
    if speech(answer) and answer.kind == "audio/pcm":
        samples = array("h", answer.body)
        answer.body = array("h", (one for number, one in enumerate(samples) if number % 12)).tobytes()


def wav_by_default(answer: Answer) -> None:
    """Answer wav where no format was asked for."""
    if speech(answer) and "response_format" not in answer.asked:
        pcm = tones.spoken(str(answer.asked["input"]), "alloy", 1.0)
        answer.headers["content-type"], answer.body = "audio/wav", tones.encoded(pcm, "wav")


def octet_stream(answer: Answer) -> None:
    """Send audio without its type."""
    if speech(answer):
        answer.headers["content-type"] = "application/octet-stream"


def truncated(answer: Answer) -> None:
    """Lose the last fifth of coded audio."""
    if speech(answer) and answer.kind != "audio/pcm":
        answer.body = answer.body[: len(answer.body) * 4 // 5]


def silent_tail(answer: Answer) -> None:
    """Lose the last second of sound, not of time."""
    if speech(answer) and answer.kind == "audio/wav":
        answer.body = answer.body[:-48_000] + bytes(48_000)


def clipping(answer: Answer) -> None:
    """Turn the sound up far too much."""
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body = array(
            "h", (max(-32768, min(32767, 40 * one)) for one in array("h", answer.body))
        ).tobytes()


def clicking(answer: Answer) -> None:
    """Put a spike into the silence at the end."""
    if speech(answer) and answer.kind == "audio/pcm":
        samples = array("h", answer.body)
        samples[len(samples) - 1200] = 20_000
        answer.body = samples.tobytes()


def gzipped(answer: Answer) -> None:
    """Compress audio."""
    if speech(answer):
        answer.body, answer.headers["content-encoding"] = gzip.compress(answer.body), "gzip"


def one_voice(answer: Answer) -> None:
    """Speak with one voice whatever is asked: here, the same bytes."""
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body = b"\x10\x10" * 40_000


class Swap:
    """Return an answer to another request, when several are sent at once."""

    __name__ = "swapped"

    def __init__(self) -> None:
        self._last: bytes | None = None

    def __call__(self, answer: Answer) -> None:
        """Break an answer."""
        if speech(answer) and answer.kind == "audio/pcm" and answer.others:
            answer.body, self._last = self._last or answer.body, answer.body


def buffered(answer: Answer) -> None:
    """Send nothing before the whole is complete."""
    answer.early = 1.0


def header_then_buffered(answer: Answer) -> None:
    """Send a header at once, and the rest when all is complete."""
    answer.early, answer.head = 1.0, 417


def with_length(answer: Answer) -> None:
    """Send a content-length, which requires the whole before the first byte."""
    if answer.seconds:
        answer.headers["content-length"] = str(len(answer.body))


def quiet_tail(answer: Answer) -> None:
    """End the sound of an mp3 half a second early, and fill up with silence."""
    if speech(answer) and answer.kind == "audio/mpeg":
        decoded = sound.decode(answer.body)
        decoded.samples = np.concatenate([decoded.samples[:-17_000], np.zeros(17_000, np.int16)])
        answer.body = sound.encode(decoded, *tones.ENCODERS["mp3"])


def pcm_with_header(answer: Answer) -> None:
    """Send wav for pcm."""
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body = tones.wav_header() + answer.body


def half_sample(answer: Answer) -> None:
    """Cut within a sample."""
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body = answer.body[:-1]


def big_endian(answer: Answer) -> None:
    """Send samples with their bytes the other way round."""
    if speech(answer) and answer.kind == "audio/pcm":
        samples = array("h", answer.body)
        samples.byteswap()
        answer.body = samples.tobytes()


def wav_rate_field(answer: Answer) -> None:
    """Write 22,050 Hz in the header."""
    if speech(answer) and answer.kind == "audio/wav":
        answer.body = tones.wav_header(22_050) + answer.body[44:]


def zero_sizes(answer: Answer) -> None:
    """Write sizes of zero in the header."""
    if speech(answer) and answer.kind == "audio/wav":
        answer.body = tones.wav_header(size=0) + answer.body[44:]


def raw_opus(answer: Answer) -> None:
    """Send another container under the name of opus."""
    if speech(answer) and answer.kind == "audio/opus":
        answer.body = sound.encode(sound.decode(answer.body), "webm", "libopus", 48_000)


def fast_mp3(answer: Answer) -> None:
    """Label audio of 24 kHz as 32 kHz, which plays it too fast and too high."""
    if speech(answer) and answer.kind == "audio/mpeg":
        decoded = sound.decode(answer.body)
        answer.body = sound.encode(sound.Sound(decoded.samples, 32_000), *tones.ENCODERS["mp3"])


def _asked_again(answer: Answer, text: str, **fields: object) -> None:
    """Speak something else instead."""
    if speech(answer) and answer.kind == "audio/pcm":
        asked = {"voice": "alloy", "speed": 1.0, **answer.asked, **fields}
        answer.body = tones.encoded(
            tones.spoken(text, str(asked["voice"]), float(str(asked["speed"]))), "pcm"
        )


def last_sentence_lost(answer: Answer) -> None:
    """Lose the last of several sentences."""
    sentences = re.split(r"(?<=[.])\s+", str(answer.asked.get("input")))
    _asked_again(answer, " ".join(sentences[:-1] or sentences))


def sentence_twice(answer: Answer) -> None:
    """Say the second of several sentences twice."""
    sentences = re.split(r"(?<=[.])\s+", str(answer.asked.get("input")))
    _asked_again(answer, " ".join(sentences[:2] + sentences[1:]))


def speed_ignored(answer: Answer) -> None:
    """Speak at one speed."""
    _asked_again(answer, str(answer.asked.get("input")), speed=1.0)


def speed_by_rate(answer: Answer) -> None:
    """Speak faster by a higher pitch, as a tape does."""
    if speech(answer) and answer.kind == "audio/pcm" and answer.asked.get("speed") == 2.0:
        plain = tones.encoded(tones.spoken(str(answer.asked["input"]), "alloy", 1.0), "pcm")
        answer.body = array("h", plain)[::2].tobytes()


def two_voices(answer: Answer) -> None:
    """Speak with two voices, whichever of the thirteen is asked for, never in the same bytes."""
    name = str(answer.asked.get("voice"))
    _asked_again(answer, str(answer.asked.get("input")), voice="alloy" if name < "f" else "verse")
    if speech(answer) and answer.kind == "audio/pcm":
        answer.body += bytes(2 * tones.VOICES.index(name.lower())) if name.lower() in tones.VOICES else b""


def other_spelling(answer: Answer) -> None:
    """Speak with another voice where a name is not spelt as usual: in capitals, or in an object."""
    voice = answer.asked.get("voice")
    name = str(voice.get("id")) if isinstance(voice, dict) else str(voice)
    if isinstance(voice, dict) or name[1:] != name[1:].lower():
        other = "alloy" if name.lower() in ("verse", "onyx") else "verse"  # onyx sounds much like verse
        _asked_again(answer, str(answer.asked.get("input")), voice=other)


def hole(answer: Answer) -> None:
    """Pause for three seconds in the middle."""
    if speech(answer) and answer.kind == "audio/pcm":
        half = len(answer.body) // 4 * 2
        answer.body = answer.body[:half] + bytes(3 * 48_000) + answer.body[half:]


def jump_at_join(answer: Answer) -> None:
    """Start sentences in full swing: a step up from nothing."""
    if speech(answer) and answer.kind == "audio/pcm":
        samples = array("h", answer.body)
        quiet = [
            number
            for number in range(2000, len(samples) - 2400, 100)
            if not any(samples[number - 2000 : number])
        ]
        for number in quiet[:1]:
            samples[number : number + 2400] = array("h", [4000] * 2400)
        answer.body = samples.tobytes()
