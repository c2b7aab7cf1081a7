"""Tests of language tags: all spellings of clients and models are parsed, and others are refused."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compat.openai import languages as whisper
from engines.languages import is_tag, primary_language, standard_tag


@pytest.mark.parametrize(
    ("tag", "language"),
    [("pt-BR", "pt"), ("PT_br", "pt"), ("de", "de"), (" zh-Hant-TW ", "zh"), ("cmn", "cmn"), ("", "")],
)
def test_primary_language(tag: str, language: str) -> None:
    """The first subtag is the language, whatever the case and whichever sign parts it from the rest."""
    assert primary_language(tag) == language


@pytest.mark.parametrize(
    ("tag", "standard"),
    [
        ("pt_br", "pt-BR"),
        ("ger", "de"),
        ("deu", "de"),
        ("iw", "he"),
        ("cmn", "zh"),
        ("mo", "ro"),
        ("xx", "xx"),
    ],
)
def test_standard_tag(tag: str, standard: str) -> None:
    """Old codes, three-letter codes and members of a macrolanguage get the standard tag."""
    assert standard_tag(tag) == standard


@pytest.mark.parametrize("value", ["e", "klingonese-", "english-ish!", "en us", ""])
def test_invalid_tags(value: str) -> None:
    """A text without the form of a tag is a ValueError."""
    assert not is_tag(value)
    with pytest.raises(ValueError, match=r"."):
        standard_tag(value)


@given(st.text(max_size=40))
def test_any_text(text: str) -> None:
    """Any text is refused, or is a tag with a language."""
    primary_language(text)
    if is_tag(text):
        assert primary_language(text).isalpha()


@pytest.mark.parametrize(
    ("given", "code"), [("iw", "he"), ("cmn", "zh"), ("tl", "tl"), ("fil", "tl"), ("nb-NO", "no")]
)
def test_whisper_has_codes_of_its_own(given: str, code: str) -> None:
    """Whisper's codes that differ from the registry's are matched in both directions."""
    assert whisper.to_code(given) == code


def test_a_worker_needs_no_registry() -> None:
    """A tag's first subtag is found without `langcodes`, which older environments lack."""
    script = "import sys; sys.modules['langcodes'] = None; from engines.languages import primary_language as p; print(p('de-AT'))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "de"
