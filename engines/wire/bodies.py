"""The JSON bodies of the provider API's `/tts/generate` and `/tts/create_voice_prompt`, for both of its
sides.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from engines.api import Prompt, Settings, SpeechJob
from engines.api.prompt_file import prompt_id
from engines.errors import EngineFailed


class VoicePromptField(msgspec.Struct, frozen=True, omit_defaults=True):
    """The field `voice_prompt`: a prompt by its id, or whole; or a preset, as some providers name it.

    Its values may be of any type, so that a refusal can name the one that is wrong.
    """

    id: Any = None
    """SHA-256 of the safetensors, in hexadecimal"""
    safetensors: Any = None
    """base64"""
    preset: Any = ""
    """id of a preset voice"""

    @property
    def is_given(self) -> bool:
        """Whether it names or brings a prompt."""
        return self.id is not None or self.safetensors is not None


class GenerateRequest(msgspec.Struct, frozen=True):
    """The body of `/tts/generate`: the fields that providers share, and those of SpeechJob."""

    text: str
    voice_prompt: VoicePromptField | msgspec.UnsetType = msgspec.UNSET
    language: str | None = None
    seed: int | None = None
    model_size: str | msgspec.UnsetType | None = msgspec.UNSET
    """the model, where `model` does not name it"""
    instruct: str | None = None
    speed: float = 1.0
    voice: str = ""
    model: str = ""
    pitch: float | None = None
    pause: bool = True
    design: str | msgspec.UnsetType = msgspec.UNSET
    mix: tuple[tuple[str, float], ...] | msgspec.UnsetType = msgspec.UNSET
    ipa: tuple[tuple[int, int, str], ...] | msgspec.UnsetType = msgspec.UNSET
    settings: Settings | msgspec.UnsetType = msgspec.UNSET
    stream: str | msgspec.UnsetType = msgspec.UNSET
    index: int | msgspec.UnsetType = msgspec.UNSET
    before: str | msgspec.UnsetType = msgspec.UNSET
    last: bool | msgspec.UnsetType = msgspec.UNSET

    def to_job(self, prompt: Prompt | None) -> SpeechJob:
        """Return the job, spoken with `prompt`; a preset in `voice_prompt` is the voice where `voice` is
        empty.
        """
        return SpeechJob(
            text=self.text,
            voice=self.voice or str(self.prompt_field.preset),
            model=self.model or self.model_size or "",
            language=self.language,
            speed=self.speed,
            pitch=self.pitch,
            seed=self.seed,
            instructions=self.instruct,
            pause=self.pause,
            prompt=prompt,
            design=self.design or "",
            mix=self.mix or (),
            ipa=self.ipa or (),
            settings=self.settings or {},
            stream=self.stream or "",
            index=self.index or 0,
            before=self.before or "",
            last=self.last is not False,
        )

    @property
    def prompt_field(self) -> VoicePromptField:
        """The field `voice_prompt`, empty where it is missing."""
        return self.voice_prompt or VoicePromptField()


class PromptResponse(msgspec.Struct, frozen=True):
    """What `/tts/create_voice_prompt` answers."""

    voice_prompt: dict[str, str]
    """`id` and `safetensors`, as in VoicePromptField"""


def encode_job(job: SpeechJob, *, include_prompt: bool) -> bytes:
    """Return the body of `/tts/generate`; `include_prompt` puts the whole prompt into it, not only its id."""
    voice_prompt: VoicePromptField | msgspec.UnsetType = msgspec.UNSET
    if job.prompt:
        data = base64.b64encode(job.prompt.data).decode() if include_prompt else None
        voice_prompt = VoicePromptField(id=job.prompt.id, safetensors=data)
    request = GenerateRequest(
        text=job.text,
        voice_prompt=voice_prompt,
        language=job.language,
        seed=job.seed,
        instruct=job.instructions,
        speed=job.speed,
        voice=job.voice,
        model=job.model,
        pitch=job.pitch,
        pause=job.pause,
        design=job.design or msgspec.UNSET,
        mix=job.mix or msgspec.UNSET,
        ipa=job.ipa or msgspec.UNSET,
        settings=job.settings or msgspec.UNSET,
        stream=job.stream or msgspec.UNSET,
        index=job.index or msgspec.UNSET,
        before=job.before or msgspec.UNSET,
        last=msgspec.UNSET if job.last else False,
    )
    return msgspec.json.encode(request)


def prompt_response(prompt: Prompt) -> PromptResponse:
    """Return the answer that carries a prompt."""
    safetensors = base64.b64encode(prompt.data).decode()
    return PromptResponse({"id": prompt.id, "safetensors": safetensors})


def decode_prompt(body: bytes) -> Prompt:
    """Return the prompt in the answer of `/tts/create_voice_prompt`. Raises EngineFailed."""
    try:
        response = msgspec.json.decode(body, type=PromptResponse)
        data = base64.b64decode(response.voice_prompt["safetensors"], validate=True)
    except (msgspec.DecodeError, KeyError, ValueError) as exc:
        raise EngineFailed("The engine gave no voice prompt.") from exc
    return Prompt(prompt_id(data), data)
