"""How Pocket TTS's texts are cut and prepared: what its own library does (pocket-tts 4.0.1, `text_chunking`),
as its configuration says. mlx-audio has the rules of an earlier version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

MOST_TOKENS = 50
"""of a chunk"""
ENDS = ".!?…"
WEAK = ",;:-–—"
CLOSERS = "\"'”’)]»"
FEW_WORDS = 4
"""that are given more time behind them"""
PADDED_WORDS = 5
"""fewer of them get spaces before them, where a model wants it"""
PADDING = " " * 8


class TextRules(msgspec.Struct, frozen=True):
    """What a model's configuration says of texts."""

    pad_with_spaces_for_short_inputs: bool = False
    remove_semicolons: bool = False
    append_terminal_punctuation: bool = True
    capitalize_first_letter: bool = True
    replace_characters: Mapping[str, str] = {}
    model_recommended_frames_after_eos: int | None = None

    def prepare(self, text: str) -> str:
        """Return a text as the model reads it."""
        text = text.strip()
        if self.replace_characters:
            table: dict[str, str | int | None] = {**self.replace_characters}
            text = " ".join(text.translate(str.maketrans(table)).split())
            text = re.sub(r"([.!?…])\s*[,;:]", r"\1", text)
        text = text.replace("\n", " ").replace("\r", " ").replace("  ", " ")
        if self.remove_semicolons:
            text = text.replace(";", ",")
        if self.capitalize_first_letter:
            text = text[:1].upper() + text[1:]
        if self.append_terminal_punctuation:
            text = _ended(text)
        if self.pad_with_spaces_for_short_inputs and len(text.split()) < PADDED_WORDS:
            text = PADDING + text
        return text

    def frames_after_end(self, text: str) -> int:
        """Return how many frames follow the end that the model finds of a chunk."""
        if self.model_recommended_frames_after_eos is not None:
            return self.model_recommended_frames_after_eos
        return 5 if len(text.split()) <= FEW_WORDS else 3


def _ended(text: str) -> str:
    """Return a text with a mark that ends a sentence."""
    core = text.rstrip(CLOSERS + " ")
    closers = text[len(core) :].strip()
    if not core or core[-1] in ENDS:
        return text
    if core[-1] in WEAK:
        return core.rstrip(WEAK + " ") + "." + closers
    return text + "."


class Chunker:
    """Cuts texts into what a model speaks at once: at the ends of sentences, and at commas of long ones."""

    def __init__(self, tokenizer: Any, rules: TextRules) -> None:  # noqa: ANN401 - the library's, which has no types
        self._tokenizer = tokenizer
        self._rules = rules
        self._ends = set(self._tokens(".!...?")[1:])
        self._commas = set(self._tokens(",;:")[1:])

    def chunks(self, text: str) -> Iterator[str]:
        """Yield the chunks of a text, not prepared."""
        whole, tokens_there = "", 0
        for count, part in self._parts(self._rules.prepare(text).strip()):
            if whole and tokens_there + count > MOST_TOKENS:
                yield whole.strip()
                whole, tokens_there = "", 0
            whole = f"{whole} {part}" if whole else part
            tokens_there += count
        if whole:
            yield whole.strip()

    def _parts(self, text: str) -> Iterator[tuple[int, str]]:
        """Yield sentences, and parts of long ones, with the number of their tokens."""
        tokens = self._tokens(text)
        for sentence in self._cut(tokens, self._ends, whole_numbers=True):
            spoken = self._decode(sentence)
            parts = list(self._cut(self._tokens(spoken.strip()), self._commas))
            if len(sentence) <= MOST_TOKENS or len(parts) < 2:
                yield len(sentence), spoken
            else:
                yield from ((len(part), self._decode(part)) for part in parts)

    def _cut(
        self, tokens: Sequence[int], marks: set[int], *, whole_numbers: bool = False
    ) -> Iterator[Sequence[int]]:
        """Yield stretches of tokens, each up to the last of some marks in a row."""
        first = 0
        for index in range(1, len(tokens)):
            is_edge = tokens[index - 1] in marks and tokens[index] not in marks
            if is_edge and not (whole_numbers and self._is_in_number(tokens, index)):
                yield tokens[first:index]
                first = index
        yield tokens[first:]

    def _is_in_number(self, tokens: Sequence[int], index: int) -> bool:
        """Return whether the period before a token is one of a decimal number."""
        before, after = self._decode(tokens[:index]), self._decode(tokens[index:])
        return before[-1:] == "." and before[-2:-1].isdigit() and after[:1].isdigit()

    def _tokens(self, text: str) -> list[int]:
        tokens: list[int] = self._tokenizer(text).tokens[0].tolist()
        return tokens

    def _decode(self, tokens: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(tokens)))
