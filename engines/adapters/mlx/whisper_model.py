"""One window of a recording through Whisper on MLX: encoding, decoding and alignment are mlx-audio's own.

The library (mlx-audio 0.6.2) transcribes a whole recording in one call, which cannot be left. Its parts are
called here for one window at a time, in its order and with its thresholds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import mlx.core as mx
import msgspec
from mlx_audio.stt.models.whisper.decoding import (
    ApplyTimestampRules,
    DecodingOptions,
    DecodingResult,
    DecodingTask,
    GreedyDecoder,
    LogitFilter,
)
from mlx_audio.stt.models.whisper.whisper import HFTokenizerWrapper

from engines.adapters.mlx.library import choose_device, choose_dtype
from engines.adapters.mlx.watched import watch
from engines.adapters.mlx.whisper_files import load_whisper
from engines.adapters.mlx.whisper_times import token_times
from engines.adapters.whisper.checkpoint import ENGLISH_TOKENS, LANGUAGE_TOKEN
from engines.adapters.whisper.decoded import Attempt, DecodedSegment, DecodedWindow
from engines.adapters.whisper.spectra import Spectra
from engines.adapters.whisper.text_tokens import prompt_tokens, text_tokens
from engines.api import Place
from engines.toolkit.stopping import BeatHook
from engines.toolkit.transcription_options import ENGLISH
from engines.toolkit.vad import SAMPLE_RATE
from engines.toolkit.windows import HOP_LENGTH, Window

MAX_COMPRESSION_RATIO = 2.4
"""the library's threshold: what repeats itself more is tried again at the next temperature"""
MIN_AVG_LOGPROB = -1.0
"""the library's threshold: what is less sure is tried again at the next temperature"""
MAX_NO_SPEECH_PROB = 0.6
"""the library's threshold: what is unsure where it is likelier that nobody speaks is dropped"""
FRAMES_PER_TOKEN = 2
"""of the spectrum, for each token of time"""
TOKEN_SECONDS = FRAMES_PER_TOKEN * HOP_LENGTH / SAMPLE_RATE


class EncodedWindow(msgspec.Struct, frozen=True, eq=False):
    """What the encoder made of a window."""

    features: mx.array
    """[1, positions, width]"""
    frames: int
    """of the window's spectrum"""


class TimesGoOn(LogitFilter):  # type: ignore[misc]  # a class without types
    """Allows no token of a time before the last one's.

    The library compares with the index of the last time where its value is meant
    (`ApplyTimestampRules.apply`), so that times may go back; Whisper's own program has it so.
    """

    def __init__(self, first_time: int, begin: int) -> None:
        self._first_time = first_time
        self._begin = begin

    def apply(self, logits: mx.array, tokens: mx.array) -> mx.array:
        """Return the scores of the next token."""
        sampled = tokens[0, self._begin :].tolist()
        times = [token for token in sampled if token >= self._first_time]
        if not times:
            return logits
        # the end of one segment is the beginning of the next, which ends later
        pair_is_open = sampled[-1] >= self._first_time and len(sampled) > 1 and sampled[-2] < self._first_time
        lowest = times[-1] if pair_is_open else times[-1] + 1
        numbers = mx.arange(logits.shape[-1])
        return mx.where((numbers >= self._first_time) & (numbers < lowest), -mx.inf, logits)


class NotingDecoder(GreedyDecoder):  # type: ignore[misc]  # a class without types
    """The library's choice of tokens, which gives a sign for each, and notes how sure each was."""

    def __init__(self, temperature: float, eot: int, beat: Callable[[], object]) -> None:
        super().__init__(temperature, eot)
        self._beat = beat
        self._sums: list[mx.array] = []

    def update(self, tokens: mx.array, logits: mx.array, sum_logprobs: mx.array) -> Any:  # noqa: ANN401 - a tuple without types
        """Choose the next token."""
        self._beat()
        before = sum_logprobs + 0  # the library adds in place
        result = super().update(tokens, logits, sum_logprobs)
        self._sums.append(result[2] - before)
        return result

    def logprobs(self, count: int) -> list[float]:
        """Return the log-probabilities of the first tokens."""
        chosen = self._sums[:count]
        return [float(one) for one in mx.concatenate(chosen).tolist()] if chosen else []


class WindowDecoding(DecodingTask):  # type: ignore[misc]  # a class without types
    """The library's decoding of a window."""

    def __init__(self, model: WhisperOnMlx, options: DecodingOptions) -> None:
        super().__init__(model, options)
        self.decoder = NotingDecoder(options.temperature, self.tokenizer.eot, model.hook)
        # before the library's, which weighs all times against all words
        rules = next(i for i, one in enumerate(self.logit_filters) if isinstance(one, ApplyTimestampRules))
        self.logit_filters.insert(rules, TimesGoOn(self.tokenizer.timestamp_begin, self.sample_begin))

    def _get_audio_features(self, features: mx.array) -> mx.array:
        return features  # in whatever numbers the encoder computes


class WhisperOnMlx:
    """A Whisper checkpoint on MLX, loaded. Raises EngineFailed."""

    def __init__(self, folder: str, place: Place) -> None:
        self.device = choose_device(place.device)
        self.hook = BeatHook()
        loaded = load_whisper(folder, choose_dtype(place.dtype))
        self._network = loaded.network
        self._network.encoder.blocks = watch(self._network.encoder.blocks, self.hook)
        self.tokenizer = loaded.processor.tokenizer
        self._spectra = Spectra(loaded.processor.feature_extractor)
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        settings = loaded.generation
        knows_more = self._network.dims.n_vocab != ENGLISH_TOKENS
        self.is_multilingual = bool(settings.get("is_multilingual", knows_more))
        languages = settings.get("lang_to_id") or {
            word: number for word, number in vocabulary.items() if LANGUAGE_TOKEN.fullmatch(word)
        }
        self._languages = {word[2:-2]: int(number) for word, number in languages.items()}
        heads = settings.get("alignment_heads")
        self.is_aligned = bool(heads)
        """whether it finds the times of words"""
        self._heads = mx.array(heads) if heads else None
        suppressed = settings.get("suppress_tokens")
        self._suppressed: tuple[int, ...] | str = "-1" if suppressed is None else tuple(suppressed)

    # What the library's decoding asks of a model...

    @property
    def dims(self) -> Any:  # noqa: ANN401 - the library's class has no types
        """The sizes of the network."""
        return self._network.dims

    @property
    def decoder(self) -> Any:  # noqa: ANN401 - as above
        """The network that writes."""
        return self._network.decoder

    def get_tokenizer(self, language: str | None = None, task: str = "transcribe") -> HFTokenizerWrapper:
        """Return the tokenizer as the library has it, for a language and a task."""
        return HFTokenizerWrapper(self.tokenizer, self.is_multilingual, language=language, task=task)

    # What a transcriber asks of it...

    @property
    def languages(self) -> tuple[str, ...]:
        """The model's own language codes; none where it knows only English."""
        return tuple(self._languages) if self.is_multilingual else ()

    def prompt_tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt; names of control tokens in it are left out."""
        return prompt_tokens(self.tokenizer, text)

    def text_tokens(self, tokens: Sequence[int]) -> list[int]:
        """Return the tokens of text among tokens, without those of times and control tokens."""
        return text_tokens(self.tokenizer, tokens)

    def is_followed(self, _segment: DecodedSegment) -> bool:
        """Tell whether a segment's last token is the beginning of another: here none is."""
        return False

    def begin_recording(self) -> None:
        """Reset what depends on the recording so far: its loudness, and the random numbers."""
        mx.random.seed(0)  # temperatures draw random tokens
        self._spectra.begin_recording()

    def encode(self, window: Window) -> EncodedWindow:
        """Run a window through the encoder."""
        spectrum = mx.array(self._spectra.of(window)).transpose(0, 2, 1)
        frames = spectrum.shape[1]
        missing = FRAMES_PER_TOKEN * self.dims.n_audio_ctx - frames
        padded = mx.pad(spectrum, ((0, 0), (0, missing), (0, 0))).astype(self._network.dtype)
        features = self._network.encoder(padded)
        mx.eval(features)
        return EncodedWindow(features, frames)

    def detect_language(self, window: EncodedWindow) -> str:
        """Return the model's own code of the language that is spoken in a window."""
        scores = self.decoder(mx.array([[self.get_tokenizer().sot]]), window.features)[0][0, 0]
        codes: list[str] = list(self._languages)
        numbers = mx.array([self._languages[code] for code in codes])
        return codes[int(scores[numbers].argmax())]

    def decode(
        self,
        window: EncodedWindow,
        tokens_before: Sequence[int],
        temperatures: Sequence[float],
        *,
        token_times: bool,
        **options: str,
    ) -> DecodedWindow:
        """Transcribe a window, as WindowModel has it."""
        result, attempt, logprobs = self._try(window, list(tokens_before), temperatures, options)
        whole = window.frames * HOP_LENGTH / SAMPLE_RATE
        mx.clear_cache()
        if attempt.is_dropped:
            return DecodedWindow((), attempt, whole)
        tokenizer = self.get_tokenizer(options.get("language"), options.get("task", "transcribe"))
        spans, seconds = split(result.tokens, tokenizer.timestamp_begin, whole)
        times: list[float] = []
        if token_times:
            times = self._token_times(window, result.tokens, tokenizer)
        segments = tuple(
            DecodedSegment(
                start,
                end,
                tuple(result.tokens[first:last]),
                tuple(logprobs[first:last]),
                tuple(times[first:last]),
            )
            for first, last, start, end in spans
        )
        return DecodedWindow(segments, attempt, seconds)

    def _try(
        self,
        window: EncodedWindow,
        tokens_before: list[int],
        temperatures: Sequence[float],
        options: dict[str, str],
    ) -> tuple[DecodingResult, Attempt, list[float]]:
        """Return the result of the first temperature that is good enough, or of the last."""
        for temperature in temperatures:
            decoding = WindowDecoding(
                self,
                DecodingOptions(
                    task=options.get("task", "transcribe"),
                    language=options.get("language", ENGLISH),
                    temperature=temperature,
                    prompt=tokens_before,
                    suppress_tokens=self._suppressed,
                ),
            )
            [result] = decoding.run(window.features)
            is_unsure = result.avg_logprob < MIN_AVG_LOGPROB
            is_silent = result.no_speech_prob > MAX_NO_SPEECH_PROB
            if (is_silent and is_unsure) or not (
                is_unsure or result.compression_ratio > MAX_COMPRESSION_RATIO
            ):
                break
        logprobs = decoding.decoder.logprobs(len(result.tokens))
        is_dropped = is_silent and not result.avg_logprob > MIN_AVG_LOGPROB
        attempt = Attempt(
            float(temperature), float(result.avg_logprob), float(result.no_speech_prob), is_dropped
        )
        return result, attempt, logprobs

    def _token_times(
        self, window: EncodedWindow, tokens: Sequence[int], tokenizer: HFTokenizerWrapper
    ) -> list[float]:
        return token_times(self._network, self._heads, window.features, window.frames, tokens, tokenizer)


def split(
    tokens: Sequence[int], first_time: int, whole: float
) -> tuple[list[tuple[int, int, float, float]], float]:
    """Return a window's segments, as (first token, behind the last, start, end), and the seconds that they
    cover.

    A segment ends where two tokens of times follow each other. What follows the last of these pairs is cut
    off by the window, and left to the next; unless it ends with a time of its own.
    """
    is_time = [token >= first_time for token in tokens]
    ends = [index for index, both in enumerate(pairwise(is_time), 1) if all(both)]
    is_closed = is_time[-2:] == [False, True]

    def seconds(index: int) -> float:
        return (tokens[index] - first_time) * TOKEN_SECONDS

    if not ends:
        times = [index for index, one in enumerate(is_time) if one]
        end = seconds(times[-1]) if times and tokens[times[-1]] != first_time else whole
        return ([(0, len(tokens), 0.0, end)] if tokens else []), whole
    edges = [0, *ends, *([len(tokens)] if is_closed else [])]
    spans = [(first, last, seconds(first), seconds(last - 1)) for first, last in pairwise(edges)]
    covered = whole if is_closed else spans[-1][3]
    return spans, covered or whole
