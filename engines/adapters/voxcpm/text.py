"""What VoxCPM2 reads: the words to speak, and in brackets before them how the voice is to be."""

from __future__ import annotations

OPENING, CLOSING = "(（", ")）"
PAUSES = ",.;:!?…，。；：！？、"


def described(*descriptions: str | None) -> str:
    """Write descriptions of a voice as one, with no brackets of its own: the first that closes would end it."""
    bare = (_bare(" ".join(description.split())) for description in descriptions if description)
    return ", ".join(words.strip(" .,;") for words in bare if words.strip(" .,;"))


def spoken(text: str) -> str:
    """Write a text so that none of it is taken for a description: brackets before its first word go, and so
    do their ends.
    """
    text = " ".join(text.split())
    first = next((at for at, char in enumerate(text) if char.isalnum()), len(text))
    head = text[:first]
    left = sum(char in OPENING for char in head)
    if not left:
        return text
    left -= sum(char in CLOSING for char in head)
    said, within = [_bare(head)], 0
    for at, char in enumerate(text[first:], first):
        if char in OPENING:
            within += 1
        elif char in CLOSING and within:
            within -= 1
        elif char in CLOSING and left > 0:
            left -= 1
            char = _pause(text, at)
        said.append(char)
    return "".join(said).strip()


def _bare(text: str) -> str:
    return "".join(char for char in text if char not in OPENING + CLOSING)


def _pause(text: str, at: int) -> str:
    """Give what stands for a closing bracket: the pause that it means, if nothing else there does."""
    before, after = text[at - 1], text[at + 1 :].lstrip()
    if before in PAUSES or not after or after[0] in PAUSES or after[0] in CLOSING:
        return ""
    return "," if text[at + 1].isspace() else ", "
