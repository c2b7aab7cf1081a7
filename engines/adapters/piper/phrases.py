"""Put the phonemes of words and the punctuation between them together into what Piper speaks at once.

That is a sentence, as the voices were trained with; a longer one than the network can speak in little memory
is cut behind a clause or a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engines.toolkit.phoneme_chunks import Token, pack
from engines.toolkit.phrases import Phrase, inner_pause, is_spoken

MOST_PHONEMES = 240
"""in a phrase: some 15 seconds, of which the network takes 300 MB"""
SENTENCE_ENDS = frozenset(".?!")
TERMINATORS = {
    **dict.fromkeys(",،、，﹐､՝", ","),
    **dict.fromkeys(";؛；—–", ";"),
    **dict.fromkeys(":：", ":"),
    **dict.fromkeys(".。．։।॥۔።។｡", "."),
    **dict.fromkeys("?\u037e؟？՞፧", "?"),
    **dict.fromkeys("!！՜", "!"),
    "…": ",",
}
"""the marks that end a clause, and the phonemes that Piper has for them"""
ELLIPSIS = ".."


def make_phrases(tokens: Iterable[Token], text: str) -> Iterator[Phrase]:
    """Yield the phrases of tokens; those in which there is nothing to hear are left out.

    `text` tells where paragraphs end: the tokens that are words have places in it.
    """
    sentence: list[Token] = []
    for token in tokens:
        if sentence and token.end > token.start and _ends_sentence(sentence):
            yield from _cut(sentence, _ends_paragraph(sentence, token, text))
            sentence = []
        sentence.append(token)
    yield from _cut(sentence, is_paragraph=False)


def find_terminator(marks: str) -> str:
    """Return the phoneme for what stands between two clauses; empty where nothing does that ends one."""
    if ELLIPSIS in marks:
        return ","
    return next((TERMINATORS[mark] for mark in marks if mark in TERMINATORS), "")


def _ends_sentence(tokens: list[Token]) -> bool:
    return any(token.phonemes in SENTENCE_ENDS for token in tokens[-2:])


def _ends_paragraph(tokens: list[Token], following: Token, text: str) -> bool:
    """Return whether there is an empty line between the last word of some tokens and the one that follows."""
    end = max((token.end for token in tokens), default=0)
    return text[end : following.start].count("\n") > 1


def _cut(tokens: list[Token], is_paragraph: bool) -> Iterator[Phrase]:
    """Yield the phrases of one sentence."""
    chunks = [chunk for chunk in pack(tokens, MOST_PHONEMES) if is_spoken(chunk.phonemes)]
    for chunk in chunks[:-1]:
        yield Phrase(chunk, inner_pause(chunk))
    for chunk in chunks[-1:]:
        yield Phrase(chunk, "paragraph" if is_paragraph else "sentence")
