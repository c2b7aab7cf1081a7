"""Tests of abbreviated weekdays and months: whole words beside numbers and in ranges, and words of a text stay."""

from __future__ import annotations

import pytest
from spoken_texts import spoken

from streaming.text.calendar_names import spelt_calendar


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Mon–Fri 9–17, Sat-Sun, Jan–Mar 2025", "Monday to Friday 9 to 17, Saturday to Sunday, January to March 2025"),
        ("en", "Monday-Friday, Apr 5-Jun 6", "Monday to Friday, April 5-June 6"),
        ("de", "Mo–Fr 9–17 Uhr, Sa-So, Mo.-Do., Jan–März", "Montag bis Freitag 9 bis 17 Uhr, Samstag bis Sonntag, Montag bis Donnerstag, Januar bis März"),
        ("fr", "Lun–Ven, janv.–mars", "lundi à vendredi, janvier à mars"),
        ("es", "Lun-Vie, ene–mar, mar-jue", "lunes a viernes, enero a marzo, martes a jueves"),
        ("it", "Lun–Ven, gen–mar", "lunedì a venerdì, gennaio a marzo"),
        ("pt", "Seg–Sex", "segunda-feira a sexta-feira"),
        ("nl", "Ma–vr, jan–mrt", "maandag tot vrijdag, januari tot maart"),
        ("sv", "Mån–fre, jan–mar", "måndag till fredag, januari till mars"),
        ("da", "Man–fre", "mandag til fredag"),
        ("pl", "Pn–Pt, od pn-pt, sty–mar.", "od poniedziałku do piątku, od poniedziałku do piątku, od stycznia do marca."),
        ("ru", "Пн–Пт, с пн–пт, янв–март", "с понедельника по пятницу, с понедельника по пятницу, с января по март"),
        ("uk", "Пн–Пт, січ–бер", "з понеділка до п'ятниці, з січня до березня"),
        ("cs", "Po–Pá", "pondělí až pátek"),
        ("hu", "H–P, jan.–márc.", "hétfőtől péntekig, januártól márciusig."),
        ("fi", "ma–pe", "maanantaista perjantaihin"),
        ("ja", "月～金", "月曜日から金曜日"),
        ("zh", "周一–周五", "星期一到星期五"),
        ("ar", "الاثنين–الجمعة", "الاثنين إلى الجمعة"),
        ("hi", "सोम–शुक्र", "सोमवार से शुक्रवार"),
        ("tr", "Pzt–Cum", "Pazartesi ila Cuma"),
    ],
)  # fmt: skip
def test_ranges_of_days_and_months(language: str, text: str, expected: str) -> None:
    """Two short names with a dash are said whole, with the words from and to of their language."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Dec 25, 2024, 25 Dec. 2024, Sept 2024", "December 25, 2024, 25 December 2024, September 2024"),
        ("en", "the 5th Sep. Then", "the 5th September. Then"),
        ("en", "Sat 10am, Fri, Jan 5, Mon, Wed and Fri", "Saturday 10am, Friday, January 5, Monday, Wednesday and Friday"),
        ("de", "5. Dez. 2024, am 3. Okt. kam er, Di 10 Uhr", "fünfter Dezember 2024, am dritten Oktober kam er, Dienstag 10 Uhr"),
        ("es", "5 de sept de 2024", "5 de septiembre de 2024"),
        ("fr", "le 25 déc. 2024, mar. 14h30", "le 25 décembre 2024, mardi 14 heures 30"),
        ("ru", "5 янв. 2024", "5 января 2024"),
        ("nb", "5. okt. 2024", "5. oktober 2024"),
    ],
)  # fmt: skip
def test_days_and_months_beside_numbers(language: str, text: str, expected: str) -> None:
    """A short name beside a day, a year, a time or another is said whole, and ends a sentence where it did."""
    assert spoken(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "en",
            "so-so, we may do, Mar-a-Lago, sun 5, the sat nav, Sun-Times, May 5, in mar 5, a Jan, Jan Smith",
        ),
        ("de", "so-so, do-re-mi, die Mai-Feier, di-do"),
        ("fr", "je-me, le sam et la soeur"),
        ("nl", "do-it, in de zo"),
        ("es", "el mar 5, sol-mar"),
        ("hi", "25 दिसंबर 2024, सोमवार"),
        ("de", "Fr. 3.50, Fr. Müller, so 10, Do it"),
        ("xx", "Mon–Fri"),
    ],
)
def test_words_of_a_text_stay(language: str, text: str) -> None:
    """What only looks like a short name stays."""
    assert list(spelt_calendar(text, language)) == []
