"""Tests of Kokoro's batches: several jobs in one pass yield what each yields alone, and each ends by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from outputs import run_steps

pytest.importorskip("kokoro")

import msgspec
import torch
from kokoro import KModel
from numpy.typing import NDArray
from tiny_kokoro import (
    CONFIG,
    FRAME,
    REAL_RATES,
    SpokenJob,
    events_of,
    gather,
    library,
    loaded,
    random_network,
    speak,
    voice,
)

from engines.adapters.kokoro.forward import Noise, Utterance, UtteranceAudio, _plan_batch, synthesise
from engines.api import Audio, SpeechEvent, SpeechJob, Stop
from engines.errors import UnknownVoice

CPU = torch.device("cpu")
PHONEMES = ("ðɪs ɪz wˈʌn.", "ðæt ɪz ɐ lˈɔŋɡɚ wˈʌn.", "nˈO.")
JOBS = (
    SpeechJob("Hi there.", "af_heart", seed=1),
    SpeechJob("Hi there, you.", "am_michael", seed=2),
    SpeechJob("Hi then!", "bf_emma", seed=3, speed=1.2),
    SpeechJob("Hi, where?", "", seed=4, mix=(("af_heart", 0.5), ("af_bella", 0.5))),
)


def utterances() -> list[Utterance]:
    """Return utterances of different lengths, voices and speeds."""
    known = library().vocab
    return [
        Utterance(
            [known[symbol] for symbol in spoken if symbol in known],
            voice(name)[len(spoken) - 1],
            speed,
            Noise(seed, CPU),
        )
        for seed, (spoken, name, speed) in enumerate(
            zip(PHONEMES, ("af_heart", "am_michael", "bf_emma"), (1.0, 1.3, 0.8), strict=True)
        )
    ]


def library_audio(index: int, network: KModel) -> tuple[torch.Tensor, list[int]]:
    """Return an utterance's audio and frames as the library itself computes them."""
    one = utterances()[index]
    torch.manual_seed(index)
    audio, frames = network.forward_with_tokens(torch.tensor([[0, *one.ids, 0]]), one.voice, one.speed)
    return audio, frames.tolist()


@pytest.fixture(params=["small", "real"])
def network(request: pytest.FixtureRequest) -> KModel:
    """Return a network with few samples to a frame, and one with as many as the real one."""
    if request.param == "small":
        return library()
    return random_network({**CONFIG, "istftnet": {**CONFIG["istftnet"], **REAL_RATES}})


def together(
    jobs: Sequence[SpeechJob], leave: dict[int, int] | None = None
) -> tuple[list[SpokenJob], list[Exception | None]]:
    """Speak jobs together: return each job's events, and how it ended.

    `leave` says after how many events nobody wants a job any more.
    """
    events: list[list[SpeechEvent]] = [[] for _ in jobs]

    def hear(index: int) -> Callable[[SpeechEvent], bool]:
        def emit(event: SpeechEvent) -> bool:
            events[index].append(event)
            return len(events[index]) <= (leave or {}).get(index, 1_000_000)

        return emit

    ends = run_steps(loaded()[0], [(job, hear(index)) for index, job in enumerate(jobs)])
    return [gather(one) for one in events], ends


def alike(one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    """Return whether two recordings differ by no more than rounding does."""
    return len(one) == len(other) and float(np.abs(one.astype(int) - other).max()) <= 3


def test_a_pass_yields_what_each_yields_alone(network: KModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one pass, padded to the longest, each utterance is the library's of it alone, up to rounding; alone,
    bit for bit.
    """
    monkeypatch.setattr("engines.adapters.kokoro.forward.MAX_LENGTH_RATIO", 100.0)
    results: list[UtteranceAudio] = list(synthesise(network, utterances(), 8, lambda _: None))
    [single] = synthesise(network, utterances()[2:], 8, lambda _: None)

    assert sorted(spoken.index for spoken in results) == [0, 1, 2]
    assert len({len(spoken.audio) for spoken in results}) == 3
    for spoken in results:
        audio, frames = library_audio(spoken.index, network)
        assert spoken.frames == frames
        assert float((spoken.audio - audio).abs().max()) < 1e-4
        assert float(audio.abs().mean()) > 0.01
        assert spoken.index != 2 or torch.equal(single.audio, audio)


def test_utterances_without_seeds_are_planned_together() -> None:
    """Utterances that need not be reproducible have the duration and pitch that each has alone."""
    loose = [msgspec.structs.replace(one, reproducible=False) for one in utterances()]
    with torch.inference_mode():
        apart = [_plan_batch(library(), [indexed])[0] for indexed in enumerate(utterances())]
        plans = _plan_batch(library(), list(enumerate(loose)))

    for plan, alone in zip(plans, apart, strict=True):
        assert plan.frames == alone.frames
        assert float((plan.text - alone.text).abs().max()) < 1e-4
        assert float((plan.pitch - alone.pitch).abs().max()) < 0.01
        assert float((plan.energy - alone.energy).abs().max()) < 1e-3
    lengths = {spoken.index: len(spoken.audio) for spoken in synthesise(library(), loose, 8, lambda _: None)}
    assert lengths == {index: sum(plan.frames) * FRAME for index, plan in enumerate(apart)}


def test_the_decoder_batches_similar_lengths() -> None:
    """Utterances of very different lengths share no pass of the decoder; the shortest comes first."""
    groups: list[tuple[int, ...]] = []
    results = list(synthesise(library(), utterances(), 8, lambda indexes: groups.append(tuple(indexes))))

    lengths = {spoken.index: len(spoken.audio) for spoken in results}
    assert [spoken.index for spoken in results] == sorted(lengths, key=lengths.__getitem__)
    for group in set(groups):
        assert max(lengths[index] for index in group) <= 1.25 * min(lengths[index] for index in group)


def test_unwanted_utterances_are_skipped() -> None:
    """An utterance that nobody wants any more is skipped; the others are spoken."""

    def check(indexes: Sequence[int]) -> None:
        if 0 in indexes:
            raise Stop

    assert [spoken.index for spoken in synthesise(library(), utterances(), 1, check)] == [2, 1]


def test_each_job_has_its_own_noise() -> None:
    """A job's random numbers depend on its seed and its own draws, not on other jobs'."""
    one, other = Noise(7, CPU), Noise(8, CPU)
    drawn = []
    for _ in range(2):
        drawn.append(one.draw(lambda: torch.rand(5)))
        other.draw(lambda: torch.rand(3))
    torch.manual_seed(7)
    assert torch.equal(torch.cat(drawn), torch.cat([torch.rand(5), torch.rand(5)]))


def test_a_batch_of_jobs() -> None:
    """Jobs of different voices, speeds and seeds yield, together, what each yields alone, words included;
    each ends once.
    """
    spoken_jobs, ends = together(JOBS)

    assert ends == [None] * len(JOBS)
    for job, one in zip(JOBS, spoken_jobs, strict=True):
        alone = speak(job)
        assert alike(one.pcm, alone.pcm)
        assert one.words == alone.words


def test_texts_of_different_lengths() -> None:
    """A job of one chunk ends while one of several goes on, which yields what it does alone, noise included."""
    long = "The first one is this, and it goes on for long. The second is here, and it is as long."
    jobs = [
        SpeechJob(long, "af_heart", seed=1, speed=2.0),
        SpeechJob("No.", "af_heart", seed=2),
        SpeechJob("", "af_heart"),
    ]
    spoken_jobs, ends = together(jobs)

    assert ends == [None] * 3
    assert alike(spoken_jobs[0].pcm, speak(jobs[0]).pcm)
    assert alike(spoken_jobs[1].pcm, speak(jobs[1]).pcm)
    assert len(spoken_jobs[2].pcm) > 0 and not spoken_jobs[2].pcm.any()


def test_one_job_fails() -> None:
    """A job that cannot be spoken fails; the others are not affected."""
    spoken_jobs, ends = together([JOBS[0], SpeechJob("Hi.", "nobody"), JOBS[1]])

    assert ends[0] is ends[2] is None
    assert type(ends[1]) is UnknownVoice
    assert alike(spoken_jobs[0].pcm, speak(JOBS[0]).pcm)
    assert alike(spoken_jobs[2].pcm, speak(JOBS[1]).pcm)


def test_one_client_leaves() -> None:
    """A job that nobody wants any more gets no further event, and the others go on to their ends."""
    spoken_jobs, ends = together(JOBS[:3], leave={1: 2})

    assert ends == [None] * 3
    assert spoken_jobs[1].chunk_sizes == []
    for index in (0, 2):
        assert alike(spoken_jobs[index].pcm, speak(JOBS[index]).pcm)


def test_all_clients_leave() -> None:
    """When nobody wants any job any more the call returns, however long the texts were."""
    many = [SpeechJob("On and on. " * 2000, "af_heart", seed=index) for index in range(3)]
    spoken_jobs, ends = together(many, leave={0: 0, 1: 1, 2: 2})

    assert ends == [None] * 3
    assert all(len(one.pcm) == 0 for one in spoken_jobs)


def test_a_batch_asks_with_empty_audio() -> None:
    """Whether a job is still wanted is asked by emitting empty audio: so it can stop before its first sound."""
    events = events_of(JOBS[0])

    assert events[0] == Audio(b"")
    assert sum(event == Audio(b"") for event in events) < 12
