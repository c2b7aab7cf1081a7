"""A caller's pronunciations: engines get respelt segments; their words come back by the caller's offsets."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import msgspec

from engines.api import SpeechEvent, Word
from engines.api.offsets import Rewriting
from engines.errors import BadInput
from gateway.services.off_loop import in_work_thread
from streaming.text.marks import Marks
from streaming.text.segments import Segment
from voices.pronunciation import Dictionary, Spoken

SHORT = 1000
"""code points of a text that is searched on the event loop, which takes a millisecond"""
MOST_GROWTH = 4
"""times that a text may become as long"""
SMALL_TEXT = 2000
"""code points that a respelt text may have however much it has grown"""


class Respeller:
    """Respells the segments of one request's text; without a dictionary everything passes as it is."""

    def __init__(self, dictionary: Dictionary | None, text: Rewriting, marks: Marks, *, ipa: bool) -> None:
        self._dictionary = dictionary
        self._text = text
        self._marks = marks
        self._ipa = ipa
        self._spoken: dict[int, Spoken] = {}

    def respelt(self, segments: Iterator[Segment]) -> Iterator[Segment]:
        """Return segments as the engine is to read them; their offsets stay those of the caller's text."""
        if self._dictionary is None:
            return segments
        return (self._respell(self._dictionary, segment) for segment in segments)

    def respelling(self, text: str) -> str:
        """Return a text as the engine is to read it."""
        return self._apply(self._dictionary, text).text if self._dictionary else text

    def _apply(self, dictionary: Dictionary, text: str) -> Spoken:
        return dictionary.apply(text, ipa=self._ipa, reading=self._marks.reading)

    def ipa_of(self, segment: Segment) -> tuple[tuple[int, int, str], ...]:
        """Return the IPA of stretches of a segment: (start, end, IPA)."""
        spoken = self._spoken.get(segment.index)
        return spoken.ipa if spoken else ()

    def with_original_offsets(
        self, segment: Segment, events: AsyncGenerator[SpeechEvent, None]
    ) -> AsyncGenerator[SpeechEvent, None]:
        """Return a segment's events, its words by their offsets in all that the caller wrote."""
        return self._with_original_offsets(self._spoken.get(segment.index), segment.start, events)

    async def _with_original_offsets(
        self, spoken: Spoken | None, start: int, events: AsyncGenerator[SpeechEvent, None]
    ) -> AsyncGenerator[SpeechEvent, None]:
        async with aclosing(events):
            async for event in events:
                if isinstance(event, Word):
                    first, last = event.start, event.end
                    if spoken:
                        first, last = spoken.original(first, last)
                    yield Word(*self._text.original(start + first, start + last), event.time, event.until)
                else:
                    yield event

    def _respell(self, dictionary: Dictionary, segment: Segment) -> Segment:
        spoken = self._apply(dictionary, segment.text)
        if spoken.replaced or spoken.ipa:
            self._spoken[segment.index] = spoken
        return msgspec.structs.replace(segment, text=spoken.text)


async def ignores_entries(dictionary: Dictionary, text: str, marks: Marks, *, ipa: bool) -> bool:
    """Return whether some words will not be said as the caller wants. Raises BadInput where the text would
    grow out of all measure.
    """
    apply = functools.partial(dictionary.apply, text, ipa=ipa, reading=marks.reading)
    spoken = await in_work_thread(len(text), apply) if len(text) > SHORT else apply()
    if len(spoken.text) > max(SMALL_TEXT, MOST_GROWTH * len(text)):
        times = len(spoken.text) / len(text)
        message = (
            f"Your pronunciations make this text {times:.0f} times as long; {MOST_GROWTH} times is the most."
        )
        raise BadInput(message, param="input")
    return spoken.ignored
