"""Cut segments further that an engine would not take whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from streaming.text.segments import Segment, find_cut

Fits = Callable[[str], bool]
"""tells whether an engine takes a text at once; what is shorter fits, too"""


def fitted(segments: Iterator[Segment], fits: Fits) -> Iterator[Segment]:
    """Yield segments that fit, numbered anew: those that do, and the others in parts, cut where it is noticed
    least.
    """
    index = 0
    for segment in segments:
        for part in _parts(segment, fits):
            yield msgspec.structs.replace(part, index=index)
            index += 1


def _parts(segment: Segment, fits: Fits) -> Iterator[Segment]:
    """Yield a segment in parts that fit. A single character is never cut."""
    rest = segment
    while not fits(rest.text):
        longest = _longest_fitting(rest.text, fits)
        cut = min(longest, find_cut(rest.text, 0, longest))  # a letter may have more marks than fit
        if not 0 < cut < len(rest.text):
            break
        middle = rest.start + cut
        yield msgspec.structs.replace(rest, text=rest.text[:cut], end=middle, ends_sentence=False)
        rest = msgspec.structs.replace(rest, text=rest.text[cut:], start=middle)
    yield rest


def _longest_fitting(text: str, fits: Fits) -> int:
    """Return the length of the longest beginning of a text that fits, one at least."""
    least, most = 1, len(text)
    while most - least > 1:
        middle = (least + most) // 2
        if fits(text[:middle]):
            least = middle
        else:
            most = middle
    return least
