"""Transcribe recordings by a Whisper, window by window, whatever library computes it."""

from __future__ import annotations

from collections.abc import Iterator

from engines.adapters.whisper.decoded import DecodedSegment, DecodedWindow, WindowModel
from engines.adapters.whisper.token_words import transcript_tokens, transcript_words
from engines.api import (
    Finished,
    TranscriptionCapabilities,
    TranscriptionJob,
    TranscriptionOutput,
    TranscriptSegment,
    TranscriptWord,
)
from engines.toolkit.stopping import BeatHook
from engines.toolkit.transcription_options import ENGLISH, check_job, fallback_temperatures, iso_codes
from engines.toolkit.vad import SAMPLE_RATE, Silero
from engines.toolkit.windows import Window, Windows

UNSURE_TEMPERATURE = 0.5
"""text that came at such a temperature or above is no prompt of the next window: the library's limit"""


class RecordingTranscriber:
    """Transcribes recordings by a loaded model. One thread at a time."""

    def __init__(self, model: WindowModel, name: str, hook: BeatHook, *, vad: bool) -> None:
        """Prepare for recordings; the model calls `hook` often. Raises EngineFailed."""
        self._model = model
        self._name = name
        self._hook = hook
        self._silero = Silero() if vad else None
        self._codes = iso_codes(model.languages)

    @property
    def capabilities(self) -> TranscriptionCapabilities:
        """What it can do."""
        return TranscriptionCapabilities(
            tuple(self._codes),
            sample_rate=SAMPLE_RATE,
            words=self._model.is_aligned,
            logprobs=True,
            prompt=True,
            temperature=True,
            translate=True,  # what knows only English does so by its transcript
        )

    def transcribe(self, job: TranscriptionJob, audio: Iterator[bytes], out: TranscriptionOutput) -> Finished:
        """Transcribe a recording, window by window. Raises Unsupported."""
        check_job(job, self._name, self._codes)
        windows = Windows(audio, self._silero, out.beat)
        with self._hook.during(lambda: out.beat(windows.processed_seconds)):
            return self._transcribe_windows(job, windows, out)

    def _transcribe_windows(
        self, job: TranscriptionJob, windows: Windows, out: TranscriptionOutput
    ) -> Finished:
        transcriber = WindowTranscriber(self._model, job, self._codes.get(job.language or ""))
        while window := windows.next_window():
            decoded = transcriber.transcribe(window)
            windows.advance(decoded.seconds)
            for decoded_segment in decoded.segments:
                if segment := transcriber.transcript_segment(decoded_segment, window, decoded):
                    out.segment(segment)
            out.beat(windows.processed_seconds)
        language = next((iso for iso, code in self._codes.items() if code == transcriber.language), ENGLISH)
        return Finished(windows.duration, language)


class WindowTranscriber:
    """Transcribes the windows of one recording in turn, each with the text before it as its prompt."""

    def __init__(self, model: WindowModel, job: TranscriptionJob, language: str | None) -> None:
        self._model = model
        self._job = job
        self.language = language
        """the model's own code, once it is known"""
        self._word_times = job.words and model.is_aligned
        self._prompt = model.prompt_tokens(job.prompt or "")
        self._tokens = list(self._prompt)
        """those of the prompt and of all windows before"""
        self._last_was_sure = True
        model.begin_recording()

    def transcribe(self, window: Window) -> DecodedWindow:
        """Transcribe the next window; its language is detected where it is not known yet."""
        encoded = self._model.encode(window)
        options = {}
        if self._model.is_multilingual:
            self.language = self.language or self._model.detect_language(encoded)
            options = {
                "language": self.language,
                "task": "translate" if self._job.translate else "transcribe",
            }
        decoded = self._model.decode(
            encoded,
            self._tokens if self._last_was_sure else self._prompt,
            fallback_temperatures(self._job.temperature),
            token_times=self._word_times,
            **options,
        )
        self._last_was_sure = decoded.attempt.temperature < UNSURE_TEMPERATURE
        for segment in decoded.segments:
            self._tokens += segment.tokens[:-1] if self._model.is_followed(segment) else segment.tokens
        return decoded

    def transcript_segment(
        self, segment: DecodedSegment, window: Window, decoded: DecodedWindow
    ) -> TranscriptSegment | None:
        """Return a segment of a window as the contract has it; None when no words are in it."""
        tokenizer = self._model.tokenizer
        raw_text = tokenizer.decode(self._model.text_tokens(segment.tokens))
        text = raw_text.strip()
        if not text:
            return None
        logprobs = (
            transcript_tokens(tokenizer, segment.tokens, segment.logprobs) if self._job.logprobs else ()
        )
        return TranscriptSegment(
            text,
            window.recording_time(segment.start),
            window.recording_time(segment.end),
            words=tuple(self._words(segment, window)) if self._word_times else (),
            avg_logprob=decoded.attempt.avg_logprob,
            no_speech_prob=decoded.attempt.no_speech_prob,
            tokens=segment.tokens,
            temperature=decoded.attempt.temperature,
            logprobs=tuple(logprobs),
            space_before=raw_text[:1].isspace(),
        )

    def _words(self, segment: DecodedSegment, window: Window) -> Iterator[TranscriptWord]:
        """Yield the words of a segment, with their times in the recording."""
        language = ENGLISH if self._job.translate else self.language or ENGLISH
        for word in transcript_words(
            self._model.tokenizer, segment.tokens, segment.logprobs, segment.token_times, language
        ):
            yield TranscriptWord(
                word.word, window.recording_time(word.start), window.recording_time(word.end), word.logprob
            )
