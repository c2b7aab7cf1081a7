"""A caller's pronunciations: respelt segments go to the engine, and its words come back by their place in the
caller's text.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

import msgspec

from engines.api import SpeechEvent, Word
from engines.errors import BadInput
from streaming.text.segments import Segment
from voices.pronunciation import Dictionary, Spoken

SHORT = 1000
"""code points of a text that is looked through on the event loop: a millisecond"""
MOST_GROWTH, LITTLE = 4, 2000


class Respeller:
    """Of one request; without a dictionary everything passes as it is."""

    def __init__(self, dictionary: Dictionary | None, *, ipa: bool) -> None:
        self._dictionary = dictionary
        self._ipa = ipa
        self._spoken: dict[int, Spoken] = {}

    def spoken(self, segments: Iterator[Segment]) -> Iterator[Segment]:
        """Give segments as the engine is to read them; their offsets stay those of the caller's text."""
        if self._dictionary is None:
            return segments
        return (self._respelt(self._dictionary, segment) for segment in segments)

    def ipa_of(self, segment: Segment) -> tuple[tuple[int, int, str], ...]:
        """Give the IPA of a segment's stretches."""
        spoken = self._spoken.get(segment.index)
        return spoken.ipa if spoken else ()

    def original(
        self, segment: Segment, events: AsyncGenerator[SpeechEvent, None]
    ) -> AsyncGenerator[SpeechEvent, None]:
        """Give a segment's events, its words by their place in what the caller wrote."""
        spoken = self._spoken.get(segment.index)
        return _traced(spoken, events) if spoken and spoken.replaced else events

    def _respelt(self, dictionary: Dictionary, segment: Segment) -> Segment:
        spoken = dictionary.apply(segment.text, ipa=self._ipa)
        if spoken.replaced or spoken.ipa:
            self._spoken[segment.index] = spoken
        return msgspec.structs.replace(segment, text=spoken.text)


async def check(dictionary: Dictionary, text: str, *, ipa: bool) -> bool:
    """Tell whether words will not be said as the caller wants. Raises BadInput where the text would grow out
    of all measure.
    """
    apply = functools.partial(dictionary.apply, text, ipa=ipa)
    spoken = await asyncio.to_thread(apply) if len(text) > SHORT else apply()
    if len(spoken.text) > max(LITTLE, MOST_GROWTH * len(text)):
        times = len(spoken.text) / len(text)
        message = (
            f"Your pronunciations make this text {times:.0f} times as long; {MOST_GROWTH} times is the most."
        )
        raise BadInput(message, param="input")
    return spoken.ignored


async def _traced(
    spoken: Spoken, events: AsyncGenerator[SpeechEvent, None]
) -> AsyncGenerator[SpeechEvent, None]:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Word):
                start, end = spoken.original(event.start, event.end)
                yield Word(start, end, event.time)
            else:
                yield event
