"""Kokoro's batches: several jobs in one pass are what each is alone, and each ends by itself."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

pytest.importorskip("kokoro")

import msgspec
import torch
from kokoro import KModel
from numpy.typing import NDArray
from tiny_kokoro import (
    CONFIG,
    FRAME,
    REAL_RATES,
    Heard,
    events_of,
    gather,
    library,
    loaded,
    random_network,
    speak,
    voice,
)

from engines.adapters.kokoro.forward import Noise, Spoken, Utterance, _plan
from engines.adapters.kokoro.forward import speak as speak_all
from engines.api import Audio, BatchItem, SpeechEvent, SpeechJob
from engines.errors import SpeechError, UnknownVoice

CPU = torch.device("cpu")
PHONEMES = ("ðɪs ɪz wˈʌn.", "ðæt ɪz ɐ lˈɔŋɡɚ wˈʌn.", "nˈO.")
JOBS = (
    SpeechJob("Hi there.", "af_heart", seed=1),
    SpeechJob("Hi there, you.", "am_michael", seed=2),
    SpeechJob("Hi then!", "bf_emma", seed=3, speed=1.2),
    SpeechJob("Hi, where?", "", seed=4, mix=(("af_heart", 0.5), ("af_bella", 0.5))),
)


def utterances() -> list[Utterance]:
    """Make utterances of different lengths, voices and speeds."""
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


def told_by_the_library(place: int, network: KModel) -> tuple[torch.Tensor, list[int]]:
    """Speak one utterance with the library itself."""
    one = utterances()[place]
    torch.manual_seed(place)
    audio, frames = network.forward_with_tokens(torch.tensor([[0, *one.ids, 0]]), one.voice, one.speed)
    return audio, frames.tolist()


@pytest.fixture(params=["small", "real"])
def network(request: pytest.FixtureRequest) -> KModel:
    """Give a network that makes few samples of a frame, and one that makes as many as the real one."""
    if request.param == "small":
        return library()
    return random_network({**CONFIG, "istftnet": {**CONFIG["istftnet"], **REAL_RATES}})


def together(
    jobs: Sequence[SpeechJob], leave: dict[int, int] | None = None
) -> tuple[list[Heard], list[list[Exception | None]]]:
    """Speak jobs in one call: what each gave, and how often and with what each was finished. Some leave after
    so many events.
    """
    events: list[list[SpeechEvent]] = [[] for _ in jobs]
    ends: list[list[Exception | None]] = [[] for _ in jobs]

    def turn(place: int, job: SpeechJob) -> BatchItem:
        def emit(event: SpeechEvent) -> bool:
            assert not ends[place], "an event behind the end"
            events[place].append(event)
            return len(events[place]) <= (leave or {}).get(place, 1_000_000)

        return BatchItem(job, emit, ends[place].append)

    loaded()[0].speak_batch([turn(place, job) for place, job in enumerate(jobs)])
    return [gather(one) for one in events], ends


def alike(one: NDArray[np.int16], other: NDArray[np.int16]) -> bool:
    """Tell whether two recordings differ by no more than rounding does."""
    return len(one) == len(other) and float(np.abs(one.astype(int) - other).max()) <= 3


def test_together_they_are_what_each_is_alone(network: KModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one pass, padded to the longest, each is what the library makes of it alone, up to rounding; alone,
    bit for bit.
    """
    monkeypatch.setattr("engines.kokoro.forward.WASTE", 100.0)
    made: list[Spoken] = list(speak_all(network, utterances(), 8, lambda _: True))
    [single] = speak_all(network, utterances()[2:], 8, lambda _: True)

    assert sorted(spoken.place for spoken in made) == [0, 1, 2]
    assert len({len(spoken.audio) for spoken in made}) == 3
    for spoken in made:
        audio, frames = told_by_the_library(spoken.place, network)
        assert spoken.frames == frames
        assert float((spoken.audio - audio).abs().max()) < 1e-4
        assert float(audio.abs().mean()) > 0.01
        assert spoken.place != 2 or torch.equal(single.audio, audio)


def test_what_need_not_be_the_same_is_planned_together() -> None:
    """Utterances that need not always come out the same last as long as each does alone, and hit the same
    notes.
    """
    loose = [msgspec.structs.replace(one, alone=False) for one in utterances()]
    with torch.inference_mode():
        apart = [_plan(library(), [placed])[0] for placed in enumerate(utterances())]
        plans = _plan(library(), list(enumerate(loose)))

    for plan, alone in zip(plans, apart, strict=True):
        assert plan.frames == alone.frames
        assert float((plan.text - alone.text).abs().max()) < 1e-4
        assert float((plan.pitch - alone.pitch).abs().max()) < 0.01
        assert float((plan.energy - alone.energy).abs().max()) < 1e-3
    lengths = {spoken.place: len(spoken.audio) for spoken in speak_all(library(), loose, 8, lambda _: True)}
    assert lengths == {place: sum(plan.frames) * FRAME for place, plan in enumerate(apart)}


def test_the_decoder_takes_what_is_alike() -> None:
    """Utterances of very different lengths share no pass of the decoder; the shortest comes first."""
    asked: list[tuple[int, ...]] = []

    def wanted(places: Sequence[int]) -> bool:
        asked.append(tuple(places))
        return True

    made = list(speak_all(library(), utterances(), 8, wanted))

    lengths = {spoken.place: len(spoken.audio) for spoken in made}
    assert [spoken.place for spoken in made] == sorted(lengths, key=lengths.__getitem__)
    for group in set(asked):
        assert max(lengths[place] for place in group) <= 1.25 * min(lengths[place] for place in group)


def test_what_nobody_wants_is_left() -> None:
    """An utterance that nobody wants any more is left; the others are spoken."""
    assert [
        spoken.place for spoken in speak_all(library(), utterances(), 1, lambda places: 0 not in places)
    ] == [2, 1]


def test_noise_is_each_jobs_own() -> None:
    """What one job draws depends on its seed and on what it drew, not on who draws in between."""
    one, other = Noise(7, CPU), Noise(8, CPU)
    drawn = []
    for _ in range(2):
        drawn.append(one.draw(lambda: torch.rand(5)))
        other.draw(lambda: torch.rand(3))
    torch.manual_seed(7)
    assert torch.equal(torch.cat(drawn), torch.cat([torch.rand(5), torch.rand(5)]))


def test_a_batch_of_jobs() -> None:
    """Jobs of different voices, speeds and seeds give, together, what each gives alone, words included; each
    ends once.
    """
    heard, ends = together(JOBS)

    assert ends == [[None]] * len(JOBS)
    for job, one in zip(JOBS, heard, strict=True):
        alone = speak(job)
        assert alike(one.pcm, alone.pcm)
        assert one.words == alone.words


def test_texts_of_different_lengths() -> None:
    """A job of one chunk ends while one of several goes on, which is what it is alone, noise included."""
    long = "The first one is this, and it goes on for long. The second is here, and it is as long."
    jobs = [
        SpeechJob(long, "af_heart", seed=1, speed=2.0),
        SpeechJob("No.", "af_heart", seed=2),
        SpeechJob("", "af_heart"),
    ]
    heard, ends = together(jobs)

    assert ends == [[None]] * 3
    assert alike(heard[0].pcm, speak(jobs[0]).pcm)
    assert alike(heard[1].pcm, speak(jobs[1]).pcm)
    assert len(heard[2].pcm) == 0


def test_each_fails_by_itself() -> None:
    """A job that cannot be spoken is told so; the others are not touched."""
    heard, ends = together([JOBS[0], SpeechJob("Hi.", "nobody"), JOBS[1]])

    assert ends[0] == ends[2] == [None]
    assert [type(end) for end in ends[1]] == [UnknownVoice]
    assert alike(heard[0].pcm, speak(JOBS[0]).pcm)
    assert alike(heard[2].pcm, speak(JOBS[1]).pcm)


def test_each_leaves_by_itself() -> None:
    """A job that nobody wants any more gets no further event, and the others go on to their ends."""
    heard, ends = together(JOBS[:3], leave={1: 2})

    assert ends == [[None]] * 3
    assert heard[1].pieces == []
    for place in (0, 2):
        assert alike(heard[place].pcm, speak(JOBS[place]).pcm)


def test_all_leave() -> None:
    """When nobody wants anything any more the call returns, however much there was to say."""
    many = [SpeechJob("On and on. " * 2000, "af_heart", seed=place) for place in range(3)]
    heard, ends = together(many, leave={0: 0, 1: 1, 2: 2})

    assert ends == [[None]] * 3
    assert all(len(one.pcm) == 0 for one in heard)


def test_a_batch_asks_with_empty_audio() -> None:
    """Whether a job is still wanted is asked with audio of no length, which is none: so it can stop before
    its first sound.
    """
    events = events_of(JOBS[0])

    assert events[0] == Audio(b"")
    assert sum(event == Audio(b"") for event in events) < 12
