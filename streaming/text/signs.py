"""Signs that engines drop where they stand alone: `<`, `>` and `^`, said by their names.

The names are those of Unicode's CLDR 48.2 (annotations, Unicode License v3), "caret" for English's `^`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from engines.api.offsets import Edit
from engines.languages import primary_language

NAMES = """
af|kleiner as|groter as|kappie
ak|sua sene|so sene|sɛɛkumflɛse asɛnte
am|የሚያንስ|የሚበልጥ|የአነጋገር ዘዬ
ar|أقل من|أكبر من|مدة معقوفة
as|ইয়াতকৈ সৰু|ইয়াতকৈ ডাঙৰ|চাৰকমফ্লেক্স এক্সেণ্ট
az|kiçik işarəsi|böyük işarəsi|sirkumfleks
ba|әҙерәк|күберәк|циркумфлекс акценты
be|менш за|больш за|цыркумфлекс
bg|по малко от|по голямо от|сложно ударение
bn|তার চেয়ে কম|তার চেয়ে অনেক বেশী|সারকমফ্লেক্স অ্যাকসেন্ট
bs|manje od|veće od|dugosilazni naglasak
ca|menor que|major que|accent circumflex
chr|ᏩᎦᏲᏢ|ᏭᏔᏅ|circumflex accent
cs|je menší než|je větší než|stříška
cv|пĕчĕреххине|пысăкраххине|циркумфлекс
cy|llai na|mwy na|acen grom
da|mindre end|større end|accent circumfleks
de|kleiner als|größer als|Zirkumflex
dsb|mjeńše ako|wětše ako|wobrośona kokulka
el|μικρότερο από|μεγαλύτερο από|τόνος σιρκουμφλέξ
en|less than|greater than|caret
es|menor que|mayor que|acento circunflejo
et|väiksem kui|suurem kui|tsirkumfleks
eu|hau baino txikiagoa|hau baino handiagoa|azentu zirkunflexua
fa|کوچکتر از|بزرگتر از|کُلاهک
fi|pienempi kuin|suurempi kuin|sirkumfleksi
fil|mas mababa sa|mahigit sa|circumflex accent
fo|minni enn|størri enn|tvíbroddur
fr|inférieur à|supérieur à|accent circonflexe
ga|níos lú ná|níos mó ná|cuairín
gd|nas lugha|nas motha|cuairt-lùb
gl|menor que|maior que|acento circunflexo
gu|થી નાનું|થી મોટું|સર્કમ્ફ્લૅક્સ ચિહ્ન
ha|ƙasa da|mafi girma fiye da|alamar lafazi mai juyawa
he|קטן מ|גדול מ|סימן גג
hi|इससे छोटा|इस से बड़ा|स्वरित स्वरोच्चारण
hr|manje|veće|dugosilazni naglasak
hsb|mjeńše hač|wjetše hač|wobroćena hóčka
hu|kisebb, mint|nagyobb, mint|kúpos ékezet
hy|փոքր է|մեծ է|տանիք շեշտ
id|kurang dari|lebih dari|aksen sirkumfleks
ig|pekarịrị|karirị|circumflex accent
is|minna en|stærra en|hattur
it|minore|maggiore|accento circonflesso
ja|小なり|大なり|サーカムフレックス
jv|luwih cilik|luwih gedhe|aksen sirkomflek
ka|ნაკლებობა|მეტობა|ცირკუმფლექსი
kk|кішірек|үлкенірек|түрленген екпін
km|តិចជាង|ធំជាង|អាសង់សៀកុងផ្លិច
kn|ಕಡಿಮೆ|ಹೆಚ್ಚು|ಸರ್ಕಮ್‌ಫ್ಲೆಕ್ಸ್ ಆಕ್ಸೆಂಟ್‌
ko|미만|초과|곡절 부호
kok|यापरस ल्हान|यापरस व्हड|सर्कमफ्लेक्स ऍक्संट
ky|кичине белгиси|караганда чоң белгиси|үндүүнүн үстүндөгү диакритикалык белги
lo|ນ້ອຍກວ່າ|ໃຫຍ່ກວ່າ|ເຄື່ອງໝາຍຄວບຄຸມສຽງຮູບກຸບ
lt|mažiau už|daugiau už|stogelis
lv|mazāk nekā|lielāks nekā|jumtiņš
mk|помало од|поголемо од|циркумфлекс
ml|ചെറുതാണ്|വലുതാണ്|സർകംഫ്ലക്സ് ചിഹ്നം
mn|бага|их|circumflex accent
mr|लघुत्तर|गुरुत्तर|स्वरित स्वर
ms|kurang daripada|lebih besar daripada|aksen sirkumfleks
my|ပိုငယ်သော|ပိုကြီးသော|သရသံ သင်္ကေတ
ne|भन्दा कम|भन्दा ठुलो|सर्कम्‍फ्लेक्स एक्सेन्ट
nl|kleiner  dan|groter  dan|accent circonflexe
no|er mindre enn|er større enn|circumfleks
or|ଅପେକ୍ଷା କମ୍|ବୃହତ୍ତର ଚିହ୍ନ|ସର୍କଫ୍ଲେକ୍ସ ଏସେଣ୍ଟ
pa|ਤੋਂ ਘੱਟ|ਤੋਂ ਵੱਧ|ਸਰਕਮਫ਼ਲੈਕਸ ਧੁਨੀ ਚਿੰਨ੍ਹ
pcm|Smọ́l pas|Bíg pas|Sẹ́kọ́mflẹks Áksẹnt
pl|mniejsze niż|większe niż|akcent przeciągły
ps|لږ   څخه|لوی   څخه|محور تلفظ
pt|menor que|maior que|acento circunflexo
qu|pisi kayhina|aswan hatun kayhina|circunflejo raki
rm|pli pitschen che|pli grond che|accent circumflex
ro|mai mic decât|mai mare decât|accent circumflex
ru|меньше|больше|циркумфлекс
sd|کان ننڍو|کان وڏو|سرڪمفليڪش ايڪسينٽ
shn|လဵၵ်ႉလိူဝ်|ယႂ်ႇလိူဝ်|မၢႆသဵင်သရ
si|වඩා අඩු|වඩා විශාලයි|වටකුරු උච්චාරණය
sk|je menšie než|je väčšie než|vokáň
sl|manjše od|večje od|strešica
so|ka yar|ka wayn|lahjad wareeg ah
sq|më e vogël se|më e madhe se|theks hundor
sr|мање|веће|циркумфлекс
sv|mindre än|större än|cirkumflex
sw|chini ya|zaidi ya|lafudhi ya juu na kali
ta|இதைவிடக் குறைவாக|இதைவிட அதிகமாக|வளைவுக்குறி
te|దీని కంటే తక్కువ|దీని కంటే ఎక్కువ|వంగిన స్వరం
th|น้อยกว่า|มากกว่า|ตัวกำกับเสียงเซอร์คัมเฟล็กซ์
ti|ይንእስ|ይዓቢ|ሲርኩምፍለክስ ኣደማምጻ
tk|kiçidir|uludyr|sirkumfleks belgisi
to|siʻihifo|lahihake|fakamamafa tatā
tr|küçüktür|büyüktür|inceltme işareti
uk|менше ніж|більше ніж|циркумфлекс
ur|سے کم|سے بڑا|سرکمفلیکس ایکسینٹ
uz|kichik|katta|simkumfleks
vi|dấu nhỏ hơn|dấu lớn hơn|dấu mũ
yo|kére sí|tóbi ju|àmì ohùn olójúpúpọ̀
yue|小過|大過|抑揚音符號
zh|小于|大于|抑扬音符号
zu|ncane kune|khulu kuno|circumflex accent
"""
"""a language a line: its code, and its names of `<`, `>` and `^`"""
SAME = {"nb": "no", "nn": "no", "cmn": "zh", "wuu": "zh"}
"""codes of languages that share a row with another"""
SIGN = re.compile(
    r"""
    (?<=\s)[<>](?=\s)          # between spaces: a > b
    | (?<=[\d)])[<>](?=[\d(])    # between numbers: 5>3
    | (?<![^\s(])[<>](?=\s?[$€£]?\d)   # before a number: <5
    | (?<=\w)\^(?=[\w({-]) | (?<=\s)\^(?=\s)   # x^2
    | \A\s*[<>^]\s*\Z
    """,
    re.VERBOSE,
)
QUOTED_LINE = re.compile(r"^[ \t]*>", re.MULTILINE)
"""a line of a mail that is quoted"""


def named_signs(text: str, language: str) -> Iterator[Edit]:
    """Yield the names of signs in a text of a language, which are English where they are not known in it."""
    if not any(sign in text for sign in "<>^"):
        return
    names = _names(language)
    quotes = {match.end() - 1 for match in QUOTED_LINE.finditer(text)} if len(text.strip()) > 1 else set()
    for match in SIGN.finditer(text):
        sign = match[0].strip()
        at = match.start() + match[0].index(sign)
        if at not in quotes:
            yield Edit(at, at + 1, f" {names[sign]} ")


@cache
def _names(language: str) -> dict[str, str]:
    rows = {row.partition("|")[0]: row.split("|")[1:] for row in NAMES.strip().splitlines()}
    code = primary_language(language)
    found = rows.get(SAME.get(code, code), rows["en"])
    return dict(
        zip("<>^", (name or other for name, other in zip(found, rows["en"], strict=True)), strict=True)
    )
