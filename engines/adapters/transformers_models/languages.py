"""The languages of speech models by their BCP-47 tags.

Meta's MMS names them by ISO 639-3 codes, at times with a script.
"""

from __future__ import annotations

import re

TABLE = """
aar:aa abk:ab afr:af aka:ak alb:sq als:sq amh:am ara:ar arb:ar arg:an hye:hy asm:as ava:av ave:ae aym:ay
ayr:ay aze:az azb:az azj:az bak:ba bam:bm eus:eu bel:be ben:bn bis:bi bod:bo bos:bs bre:br bul:bg cat:ca
ces:cs cha:ch che:ce chu:cu chv:cv cmn:zh cor:kw cos:co cre:cr cym:cy dan:da deu:de div:dv dzo:dz ekk:et
ell:el eng:en epo:eo est:et ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr fry:fy ful:ff gla:gd gle:ga glg:gl
glv:gv grn:gn gug:gn guj:gu hat:ht hau:ha heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu ibo:ig ido:io iii:ii
iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka kau:kr kaz:kk
khk:mn khm:km kik:ki kin:rw kir:ky kmr:ku kom:kv kon:kg kor:ko kua:kj kur:ku lao:lo lat:la lav:lv lim:li
lin:ln lit:lt ltz:lb lub:lu lug:lg lvs:lv mah:mh mal:ml mar:mr mkd:mk mlg:mg mlt:mt mol:ro mon:mn mri:mi
msa:ms mya:my nau:na nav:nv nbl:nr nde:nd ndo:ng nep:ne npi:ne nld:nl nno:nn nob:nb nor:no nya:ny oci:oc
oji:oj ori:or ory:or orm:om gaz:om oss:os pan:pa pbu:ps pes:fa pli:pi plt:mg pol:pl por:pt pus:ps que:qu
roh:rm ron:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slv:sl sme:se smo:sm sna:sn snd:sd som:so sot:st
spa:es sqi:sq srd:sc srp:sr ssw:ss sun:su swa:sw swe:sv swh:sw tah:ty tam:ta tat:tt tel:te tgk:tg tha:th
tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:ak uig:ug ukr:uk urd:ur uzb:uz uzn:uz ven:ve vie:vi vol:vo
wln:wa wol:wo xho:xh ydd:yi yid:yi yor:yo zha:za zho:zh zsm:ms zul:zu
"""
TWO_LETTER_CODES = dict(pair.split(":") for pair in TABLE.split())
"""by three-letter codes; a language without one keeps its three letters, as BCP-47 has it"""
SCRIPTS = {
    "arabic": "Arab",
    "cyrillic": "Cyrl",
    "devanagari": "Deva",
    "ethiopic": "Ethi",
    "hebrew": "Hebr",
    "khmer": "Khmr",
    "latin": "Latn",
    "oriya": "Orya",
    "telugu": "Telu",
    "thai": "Thai",
    "tibetan": "Tibt",
}
MODEL_CODE = re.compile(r"([a-z]{2,3})(?:-script_([a-z]+))?(?:-dialect_[a-z]+)?")
MMS_NAME = re.compile(r"mms-tts-([a-z]{3}(?:-script_[a-z]+)?)(?![a-z])")


def bcp47_tag(code: str | None) -> str:
    """Return the BCP-47 tag of a code like `deu`, `uzb-script_cyrillic` or `en`; nothing for no code."""
    match = MODEL_CODE.fullmatch(code.strip().lower()) if code else None
    if not match:
        return ""
    language = TWO_LETTER_CODES.get(match[1], match[1])
    script = SCRIPTS.get(match[2] or "")
    return f"{language}-{script}" if script else language


def tag_in_names(*names: str) -> str:
    """Return the tag in a repository's name like `facebook/mms-tts-deu`, the first found; nothing if none."""
    return next((bcp47_tag(match[1]) for name in names if (match := MMS_NAME.search(name.lower()))), "")
