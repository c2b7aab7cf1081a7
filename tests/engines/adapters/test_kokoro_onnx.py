"""Kokoro without torch, with its real int8 graph: what it says by ear, times of words, mixtures, stopping, and
that no torch is imported. Offline.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np
import onnxruntime
import pytest
from kokoro_in_process import RATE, THREADS, folder, loaded, network, speak
from outputs import QUIET, run_speech
from word_error_rate import error_rate, transcribe

from engines.adapters.kokoro import packages
from engines.adapters.kokoro.engine import Kokoro
from engines.adapters.kokoro.network import Line
from engines.adapters.kokoro.packages import JAPANESE, missing_packages
from engines.adapters.kokoro.voice_bank import weighted_sum
from engines.api import Audio, Place, Prompt, SpeechEvent, SpeechJob, Steps
from engines.errors import BadInput, EngineFailed, UnknownVoice, Unsupported

SENTENCE = "The birch canoe slid on the smooth planks."
HARVARD = (
    f"{SENTENCE} Glue the sheet to the dark blue background. It's easy to tell the depth of a well. These days a "
    "chicken leg is a rare dish. Rice is often served in round bowls."
)
"""IEEE's sentences for measuring speech, the first five"""
JAPANESE_SENTENCE = "今日は良い天気ですね。"
VOICES = ["jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro", "jm_kumo"]
SAMPLES_PER_FRAME = 600
MOST_ERRORS = 0.3
"""of the words, of which tiny.en hears one in thirty wrong from anybody: 0.16 was seen over fifty sentences, as
English by a Japanese voice
"""
LONG = "on and on and on we go and on and on " * 6

pytestmark = pytest.mark.usefixtures("offline")
japanese = pytest.mark.skipif(
    bool(missing_packages(JAPANESE)), reason="no fugashi, jaconv, mojimoji, unidic-lite"
)


def line(phonemes: str, *, speed: float = 1.0, voice: str = "jf_alpha") -> Line:
    """Return a line of phonemes."""
    vocabulary = network().facts.vocabulary
    ids = [vocabulary[symbol] for symbol in phonemes]
    return Line(ids, network().voices.voice(voice)[min(len(ids), 510) - 1], speed, None)


def run(one: Line) -> tuple[bytes, list[int]]:
    """Return the audio of a line, and its frames."""
    [spoken] = network().speak([one], lambda _: None)
    return spoken.pcm, spoken.frames


# What it is...


def test_info() -> None:
    """Its info names the model that was pulled and `kokoro`, has the package's voices, and lists the languages
    that can be read here.
    """
    info = loaded()[1]

    assert info.models == ("kokoro-int8", "kokoro")
    assert [voice.id for voice in info.voices] == VOICES
    assert info.characters["nova"].startswith("jf_") and info.characters["onyx"] == "jm_kumo"
    assert (info.device, info.concurrency) == ("cpu", Steps(1, repeatable=True))
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.speed) == (RATE, (0.5, 2.0))
    assert info.speech.languages == ("ja",)
    assert info.speech.scripts == ("Han", "Hiragana", "Katakana", "Latin")
    assert {voice.scripts for voice in info.voices} == {info.speech.scripts}
    assert info.speech.seed and info.speech.words and info.speech.mixing and info.speech.ipa
    assert (info.version, network().facts.max_phonemes) == (onnxruntime.__version__, 510)


def test_nothing_of_torch_is_imported() -> None:
    """To load and to speak imports neither torch nor spaCy, nor the packages that would."""
    script = f"""
import sys
from engines.adapters.kokoro.engine import Kokoro
from engines.api import Place, SpeechJob
engine = Kokoro({str(folder())!r})
out = type("Out", (), {{"__getattr__": lambda self, name: lambda *_: None}})()
engine.load(Place(threads={THREADS}), out)
member = engine.begin(SpeechJob("Hello there.", "jf_alpha"), out)
assert engine.step([member]) == [False]
print(sorted({{"torch", "spacy", "kokoro", "misaki", "phonemizer", "transformers"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_languages_that_cannot_be_read_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the packages for Japanese are missing it is not listed, and the error says what to install; the voices
    stand for none of OpenAI's then, but read English.
    """
    engine = Kokoro(str(folder()), "kokoro-int8")
    engine.load(Place("cpu", threads=THREADS), QUIET)
    monkeypatch.setattr(packages, "find_spec", lambda name: None if name == "fugashi" else find_spec(name))
    info = engine._info()

    assert info.speech is not None
    assert (info.speech.languages, info.characters) == (("en-US", "en"), {})
    with pytest.raises(Unsupported, match=r"voicebox engines add fugashi --to own\."):
        speak(SpeechJob(JAPANESE_SENTENCE, "jf_alpha"), engine)
    assert len(speak(SpeechJob("Hi.", "jf_alpha"), engine).words) == 1


# What it says...


def test_it_is_understood() -> None:
    """Five English sentences in a Japanese voice: most words are transcribed right."""
    transcript = transcribe(speak(SpeechJob(HARVARD, "jf_alpha")).sound, RATE)
    rate = error_rate([(HARVARD, transcript)])
    print(f"{rate:.1%}: {transcript}")

    assert rate <= MOST_ERRORS, transcript


def test_times_of_words() -> None:
    """Each word has its place in the text and its time, before its sound; what is marked is said as marked."""
    text = "  Hello, [there](/ðˈɛɹ/) 25 “dogs”!\n\nCafé."
    spoken = speak(SpeechJob(text, "jf_alpha"))

    assert [text[word.start : word.end] for word in spoken.words] == ["Hello", "there", "25", "dogs", "Café"]
    assert all(spoken.ahead)
    assert all(one.time < other.time for one, other in pairwise(spoken.words))
    assert spoken.words[0].time > 0 and spoken.words[-1].time < spoken.seconds - 0.1


def test_frames_are_the_audio() -> None:
    """The frames of all phonemes together are as long as the audio, to the sample."""
    for phonemes, speed in (("həlˈO.", 1.0), ("həlˈO ðˈɛɹ, ˈɛvɹiwˌʌn.", 0.7)):
        pcm, frames = run(line(phonemes, speed=speed))

        assert len(frames) == len(phonemes) + 2
        assert len(pcm) == 2 * SAMPLES_PER_FRAME * sum(frames)


def test_words_go_on_through_lines() -> None:
    """A text of more than 510 phonemes is spoken in several lines, and the times of words go on."""
    text = f"{LONG}. {LONG}. {LONG}."
    chunks = [chunk for chunk, _ in loaded()[0]._read(SpeechJob(text, "jf_alpha"))]
    spoken = speak(SpeechJob(text, "jf_alpha", speed=2.0))

    assert len(chunks) > 1 and all(len(chunk.phonemes) <= 510 for chunk in chunks)
    assert [text[word.start : word.end] for word in spoken.words] == text.replace(".", "").split()
    assert all(one.time < other.time for one, other in pairwise(spoken.words))


def test_too_many_phonemes() -> None:
    """The graph refuses 511 phonemes, which is an error, and goes on with the next line."""
    with pytest.raises(EngineFailed, match="network failed"):
        run(line("k" * 511))
    assert run(line("həlˈO."))[0]


def test_speeds() -> None:
    """What is asked for of speed is met within a tenth; beyond its ends they hold."""
    plain = speak(SpeechJob(SENTENCE, "jf_alpha")).seconds
    for speed in (0.7, 2.0):
        assert speak(SpeechJob(SENTENCE, "jf_alpha", speed=speed)).seconds == pytest.approx(
            plain / speed, rel=0.12
        )
    assert len(speak(SpeechJob("Hi.", "jf_alpha", speed=9)).pcm) == len(
        speak(SpeechJob("Hi.", "jf_alpha", speed=2)).pcm
    )


def test_seeds_do_not_matter() -> None:
    """The graph draws no random numbers: whatever the seed, and without one, the audio is the same."""
    spoken = [speak(SpeechJob("Hello.", "jf_alpha", seed=seed)).pcm for seed in (None, 1, -(2**70))]

    assert all(np.array_equal(spoken[0], other) for other in spoken[1:])


def test_mixtures() -> None:
    """A mixture speaks with the weighted sum of its voices, and like neither."""
    voices = network().voices
    mixed = voices.mix((("jf_alpha", 0.3), ("jm_kumo", 0.7)))
    expected = voices.voice("jf_alpha") * np.float32(0.3) + voices.voice("jm_kumo") * np.float32(0.7)
    spoken = {
        name: speak(SpeechJob("Hello.", "", mix=parts)).pcm
        for name, parts in {
            "mixed": (("jf_alpha", 0.3), ("jm_kumo", 0.7)),
            "one": (("jf_alpha", 1.0),),
            "other": (("jm_kumo", 1.0),),
        }.items()
    }

    assert np.array_equal(mixed, expected)
    assert np.array_equal(spoken["one"], speak(SpeechJob("Hello.", "jf_alpha")).pcm)
    for name in ("one", "other"):
        size = min(len(spoken["mixed"]), len(spoken[name]))
        assert np.abs(spoken["mixed"][:size].astype(int) - spoken[name][:size]).mean() > 100
    assert (
        len(weighted_sum([(np.ones((3, 1, 256), np.float32), 0.5), (np.ones((2, 1, 256), np.float32), 0.5)]))
        == 2
    )


@japanese
def test_japanese() -> None:
    """A Japanese voice speaks Japanese, without times of words, and English where a text has Latin letters only."""
    japanese_words = speak(SpeechJob(JAPANESE_SENTENCE, "jf_alpha"))
    mixed_words = speak(SpeechJob("Helloと言う。", "jf_alpha"))
    english = speak(SpeechJob("Hello.", "jf_alpha"))

    assert 1 < japanese_words.seconds < 5
    assert (japanese_words.words, mixed_words.words, len(english.words)) == ([], [], 1)


@pytest.mark.parametrize("name", ["nobody", "af_heart", "../kokoro", "jf_alpha.npz"])
def test_voices_are_names_only(name: str) -> None:
    """Only a voice that is there is a voice."""
    for job in (SpeechJob("Hi.", name), SpeechJob("Hi.", "", mix=(("jf_alpha", 0.5), (name, 0.5)))):
        with pytest.raises(UnknownVoice, match="has no voice"):
            speak(job)
    with pytest.raises(BadInput, match="its own voices only"):
        speak(SpeechJob("Hi.", "", prompt=Prompt("id", b"")))


@pytest.mark.parametrize("text", ["", " \n ", "\x00", "☃", "😀", "...", "안녕하세요", "Привет мир", "مرحبا"])
def test_texts_with_nothing_to_say(text: str) -> None:
    """A text in which a voice can read nothing yields a short silence, no words, and no error."""
    spoken = speak(SpeechJob(text, "jf_alpha"))
    assert spoken.words == []
    assert 0 < spoken.seconds < 1 and not spoken.pcm.any()


def test_only_what_is_not_read_is_left_out() -> None:
    """A paragraph with nothing to say adds nothing to those around it."""
    alone = speak(SpeechJob("Hello.\n\nHello.", "jf_alpha"))
    among = speak(SpeechJob("Hello.\n\n😀\n\n안녕\n\nHello.", "jf_alpha"))

    assert (among.seconds, len(among.words)) == (alone.seconds, 2)


# Stopping...


class WatchedRuns:
    """A session that notes how each of its runs ended."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.ends: list[str] = []

    def run(self, *arguments: Any) -> Any:
        """Run, and note whether it was ended."""
        try:
            result = self._session.run(*arguments)
        except Exception as exc:
            self.ends.append(str(exc))
            raise
        self.ends.append("")
        return result


def test_a_line_is_ended_while_it_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once nobody wants a job the graph itself is stopped, in the middle of a line; the next job is not affected."""
    watched = WatchedRuns(network()._session)
    before = speak(SpeechJob("Hi.", "jf_alpha")).pcm
    asked: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        asked.append(event)
        return len(asked) < 3

    monkeypatch.setattr(network(), "_session", watched)
    run_speech(loaded()[0], SpeechJob(f"{LONG} " * 3, "jf_alpha"), emit)

    assert asked == [Audio(b"")] * 3
    assert len(watched.ends) == 1 and "terminate" in watched.ends[0]
    assert np.array_equal(speak(SpeechJob("Hi.", "jf_alpha")).pcm, before)


def test_what_emit_raises_is_raised() -> None:
    """An exception of `emit` is raised from `speak`, and the engine goes on working."""

    def emit(_: SpeechEvent) -> bool:
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        run_speech(loaded()[0], SpeechJob("Hello there.", "jf_alpha"), emit)
    assert len(speak(SpeechJob("Hi.", "jf_alpha")).pcm)
