"""Units of measure behind numbers, in words: engines spell "km", and drop what stands over or under a line.

The names, in the plural of each number, are those of Unicode's CLDR, by way of Babel.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache, lru_cache

import regex

from engines.api.offsets import Edit
from streaming.text.sign_names import row_of

UNITS = {
    **{"km": "length-kilometer", "m": "length-meter", "cm": "length-centimeter", "mm": "length-millimeter"},
    **{"dm": "length-decimeter", "µm": "length-micrometer", "μm": "length-micrometer"},
    **{"nm": "length-nanometer", "km²": "area-square-kilometer", "m²": "area-square-meter"},
    **{"cm²": "area-square-centimeter", "ha": "area-hectare", "m³": "volume-cubic-meter"},
    **{"cm³": "volume-cubic-centimeter", "km³": "volume-cubic-kilometer", "l": "volume-liter"},
    **{"L": "volume-liter", "ml": "volume-milliliter", "mL": "volume-milliliter", "cl": "volume-centiliter"},
    **{"dl": "volume-deciliter", "hl": "volume-hectoliter", "kg": "mass-kilogram", "g": "mass-gram"},
    **{"mg": "mass-milligram", "µg": "mass-microgram", "μg": "mass-microgram"},
    **{"km/h": "speed-kilometer-per-hour", "m/s": "speed-meter-per-second", "kWh": "energy-kilowatt-hour"},
    **{"W": "power-watt", "kW": "power-kilowatt", "MW": "power-megawatt", "GW": "power-gigawatt"},
    **{"V": "electric-volt", "Hz": "frequency-hertz", "kHz": "frequency-kilohertz"},
    **{"MHz": "frequency-megahertz", "GHz": "frequency-gigahertz", "kB": "digital-kilobyte"},
    **{"KB": "digital-kilobyte", "MB": "digital-megabyte", "GB": "digital-gigabyte"},
    **{"TB": "digital-terabyte", "min": "duration-minute", "hPa": "pressure-hectopascal"},
    **{"kJ": "energy-kilojoule", "kcal": "energy-kilocalorie", "J": "energy-joule"},
    **{
        "ms": "duration-millisecond",
        "m/s²": "acceleration-meter-per-square-second",
        "PB": "digital-petabyte",
    },
    **{"Pa": "pressure-pascal", "kPa": "pressure-kilopascal", "bar": "pressure-bar", "Ω": "electric-ohm"},
    **{"mA": "electric-milliampere", "mW": "power-milliwatt", "px": "graphics-pixel"},
    **{"Mbit": "digital-megabit", "Gbit": "digital-gigabit", "ppm": "concentr-permillion"},
    **{"l/100km": "consumption-liter-per-100-kilometer", "l/100 km": "consumption-liter-per-100-kilometer"},
}
"""of Babel, by what is written"""
OWN = {
    "en": {
        **{"mph": "speed-mile-per-hour", "lb": "mass-pound", "lbs": "mass-pound", "oz": "mass-ounce"},
        **{"ft": "length-foot", "mi": "length-mile", "yd": "length-yard", "sq ft": "area-square-foot"},
        **{"tsp": "volume-teaspoon", "tbsp": "volume-tablespoon", "gal": "volume-gallon"},
        **{"fl oz": "volume-fluid-ounce", "sq mi": "area-square-mile", "dpi": "graphics-dot-per-inch"},
        **{
            "hr": "duration-hour",
            "hrs": "duration-hour",
            "mins": "duration-minute",
            "sec": "duration-second",
        },
        **{"secs": "duration-second", "MP": "graphics-megapixel"},
    },
    "ru": {
        **{"км": "length-kilometer", "см": "length-centimeter", "мм": "length-millimeter"},
        **{"м": "length-meter", "кг": "mass-kilogram", "мг": "mass-milligram", "л": "volume-liter"},
        **{"км/ч": "speed-kilometer-per-hour", "м²": "area-square-meter", "мл": "volume-milliliter"},
        **{"км²": "area-square-kilometer", "м³": "volume-cubic-meter", "мин": "duration-minute"},
        **{"ГБ": "digital-gigabyte", "МБ": "digital-megabyte", "кВт": "power-kilowatt"},
        **{"ч": "duration-hour", "сек": "duration-second", "мкм": "length-micrometer"},
    },
    "de": {"Std": "duration-hour", "Min": "duration-minute", "Sek": "duration-second"},
    "nl": {"km/u": "speed-kilometer-per-hour"},
    "da": {"km/t": "speed-kilometer-per-hour"},
    "nb": {"km/t": "speed-kilometer-per-hour"},
    "tr": {"km/sa": "speed-kilometer-per-hour"},
}
OWN["uk"] = {
    **OWN["ru"],
    "км/год": "speed-kilometer-per-hour",
    "хв": "duration-minute",
}
"""written in one language only"""
DOTTED = {"en": "lb|lbs|oz|ft|mi|yd|tsp|tbsp|gal|hr|hrs|mins|sec|secs", "de": "Std|Min|Sek"}
"""units that may have a dot behind them"""
PER = {"kg/m³": ("mass-kilogram", "volume-cubic-meter"), "MB/s": ("digital-megabyte", "duration-second")}
PER |= {
    f"{prefix}{form}": (f"digital-{name}bit", "duration-second")
    for prefix, name in (("k", "kilo"), ("M", "mega"), ("G", "giga"))
    for form in ("bps", "bit/s", "b/s")
}
PER |= {"kB/s": ("digital-kilobyte", "duration-second"), "GB/s": ("digital-gigabyte", "duration-second")}
NUMBER = r"\d+(?:[.,]\d+)*"
GLYPHS = "½¼¾⅓⅔⅛⅜⅝⅞"
DECLINED = frozenset(["ru", "uk", "be", "pl", "cs", "sk", "hr", "bs", "sr", "sl", "bg", "mk"])
"""languages in which a unit behind a fraction has a form of its own"""
PLAIN_SPACES = str.maketrans("\u00a0\u202f", "  ")
ENDS = regex.compile(r"\s*(?:\Z|\n|[\"”’)]|\s\p{Lu})")
"""what follows the end of a sentence"""
UNREAD = frozenset(["chr"])
LETTERS = "A-Za-zÀ-ɏА-яЁёЇїІіЄєҐґ"


def spelt_units(text: str, language: str) -> Iterator[Edit]:
    """Yield the units of a text in a language, in words, with their numbers."""
    code = row_of(language)
    if code in UNREAD or not any(map(str.isnumeric, text)) or not _has_names(code):
        return
    yield from sorted([*_of_fractions(text, code), *_of_numbers(text, code)])


def _of_fractions(text: str, code: str) -> Iterator[Edit]:
    """Yield the units behind fractions, which are one character or have a slash, by their names."""
    for match in _fraction_pattern(code).finditer(text):
        number = "½" if code in DECLINED else "5" if match["whole"] else "1"
        said = _spelt(_unit(match["unit"], code), number, code)
        if said.startswith(f"{number} "):
            dot = "." if match["dot"] and ENDS.match(text, match.end()) else ""
            before = " " * (text[match.start("unit") - 1] != " ")
            yield Edit(match.start("unit"), match.end(), before + said.removeprefix(f"{number} ") + dot)


def _of_numbers(text: str, code: str) -> Iterator[Edit]:
    for match in _pattern(code).finditer(text):
        unit = _unit(match["unit"], code)
        said = _spelt(unit, match["number"], code)
        dot = "." if match["dot"] and ENDS.match(text, match.end()) else ""
        if said:
            yield Edit(match.start(), match.end(), said + dot)


def in_words(unit: str, number: str, code: str) -> str:
    """Return a number with one of Babel's units in words of a language; nothing where they are not known."""
    return _spelt((unit, ""), number, code) if code not in UNREAD and _has_names(code) else ""


@cache
def _pattern(code: str) -> regex.Pattern[str]:
    return regex.compile(
        rf"(?<![{LETTERS}\d.,:/]|\p{{Sc}}|\p{{Sc}}\ )(?P<number>{NUMBER})\ ?{_written(code)}"
    )


@cache
def _fraction_pattern(code: str) -> regex.Pattern[str]:
    return regex.compile(
        rf"(?<![{LETTERS}\d.,:/])(?P<whole>\d{{1,4}}\ ?)?(?:[{GLYPHS}]|(?<!\d)\d/\d\d?)\ ?" + _written(code)
    )


def _written(code: str) -> str:
    """Return what finds a unit of a language behind a number."""
    known = {**UNITS, **OWN.get(code, {}), **dict.fromkeys(PER, "")}
    units = "|".join(regex.escape(unit) for unit in sorted(known, key=len, reverse=True))
    dotted = rf"(?P<dot>(?<={DOTTED[code]})[.])?" if code in DOTTED else "(?P<dot>(?!))?"
    return rf"(?P<unit>{units}){dotted}(?![{LETTERS}\d²³/^·'’-])"


def _unit(written: str, code: str) -> tuple[str, str]:
    """Return the name of a unit, and what it is divided by."""
    if written in PER:
        return PER[written]
    return OWN.get(code, {}).get(written) or UNITS.get(written, ""), ""


@lru_cache(4096)
def _spelt(unit: tuple[str, str], number: str, code: str) -> str:
    """Return a number with its unit in words; nothing where they are not known."""
    from babel import Locale
    from babel.numbers import format_decimal
    from babel.units import UnknownUnitError, format_compound_unit, format_unit

    try:
        value: int | Decimal = int(number) if number.isdigit() else Decimal("1.5")
        locale = Locale.parse(code)
        if unit[1]:
            said = format_compound_unit(value, unit[0], 1, unit[1], length="long", locale=locale)
        else:
            said = format_unit(value, unit[0], length="long", locale=locale)
        written = format_decimal(value, locale=locale)
    except (UnknownUnitError, ValueError, InvalidOperation, KeyError):
        return ""
    if not said or not unit[0]:
        return ""
    said = said.replace(written, number, 1) if written in said else said
    return said.translate(PLAIN_SPACES)


@cache
def _has_names(code: str) -> bool:
    """Return whether Babel has a language's own names of units, and not those of no language."""
    from babel import Locale, UnknownLocaleError
    from babel.units import format_unit

    try:
        said = format_unit(5, "length-kilometer", length="long", locale=Locale.parse(code))
    except (UnknownLocaleError, ValueError):
        return False
    return "km" not in said


def load_units(language: str) -> None:
    """Load the names of a language."""
    code = row_of(language)
    if _has_names(code):
        _pattern(code)
        _fraction_pattern(code)
        _spelt(("length-kilometer", ""), "5", code)
