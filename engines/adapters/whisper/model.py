"""One window of a recording through Whisper: everything here is transformers' own work.

The library transcribes a whole recording in one call. Here it is given one window at a time, with the text
before as its prompt, which is what it does inside that call; so the first window can be transcribed while the
recording still comes in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import torch
from transformers import WhisperForConditionalGeneration
from transformers.generation.logits_process import WhisperNoSpeechDetection

from engines.adapters.whisper.decoded import Attempt, DecodedSegment, DecodedWindow
from engines.adapters.whisper.load import load_whisper
from engines.adapters.whisper.spectra import Spectra
from engines.adapters.whisper.text_tokens import prompt_tokens, text_tokens
from engines.api import Place
from engines.toolkit.vad import SAMPLE_RATE
from engines.toolkit.windows import HOP_LENGTH, Window

MAX_COMPRESSION_RATIO = 1.35
"""the library's threshold: what repeats itself more is tried again at the next temperature"""
MIN_AVG_LOGPROB = -1.0
"""the library's threshold: what is less sure is tried again at the next temperature"""
MAX_NO_SPEECH_PROB = 0.6
"""the library's threshold: what is unsure where it is likelier that nobody speaks is dropped"""


class EncodedWindow(msgspec.Struct, frozen=True):
    """A window's spectrum, and what the encoder made of it."""

    spectrum: torch.Tensor
    states: Any


class PromptLogits(msgspec.Struct, frozen=True):
    """What the decoder made of a prompt: logits of each of its tokens."""

    logits: torch.Tensor | None = None


class InstrumentedWhisper(WhisperForConditionalGeneration):  # type: ignore[misc]  # a class without types
    """The library's model, which also keeps how it came to a result."""

    attempt = Attempt(0.0, 0.0, 0.0, False)
    prompt_logits = PromptLogits()

    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.register_forward_hook(_keep_prompt_logits)

    def _need_fallback(
        self,
        sequence: torch.Tensor,
        outputs: list[dict[str, Any]],
        index: int,
        processors: list[object],
        settings: object,
        vocabulary: int,
        temperature: float,
    ) -> tuple[bool, bool]:
        needs_fallback, is_dropped = super()._need_fallback(
            sequence, outputs, index, processors, settings, vocabulary, temperature
        )
        logprob = self._retrieve_avg_logprobs(outputs[index]["scores"], sequence, temperature)
        no_speech_prob = _no_speech_detection(processors).no_speech_prob[index]
        self.attempt = Attempt(float(temperature), float(logprob), float(no_speech_prob), bool(is_dropped))
        return needs_fallback, False  # what is dropped has no result, which a single call cannot return

    def _setup_no_speech_detection(self, processors: list[object], *_: object) -> None:
        detection = _no_speech_detection(processors)
        detection.inputs = {}
        # else each attempt encodes the window and reads its prompt once more
        detection.set_model(lambda: self.prompt_logits)

    def _extract_token_timestamps(self, outputs: Any, *args: object, **kwargs: object) -> object:  # noqa: ANN401 - without types
        times = super()._extract_token_timestamps(outputs, *args, **kwargs)
        # else each is copied off the device, layer by layer
        outputs["cross_attentions"] = ()
        outputs["decoder_attentions"] = ()
        return times

    def _postprocess_outputs(self, **kwargs: object) -> object:
        # else the cache is copied off the device
        return super()._postprocess_outputs(**{**kwargs, "is_shortform": False})


class WhisperModel:
    """A Whisper checkpoint, loaded: its network, tokenizer and features. Raises EngineFailed."""

    def __init__(self, folder: str, place: Place) -> None:
        self.network, processor, self.device = load_whisper(folder, InstrumentedWhisper, place)
        self.tokenizer = processor.tokenizer
        self._spectra = Spectra(processor.feature_extractor)
        self._settings = settings = self.network.generation_config
        self.is_multilingual = bool(getattr(settings, "is_multilingual", False)) and hasattr(
            settings, "lang_to_id"
        )
        self.is_aligned = bool(getattr(settings, "alignment_heads", None))
        """whether it finds the times of words"""
        self.first_time_token = int(settings.no_timestamps_token_id) + 1
        """the token of 0.00 s; the others follow"""
        self.max_prompt_tokens = int(self.network.config.max_target_positions) // 2 - 1
        """tokens of the text before that a window may be given"""

    @property
    def languages(self) -> tuple[str, ...]:
        """The model's own language codes; none where it knows only English."""
        return tuple(name[2:-2] for name in self._settings.lang_to_id) if self.is_multilingual else ()

    @property
    def stop_points(self) -> list[torch.nn.Module]:
        """The modules that run often: every layer of the encoder, and the decoder for each token."""
        return [*self.network.model.encoder.layers, self.network.model.decoder]

    def prompt_tokens(self, text: str) -> list[int]:
        """Return the tokens of a prompt; names of control tokens in it are left out."""
        return prompt_tokens(self.tokenizer, text)

    def text_tokens(self, tokens: Sequence[int]) -> list[int]:
        """Return the tokens of text among tokens, without those of times and control tokens."""
        return text_tokens(self.tokenizer, tokens)

    def begin_recording(self) -> None:
        """Reset what depends on the recording so far: its loudness, and the random numbers."""
        torch.manual_seed(0)  # temperatures draw random tokens
        self._spectra.begin_recording()

    def encode(self, window: Window) -> EncodedWindow:
        """Run a window through the encoder."""
        numbers = torch.from_numpy(self._spectra.of(window))
        spectrum = numbers.to(self.device, self.network.dtype)
        missing = 2 * self.network.config.max_source_positions - spectrum.shape[-1]
        with torch.inference_mode():
            self.network.set_attn_implementation("sdpa")
            padded = torch.nn.functional.pad(spectrum, (0, missing))
            return EncodedWindow(spectrum, self.network.model.encoder(padded))

    def detect_language(self, window: EncodedWindow) -> str:
        """Return the model's own code of the language that is spoken in a window."""
        with torch.inference_mode():
            token = int(self.network.detect_language(encoder_outputs=window.states)[0])
        return str(next(name[2:-2] for name, number in self._settings.lang_to_id.items() if number == token))

    def decode(
        self,
        window: EncodedWindow,
        tokens_before: Sequence[int],
        temperatures: Sequence[float],
        *,
        token_times: bool,
        **options: str,
    ) -> DecodedWindow:
        """Transcribe a window.

        `tokens_before` are those of the text before, `temperatures` are tried in turn; options are language
        and task.
        """
        if token_times:
            # no other implementation shows where it looks; the library would not set it back
            self.network.set_attn_implementation("eager")
        frames = window.spectrum.shape[-1]
        prompt = None
        if tokens_before:
            prompt = [self._settings.prev_sot_token_id, *tokens_before[-self.max_prompt_tokens :]]
        with torch.inference_mode(), self._discarding_prompt_logits():
            result = self.network.generate(
                window.spectrum,
                encoder_outputs=window.states,
                attention_mask=torch.ones((1, frames), dtype=torch.long, device=self.device),
                prompt_ids=torch.tensor(prompt, device=self.device) if prompt else None,
                temperature=tuple(temperatures),
                compression_ratio_threshold=MAX_COMPRESSION_RATIO,
                logprob_threshold=MIN_AVG_LOGPROB,
                no_speech_threshold=MAX_NO_SPEECH_PROB,
                condition_on_prev_tokens=False,
                return_timestamps=True,
                return_token_timestamps=token_times,
                return_segments=True,
                force_unique_generate_call=True,
                **options,
            )
        attempt = self.network.attempt
        whole = frames * HOP_LENGTH / SAMPLE_RATE
        if attempt.is_dropped:
            return DecodedWindow((), attempt, whole)
        raw_segments = result["segments"][0]
        first_token = raw_segments[0]["idxs"][0]
        segments = tuple(self._segment(raw, first_token) for raw in raw_segments)
        covered = segments[-1].end if self.is_followed(segments[-1]) else 0.0
        return DecodedWindow(segments, attempt, covered or whole)

    @contextmanager
    def _discarding_prompt_logits(self) -> Iterator[None]:
        """Keep the logits of a prompt no longer than its window: 47 MB, where it is a long one."""
        try:
            yield
        finally:
            self.network.prompt_logits = PromptLogits()

    def is_followed(self, segment: DecodedSegment) -> bool:
        """Tell whether a segment follows that the window cuts off: the last token is its beginning."""
        return len(segment.tokens) > 2 and min(segment.tokens[-2:]) >= self.first_time_token

    def _segment(self, raw: dict[str, Any], first_token: int) -> DecodedSegment:
        """Return a segment of the library's result, whose tokens count from `first_token`."""
        tokens = raw["tokens"].tolist()
        first, last = raw["idxs"]
        scores = torch.stack(raw["result"]["scores"][first - first_token : last - first_token]).float()
        logprobs = torch.log_softmax(scores * (self.network.attempt.temperature or 1.0), -1)
        return DecodedSegment(
            float(raw["start"]),
            float(raw["end"]),
            tuple(tokens),
            tuple(logprobs[torch.arange(len(tokens)), torch.tensor(tokens)].tolist()),
            tuple(raw["token_timestamps"].tolist()) if "token_timestamps" in raw else (),
        )


def _keep_prompt_logits(model: InstrumentedWhisper, _inputs: object, outputs: Any) -> None:  # noqa: ANN401 - without types
    """Keep the logits of a call for several tokens, which are a prompt's."""
    if outputs.logits.shape[1] > 1:
        model.prompt_logits = PromptLogits(outputs.logits)


def _no_speech_detection(processors: list[object]) -> WhisperNoSpeechDetection:
    """Return the library's processor that judges whether nobody speaks."""
    return next(processor for processor in processors if isinstance(processor, WhisperNoSpeechDetection))
