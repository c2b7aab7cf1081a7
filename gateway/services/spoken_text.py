"""What is spoken of a request's text: read in its form, and rewritten for the engine that speaks it."""

from __future__ import annotations

import asyncio

from compat.openai.speech import SpeechRequest
from engines.api import SpeechCapabilities
from engines.api.offsets import Rewriting, TooLong
from engines.errors import BadInput
from gateway.config.settings import SpeechSettings
from gateway.services.off_loop import off_loop
from streaming.formats import TextFormat
from streaming.text.marks import Marks
from streaming.text.names_loading import are_loaded, load_names
from streaming.text.reading_forms import read_form
from streaming.text.spoken import spoken_text
from voices.profile import Profile

GROWN = 4
"""times as long that a text may become by what is written out in it, beyond a short one"""
SMALL = 4000
"""code points"""


async def text_to_speak(
    request: SpeechRequest,
    profile: Profile | None,
    capabilities: SpeechCapabilities,
    language: str | None,
    settings: SpeechSettings,
    marks: Marks,
) -> Rewriting:
    """Return what is spoken of a request's text, with the way back to it; its marks are as `marks` has them.

    Raises BadInput for nothing.
    """
    if not are_loaded(language):
        await asyncio.to_thread(load_names, language)
    form = request.text_format or (profile and profile.text_format) or settings.text_format
    return await off_loop(len(request.input), _rewritten, request.input, form, capabilities, language, marks)


def _rewritten(
    written: str, form: TextFormat, capabilities: SpeechCapabilities, language: str | None, marks: Marks
) -> Rewriting:
    text = Rewriting(written, max(SMALL, GROWN * len(written)))
    try:
        marks.take(text)
        read_form(text, form)
        if form != "plain" and not text.text.strip():
            raise BadInput(
                f"There is nothing to read aloud in this text, which was read as {form}.", param="input"
            )
        spoken_text(text, language, emoji=capabilities.emoji, ties=capabilities.ties)
    except TooLong as exc:
        raise BadInput(
            "This text becomes too long where its emoji and signs are written out.", param="input"
        ) from exc
    return text
