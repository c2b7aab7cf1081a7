"""The records of Piper's voices, and those that settings name."""

from __future__ import annotations

import re

import msgspec
import pytest

from engines.adapters.piper.config import FILE_NAME
from engines.catalogue.models import all_models, find_model
from engines.catalogue.own import OwnModel
from engines.catalogue.piper import PIPER, PIPER_MODELS
from engines.languages import is_tag, primary_language, standard_tag


def test_forty_languages() -> None:
    """There is a voice for each of more than forty languages, by tags that are tags."""
    languages = {primary_language(tag) for record in PIPER_MODELS for tag in record.languages}

    assert len(languages) > 40
    assert len({record.name for record in PIPER_MODELS}) == len(PIPER_MODELS)
    assert all(is_tag(tag) and standard_tag(tag) for record in PIPER_MODELS for tag in record.languages)


def test_files_are_where_the_hub_has_them() -> None:
    """A voice is three files in the folder of its language, name and quality."""
    record = find_model("piper-en_US-lessac-medium")

    assert record.repo == "rhasspy/piper-voices"
    assert record.files == (
        "en/en_US/lessac/medium/en_US-lessac-medium.onnx",
        "en/en_US/lessac/medium/en_US-lessac-medium.onnx.json",
        "en/en_US/lessac/medium/MODEL_CARD",
    )
    assert record.options == {"voice": "en_US-lessac-medium"}
    assert all(FILE_NAME.fullmatch(one.options["voice"]) for one in PIPER_MODELS)
    assert all(re.fullmatch(r"piper-[\w.-]+", one.name, re.ASCII) for one in PIPER_MODELS)


def test_rates_and_ranks() -> None:
    """Voices of low quality have 16 kHz; a voice goes before eSpeak and behind Hibari."""
    assert {
        find_model(name).sample_rate for name in ("piper-de_DE-kerstin-low", "piper-it_IT-riccardo-x_low")
    } == {16_000}
    assert find_model("piper-de_DE-thorsten-medium").sample_rate == 22_050
    assert 10 < PIPER.rank < 15


def test_joe_comes_in_a_wheel_too() -> None:
    """One voice can be had from a package index, its files with their hashes."""
    record = find_model("piper-en_US-joe-medium")

    assert record.packaged is not None
    assert [file.path for file in record.packaged.files] == [
        "en_US-joe-medium.onnx",
        "en_US-joe-medium.onnx.json",
        "MODEL_CARD",
    ]


def test_own_voices() -> None:
    """Settings name further voices of the repository, or a repository with one voice."""
    own = {
        "nathalie": OwnModel(
            "rhasspy/piper-voices", engine="piper", voice="nl_BE-nathalie-x_low", licence="CC0-1.0"
        ),
        "mine": OwnModel("me/my-voice", engine="piper"),
    }
    records = {record.name: record for record in all_models(own)}

    assert records["nathalie"].files[0] == "nl/nl_BE/nathalie/x_low/nl_BE-nathalie-x_low.onnx"
    assert (records["nathalie"].languages, records["nathalie"].sample_rate) == (("nl-BE",), 16_000)
    assert records["nathalie"].licence == "CC0-1.0"
    assert records["mine"].engine == PIPER
    assert records["mine"].files == ("*.onnx", "*.onnx.json", "MODEL_CARD")
    assert records["mine"].options == {}


@pytest.mark.parametrize("voice", ["thorsten", "../../etc-x-y", "de_DE-a/b-low"])
def test_names_that_are_none(voice: str) -> None:
    """What is no name of a voice is refused as a setting."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"repo": "a/b", "engine": "piper", "voice": voice}, OwnModel)
