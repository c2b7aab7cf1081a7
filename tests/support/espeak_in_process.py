"""eSpeak NG in this process, loaded once: for tests of what it speaks rather than of how it is run."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from outputs import QUIET, run_speech

from engines.adapters.espeak.engine import Espeak
from engines.api import Audio, EngineInfo, Place, SpeechEvent, SpeechJob, Word

RATE = 22_050


class Spoken(NamedTuple):
    """A job's output; `ahead` has for each word whether it came before the sample it begins at."""

    pcm: bytes
    words: list[Word]
    ahead: list[bool]

    @property
    def seconds(self) -> float:
        """Return the duration."""
        return len(self.pcm) / 2 / RATE


@lru_cache(1)
def loaded() -> tuple[Espeak, EngineInfo]:
    """Load the engine; return it and its info."""
    engine = Espeak()
    return engine, engine.load(Place(), QUIET)


def speak(job: SpeechJob) -> Spoken:
    """Speak a job to its end."""
    spoken, pcm = Spoken(b"", [], []), bytearray()

    def emit(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            pcm.extend(event.pcm)
        else:
            spoken.words.append(event)
            spoken.ahead.append(event.time * RATE >= len(pcm) / 2 - 1)
        return True

    run_speech(loaded()[0], job, emit)
    return spoken._replace(pcm=bytes(pcm))


def say(text: str, voice: str = "en-us", *, pause: bool = True) -> Spoken:
    """Speak a text."""
    return speak(SpeechJob(text, voice, pause=pause))
