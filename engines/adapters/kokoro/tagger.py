"""Tag parts of speech for Kokoro's English where spaCy's model is not installed.

Tags come from word lists and the words around.
Pronunciation needs them for little: which words are letters (`IT`), which verbs (`to record`), which past (`I
have read`), and what the marks are. Tags are those of the Penn Treebank.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

WORDS = {
    "DT": "a an the this these those each every some any no either neither another all both",
    "IN": "of in on at by for with from into about against between through during before after above below "
    "under over off since until while because although though if whether than as per via upon within without "
    "among across behind beyond toward towards onto vs vs.",
    "PRP": "i you he she it we they me him us them myself yourself himself herself itself ourselves "
    "themselves 's",
    "PRP$": "my your his her its our their",
    "MD": "will would can could shall should may might must cannot wo ca 'll 'd ’ll ’d",
    "VBP": "am are have do 'm 're 've ’m ’re ’ve",
    "VBZ": "is has does",
    "VBD": "was were had did",
    "VB": "be",
    "VBN": "been",
    "VBG": "being having",
    "CC": "and or but nor yet so",
    "RB": "not n't n’t very too also never always often just only now then here up out down again still ever "
    "really",
    "EX": "there",
    "WP": "who whom what which whose",
    "WRB": "when where why how",
    "TO": "to",
}
"""closed classes of words, by their tags"""
CLOSED_CLASS = {word: tag for tag, words in WORDS.items() for word in words.split()}
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


class TaggerToken(msgspec.Struct, frozen=True):
    """A token as the tokenizer gives it."""

    text: str
    space_after: bool
    number: bool
    """it looks like a number"""


def tag_tokens(tokens: Sequence[TaggerToken]) -> Iterator[str]:
    """Yield the tag of each token."""
    before = None
    tag = ""
    quoted = False
    for index, token in enumerate(tokens):
        after = tokens[index + 1] if index + 1 < len(tokens) else None
        tag = _tag(token, before, tag, after)
        if token.text in APOSTROPHES:
            quoted, tag = tag == "``", "''" if quoted and tag == "POS" else tag
        yield tag
        if tag != "RB":
            before = token


def _tag(token: TaggerToken, before: TaggerToken | None, tag_before: str, after: TaggerToken | None) -> str:
    if not WORD.search(token.text):
        return _tag_mark(token, before)
    word = token.text.lower()
    if word == "that":
        return "IN" if tag_before[:2] in ("NN", "VB") else "DT"
    if word in CLOSED_CLASS:
        return CLOSED_CLASS[word]
    if token.number:
        return "CD"
    starts = before is None or before.text in STOPS
    if token.text[0].isupper() and not starts:
        return "NNP"
    tag_after = CLOSED_CLASS.get(after.text.lower(), "") if after else ""
    return _tag_open_class(word, before, tag_before, tag_after, starts)


def _tag_open_class(
    word: str, before: TaggerToken | None, tag_before: str, tag_after: str, starts: bool
) -> str:
    """Return the tag of a word that is in no list: a noun, unless its neighbours say otherwise."""
    if tag_before in NOMINAL:
        return "NN"
    if word.endswith("ly"):
        return "RB"
    word_before = before.text.lower() if before else ""
    if word_before in HAVE and not starts:
        return "VBN"
    if word_before in BE and not starts:
        if word.endswith("ing"):
            return "VBG"
        return "VBN" if word.endswith(("ed", "en")) or word in PAST_ALIKE else "JJ"
    if tag_before in ("TO", "MD") or (starts and tag_after in ("DT", "PRP$")):
        return "VB"
    if tag_before in ("PRP", "WP") or (tag_before.startswith("NN") and tag_after in ("DT", "PRP$", "PRP")):
        return _tag_finite_verb(word, word_before)
    return "NNS" if word.endswith("s") and not word.endswith("ss") else "NN"


def _tag_finite_verb(word: str, subject: str) -> str:
    if word.endswith("ed"):
        return "VBD"
    if subject in ("he", "she", "it"):
        return "VBZ" if word.endswith("s") else "VBD"
    return "VBP"


def _tag_mark(token: TaggerToken, before: TaggerToken | None) -> str:
    text = token.text
    if text in MARKS:
        return MARKS[text]
    if text in CURRENCIES:
        return "$"
    if text == '"' or text in APOSTROPHES:
        opens = (before is None or before.space_after) and not token.space_after
        return "``" if opens else "''" if text == '"' else "POS"
    if text in DASHES:
        return ":" if token.space_after and (before is None or before.space_after) else "HYPH"
    if set(text) <= STOPS and len(text) == 1:
        return "."
    return ":" if set(text) <= set(".!?…:;—") else "NFP" if text == "#" else "SYM"
