"""Tests of ordinals that are written as a number and a dot: in words, in the gender and case of their noun."""

from __future__ import annotations

import pytest
from spoken_texts import spoken


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("cs", "3. patro, ve 3. patře, 5. třída, v 5. třídě", "třetí patro, ve třetím patře, pátá třída, v páté třídě"),
        ("cs", "20. století, ve 20. století, na 21. místě", "dvacáté století, ve dvacátém století, na dvacátém prvním místě"),
        ("cs", "2. světová válka, 100. výročí, do 3. ligy", "druhá světová válka, sté výročí, do třetí ligy"),
        ("cs", "1.–3. místo, 1. a 2. patro", "první až třetí místo, první a druhé patro"),
        ("sk", "3. poschodie, na 3. poschodí, v 20. storočí", "tretie poschodie, na treťom poschodí, v dvadsiatom storočí"),
        ("sk", "5. trieda, 2. svetová vojna, na 3. mieste", "piata trieda, druhá svetová vojna, na treťom mieste"),
        ("sl", "3. nadstropje, v 21. stoletju, na 5. strani", "tretje nadstropje, v enaindvajsetem stoletju, na peti strani"),
        ("hr", "3. kat, na 3. katu, u 20. stoljeću, 21. mjesto", "treći kat, na trećem katu, u dvadesetom stoljeću, dvadeset prvo mjesto"),
        ("bs", "5. razred, 3. godina", "peti razred, treća godina"),
        ("sr", "3. sprat, 3. спрат, у 20. веку", "treći sprat, трећи спрат, у двадесетом веку"),
        ("et", "3. korrus, 3. korrusel, 20. sajandil, 5. klassis", "kolmas korrus, kolmandal korrusel, kahekümnendal sajandil, viiendas klassis"),
        ("et", "21. sajandi algus", "kahekümne esimese sajandi algus"),
        ("lv", "3. stāvs, 3. stāvā, 5. klase, 21. gadsimta", "trešais stāvs, trešajā stāvā, piektā klase, divdesmit pirmā gadsimta"),
        ("pl", "3. piętro, na 3. piętrze, 1.-3. miejsce", "trzecie piętro, na trzecim piętrze, pierwsze do trzecie miejsce"),
        ("fi", "3. kerros, 3. kerroksessa", "kolmas kerros, kolmannessa kerroksessa"),
    ],
)  # fmt: skip
def test_ordinals_agree_with_their_nouns(language: str, text: str, expected: str) -> None:
    """A number with a dot before a noun is its ordinal, declined as the preposition and the noun have it."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize("language", ["cs", "sk", "sl", "hr", "sr", "et", "lv"])
def test_numbers_at_ends_and_in_lists_stay(language: str) -> None:
    """A number at the end of a sentence, of an item, of a version, or too large for an ordinal, stays as it is."""
    for text in ("Abc def 5. Ghi jkl.", "1. abc\n2. def\n3. ghi", "v 1.2. abc", "2026. abc", "5."):
        assert "".join(filter(str.isdigit, spoken(text, language))) == "".join(filter(str.isdigit, text))


@pytest.mark.parametrize("language", ["cs", "sk", "sl", "hr", "bs", "sr", "et", "lv"])
def test_every_ordinal_is_in_words(language: str) -> None:
    """Each ordinal up to 99 is said, each in another way."""
    said = [spoken(f"{number}. abcdef", language) for number in range(1, 100)]

    assert len(set(said)) == 99
    assert not any(any(map(str.isdigit, one)) for one in said)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Platz für Anna, 2. Platz für Ben.", "erster Platz für Anna, zweiter Platz für Ben."),
        ("1. Platz: Anna\n2. Platz: Ben", "erster Platz: Anna.\nzweiter Platz: Ben"),
        ("2. Etage, 3. Kapitel, 1. Klasse, 2. Bundesliga", "zweite Etage, drittes Kapitel, erste Klasse, zweite Bundesliga"),
        ("In 2. Auflage, am 3. Mai, der 2. Versuch, mein 1. Versuch", "In zweiter Auflage, am dritten Mai, der zweite Versuch, mein erster Versuch"),
        ("1.–3. Platz, 1. und 2. Liga", "erster bis dritter Platz, erste und zweite Liga"),
        ("Gewonnen! 1. Platz. Es war das 19. Jahrhundert.", "Gewonnen! erster Platz. Es war das neunzehnte Jahrhundert."),
    ],
)  # fmt: skip
def test_german_ordinals_without_an_article(text: str, expected: str) -> None:
    """Where no sentence can end before it, a number with a dot before a usual noun is its ordinal."""
    assert spoken(text, "de") == expected


@pytest.mark.parametrize(
    "text",
    [
        "Das war Nummer 1. Platz da!",
        "Ich habe 3. Spiele sind toll.",
        "Die Antwort ist 1. Klasse!",
        "1. Platz schaffen.\n2. Klasse wählen.\n3. Teil lesen",
        "1. Milch kaufen.\n2. Brot holen",
    ],
)
def test_german_numbers_at_ends_and_in_lists_stay(text: str) -> None:
    """A number that may end a sentence, or counts the items of a list, is no ordinal."""
    assert spoken(text, "de") == text
