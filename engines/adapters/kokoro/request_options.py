"""What texts for Kokoro may hold besides words: misaki's marks, which tell how a word is said."""

from __future__ import annotations

from engines.api import RequestOptions

OPTIONS = RequestOptions(
    marks=(r"\[(?P<said>[^\[\]\n]{1,100})\]\((?:/[^()/\n]{1,200}/|[-+](?:\d|0\.5))\)",),
)
