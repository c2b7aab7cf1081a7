"""Tests that the documents are true: the example settings are the defaults, and the README's examples run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import av
import httpx
import pytest
import yaml
from servers import TIMEOUT, Server, running

from compat.openai.names import LISTED
from engines.catalogue.engines import CATALOGUE
from engines.catalogue.models import MODELS
from engines.settings import EngineSettings
from gateway.config import schema, sources
from gateway.config.load import load, load_traced
from gateway.config.settings import Settings

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "config.example.yaml"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")])
README = (ROOT / "README.md").read_text("utf-8")
NAMES = README.partition("### Models and voices")[2].partition("\n\nCase")[0]
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str, text: str = README) -> list[str]:
    """Return the code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


# The example settings...


def test_the_example_is_the_defaults() -> None:
    """`config.example.yaml` unchanged loads to exactly the defaults."""
    assert load(EXAMPLE, {}, {}) == Settings()


def test_the_example_holds_every_setting() -> None:
    """Every setting has an entry; one that holds entries of the user's own has an example."""
    origins = set(load_traced(EXAMPLE, {}, {}).origins)
    named = {".".join(path) for path, _ in schema.leaves(Settings())}
    text = EXAMPLE.read_text("utf-8")
    open_ended = {"compat.model_aliases", "compat.voice_aliases", "engines", "models.each", "models.own"}

    assert named - {".".join(path) for path in origins} == open_ended
    for name in open_ended:
        assert re.search(rf"^\s*{name.rpartition('.')[2]}: {{}}", text, re.MULTILINE)
    for field in schema.keys(EngineSettings):
        assert re.search(rf"^#\|    {field}: ", text, re.MULTILINE)


def test_every_setting_says_why() -> None:
    """Each line of the example that sets something has a comment."""
    lines = [
        line
        for line in EXAMPLE.read_text("utf-8").splitlines()
        if re.match(r"\s*\w+: +\S", line) and not line.startswith("#")
    ]

    assert len(lines) > 35
    assert [line for line in lines if not re.search(r"\S  # \w|\S +# \w", line)] == []


def test_the_examples_in_the_example_load(tmp_path: Path) -> None:
    """With the examples uncommented, in place of the lines above them, the file is still valid."""
    text = EXAMPLE.read_text("utf-8")
    for key in re.findall(r"^#\|\s*(\w+): *[\[{\n]", text, re.MULTILINE):
        text = re.sub(rf"^\s*{key}: (\[\]|{{}}).*\n", "", text, flags=re.MULTILINE)
    path = tmp_path / "config.yaml"
    path.write_text(re.sub(r"^#\|", "", text, flags=re.MULTILINE))
    settings = load(path, {}, {})

    assert settings.engines["espeak"].workers == 4
    assert settings.compat.model_aliases
    assert settings.compat.voice_aliases
    assert settings.server.cors_origins


def test_flags_are_settings() -> None:
    """Every flag that stands for a setting names an existing one, and `serve --help` lists it."""
    help_text = subprocess.run(
        [sys.executable, "-m", "gateway", "serve", "--help"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=True,
    ).stdout
    for name, flag in sources.FLAGS.items():
        assert schema.type_at(tuple(name.split("."))) is not None
        assert flag in help_text


# The README...


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server as `make serve` does."""
    with running(tmp_path_factory.mktemp("readme"), natural=True) as natural:
        yield natural


def test_the_sdk_example_runs(server: Server, tmp_path: Path) -> None:
    """The README's Python example, with only the address changed, writes a playable mp3 and prints exactly
    the words that it speaks.
    """
    (code,) = blocks("python")
    assert code.count(ADDRESS) == 1
    script = tmp_path / "example.py"
    script.write_text(code.replace(ADDRESS, server.url))
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Change the base URL, nothing else."
    with av.open(str(tmp_path / "speech.mp3")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 24_000


def test_the_voices_example_runs(tmp_path: Path) -> None:
    """The example of docs/voices.md, with only the address changed, clones a voice and speaks with it."""
    (code,) = blocks("python", (ROOT / "docs" / "voices.md").read_text("utf-8"))
    for name in ("anna.wav", "consent.wav"):
        shutil.copy(ROOT / "conformance" / "data" / "clip.flac", tmp_path / name)
    with running(tmp_path, {"engines": {"mimic": {"enabled": True}}}) as mimicking:
        mimicking.wait_ready()
        (tmp_path / "example.py").write_text(code.replace(ADDRESS, mimicking.url))
        done = subprocess.run(
            [sys.executable, "example.py"], capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path
        )

    assert done.returncode == 0, done.stderr
    with av.open(str(tmp_path / "anna.mp3")) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 12_000


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_examples_run(server: Server, tmp_path: Path) -> None:
    """The README's curl lines, with only the address changed, write an mp3 and print a transcript."""
    (code,) = blocks("bash")
    script = f"set -e\n{code.replace(ADDRESS, server.url)}"
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, timeout=TIMEOUT, cwd=tmp_path
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert not done.stdout.startswith("{")
    assert (tmp_path / "speech.mp3").read_bytes()[0] == 0xFF


def test_models_of_the_readme_are_served() -> None:
    """The models in the README's table are those that the server lists."""
    named = set(re.findall(r"`([^`]+)`", NAMES.partition("| voices")[0]))

    assert len(named) >= 8
    engines = {record.name for record in CATALOGUE} | {record.name for record in MODELS}
    assert named <= {*LISTED["speech"], *LISTED["transcription"], *engines}


@pytest.mark.parametrize(
    "voice",
    sorted(
        {
            name
            for row in NAMES.split("| voices")[1:]
            for name in re.findall(r"`([^`]+)`", row.partition("\n")[0])
            if " " not in name
        }
    ),
)
def test_voices_of_the_readme_speak(server: Server, voice: str) -> None:
    """Every voice in the README's table speaks."""
    body = {"model": "tts-1", "voice": voice, "input": "One.", "response_format": "pcm"}
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=TIMEOUT)

    assert answer.status_code == 200, answer.text
    assert len(answer.content) > 4800


def test_links_lead_somewhere() -> None:
    """Every relative link of the documents leads to a file."""
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_files_that_documents_name_exist() -> None:
    """Every path of ours that a document names exists."""
    named = {
        (page.name, path)
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for path in re.findall(
            r"`((?:gateway|engines|compat|streaming|voices|conformance|tests|bench|docs|scripts)/[\w./-]*)`",
            page.read_text("utf-8"),
        )
    }
    assert len(named) > 60
    assert (
        sorted(
            (page, path)
            for page, path in named
            if not (ROOT / path).exists() and "hummer" not in path and "/out/" not in path
        )
        == []
    )


def test_the_changelog_knows_this_version() -> None:
    """The newest entry of the changelog is the version of the project file."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.search(r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == version


# The project's own scripts...


@pytest.mark.parametrize("script", [".ci/run", "scripts/setup", "scripts/check_wheel"])
def test_scripts_are_sound(script: str) -> None:
    """The shell scripts parse, and can be run as programs."""
    path = ROOT / script
    shell = path.read_text().partition("\n")[0].removeprefix("#!").split()[-1].rpartition("/")[2]

    assert os.access(path, os.X_OK)
    subprocess.run([shell, "-n", str(path)], check=True, timeout=TIMEOUT)


def test_the_example_is_yaml_as_others_read_it() -> None:
    """An ordinary YAML parser reads the same sections in the same order."""
    assert list(yaml.safe_load(EXAMPLE.read_text("utf-8"))) == schema.keys(Settings)
