"""The Hibari adapter, with its real voice: what it says, when each word is said, seeds, stopping, and files that
are not right. Offline.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import time
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import audio_measures
import numpy as np
import pytest
from hibari_in_process import RATE, SEED, is_audio, loaded, say, speak
from outputs import QUIET, run_speech

from engines.adapters.hibari.engine import Hibari
from engines.adapters.hibari.network import SAMPLES_PER_STEP, Network, render
from engines.api import Audio, Place, Prompt, SpeechEvent, SpeechJob
from engines.errors import BadInput, EngineFailed, UnknownVoice
from engines.toolkit.levels import amplify, find_sound, trim
from engines.toolkit.onnx_outputs import add_output

SENTENCE = "The birch canoe slid on the smooth planks."
TWO = f"{SENTENCE} Glue the sheet to the dark blue background."
LONG = " ".join(["the quick brown fox jumps over a lazy dog and"] * 50)
"""450 words without a comma, of which the package makes one chunk that takes a gigabyte"""

pytestmark = pytest.mark.usefixtures("offline")


@lru_cache(1)
def library() -> Any:
    """Return the package's own voice."""
    from hibari import Hibari as Library

    return Library()


def network() -> Network:
    """Return the adapter's network of the voice in the package."""
    return loaded()[0]._network("heart")


def ids_of(phonemes: str) -> list[int]:
    """Return the ids of phonemes."""
    vocabulary = loaded()[0]._vocabulary
    return [vocabulary[symbol] for symbol in phonemes if symbol in vocabulary]


# What it is...


def test_info() -> None:
    """Its info has its name, licence and capabilities, and every OpenAI name is a voice of its own."""
    info = loaded()[1]

    assert (info.name, info.version, info.licence, info.models) == (
        "hibari",
        "0.2.1",
        "Apache-2.0",
        ("hibari",),
    )
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.languages) == (RATE, ("en-US", "en"))
    assert info.speech.seed and info.speech.words and info.speech.ipa and info.speech.streaming
    assert info.speech.speed == (1.0, 1.0)
    assert len(info.voices) == len(info.characters) == len(set(info.characters.values())) == 13
    assert set(info.characters.values()) == {voice.id for voice in info.voices}


# What it says...


def test_it_says_what_the_library_says() -> None:
    """The plain voice's samples are the library's own, before they are trimmed and made louder."""
    [phonemes] = library().phonemize(SENTENCE)
    ours = render(network().run(ids_of(phonemes), 1.0), np.random.default_rng(SEED))
    theirs = library().from_phonemes(phonemes, seed=SEED)

    assert np.abs(ours - theirs).max() < 1e-4


@pytest.mark.shows("equals", "hibari")
def test_a_job_is_the_librarys_sound() -> None:
    """A whole job is what the library says, but for the silence around sentences and the loudness."""
    theirs = [amplify(trim(sound, 0.45, RATE)[0], 7.3, RATE) for sound in library().stream(TWO, seed=SEED)]

    assert np.abs(say(TWO).sound - np.concatenate(theirs)).max() < 2e-3


def test_durations_sum_to_the_sound() -> None:
    """The durations that the graph computes, of each phoneme and the two edges, add up to the sound's samples."""
    ids = ids_of("hə lˈO wˈɜɹld.")
    frames = network().run(ids, 1.0)

    assert len(frames.durations) == len(ids) + 2
    assert frames.durations.min() >= 1
    assert int(frames.durations.sum()) * SAMPLES_PER_STEP == len(render(frames, np.random.default_rng(0)))


def test_an_added_output_is_a_field_of_the_graph() -> None:
    """The bytes that add an output are those of protobuf: model.graph.output.name; the long form beyond 127."""
    assert add_output(b"model", "x") == b"model" + bytes([0x3A, 5, 0x62, 3, 0x0A, 1]) + b"x"
    assert add_output(b"", "y" * 200)[:3] == bytes([0x3A, 0xCE, 0x01])


def test_a_seed_repeats_it() -> None:
    """A seed gives the same bytes, in another process too; another seed or none gives others, as long."""
    first = say(SENTENCE, "onyx")

    assert say(SENTENCE, "onyx").pcm == first.pcm
    for other in (say(SENTENCE, "onyx", seed=SEED + 1), say(SENTENCE, "onyx", seed=None)):
        assert other.pcm != first.pcm
        assert len(other.pcm) == len(first.pcm)
    program = (
        "import hashlib, sys; sys.path[:0] = sys.argv[1:]; from hibari_in_process import say; "
        f"print(hashlib.sha256(say({SENTENCE!r}, 'onyx').pcm).hexdigest())"
    )
    elsewhere = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parents[2] / "support")],
        check=True,
        capture_output=True,
        text=True,
    )

    assert elsewhere.stdout.strip() == hashlib.sha256(first.pcm).hexdigest()


def test_pronunciation() -> None:
    """IPA takes the place of a stretch's phonemes, whose word keeps its place; the rest stays as it is."""
    text = "Say tomato now."
    plain, given = say(text), say(text, ipa=((4, 10, "təˈmɑːtoʊ"),))

    assert given.pcm != plain.pcm
    assert [text[word.start : word.end] for word in given.words] == ["Say", "tomato", "now"]
    assert say(text, ipa=((4, 10, "tə.ˈmeɪɾoʊ"),)).pcm == plain.pcm


# When...


def test_words() -> None:
    """Each word comes before the audio in which it begins, in order, at the time that the durations tell."""
    spoken = say(TWO)

    assert [TWO[word.start : word.end] for word in spoken.words] == TWO.replace(".", "").split()
    assert all(spoken.ahead)
    times = [word.time for word in spoken.words]
    assert all(one < other for one, other in pairwise(times))
    assert times[0] < 0.1 and times[-1] < spoken.seconds - 0.7
    glue = round(times[8] * RATE)
    pause = spoken.sound[glue - round(0.3 * RATE) : glue - round(0.1 * RATE)]
    assert np.abs(pause).max() < 0.01 < np.abs(spoken.sound[glue : glue + round(0.1 * RATE)]).max()


@pytest.mark.parametrize("voice", ["marin", "onyx", "shimmer"])
def test_silence_around_sentences(voice: str) -> None:
    """It begins within 20 ms, pauses 0.45 s between sentences, and ends with a pause only where asked to."""
    whole, cut = say(TWO, voice), say(TWO, voice, pause=False)
    begin, end = find_sound(whole.sound.astype(np.float32), RATE)
    cut_begin, cut_end = find_sound(cut.sound.astype(np.float32), RATE)

    assert begin <= 0.02 * RATE and cut_begin <= 0.02 * RATE
    assert 0.4 < (len(whole.sound) - end) / RATE < 0.5
    assert (len(cut.sound) - cut_end) / RATE < 0.04
    assert say(f"{SENTENCE[:-1]},", pause=False).seconds > say(SENTENCE, pause=False).seconds + 0.1
    assert audio_measures.clicks(whole.sound, RATE) == []


def test_paragraphs_are_further_apart() -> None:
    """A blank line makes a longer pause than a space; a line that is only wrapped makes none."""
    wrapped = "The birch canoe slid on the smooth planks of the old\nand weathered boat house by the lake."

    assert say("One is here.\n\nTwo is there.").seconds > say("One is here. Two is there.").seconds + 0.15
    assert say(wrapped).seconds == say(wrapped.replace("\n", " ")).seconds


# How loud...


def test_nothing_clips() -> None:
    """Whatever the gain, no peak is above the ceiling, quiet parts keep their gain, and the rest its shape."""
    times = np.arange(RATE) / RATE
    sound = (0.05 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)
    sound[12_000:12_100] *= 18
    louder = amplify(sound, 12, RATE)

    assert np.abs(louder).max() <= 0.891
    assert np.allclose(louder[:11_000], sound[:11_000] * 10 ** (12 / 20), atol=1e-6)
    assert amplify(sound[:0], 12, RATE).size == 0


# Long texts, stopping...


def test_long_text_is_cut() -> None:
    """A sentence without a comma is spoken in parts, which have all of its words, in order."""
    spoken = say(LONG)

    assert len(spoken.words) == 500
    assert max(spoken.chunk_sizes) <= 2 * RATE
    assert 100 < spoken.seconds < 200


def test_memory_stays_flat() -> None:
    """A long text without a comma takes little more memory than a sentence."""
    program = f"""
import resource, sys
sys.path[:0] = sys.argv[1:]
from hibari_in_process import say
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
say("The quick brown fox jumps over the lazy dog.")
before = peak()
say({LONG!r})
print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(Path(__file__).parents[2] / "support")],
        check=True,
        capture_output=True,
        text=True,
    )

    assert int(done.stdout) < 250


@pytest.mark.parametrize("accepted", [0, 1, 2, 5])
def test_stops_when_emit_returns_false(accepted: int) -> None:
    """Once `emit` returns False nothing more is emitted or computed, and the next job is not touched by it."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return len(events) <= accepted

    before = say("Two words.")
    started = time.process_time()
    run_speech(loaded()[0], SpeechJob(LONG * 10, "onyx", seed=SEED), emit)

    assert len(events) == accepted + 1
    assert time.process_time() - started < 5  # the whole would take twenty
    assert say("Two words.").pcm == before.pcm


def test_audio_comes_while_later_audio_is_computed() -> None:
    """The first audio of two sentences is there before the second one is spoken."""
    events: list[SpeechEvent] = []

    def emit(event: SpeechEvent) -> bool:
        events.append(event)
        return not is_audio(event)

    run_speech(loaded()[0], SpeechJob(TWO, "", seed=SEED), emit)

    assert sum(map(is_audio, events)) == 1
    assert sum(len(event.pcm) for event in events if isinstance(event, Audio)) <= 2 * RATE


# What is not right...


def test_what_cannot_be_spoken() -> None:
    """A segment without anything to read is a short silence, be it of signs or of other scripts; the engine says
    which scripts it reads, so that a text of others only is refused before.
    """
    speech = loaded()[1].speech
    assert speech is not None and speech.scripts == ("Latin",)
    for text in ("", " \n ", "...", "😀🎉", "—", "你好世界", "Привет, как дела?", "مرحبا"):
        silence = say(text)
        assert 0 < silence.seconds < 0.5
        assert not silence.sound.any() and not silence.words


def test_voices_that_it_does_not_have() -> None:
    """An unknown voice, a voice prompt, a description or a mixture is an error that says so."""
    with pytest.raises(UnknownVoice, match="nobody"):
        say("Hello.", "nobody")
    for job in (
        SpeechJob("Hello.", "", prompt=Prompt("x")),
        SpeechJob("Hello.", "", design="an old man"),
        SpeechJob("Hello.", "", mix=(("alloy", 0.5), ("onyx", 0.5))),
    ):
        with pytest.raises(BadInput, match="own voices"):
            speak(job)


def test_further_voices_are_used_where_their_files_are(tmp_path: Path) -> None:
    """A file of another real voice makes a preset, which takes the place of a character that is like it."""
    bundled = Path(library().model_path)
    for name in ("bm_fable.int8.onnx", "af_kore.int8.onnx"):
        shutil.copy(bundled, tmp_path / name)
    engine = Hibari(str(tmp_path))
    info = engine.load(Place(), QUIET)
    voices = {voice.id: voice for voice in info.voices}

    assert voices.keys() - {voice.id for voice in loaded()[1].voices} == {"bm_fable", "af_kore"}
    assert voices["bm_fable"].languages == voices["fable"].languages == ("en-GB", "en")
    assert voices["fable"].gender == "male"
    assert info.speech is not None and "en-GB" in info.speech.languages
    assert speak(SpeechJob(SENTENCE, "af_kore", seed=SEED), engine).pcm == say(SENTENCE, "marin").pcm
    british = speak(SpeechJob("The car park is far.", "fable", seed=SEED), engine)
    assert british.seconds > 1 and british.pcm != say("The car park is far.", "marin").pcm


def test_broken_voice_names_itself(tmp_path: Path) -> None:
    """A file that is no voice fails with its name, and the other voices speak on."""
    (tmp_path / "am_fenrir_v2.int8.onnx").write_bytes(b"no graph at all")
    engine = Hibari(str(tmp_path))
    engine.load(Place(), QUIET)

    with pytest.raises(EngineFailed, match=r"am_fenrir_v2\.int8\.onnx"):
        speak(SpeechJob("Hello.", "am_fenrir"), engine)
    assert speak(SpeechJob("Hello.", "alloy"), engine).seconds > 0.3


def test_words_end_before_the_next_begins() -> None:
    """A word tells when its sound ends: behind its beginning, and not behind that of the next."""
    words = say("One two, three. And four more words, please.").words

    assert len(words) == 8
    assert all(word.until is not None and word.time < word.until for word in words)
    assert all((one.until or 0) <= other.time + 1e-6 for one, other in pairwise(words))
