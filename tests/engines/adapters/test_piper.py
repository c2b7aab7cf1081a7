"""The Piper adapter with a real voice: what it says, when each word is said, how loud, seeds, stopping. Offline."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import audio_measures
import numpy as np
import pytest
from loudness import integrated_loudness
from outputs import run_speech
from piper_in_process import JOE, RATE, folder, loaded, say, speak

from engines.adapters.piper.network import Network, Scales
from engines.api import Audio, Prompt, SpeechEvent, SpeechJob
from engines.errors import BadInput, UnknownVoice
from engines.toolkit.levels import find_sound

SENTENCE = "The birch canoe slid on the smooth planks."
TWO = f"{SENTENCE} Glue the sheet to the dark blue background."
LONG = " ".join(["the quick brown fox jumps over a lazy dog and"] * 50)
SILENT_SCALES: dict[str, Any] = {"noise": 0.0, "noise_w": 0.0}

pytestmark = pytest.mark.usefixtures("offline")


def test_info() -> None:
    """Its info has its voice, which all of OpenAI's names are, and what it can do."""
    info = loaded()[1]

    assert [voice.id for voice in info.voices] == [JOE]
    assert info.voices[0].languages == ("en-US", "en")
    assert len(info.characters) == 13 and set(info.characters.values()) == {JOE}
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.languages) == (RATE, ("en-US", "en"))
    assert info.speech.words and info.speech.seed and info.speech.ipa
    assert info.speech.speed == (1.0, 1.0)


# What it says...


def test_noise_is_what_the_graph_would_draw() -> None:
    """Without noise the graph that reads its noise gives the samples of the graph as it is, to the bit; with it,
    sound that is as loud and about as long.
    """
    import onnxruntime

    plain = onnxruntime.InferenceSession(str(folder() / f"{JOE}.onnx"), providers=["CPUExecutionProvider"])
    engine = loaded(**SILENT_SCALES)[0]
    [network] = engine._networks.values()
    [phrase] = engine._reader(engine._voices.find("").voice).phrases(SENTENCE)
    ids = engine._manner(engine._voices.find("")).symbols.ids(phrase.chunk.phonemes)

    def original(noise: float, noise_w: float) -> Any:
        scales = np.array([noise, 1, noise_w], np.float32)
        lengths = np.array([len(ids)], np.int64)
        given = {"input": np.array([ids], np.int64), "input_lengths": lengths, "scales": scales}
        return plain.run(None, given)[0].reshape(-1)

    assert np.array_equal(network.run(ids, Scales(0, 1, 0), 0, 1).sound, original(0, 0))
    ours = [network.run(ids, Scales(0.667, 1, 0.8), 0, seed).sound for seed in range(8)]
    theirs = [original(0.667, 0.8) for _ in range(8)]
    levels = [np.mean([np.sqrt((sound**2).mean()) for sound in sounds]) for sounds in (ours, theirs)]
    assert np.mean(list(map(len, ours))) == pytest.approx(np.mean(list(map(len, theirs))), rel=0.06)
    assert levels[0] == pytest.approx(levels[1], rel=0.15)


def test_a_seed_repeats_it() -> None:
    """A seed gives the same bytes, another seed or none gives others."""
    first = say(TWO)

    assert say(TWO).pcm == first.pcm
    assert say(TWO, seed=6).pcm != first.pcm
    assert say(TWO, seed=None).pcm != say(TWO, seed=None).pcm


def test_no_noise_repeats_it_without_a_seed() -> None:
    """With both kinds of noise at 0 each reading is the same, to the bit."""
    engine = loaded(**SILENT_SCALES)[0]

    assert speak(SpeechJob(TWO, ""), engine).pcm == speak(SpeechJob(TWO, ""), engine).pcm


def test_length_is_an_option() -> None:
    """A larger length makes slower speech."""
    slow = speak(SpeechJob(SENTENCE, "", seed=1), loaded(length=1.5, **SILENT_SCALES)[0])
    plain = speak(SpeechJob(SENTENCE, "", seed=1), loaded(**SILENT_SCALES)[0])

    assert 1.3 < slow.seconds / plain.seconds < 1.6


@pytest.mark.parametrize("phonemes", ["english", "espeak"])
def test_pronunciation(phonemes: str) -> None:
    """IPA takes the place of a stretch's phonemes, whose word keeps its place; the rest stays as it is."""
    text = "Say tomato, now."
    engine = loaded(phonemes=phonemes)[0]
    reader = engine._reader(engine._voices.find("").voice)
    [plain] = reader.phrases(text)
    [given] = reader.phrases(text, [(4, 10, "təˈmɑːtoʊ")])

    assert "mˈɑːtoʊ" in given.chunk.phonemes or "ˈmɑːtoʊ" in given.chunk.phonemes
    assert "mˈɑːtoʊ" not in plain.chunk.phonemes
    assert given.chunk.phonemes.partition(",")[2] == plain.chunk.phonemes.partition(",")[2]
    spoken = say(text, phonemes=phonemes, ipa=((4, 10, "təˈmɑːtoʊ"),))
    assert [text[word.start : word.end] for word in spoken.words] == ["Say", "tomato", "now"]


# When...


@pytest.mark.parametrize("phonemes", ["english", "espeak"])
def test_words(phonemes: str) -> None:
    """Each word comes before the audio in which it begins, in order, at the time that the durations tell."""
    spoken = say(TWO, phonemes=phonemes)

    assert [TWO[word.start : word.end] for word in spoken.words] == TWO.replace(".", "").split()
    assert all(spoken.ahead)
    times = [word.time for word in spoken.words]
    assert all(one < other for one, other in pairwise(times))
    assert times[0] < 0.15 and times[-1] < spoken.seconds - 0.7
    glue = round(times[8] * RATE)
    assert np.abs(spoken.sound[glue - round(0.3 * RATE) : glue - round(0.1 * RATE)]).max() < 0.02
    assert np.abs(spoken.sound[glue : glue + round(0.15 * RATE)]).max() > 0.02


def test_durations_sum_to_the_sound() -> None:
    """The durations that the graph computes add up to the sound's samples."""
    engine = loaded()[0]
    network: Network = engine._network(engine._voices.find("").voice)
    ids = engine._manner(engine._voices.find("")).symbols.ids("həlˈoʊ wˈɜːld.")
    speech = network.run(ids, Scales(0.6, 1, 0.8), 0, 3)

    assert len(speech.starts) == len(ids) + 1
    assert speech.starts[-1] == len(speech.sound)


def test_silence_around_sentences() -> None:
    """It begins within 20 ms, and ends with a pause only where asked to."""
    whole, cut = say(TWO), say(TWO, pause=False)
    begin, end = find_sound(whole.sound.astype(np.float32), RATE)

    assert begin <= 0.02 * RATE
    assert 0.4 < (len(whole.sound) - end) / RATE < 0.5
    assert (len(cut.sound) - find_sound(cut.sound.astype(np.float32), RATE)[1]) / RATE < 0.04
    assert audio_measures.clicks(whole.sound, RATE) == []


# How loud...


def test_levels_are_steady() -> None:
    """Sentences are all about as loud, and a paragraph as loud as other engines are."""
    text = (
        "Rice is often served in round bowls. The juice of lemons makes fine punch. Four hours of steady work "
        "faced us. The boy was there when the sun rose. Help the woman get back to her feet."
    )
    levels = [integrated_loudness(say(one).sound, RATE) for one in re.split(r"(?<=\.) ", text)]

    assert integrated_loudness(say(text).sound, RATE) == pytest.approx(-19, abs=1)
    assert max(levels) - min(levels) < 4
    assert np.abs(say(text).sound).max() <= 0.891


# Long texts, stopping...


@pytest.mark.parametrize("phonemes", ["english", "espeak"])
def test_long_text_is_cut(phonemes: str) -> None:
    """A sentence without a comma is spoken in parts, which have all of its words, in order."""
    engine = loaded(phonemes=phonemes)[0]
    phrases = list(engine._reader(engine._voices.find("").voice).phrases(LONG))

    assert max(len(phrase.chunk.phonemes) for phrase in phrases) <= 300
    words = [LONG[word.start : word.end] for phrase in phrases for word in phrase.chunk.words]
    assert words == LONG.split()


@pytest.mark.parametrize("accepted", [0, 1, 3])
def test_stops_when_emit_returns_false(accepted: int) -> None:
    """Once `emit` returns False nothing more is emitted or computed, and the next job is not touched by it."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return len(events) <= accepted

    before = say("Two words.")
    started = time.process_time()
    run_speech(loaded()[0], SpeechJob(LONG * 4, "", seed=1), emit)

    assert len(events) == accepted + 1
    assert time.process_time() - started < 15  # the whole would take a minute
    assert say("Two words.").pcm == before.pcm


def test_audio_comes_while_later_audio_is_computed() -> None:
    """The first audio of two sentences is there before the second one is spoken."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return not (isinstance(event, Audio) and event.pcm)

    run_speech(loaded()[0], SpeechJob(TWO, "", seed=1), emit)

    assert sum(len(event.pcm) for event in events if isinstance(event, Audio)) <= 2 * RATE


def test_memory_stays_flat() -> None:
    """A long text without a comma takes little more memory than a sentence."""
    program = f"""
import resource, sys
sys.path[:0] = sys.argv[1:]
from piper_in_process import say
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
say({TWO!r})
before = peak()
say({LONG[:1500]!r})
print(peak() - before)
"""
    command = [sys.executable, "-c", program, str(Path(__file__).parents[2] / "support")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert int(done.stdout) < 400


# What is not right...


@pytest.mark.parametrize("phonemes", ["english", "espeak"])
def test_what_cannot_be_spoken(phonemes: str) -> None:
    """A text of signs only is a short silence; an English voice refuses a text of which it can read nothing."""
    for text in ("", " \n ", "...", "—"):
        silence = say(text, phonemes=phonemes)
        assert 0 < silence.seconds < 0.5
        assert not silence.sound.any() and not silence.words
    if phonemes == "english":
        with pytest.raises(BadInput, match="can read nothing"):
            say("你好世界")


def test_voices_that_it_does_not_have() -> None:
    """An unknown voice, a voice prompt, a description or a mixture is an error that says so."""
    engine = loaded()[0]
    with pytest.raises(UnknownVoice, match="nobody"):
        speak(SpeechJob("Hello.", "nobody"), engine)
    for job in (
        SpeechJob("Hello.", "", prompt=Prompt("x")),
        SpeechJob("Hello.", "", design="an old man"),
        SpeechJob("Hello.", "", mix=(("a", 0.5), ("b", 0.5))),
    ):
        with pytest.raises(BadInput, match="own voices"):
            speak(job, engine)
