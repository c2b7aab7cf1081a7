"""Whisper's languages: the codes that requests give, in any of their forms, and the names that answers give.

The table is that of openai/whisper's tokenizer (names and their aliases), with the three-letter codes of ISO
639-2 and 639-3.
"""

from __future__ import annotations

from engines.errors import BadInput

TABLE = """
en eng english
zh zho,chi chinese,mandarin
de deu,ger german
es spa spanish,castilian
ru rus russian
ko kor korean
fr fra,fre french
ja jpn japanese
pt por portuguese
tr tur turkish
pl pol polish
ca cat catalan,valencian
nl nld,dut dutch,flemish
ar ara arabic
sv swe swedish
it ita italian
id ind indonesian
hi hin hindi
fi fin finnish
vi vie vietnamese
he heb hebrew
uk ukr ukrainian
el ell,gre greek
ms msa,may malay
cs ces,cze czech
ro ron,rum romanian,moldavian,moldovan
da dan danish
hu hun hungarian
ta tam tamil
no nor norwegian
th tha thai
ur urd urdu
hr hrv croatian
bg bul bulgarian
lt lit lithuanian
la lat latin
mi mri,mao maori
ml mal malayalam
cy cym,wel welsh
sk slk,slo slovak
te tel telugu
fa fas,per persian
lv lav latvian
bn ben bengali
sr srp serbian
az aze azerbaijani
sl slv slovenian
kn kan kannada
et est estonian
mk mkd,mac macedonian
br bre breton
eu eus,baq basque
is isl,ice icelandic
hy hye,arm armenian
ne nep nepali
mn mon mongolian
bs bos bosnian
kk kaz kazakh
sq sqi,alb albanian
sw swa swahili
gl glg galician
mr mar marathi
pa pan punjabi,panjabi
si sin sinhala,sinhalese
km khm khmer
sn sna shona
yo yor yoruba
so som somali
af afr afrikaans
oc oci occitan
ka kat,geo georgian
be bel belarusian
tg tgk tajik
sd snd sindhi
gu guj gujarati
am amh amharic
yi yid yiddish
lo lao lao
uz uzb uzbek
fo fao faroese
ht hat haitian_creole,haitian
ps pus pashto,pushto
tk tuk turkmen
nn nno nynorsk
mt mlt maltese
sa san sanskrit
lb ltz luxembourgish,letzeburgesch
my mya,bur myanmar,burmese
bo bod,tib tibetan
tl tgl tagalog
mg mlg malagasy
as asm assamese
tt tat tatar
haw haw hawaiian
ln lin lingala
ha hau hausa
ba bak bashkir
jv jav,jw javanese
su sun sundanese
yue yue cantonese
"""
"""code, three-letter codes, names (the first is the one answers use; "_" for a space)"""

_ROWS = [line.split() for line in TABLE.strip().splitlines()]
NAMES = {code: names.split(",")[0].replace("_", " ") for code, _, names in _ROWS}
_CODES = {
    known.replace("_", " "): code
    for code, others, names in _ROWS
    for known in (code, *others.split(","), *names.split(","))
}


def to_name(code: str) -> str:
    """Name a language as Whisper does, in lower-case English; a code it does not know stays as it is."""
    return NAMES.get(code.casefold(), code)


def to_code(value: str) -> str | None:
    """Read `en`, `EN`, `en-US`, `eng`, `english`; "" and `auto` mean unset. Raises BadInput with OpenAI's
    code.
    """
    folded = value.strip().casefold().replace("_", "-")
    if folded in ("", "auto", "none", "null", "undefined"):
        return None
    first = folded.split("-")[0]
    found = _CODES.get(folded) or (_CODES.get(first) if len(first) <= 3 else None)
    if found is None:
        message = (
            f"Invalid language '{value[:40]}'. Language parameter must be specified in ISO-639-1 format."
        )
        raise BadInput(message, param="language", code="invalid_language_format")
    return found
