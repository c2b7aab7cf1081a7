"""Language tags (BCP-47, RFC 5646), read in the spellings that people and programs use.

`langcodes` knows the registry: old codes, three-letter codes, macrolanguages. It is imported when it is first
needed, since a worker in an environment that an earlier version made does not have it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

UNREGISTERED = {"sp": "es", "zlm": "ms", "pbt": "ps", "pbu": "ps", "prs": "fa", "kr": "ko"}
"""codes that are written for languages: of nobody, of a country, or of one of several that the registry does
not join
"""
ARABIC = frozenset(
    {"arz", "apc", "ajp", "ary", "arq", "aeb", "afb", "acm", "acw", "acx", "ars", "aec", "ayl", "apd", "shu"}
)
"""codes of the Arabic that is spoken in one country or another"""
UNSET = frozenset(
    {
        *(
            "",
            "auto",
            "automatic",
            "autodetect",
            "auto detect",
            "auto detection",
            "detect",
            "detect language",
        ),
        *("none", "null", "undefined", "und", "unknown", "unspecified", "default", "any", "all"),
        *("c", "posix", "c.utf 8"),
        *("mul", "multi", "multilingual", "multilanguage", "multiple", "mixed"),
    }
)
"""what clients send where they mean: find out; as `folded` writes it"""
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
OWN_NAMES = """
af afrikaans|az azərbaycan,azərbaycanca|be беларуская|bn বাংলা|bs bosanski|cs čeština,český
cy cymraeg|et eesti,eesti keel|eu euskara,euskera|fil wikang filipino|ga gaeilge|gl galego
gu ગુજરાતી|hi हिंदी,hindī|hy հայերեն|id indonesia|is íslenska|ja nihongo|ka ქართული
kk қазақша,қазақ тілі|km ខ្មែរ,khmer|kn ಕನ್ನಡ|ko 한국말,hangugeo|ky кыргызча|lb lëtzebuergesch
lo ລາວ|lt lietuvių,lietuvių kalba|lv latviešu,latviešu valoda|mk македонски|ml മലയാളം
mn монгол|mr मराठी|ms melayu|mt malti|my မြန်မာ|nb bokmaal,norsk bokmål|ne नेपाली
nn norsk nynorsk|pa ਪੰਜਾਬੀ|pl polszczyzna,język polski|ps پښتو|sd سنڌي|si සිංහල
sk slovenský jazyk|sl slovenski|sq shqip,shqipe|sr srpski jezik|sv svensk|sw kiswahili
ta தமிழ்|te తెలుగు|tg тоҷикӣ|tl tagalog|tr türk|ur اردو|uz oʻzbek,o'zbek,ozbek
vi tiếng việt nam|yi ייִדיש|yue 粤语,廣東話,广东话|zh 汉语,漢語,普通话,國語,国语,华语
zh-Hans simplified chinese,简体中文,简体|zh-Hant traditional chinese,繁體中文,繁体中文,繁體
ar-EG egyptian arabic|de-AT austrian german|de-CH swiss german|en-AU australian english
en-CA canadian english|en-IN indian english|es-MX mexican spanish
es-419 latin american spanish|fr-CA canadian french|fr-BE belgian french|nl-BE belgian dutch
"""
"""further names: those of languages in themselves, and those with a place before them"""
PLACES = """
Hans simplified,simp,简体|Hant traditional,trad,繁體,繁体|Latn latin|Cyrl cyrillic|AR argentina
AT austria|AU australia|BE belgium|BR brazil,brasil|CA canada|CH switzerland
CN mainland china,china,mainland,prc|DE germany|EG egypt|ES spain,españa,european|FR france
GB uk,united kingdom,great britain,britain,british,england|HK hong kong|IE ireland|IN india
IT italy|MX mexico,méxico|NL netherlands|NZ new zealand|PT portugal|SA saudi arabia
SG singapore|TW taiwan|US usa,united states,united states of america,america,american
ZA south africa|419 latin america,latam
"""
"""scripts and places that stand behind a language's name: `Portuguese (Brazil)`"""
QUALIFIED = re.compile(r"([^(),/]+?)(?: *[(,/] *| - )([^(),/]+?) *\)?")
COUNTRY = re.compile(r"(?!aa|q[m-z]|x.|zz)[a-z]{2}")
"""a country's code: those that ISO 3166 leaves to users are none"""
LONGEST_NAME = 100
"""characters of a name that are compared"""
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
    if found := _read(value):
        return found
    listed = _listed(value)
    return listed[0] if listed and len(set(map(_base, listed))) == 1 else None


def _read(value: str) -> str | None:
    import langcodes

    named = folded(value)
    if found := _names().get(named) or _qualified(named):
        return found
    # locales of POSIX name a charset and a modifier behind the tag: `de_DE.UTF-8@euro`
    written = (
        re.split("[.@]", value.casefold(), maxsplit=1)[0].strip().replace("_", "-").removesuffix("-posix")
    )
    first, dash, rest = written.partition("-")
    written = f"{'ar' if first in ARABIC else UNREGISTERED.get(first, first)}{dash}{rest}"
    if not is_tag(written):
        return None
    try:
        tag = standard_tag(written)
    except ValueError:
        return None
    return tag if langcodes.tag_is_valid(tag) else language_of_country(written)


def folded(value: str) -> str:
    """Return a name as names are compared: in lower case, without accents, with spaces for dashes."""
    plain = unicodedata.normalize("NFKD", value[:LONGEST_NAME].casefold())
    kept = "".join(char for char in plain if not unicodedata.combining(char))
    return " ".join(kept.replace("_", " ").replace("-", " - " if " - " in kept else " ").split())


def is_unset(value: str) -> bool:
    """Return whether a language's name says that it is to be found out; so do several languages together."""
    if folded(value) in UNSET:
        return True
    return _read(value) is None and len(set(map(_base, _listed(value)))) > 1


def _listed(value: str) -> list[str]:
    """Return the tags of a list of languages, as browsers send them: `de-DE,de;q=0.9`; none where one is not
    known.
    """
    parts = [one.partition(";")[0] for one in re.split("[,|]", value[:LONGEST_NAME])]
    tags = [_read(one) for one in parts if one.strip()] if len(parts) > 1 else []
    return [tag for tag in tags if tag] if all(tags) else []


def _qualified(named: str) -> str | None:
    """Return the tag of a language with a place or script behind it: `Chinese (Simplified)`."""
    match = QUALIFIED.fullmatch(named)
    language = _names().get(match[1].strip()) if match else None
    if match is None or language is None:
        return None
    if (other := _names().get(match[2].strip())) and match[2].strip() not in _places():
        return other if alike(language, other) else None
    place = _places().get(match[2].strip()) or (match[2].upper() if COUNTRY.fullmatch(match[2]) else "")
    tag = f"{primary_language(language)}-{place}" if place else language
    try:
        return standard_tag(tag)
    except ValueError:
        return language


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
    return _table(NAMES) | _table(OWN_NAMES)


@cache
def _places() -> dict[str, str]:
    return _table(PLACES)


def _table(text: str) -> dict[str, str]:
    """Read a table of tags and names, with names as they are compared."""
    rows = (row.partition(" ") for line in text.strip().splitlines() for row in line.split("|"))
    return {folded(name): tag for tag, _, names in rows for name in names.split(",")}


def is_tag(value: str) -> bool:
    """Tell whether a value has the form of a tag: subtags of letters and digits, the first of letters
    alone.
    """
    return TAG.fullmatch(value) is not None
