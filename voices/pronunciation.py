"""Pronunciations: a caller's dictionary of words, applied to a text before an engine reads it.

Text and entries are cut into the same tokens, and an entry fits where its tokens are those of the text. So it
fits whole words only: "SQL" in "SQL's" and "使用SQL数据", not in "MySQL". In scripts without spaces between
words every letter is a token, and an entry fits anywhere. A tree of tokens gives the longest entry at each
place, in one pass.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec
import regex

from engines.api.offsets import Edit, Rewritten, rewrite
from engines.errors import BadInput
from voices.crowded_text import is_crowded

MOST_ENTRIES = 1000
"""of a dictionary"""
MOST_CHARACTERS = 30_000
"""of all words of a dictionary together"""
LONGEST_WORD = 100
"""code points"""
LONGEST_TOKEN = 400
"""code points of what may be a part of a word in another form"""
LONGEST_READING = 200
"""code points of a respelling, and of IPA"""
SCRIPTS = r"\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}"
"""scripts that set no spaces between words"""
UNSPACED = rf"[[\p{{L}}\p{{Nl}}--ʼ]&&[{SCRIPTS}]]"
LETTER = rf"[\w--\p{{Hangul}}--ʼ--{UNSPACED}]"
TOKEN = regex.compile(
    rf"""(?xV1)
    \s+
    | {UNSPACED} \p{{M}}*+
    # Korean by itself: its particles follow a foreign word without a space, and are no part of it.
    | \p{{Hangul}} [\p{{Hangul}}\p{{M}}]*+
    # A word. "3.14" is one, and so is "don't"; "SQL's" is three.
    | {LETTER} (?: {LETTER} | (?<=\d)[.,:](?=\d) )*+ (?: ['’ʼ][tT](?!{LETTER}) )?
    # A sign; emoji that are joined stay together.
    | \S (?: [\p{{M}}\U0001F3FB-\U0001F3FF] | \u200D[^\s\w]? )*+
    """
)
APOSTROPHES = str.maketrans("’ʼ", "''")
Token = tuple[str, int, int]
"""what it is compared by, and its span [start, end) of the text"""
Key = tuple[str, ...]
"""what two spellings of a word share: its tokens"""


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A dictionary's entry: how a word, or several, is read, as a respelling or as IPA by engines that know
    it.
    """

    word: str
    respelling: str = ""
    ipa: str = ""
    """without slashes"""


def check(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return entries in NFC, with single spaces, IPA without slashes. Raises BadInput that names the entry
    at fault.
    """
    if len(entries) > MOST_ENTRIES:
        raise BadInput(
            f"`pronunciations` should have at most {MOST_ENTRIES} entries.", param="pronunciations"
        )
    known: set[Key] = set()
    checked = []
    for place, raw in enumerate(entries):
        entry = _checked(raw, place)
        key = _key(entry.word)
        if key in known:
            raise _wrong(place, entry.word, "is there twice")
        known.add(key)
        checked.append(entry)
    if sum(len(entry.word) for entry in checked) > MOST_CHARACTERS:
        message = f"The words of `pronunciations` should have at most {MOST_CHARACTERS} characters in all."
        raise BadInput(message, param="pronunciations")
    return tuple(checked)


def merge(*dictionaries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return several dictionaries as one, in which later entries replace earlier ones for the same word."""
    return tuple({_key(entry.word): entry for entries in dictionaries for entry in entries}.values())


class Spoken(Rewritten, frozen=True):
    """A text after its pronunciations were applied: what an engine reads. All offsets are code points."""

    ipa: tuple[tuple[int, int, str], ...] = ()
    """spans [start, end) of `text`, with how they are pronounced"""
    ignored: bool = False
    """a word was left as it is, for its entry has only IPA and the engine takes none"""


def _whole(respelling: str) -> tuple[str, bool]:
    """Return a respelling as it is."""
    return respelling, True


class Dictionary:
    """Entries, as `check` gives them, made ready to be looked for."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._root = _Node()
        for entry in entries:
            node = self._root
            for token, _, _ in _tokens(entry.word):
                node = node.then.setdefault(token, _Node())
            node.entry = entry

    def apply(self, text: str, *, ipa: bool, reading: Callable[[str], tuple[str, bool]] = _whole) -> Spoken:
        """Apply the entries to a text; `ipa` tells whether the engine takes IPA, which then goes before a
        respelling, and `reading` returns what it gets of a respelling, and whether that is all.
        """
        edits: list[Edit] = []
        spans: list[tuple[int, int, str]] = []
        shift = 0
        ignored = False
        for start, end, entry in self._found(text):
            if ipa and entry.ipa:
                spans.append((start + shift, end + shift, entry.ipa))
                continue
            respelling, is_whole = reading(entry.respelling) if entry.respelling else ("", False)
            ignored = ignored or not is_whole
            if respelling:
                edits.append(Edit(start, end, respelling))
                shift += len(respelling) - (end - start)
        written = rewrite(text, edits)
        return Spoken(written.text, written.replaced, tuple(spans), ignored)

    def _found(self, text: str) -> Iterator[tuple[int, int, Entry]]:
        """Return what fits, in order: the longest entry at each place that no entry before it covers."""
        tokens = list(_tokens(text)) if self._root.then else []
        at = 0
        while at < len(tokens):
            entry, behind = self._longest(tokens, at)
            if entry:
                yield tokens[at][1], tokens[behind - 1][2], entry
            at = behind

    def _longest(self, tokens: list[Token], at: int) -> tuple[Entry | None, int]:
        """Return the longest entry that fits at a token, and the place behind it; None, and the next
        place.
        """
        node, best, behind = self._root, None, at + 1
        for place in range(at, len(tokens)):
            following = node.then.get(tokens[place][0])
            if following is None:
                break
            node = following
            if node.entry:
                best, behind = node.entry, place + 1
        return best, behind


class _Node:
    """A place in the tree: the entry that ends here, if one does, and where each token leads."""

    __slots__ = ("entry", "then")

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.then: dict[str, _Node] = {}


def _tokens(text: str) -> Iterator[Token]:
    for match in TOKEN.finditer(text):
        yield _folded(match[0]), match.start(), match.end()


def _folded(token: str) -> str:
    """Return what is the same for all spellings of a token: of case, of accents, of apostrophes, of space."""
    if token.isspace():
        return " "
    if token.isascii():
        return token.lower()
    if len(token) > LONGEST_TOKEN:  # no entry has it
        return token
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", token).casefold()).translate(APOSTROPHES)


def _key(word: str) -> Key:
    return tuple(token for token, _, _ in _tokens(word))


def _checked(raw: Entry, place: int) -> Entry:
    word, respelling, ipa = (
        _clean(written, raw.word, place) for written in (raw.word, raw.respelling, raw.ipa)
    )
    entry = Entry(word, respelling, ipa.strip("/[] "))
    if not word:
        raise _wrong(place, word, "has no word")
    if len(word) > LONGEST_WORD:
        raise _wrong(place, word, f"is longer than {LONGEST_WORD} characters")
    if not entry.respelling and not entry.ipa:
        raise _wrong(place, word, "has neither `respelling` nor `ipa`")
    if max(len(entry.respelling), len(entry.ipa)) > LONGEST_READING:
        raise _wrong(place, word, f"has a `respelling` or `ipa` of more than {LONGEST_READING} characters")
    return entry


def _clean(written: str, word: str, place: int) -> str:
    """Normalise, with single spaces. Raises BadInput for a control character inside, or a lone surrogate."""
    if len(written) > MOST_CHARACTERS or is_crowded(written):
        raise _wrong(place, word, "is too long, or has more marks on one letter than any script")
    stripped = unicodedata.normalize("NFC", written).strip()
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in stripped):
        raise _wrong(place, word, "has a control character")
    return " ".join(stripped.split())


def _wrong(place: int, word: str, reason: str) -> BadInput:
    return BadInput(f"`pronunciations[{place}]` ({word[:LONGEST_WORD]!r}) {reason}.", param="pronunciations")
