"""Tests that transcripts computed window by window, while the audio comes in, are the library's of the whole
recording.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tiny_whisper as tiny
import torch
from outputs import QUIET
from tiny_whisper import BYTES_PER_SECOND, RATE, samples, silence, sound
from transformers import WhisperForConditionalGeneration, WhisperProcessor, pipeline
from whisper_transcripts import segments_of, transcribe

from engines.adapters.whisper.engine import Whisper
from engines.adapters.whisper.model import InstrumentedWhisper
from engines.adapters.whisper.token_words import transcript_words
from engines.api import Place, TranscriptionJob, TranscriptSegment
from engines.toolkit.transcript_words import strip_punctuation
from engines.toolkit.transcription_options import fallback_temperatures

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
OPTIONS: dict[str, Any] = {
    "return_timestamps": True, "return_segments": True, "condition_on_prev_tokens": True,
    "compression_ratio_threshold": 1.35, "logprob_threshold": -1.0, "no_speech_threshold": 0.6,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the model."""
    path = tmp_path_factory.mktemp("whisper")
    tiny.make_whisper(path)
    return path


def speech() -> bytes:
    """Return real speech, of which the tiny model makes all kinds of segments: s16le mono PCM at 16 kHz."""
    with av.open(str(JFK), mode="r") as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        frames = [*container.decode(audio=0), None]
        return b"".join(part.to_ndarray().tobytes() for frame in frames for part in resampler.resample(frame))


def sentences() -> bytes:
    """Return 70 seconds of the model's own sounds."""
    names = ["hello", "count", "morgen", "count", "hello", "morgen", "hello", "count", "morgen", "hello"]
    return b"".join(
        sound(name, 5 + number % 3) + silence(0.4 + 0.1 * (number % 4)) for number, name in enumerate(names)
    )


def engine_segments(folder: Path, pcm: bytes, job: TranscriptionJob) -> list[TranscriptSegment]:
    """Return the segments of the engine."""
    engine = Whisper(str(folder), vad=False)
    engine.load(Place(threads=1), QUIET)
    return segments_of(transcribe(engine, pcm, job, size=BYTES_PER_SECOND // 3))


def library_segments(folder: Path, pcm: bytes, job: TranscriptionJob) -> list[dict[str, Any]]:
    """Return the segments of the library's one call for the whole recording, with the same settings."""
    processor = WhisperProcessor.from_pretrained(folder)
    model = WhisperForConditionalGeneration.from_pretrained(folder)
    inputs = processor(
        samples(pcm),
        sampling_rate=RATE,
        truncation=False,
        padding="longest",
        return_attention_mask=True,
        return_tensors="pt",
    )
    prompt = processor.get_prompt_ids(job.prompt, return_tensors="pt") if job.prompt else None
    torch.manual_seed(0)
    result = model.generate(
        **inputs,
        **OPTIONS,
        language=job.language,
        task="translate" if job.translate else "transcribe",
        prompt_ids=prompt,
        temperature=fallback_temperatures(job.temperature),
        return_token_timestamps=job.words,
    )
    segments = [
        segment
        for segment in result["segments"][0]
        if processor.decode(segment["tokens"], skip_special_tokens=True).strip()
    ]
    assert len(segments) > 1
    return segments


JOBS = {
    "plain": TranscriptionJob(),
    "no words": TranscriptionJob(words=False, language="de"),
    "translation": TranscriptionJob(translate=True, language="de"),
    "prompt": TranscriptionJob(prompt="Guten Morgen, one two three.", language="en"),
}


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.shows("equals", "whisper")
def test_segments_are_the_librarys(folder: Path, name: str) -> None:
    """Tokens, times, words and probabilities are those of one call over the whole recording, with and without
    a prompt.
    """
    assert_same_segments(folder, sentences(), JOBS[name])


def test_fallbacks_are_the_librarys(folder: Path) -> None:
    """Segments are the library's too where the model is unsure and draws random tokens: on speech, with
    windows that end anywhere and attempts that fail.
    """
    assert_same_segments(
        folder, speech() * 3, TranscriptionJob(temperature=0.8, language="en", prompt="Testing")
    )


def assert_same_segments(folder: Path, pcm: bytes, job: TranscriptionJob) -> None:
    """Assert that the segments of the engine are those of the library."""
    found = engine_segments(folder, pcm, job)
    expected_segments = library_segments(folder, pcm, job)
    tokenizer = WhisperProcessor.from_pretrained(folder).tokenizer

    assert [segment.tokens for segment in found] == [
        tuple(part["tokens"].tolist()) for part in expected_segments
    ]
    length = len(pcm) / BYTES_PER_SECOND
    for segment, part in zip(found, expected_segments, strict=True):
        assert segment.start == pytest.approx(float(part["start"]), abs=0.011)
        assert segment.end == pytest.approx(min(float(part["end"]), length), abs=0.011)
        scores = part["result"]["scores"]
        assert segment.avg_logprob == pytest.approx(
            mean_logprob(part["result"]["sequences"], scores, segment.temperature), abs=1e-3
        )
        if job.words:
            times = part["token_timestamps"].tolist()
            expected = list(transcript_words(tokenizer, segment.tokens, [0.0] * len(times), times, "en"))
            assert [word.word for word in segment.words] == [word.word for word in expected]
            assert [word.start for word in segment.words] == pytest.approx(
                [word.start for word in expected], abs=0.011
            )


def mean_logprob(tokens: torch.Tensor, scores: list[torch.Tensor], temperature: float) -> float:
    """Return the mean log-probability of the generated tokens, the end included."""
    generated = tokens[-len(scores) :]
    logprobs = torch.log_softmax(torch.stack(scores) * (temperature or 1.0), -1)
    return float(logprobs[torch.arange(len(scores)), generated].mean())


def test_words_are_the_pipelines(folder: Path) -> None:
    """Words and their times are those of the library's pipeline for the whole recording."""
    pcm = sentences()
    model = WhisperForConditionalGeneration.from_pretrained(folder)
    processor = WhisperProcessor.from_pretrained(folder)
    asr = pipeline(
        "automatic-speech-recognition",
        model=model,
        tokenizer=processor.tokenizer,
        feature_extractor=processor.feature_extractor,
    )
    options = {
        key: value for key, value in OPTIONS.items() if key not in ("return_timestamps", "return_segments")
    }
    options |= {
        "language": "en",
        "task": "transcribe",
        "temperature": fallback_temperatures(0.0),
        "num_beams": 1,
    }
    result = asr(
        {"raw": samples(pcm), "sampling_rate": RATE},
        return_timestamps="word",
        generate_kwargs=options,
    )
    found = [
        word
        for segment in engine_segments(folder, pcm, TranscriptionJob(language="en"))
        for word in segment.words
    ]

    assert [word.word for word in found] == [strip_punctuation(chunk["text"]) for chunk in result["chunks"]]
    edges = np.array([(word.start, word.end) for word in found])
    assert edges == pytest.approx(np.array([chunk["timestamp"] for chunk in result["chunks"]]), abs=0.011)


def test_words_of_languages_without_spaces(folder: Path) -> None:
    """Where a language writes no spaces, each character is a word; punctuation goes with the word before it,
    and is left out.
    """
    tokenizer = WhisperProcessor.from_pretrained(folder).tokenizer
    tokens = tokenizer("你好。", add_special_tokens=False).input_ids
    times = [0.1 * (number + 1) for number in range(len(tokens))]

    assert [word.word for word in transcript_words(tokenizer, tokens, [-0.1] * len(tokens), times, "zh")] == [
        "你",
        "好",
    ]


@pytest.mark.parametrize("kind", [InstrumentedWhisper, WhisperForConditionalGeneration])
def test_no_maps_of_attention_are_kept(folder: Path, kind: type[Any]) -> None:
    """Once times are known the attention maps are dropped from our result, as from the library's: each is
    copied off a GPU.
    """
    model = kind.from_pretrained(folder, attn_implementation="eager")
    inputs = WhisperProcessor.from_pretrained(folder)(
        samples(sound("hello", 4)), sampling_rate=RATE, return_attention_mask=True, return_tensors="pt"
    )
    with torch.inference_mode():
        states = model.model.encoder(inputs["input_features"])
        result = model.generate(
            **inputs, **OPTIONS, encoder_outputs=states, return_token_timestamps=True, language="en", temperature=(0.0,),
            force_unique_generate_call=True,
        )  # fmt: skip
    (segment,) = result["segments"][0]

    assert len(segment["token_timestamps"]) == len(segment["tokens"])
    kept = [segment["result"][name] for name in ("cross_attentions", "decoder_attentions")]
    assert kept == [(), ()] if kind is InstrumentedWhisper else all(kept)


class ObservedWhisper(WhisperForConditionalGeneration):  # type: ignore[misc]  # a class without types
    """The library's model, which records the probability that nobody speaks."""

    no_speech_prob = -1.0

    def _need_fallback(
        self, sequence: object, outputs: object, index: int, processors: list[Any], *rest: object
    ) -> Any:
        self.no_speech_prob = float(
            next(one for one in processors if hasattr(one, "no_speech_prob")).no_speech_prob[index]
        )
        return super()._need_fallback(sequence, outputs, index, processors, *rest)


@pytest.mark.parametrize("prompt", [None, [tiny.PREVIOUS, 3, 4, 5]])
def test_silence_is_judged_as_the_library_does(folder: Path, prompt: list[int] | None) -> None:
    """A window counts as silence as by the library, though its prompt is read once and not twice."""
    inputs = WhisperProcessor.from_pretrained(folder)(
        samples(sound("hello", 4)), sampling_rate=RATE, return_tensors="pt"
    )
    found = {}
    prompts_read = {InstrumentedWhisper: 0, ObservedWhisper: 0}
    for kind in (InstrumentedWhisper, ObservedWhisper):
        model = kind.from_pretrained(folder)

        def count(_: object, args: object, kwargs: dict[str, Any], kind: type[Any] = kind) -> None:
            prompts_read[kind] += kwargs["decoder_input_ids"].shape[1] > 1

        model.register_forward_pre_hook(count, with_kwargs=True)
        ids = torch.tensor(prompt) if prompt else None
        with torch.inference_mode():
            model.generate(
                **inputs,
                **OPTIONS,
                prompt_ids=ids,
                language="en",
                temperature=(0.0,),
                force_unique_generate_call=True,
            )
        observed = model.attempt if kind is InstrumentedWhisper else model
        found[kind] = observed.no_speech_prob

    assert found[InstrumentedWhisper] == pytest.approx(found[ObservedWhisper], rel=1e-4)
    assert prompts_read == {InstrumentedWhisper: 1, ObservedWhisper: 2}
