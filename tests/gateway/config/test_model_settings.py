"""Tests of settings that name models: unknown names, models of one's own, and the preferred engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import ConfigError, load
from gateway.config.schema import masked


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        (
            "models:\n  each: {kokro: {preload: true}}",
            ":2: models.each.kokro: there is no model 'kokro'. Did you mean 'kokoro'",
        ),
        (
            "models: {own: {mine: {repo: a/b}}, each: {min: {workers: 2}}}",
            ":1: models.each.min: there is no model 'min'. Did you mean 'mine'",
        ),
        ("speech: {engine: kokro}", ":1: speech.engine: 'kokro' is given, which is no engine for speech. Did you mean 'kokoro'"),
        ("speech: {engine: whisper-base}", ":1: speech.engine: 'whisper-base' is given, which is no engine for speech"),
        ("transcription: {engine: kokoro}", ":1: transcription.engine: 'kokoro' is given, which is no engine for transcription"),
        ("models: {own: {espeak: {repo: a/b}}}", ":1: models.own.espeak: an engine has that name; choose another"),
        ("models: {own: {mine: {repo: a/b, files: []}}}", ":1: models.own.mine.files: [] is given; allowed: a list of texts, at least 1"),
        ("models: {own: {mine: {kind: listening}}}", ":1: models.own.mine: needs `repo`, a repository on the hub, or `folder`, a folder"),
        ("models: {own: {mine: {repo: a/b, folder: /srv/mine}}}", ":1: models.own.mine: needs `repo`, a repository on the hub, or `folder`, a folder"),
        ("models: {own: {mine: {folder: mine}}}", ":1: models.own.mine.folder: 'mine' is given; write a whole path"),
        ("models: {own: {mine: {folder: ~nobody-here/x}}}", ":1: models.own.mine.folder: '~nobody-here/x' is given; write a whole path"),
        ("models: {own: {mine: {repo: a/b, engine: vosk}}}", ":1: models.own.mine.engine: 'vosk' is given; allowed: one of whisper, faster-whisper, "),
        ("models: {sources: [hub, pypi]}", ":1: models.sources: ['hub', 'pypi'] is given; allowed: a list of one of hub, packages, at"),
        ("models: {sources: []}", ":1: models.sources: [] is given; allowed: a list of one of hub, packages, at least 1"),
        ("models: {own: {My Own: {repo: a/b}}}", ":1: models.own.My Own: 'My Own' cannot be a model's name; allowed: text that"),
    ],
)  # fmt: skip
def test_one_mistake(tmp_path: Path, content: str, reported: str) -> None:
    """Each mistake about models is reported in one line with its place and the names that may have been
    meant.
    """
    path = tmp_path / "settings.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(path, {}, {})
    (line,) = map(str, caught.value.problems)
    assert line.startswith(f"{path}{reported}")


def test_the_order_of_sources(tmp_path: Path) -> None:
    """Where models come from is a list, also in a variable; a package index's password is not shown."""
    path = tmp_path / "settings.yaml"
    path.write_text("models: {sources: [packages]}")
    assert load(path, {}, {}).models.sources == ("packages",)
    variables = {
        "VOICEBOX_MODELS__SOURCES": "packages hub",
        "VOICEBOX_MODELS__PACKAGE_INDEX": "https://me:hidden@host.example/simple",
    }
    settings = load(path, variables, {})
    assert settings.models.sources == ("packages", "hub")
    assert settings.models.package_index == "https://me:hidden@host.example/simple"
    assert "hidden" not in str(masked(("models", "package_index"), settings.models.package_index))


def test_models_may_be_preferred(tmp_path: Path) -> None:
    """A model, one's own too, may be the engine behind OpenAI's names; any existing model may have settings."""
    path = tmp_path / "settings.yaml"
    path.write_text(
        "speech: {engine: mine}\ntranscription: {engine: faster-whisper-base}\n"
        "models:\n  own: {mine: {repo: a/b, files: ['*.json']}}\n  each: {mine: {preload: true}, kokoro: {workers: 2}}\n"
    )
    settings = load(path, {"VOICEBOX_MODELS__OWN__MINE__FILES": "*.json *.safetensors"}, {})

    assert (settings.speech.engine, settings.transcription.engine) == ("mine", "faster-whisper-base")
    assert settings.models.own["mine"].files == ("*.json", "*.safetensors")
    assert set(settings.models.each) == {"mine", "kokoro"}
