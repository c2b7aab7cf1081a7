"""That what is heard window by window, while the audio comes in, is what the library makes of the whole
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
from tiny_whisper import RATE, SECOND, samples, silence, sound
from transformers import WhisperForConditionalGeneration, WhisperProcessor, pipeline
from whisper_transcripts import hear, heard

from engines.adapters.whisper.engine import Whisper
from engines.adapters.whisper.model import Model
from engines.api import TranscriptionJob, TranscriptSegment
from engines.toolkit.token_words import words
from engines.toolkit.transcription_options import bare, temperatures

JFK = Path(__file__).parents[2] / "data" / "jfk.flac"
OPTIONS: dict[str, Any] = {
    "return_timestamps": True, "return_segments": True, "condition_on_prev_tokens": True,
    "compression_ratio_threshold": 1.35, "logprob_threshold": -1.0, "no_speech_threshold": 0.6,
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make the model."""
    made = tmp_path_factory.mktemp("whisper")
    tiny.make(made)
    return made


def speech() -> bytes:
    """Read real speech, of which the tiny model makes all kinds of segments: s16le mono PCM at 16 kHz."""
    with av.open(str(JFK), mode="r") as container:
        resampler = av.AudioResampler("s16", "mono", RATE)
        frames = [*container.decode(audio=0), None]
        return b"".join(part.to_ndarray().tobytes() for frame in frames for part in resampler.resample(frame))


def sentences() -> bytes:
    """Make 70 seconds of the model's own sounds."""
    names = ["hello", "count", "morgen", "count", "hello", "morgen", "hello", "count", "morgen", "hello"]
    return b"".join(
        sound(name, 5 + number % 3) + silence(0.4 + 0.1 * (number % 4)) for number, name in enumerate(names)
    )


def ours(folder: Path, pcm: bytes, job: TranscriptionJob) -> list[TranscriptSegment]:
    """Transcribe as the gateway has it done."""
    engine = Whisper(str(folder), vad=False, threads=1)
    engine.load()
    return heard(hear(engine, pcm, job, size=SECOND // 3))


def the_librarys(folder: Path, pcm: bytes, job: TranscriptionJob) -> list[dict[str, Any]]:
    """Transcribe the whole recording in one call, on the same terms."""
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
    made = model.generate(
        **inputs,
        **OPTIONS,
        language=job.language,
        task="translate" if job.translate else "transcribe",
        prompt_ids=prompt,
        temperature=temperatures(job.temperature),
        return_token_timestamps=job.words,
    )
    said = [
        part
        for part in made["segments"][0]
        if processor.decode(part["tokens"], skip_special_tokens=True).strip()
    ]
    assert len(said) > 1
    return said


JOBS = {
    "plain": TranscriptionJob(),
    "no words": TranscriptionJob(words=False, language="de"),
    "translation": TranscriptionJob(translate=True, language="de"),
    "prompt": TranscriptionJob(prompt="Guten Morgen, one two three.", language="en"),
}


@pytest.mark.parametrize("name", JOBS)
def test_segments_are_the_librarys(folder: Path, name: str) -> None:
    """Tokens, times, words and probabilities are those of one call over the whole recording, with and without
    a prompt.
    """
    agree(folder, sentences(), JOBS[name])


def test_what_is_unsure_is_the_librarys(folder: Path) -> None:
    """So they are where the model knows nothing and draws lots: on speech, with windows that end anywhere and
    tries that fail.
    """
    agree(folder, speech() * 3, TranscriptionJob(temperature=0.8, language="en", prompt="Testing"))


def agree(folder: Path, pcm: bytes, job: TranscriptionJob) -> None:
    found, wanted = ours(folder, pcm, job), the_librarys(folder, pcm, job)
    tokenizer = WhisperProcessor.from_pretrained(folder).tokenizer

    assert [segment.tokens for segment in found] == [tuple(part["tokens"].tolist()) for part in wanted]
    length = len(pcm) / SECOND
    for segment, part in zip(found, wanted, strict=True):
        assert segment.start == pytest.approx(float(part["start"]), abs=0.011)
        assert segment.end == pytest.approx(min(float(part["end"]), length), abs=0.011)
        scores = part["result"]["scores"]
        assert segment.avg_logprob == pytest.approx(
            mean_logprob(part["result"]["sequences"], scores, segment.temperature), abs=1e-3
        )
        if job.words:
            times = part["token_timestamps"].tolist()
            expected = list(words(tokenizer, segment.tokens, [0.0] * len(times), times, "en"))
            assert [word.word for word in segment.words] == [word.word for word in expected]
            assert [word.start for word in segment.words] == pytest.approx(
                [word.start for word in expected], abs=0.011
            )


def mean_logprob(tokens: torch.Tensor, scores: list[torch.Tensor], temperature: float) -> float:
    """Give the mean log-probability of what was generated, its end included."""
    generated = tokens[-len(scores) :]
    logprobs = torch.log_softmax(torch.stack(scores) * (temperature or 1.0), -1)
    return float(logprobs[torch.arange(len(scores)), generated].mean())


def test_words_are_the_pipelines(folder: Path) -> None:
    """Words and their times are those that the library's pipeline gives for the whole recording."""
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
    options |= {"language": "en", "task": "transcribe", "temperature": temperatures(0.0), "num_beams": 1}
    made = asr(
        {"raw": samples(pcm), "sampling_rate": RATE},
        return_timestamps="word",
        generate_kwargs=options,
    )
    found = [word for segment in ours(folder, pcm, TranscriptionJob(language="en")) for word in segment.words]

    assert [word.word for word in found] == [bare(chunk["text"]) for chunk in made["chunks"]]
    edges = np.array([(word.start, word.end) for word in found])
    assert edges == pytest.approx(np.array([chunk["timestamp"] for chunk in made["chunks"]]), abs=0.011)


def test_words_of_languages_without_spaces(folder: Path) -> None:
    """Where a language writes no spaces, each character is a word; punctuation goes with the word before it,
    and is left out.
    """
    tokenizer = WhisperProcessor.from_pretrained(folder).tokenizer
    tokens = tokenizer("你好。", add_special_tokens=False).input_ids
    times = [0.1 * (number + 1) for number in range(len(tokens))]

    assert [word.word for word in words(tokenizer, tokens, [-0.1] * len(tokens), times, "zh")] == ["你", "好"]


@pytest.mark.parametrize("kind", [Model, WhisperForConditionalGeneration])
def test_no_maps_of_attention_are_kept(folder: Path, kind: type[Any]) -> None:
    """Once times are known the maps they come from are no part of our result, as of the library's: each is
    copied off a GPU.
    """
    model = kind.from_pretrained(folder, attn_implementation="eager")
    inputs = WhisperProcessor.from_pretrained(folder)(
        samples(sound("hello", 4)), sampling_rate=RATE, return_attention_mask=True, return_tensors="pt"
    )
    with torch.inference_mode():
        states = model.model.encoder(inputs["input_features"])
        made = model.generate(
            **inputs, **OPTIONS, encoder_outputs=states, return_token_timestamps=True, language="en", temperature=(0.0,),
            force_unique_generate_call=True,
        )  # fmt: skip
    (segment,) = made["segments"][0]

    assert len(segment["token_timestamps"]) == len(segment["tokens"])
    kept = [segment["result"][name] for name in ("cross_attentions", "decoder_attentions")]
    assert kept == [(), ()] if kind is Model else all(kept)


class Watched(WhisperForConditionalGeneration):  # type: ignore[misc]  # a class without types
    """The library's model, which tells how likely it held it that nobody speaks."""

    no_speech = -1.0

    def _need_fallback(
        self, sequence: object, outputs: object, index: int, processors: list[Any], *rest: object
    ) -> Any:
        self.no_speech = float(
            next(one for one in processors if hasattr(one, "no_speech_prob")).no_speech_prob[index]
        )
        return super()._need_fallback(sequence, outputs, index, processors, *rest)


@pytest.mark.parametrize("prompt", [None, [tiny.PREVIOUS, 3, 4, 5]])
def test_silence_is_judged_as_the_library_does(folder: Path, prompt: list[int] | None) -> None:
    """A window is found to be silence as likely as by the library, though its prompt is read once and not
    twice.
    """
    inputs = WhisperProcessor.from_pretrained(folder)(
        samples(sound("hello", 4)), sampling_rate=RATE, return_tensors="pt"
    )
    found, read = {}, {Model: 0, Watched: 0}
    for kind in (Model, Watched):
        model = kind.from_pretrained(folder)

        def count(_: object, positional: object, given: dict[str, Any], kind: type[Any] = kind) -> None:
            read[kind] += given["decoder_input_ids"].shape[1] > 1

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
        found[kind] = model.attempt.no_speech if kind is Model else model.no_speech

    assert found[Model] == pytest.approx(found[Watched], rel=1e-4)
    assert read == {Model: 1, Watched: 2}
