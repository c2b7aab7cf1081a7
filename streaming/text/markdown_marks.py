"""The parser of Markdown that is read aloud: CommonMark, tables, and the marks that other programs add to it.

CommonMark wants a space or punctuation around emphasis whose edge is punctuation. Chinese, Japanese, Korean
and Thai set none, and chat models write `**Note:**text` in any language; so there the stars are marks as
well. And it takes the stars of `2*3*4` for marks.
"""

from __future__ import annotations

import re
import unicodedata

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, reference
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter, Scanned

UNREAD = "unread"
"""the type of tokens for marks of which nothing is said"""
SPACELESS = re.compile(
    r"[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u2E80-\u2FDF\u3005-\u3007\u3040-\u318F\u31A0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7FF\uF900-\uFAFF\uFF66-\uFFDC\U00020000-\U0003FFFF]"
)
"""letters of scripts that set no space around a word, and of Korean, whose particles join it"""
FACTOR = re.compile(r"(?:(?<![^\W_])[A-Za-z]|[0-9)\]])\Z")
"""what stands before a sign of multiplication, not before a mark: a number, a lone letter, a bracket"""
DIGITS = "0123456789"
PROPERTY = re.compile(r"[^\s:#\-][^\n:]{0,100}:(?:\s|\Z)")
PROPERTY_LINE = re.compile(r"\s|#|-\s|\Z")
"""what goes on with a property, or stands between two"""
UNSAID = re.compile(
    r"""
    \[\^[^\]\s]{1,100}\]:?                                    # a footnote, here or below
    | \[_?_?toc_?_?\](?=\s*\Z)
    | \{[ ]?[#.][\w:.-]{1,100}(?:[ ][#.][\w:.-]{1,100}){0,8}[ ]?\}(?=\s*(?:\n|\Z)) # # Title {#name}
    | 【[^【】\n]{0,40}†[^【】\n]{0,200}】                         # what models cite
    | \ue200[^\ue200\ue201]{0,400}\ue201
    """,
    re.VERBOSE | re.IGNORECASE,
)
ENCLOSED = re.compile(
    r"""
    (?P<wiki>\[\[(?:[^\[\]|\n]{1,200}\|)?)(?P<page>[^\[\]|\n]{1,200})\]\](?!\()     # [[page|what is read]]
    | (?P<light>(?<![A-Za-z0-9_=])==)(?P<lit>[^\s=](?:[^\n]{0,500}?[^\s=])??)==(?![A-Za-z0-9_=])
    """,
    re.VERBOSE,
)
"""marks around what is read: wiki links, ==highlighted=="""
ALERT = re.compile(r"\[!([A-Za-z][\w-]{0,30})\][+-]?(?=[ \t]*(\S)?)")
"""the kind of a box and whether it has a title of its own: > [!NOTE]"""
BEGINNINGS = "[={【\ue200"


def front_matter_end(text: str) -> int:
    """Return where the text begins behind a document's properties, in YAML or TOML; 0 without any."""
    position = 0
    fence = ""
    if not text.lstrip("\ufeff").startswith(("---", "+++")):
        return 0
    for number, line in enumerate(text.splitlines(keepends=True)):
        bare = line.strip().lstrip("\ufeff")
        position += len(line)
        if number == 0:
            if bare not in ("---", "+++"):
                return 0
            fence = bare
        elif bare == fence or (bare == "..." and fence == "---"):
            return position if number > 1 else 0
        elif fence == "---":
            if not PROPERTY.match(line) and (number == 1 or not PROPERTY_LINE.match(line)):
                return 0
        elif bare and not (bare[0] in "#[]" or "=" in bare or line[0].isspace()):
            return 0
    return 0


def reading_parser() -> MarkdownIt:
    """Return a parser whose tokens of the type `unread` are marks that are not said."""
    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.inline.add_terminator_char("【")
    parser.inline.add_terminator_char("\ue200")
    parser.inline.ruler.at("emphasis", _emphasis)
    parser.inline.ruler.before("link", "marks", _marks)
    parser.block.ruler.at("reference", _target, {"alt": []})
    return parser


def _target(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Take a line for a link's target, but for a footnote, which is read."""
    at = state.bMarks[start] + state.tShift[start]
    return not state.src.startswith("[^", at) and reference(state, start, end, silent)


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Take stars and underscores for what they are to a reader."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, marker == "*")
    before = state.src[max(0, state.pos - 3) : state.pos]
    behind = state.src[state.pos + scanned.length : state.pos + scanned.length + 1]
    can_open, can_close = _flanks(scanned, marker, before, behind)
    for _ in range(scanned.length):
        state.push("text", "", 0).content = marker
        place = len(state.tokens) - 1
        state.delimiters.append(Delimiter(ord(marker), scanned.length, place, -1, can_open, can_close))
    state.pos += scanned.length
    return True


def _flanks(scanned: Scanned, marker: str, before: str, behind: str) -> tuple[bool, bool]:
    """Return whether marks may begin, and whether they may end, what is emphasised."""
    can_open, can_close = scanned.can_open, scanned.can_close
    if not before or before[-1].isspace() or not behind.strip():
        return can_open, can_close
    is_spaceless = bool(SPACELESS.match(before[-1]) or SPACELESS.match(behind))
    is_edge = unicodedata.category(before[-1])[0] in "PS" or unicodedata.category(behind)[0] in "PS"
    is_double = scanned.length > 1
    if marker == "_":
        is_mark = is_double and is_spaceless
    else:
        is_mark = is_edge and (is_spaceless or (is_double and behind not in DIGITS))
    if is_mark:
        can_open = can_close = True
    if marker == "*" and FACTOR.search(before) and not is_spaceless:
        can_open = can_open and behind not in f"{DIGITS}(" and (is_double or not behind.isalnum())
    return can_open, can_close


def _marks(state: StateInline, silent: bool) -> bool:
    """Tell marks of which nothing is said, and those around what is read, from the text."""
    source, start = state.src, state.pos
    if source[start] not in BEGINNINGS:
        return False
    if start == 0 and (found := ALERT.match(source)):
        return _alert(state, found, silent=silent)
    if (found := UNSAID.match(source, start)) and found.end() <= state.posMax:
        if not silent:
            state.push(UNREAD, "", 0).content = found[0]
        state.pos = found.end()
        return True
    found = ENCLOSED.match(source, start)
    if not found or found.end() > state.posMax:
        return False
    if not silent:
        _enclosed(state, found)
    state.pos = found.end()
    return True


def _alert(state: StateInline, found: re.Match[str], *, silent: bool) -> bool:
    """Say the kind of a box where it is what is shown as its title."""
    if not silent:
        state.push(UNREAD, "", 0).content = found[0]
        if not found[2] or "\n" in state.src[found.end() : found.start(2)]:
            state.push("text", "", 0).content = f"{found[1].capitalize()}:"
    state.pos = found.end()
    return True


def _enclosed(state: StateInline, found: re.Match[str]) -> None:
    inner = "page" if found["wiki"] else "lit"
    last = state.posMax
    state.push(UNREAD, "", 0).content = found["wiki"] or found["light"]
    state.pos, state.posMax = found.span(inner)
    state.md.inline.tokenize(state)
    state.push(UNREAD, "", 0).content = found.string[found.end(inner) : found.end()]
    state.posMax = last
