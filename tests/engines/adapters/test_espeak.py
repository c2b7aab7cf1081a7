"""Tests of the eSpeak NG adapter: its audio, how it streams and how it stops."""

from __future__ import annotations

import subprocess
import sys

import audio_measures
import pytest
from decoded import longest_silence, pitch
from espeak_in_process import RATE, loaded, say, speak
from hypothesis import example, given, settings
from hypothesis import strategies as st
from outputs import run_speech

from engines.api import Audio, SpeechEvent, SpeechJob

SENTENCE = "The quick brown fox jumps over the lazy dog, and nobody is any the wiser for it."


def seconds(speed: float) -> float:
    """Return the length of a sentence spoken at a speed, in seconds."""
    return speak(SpeechJob(SENTENCE, "en-us", speed=speed)).seconds


def test_info() -> None:
    """Its info has its name, licence and capabilities, and every listed voice has a unique id."""
    info = loaded()[1]

    assert (info.name, info.licence, info.models) == ("espeak", "GPL-3.0-or-later", ("espeak",))
    assert info.version.startswith("1.")
    assert info.speech is not None
    assert (info.speech.sample_rate, info.speech.words, info.speech.streaming) == (RATE, "events", True)
    assert info.speech.speed == pytest.approx((80 / 175, 450 / 175))
    ids = [voice.id.casefold() for voice in info.voices]
    assert len(ids) == len(set(ids))
    assert 150 < len(ids) < 300
    assert {"en-us", "en-gb", "de", "fr-fr", "cmn", "yue", "nb", "en-us+f3", "pt-br"} <= set(ids)


def test_every_listed_voice_speaks() -> None:
    """Every listed voice makes sound: no voice without a dictionary, no variant without a file."""
    silent = [voice.id for voice in loaded()[1].voices if say("1 2 one two", voice.id).seconds < 0.3]

    assert silent == []


def test_streams_from_the_first_buffer() -> None:
    """The first audio comes with the first buffer; chunks are short and of whole samples."""
    sizes: list[int] = []

    def emit(event: SpeechEvent) -> bool:
        if isinstance(event, Audio):
            sizes.append(len(event.pcm))
        return True

    run_speech(loaded()[0], SpeechJob(SENTENCE * 20, "en-us"), emit)

    assert sizes[0] <= 2 * 0.07 * RATE
    assert max(sizes) <= 2 * 2.1 * RATE
    assert all(size % 2 == 0 for size in sizes)
    assert sum(sizes) / 2 / RATE > 60


@pytest.mark.parametrize("accepted", [0, 1, 7])
def test_stops_when_emit_returns_false(accepted: int) -> None:
    """Once `emit` returns False nothing more is emitted, and the next job is not affected."""
    calls = 0

    def emit(_: SpeechEvent) -> bool:
        nonlocal calls
        calls += 1
        return calls <= accepted

    run_speech(loaded()[0], SpeechJob(SENTENCE * 2000, "en-us"), emit)

    assert calls == accepted + 1
    after, before = say("Two words."), say("Two words.")
    assert after.seconds == pytest.approx(before.seconds, abs=0.01)
    assert abs(audio_measures.samples(after.pcm)[:20]).max() < 0.02


def test_raises_what_emit_raises() -> None:
    """An exception of `emit` is raised from `speak`, at once, and the engine goes on working."""
    calls = 0

    def emit(_: SpeechEvent) -> bool:
        nonlocal calls
        calls += 1
        raise ConnectionResetError("gone")

    with pytest.raises(ConnectionResetError, match="gone"):
        run_speech(loaded()[0], SpeechJob(SENTENCE * 50, "en-us"), emit)
    assert calls == 1
    assert say("Still here.").seconds > 0.5


def test_speed() -> None:
    """Speed changes the duration as requested and keeps the pitch; beyond its range it is clamped."""
    normal = seconds(1.0)

    assert seconds(2.0) == pytest.approx(normal / 2, rel=0.15)
    assert seconds(0.5) == pytest.approx(normal * 2, rel=0.15)
    assert seconds(9.0) == pytest.approx(seconds(450 / 175), rel=0.01)
    fast = speak(SpeechJob(SENTENCE, "en-us", speed=2.0))
    assert pitch(audio_measures.samples(fast.pcm), RATE) == pytest.approx(
        pitch(audio_measures.samples(say(SENTENCE).pcm), RATE), rel=0.12
    )


def test_jobs_do_not_affect_each_other() -> None:
    """Voice, speed and pitch of one job are not those of the next."""
    before = say(SENTENCE)
    speak(SpeechJob(SENTENCE, "de+f3", speed=2.5, pitch=90.0))
    after = say(SENTENCE)

    assert after.seconds == pytest.approx(before.seconds, rel=0.01)
    assert pitch(audio_measures.samples(after.pcm), RATE) == pytest.approx(
        pitch(audio_measures.samples(before.pcm), RATE), rel=0.05
    )


def test_pitch_changes_the_voice() -> None:
    """Pitch raises and lowers the voice, and keeps its length."""
    low, high = (
        audio_measures.samples(speak(SpeechJob(SENTENCE, "en-us", pitch=value)).pcm) for value in (10.0, 90.0)
    )

    assert pitch(high, RATE) > 1.5 * pitch(low, RATE)
    assert len(high) == pytest.approx(len(low), rel=0.05)


def test_pause_after_a_sentence_only() -> None:
    """A job that ends within a sentence has no pause of a full stop at its end."""
    assert say("Hello world.").seconds - say("Hello world.", pause=False).seconds > 0.2


def test_no_clicks() -> None:
    """Speech starts and ends at rest, without a click anywhere, with and without the pause."""
    for voice in ("en-us", "en-us+f5", "de", "cmn"):
        for pause in (True, False):
            sound = audio_measures.samples(say(SENTENCE, voice, pause=pause).pcm)
            assert audio_measures.clicks(sound, RATE) == [], (voice, pause)
            assert abs(sound[-1]) < 0.005


@pytest.mark.parametrize(
    ("text", "longer_than"),
    [
        ("<b>bold</b> words", "bold words"),
        ("<speak>hello</speak>", "hello"),
        ("this &amp; that", "this that"),
        ("[[h@l'oU]] friend", "friend"),
        ("tea & milk", "tea milk"),
    ],
)
def test_markup_is_text(text: str, longer_than: str) -> None:
    """Angle brackets, ampersands and double brackets are spoken, not interpreted: no words vanish with them."""
    assert say(text).seconds > say(longer_than).seconds + 0.1


def test_leading_dash_and_controls() -> None:
    """A leading dash is no option, and a NUL or a command byte of the library's neither ends nor changes the
    text.
    """
    plain = say("one two three four")

    assert say("-one two three four").seconds == pytest.approx(plain.seconds, rel=0.1)
    for control in ("\0", "\x01", "\x1b", "\x7f", "\x85", "\ud800"):
        words = say(f"one two{control} three four").words
        assert len(words) == 4, repr(control)
    assert say("\x01400S one two three four").seconds > plain.seconds


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", "...", "!?", "😀", "—", "\u200b", "\u202e", "```", "\U0010ffff", "\0"]
)
def test_wordless_texts(text: str) -> None:
    """Text without words yields little audio and no error."""
    assert say(text).seconds < 2.0


@settings(max_examples=150, deadline=None)
@given(
    st.text(st.characters(), max_size=40),
    st.sampled_from(["en-us", "de", "cmn", "ja", "ar", "hi", "th", "ru", "ko"]),
)
@example("\u0001\u0000\ufffe\uffff\ue000", "en-us")
def test_any_text(text: str, voice: str) -> None:
    """No text of any script is an error; its words lie in it, in order, each before its audio."""
    spoken = speak(SpeechJob(text, voice, speed=2.5))

    edges = [edge for word in spoken.words for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    assert all(0 <= word.start < word.end <= len(text) for word in spoken.words)
    assert all(text[word.start : word.end].split() == [text[word.start : word.end]] for word in spoken.words)
    times = [word.time for word in spoken.words]
    assert times == sorted(times)
    assert all(time <= spoken.seconds for time in times)
    assert all(spoken.ahead)


def test_memory_of_a_long_text() -> None:
    """A text of 100,000 characters in one job is spoken whole, and memory does not grow with it."""
    program = (
        "import resource\n"
        "from engines.api import Place, SpeechJob\n"
        "from engines.adapters.espeak.engine import Espeak\n"
        "engine = Espeak()\n"
        "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "last = [0]\n"
        "class Out:\n"
        "    audio = beat = lambda self, _=None: None\n"
        "    def word(self, word): last[0] = word.end\n"
        "engine.load(Place(), Out())\n"
        "text = 'Some words are spoken here, again and again. ' * 222\n"
        "engine.speak(SpeechJob(text, 'en-us', speed=2.5), Out()); before = used()\n"
        "engine.speak(SpeechJob(text * 10, 'en-us', speed=2.5), Out())\n"
        "print(used() - before, len(text) * 10 - last[0])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    grown_kilobytes, unspoken = map(int, done.stdout.split())

    assert grown_kilobytes < 6000
    assert unspoken == 2


def test_pauses_at_commas() -> None:
    """A comma makes a pause, so the check for silence can fail."""
    assert longest_silence(audio_measures.samples(say("Well, yes, no.", pause=False).pcm), RATE) > 0.1
