"""Tests of the pause of the garbage collector while a document is parsed."""

from __future__ import annotations

import gc
import threading

import pytest

from streaming.text.collection_pause import CollectionPause
from streaming.text.markdown_reading import PIECE, markdown_edits


def test_the_collector_goes_on_behind_the_last_pause() -> None:
    """The collector rests while anybody wants that, in any thread, goes on however that ends, and stays off where it
    was.
    """
    pause = CollectionPause()
    with pause.begun():
        with pytest.raises(ZeroDivisionError), pause.begun():
            assert not gc.isenabled()
            _ = 1 // 0
        assert not gc.isenabled()
        seen: list[bool] = []

        def other() -> None:
            with pause.begun():
                seen.append(gc.isenabled())

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        assert seen == [False]
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
    try:
        with pause.begun():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_document_is_parsed_without_a_collection() -> None:
    """While a part of a document is parsed the collector looks at none of its tokens, and none is left to it."""
    text = "a *b*\n" * (PIECE // 12)
    assert list(markdown_edits(text))
    gc.collect()
    generations: list[int] = []

    def note(phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            generations.append(info["generation"])

    gc.callbacks.append(note)
    try:
        edits = markdown_edits(text)
        first = next(edits), next(edits)
    finally:
        gc.callbacks.remove(note)
    assert first
    assert 2 not in generations
