"""Tests of ordinals, dates and times that are written with figures: what is said is what a reader reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.api.offsets import Rewriting
from streaming.text.spoken import spoken_text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("it", "Il 1° maggio, il 3° piano, la 3° classe, la 2ª volta.", "Il primo maggio, il terzo piano, la terza classe, la seconda volta."),
        ("it", "Oggi 30° all'ombra.", "Oggi 30 gradi all'ombra."),
        ("pt-br", "o 3° andar, 1º de maio, 2ª vez", "o terceiro andar, primeiro de maio, segunda vez"),
        ("es", "1.º de mayo, 3.er piso, 2.ª vez, 5ta, calle 5a", "primero de mayo, tercer piso, segunda vez, quinta, calle 5a"),
        ("fr", "Au XIXe siècle, la 2e fois, le 1er mai, la 1re, XXIᵉ, 21ème, 2nd, 3D", "Au dix-neuvième siècle, la deuxième fois, le premier mai, la première, vingt et unième, vingt et unième, second, 3D"),
        ("nl", "3e keer, 1ste, 2de, 3d", "derde keer, eerste, tweede, 3d"),
        ("ru", "XX век, в XXI веке, начало XX века, XIX–XX веков", "двадцатый век, в двадцать первом веке, начало двадцатого века, девятнадцатого–двадцатого веков"),
        ("ru", "Пётр I, Екатерина II, Людовика XIV, при Николае II, размер XL", "Пётр первый, Екатерина вторая, Людовика четырнадцатого, при Николае втором, размер XL"),
        ("ru", "в XIX в. было. Конец XX в. Потом", "в девятнадцатом веке было. Конец двадцатого века. Потом"),
        ("uk", "XX століття. У XX столітті, початок XX століття", "двадцяте століття. У двадцятому столітті, початок двадцятого століття"),
        ("pl", "XX wiek, w XXI wieku, koniec XIX wieku", "dwudziesty wiek, w dwudziestym pierwszym wieku, koniec dziewiętnastego wieku"),
        ("pl", "1. miejsce, na 3. piętrze, 2. klasa, do 5. klasy, 3. maja", "pierwsze miejsce, na trzecim piętrze, druga klasa, do piątej klasy, trzeciego maja"),
        ("fi", "3. kerros, 3. kerroksessa, 3. toukokuuta", "kolmas kerros, kolmannessa kerroksessa, kolmas toukokuuta"),
        ("fi", "1. maito\n2. leipä", "1. maito.\n2. leipä"),
        ("de", "1.–3. Mai, am 24. und 25. Dezember, vom 1. bis 3. Mai", "erster bis dritter Mai, am vierundzwanzigsten und fünfundzwanzigsten Dezember, vom ersten bis dritten Mai"),
        ("de", "Am 3.10.2026 um 10.30 Uhr, 10:00–12.30 Uhr, Version 3.10.2026.1", "Am dritten Oktober 2026 um 10 Uhr 30, 10 Uhr bis 12 Uhr 30, Version 3.10.2026.1"),
        ("de", "Vom 3.10. bis 5.11.2026, am 4.5. kam er, am 3.4.", "Vom dritten Oktober bis fünften November 2026, am vierten Mai kam er, am dritten April."),
        ("ru", "3.10.2026", "третьего октября 2026"),
        ("uk", "3.10.2026", "третього жовтня 2026"),
        ("cs", "3. 10. 2026", "třetího října 2026"),
        ("nb", "3.10.2026", "3. oktober 2026"),
        ("da", "3.10.2026", "tredje oktober 2026"),
        ("tr", "3.10.2026", "3 Ekim 2026"),
        ("en", "3.10.2026 and XX", "3.10.2026 and XX"),
        ("ru", "10-й, 5-го мая, 1990-х годов, 3-я, 21-му, 3-х, 5-ти", "десятый, пятого мая, тысяча девятьсот девяностых годов, третья, двадцать первому, трёх, пяти"),
        ("uk", "5-го травня, 3-я, 2-е", "п'ятого травня, третя, друге"),
        ("en", "Super Bowl LVIII, MCMXCIV, XL shirt, CIVIL MIX, DVD, LXX", "Super Bowl 58, 1994, XL shirt, CIVIL MIX, DVD, 70"),
        ("de", "MMXXIV und LXXX", "2024 und 80"),
    ],
)  # fmt: skip
def test_ordinals_and_dates_are_said_in_words(language: str, text: str, expected: str) -> None:
    """Ordinals are words in the gender or case of what stands beside; degrees, sizes and versions stay."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)

    assert rewriting.text == expected


@given(
    st.text(alphabet="0123456789.°ºªIVX ⁰⁻⅓½⁄–'\"eraв\n,Mai", max_size=60),
    st.sampled_from(["it", "es", "pt", "fr", "nl", "ru", "uk", "pl", "fi", "de", "tr", "en", "zh"]),
)
def test_any_figures_can_be_spoken(text: str, language: str) -> None:
    """Whatever stands around figures, the text is rewritten, and every place in it leads back."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)

    for start in range(len(rewriting.text)):
        first, last = rewriting.original(start, start + 1)
        assert 0 <= first <= last <= len(text)
