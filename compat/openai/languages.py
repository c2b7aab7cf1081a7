"""The languages of Whisper: read in any form that a request gives, and named as answers name them.

The table is that of openai/whisper's tokenizer: its codes, the name of each, and further names. Codes in
other standards, and tags with regions or scripts, are read by `engines.languages`.
"""

from __future__ import annotations

import difflib

from engines.errors import BadInput
from engines.languages import is_unset, language_of_country, primary_language, read_language

TABLE = """
en english
zh chinese,mandarin
de german
es spanish,castilian
ru russian
ko korean
fr french
ja japanese
pt portuguese
tr turkish
pl polish
ca catalan,valencian
nl dutch,flemish
ar arabic
sv swedish
it italian
id indonesian
hi hindi
fi finnish
vi vietnamese
he hebrew
uk ukrainian
el greek
ms malay
cs czech
ro romanian,moldavian,moldovan
da danish
hu hungarian
ta tamil
no norwegian
th thai
ur urdu
hr croatian
bg bulgarian
lt lithuanian
la latin
mi maori
ml malayalam
cy welsh
sk slovak
te telugu
fa persian
lv latvian
bn bengali
sr serbian
az azerbaijani
sl slovenian
kn kannada
et estonian
mk macedonian
br breton
eu basque
is icelandic
hy armenian
ne nepali
mn mongolian
bs bosnian
kk kazakh
sq albanian
sw swahili
gl galician
mr marathi
pa punjabi,panjabi
si sinhala,sinhalese
km khmer
sn shona
yo yoruba
so somali
af afrikaans
oc occitan
ka georgian
be belarusian
tg tajik
sd sindhi
gu gujarati
am amharic
yi yiddish
lo lao
uz uzbek
fo faroese
ht haitian_creole,haitian
ps pashto,pushto
tk turkmen
nn nynorsk
mt maltese
sa sanskrit
lb luxembourgish,letzeburgesch
my myanmar,burmese
bo tibetan
tl tagalog
mg malagasy
as assamese
tt tatar
haw hawaiian
ln lingala
ha hausa
ba bashkir
jv javanese
su sundanese
yue cantonese
"""
"""code and names (the first is the one that answers use; "_" for a space)"""
OWN_CODES = {"fil": "tl", "nb": "no", "jw": "jv"}
"""languages that Whisper knows by another code than the registry's, or that it has used itself"""
CODE_LENGTH = 3
LONGEST_NAME = 20
"""letters of a language's name that are compared with others"""

_ROWS = [line.split() for line in TABLE.strip().splitlines()]
NAMES = {code: names.split(",")[0].replace("_", " ") for code, names in _ROWS}
"""the name of each code, in lower-case English"""
_CODES = {name.replace("_", " "): code for code, names in _ROWS for name in (code, *names.split(","))}


def to_name(code: str) -> str:
    """Return a language's name as Whisper has it, in lower-case English; a code it does not know stays as it
    is.
    """
    return NAMES.get(_code_of_tag(code.casefold()) or "", code)


def to_code(value: str) -> str | None:
    """Return the code of a language given as `en`, `EN`, `en-US`, `eng`, `english`; None for "" and `auto`.

    Raises BadInput with OpenAI's code where Whisper has no such language.
    """
    folded = value.strip().casefold().replace("_", "-")
    if is_unset(value):
        return None
    found = _CODES.get(folded) or _code_of_tag(folded)
    if found is None:
        raise BadInput(_advice(value, folded), param="language", code="invalid_language_format")
    return found


def _advice(value: str, folded: str) -> str:
    """Return what is wrong with a language, and what to write."""
    invalid = f"Invalid language '{value[:40]}'. Language parameter must be specified in ISO-639-1 format."
    meant = primary_language(language_of_country(folded) or "")
    if meant in NAMES:
        return f"{invalid} For {NAMES[meant].title()} that is '{meant}'."
    near = difflib.get_close_matches(folded[:LONGEST_NAME], _CODES, 1) if len(folded) > CODE_LENGTH else []
    if near:
        code = _CODES[near[0]]
        return f"{invalid} For {NAMES[code].title()} that is '{code}'."
    return f"{invalid} Write for example 'en', 'de' or 'pt-BR', or leave it out to have it found."


def _code_of_tag(tag: str) -> str | None:
    """Return Whisper's code of a tag, None where it is no tag or none that Whisper knows."""
    language = primary_language(tag)
    if language in NAMES and "-" not in tag:  # behind it may be what changes it: `zh-yue`
        return language
    language = primary_language(read_language(tag) or "")
    language = OWN_CODES.get(language, language)
    if language not in NAMES:
        language = primary_language(tag)
    return language if language in NAMES else None
