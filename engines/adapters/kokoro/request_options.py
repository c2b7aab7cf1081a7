"""What texts for Kokoro may hold besides words: misaki's marks, which tell how a word is said."""

from __future__ import annotations

from engines.api import RequestOptions

PHONETIC = "\u0250-\u02ffæðŋθœ"
"""letters and stresses that phonemes have, and paths do not: `[guide](/docs/)` is a link"""
PHONEMES = rf"/(?=[^()/\n]{{0,199}}[{PHONETIC}])[^()/\n]{{1,200}}/"
STRESS = r"[-+](?:\d|0\.5)"
OPTIONS = RequestOptions(
    marks=(rf"\[(?P<said>[^\[\]\n]{{1,100}})\]\((?:{PHONEMES}|{STRESS})\)",),
)
