"""One window of a recording through Whisper: everything here is transformers' own work.

The library transcribes a whole recording in one call. Here it is given one window at a time, with the words
before as its prompt, which is what it does inside that call; so the first window can be heard while the
recording still comes in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperForConditionalGeneration
from transformers.generation.logits_process import WhisperNoSpeechDetection

from engines.adapters.whisper.files import opened
from engines.toolkit.windows import RATE, STEP, Window

COMPRESSION, LOGPROB, NO_SPEECH = 1.35, -1.0, 0.6
"""the library's thresholds: what repeats itself or is unsure is tried again at the next temperature; what is
unsure where nobody may have spoken is dropped
"""
RANGE = 2.0
"""how far below the loudest sound the spectrum reaches, in its own units: 80 dB"""
SHORTEST = 400
"""samples that a spectrum can be made of"""
FEWEST = 2
"""frames of a spectrum: the encoder makes one of each two, and times are looked for among these"""
Floats = NDArray[np.float32]


class Attempt(msgspec.Struct, frozen=True):
    """How the last result for a window came to be."""

    temperature: float
    logprob: float
    """mean over the tokens, the end included"""
    no_speech: float
    dropped: bool


class Encoded(msgspec.Struct, frozen=True):
    """A window's spectrum, and what the encoder made of it."""

    spectrum: torch.Tensor
    states: Any


class Piece(msgspec.Struct, frozen=True):
    """A segment as the model gave it: seconds from the start of its window. `times` is when each token ends,
    where asked for.
    """

    start: float
    end: float
    tokens: tuple[int, ...]
    logprobs: tuple[float, ...]
    times: tuple[float, ...] = ()


class Decoded(msgspec.Struct, frozen=True):
    """A window heard: `seconds` of it, the rest is to be heard again with what follows."""

    pieces: tuple[Piece, ...]
    attempt: Attempt
    seconds: float


class Prompted(msgspec.Struct, frozen=True):
    """What the reading of a prompt brought: logits of each of its tokens."""

    logits: torch.Tensor | None = None


class Model(WhisperForConditionalGeneration):  # type: ignore[misc]  # a class without types
    """The library's model, which also tells how it came to a result."""

    attempt = Attempt(0.0, 0.0, 0.0, False)
    prompted = Prompted()

    def __init__(self, config: object) -> None:
        super().__init__(config)
        self.register_forward_hook(_keep_prompted)

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
        again, dropped = super()._need_fallback(
            sequence, outputs, index, processors, settings, vocabulary, temperature
        )
        logprob = self._retrieve_avg_logprobs(outputs[index]["scores"], sequence, temperature)
        no_speech = _detector(processors).no_speech_prob[index]
        self.attempt = Attempt(float(temperature), float(logprob), float(no_speech), bool(dropped))
        return again, False  # what is dropped has no result, which a single call cannot return

    def _setup_no_speech_detection(self, processors: list[object], *_: object) -> None:
        detector = _detector(processors)
        detector.inputs = {}
        detector.set_model(
            lambda: self.prompted
        )  # else each attempt encodes the window and reads its prompt once more

    def _extract_token_timestamps(self, outputs: Any, *args: object, **kwargs: object) -> object:  # noqa: ANN401 - without types
        times = super()._extract_token_timestamps(outputs, *args, **kwargs)
        outputs["cross_attentions"] = outputs[
            "decoder_attentions"
        ] = ()  # else each is copied off the device, layer by layer
        return times

    def _postprocess_outputs(self, **kwargs: object) -> object:
        return super()._postprocess_outputs(
            **{**kwargs, "is_shortform": False}
        )  # else the cache is copied off the device


class Checkpoint:
    """A model with its processor, loaded. Raises EngineFailed."""

    def __init__(self, folder: str, device: str, dtype: str) -> None:
        self.model, processor, self.device = opened(folder, Model, device, dtype)
        self.tokenizer, self._features = processor.tokenizer, processor.feature_extractor
        self._settings = settings = self.model.generation_config
        self.multilingual = bool(getattr(settings, "is_multilingual", False)) and hasattr(
            settings, "lang_to_id"
        )
        self.aligned = bool(getattr(settings, "alignment_heads", None))
        self.first_timestamp = int(settings.no_timestamps_token_id) + 1
        """the token of 0.00 s; the others follow"""
        self.longest_prompt = int(self.model.config.max_target_positions) // 2 - 1
        """tokens of what was said before that a window may be given"""
        self._loudest = -np.inf

    @property
    def languages(self) -> tuple[str, ...]:
        """The model's own codes; none where it knows only English."""
        return tuple(name[2:-2] for name in self._settings.lang_to_id) if self.multilingual else ()

    def watch(self, step: Callable[[], None]) -> None:
        """Have `step` called at every layer of the encoder and every token; what it raises ends the work."""

        def before(module: torch.nn.Module, inputs: object) -> None:
            step()

        for module in (*self.model.model.encoder.layers, self.model.model.decoder):
            module.register_forward_pre_hook(before)

    def tokens(self, text: str) -> list[int]:
        """Make tokens of a prompt; names of control tokens in it are left out."""
        made = self.tokenizer(" " + text.strip(), add_special_tokens=False).input_ids if text.strip() else []
        return self.words_of(made)

    def words_of(self, tokens: Sequence[int]) -> list[int]:
        """Leave times and control tokens out."""
        return [token for token in tokens if token < self.tokenizer.eos_token_id]

    def begin(self) -> None:
        """Forget the last recording."""
        torch.manual_seed(0)  # temperatures draw lots
        self._loudest = -np.inf

    def encode(self, window: Window) -> Encoded:
        """Run a window through the encoder."""
        spectrum = self._spectrum(window)
        missing = 2 * self.model.config.max_source_positions - spectrum.shape[-1]
        with torch.inference_mode():
            self.model.set_attn_implementation("sdpa")
            return Encoded(
                spectrum, self.model.model.encoder(torch.nn.functional.pad(spectrum, (0, missing)))
            )

    def _spectrum(self, window: Window) -> torch.Tensor:
        """Make a window's log-mel spectrum as it is in the whole recording's, whose floor lies under its
        loudest sound so far.
        """
        samples = np.pad(window.samples, (0, max(0, SHORTEST - len(window.samples))))
        made = self._features(
            samples, sampling_rate=RATE, truncation=False, padding="longest", return_tensors="np"
        )
        first = window.before // STEP
        own: Floats = made.input_features[..., first : first + len(window.own) // STEP]
        self._loudest = max(self._loudest, float(own.max()))
        own = np.pad(own, ((0, 0), (0, 0), (0, max(0, FEWEST - own.shape[-1]))), "edge")
        return torch.from_numpy(np.maximum(own, self._loudest - RANGE)).to(self.device, self.model.dtype)

    def language(self, window: Encoded) -> str:
        """Find out which language is spoken: the model's own code."""
        with torch.inference_mode():
            token = int(self.model.detect_language(encoder_outputs=window.states)[0])
        return str(next(name[2:-2] for name, number in self._settings.lang_to_id.items() if number == token))

    def decode(
        self,
        window: Encoded,
        before: Sequence[int],
        temperatures: Sequence[float],
        *,
        times: bool,
        **options: str,
    ) -> Decoded:
        """Hear one window: `before` are the tokens of what was said until then; options are language and
        task.
        """
        if times:
            self.model.set_attn_implementation(
                "eager"
            )  # no other shows where it looks; the library would not set it back
        frames = window.spectrum.shape[-1]
        prompt = [self._settings.prev_sot_token_id, *before[-self.longest_prompt :]] if before else None
        with torch.inference_mode(), self._forgetting():
            made = self.model.generate(
                window.spectrum,
                encoder_outputs=window.states,
                attention_mask=torch.ones((1, frames), dtype=torch.long, device=self.device),
                prompt_ids=torch.tensor(prompt, device=self.device) if prompt else None,
                temperature=tuple(temperatures),
                compression_ratio_threshold=COMPRESSION,
                logprob_threshold=LOGPROB,
                no_speech_threshold=NO_SPEECH,
                condition_on_prev_tokens=False,
                return_timestamps=True,
                return_token_timestamps=times,
                return_segments=True,
                force_unique_generate_call=True,
                **options,
            )
        attempt, whole = self.model.attempt, frames * STEP / RATE
        if attempt.dropped:
            return Decoded((), attempt, whole)
        segments = made["segments"][0]
        pieces = tuple(self._piece(one, segments[0]["idxs"][0]) for one in segments)
        return Decoded(pieces, attempt, (pieces[-1].end if self.cut_off(pieces[-1]) else 0.0) or whole)

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Keep nothing of a prompt beyond its window: 47 MB, where it is a long one."""
        try:
            yield
        finally:
            self.model.prompted = Prompted()

    def cut_off(self, piece: Piece) -> bool:
        """Tell whether another segment follows, whose end the window cuts off: the last token is its
        beginning.
        """
        return len(piece.tokens) > 2 and min(piece.tokens[-2:]) >= self.first_timestamp

    def _piece(self, segment: dict[str, Any], prompt: int) -> Piece:
        tokens, (first, last) = segment["tokens"].tolist(), segment["idxs"]
        scores = torch.stack(segment["result"]["scores"][first - prompt : last - prompt]).float()
        logprobs = torch.log_softmax(scores * (self.model.attempt.temperature or 1.0), -1)
        return Piece(
            float(segment["start"]),
            float(segment["end"]),
            tuple(tokens),
            tuple(logprobs[torch.arange(len(tokens)), torch.tensor(tokens)].tolist()),
            tuple(segment["token_timestamps"].tolist()) if "token_timestamps" in segment else (),
        )


def _keep_prompted(model: Model, _inputs: object, made: Any) -> None:  # noqa: ANN401 - without types
    if made.logits.shape[1] > 1:
        model.prompted = Prompted(made.logits)


def _detector(processors: list[object]) -> WhisperNoSpeechDetection:
    return next(one for one in processors if isinstance(one, WhisperNoSpeechDetection))
