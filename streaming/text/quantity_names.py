"""How fractions, powers, feet and inches are said, by language."""

from __future__ import annotations

PARTS = {
    "en": (
        "and",
        "half/halves third/thirds quarter/quarters fifth/fifths sixth/sixths seventh/sevenths "
        "eighth/eighths ninth/ninths tenth/tenths",
    ),
    "de": ("und", "Halb Drittel Viertel Fünftel Sechstel Siebtel Achtel Neuntel Zehntel"),
    "fr": (
        "et",
        "demi tiers quart/quarts cinquième/cinquièmes sixième/sixièmes septième/septièmes "
        "huitième/huitièmes neuvième/neuvièmes dixième/dixièmes",
    ),
    "es": (
        "y",
        "medio tercio/tercios cuarto/cuartos quinto/quintos sexto/sextos séptimo/séptimos "
        "octavo/octavos noveno/novenos décimo/décimos",
    ),
    "it": (
        "e",
        "mezzo terzo/terzi quarto/quarti quinto/quinti sesto/sesti settimo/settimi ottavo/ottavi "
        "nono/noni decimo/decimi",
    ),
    "pt": (
        "e",
        "meio terço/terços quarto/quartos quinto/quintos sexto/sextos sétimo/sétimos oitavo/oitavos "
        "nono/nonos décimo/décimos",
    ),
    "nl": ("en", "half derde kwart vijfde zesde zevende achtste negende tiende"),
    "sv": (
        "och",
        "halv tredjedel/tredjedelar fjärdedel/fjärdedelar femtedel/femtedelar sjättedel/sjättedelar "
        "sjundedel/sjundedelar åttondel/åttondelar niondel/niondelar tiondel/tiondelar",
    ),
    "da": (
        "og",
        "halv tredjedel/tredjedele fjerdedel/fjerdedele femtedel/femtedele sjettedel/sjettedele "
        "syvendedel/syvendedele ottendedel/ottendedele niendedel/niendedele tiendedel/tiendedele",
    ),
    "nb": (
        "og",
        "halv tredjedel/tredjedeler fjerdedel/fjerdedeler femtedel/femtedeler sjettedel/sjettedeler "
        "sjuendedel/sjuendedeler åttendedel/åttendedeler niendedel/niendedeler tiendedel/tiendedeler",
    ),
    "fi": (
        "ja",
        "puoli kolmasosa/kolmasosaa neljäsosa/neljäsosaa viidesosa/viidesosaa kuudesosa/kuudesosaa "
        "seitsemäsosa/seitsemäsosaa kahdeksasosa/kahdeksasosaa yhdeksäsosa/yhdeksäsosaa "
        "kymmenesosa/kymmenesosaa",
    ),
    "ru": (
        "и",
        "вторая/вторых третья/третьих четвёртая/четвёртых пятая/пятых шестая/шестых седьмая/седьмых "
        "восьмая/восьмых девятая/девятых десятая/десятых",
    ),
    "uk": (
        "та",
        "друга/других третя/третіх четверта/четвертих п'ята/п'ятих шоста/шостих сьома/сьомих "
        "восьма/восьмих дев'ята/дев'ятих десята/десятих",
    ),
    "pl": (
        "i",
        "druga/drugie/drugich trzecia/trzecie/trzecich czwarta/czwarte/czwartych piąta/piąte/piątych "
        "szósta/szóste/szóstych siódma/siódme/siódmych ósma/ósme/ósmych "
        "dziewiąta/dziewiąte/dziewiątych dziesiąta/dziesiąte/dziesiątych",
    ),
    "cs": (
        "a",
        "polovina/poloviny/polovin třetina/třetiny/třetin čtvrtina/čtvrtiny/čtvrtin "
        "pětina/pětiny/pětin šestina/šestiny/šestin sedmina/sedminy/sedmin osmina/osminy/osmin "
        "devítina/devítiny/devítin desetina/desetiny/desetin",
    ),
    "sk": (
        "a",
        "polovica/polovice/polovíc tretina/tretiny/tretín štvrtina/štvrtiny/štvrtín "
        "pätina/pätiny/pätín šestina/šestiny/šestín sedmina/sedminy/sedmín osmina/osminy/osmín "
        "devätina/devätiny/devätín desatina/desatiny/desatín",
    ),
    "hu": ("egész", "ketted harmad negyed ötöd hatod heted nyolcad kilenced tized"),
    "zh": ("又", ""),
    "yue": ("又", ""),
    "ja": ("と", ""),
    "ko": ("와", ""),
}  # fmt: skip
"""what stands between a number and a fraction; and halves to tenths: one, more, in some languages five"""
COUNTED = {
    "en": "one/two/three/four/five/six/seven/eight/nine", "de": "ein", "fr": "un", "es": "un", "it": "un",
    "pt": "um", "nl": "een", "sv": "en", "da": "en", "nb": "en", "fi": "yksi", "ru": "одна/две",
    "uk": "одна/дві", "pl": "jedna/dwie", "cs": "jedna/dvě", "sk": "jedna/dve", "hu": "egy",
}  # fmt: skip
"""the first numbers before such a part, where they are not said as their figures are"""
DIVIDED = {
    "zh": "{below}分之{above}",
    "yue": "{below}分之{above}",
    "ja": "{below}ぶんの{above}",
    "ko": "{below}분의 {above}",
    "tr": "{above} bölü {below}",
    "vi": "{above} phần {below}",
    "id": "{above} per {below}",
    "hi": "{above} बटा {below}",
}
"""languages that say both numbers"""
POWERS = {
    "en": " to the power of {}", "de": " hoch {}", "fr": " puissance {}", "es": " elevado a {}",
    "it": " elevato a {}", "pt": " elevado a {}", "ca": " elevat a {}", "nl": " tot de macht {}",
    "sv": " upphöjt till {}", "da": " opløftet i {}", "nb": " opphøyd i {}", "fi": " potenssiin {}",
    "ru": " в степени {}", "uk": " у степені {}", "pl": " do potęgi {}", "cs": " na {}", "sk": " na {}",
    "ro": " la puterea {}", "tr": " üzeri {}", "el": " εις την {}", "ja": "の{}じょう", "zh": "的{}次方",
    "yue": "嘅{}次方", "ko": "의 {}제곱", "vi": " mũ {}", "id": " pangkat {}", "th": "ยกกำลัง {}",
    "he": " בחזקת {}", "ar": " أس {}", "fa": " به توان {}", "hi": " की घात {}",
}  # fmt: skip
SQUARES = {
    "en": "squared/cubed", "de": "Quadrat/hoch 3", "fr": "au carré/au cube", "es": "al cuadrado/al cubo",
    "it": "al quadrato/al cubo", "pt": "ao quadrado/ao cubo", "nl": "kwadraat/tot de derde",
    "pl": "do kwadratu/do sześcianu",
    "ru": "в квадрате/в кубе", "uk": "у квадраті/у кубі",
}  # fmt: skip
"""the second and the third power, where they have names"""
FEET = {
    "en": "feet/inches", "de": "Fuß/Zoll", "fr": "pieds/pouces", "es": "pies/pulgadas", "it": "piedi/pollici",
    "pt": "pés/polegadas", "nl": "voet/inch", "sv": "fot/tum", "da": "fod/tommer", "nb": "fot/tommer",
    "ru": "футов/дюймов", "uk": "футів/дюймів", "pl": "stóp/cali", "ja": "フィート/インチ", "zh": "英尺/英寸",
    "ko": "피트/인치",
}  # fmt: skip
