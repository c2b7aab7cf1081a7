"""Language tags (BCP-47, RFC 5646), read in the spellings that people and programs use.

`langcodes` knows the registry: old codes, three-letter codes, macrolanguages. It is imported when it is first
needed, since a worker in an environment that an earlier version made does not have it.
"""

from __future__ import annotations

import re
from functools import cache

UNREGISTERED = {"sp": "es", "zlm": "ms", "pbt": "ps", "pbu": "ps"}
"""codes that are written for languages: of nobody, or of one of several that the registry does not join"""
NAMES = """
af afrikaans|am amharic|ar arabic,العربية|as assamese|az azerbaijani|ba bashkir|be belarusian
bg bulgarian,български|bn bengali,bangla|bo tibetan|br breton|bs bosnian|ca catalan,valencian,català
cs czech,čeština,cestina|cy welsh|da danish,dansk|de german,deutsch|el greek,ελληνικά|en english
en-GB british,british english,uk english|en-US american,american english,us english|eo esperanto
es spanish,castilian,español,espanol|et estonian|eu basque|fa persian,farsi,فارسی|fi finnish,suomi
fil filipino,tagalog|fo faroese|fr french,français,francais|ga irish|gl galician|gu gujarati
ha hausa|haw hawaiian|he hebrew,עברית|hi hindi,हिन्दी|hr croatian,hrvatski|ht haitian creole,haitian
hu hungarian,magyar|hy armenian|id indonesian,bahasa,bahasa indonesia|is icelandic
it italian,italiano|ja japanese,日本語|jv javanese|ka georgian|kk kazakh|km khmer|kn kannada
ko korean,한국어|ku kurdish|ky kyrgyz|la latin|lb luxembourgish,letzeburgesch|ln lingala|lo lao
lt lithuanian|lv latvian|mg malagasy|mi maori|mk macedonian|ml malayalam|mn mongolian|mr marathi
ms malay,bahasa melayu,bahasa malaysia|mt maltese|my burmese,myanmar|ne nepali
nl dutch,flemish,nederlands|nn nynorsk,norwegian nynorsk|no norwegian,norsk
nb bokmål,norwegian bokmål|oc occitan|or odia,oriya|pa punjabi,panjabi|pl polish,polski
ps pashto,pushto|pt portuguese,português|pt-BR brazilian,brazilian portuguese
pt-PT european portuguese|ro romanian,moldavian,moldovan,română|ru russian,русский|sa sanskrit
sd sindhi|si sinhala,sinhalese|sk slovak,slovenčina|sl slovenian,slovene,slovenščina|sn shona
so somali|sq albanian|sr serbian,serbo-croatian,српски,srpski|su sundanese|sv swedish,svenska
sw swahili|ta tamil|te telugu|tg tajik|th thai,ไทย|tk turkmen|tr turkish,türkçe,turkce|tt tatar
ug uyghur|uk ukrainian,українська|ur urdu|uz uzbek|vi vietnamese,tiếng việt|yi yiddish|yo yoruba
yue cantonese,粵語|zh chinese,mandarin,mandarin chinese,中文|zu zulu
"""
"""tags, and the names that people write for them"""
COUNTRY = re.compile(r"(?!aa|q[m-z]|x.|zz)[a-z]{2}")
"""a country's code: those that ISO 3166 leaves to users are none"""
TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}")


def primary_language(tag: str) -> str:
    """Return a tag's first subtag in lower case: `pt` of `pt-BR` and `PT_br`, nothing of nothing."""
    return tag.strip().casefold().replace("_", "-").partition("-")[0]


def standard_tag(tag: str) -> str:
    """Return the standard form of a tag: `pt-BR` of `pt_br`, `de` of `ger`, `he` of `iw`, `zh` of `cmn`.

    Raises ValueError for what is no tag by its form. A well-formed tag that nobody registered stays as it is.
    """
    import langcodes

    return langcodes.standardize_tag(tag, macro=True)


def read_language(value: str) -> str | None:
    """Return the standard tag of a language, however it is written: `pt_BR`, `german`, `deu`, `iw`, `jp`.

    None where it is none that is known, by its tag or its name.
    """
    import langcodes

    folded = " ".join(value.casefold().partition(".")[0].replace("_", "-").split())
    if found := _names().get(folded.replace("-", " ")):
        return found
    first, dash, rest = folded.partition("-")
    folded = f"{UNREGISTERED.get(first, first)}{dash}{rest}"
    if not is_tag(folded):
        return None
    try:
        tag = standard_tag(folded)
    except ValueError:
        return None
    return tag if langcodes.tag_is_valid(tag) else language_of_country(folded)


def language_of_country(code: str) -> str | None:
    """Return the tag of the language that most people speak in a country: `ja-JP` of `jp`, `uk-UA` of `ua`.

    People write countries for languages. None for what is no country's code.
    """
    import langcodes

    if not COUNTRY.fullmatch(code) or not langcodes.tag_is_valid(f"und-{code}"):
        return None
    found = langcodes.Language.make(territory=code.upper()).maximize()
    return f"{found.language}-{found.territory}"


@cache
def likely_region(language: str) -> str:
    """Return the country where most people speak a language: `US` of `en`, `BR` of `pt`; "" of none known."""
    import langcodes

    if not langcodes.tag_is_valid(language):
        return ""
    return langcodes.Language.get(language).maximize().territory or ""


def alike(one: str, other: str) -> bool:
    """Return whether two tags name one language: `zh-CN` and `cmn`, `nb` and `no`, `fil` and `tl`."""
    return _base(one) == _base(other)


@cache
def _base(tag: str) -> str:
    try:
        base = primary_language(standard_tag(tag.replace("_", "-")))
    except ValueError:
        base = primary_language(tag)
    return SAME.get(base, base)


SAME = {"nb": "no", "tl": "fil", "jw": "jv"}
"""codes that are used for the same language"""


@cache
def _names() -> dict[str, str]:
    rows = (row.partition(" ") for line in NAMES.strip().splitlines() for row in line.split("|"))
    return {name.replace("-", " "): tag for tag, _, names in rows for name in names.split(",")}


def is_tag(value: str) -> bool:
    """Tell whether a value has the form of a tag: subtags of letters and digits, the first of letters
    alone.
    """
    return TAG.fullmatch(value) is not None
