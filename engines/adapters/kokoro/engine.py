"""Kokoro-82M: 54 voices in nine languages, small and quick, from files in a local folder.

Its options: `path`, the folder; `model`, the name it goes by; `batch`, jobs that go through at once, 0 for
what suits the device; `precision`, of ONNX graphs. Of its place it takes the device and the threads.

The files are those of torch (`files`), or an ONNX graph (`onnx_files`), which onnxruntime computes: then no
torch is imported, and no spaCy. Voices, languages, chunks and times of words are the same; English is read by
another front end, by the same dictionaries and rules (`light_english`).

A voice speaks the language that the first letter of its name tells, a mixture that of its first voice;
Japanese and Chinese ones read a text in Latin letters as English. Audio comes in chunks of at most 510
phonemes (`chunks`). Speed changes the length of phonemes, in steps of 25 ms each: what is asked for is met
within a tenth. Word times come in English only: misaki gives them for no other language.

With torch a seed makes the vocoder's noise repeatable, whoever speaks at the same time. A graph that draws
random numbers itself cannot be told a seed; one that draws none says the same thing always, whatever the
seed.

Kokoro, misaki and hibari are Apache-2.0; phonemizer and eSpeak NG, which spell words for them, are
GPL-3.0-or-later. What Japanese needs (fugashi, jaconv, mojimoji, unidic-lite) is MIT, BSD-3-Clause and
Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain
from pathlib import Path

from engines.adapters.kokoro.chunked_job import ChunkedJob
from engines.adapters.kokoro.network import RATE, Network
from engines.adapters.kokoro.networks import open_network
from engines.adapters.kokoro.packages import read_scripts
from engines.adapters.kokoro.readable_voices import readable_voices
from engines.adapters.kokoro.request_options import OPTIONS
from engines.adapters.kokoro.text import FrontEnd, choose_language, make_front_end
from engines.adapters.kokoro.voice_bank import Floats
from engines.adapters.kokoro.voices import DEFAULT, LANGUAGES, describe_voices
from engines.api import (
    EngineInfo,
    Output,
    Place,
    SpeechCapabilities,
    SpeechJob,
    SpeechOutput,
    StepResult,
    Steps,
    Stop,
    attempt,
)
from engines.errors import BadInput, EngineFailed
from engines.toolkit.kokoro_ipa import kokoro_phonemes
from engines.toolkit.phoneme_chunks import Chunk
from engines.toolkit.seeds import library_seed


class Kokoro:
    """The engine of Kokoro. One thread at a time."""

    def __init__(self, path: str = "", model: str = "kokoro", batch: int = 0, precision: str = "") -> None:
        self._path = path
        self._model = model
        self._batch = batch
        self._precision = precision
        self._front_ends: dict[str, FrontEnd] = {}

    def load(self, place: Place, out: Output) -> EngineInfo:
        """Load the network. Raises EngineFailed."""
        if not self._path:
            raise EngineFailed("Kokoro's files are not there: tell their folder as `path`.")
        self._network = self._open_network(Path(self._path), place)
        names = self._network.voices.names
        self._default_voice = DEFAULT if DEFAULT in names else describe_voices(names)[0].id
        return self._info()

    def _open_network(self, folder: Path, place: Place) -> Network:
        """Return what computes the voices of a folder. Raises EngineFailed."""
        return open_network(folder, place, batch=self._batch, precision=self._precision)

    def _info(self) -> EngineInfo:
        names = self._network.voices.names
        facts = self._network.facts
        readable = readable_voices(names, light=facts.light)
        scripts = [read_scripts(letter, light=facts.light) for letter in readable.letters]
        return EngineInfo(
            name="kokoro",
            version=facts.version,
            licence="Apache-2.0 AND GPL-3.0-or-later",
            models=tuple(dict.fromkeys((self._model, "kokoro"))),
            voices=readable.voices,
            characters=readable.characters,
            speech=SpeechCapabilities(
                sample_rate=RATE,
                languages=tuple(tag for letter in readable.letters for tag in LANGUAGES[letter].tags),
                speed=facts.speed,
                scripts=tuple(dict.fromkeys(chain.from_iterable(scripts))) if all(scripts) else (),
                seed=facts.seed,
                words="durations" if facts.words else None,
                mixing=True,
                ipa=True,
                marks=OPTIONS.marks,
            ),
            device=facts.device,
            concurrency=Steps(facts.batch, admitted=facts.batch, repeatable=True),
        )

    def begin(self, job: SpeechJob, out: SpeechOutput) -> ChunkedJob:
        """Begin a segment, up to its first chunk. Raises UnknownVoice, Unsupported or EngineFailed."""
        noise = self._network.start_noise(library_seed(job.seed))
        member = ChunkedJob(job, out, self._read(job), noise, self._network.facts)
        member.advance()
        return member

    def step(self, members: Sequence[ChunkedJob]) -> list[StepResult]:
        """Speak the chunk that each segment is at, as StepSpeaker has it."""
        speaking = [member for member in members if member.has_chunk]

        def check(indexes: Sequence[int]) -> None:
            # each of them is asked, so that none goes on that nobody wants
            wanted = [speaking[index].is_wanted() for index in indexes]
            if not any(wanted):
                raise Stop

        lines = [member.line() for member in speaking]
        results: dict[int, StepResult] = {}
        for spoken in self._network.speak(lines, check):
            member = speaking[spoken.index]
            results[id(member)] = attempt(partial(member.finish_chunk, spoken))
        return [results.get(id(member), False) for member in members]

    def drop(self, member: ChunkedJob) -> None:
        """Forget a segment: it holds nothing but memory."""

    def _read(self, job: SpeechJob) -> Iterator[tuple[Chunk, Floats]]:
        """Yield a job's chunks, each with the voice. Raises UnknownVoice, Unsupported or EngineFailed."""
        if job.prompt or job.design:
            raise BadInput("Kokoro speaks with its own voices only.", param="voice")
        parts = job.mix or ((job.voice or self._default_voice, 1.0),)
        voice = self._network.voices.mix(parts)
        facts = self._network.facts
        language = choose_language(parts[0][0][0], job.text)
        if language not in self._front_ends:
            self._front_ends[language] = make_front_end(language, light=facts.light)
        spans = [
            (start, end, kokoro_phonemes(ipa, language, facts.vocabulary)) for start, end, ipa in job.ipa
        ]
        for chunk in self._front_ends[language].chunks(job.text, spans, facts.max_phonemes):
            yield chunk, voice
