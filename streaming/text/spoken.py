"""A text as it is to be spoken: what every engine should be given in the place of what was written.

Each step edits what the one before left, and offsets lead back to the caller's text.
"""

from __future__ import annotations

from collections.abc import Iterator

from engines.api.offsets import Rewriting
from engines.languages import primary_language
from streaming.text.abbreviations import german_dates, german_ordinals, tied_dots
from streaming.text.addresses import spelt_addresses
from streaming.text.amounts import spelt_amounts
from streaming.text.asterisks import read_asterisks, without_bullets
from streaming.text.calendar_names import spelt_calendar
from streaming.text.characters import composed, usual
from streaming.text.dates import spelt_dates
from streaming.text.emoji_names import named_emoji
from streaming.text.ended_ordinals import spelt_ended_ordinals
from streaming.text.figures import spelt_figures
from streaming.text.hours import spelt_hours
from streaming.text.line_ends import marked_line_ends
from streaming.text.long_numbers import spelt_long_numbers
from streaming.text.ordinals import spelt_ordinals
from streaming.text.quantities import spelt_quantities, typed_fractions
from streaming.text.ranges import spelt_ranges
from streaming.text.roman import read_roman
from streaming.text.segments import sentence_ends
from streaming.text.signs import named_signs
from streaming.text.spelt_dots import spelt_dots
from streaming.text.telephones import spelt_telephones
from streaming.text.thousands import joined_thousands
from streaming.text.units import spelt_units


def spoken_text(
    text: Rewriting, language: str | None, *, emoji: tuple[str, ...] = (), ties: bool = False
) -> None:
    """Rewrite a text in a language, English where nobody knows, for an engine.

    `emoji` has the languages in which the engine reads the usual emoji by their names, `ties` says that it
    wants a no-break space behind a dot that ends no sentence.
    """
    code = primary_language(language or "en")
    text.apply(composed(text.text))
    text.apply(usual(text.text))
    text.apply(read_asterisks(text.text, code))
    text.apply(spelt_telephones(text.text, code))
    text.apply(joined_thousands(text.text, code))
    text.apply(spelt_figures(text.text, code))
    text.apply(spelt_addresses(text.text, code))
    text.apply(typed_fractions(text.text, code))
    text.apply(spelt_dates(text.text, code))
    text.apply(spelt_calendar(text.text, code))
    text.apply(spelt_ordinals(text.text, code))
    text.apply(spelt_ended_ordinals(text.text, code))
    text.apply(read_roman(text.text, code))
    text.apply(spelt_ranges(text.text, code))
    text.apply(spelt_hours(text.text, code))
    text.apply(spelt_units(text.text, code))
    text.apply(spelt_quantities(text.text, code))
    text.apply(named_signs(text.text, code))
    text.apply(named_emoji(text.text, code, are_read=code in emoji))
    text.apply(marked_line_ends(text.text))
    text.apply(without_bullets(text.text))
    if code == "en":
        text.apply(spelt_amounts(text.text))
    text.apply(spelt_dots(text.text, code))
    if code == "de":
        text.apply(german_dates(text.text))
        text.apply(german_ordinals(text.text))
    text.apply(spelt_long_numbers(text.text))
    if ties:

        def ends(part: str) -> Iterator[int]:
            return sentence_ends(part, code)

        text.apply(tied_dots(text.text, ends))
