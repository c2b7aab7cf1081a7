"""The JSON of /tts/generate."""

from __future__ import annotations

from typing import Any

import msgspec

from engines.api import SpeechJob
from engines.worker.prompts import Prompts


class GenerateBody(msgspec.Struct):
    """The provider architecture's fields, and those of SpeechJob."""

    text: str
    voice_prompt: dict[str, Any] = {}
    language: str | None = None
    seed: int | None = None
    model_size: str | None = None
    instruct: str | None = None
    speed: float = 1.0
    voice: str = ""
    model: str = ""
    pitch: float | None = None
    pause: bool = True
    design: str = ""
    mix: tuple[tuple[str, float], ...] = ()
    ipa: tuple[tuple[int, int, str], ...] = ()

    def job(self, prompts: Prompts) -> SpeechJob:
        """Make the job; a preset in `voice_prompt` is the voice. Raises BadInput or MissingPrompt."""
        return SpeechJob(
            text=self.text,
            voice=self.voice or str(self.voice_prompt.get("preset", "")),
            model=self.model or self.model_size or "",
            language=self.language,
            speed=self.speed,
            pitch=self.pitch,
            seed=self.seed,
            instructions=self.instruct,
            pause=self.pause,
            prompt=prompts.take(self.voice_prompt),
            design=self.design,
            mix=self.mix,
            ipa=self.ipa,
        )
