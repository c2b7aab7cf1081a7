"""Texts in two spellings that are to sound alike, and texts as the gateway gives them to an engine."""

from __future__ import annotations

from collections.abc import Iterator

from engines.api import EngineInfo, SpeechJob
from engines.api.offsets import Rewriting
from streaming.text.segments import split_text
from streaming.text.spoken import spoken_text

FIRST_SEGMENT = 80
SEGMENT = 240
"""code points: the settings' defaults"""
DIGITS = "1234567890"
NAMES_OF_DIGITS = "one two three four five six seven eight nine zero"

ENGLISH = [
    ("The cafe\u0301 is open.", "The café is open."),
    ("It wasn\u02bct. Don\u02bct.", "It wasn't. Don't."),
    ("It wasn\uff07t. Don\uff07t.", "It wasn't. Don't."),
    ("It wasn`t. Don`t.", "It wasn't. Don't."),
    ("１２３ ＡＢＣ", "123 ABC"),
    ("In ١٩٩٠ it began", "In 1990 it began"),
    ("Hel\u2060lo there", "Hello there"),
    ("Hel\ufefflo there", "Hello there"),
    ("pages 5\u20117 of it", "pages 5-7 of it"),
    ("10\u00a0000 and 10\u202f000 people", "10 000 and 10 000 people"),
    ("❤\ufe0f", "red heart"),
    ("👍🏽", "thumbs up medium skin tone"),
    ("5 > 3", "5 greater than 3"),
    ("5 < 3", "5 less than 3"),
    ("5 ^ 3", "5 caret 3"),
    ("It made $5.3 billion.", "It made five point three billion dollars."),
    ("It costs €29,99 here.", "It costs twenty nine euros and ninety nine cents here."),
    ("It costs $5.3M, or $1.2k.", "It costs five point three million dollars, or one point two thousand dollars."),
    ("It is 1/2 of it.", "It is one half of it."),
    ("I met Dr. Smith today.", "I met Doctor Smith today."),
    ("The quick brown\nfox jumps over\nthe lazy dog.", "The quick brown fox jumps over the lazy dog."),
    (f"Dial {DIGITS * 8}", " ".join(["Dial", *[NAMES_OF_DIGITS] * 8])),
    (f"Dial {DIGITS * 30}", " ".join(["Dial", *[NAMES_OF_DIGITS] * 30])),
]  # fmt: skip
"""as an English voice is to say them"""
OTHERS = [
    ("man\u0303ana", "mañana", "es"),
    ("10\u00a0000 euros", "10 000 euros", "fr-fr"),
    ("10\u202f000 euros", "dix mille euros", "fr-fr"),
    ("10\u202f000 Euro", "zehntausend Euro", "de"),
    ("Am 24. Dezember um neun.", "Am vierundzwanzigsten Dezember um neun.", "de"),
    ("Hunde, z. B. Dackel.", "Hunde, zum Beispiel Dackel.", "de"),
    ("１２３", "123", "ja"),
    ("\u304b\u3099\u304f\u305b\u3044", "がくせい", "ja"),
    ("\u1112\u1161\u11ab\u1100\u116e\u11a8", "한국", "ko"),
]
"""as voices of other languages are to say them"""


def jobs(text: str, language: str, info: EngineInfo, voice: str = "") -> Iterator[SpeechJob]:
    """Yield the jobs that the gateway makes of a text in a language for an engine."""
    assert info.speech
    rewriting = Rewriting(text)
    spoken_text(rewriting, language, emoji=info.speech.emoji, ties=info.speech.ties)
    for segment in split_text(rewriting.text, language=language, first_limit=FIRST_SEGMENT, limit=SEGMENT):
        yield SpeechJob(segment.text, voice, pause=segment.ends_sentence)
