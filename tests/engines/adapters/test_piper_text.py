"""How texts become the phonemes and the numbers that voices of Piper were trained with. Offline.

What is expected of eSpeak's languages was written by piper-tts 1.8.0 for the same texts.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from piper_in_process import folder, loaded

from engines.adapters.piper.config import AudioConfig, VoiceConfig, read_voice
from engines.adapters.piper.espeak_reader import EspeakReader, shared_library
from engines.adapters.piper.letters_reader import LettersReader
from engines.adapters.piper.phrases import MOST_PHONEMES, find_terminator
from engines.adapters.piper.readers import TokenReader
from engines.adapters.piper.symbols import Symbols
from engines.toolkit.phrases import Phrase

pytestmark = pytest.mark.usefixtures("offline")

PIPERS = [
    ("en-gb-x-rp", "It's easy to tell the depth of a well, isn't it?", "ɪts ˈiːzɪ tə tˈɛl ðə dˈɛpθ əvɐ wˈɛl, ˈɪzənt ɪt?"),
    ("de", "Der Computer ist kaputt – sagte er: „Nein!“", "dɛɾ kɔmpjˈuːtɜ ɪst kˈɑpʊt; zˈɑːɡtə ɛɾ: nˈaɪn!"),
    ("fr", "L'homme n'était pas là. Où est-ce qu'on va ?", "lˈɔm netˈɛ pa lˈa.|u ɛs kɔ̃ vˈa?"),
    ("es", "¿Cómo estás? ¡Bien! Son las diez de la mañana.", "kˈomo estˈas?|bjˈen!|sˈon las ðjˈeθ ðe la maɲˈana."),
    ("nl", "Het is 's morgens zo'n tien graden, hè? Ja hoor!", "hət ɪs s mˈɔrɣən sˈoːn tˈin ɣrˈaːdən, hˈeː?|jˈaː hˈoːr!"),
    ("pl", "Dzień dobry! Nie było mnie, ale to nic.", "dʑˈɛɲ dˈɔbrɨ!|ɲʲɛ bˌɨwɔ mɲʲɛ, ˌalɛ tɔ ɲˈits."),
    ("uk", "Привіт, як справи? Усе добре!", "prɪβˈiːt̪, jˈak sprˈaβɪ?|ˈusɛ dˈobrɛ!"),
    ("cs", "Dobrý den, jak se máte? Děkuji, dobře.", "dˈobriː dˈen, jˈak se mˈaːte?|ɟˈekuji, dˈobr̝e."),
    ("tr", "Merhaba, nasılsın? İyiyim.", "mˈɛrhaba, nasɯɫsˈɯn?|ijˈijɪm."),
    ("vi", "Xin chào, bạn khỏe không?", "sˈin tʃˈaː2w, bˈaː6n xwˈɛ4 xˌoŋ?"),
    ("sw", "Habari gani? Mimi ni mzuri.", "habˈari ɡˈani?|mˌimi ni mzˈuri."),
    ("fi", "Hyvää päivää, mitä kuuluu?", "hˈyvæː pˈæivæː, mˈitæ kˈuːluː?"),
    ("cy", "Bore da, sut mae?", "bˈɔrɛ dˈɑː, sˈøt mɑɨ?"),
    ("lv", "Labdien, kā jums klājas?", "labdˈien, kaː jums klˈaːjas?"),
    ("ka", "გამარჯობა, როგორ ხარ?", "ɡˈamardʒˌoba, rˈoɡor xˈar?"),
    ("kk", "Сәлем, қалайсың?", "sælˈem, qɑɫˈɑjsəŋ?"),
]  # fmt: skip
"""eSpeak's voice, a text, and the phonemes of its sentences"""


def symbols() -> Symbols:
    """Return the symbols of the real voice, which has those of all languages."""
    return Symbols(read_voice(folder() / "en_US-joe-medium.onnx").config)


def reader(voice: str) -> TokenReader:
    """Return a reader of one of eSpeak's languages."""
    return TokenReader(EspeakReader(shared_library(), voice), symbols())


def phrases(text: str, phonemes: str = "english") -> list[Phrase]:
    """Return the phrases of an English text."""
    engine = loaded(phonemes=phonemes)[0]
    return list(engine._reader(engine._voices.find("").voice).phrases(text))


def words(text: str, found: list[Phrase]) -> list[str]:
    """Return the words of phrases as they stand in the text."""
    return [text[word.start : word.end] for phrase in found for word in phrase.chunk.words]


def test_ids_are_padded_as_piper_does() -> None:
    """A beginning, an end, and the padding behind all but the end; places are those of the phonemes' ids."""
    known = symbols()

    assert known.ids(known.spell("həlˈoʊ,")) == [1, 0, 20, 0, 59, 0, 24, 0, 120, 0, 27, 0, 100, 0, 8, 0, 2]
    assert known.places("hə") == [2, 4, 6, 7]


def test_symbols_that_a_voice_lacks() -> None:
    """Phonemes are decomposed, replaced as the voice's map says, and left out where it has no number for them."""
    ids = {"_": [0], "^": [1], "$": [2], "a": [3], "\u0303": [4], "b": [5, 6]}
    tiny = Symbols(VoiceConfig(AudioConfig(16_000), ids, phoneme_map={"x": ["a", "b"]}))

    assert tiny.spell("ãxq_^$") == "a\u0303ab"
    assert tiny.ids("ab") == [1, 0, 3, 0, 5, 6, 0, 2]
    assert tiny.places("ab") == [2, 4, 7, 8]


@pytest.mark.parametrize(("voice", "text", "expected"), PIPERS, ids=[voice for voice, _, _ in PIPERS])
def test_espeak_reads_as_in_piper(voice: str, text: str, expected: str) -> None:
    """Languages have Piper's phonemes, with the marks between clauses, a sentence at a time."""
    found = list(reader(voice).phrases(text))

    assert [phrase.chunk.phonemes for phrase in found] == [
        symbols().spell(one) for one in expected.split("|")
    ]


@pytest.mark.parametrize(
    ("voice", "text", "expected"),
    [
        ("el", "Γεια σου, τι κάνεις; Καλά.", "jˈa su, tˈi kˈanis?|kalˈa."),
        ("hi", "मैं ठीक हूँ।", "mɛ̃ ʈʰˈiːk hũ."),
        ("en-us", "Wait... go on", "wˈeɪt, ɡˌoʊ ˈɔn"),
        ("de", "Das ist cool.", "das ɪst kˈuːl."),
    ],
)
def test_marks_that_piper_loses(voice: str, text: str, expected: str) -> None:
    """A Greek question mark, a danda and dots end clauses too; flags of other languages are no phonemes."""
    found = [phrase.chunk.phonemes for phrase in reader(voice).phrases(text)]

    assert found == [symbols().spell(one) for one in expected.split("|")]


@pytest.mark.parametrize(
    ("voice", "text"),
    [
        ("en-us", "On the hill it would have been out of it."),
        ("fr", "Aujourd'hui l'homme qu'il a vu n'était pas là"),
        ("de", "Am 29. November um 10:30 kam Frau Müller mit 1.234,50 Euro"),
        ("it", "L'amico dell'uomo non c'è"),
        ("ru", "Я не был в Москве с 1999 года"),
        ("hi", "आप कैसे हैं"),
        ("ar", "كيف حالك اليوم"),
    ],
)
def test_each_word_has_its_place(voice: str, text: str) -> None:
    """Each word of a text is found, in order, also where eSpeak reads several as one or one as several."""
    found = words(text, list(reader(voice).phrases(text)))

    assert found == re.sub(r"(?<!\d)[.,]|[.,](?!\d)", "", text).split()


def test_places_are_those_of_the_callers_text() -> None:
    """Accents apart, soft hyphens and characters beyond the first plane move no word."""
    text = "Gru\u0308\u00adße 😀 aus Mu\u0308nchen"
    found = words(text, list(reader("de").phrases(text)))

    assert [found[0], *found[-2:]] == ["Gru\u0308\u00adße", "aus", "Mu\u0308nchen"]


def test_english_in_espeaks_phonemes() -> None:
    """The front end's letters are written as eSpeak writes English, with words at their places."""
    text = "Judge Joy saw the bird, my brother — now."
    [phrase] = phrases(text)

    assert phrase.chunk.phonemes == "dʒˈʌdʒ dʒˈɔɪ sˈɔː ðə bˈɜːd, maɪ bɹˈʌðɚ, nˈaʊ."
    assert words(text, [phrase]) == ["Judge", "Joy", "saw", "the", "bird", "my", "brother", "now"]
    starts = [word.first_phoneme for word in phrase.chunk.words]
    assert [phrase.chunk.phonemes[start - 1] for start in starts[1:]] == [" "] * 7


def test_letters() -> None:
    """A voice that reads letters gets those, capitals small where it knows no others, and marks."""
    letters = LettersReader(frozenset("абвгдеіїй .,?!'"))
    text = "Абв, где? Її!"
    found = list(letters.read(text))

    assert [token.phonemes for token in found] == ["абв", ",", "где", "?", "її", "!"]
    assert [text[token.start : token.end] for token in found if token.end] == ["Абв", "где", "Її"]


@pytest.mark.parametrize(
    ("marks", "phoneme"),
    [
        (",\u00a0", ","),
        ("...", ","),
        ("?!", "?"),
        ("。", "."),
        ("؟ ", "?"),
        (" – ", ";"),
        (") ", ""),
        ("", ""),
    ],
)
def test_marks(marks: str, phoneme: str) -> None:
    """The first mark that ends a clause counts; brackets and spaces are none."""
    assert find_terminator(marks) == phoneme


@settings(max_examples=60)
@given(st.text(max_size=60), st.sampled_from(["de", "ar", "cmn", "en-us"]))
def test_any_text_can_be_read(text: str, voice: str) -> None:
    """Whatever the text, words are stretches of it in order, and phrases have known symbols and a bounded length."""
    known = symbols()
    position = 0
    for phrase in reader(voice).phrases(text):
        assert 0 < len(phrase.chunk.phonemes) <= MOST_PHONEMES
        assert known.spell(phrase.chunk.phonemes) == phrase.chunk.phonemes
        for word in phrase.chunk.words:
            assert position <= word.start < word.end <= len(text)
            assert 0 <= word.first_phoneme <= len(phrase.chunk.phonemes)
            position = word.end
