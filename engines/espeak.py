"""eSpeak NG: small, quick, robotic, in 140 languages; speaks without any download.

Voices go by language code, with a variant behind a plus where one is wanted: `de`, `en-us+f3`. A job's language, where it is
not the voice's, replaces the voice's and keeps the variant. Speed 1 is 175 words a minute, the library's own default; it takes
80 to 450. `pitch` is 0 to 99, 50 by default.
"""

from __future__ import annotations

from pathlib import Path

import espeakng_loader

from engines.api import Audio, EmitSpeech, EngineInfo, SpeechAbilities, SpeechJob, UnknownVoice, Word
from engines.espeak_c import PITCH, RATE, EspeakVoice, Library, WordEvent
from engines.espeak_voices import CHARACTERS, has_dictionary, listed, variants

WORDS_PER_MINUTE, SLOWEST, FASTEST = 175, 80, 450
DEFAULT_PITCH = 50
DEFAULT_VOICE = "en-us"
UNSPEAKABLE = dict.fromkeys(range(32), " ") | {127: " "}
"""control characters: a NUL would end the text for C, and none is spoken"""


class Espeak:
    """See the module. One thread at a time."""

    def load(self) -> EngineInfo:
        """Initialise the library and speak a word, so that the first request does not pay for the dictionary."""
        self._library = Library()
        data = Path(espeakng_loader.get_data_path())
        names = variants(data)
        speakable = [voice for voice in self._library.voices() if has_dictionary(data, voice)]
        voices = listed(speakable, names)
        self._settable = {name: self._settable_name(voice) for voice in speakable for name in [voice.languages[0].lower()]}
        for code in sorted({voice.partition("+")[0] for voice in CHARACTERS.values()}):
            self.speak(SpeechJob("warm", code), lambda _: True)
        return EngineInfo(
            name="espeak",
            version=self._library.version,
            licence="GPL-3.0-or-later",
            models=("espeak",),
            voices=voices,
            characters=CHARACTERS,
            variants=names,
            speech=SpeechAbilities(
                sample_rate=self._library.sample_rate,
                languages=tuple(sorted({language for voice in voices for language in voice.languages})),
                speed=(SLOWEST / WORDS_PER_MINUTE, FASTEST / WORDS_PER_MINUTE),
                language=True,
                pitch=True,
                words=True,
            ),
        )

    def speak(self, job: SpeechJob, emit: EmitSpeech) -> None:
        """Speak one segment."""
        self._choose(job.voice or DEFAULT_VOICE, job.language)
        self._library.set_parameter(RATE, min(FASTEST, max(SLOWEST, round(WORDS_PER_MINUTE * job.speed))))
        self._library.set_parameter(PITCH, round(DEFAULT_PITCH if job.pitch is None else min(99, max(0, job.pitch))))
        limit = len(job.text)

        def sink(words: list[WordEvent], pcm: bytes) -> bool:
            for word in words:
                if not emit(Word(min(limit, word.offset), min(limit, word.offset + word.length), word.time)):
                    return False
            return not pcm or emit(Audio(pcm))

        self._library.speak(job.text.translate(UNSPEAKABLE), sink, pause=job.pause)

    def _choose(self, voice: str, language: str | None) -> None:
        """Set the voice; state is sticky in the library, so this is done for every job. Raises UnknownVoice."""
        code, plus, variant = voice.partition("+")
        if language and not _same_language(code, language):
            code = self._code(language) or code
        code = self._code(code) or code
        if not self._library.set_voice(f"{self._settable.get(code, code)}{plus}{variant}"):
            raise UnknownVoice(f"eSpeak NG has no voice '{voice}'.", param="voice")

    def _code(self, language: str) -> str | None:
        """Find the code of a language tag: the whole, or its first part (eSpeak NG knows `fr-fr` as `fr`)."""
        folded = language.casefold().replace("_", "-")
        first = folded.split("-")[0]
        candidates = (folded, "cmn" if first == "zh" else first)
        return next((code for code in candidates if code in self._settable), None)

    def _settable_name(self, voice: EspeakVoice) -> str:
        """Find the name by which a voice can be set: some are listed under a code that setting refuses (`en-gb`, `fr-fr`)."""
        code = voice.languages[0]
        return code if self._library.set_voice(code) else voice.identifier.rpartition("/")[2]


def _same_language(code: str, language: str) -> bool:
    return code.casefold().split("-")[0] == language.casefold().replace("_", "-").split("-")[0]
