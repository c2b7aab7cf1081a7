"""Tests of what TADA's adapter knows without its library: folders, languages and texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines.adapters.tada.files import find_folders
from engines.adapters.tada.languages import ALIGNERS, language_of_words, languages_of
from engines.adapters.tada.text import join_transcripts, plain_text
from engines.catalogue.models import find_model
from engines.errors import EngineFailed


def make(folder: Path, *aligners: str) -> list[Path]:
    """Make the folders of a TADA, without weights: model, codec, tokenizer, and the aligners' shape."""
    places = {"model": "llama", "codec/encoder": "", "codec/decoder": "", "wav2vec": "wav2vec2"}
    places |= {f"codec/{aligner}": "" for aligner in aligners}
    for place, kind in places.items():
        (folder / place).mkdir(parents=True)
        (folder / place / "config.json").write_text(json.dumps({"model_type": kind}))
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.json").write_text("{}")
    return [folder / name for name in ("model", "codec", "tokenizer", "wav2vec")]


def test_folders_in_any_order(tmp_path: Path) -> None:
    """Each part is found by its files, in whatever order the folders come."""
    model, codec, tokenizer, wav2vec = make(tmp_path, "aligner")
    for others in ([codec, tokenizer, wav2vec], [wav2vec, codec, tokenizer]):
        found = find_folders([model, *others])
        assert (found.model, found.codec, found.tokenizer, found.wav2vec) == (
            model,
            codec,
            tokenizer,
            wav2vec,
        )


def test_one_folder_with_all_parts(tmp_path: Path) -> None:
    """A folder of one's own holds the other parts in folders of its own, by any names."""
    make(tmp_path, "aligner")
    (tmp_path / "config.json").write_text("{}")
    found = find_folders([tmp_path])
    assert (found.model, found.codec) == (tmp_path, tmp_path / "codec")
    assert (found.tokenizer, found.wav2vec) == (tmp_path / "tokenizer", tmp_path / "wav2vec")


@pytest.mark.parametrize("missing", range(4))
def test_a_missing_part_is_named(tmp_path: Path, missing: int) -> None:
    """Without one of them there is an error that names it."""
    folders = make(tmp_path, "aligner")
    folders.pop(missing)
    told = ("config.json is missing", "codec", "tokenizer", "wav2vec")[missing]
    with pytest.raises(EngineFailed, match=told):
        find_folders(folders)


def test_languages_are_those_with_an_aligner(tmp_path: Path) -> None:
    """The languages of a codec are those of its aligners, English first, or those that the record names."""
    codec = make(tmp_path, "aligner", "aligner-ch", "aligner-de", "aligner-xx")[1]
    assert languages_of(codec) == ("en", "zh", "de")
    assert languages_of(codec, ["de", "fr"]) == ("de",)


@pytest.mark.parametrize(
    ("tag", "words", "language"),
    [
        ("pt-BR", "Olá.", "pt"),
        ("zh-Hant", "你好", "zh"),
        ("DE", "Hallo.", "de"),
        ("fi", "Moi.", "en"),
        (None, "Guten Tag.", "en"),
        (None, "你好", "zh"),
        (None, "今日はいい天気", "ja"),
        (None, "مرحبا", "ar"),
    ],
)
def test_the_language_of_a_recording(tag: str | None, words: str, language: str) -> None:
    """It is the one that is told, else the one of the words' script, else English."""
    assert language_of_words(tag, words, ALIGNERS) == language


def test_a_script_of_a_language_that_is_not_known() -> None:
    """A model that knows English alone takes all words for English."""
    assert language_of_words(None, "今日はいい天気", ["en"]) == "en"


def test_the_catalogue_knows_the_same_languages() -> None:
    """The record of the multilingual model has the languages of all aligners, and its pull has their files."""
    record = find_model("tada-3b-ml")
    assert set(record.languages) == set(ALIGNERS)
    (codec,) = [source for source in record.sources if source.repo == "HumeAI/tada-codec"]
    assert "aligner*/*.safetensors" in codec.files
    assert find_model("tada-1b").languages == ("en",)
    assert "meta-llama" not in " ".join(source.repo for source in record.sources)


def test_control_tokens_are_plain_text() -> None:
    """No control token of Llama's is left in a text, and lines become one."""
    assert plain_text(" One <|eot_id|>\n two <<||> ") == "One < |eot_id|> two << ||>"
    assert "<|" not in plain_text("<|<|<||")
    assert join_transcripts(["a.", " b. "], "de") == "a. b."
    assert join_transcripts(["こんにちは。", "はい。"], "ja") == "こんにちは。はい。"
