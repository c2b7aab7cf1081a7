"""Tests of Kokoro's front ends, from texts to phonemes, chunks and words; without the network, and offline."""

from __future__ import annotations

import re
import sys
from itertools import pairwise

import pytest

pytest.importorskip("kokoro")

import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kokoro import KPipeline
from tiny_kokoro import SYMBOLS, front_end

from engines.adapters.kokoro.chunks import word_frames
from engines.adapters.kokoro.english import English
from engines.adapters.kokoro.tagger import TaggerToken, tag_tokens
from engines.adapters.kokoro.text import EnglishFrontEnd, FrontEnd, WholeTextFrontEnd, make_front_end
from engines.adapters.kokoro.voices import (
    CHARACTERS,
    LANGUAGES,
    VOICE_NAMES,
    describe_voices,
    map_openai_voices,
)
from engines.errors import Unsupported
from engines.toolkit.kokoro_ipa import kokoro_phonemes
from engines.toolkit.phoneme_chunks import Chunk, Token, pack

ENGLISH = {british: English(british=british) for british in (False, True)}
FRONT_ENDS: dict[str, FrontEnd] = {"a": EnglishFrontEnd(ENGLISH[False]), "b": EnglishFrontEnd(ENGLISH[True])}
FRONT_ENDS |= {letter: make_front_end(letter) for letter in "efhip"}
SENTENCES = {
    "a": "Hello world! The quick brown fox jumps over 3 lazy dogs for $5.",
    "b": "Hello Britain, read it: the colour of schedules.",
    "e": "Hola, mundo.",
    "f": "Bonjour tout le monde « ça va » ?",
    "h": "नमस्ते दुनिया।",
    "i": "Ciao (mondo).",
    "p": "Olá, mundo.",
}


pytestmark = pytest.mark.usefixtures("offline")


def library(language: str) -> KPipeline:
    """Return the library's own pipeline, up to phonemes."""
    return front_end(language, model=False)


def chunks(
    text: str, language: str = "a", limit: int = 510, spans: tuple[tuple[int, int, str], ...] = ()
) -> list[Chunk]:
    """Return the chunks of a text."""
    return list(FRONT_ENDS[language].chunks(text, spans, limit))


def phonemes(text: str, language: str = "a", spans: tuple[tuple[int, int, str], ...] = ()) -> str:
    """Return the phonemes of a text that is one chunk."""
    [chunk] = chunks(text, language, spans=spans)
    return chunk.phonemes


def words(text: str, spans: tuple[tuple[int, int, str], ...] = ()) -> list[str]:
    """Return the words that are found, by their offsets."""
    return [text[word.start : word.end] for chunk in chunks(text, spans=spans) for word in chunk.words]


@pytest.mark.parametrize("language", SENTENCES)
def test_phonemes_are_the_librarys(language: str) -> None:
    """Each language's phonemes are those that the library's own pipeline gives."""
    [result] = library(language)(SENTENCES[language], voice=None)
    assert phonemes(SENTENCES[language], language) == result.phonemes


def test_long_english_is_cut_where_the_library_cuts() -> None:
    """A long text is cut into the library's own chunks, of 510 phonemes at most."""
    text = "Where does it end? It goes on, and on; nobody (not even you) knows: why, or how. " * 20
    expected = [result.phonemes for result in library("a")(text, voice=None)]

    assert [chunk.phonemes for chunk in chunks(text)] == expected
    assert len(expected) > 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I am here.  It IS him,\n\nnobody else.", "I am here It IS him nobody else"),
        (
            "Mr. O'Neil's dog (aged 5'6) said \"hi\" – then…  left?",
            "Mr. O'Neil's dog aged 5'6 said hi then left",
        ),
        (
            "  A 😀 & 100% of café naïve ’cause it’s 2nd, 1,000.50",
            "A 😀 & 100% of café naïve ’cause it’s 2nd 1,000.50",
        ),
        ("Wait... what?! Really—no: \"So-called\" 'quotes'.", "Wait what Really no So-called quotes"),
        (
            "See [Kokoro](/kˈOkəɹO/) and [here](https://x.y) or [not](-1) now.",
            "See Kokoro and here or not now",
        ),
        ("\ud800 x\x00y\tz\u2028end", "x y z end"),
        ("the the [the](/ðˈi/) the", "the the the the"),
    ],
)
def test_words_are_found_in_the_text(text: str, expected: str) -> None:
    """Words have their offsets in the original text: behind marks, double spaces, and unspeakable characters."""
    assert words(text) == expected.split()
    places = [(word.start, word.end) for chunk in chunks(text) for word in chunk.words]
    assert all(before[1] <= after[0] for before, after in pairwise(places))


def test_repeated_words_are_each_found() -> None:
    """Equal words are found one after another in the text, whole, whatever marks are around them."""
    text = "no [no](/nˈO/) nono no"
    found = [
        (word.start, word.end) for chunk in chunks(text, spans=((15, 19, "nˈOnO"),)) for word in chunk.words
    ]
    assert found == [(0, 2), (4, 6), (15, 19), (20, 22)]


@settings(deadline=None, max_examples=150)
@given(
    st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from(" \n.,!?'\"()[]/-–$€£%0123456789½²aAI"),
        max_size=60,
    )
)
@example("1" * 200)
@example("a" * 200)
@example("$" * 3 + "1.2.3,,4 1e5 -0 0.0 .5 5. 1st 22ND 3's")
@example("[a](/b/)[c](//)[](/d/)[e]()[f](0.5)[g](#&#)")
@example("'\"‘’“”")
def test_any_text_can_be_read(text: str) -> None:
    """No text fails; words lie in it, in order, not empty; no chunk is too long or empty."""
    pieces = chunks(text, limit=40)
    places = [(word.start, word.end) for chunk in pieces for word in chunk.words]

    assert all(0 < len(chunk.phonemes) <= 40 for chunk in pieces)
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert all(before[1] <= after[0] for before, after in pairwise(places))
    assert all(0 <= word.first_phoneme < len(chunk.phonemes) for chunk in pieces for word in chunk.words)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.sampled_from(["casa", "perro.", "¿Qué?", "mundo,", "ola", "123"]), min_size=1, max_size=60),
    st.integers(20, 60),
)
def test_no_word_of_other_languages_is_lost(parts: list[str], limit: int) -> None:
    """However a long text is cut, all its phonemes are there."""
    counts: dict[str, int] = {}
    for part in parts:
        counts[part] = counts.get(part, 0) + 1
    spelled = {"casa": "kˈasa", "perro.": "pˈero.", "mundo,": "mˈundo,", "ola": "ˈola", "123": "θjˈ"}
    pieces = chunks(" ".join(parts), "e", limit)

    assert all(0 < len(chunk.phonemes) <= limit for chunk in pieces)
    together = re.sub(r"\s", "", "".join(chunk.phonemes for chunk in pieces))
    for part, sound in spelled.items():
        assert together.count(sound) >= counts.get(part, 0)


@pytest.mark.parametrize(
    ("language", "word", "sound"),
    [("a", "supercali", "sˌupəɹ"), ("f", "bonjour", "bɔ̃ʒ"), ("h", "नमस्ते", "nəm")],
)
def test_long_texts_lose_nothing(language: str, word: str, sound: str) -> None:
    """Each of many words is read: with marks between them, without, and with neither marks nor spaces."""
    for joint, count in ((". ", 300), (" ", 300)):
        pieces = chunks(joint.join([word] * count), language)
        assert (
            sum(
                chunk.phonemes.replace("ˈ", "").replace("ˌ", "").count(sound.replace("ˌ", ""))
                for chunk in pieces
            )
            == count
        )
    endless = "".join(chunk.phonemes for chunk in chunks("na" * 400, language))
    assert endless.count("n") >= 390


def test_tokens_that_are_too_long() -> None:
    """A token that is longer than a chunk is cut, and is one word at its first piece."""
    pieces = list(
        pack(
            [
                Token("ab", 0, 2, space_after=True),
                Token("c" * 25, 3, 9, space_after=True),
                Token("d", 10, 11),
            ],
            10,
        )
    )

    assert [chunk.phonemes for chunk in pieces] == ["ab", "c" * 10, "c" * 10, "ccccc d"]
    assert [(word.start, word.end, word.first_phoneme) for chunk in pieces for word in chunk.words] == [
        (0, 2, 0),
        (3, 9, 0),
        (10, 11, 6),
    ]


def test_times_are_the_librarys() -> None:
    """Words have the library's times, where those are right."""
    text = "Hello there, this is Kokoro: one, two (three) and four."
    [result] = library("a")(text, voice=None)
    frames = torch.arange(3, 3 + len(result.phonemes) + 2) % 7 + 1
    KPipeline.join_timestamps(result.tokens, frames)
    expected = [token.start_ts for token in result.tokens if any(char.isalpha() for char in token.phonemes)]

    [chunk] = chunks(text)
    assert [start / 40 for start, _ in word_frames(chunk, SYMBOLS, frames.tolist())] == pytest.approx(
        expected
    )


def test_unknown_phonemes_take_no_time() -> None:
    """Phonemes that the network does not know take no time, and do not move any word."""
    [chunk] = chunks("One two three.")
    known = set(SYMBOLS) - {"w"}
    frames = [2, *(5 for symbol in chunk.phonemes if symbol in known), 2]
    plain = chunk.phonemes.replace("w", "")
    expected = [max(0, 5 * plain.index(word) - 2.5) for word in ("ˈʌn", "t", "θ")]

    assert [start for start, _ in word_frames(chunk, known, frames)] == pytest.approx(expected)


def test_given_phonemes_replace_the_text() -> None:
    """A stretch gets its given phonemes, whether it is a word, several, or a part of one; the words around
    are unchanged.
    """
    plain = phonemes("I say tomato here.")

    assert phonemes("I say tomato here.", spans=((6, 12, "təmˈɑtO"),)) == plain.replace("təmˈATO", "təmˈɑtO")
    assert phonemes("I say tomato here.", spans=((2, 12, "xxx"),)) == "ˌI xxx hˈɪɹ."
    assert words("I say tomato here.", ((2, 12, "xxx"),)) == ["I", "say tomato", "here"]
    assert phonemes("I say tomatoes here.", spans=((6, 12, "xxx"),)).startswith("ˌI sˈA xxx")
    assert phonemes("I say [tomato](/təmˈɑtO/) here.") == plain.replace("təmˈATO", "təmˈɑtO")
    assert phonemes("Bonjour Kokoro demain.", "f", ((8, 14, "kokoʁo"),)) == "bɔ̃ʒˈuʁ kokoʁo dəmˈɛ̃."


def test_given_phonemes_survive_cutting() -> None:
    """A stretch is whole wherever a text is cut, and one outside of the text is ignored."""
    text = "uno dos tres cuatro cinco seis siete ocho nueve diez " * 4
    start = text.index("cuatro", 60)
    pieces = chunks(text, "e", 40, ((start, start + 12, "QQQ RRR"), (900, 905, "XXX"), (5, 5, "YYY")))

    assert sum("QQQ RRR" in chunk.phonemes for chunk in pieces) == 1
    assert not any(lost in chunk.phonemes for chunk in pieces for lost in ("XXX", "YYY"))
    assert sum(chunk.phonemes.count("kwˈatɾ") for chunk in pieces) == 3
    [whole] = chunks("abc", "e", 4, ((0, 3, "abcdefgh"),))[:1]
    assert whole.phonemes == "abcd"


@pytest.mark.parametrize(
    ("ipa", "language", "expected"),
    [
        ("təˈmeɪtoʊ", "a", "təˈmAtO"),
        ("təˈmɑːtəʊ", "b", "təˈmɑːtQ"),
        ("ˈd͡ʒɔɪ.ə", "a", "ˈʤYə"),
        ("ˈtʃɝːtʃ", "a", "ˈʧɜɹʧ"),
        ("ˈbʌtn̩", "b", "ˈbʌtᵊn"),
        ("grin", "a", "ɡɹin"),
        ("ˈka.sa", "e", "ˈkasa"),
        ("bɔ̃", "f", "bɔ̃"),
        ("ɕç", "j", "ɕç"),
        ("☃ \u0301", "a", ""),
    ],
)
def test_ipa(ipa: str, language: str, expected: str) -> None:
    """Dictionaries' IPA becomes Kokoro's letters; sounds without a letter are left out."""
    assert kokoro_phonemes(ipa, language, SYMBOLS) == expected


@pytest.mark.parametrize(
    ("text", "word", "sound"),
    [
        ("They record a record.", 1, "ɹəkˈɔɹd"),
        ("They record a record.", 3, "ɹˈɛkəɹd"),
        ("I have read it.", 2, "ɹˈɛd"),
        ("You should read it.", 2, "ɹˈid"),
        ("I am here.", 1, "ɐm"),
        ("IT IS TIME.", 1, "ˈɪz"),
        ("We used to go.", 1, "jˈust"),
    ],
)
def test_homographs_are_distinguished(text: str, word: int, sound: str) -> None:
    """Without spaCy's model, words of the same spelling are distinguished by their neighbours."""
    if ENGLISH[False].nlp.has_pipe("tagger"):
        pytest.skip("spaCy's own model is installed, and tags")
    [chunk] = chunks(text)
    assert chunk.phonemes[chunk.words[word].first_phoneme :].startswith(sound)


def test_marks_have_their_tags() -> None:
    """Quotation marks, dashes and other marks get the tags that misaki needs."""
    tokens = [
        TaggerToken(text, gap, number=False)
        for text, gap in [("so", True), ('"', False), ("it", False), ('"', True), ("-", True)]
    ]
    assert list(tag_tokens(tokens)) == ["CC", "``", "PRP", "''", ":"]
    tokens = [
        TaggerToken(text, gap, number=False)
        for text, gap in [("a", False), ("-", False), ("b", False), ("...", True), ("$", False)]
    ]
    assert list(tag_tokens(tokens)) == ["DT", "HYPH", "NN", ":", "$"]


def test_chinese_without_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its packages Chinese is refused with their names."""
    monkeypatch.setitem(sys.modules, "misaki.zh", None)
    with pytest.raises(Unsupported, match=re.escape("misaki[zh]")):
        make_front_end("z")


def test_chinese() -> None:
    """Chinese is the library's own, cut without loss where it is too long; numbers and other scripts are no
    obstacle.
    """
    pytest.importorskip("jieba")
    from misaki.zh import ZHG2P

    ours, library = make_front_end("z"), ZHG2P()
    text = "你好，世界。今天天气很好！"
    assert [chunk.phonemes for chunk in ours.chunks(text, (), 510)] == [library(text)[0].strip()]
    parts = [chunk.phonemes for chunk in ours.chunks(text * 20, (), 100)]
    assert max(map(len, parts)) <= 100
    assert "".join(parts).replace(" ", "") == (library(text)[0] * 20).replace(" ", "")
    assert list(ours.chunks("我有42个苹果，and one banana。", (), 510))


def test_voices() -> None:
    """There are 54 voices of nine languages with unique names; every OpenAI name has another one of them."""
    voices = describe_voices(VOICE_NAMES)

    assert len({voice.id for voice in voices}) == len({voice.name for voice in voices}) == 54
    assert {voice.id[0] for voice in voices} == set(LANGUAGES)
    by_id = {voice.id: voice for voice in voices}
    assert by_id["bm_fable"].languages[0] == "en-GB"
    assert (by_id["zf_xiaoni"].languages, by_id["zf_xiaoni"].gender) == (("zh-CN", "zh", "cmn"), "female")
    assert len(set(CHARACTERS.values())) == 13
    assert set(CHARACTERS.values()) <= set(VOICE_NAMES)
    assert {
        by_id[voice].gender
        for name, voice in CHARACTERS.items()
        if name in ("nova", "coral", "sage", "shimmer")
    } == {"female"}
    assert {
        by_id[voice].gender for name, voice in CHARACTERS.items() if name in ("onyx", "echo", "ash", "fable")
    } == {"male"}


def test_substitutes() -> None:
    """Where some voices are missing, every OpenAI name has one of its gender, and of its accent if possible."""
    mapped = map_openai_voices(["ff_siwis", "bm_lewis", "am_adam", "af_sky"])

    assert set(mapped) == set(CHARACTERS)
    assert (mapped["nova"], mapped["onyx"], mapped["fable"]) == ("af_sky", "am_adam", "bm_lewis")
    assert set(map_openai_voices(["ff_siwis"]).values()) == {"ff_siwis"}
    assert map_openai_voices([]) == {}


def test_a_letter_with_many_phonemes() -> None:
    """A single letter with very many phonemes is cut, and nothing is lost."""
    odd = WholeTextFrontEnd(lambda text: "x" * 25 * len(text))
    assert sum(len(chunk.phonemes) for chunk in odd.chunks("ab", (), 10)) == 50


def test_words_end_where_their_sound_does() -> None:
    """A word ends with its last phoneme, before the space and the signs behind it, and before the next begins; a
    chunk without words has no ends.
    """
    [chunk] = chunks("One two, three.")
    ends = chunk.word_ends()
    sounds = [chunk.phonemes[word.first_phoneme : end] for word, end in zip(chunk.words, ends, strict=True)]
    frames = [2, *(5 for _ in chunk.phonemes), 2]
    spans = word_frames(chunk, SYMBOLS, frames)

    assert sounds == ["wˈʌn", "tˈu", "θɹˈi"]
    assert all(start < end for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert Chunk("ola.").word_ends() == []


def test_marks_of_phonemes_in_other_languages() -> None:
    """A word with its phonemes is said by them in every language, and nothing of the mark is read."""
    front_end = WholeTextFrontEnd(lambda text: text.upper())

    chunks = front_end.chunks("un [mot](/mo/) et [là](https://x.y) fin", (), 510)

    assert [chunk.phonemes for chunk in chunks] == ["UN mo ET LÀ FIN"]
