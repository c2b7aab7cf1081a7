"""Abbreviations by language, with what is said for them.

Engines pause behind their dots, spell them, or read the dots; and sentences would be cut there. `~` stands
before those that often end a sentence: before a capital letter their dot stays one. `#` says that one
 counts
only before a number, `^` only before a capital letter. A space in one may be missing. A
line that begins with a space or a bar goes on with the row before.
"""

from __future__ import annotations

ABBREVIATIONS = """
da|#nr=nummer
|f. eks.=for eksempel|bl. a.=blandt andet|ca.=cirka|hr.=herr|^fr.=fru|dr.=doktor|dvs.=det vil sige
|~osv.=og så videre|#nr.=nummer|#kl.=klokken|mio.=millioner|mia.=milliarder|pga.=på grund af
|mht.=med hensyn til|jf.=jævnfør|evt.=eventuelt|inkl.=inklusive|#s.=side|~kr.=kroner
nb|#nr=nummer|f. eks.=for eksempel|bl. a.=blant annet|ca.=cirka|hr.=herr|^fr.=fru|dr.=doktor|dvs.=det vil si
|~osv.=og så videre|#nr.=nummer|#kl.=klokken|mill.=millioner|mrd.=milliarder|pga.=på grunn av|jf.=jamfør
|ev.=eventuelt|inkl.=inklusive|#s.=side|~kr.=kroner
sv|#nr=nummer|t. ex.=till exempel|bl. a.=bland annat|ca.=cirka|dr.=doktor|hr.=herr|d. v. s.=det vill säga
|dvs.=det vill säga|~osv.=och så vidare|~o. s. v.=och så vidare|#nr.=nummer|#kl.=klockan|milj.=miljoner
|mdr.=miljarder|p. g. a.=på grund av|s. k.=så kallad|~m. m.=med mera|#s.=sidan|inkl.=inklusive
de|z. B.=zum Beispiel|d. h.=das heißt|u. a.=unter anderem|i. d. R.=in der Regel|u. U.=unter Umständen
|z. T.=zum Teil|v. a.=vor allem|bzw.=beziehungsweise|bspw.=beispielsweise|ca.=circa|~usw.=und so weiter
|#Nr.=Nummer|ggf.=gegebenenfalls|evtl.=eventuell|inkl.=inklusive|exkl.=exklusive|zzgl.=zuzüglich
|vgl.=vergleiche|sog.=sogenannte|#S.=Seite|#Abb.=Abbildung|#Kap.=Kapitel|#Tel.=Telefon|Dr.=Doktor
|Prof.=Professor|Hr.=Herr|^Fr.=Frau|^St.=Sankt|Mio.=Millionen|Mrd.=Milliarden|Tsd.=Tausend|#max.=maximal
|#min.=minimal|Jh.=Jahrhundert|#Bj.=Baujahr|~ff.=folgende|geb.=geboren|gest.=gestorben|bzgl.=bezüglich
|~etc.=et cetera|i. A.=im Auftrag|~e. V.=eingetragener Verein|tägl.=täglich|~u. v. m.=und vieles mehr
|#Abs.=Absatz|#Str.=Straße|m. E.=meines Erachtens|o. Ä.=oder Ähnliches|allg.=allgemein
|Bd.=Band|s. o.=siehe oben|s. u.=siehe unten|einschl.=einschließlich|Std.=Stunden
nl|#nr=nummer|bijv.=bijvoorbeeld|bv.=bijvoorbeeld|dhr.=de heer|mevr.=mevrouw|dr.=dokter|o. a.=onder andere
|d. w. z.=dat wil zeggen|#blz.=bladzijde|~enz.=enzovoort|#nr.=nummer|ca.=circa|m. a. w.=met andere woorden
|i. p. v.=in plaats van|t. o. v.=ten opzichte van|~a. u. b.=alstublieft|mln.=miljoen|mld.=miljard
|m. b. t.=met betrekking tot|i. v. m.=in verband met|#art.=artikel|#p.=pagina|incl.=inclusief
|excl.=exclusief|o. l. v.=onder leiding van|n. a. v.=naar aanleiding van|#tel.=telefoon|~e. d.=en dergelijke
|#max.=maximaal|#min.=minimaal|prof.=professor|~etc.=et cetera
fr|#n°=numéro|#nº=numéro
|p. ex.=par exemple|c.-à-d.=c'est-à-dire|~av. J.-C.=avant Jésus-Christ|~apr. J.-C.=après Jésus-Christ
|M. le=monsieur le
|^M.=monsieur|^MM.=messieurs|^Mme.=madame|^Mlle.=mademoiselle|^Dr.=docteur|env.=environ|~etc.=et cetera
|#p.=page|#chap.=chapitre|#tél.=téléphone|#pp.=pages|#fig.=figure|#vol.=volume
|c. à d.=c'est-à-dire|#max.=maximum|#min.=minimum|^St.=Saint|^Ste.=Sainte|^Pr.=professeur
|~s. v. p.=s'il vous plaît
es|#s.=siglo|#p.=página|#n.º=número|#nº=número|#n°=número
|p. ej.=por ejemplo|Sr.=señor|Sra.=señora|Srta.=señorita|Dr.=doctor|Dra.=doctora|^D.=don|^Dña.=doña
|#pág.=página|#págs.=páginas|~EE. UU.=Estados Unidos|~etc.=etcétera|Ud.=usted|Uds.=ustedes|#núm.=número
|aprox.=aproximadamente|^Av.=avenida|~a. C.=antes de Cristo|~d. C.=después de Cristo|#tel.=teléfono
|#cap.=capítulo|#art.=artículo|#fig.=figura|#vol.=volumen|#máx.=máximo|#mín.=mínimo|^Prof.=profesor
pt|#p.=página|#n.º=número|#nº=número|#n°=número
|p. ex.=por exemplo|Sr.=senhor|Sra.=senhora|Dr.=doutor|Dra.=doutora|^Prof.=professor|#pág.=página
|#págs.=páginas|~etc.=etcétera|aprox.=aproximadamente|^Av.=avenida|~a. C.=antes de Cristo
|~d. C.=depois de Cristo|#tel.=telefone
it|#n°=numero|#nº=numero
|ad es.=ad esempio|p. es.=per esempio|Sig.=signor|dott.=dottor|^prof.=professor|^ing.=ingegner
|^avv.=avvocato|#pag.=pagina|#pagg.=pagine|~ecc.=eccetera|#n.=numero|~a. C.=avanti Cristo
|~d. C.=dopo Cristo|ca.=circa|#tel.=telefono|Sig.ra=signora|Sig.na=signorina|Dott.ssa=dottoressa
|Prof.ssa=professoressa|#art.=articolo|#cap.=capitolo|#fig.=figura|#vol.=volume|#p.=pagina|#pp.=pagine
|Egr.=egregio|Gent.mo=gentilissimo|Gent.ma=gentilissima
ro|dl.=domnul|dna.=doamna|^str.=strada|#nr.=numărul|de ex.=de exemplu|~etc.=et cetera|#pag.=pagina
|dr.=doctor|mil.=milioane|mld.=miliarde
pl|#nr=numer
|np.=na przykład|m. in.=między innymi|tzn.=to znaczy|tj.=to jest|~itd.=i tak dalej|~itp.=i tym podobne
|ul.=ulica|^al.=aleja|prof.=profesor|dr.=doktor|mgr.=magister|inż.=inżynier|#str.=strona|#nr.=numer
|#ok.=około|tzw.=tak zwany|#godz.=godzina|^św.=święty|im.=imienia|tys.=tysięcy|zob.=zobacz|#tel.=telefon
|#rozdz.=rozdział|#rys.=rysunek|#art.=artykuł|#pkt.=punkt|wg.=według|woj.=województwo|#pl.=plac
|hab.=habilitowany|~p. n. e.=przed naszą erą|~n. e.=naszej ery
cs|např.=například|tzv.=takzvaný|#str.=strana|#č.=číslo|~atd.=a tak dále|~apod.=a podobně|tj.=to jest
|mj.=mimo jiné|^ing.=inženýr|dr.=doktor|^ul.=ulice|resp.=respektive|popř.=popřípadě|cca.=cirka
|mil.=milionů|mld.=miliard|tis.=tisíc
sk|napr.=napríklad|tzv.=takzvaný|#str.=strana|#č.=číslo|~atď.=a tak ďalej|tj.=to jest|^ing.=inžinier
|dr.=doktor|^ul.=ulica|resp.=respektíve|mil.=miliónov|mld.=miliárd|tis.=tisíc
hr|npr.=na primjer|~itd.=i tako dalje|tj.=to jest|dr.=doktor|#str.=stranica|#br.=broj|tzv.=takozvani
bs|npr.=na primjer|~itd.=i tako dalje|tj.=to jest|dr.=doktor|#str.=stranica|#br.=broj
sl|npr.=na primer|~itd.=in tako dalje|tj.=to je|dr.=doktor|#str.=stran|#št.=številka|oz.=oziroma
fi|esim.=esimerkiksi|ks.=katso|~mm.=muun muassa|~jne.=ja niin edelleen|~ym.=ynnä muuta|#s.=sivu
|#nro.=numero|#klo.=kello|ns.=niin sanottu|milj.=miljoonaa|mrd.=miljardia
et|nt.=näiteks|~jne.=ja nii edasi|#nr.=number|#lk.=lehekülg|dr.=doktor
hu|pl.=például|kb.=körülbelül|~stb.=és így tovább|dr.=doktor|ill.=illetve|ún.=úgynevezett|vö.=vesd össze
|ld.=lásd|ifj.=ifjabb|id.=idősebb
tr|örn.=örneğin|~vb.=ve benzeri|~vs.=vesaire|dr.=doktor|prof.=profesör|doç.=doçent|#no.=numara|#s.=sayfa
|sn.=sayın|^av.=avukat|bkz.=bakınız
lt|pvz.=pavyzdžiui|t. y.=tai yra|~ir t. t.=ir taip toliau|#nr.=numeris
lv|piem.=piemēram|~utt.=un tā tālāk|#nr.=numurs
ru|т. е.=то есть|т. к.=так как|ср.=сравни|~и т. д.=и так далее|~и т. п.=и тому подобное|~и др.=и другие
|напр.=например|^ул.=улица|^г.=город|#стр.=страница|#с.=страница|см.=смотри|^проф.=профессор|^им.=имени
|#д.=дом|#кв.=квартира|~руб.=рублей|тыс.=тысяч|млн.=миллионов|млрд.=миллиардов|#тел.=телефон|~т. д.=так далее
|~т. п.=тому подобное|~др.=другие|#гл.=глава|#рис.=рисунок|#ст.=статья|#п.=пункт|#пп.=пункты
|~н. э.=нашей эры|~до н. э.=до нашей эры|пр.=прочее|т. н.=так называемый|^пл.=площадь|^просп.=проспект
|^пр-т.=проспект|обл.=область|мин.=минут|сек.=секунд|чел.=человек
uk|напр.=наприклад|^вул.=вулиця|#стор.=сторінка|~і т. д.=і так далі|~і т. п.=і тому подібне|див.=дивись
|^ім.=імені|~грн.=гривень|тис.=тисяч
bg|т. е.=то ест|напр.=например|^ул.=улица|~и т. н.=и така нататък|#стр.=страница
el|π. χ.=παραδείγματος χάριν|~κ. λπ.=και λοιπά|δηλ.=δηλαδή|^κ.=κύριος
en|approx.=approximately|#pp.=pages|vs.=versus|~Jr.=Junior|~Ph. D.=PhD|#vol.=volume|#fig.=figure
|#nos.=numbers|#Jan.=January|#Feb.=February|#Aug.=August|#Sept.=September|#Oct.=October|#Nov.=November
|#Dec.=December|cf.=compare|#p.=page|#ch.=chapter|#sec.=section|#eq.=equation|#ca.=circa
|#ver.=version|#est.=established|#apt.=apartment|#ext.=extension|#tel.=telephone
|#max.=maximum|#min.=minimum|#avg.=average|incl.=including|excl.=excluding|~dept.=department
|^Gov.=Governor|^Sen.=Senator|^Rep.=Representative|^Gen.=General|^Col.=Colonel|^Sgt.=Sergeant
|^Lt.=Lieutenant|^Capt.=Captain|^Maj.=Major|^Cpl.=Corporal|^Cmdr.=Commander|^Mt.=Mount|^Ft.=Fort
|^Rev.=Reverend|^Hon.=Honorable|^Prof.=Professor|~Sr.=Senior|~Inc.=Incorporated|~Corp.=Corporation
|~Co.=Company|~Ltd.=Limited|~Ave.=Avenue|~Blvd.=Boulevard|~Rd.=Road|~Hwy.=Highway|a. k. a.=also known as
|~ft. lbs.=foot pounds|tbsp.=tablespoons|tsp.=teaspoons|~misc.=miscellaneous|~temp.=temperature
"""
MONTHS = """
da|januar|februar|marts|april|maj|juni|juli|august|september|oktober|november|december
cs|ledna|února|března|dubna|května|června|července|srpna|září|října|listopadu|prosince
sk|januára|februára|marca|apríla|mája|júna|júla|augusta|septembra|októbra|novembra|decembra
pl|stycznia|lutego|marca|kwietnia|maja|czerwca|lipca|sierpnia|września|października|listopada|grudnia
hr|siječnja|veljače|ožujka|travnja|svibnja|lipnja|srpnja|kolovoza|rujna|listopada|studenoga|prosinca
bs|januara|februara|marta|aprila|maja|juna|jula|augusta|septembra|oktobra|novembra|decembra
sl|januarja|februarja|marca|aprila|maja|junija|julija|avgusta|septembra|oktobra|novembra|decembra
et|jaanuar\\w*|veebruar\\w*|märts\\w*|aprill\\w*|mai\\w*|juuni\\w*|juuli\\w*|august\\w*|septemb\\w*
|oktoob\\w*|novemb\\w*|detsemb\\w*
fi|tammikuu\\w*|helmikuu\\w*|maaliskuu\\w*|huhtikuu\\w*|toukokuu\\w*|kesäkuu\\w*|heinäkuu\\w*|elokuu\\w*
|syyskuu\\w*|lokakuu\\w*|marraskuu\\w*|joulukuu\\w*
tr|yüzyıl\\w*|sınıf\\w*|kat\\w*|gün\\w*|bölüm\\w*|hafta\\w*|sıra\\w*|madde\\w*
"""
"""what stands behind a day, or in Turkish behind an ordinal; in the case in which it does"""
DATE_MONTHS = """
nb|januar|februar|mars|april|mai|juni|juli|august|september|oktober|november|desember
fi|tammikuuta|helmikuuta|maaliskuuta|huhtikuuta|toukokuuta|kesäkuuta|heinäkuuta|elokuuta|syyskuuta
|lokakuuta|marraskuuta|joulukuuta
et|jaanuar|veebruar|märts|aprill|mai|juuni|juuli|august|september|oktoober|november|detsember
ru|января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря
uk|січня|лютого|березня|квітня|травня|червня|липня|серпня|вересня|жовтня|листопада|грудня
tr|Ocak|Şubat|Mart|Nisan|Mayıs|Haziran|Temmuz|Ağustos|Eylül|Ekim|Kasım|Aralık
"""
"""months of dates in figures, in languages that have no row above or other words in it"""
DAYS = """
cs
|prvního druhého třetího čtvrtého pátého šestého sedmého osmého devátého desátého jedenáctého dvanáctého
 třináctého čtrnáctého patnáctého šestnáctého sedmnáctého osmnáctého devatenáctého
|dvacátého|třicátého
sk
|prvého druhého tretieho štvrtého piateho šiesteho siedmeho ôsmeho deviateho desiateho jedenásteho
 dvanásteho trinásteho štrnásteho pätnásteho šestnásteho sedemnásteho osemnásteho devätnásteho
|dvadsiateho|tridsiateho
pl
|pierwszego drugiego trzeciego czwartego piątego szóstego siódmego ósmego dziewiątego dziesiątego
 jedenastego dwunastego trzynastego czternastego piętnastego szesnastego siedemnastego osiemnastego
 dziewiętnastego
|dwudziestego|trzydziestego
hr
|prvog drugog trećeg četvrtog petog šestog sedmog osmog devetog desetog jedanaestog dvanaestog trinaestog
 četrnaestog petnaestog šesnaestog sedamnaestog osamnaestog devetnaestog
|dvadesetog/dvadeset|tridesetog/trideset
bs
|prvog drugog trećeg četvrtog petog šestog sedmog osmog devetog desetog jedanaestog dvanaestog trinaestog
 četrnaestog petnaestog šesnaestog sedamnaestog osamnaestog devetnaestog
|dvadesetog/dvadeset|tridesetog/trideset
et
|esimene teine kolmas neljas viies kuues seitsmes kaheksas üheksas kümnes üheteistkümnes kaheteistkümnes
 kolmeteistkümnes neljateistkümnes viieteistkümnes kuueteistkümnes seitsmeteistkümnes kaheksateistkümnes
 üheksateistkümnes
|kahekümnes/kahekümne|kolmekümnes/kolmekümne
"""
"""ordinals of days: 1 to 19, 20 and 30, with what they are before a further one where that differs"""
