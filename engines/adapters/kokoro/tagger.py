"""Parts of speech for Kokoro's English where spaCy's model is not installed: by word lists and the words
around.

Pronunciation needs them for little: which words are letters (`IT`), which verbs (`to record`), which past (`I
have read`), and what the marks are. Tags are those of the Penn Treebank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

WORDS = {
    "DT": "a an the this these those each every some any no either neither another all both",
    "IN": "of in on at by for with from into about against between through during before after above below under over off since "
    "until while because although though if whether than as per via upon within without among across behind beyond toward "
    "towards onto vs vs.",
    "PRP": "i you he she it we they me him us them myself yourself himself herself itself ourselves themselves 's",
    "PRP$": "my your his her its our their",
    "MD": "will would can could shall should may might must cannot wo ca 'll 'd ’ll ’d",
    "VBP": "am are have do 'm 're 've ’m ’re ’ve",
    "VBZ": "is has does",
    "VBD": "was were had did",
    "VB": "be",
    "VBN": "been",
    "VBG": "being having",
    "CC": "and or but nor yet so",
    "RB": "not n't n’t very too also never always often just only now then here up out down again still ever really",
    "EX": "there",
    "WP": "who whom what which whose",
    "WRB": "when where why how",
    "TO": "to",
}
CLOSED = {word: tag for tag, words in WORDS.items() for word in words.split()}
HAVE = frozenset(["have", "has", "had", "having", "'ve", "’ve"])
BE = frozenset(
    ["am", "is", "are", "was", "were", "be", "been", "being", "'m", "'re", "'s", "’m", "’re", "’s"]
)
PAST_ALIKE = frozenset(["read", "reread", "wound"])
"""spelled alike in present and past"""
NOMINAL = ("DT", "PRP$", "JJ", "CD")
MARKS = {
    "(": "-LRB-",
    "[": "-LRB-",
    "{": "-LRB-",
    ")": "-RRB-",
    "]": "-RRB-",
    "}": "-RRB-",
    "“": "``",
    "”": "''",
    ",": ",",
}
STOPS = frozenset(".!?")
CURRENCIES = frozenset("$£€")
APOSTROPHES = frozenset("'‘’")
DASHES = frozenset("-–")
WORD = re.compile(r"\w")


class Seen(msgspec.Struct, frozen=True):
    """A token as the tokenizer gives it; `gap` tells whether a space follows."""

    text: str
    gap: bool
    number: bool


def tags(tokens: Sequence[Seen]) -> Iterator[str]:
    """Give each token its tag."""
    before, tag, quoted = None, "", False
    for place, token in enumerate(tokens):
        after = tokens[place + 1] if place + 1 < len(tokens) else None
        tag = _tag(token, before, tag, after)
        if token.text in APOSTROPHES:
            quoted, tag = tag == "``", "''" if quoted and tag == "POS" else tag
        yield tag
        if tag != "RB":
            before = token


def _tag(token: Seen, before: Seen | None, tag_before: str, after: Seen | None) -> str:
    if not WORD.search(token.text):
        return _mark(token, before)
    low = token.text.lower()
    if low == "that":
        return "IN" if tag_before[:2] in ("NN", "VB") else "DT"
    if low in CLOSED:
        return CLOSED[low]
    if token.number:
        return "CD"
    starts = before is None or before.text in STOPS
    if token.text[0].isupper() and not starts:
        return "NNP"
    return _open(low, before, tag_before, CLOSED.get(after.text.lower(), "") if after else "", starts)


def _open(word: str, before: Seen | None, tag_before: str, tag_after: str, starts: bool) -> str:
    """Tag a word that is in no list: a noun, unless its neighbours say otherwise."""
    if tag_before in NOMINAL:
        return "NN"
    if word.endswith("ly"):
        return "RB"
    low_before = before.text.lower() if before else ""
    if low_before in HAVE and not starts:
        return "VBN"
    if low_before in BE and not starts:
        return (
            "VBG"
            if word.endswith("ing")
            else "VBN"
            if word.endswith(("ed", "en")) or word in PAST_ALIKE
            else "JJ"
        )
    if tag_before in ("TO", "MD") or (starts and tag_after in ("DT", "PRP$")):
        return "VB"
    if tag_before in ("PRP", "WP") or (tag_before.startswith("NN") and tag_after in ("DT", "PRP$", "PRP")):
        return _finite(word, low_before)
    return "NNS" if word.endswith("s") and not word.endswith("ss") else "NN"


def _finite(word: str, subject: str) -> str:
    if word.endswith("ed"):
        return "VBD"
    if subject in ("he", "she", "it"):
        return "VBZ" if word.endswith("s") else "VBD"
    return "VBP"


def _mark(token: Seen, before: Seen | None) -> str:
    text = token.text
    if text in MARKS:
        return MARKS[text]
    if text in CURRENCIES:
        return "$"
    if text == '"' or text in APOSTROPHES:
        opens = (before is None or before.gap) and not token.gap
        return "``" if opens else "''" if text == '"' else "POS"
    if text in DASHES:
        return ":" if token.gap and (before is None or before.gap) else "HYPH"
    if set(text) <= STOPS and len(text) == 1:
        return "."
    return ":" if set(text) <= set(".!?…:;—") else "NFP" if text == "#" else "SYM"
