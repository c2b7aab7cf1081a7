"""Packages that are installed where a model runs, after it has run: it can do more then, and is asked anew."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx2 as httpx
import pytest

pytest.importorskip("fugashi", reason="fugashi is not installed")

from kokoro_in_process import folder
from neural_server import served_models
from servers import TIMEOUT, Server, running, wait_until

from engines.catalogue.models import find_model
from engines.environments import layout
from engines.environments.layout import Installed
from engines.hub.package_files import PackageFolder

INT8 = find_model("kokoro-int8")
READS_JAPANESE = ("misaki", "fugashi", "jaconv", "mojimoji", "unidic")
"""how the names of the packages for Japanese begin"""
MORNING = "おはようございます。今日はいい天気ですね。"


def packages(japanese: bool) -> list[Path]:
    """Return what is installed for the tests: the packages for Japanese, or all others."""
    found = Path(sysconfig.get_path("purelib")).iterdir()
    return [path for path in found if path.name.lower().startswith(READS_JAPANESE) == japanese]


def environment_without_japanese(home: Path) -> Path:
    """Create an environment that has all packages but those for Japanese; return the folder of its packages."""
    home.mkdir(parents=True)
    path = home / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(path)], check=True, timeout=TIMEOUT)
    site = layout.site_packages(path)
    for package in packages(japanese=False):
        (site / package.name).symlink_to(package)
    layout.write_marker(home, Installed(group=home.name, digest="", folder="env", python=""))
    return site


def languages(server: Server) -> set[str]:
    """Return the languages of the model's voices, as they are listed."""
    listed = httpx.get(f"{server.base_url}/audio/voices", timeout=TIMEOUT).json()["voices"]
    return {tag for voice in listed if voice["engine"] == INT8.name for tag in voice["languages"]}


def say(server: Server, text: str, **fields: str) -> str:
    """Have a text spoken; return the engine that spoke."""
    body = {"model": "tts-1", "input": text, "response_format": "pcm", **fields}
    answer = httpx.post(f"{server.base_url}/audio/speech", json=body, timeout=3 * TIMEOUT)
    assert answer.status_code == 200, answer.text
    return str(answer.headers["x-voicebox-engine"])


def test_a_running_server_learns_of_packages(tmp_path: Path) -> None:
    """Kokoro speaks English only, and lists no Japanese voice, where what reads Japanese is not installed. Once that is,
    the server that runs lists Japanese voices, and Kokoro says a Japanese text without being asked for; OpenAI's names go
    on meaning English voices, in lists too.
    """
    assert INT8.packaged
    place = PackageFolder(tmp_path / "hub", INT8.name, INT8.packaged)
    place.files.parent.mkdir(parents=True)
    place.files.symlink_to(folder())
    site = environment_without_japanese(
        tmp_path / "server" / "data" / layout.ENVIRONMENTS_FOLDER / INT8.engine.group
    )
    with running(tmp_path / "server", {"models": {"folder": str(tmp_path / "hub")}}) as server:
        wait_until(lambda: INT8.name in served_models(server), "the model is served", 3 * TIMEOUT)
        assert languages(server) == {"en-US", "en"}
        assert say(server, "Good morning.", model=INT8.name, voice="jf_alpha") == INT8.name
        assert {say(server, "Hi.", model=INT8.name, voice=voice) for voice in ("alloy", "af_heart")} == {
            INT8.name
        }
        assert say(server, "Hi.", voice="alloy") != INT8.name
        assert languages(server) == {"en-US", "en"}

        for package in packages(japanese=True):
            (site / package.name).symlink_to(package)
        wait_until(lambda: "ja" in languages(server), "the voices are Japanese", 3 * TIMEOUT)
        assert say(server, MORNING, voice="alloy", language="ja") == INT8.name

        # what a name of OpenAI's means where nobody says a language, as it is listed and as it is spoken
        speaker = say(server, "Hello there, my friend.", voice="alloy")
        listed = httpx.get(f"{server.base_url}/audio/voices", timeout=TIMEOUT).json()["voices"]
        (alloy,) = [voice for voice in listed if voice["id"] == "alloy"]
        aliases = httpx.get(f"{server.base_url}/voicebox/aliases", timeout=TIMEOUT).json()
        assert speaker != INT8.name
        assert (alloy["engine"], alloy["language"][:2]) == (speaker, "en")
        assert [one["target"].partition("/")[0] for one in aliases["data"] if one["name"] == "alloy"] == [
            speaker
        ]
