"""What Qwen3-TTS reads before it speaks: the library makes it of text, voice, language and instructions.

The library makes it on the way to speaking, in `Qwen3TTSForConditionalGeneration.generate`, which hands it to
the `generate` of the talker. There it is caught, on the one loaded model: so it is the library's own,
whatever kind the model is, and speaking is left to us. What a caller writes comes into it as text only: the
strings that the library would open as a path or a URL are recordings, and no recording goes this way.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import msgspec
from torch import Tensor


class Inputs(msgspec.Struct, frozen=True, eq=False):
    """What the talker reads, each [1, positions, width]."""

    prompt: Tensor
    """before it speaks"""
    text: Tensor
    """with each frame, one position after another"""
    padding: Tensor
    """with each frame when there is no more text, one position"""


class CaughtInputs(Exception):
    """The inputs of the talker, on their way out of the library."""

    def __init__(self, inputs: Inputs) -> None:
        super().__init__("the talker's inputs")
        self.inputs = inputs


class InputMaker:
    """Makes inputs by a loaded model, a Qwen3TTSModel, which from then on speaks no more by itself."""

    def __init__(self, library: Any) -> None:  # noqa: ANN401 - the library's class has no types
        self._library = library
        library.model.talker.generate = _catch

    def cloned(self, text: str, language: str, item: Any) -> Inputs:  # noqa: ANN401 - a VoiceClonePromptItem
        """Return the inputs for a text in a cloned voice."""
        return _caught(
            lambda: self._library.generate_voice_clone(text, language=language, voice_clone_prompt=[item])
        )

    def preset(self, text: str, language: str, speaker: str, instructions: str) -> Inputs:
        """Return the inputs for a text in one of the model's own voices."""
        return _caught(
            lambda: self._library.generate_custom_voice(
                text, speaker=speaker, language=language, instruct=instructions or None
            )
        )

    def described(self, text: str, language: str, description: str) -> Inputs:
        """Return the inputs for a text in a voice that is described in words."""
        return _caught(
            lambda: self._library.generate_voice_design(text, instruct=description, language=language)
        )


def _catch(
    *, inputs_embeds: Tensor, trailing_text_hidden: Tensor, tts_pad_embed: Tensor, **_: object
) -> NoReturn:
    raise CaughtInputs(Inputs(inputs_embeds, trailing_text_hidden, tts_pad_embed))


def _caught(call: Callable[[], object]) -> Inputs:
    """Return the inputs that a call of the library makes."""
    try:
        call()
    except CaughtInputs as caught:
        return caught.inputs
    raise RuntimeError("the library spoke without its talker")
