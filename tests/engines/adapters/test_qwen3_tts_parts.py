"""Tests of what Qwen3-TTS's adapter knows without its library: kinds, languages, voices, texts and records."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engines.adapters.qwen3_tts.config import NAMES, read_config
from engines.adapters.qwen3_tts.described_voice import describe
from engines.adapters.qwen3_tts.languages import AUTO, TAGS, language_tags, library_name
from engines.adapters.qwen3_tts.request_options import OPTIONS
from engines.adapters.qwen3_tts.text import plain_text, says_something, signs_pattern
from engines.adapters.qwen3_tts.voice_files import read_voices
from engines.adapters.qwen3_tts.voices import SPEAKERS, describe_voices, map_openai_voices
from engines.api import SpeechJob
from engines.catalogue.models import find_model
from engines.catalogue.qwen3_tts import LANGUAGES, QWEN3_TTS_MODELS
from engines.catalogue.request_options import request_options
from engines.environments.groups import find_group
from engines.errors import EngineFailed
from engines.languages import is_tag
from engines.toolkit.openai_voices import OPENAI_VOICES

SIGNS = signs_pattern(["<|im_end|>", "<|im_start|>", "<tts_pad>", "<think>"])
CONFIG = {
    "model_type": "qwen3_tts",
    "tts_model_type": "custom_voice",
    "tts_model_size": "1b7",
    "tokenizer_type": "qwen3_tts_tokenizer_12hz",
    "talker_config": {
        "spk_id": {"Vivian": 3065, "ryan": 3061, "mine": 3000},
        "codec_language_id": {"english": 2050, "chinese": 2055, "german": 2053, "beijing_dialect": 2074},
    },
}


def written(folder: Path, **changes: object) -> Path:
    """Return a folder with a config.json."""
    (folder / "config.json").write_text(json.dumps(CONFIG | changes), "utf-8")
    return folder


@pytest.mark.parametrize(
    ("tag", "name"),
    [
        ("en", "english"),
        ("en-GB", "english"),
        ("zh", "chinese"),
        ("zh_Hant_TW", "chinese"),
        ("cmn", "chinese"),
        ("pt-BR", "portuguese"),
        ("JA", "japanese"),
        ("yue", AUTO),
        ("sw", AUTO),
        ("", AUTO),
        (None, AUTO),
    ],
)
def test_languages_by_their_tags(tag: str | None, name: str) -> None:
    """A tag becomes the library's name of the language, whatever its region; others are left to the model."""
    assert library_name(tag, TAGS) == name
    assert library_name(tag, ["english"]) == (name if name == "english" else AUTO)


def test_all_ten_languages() -> None:
    """The library's ten languages have tags, in the records too; a dialect and an unknown name have none."""
    assert language_tags([*TAGS, "sichuan_dialect", "klingon"]) == LANGUAGES
    assert len(set(LANGUAGES)) == 10
    assert all(map(is_tag, LANGUAGES))


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Hello there.", "Hello there."),
        ("\n\n Hello\nthere. \n", "Hello\nthere."),
        ("One <|im_end|>two", "One  two"),
        ("<|im_<|im_end|>end|>", "<|im_ end|>"),
        ("<tts_pad><think>", ""),
        ("a < b | c > d", "a < b | c > d"),
    ],
)
def test_texts_hold_no_signs(text: str, read: str) -> None:
    """What is a sign of the tokenizer's is none in a text, nor becomes one when another is taken away."""
    assert plain_text(text, SIGNS) == read
    assert not SIGNS.search(read)
    assert says_something(read) == bool(re.search(r"\w", read))


def test_a_tokenizer_without_signs() -> None:
    """Where there are no signs, texts are as they are."""
    assert plain_text("<|im_end|>", signs_pattern([])) == "<|im_end|>"


def test_nine_voices() -> None:
    """The published voices have a gender, a description and their own language first; OpenAI's names are of the
    right gender, and none is a voice that would speak a dialect unasked.
    """
    voices = {voice.id: voice for voice in describe_voices(SPEAKERS, LANGUAGES)}
    characters = map_openai_voices(tuple(voices.values()))

    assert len(voices) == 9
    assert all(voice.gender and voice.description for voice in voices.values())
    assert all(set(voice.languages) == set(LANGUAGES) for voice in voices.values())
    assert [voices[name].languages[0] for name in ("ryan", "vivian", "ono_anna", "sohee")] == [
        "en",
        "zh",
        "ja",
        "ko",
    ]
    assert set(characters) == set(OPENAI_VOICES)
    assert not {"eric", "dylan"} & set(characters.values())
    men = {name for name, voice in characters.items() if voices[voice].gender == "male"}
    assert men == {"ash", "ballad", "cedar", "echo", "fable", "onyx", "verse"}


def test_voices_of_ones_own() -> None:
    """A fine-tuned checkpoint has the voices that its config.json names, and OpenAI's names are among them."""
    voices = describe_voices(["zoe", "adam"], ("en", "de"))

    assert [(voice.id, voice.name, voice.languages) for voice in voices] == [
        ("adam", "Adam", ("en", "de")),
        ("zoe", "Zoe", ("en", "de")),
    ]
    assert set(map_openai_voices(voices).values()) == {"adam"}
    assert map_openai_voices(()) == {}


def test_voices_in_files(tmp_path: Path) -> None:
    """The voices of a model are known from its config.json, before it runs: its own, one to be described, none."""
    found = read_voices([written(tmp_path)], {}, lambda _: True)
    described = read_voices([written(tmp_path, tts_model_type="voice_design")], {}, lambda _: True)
    cloning = read_voices([written(tmp_path, tts_model_type="base")], {}, lambda _: True)

    assert [voice.id for voice in found.voices] == ["ryan", "vivian", "mine"]
    assert found.voices[0].languages == ("en", "zh", "de")
    assert found.other_names == ("qwen3-tts-custom",)
    assert [voice.id for voice in described.voices] == ["described"]
    assert set(described.characters.values()) == {"described"}
    assert (cloning.voices, cloning.characters, cloning.other_names) == ((), {}, ("qwen3-tts",))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"model_type": "qwen3"}, "`qwen3 custom_voice`"),
        ({"tts_model_type": "podcast"}, "`qwen3_tts podcast`"),
        ({"tokenizer_type": "qwen3_tts_tokenizer_25hz"}, "25hz"),
        ({"talker_config": 3}, "cannot be read"),
    ],
)
def test_other_models_are_refused(tmp_path: Path, changes: dict[str, object], told: str) -> None:
    """A config.json of another model, kind or codec is refused, with what it is."""
    with pytest.raises(EngineFailed, match=told):
        read_config(written(tmp_path, **changes))


def test_a_missing_config(tmp_path: Path) -> None:
    """A folder without config.json is named."""
    with pytest.raises(EngineFailed, match=r"config\.json is missing"):
        read_config(tmp_path)


@pytest.mark.parametrize(
    ("kind", "size", "follows"),
    [
        ("base", "1b7", False),
        ("custom_voice", "1b7", True),
        ("custom_voice", "0b6", False),
        ("custom_voice", None, True),
        ("voice_design", "1b7", True),
    ],
)
def test_who_follows_instructions(tmp_path: Path, kind: str, size: str | None, follows: bool) -> None:
    """The models with voices and the one that designs follow instructions, but not those of 0.6B."""
    config = read_config(written(tmp_path, tts_model_type=kind, tts_model_size=size))
    assert config.follows_instructions == follows


def test_descriptions() -> None:
    """A designed voice's description goes before how it is to speak now; without both there is a usual one."""
    assert (
        describe(SpeechJob("x", "", design=" An old man. ", instructions="Slowly.")) == "An old man.\nSlowly."
    )
    assert describe(SpeechJob("x", "", instructions="A child.")) == "A child."
    assert "voice" in describe(SpeechJob("x", ""))


def test_records() -> None:
    """There are five models, by the makers' names, whose files include the codec; those of 0.6B take no
    instructions, and each is run in the environment that has its library.
    """
    assert {record.name: record.repo for record in QWEN3_TTS_MODELS} == {
        "qwen3-tts-1.7b": "Qwen/Qwen3-TTS-12Hz-1.7B-Base",
        "qwen3-tts-0.6b": "Qwen/Qwen3-TTS-12Hz-0.6B-Base",
        "qwen3-tts-custom-1.7b": "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice",
        "qwen3-tts-custom-0.6b": "Qwen/Qwen3-TTS-12Hz-0.6B-CustomVoice",
        "qwen3-tts-design-1.7b": "Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign",
    }
    for record in QWEN3_TTS_MODELS:
        assert find_model(record.name) is record
        assert record.engine.name in NAMES.values()
        assert record.licence == "Apache-2.0"
        assert {"config.json", "generation_config.json", "speech_tokenizer/*.safetensors"} <= set(
            record.files
        )
        assert set(record.engine.packages) <= set(find_group(record.engine.group).packages)
        assert request_options(record.engine) is OPTIONS
    following = {record.name for record in QWEN3_TTS_MODELS if record.instruct}
    assert following == {"qwen3-tts-custom-1.7b", "qwen3-tts-design-1.7b"}
    assert all(setting.is_sound for setting in OPTIONS.settings)
