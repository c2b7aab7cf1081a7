"""Words with a capital letter that are no names: behind a number or an abbreviation they begin a sentence.

German nouns and names of all languages have capitals too, so a capital letter alone does not tell whether
`Am 5. Mai` or `Am 5. Danach` stands there. These words are pronouns, articles, conjunctions and adverbs.
"""

from __future__ import annotations

import regex

STARTS = {
    "de": """
    ich du er sie es wir ihr man das dies dieser diese dieses der die ein eine und aber oder denn doch dann
    danach davor dabei dadurch darum deshalb deswegen heute morgen gestern jetzt nun hier dort da so wenn als
    weil ob wer was wie wo wann warum nicht kein keine alle alles auch noch schon nur mein meine sein seine
    unser unsere ja nein bitte leider jedoch später zuerst vorher nachher trotzdem außerdem in im am auf bei
    mit nach von vor zu zum zur für ohne um durch gegen seit bis aus geboren kommt war ist hat
    """,
    "nl": """
    ik jij je hij zij ze het wij we jullie de dit dat deze die een en maar of want dus dan daarna toen nu hier
    daar er vandaag morgen gisteren als wie wat waar wanneer hoe niet geen ook nog in op aan bij met naar van
    voor om
    """,
    "pl": """
    ja ty on ona ono my wy oni one to ten ta te i a ale lecz albo lub więc potem wtedy teraz dziś dzisiaj
    jutro wczoraj tu tam tutaj gdy kiedy jeśli kto co gdzie jak nie tak już jeszcze też w we na z ze do od po
    za przed pod dla o u był była było były jest są
    """,
    "ru": """
    я ты он она оно мы вы они это этот эта эти и а но или потом затем тогда теперь сейчас сегодня завтра вчера
    здесь там тут когда если кто что где как не нет да уже ещё еще тоже также в во на с со к до от по за перед
    под для о об у был была было были есть поэтому однако после его её их
    """,
    "uk": """
    я ти він вона воно ми ви вони це цей ця ці і й та а але або потім тоді тепер зараз сьогодні завтра вчора
    тут там коли якщо хто що де як не ні так вже ще також у в на з із до від по за перед під для про був була
    було були є тому його її їх
    """,
    "bg": "аз ти той тя то ние вие те това този тази и а"
    " но или после тогава сега днес тук там когато ако в на с",
    "sv": "jag du han hon det den vi ni de och men eller sedan"
    " sen då nu idag här där när om i på med det att",
    "da": "jeg du han hun det den vi i de og men eller så da nu dag her der når hvis på med siden derefter",
    "nb": "jeg du han hun det den vi dere de og men eller så da nå her der når hvis i på med siden deretter",
    "cs": "já ty on ona ono my vy oni to ten ta a ale nebo"
    " pak potom teď dnes zde tam když kdo co kde jak v na s",
    "sk": "ja ty on ona ono my vy oni to ten tá a ale"
    " alebo potom teraz dnes tu tam keď kto čo kde ako v na s",
    "it": "io tu lui lei noi voi loro il lo la i gli le"
    " un una e ma o poi allora ora oggi qui là quando se chi",
    "es": "yo tú él ella nosotros ellos el la los las un"
    " una y pero o luego entonces ahora hoy aquí cuando si",
    "pt": "eu tu ele ela nós eles o a os as um uma e mas ou depois então agora hoje aqui quando se quem",
    "fr": "je tu il elle on nous vous ils elles le la les"
    " un une et mais ou puis alors ici quand si qui ce cela",
}  # fmt: skip
"""by language: what begins sentences and is no noun"""
KNOWN = {code: frozenset(words.split()) for code, words in STARTS.items()}
WORD = regex.compile(r"\s+[\"'„“«(]?(?P<word>\p{Lu}(?!\.)\p{L}*)(?![\p{L}'’-])")
LONGEST = 24
"""code points behind a place that are looked at"""


def starts_sentence(text: str, at: int, code: str) -> bool:
    """Return whether what stands behind a place in a text of a language is the first word of a sentence."""
    match = WORD.match(text, at, min(len(text), at + LONGEST))
    return match is not None and match["word"].casefold() in KNOWN.get(code, frozenset())
