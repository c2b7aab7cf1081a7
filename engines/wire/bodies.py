"""Jobs and prompts in the words of the provider API, as the gateway sends them."""

from __future__ import annotations

import base64
import hashlib
import io
import wave
from typing import Any

import msgspec

from engines.api import Prompt, SpeechJob
from engines.errors import EngineFailed


def body(job: SpeechJob, *, bring: bool) -> bytes:
    """Make the JSON of /tts/generate; `bring` puts the whole prompt into it, not only its id."""
    fields: dict[str, Any] = {
        "text": job.text, "voice": job.voice, "model": job.model, "language": job.language, "speed": job.speed,
        "pitch": job.pitch, "seed": job.seed, "instruct": job.instructions, "pause": job.pause,
    }  # fmt: skip
    fields |= {name: value for name in ("design", "mix", "ipa") if (value := getattr(job, name))}
    if job.prompt:
        fields["voice_prompt"] = {"id": job.prompt.id}
        if bring:
            fields["voice_prompt"]["safetensors"] = base64.b64encode(job.prompt.data).decode()
    return msgspec.json.encode(fields)


def prompt(answer: bytes) -> Prompt:
    """Read what /tts/create_voice_prompt answers. Raises EngineFailed."""
    try:
        data = msgspec.json.decode(answer, type=dict[str, dict[str, str]])["voice_prompt"]["safetensors"]
        made = base64.b64decode(data, validate=True)
    except (msgspec.DecodeError, KeyError, ValueError) as exc:
        raise EngineFailed("The engine gave no voice prompt.") from exc
    return Prompt(hashlib.sha256(made).hexdigest(), made)


def wav(pcm: bytes, rate: int) -> bytes:
    """Put s16le mono PCM at `rate` Hertz into a WAV file."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return whole.getvalue()
