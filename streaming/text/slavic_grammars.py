"""Ordinals in six Slavic languages: stems, endings, and what tells the gender and case of the noun behind.

Cases are `n`, `g`, `d`, `a`, `l` and `i` by their first letters, genders `m`, `f` and `n`.
"""

from __future__ import annotations

import msgspec


class Grammar(msgspec.Struct, frozen=True):
    """What a language needs for its ordinals."""

    ones: str
    """the stems of 1 to 19, each with the name of its paradigm where that is not `hard`"""
    tens: str
    """those of 20 to 90"""
    hundredth: str
    paradigms: dict[str, str]
    """endings in the three genders, a row a case"""
    prepositions: dict[str, str]
    """words before a case"""
    genders: dict[str, str]
    """beginnings of nouns"""
    endings: dict[str, str]
    """by gender: endings of nouns, each with the cases that it may be in, the usual one first"""
    adjectives: str
    """endings of adjectives, each with case and gender"""
    compounds: str = "both"
    """how 21 is said: both parts declined, the last one, or as one word with the ones first"""
    joined_ones: str = ""
    """what stands before the tens in one word"""


CZECH = Grammar(
    ones=(
        "prvn:soft druh třet:soft čtvrt pát šest sedm osm devát desát jedenáct dvanáct třináct"
        " čtrnáct patnáct šestnáct sedmnáct osmnáct devatenáct"
    ),
    tens="dvacát třicát čtyřicát padesát šedesát sedmdesát osmdesát devadesát",
    hundredth="st",
    paradigms={
        "hard": "ý á é|ého é ého|ému é ému|ý ou é|ém é ém|ým ou ým",
        "soft": "í í í|ího í ího|ímu í ímu|í í í|ím í ím|ím í ím",
    },
    prepositions={
        "l": "v ve na o po při",
        "g": "do z ze od ode u bez kolem během podle vedle okolo",
        "d": "k ke ku proti díky",
        "i": "s se mezi nad pod před za",
    },
    genders={
        "n": (
            "patr patř míst kol stolet čtvrtlet pololet tisícilet výroč čísl dějstv vydán měst obdob"
            " podlaž poschod zased"
        ),
        "f": (
            "tříd kapitol etap část lig cen vln generac kategori séri sezón řad příčk minut osob link"
            " mocnin armád slok stran vět směn dávk fáz úrov divizi brigád skupin lekc kav"
        ),
        "m": (
            "roční den dne dni týd měsíc rok díl stup pád řád semestr článk člán odstav bod pluk"
            " obvod svaz závod gól pokus kandidát král sektor máj"
        ),
    },
    endings={
        "m": "em:i ovi:d ě:l u:gdl e:gl i:dl a:g :na",
        "f": "ou:i y:g u:a ě:dl a:n i:gdla í:i e:ngdl :na",
        "n": "em:i ím:i a:g u:dl ě:l ře:l o:na í:ngdla e:nal",
    },
    adjectives=(
        "ského:gm ckého:gm ého:gm ému:dm ém:lm ým:im ou:af ová:nf ská:nf ná:nf ové:gf ské:gf né:nn ý:nm"
    ),
)
SLOVAK = Grammar(
    ones=(
        "prv druh tre:soft štvrt piat:short šiest:short siedm:short ôsm:short deviat:short"
        " desiat:short jedenást:short dvanást:short trinást:short štrnást:short pätnást:short"
        " šestnást:short sedemnást:short osemnást:short devätnást:short"
    ),
    tens=(
        "dvadsiat:short tridsiat:short štyridsiat:short päťdesiat:short šesťdesiat:short"
        " sedemdesiat:short osemdesiat:short deväťdesiat:short"
    ),
    hundredth="st",
    paradigms={
        "hard": "ý á é|ého ej ého|ému ej ému|ý ú é|om ej om|ým ou ým",
        "short": "y a e|eho ej eho|emu ej emu|y u e|om ej om|ym ou ym",
        "soft": "tí tia tie|tieho tej tieho|tiemu tej tiemu|tí tiu tie|ťom tej ťom|tím ťou tím",
    },
    prepositions={
        "l": "v vo na o po pri",
        "g": "do z zo od odo u bez okolo počas podľa vedľa",
        "d": "k ku proti",
        "i": "s so medzi nad pod pred za",
    },
    genders={
        "n": (
            "poschod miest kol storoč štvrťroč polroč tisícroč výroč čísl dejstv vydan mest obdob"
            " podlaž zasad"
        ),
        "f": (
            "tried kapitol etap čas lig cen vĺn generác kategóri séri sezón rad priečk minút osob"
            " link armád stran vet fáz úrov divízi brigád skupin lekci"
        ),
        "m": (
            "roční deň dňa dňu týžd mesiac rok diel stup pád semest článo člán odsek bod pluk obvod"
            " zväz pretek gól pokus kandidát kráľ sektor"
        ),
    },
    endings={
        "m": "om:i ovi:d u:gdl e:l i:l a:g :na",
        "f": "ou:i y:g u:a e:dlgn a:n i:gdl :na",
        "n": "om:i ím:i a:g u:d í:l o:na ie:na e:la",
    },
    adjectives="ého:gm ému:dm om:lm ým:im ej:gf ou:if ú:af ová:nf ská:nf ná:nf né:nn ské:nn ový:nm ý:nm",
)
CROATIAN = Grammar(
    ones=(
        "prv drug treć:soft četvrt pet šest sedm osm devet deset jedanaest dvanaest trinaest"
        " četrnaest petnaest šesnaest sedamnaest osamnaest devetnaest"
    ),
    tens="dvadeset trideset četrdeset pedeset šezdeset sedamdeset osamdeset devedeset",
    hundredth="stot",
    paradigms={
        "hard": "i a o|og e og|om oj om|i u o|om oj om|im om im",
        "soft": "i a e|eg e eg|em oj em|i u e|em oj em|im om im",
    },
    prepositions={
        "l": "u na o po pri",
        "g": "do iz od bez kod oko kraj tijekom tokom nakon poslije prije",
        "d": "k ka prema",
        "i": "s sa među nad pod pred za",
    },
    genders={
        "n": (
            "mjest mest kol stoljeć poglavlj poluvrem poluvrij izdanj tisućlj tromjeseč tromeseč polugod čud"
        ),
        "f": (
            "kat_ god ligi lig razin klas stranic minut utakmic sezon nagrad epizod sjednic sednic"
            " brzin grup faz kategorij generacij divizij brigad osob linij etap"
        ),
        "m": (
            "kat sprat vek vijek dan razred ročišt član mesec mjesec put deo dio stepen stupanj"
            " semestar rang krug korak tom kongres peš zglob"
        ),
    },
    endings={
        "m": "om:i em:i u:ld a:g :na",
        "f": "om:i e:g u:a i:ld a:n :na",
        "n": "om:i em:i a:g u:ld o:na e:na",
    },
    adjectives="skog:gm nog:gm skom:lm nom:lm skoj:lf noj:lf ska:nf ski:nm sko:nn",
)
SLOVENE = Grammar(
    ones=(
        "prv drug tretj:soft četrt pet šest sedm osm devet deset enajst dvanajst trinajst štirinajst"
        " petnajst šestnajst sedemnajst osemnajst devetnajst"
    ),
    tens="dvajset trideset štirideset petdeset šestdeset sedemdeset osemdeset devetdeset",
    hundredth="stot",
    paradigms={
        "hard": "i a o|ega e ega|emu i emu|i o o|em i em|im o im",
        "soft": "i a e|ega e ega|emu i emu|i o e|em i em|im o im",
    },
    prepositions={
        "l": "v na o po pri ob",
        "g": "do iz od brez okoli med",
        "d": "k h proti",
        "i": "s z nad pod pred za",
    },
    genders={
        "n": ("nadstropj stoletj mest poglavj tisočletj četrtletj polletj leto leta letu obdobj vprašanj"),
        "f": (
            "stran vrst točk stopnj lig nagrad minut izdaj sezon skupin serij faz kategorij generacij"
            " divizij brigad oseb linij etap kitic tekm obletnic sej"
        ),
        "m": (
            "razred dan dne dnev člen odstav del krog korak teden mesec semester zvezek kongres"
            " letnik hip poskus"
        ),
    },
    endings={
        "m": "om:i em:i u:ld a:g :na",
        "f": "o:ai e:g i:ldg a:n :na",
        "n": "om:i em:i a:g u:ld o:na e:na",
    },
    adjectives="skega:gm nega:gm skem:lm nem:lm ska:nf ski:nm sko:nn",
    compounds="joined",
    joined_ones="enain dvain triin štiriin petin šestin sedemin osemin devetin",
)
GRAMMARS = {"cs": CZECH, "sk": SLOVAK, "hr": CROATIAN, "bs": CROATIAN, "sr": CROATIAN, "sl": SLOVENE}
LAST_DECLINED = frozenset({"hr", "bs", "sr"})
"""languages in which only the last part of an ordinal is one"""
