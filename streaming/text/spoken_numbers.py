"""Numbers in a text and in its transcript, which one writes in words and the other in digits.

"Half past ten" is heard as "10.30", "twelve dollars and fifty cents" as "$12.50": so a stretch of words that
make up a number, with its units, becomes one mark. Words of numbers are known in English, digits anywhere.
"""

from __future__ import annotations

from collections.abc import Sequence


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


NUMBER = "#"
"""stands for a whole number, amount, time or date"""
CARDINALS = _set(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
    " seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds"
    " thousand thousands million millions billion billions trillion dozen half halves quarter quarters"
    " twenties thirties forties fifties sixties seventies eighties nineties"
)
ORDINALS = _set(
    "first second third thirds fourth fourths fifth fifths sixth seventh eighth ninth tenth tenths eleventh"
    " twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth"
    " fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth hundredths thousandth"
)
MONTHS = _set("january february march april may june july august september october november december")
UNITS = MONTHS | _set(
    "$ € £ ¥ % ° dollar dollars cent cents euro euros pound pounds percent oclock am pm degree degrees"
    " minute minutes minus - − st nd rd th s"
)
"""belong to a number beside them"""
CONNECTIONS = _set("a and per cent point past to oh of the minus")
"""belong to a number that stands on both sides of them"""
OF = "of"
"""connects a day with its month; elsewhere "may" and "march" are words like others"""
ARTICLE = "a"
"""in "a hundred" it is a part of the number"""
LONGEST_CONNECTION = 2
"""words between two parts of a number"""


def is_numeric(word: str) -> bool:
    """Return whether a word in small letters is a number by itself."""
    return word[:1].isdigit() or word in CARDINALS or word in ORDINALS


def with_marked_numbers(words: Sequence[str]) -> list[str]:
    """Return the words with each stretch that makes up a number as one mark."""
    marked: list[str] = []
    place = 0
    while place < len(words):
        end = _number_end(words, place)
        marked.append(words[place] if end == place else NUMBER)
        place = max(end, place + 1)
    return marked


def _number_end(words: Sequence[str], start: int) -> int:
    """Return the index behind the number that begins at `start`; `start` itself where none does."""
    end = start
    has_number = False
    while end < len(words):
        if is_numeric(words[end]):
            has_number = True
        elif words[end] not in UNITS:
            following = _behind_connection(words, end, begins=end == start)
            if following == end:
                break
            end = following
            continue
        end += 1
    return end if has_number else start


def _behind_connection(words: Sequence[str], place: int, *, begins: bool) -> int:
    """Return where the number goes on behind words that connect it; `place` itself where it does not."""
    if begins:
        return place + 1 if words[place] == ARTICLE and words[place + 1 : place + 2] == ["hundred"] else place
    for end in range(place + 1, min(len(words), place + 1 + LONGEST_CONNECTION)):
        if words[end - 1] not in CONNECTIONS:
            return place
        if is_numeric(words[end]) or words[end] in (MONTHS if words[end - 1] == OF else UNITS - MONTHS):
            return end
    return place
