"""Words beside two groups of digits, in languages that write no space within a number.

They tell whether both are one number.

`12 500 people` and `about 12 500` are one number; `page 12 500 words`, `May 12 500 people`, `call 12 500` and
`1 500 ml bottle` may be two. What is in doubt stays as it is.
"""

from __future__ import annotations

import re

import msgspec


class Words(msgspec.Struct, frozen=True):
    """Words of a language."""

    before: str
    """behind these an amount stands"""
    labels: str
    """behind these stands a number that counts nothing"""
    behind: str
    """before these a number may be at its end"""


ENGLISH = Words(
    "about around approximately roughly nearly almost over under of than exceeds exceeding exceeded reached"
    " least most costs cost earned earns some up",
    "page pages room rooms chapter section number no nos bus tram line route flight volume issue item figure"
    " table verse step apartment apt suite extension ext code pin zip year years phase class grade level part"
    " call dial text phone ring tel telephone fax at on in version channel highway road exit gate unit lot",
    "and or for is are was were to from at on in by now today please if when then as with off out up per",
)
ITALIAN = Words(
    "circa oltre quasi di più meno costa costano almeno ai sono quota raggiunto raggiunge",
    "pagina pagine capitolo articolo comma numero n camera stanza interno linea treno volo volume tabella"
    " figura versione classe anno codice telefono tel fax chiamare chiama autobus uscita strada via piazza",
    "e o ed per è sono a da in con oggi ora se poi come al dal il la",
)
PORTUGUESE = Words(
    "cerca mais menos quase aproximadamente de custa custam uns umas até são ultrapassa atingiu",
    "página páginas capítulo artigo número n quarto sala andar linha voo volume tabela figura versão turma"
    " ano código telefone tel fax ligar ligue ônibus autocarro saída estrada rua",
    "e ou para é são a de da do em com hoje agora se como o",
)
SPANISH = Words(
    "unos unas cerca casi más menos aproximadamente de cuesta cuestan hasta son supera alcanzó",
    "página páginas capítulo artículo número n habitación cuarto sala línea vuelo volumen tabla figura"
    " versión año código teléfono tel fax llamar llame autobús salida carretera calle",
    "y o u para es son a de del en con hoy ahora si como el la",
)
DUTCH = Words(
    "ongeveer circa bijna ruim meer minder van kost kosten zo'n rond tot",
    "pagina hoofdstuk artikel nummer nr kamer lijn bus tram vlucht deel tabel figuur versie klas jaar code"
    " telefoon tel fax bel belt toestel",
    "en of voor is zijn was waren naar van aan op in met vandaag nu als dan de het",
)
GERMAN = Words(
    "etwa rund ungefähr knapp fast über circa ca mehr weniger von als kostet kosten bis zirka",
    "Seite Seiten Kapitel Artikel Nummer Nr Zimmer Raum Linie Bus Bahn Flug Band Tabelle Version Klasse Jahr"
    " Code Telefon Tel Fax Durchwahl wählen wähle",
    "und oder für ist sind war waren nach von an am auf in im mit heute jetzt wenn dann als",
)
WORDS = {"en": ENGLISH, "it": ITALIAN, "pt": PORTUGUESE, "es": SPANISH, "nl": DUTCH, "de": GERMAN}
UNITS = re.compile(
    r"(?:[kmc]?[gmlw]|m[gs]|oz|lbs?|[kmgt]b|v|kv|watt|volt|k?hz|grams?|grammi|gramas?|gramos?|gramm?|met(?:er|re|ri|ro|ros)s?"
    r"|lit(?:er|re|ri|ro|ros)s?)\b",
    re.IGNORECASE,
)
"""of things of which there are several: one bottle of 500 ml"""
BEFORE = re.compile(r"(?:^|(?P<apart>[.!?:;,(„«\"“\n–—-])\s*|(?:^|[\s(„«\"“'’])(?P<word>[^\W\d_]+)[.]?\s)\Z")
BEHIND = re.compile(r"\s(?P<word>[^\W\d_]{2,})")


def is_counted(before: str, first: str, behind: str, language: str) -> bool:
    """Return whether two groups of digits, the first of which is given, are a number, by the words around."""
    words = WORDS.get(language)
    left = BEFORE.search(before)
    if words is None or left is None:
        return False
    word = left["word"] or ""
    if word.casefold() in words.before.split():
        return True
    is_label = word in words.labels.split() or word.casefold() in words.labels.casefold().split()
    if is_label or (word[:1].isupper() and word.casefold() not in words.behind.split()):
        return False
    right = BEHIND.match(behind)
    if right is None or right["word"].casefold() in words.behind.split():
        return False
    if right["word"][0].isupper() and language != "de":
        return False
    return len(first) > 1 or not UNITS.match(right["word"])
