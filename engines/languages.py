"""Language tags (BCP-47, RFC 5646), read in the spellings that people and programs use.

`langcodes` knows the registry: old codes, three-letter codes, macrolanguages. It is imported when it is first
needed, since a worker in an environment that an earlier version made does not have it.
"""

from __future__ import annotations

import re
from functools import cache

UNSTANDARD = {
    "jp": "ja",
    "cn": "zh",
    "cz": "cs",
    "dk": "da",
    "gr": "el",
    "ua": "uk",
    "vn": "vi",
    "us": "en-US",
    "gb": "en-GB",
}
"""codes of countries that people write for languages; none of them is a language's own"""
NAMES = """
af afrikaans|am amharic|ar arabic|as assamese|az azerbaijani|ba bashkir|be belarusian|bg bulgarian
bn bengali,bangla|bo tibetan|br breton|bs bosnian|ca catalan,valencian|cs czech|cy welsh|da danish
de german,deutsch|el greek|en english|en-GB british,british english,uk english
en-US american,american english,us english|eo esperanto|es spanish,castilian,español|et estonian
eu basque|fa persian,farsi|fi finnish|fil filipino,tagalog|fo faroese|fr french,français|ga irish
gl galician|gu gujarati|ha hausa|haw hawaiian|he hebrew|hi hindi|hr croatian|ht haitian creole,haitian
hu hungarian|hy armenian|id indonesian|is icelandic|it italian,italiano|ja japanese,日本語|jv javanese
ka georgian|kk kazakh|km khmer|kn kannada|ko korean,한국어|ku kurdish|ky kyrgyz|la latin
lb luxembourgish,letzeburgesch|ln lingala|lo lao|lt lithuanian|lv latvian|mg malagasy|mi maori
mk macedonian|ml malayalam|mn mongolian|mr marathi|ms malay|mt maltese|my burmese,myanmar|ne nepali
nl dutch,flemish,nederlands|nn nynorsk|no norwegian|nb bokmål|oc occitan|or odia|pa punjabi,panjabi
pl polish,polski|ps pashto,pushto|pt portuguese,português|pt-BR brazilian,brazilian portuguese
pt-PT european portuguese|ro romanian,moldavian,moldovan|ru russian,русский|sa sanskrit|sd sindhi
si sinhala,sinhalese|sk slovak|sl slovenian|sn shona|so somali|sq albanian|sr serbian|su sundanese
sv swedish,svenska|sw swahili|ta tamil|te telugu|tg tajik|th thai|tk turkmen|tr turkish,türkçe|tt tatar
ug uyghur|uk ukrainian|ur urdu|uz uzbek|vi vietnamese|yi yiddish|yo yoruba|yue cantonese
zh chinese,mandarin,中文|zu zulu
"""
"""tags, and the names that people write for them"""
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
    folded = f"{UNSTANDARD.get(first, first)}{dash}{rest}"
    if not is_tag(folded):
        return None
    try:
        tag = standard_tag(folded)
    except ValueError:
        return None
    return tag if langcodes.tag_is_valid(tag) else None


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
    return {name: tag for tag, _, names in rows for name in names.split(",")}


def is_tag(value: str) -> bool:
    """Tell whether a value has the form of a tag: subtags of letters and digits, the first of letters
    alone.
    """
    return TAG.fullmatch(value) is not None
