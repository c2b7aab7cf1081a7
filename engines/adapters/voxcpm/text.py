"""The text that VoxCPM2 reads: the words to speak, and in brackets before them a description of the voice."""

from __future__ import annotations

OPENING = "(（"
CLOSING = ")）"
PAUSES = ",.;:!?…，。；：！？、"


def join_descriptions(*descriptions: str | None) -> str:
    """Return descriptions of a voice as one, without brackets: the first that closes would end it."""
    lines = (" ".join(description.split()) for description in descriptions if description)
    bare = (_without_brackets(line).strip(" .,;") for line in lines)
    return ", ".join(words for words in bare if words)


def without_leading_brackets(text: str) -> str:
    """Return a text of which nothing is read as a description.

    Brackets before its first word are left out, and so are those that close them.
    """
    text = " ".join(text.split())
    first = next((index for index, char in enumerate(text) if char.isalnum()), len(text))
    head = text[:first]
    unclosed = sum(char in OPENING for char in head)
    if not unclosed:
        return text
    unclosed -= sum(char in CLOSING for char in head)
    parts = [_without_brackets(head)]
    depth = 0
    for index, char in enumerate(text[first:], first):
        part = char
        if char in OPENING:
            depth += 1
        elif char in CLOSING and depth:
            depth -= 1
        elif char in CLOSING and unclosed > 0:
            unclosed -= 1
            part = _pause_for_bracket(text, index)
        parts.append(part)
    return "".join(parts).strip()


def _without_brackets(text: str) -> str:
    return "".join(char for char in text if char not in OPENING + CLOSING)


def _pause_for_bracket(text: str, index: int) -> str:
    """Return what replaces a closing bracket: the pause that it means, if nothing else there does."""
    before = text[index - 1]
    after = text[index + 1 :].lstrip()
    if before in PAUSES or not after or after[0] in PAUSES or after[0] in CLOSING:
        return ""
    return "," if text[index + 1].isspace() else ", "
