"""Which words of a text are which of the words that the front end makes of them to be read.

"Dr." becomes "Doctor", "10:30" "ten thirty", "$5.3 billion" "5.3 billion dollars". The words of both that are
the same hold the others in place; between them, each word is rewritten by itself to see how many it becomes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate

Span = tuple[int, int]
WORD = re.compile(r"\S+")
CORE = re.compile(r"[^\W_](?:.*[^\W_])?", re.DOTALL)
"""a word without the punctuation around it"""


def align_words(text: str, rewritten: Sequence[str], rewrite: Callable[[str], str]) -> list[Span | None]:
    """Return for each rewritten word the word [start, end) of the text that it begins; None where it only
    goes on with one.

    A word of the text that becomes none, such as a lone asterisk, is nowhere.
    """
    words = list(WORD.finditer(text))
    spans: list[Span | None] = [None] * len(rewritten)
    matcher = SequenceMatcher(
        None, [_key(word[0]) for word in words], [_key(word) for word in rewritten], autojunk=False
    )
    for kind, first, last, new_first, new_last in matcher.get_opcodes():
        if kind == "equal":
            starts: Sequence[int | None] = range(new_first, new_last)
        elif kind == "replace":
            texts = [word[0] for word in words[first:last]]
            starts = _starts(texts, new_first, new_last, rewrite)
        else:
            continue
        for word, new in zip(words[first:last], starts, strict=True):
            if new is not None:
                spans[new] = join_spans(spans[new], _core(word))
    return spans


def _starts(
    words: Sequence[str], first: int, last: int, rewrite: Callable[[str], str]
) -> Sequence[int | None]:
    """Return at which of the rewritten words [first, last) each of some words begins, if it becomes any."""
    counts = [len(rewrite(word).split()) for word in words]
    total = sum(counts)
    before = accumulate(counts, initial=0)
    return [
        first + count_before * (last - first) // total if count else None
        for count, count_before in zip(counts, before, strict=False)
    ]


def _key(word: str) -> str:
    return "".join(filter(str.isalnum, word)).casefold() or word


def _core(word: re.Match[str]) -> Span:
    inner = CORE.search(word[0])
    start, end = inner.span() if inner else (0, len(word[0]))
    return word.start() + start, word.start() + end


def join_spans(span: Span | None, other: Span) -> Span:
    """Return a span that holds two, the first of which may be none."""
    return (min(span[0], other[0]), max(span[1], other[1])) if span else other
