"""What days and months are called from one to another, in languages in which they decline there."""

from __future__ import annotations

PREPOSITIONS = {"ru": "с", "uk": "з", "pl": "od", "hr": "od", "sl": "od"}
"""what stands before the first, and is not said twice where it is written"""
RUSSIAN_DAYS = "понедельника вторника среды четверга пятницы субботы воскресенья"
RUSSIAN_LAST_DAYS = "понедельник вторник среду четверг пятницу субботу воскресенье"
RUSSIAN_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря"
UKRAINIAN_DAYS = "понеділка вівторка середи четверга п'ятниці суботи неділі"
UKRAINIAN_MONTHS = "січня лютого березня квітня травня червня липня серпня вересня жовтня листопада грудня"
POLISH_DAYS = "poniedziałku wtorku środy czwartku piątku soboty niedzieli"
POLISH_MONTHS = (
    "stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października listopada grudnia"
)
CROATIAN_DAYS = "ponedjeljka utorka srijede četvrtka petka subote nedjelje"
SLOVENE_DAYS = "ponedeljka torka srede četrtka petka sobote nedelje"
FINNISH_DAYS = "maanantaista tiistaista keskiviikosta torstaista perjantaista lauantaista sunnuntaista"
FINNISH_LAST_DAYS = "maanantaihin tiistaihin keskiviikkoon torstaihin perjantaihin lauantaihin sunnuntaihin"
HUNGARIAN_DAYS = "hétfőtől keddtől szerdától csütörtöktől péntektől szombattól vasárnaptól"
HUNGARIAN_MONTHS = (
    "januártól februártól márciustól áprilistól májustól júniustól júliustól augusztustól szeptembertől"
    " októbertől novembertől decembertől"
)
CASES: dict[tuple[str, str], tuple[str, str]] = {
    ("ru", "day"): (f"с |{RUSSIAN_DAYS}", f"по |{RUSSIAN_LAST_DAYS}"),
    ("ru", "month"): (f"с |{RUSSIAN_MONTHS}", "по |*"),
    ("uk", "day"): (f"з |{UKRAINIAN_DAYS}", f"до |{UKRAINIAN_DAYS}"),
    ("uk", "month"): (f"з |{UKRAINIAN_MONTHS}", f"до |{UKRAINIAN_MONTHS}"),
    ("pl", "day"): (f"od |{POLISH_DAYS}", f"do |{POLISH_DAYS}"),
    ("pl", "month"): (f"od |{POLISH_MONTHS}", f"do |{POLISH_MONTHS}"),
    ("hr", "day"): (f"od |{CROATIAN_DAYS}", f"do |{CROATIAN_DAYS}"),
    ("sl", "day"): (f"od |{SLOVENE_DAYS}", f"do |{SLOVENE_DAYS}"),
    ("fi", "day"): (f"|{FINNISH_DAYS}", f"|{FINNISH_LAST_DAYS}"),
    ("fi", "month"): ("|*sta", "|*hun"),
    ("hu", "day"): (f"|{HUNGARIAN_DAYS}", "|*ig"),
    ("hu", "month"): (f"|{HUNGARIAN_MONTHS}", "|*ig"),
}
"""by language and kind: a preposition and the names, days from Monday and months from January, or a star for
the name by itself with its ending"""


def whole(template: str, number: int, name: str) -> str:
    """Return a day, counted from 0, or a month, counted from 1, as a template has it."""
    preposition, _, names = template.partition("|")
    if names.startswith("*"):
        return preposition + name + names[1:]
    words = names.split()
    return preposition + words[number if len(words) == 7 else number - 1]
