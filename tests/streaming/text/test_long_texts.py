"""Tests of long texts on their way to what is spoken: their memory, their parts, and their bounds."""

from __future__ import annotations

import asyncio
import gc

import pytest
from blockbuster import blockbuster_ctx

from engines.api.offsets import Rewriting, TooLong, rewrite
from streaming.text.markdown_reading import PIECE, _parts, markdown_edits
from streaming.text.names_loading import are_loaded, load_names
from streaming.text.spoken import spoken_text


def spoken(text: str, language: str = "en") -> str:
    """Return what is spoken of a text, with single spaces."""
    rewriting = Rewriting(text)
    spoken_text(rewriting, language)
    return " ".join(rewriting.text.split(" ")).replace("  ", " ").strip()


LONG = 30_000


@pytest.mark.parametrize(
    "unit", ["👍🏽", "５", "a\u200b", "e\u0301", "a\n", "Dr. X ", "5 > 3 ", "-5 ", "1 000 ", "$5.5 "]
)
def test_a_long_text_leaves_no_heap_of_objects(unit: str) -> None:
    """What is known of the changes to a long text is no hundred thousand objects."""
    spoken(unit)  # what is compiled and loaded once is no part of it
    rewriting = Rewriting((unit * LONG)[:LONG])
    gc.collect()
    before = len(gc.get_objects())
    spoken_text(rewriting, "en", ties=True)

    assert len(gc.get_objects()) - before < 1000
    assert rewriting.original(0, len(rewriting.text))[1] >= LONG - 1


@pytest.mark.parametrize("unit", ["a\n", "a *b*\n\n", "[a](b) ", "- a\n", "```\na\n```\n", "x"])
def test_a_long_document_is_parsed_in_parts(unit: str) -> None:
    """However long a document, it is parsed in short parts, which are all of it."""
    text = unit * LONG
    parts = list(_parts(text))

    assert "".join(text[start:end] for start, end in parts) == text
    assert max(end - start for start, end in parts) <= 2 * PIECE


def test_parts_of_a_document_are_cut_between_blocks() -> None:
    """A document longer than a part is read as one: its code stays unread, its links know their targets."""
    block = "A paragraph with a [link][target], *marks* and `code`.\n\n```py\nx = 1\n\ny = 2\n```\n\n- one\n\n- two\n\n"
    count = 3 * PIECE // len(block)
    text = block * count + "[target]: https://example.org/somewhere"
    read = rewrite(text, markdown_edits(text)).text

    assert " ".join(read.split()) == " ".join(["A paragraph with a link, marks and code. one two"] * count)


@pytest.mark.parametrize("number", ["5" * LONG, "5." * LONG, "1.000" * LONG, "1 000" * LONG])
def test_a_number_of_any_length_may_be_an_amount(number: str) -> None:
    """The length of a number is no error, and its currency is said."""
    for language in ("en", "ru"):
        assert "$" not in spoken(f"${number}", language)


@pytest.mark.parametrize("language", ["en", "sk", "cmn", "eo", None])
def test_no_file_is_read_once_the_names_are_loaded(language: str | None) -> None:
    """A short text is rewritten on the event loop: nothing there reads a file, in a language that is loaded."""
    load_names(language)

    async def rewrite_all() -> None:
        for text in ("😀 🫨", "-5 ± 5", "$5, R$ 5 and ₸5", "10 500 people", "5 M€"):
            spoken_text(Rewriting(text), language)

    assert are_loaded(language)
    with blockbuster_ctx():
        asyncio.run(rewrite_all())


def test_a_text_does_not_grow_beyond_its_bound() -> None:
    """A text whose edits make it longer than it may be is given up at once."""
    with pytest.raises(TooLong):
        spoken_text(Rewriting("👍🏽" * 1000, 4000), "en")
