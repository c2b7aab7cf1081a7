"""Tests that the command lines of the documents work as they stand, in the folder of a fresh clone."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import TIMEOUT, Server, running

from compat.openai.names import LISTED
from engines.catalogue.models import MODELS
from engines.environments.groups import GROUPS
from gateway.cli.parser import make_parser

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("**/*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
VOICEBOX = ".venv/bin/voicebox"
ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "zsh")
TOOLS = {"make", "git", "cd", "curl", "grep", "python3.11", ".venv/bin/python", VOICEBOX}
"""what a line may begin with: what a clone has after `make serve`, and what it needs"""
MODEL_COMMANDS = ("pull", "verify", "delete", "load", "unload")
READ_ONLY = (
    "config check",
    "config show",
    "engines list",
    "keys create",
    "models available",
    "setup --dry-run",
    "voices",
)
"""commands that change nothing but what lies in the data folder"""
FOR_A_SERVER = ("say", "transcribe", "voices")
NOT_HERE = ("--play", "--model", "--stream", "Anna", "holiday")
"""what a machine for tests lacks: a sound card, models that are pulled, recordings of the reader's own"""


def blocks(*languages: str) -> Iterator[tuple[Path, str]]:
    """Yield the code blocks of some languages, with their pages."""
    for page in PAGES:
        for language, text in BLOCK.findall(page.read_text("utf-8")):
            if language in languages:
                yield page, text


def lines_of(text: str) -> list[str]:
    """Return the command lines of a block, those that go on put together."""
    return [
        line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")
    ]


LINES = [(page.name, line) for page, text in blocks(*SHELLS) for line in lines_of(text)]


def commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each command of a line, without where its input and output go."""
    words = shlex.split(line, comments=True)
    command: list[str] = []
    for word in [*words, "|"]:
        if word in ("|", "&&", ";"):
            if command:
                yield command
            command = []
        elif word == "<":
            command.append(word)
        elif command and command[-1] == "<":
            command.pop()
        else:
            command.append(word)


def ours() -> list[tuple[str, list[str]]]:
    """Return the arguments of each call of the program, with its page."""
    return [(page, words[1:]) for page, line in LINES for words in commands(line) if words[0] == VOICEBOX]


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_line_begins_with_what_is_there(page: str, line: str) -> None:
    """Each command of each line is a program that a fresh clone has, or that it needs anyhow."""
    assert {words[0] for words in commands(line)} <= TOOLS


@pytest.mark.parametrize(("page", "words"), ours())
def test_a_call_of_the_program_is_understood(page: str, words: list[str]) -> None:
    """Each call is accepted by the program's parser, and names models and environments that there are."""
    args = make_parser().parse_args(words)

    assert args.command
    models = {record.name for record in MODELS} | {*LISTED["speech"], *LISTED["transcription"]}
    if words[0] == "models" and words[1] in MODEL_COMMANDS:
        assert args.name in models
    if words[0] == "engines" and words[1] in ("install", "remove"):
        assert args.name in {group.name for group in GROUPS} | {record.engine.name for record in MODELS}
    if getattr(args, "model", None):
        assert args.model in models


def inline_calls() -> set[str]:
    """Return the calls of the program within sentences."""
    text = "\n".join(BLOCK.sub("", page.read_text("utf-8")) for page in PAGES)
    return {" ".join(found.split()) for found in re.findall(r"`(?:\.venv/bin/)?voicebox ([^`]+)`", text)}


@pytest.mark.parametrize("call", sorted(inline_calls()))
def test_a_call_in_a_sentence_exists(call: str) -> None:
    """Each command and option of the program that a sentence names is there."""
    parser: ArgumentParser = make_parser()
    names = set()
    for word in call.split():
        if word.startswith("--"):
            names.add(word.partition("=")[0])
        elif (found := subparsers(parser).get(word)) and not names:
            parser = found
        elif subparsers(parser) and word.isalpha() and word.islower() and not parser.get_default("command"):
            pytest.fail(f"there is no command {word!r} in {call!r}")
    assert names <= set(parser._option_string_actions)


def subparsers(parser: ArgumentParser) -> dict[str, ArgumentParser]:
    """Return the commands of a parser, by name."""
    found = [action for action in parser._actions if isinstance(action, _SubParsersAction)]
    return dict(found[0].choices) if found else {}


def test_pip_finds_what_it_is_told() -> None:
    """No page and no message has pip install this project from an index that lacks it, and every group of packages that
    is named exists.
    """
    sources = [
        path
        for name in ("gateway", "engines", "voices", "streaming", "compat", "tests")
        for path in (ROOT / name).rglob("*.py")
    ]
    texts = [path.read_text("utf-8") for path in (*PAGES, *sources) if path != Path(__file__)]
    named = {extra for text in texts for extra in re.findall(r"-e ['\"]\.\[(\w[\w-]*)\]", text)}

    assert not [text for text in texts if re.search(r"pip install '?voicebox-gateway", text)]
    assert named
    assert named <= set(PROJECT["optional-dependencies"])


def test_windows_and_macos() -> None:
    """The lines for other systems name the program and the groups of packages as they are."""
    found = [line for _, text in blocks("powershell", "zsh") for line in lines_of(text)]

    assert any(line.endswith(r"Scripts\voicebox serve") for line in found)
    assert any(line.endswith("bin/voicebox serve") for line in found)
    assert set(PROJECT["scripts"]) == {"voicebox"}


def test_make_targets_of_the_documents_exist() -> None:
    """Every `make` target that is mentioned is in the Makefile."""
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    mentioned = {
        target
        for page in PAGES
        for target in re.findall(r"(?:^|`)make ([\w-]+)", page.read_text("utf-8"), re.MULTILINE)
    }

    assert {"serve", "test"} <= mentioned <= targets
    assert {"lint", "types", "bench", "conformance"} <= targets


# Run...


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone")
@pytest.mark.parametrize("page", ["README.md", "first-hour.md"])
def test_the_first_block_clones(page: str, tmp_path: Path) -> None:
    """The first block clones the repository and finds what `make serve` is to do, without anything being there before."""
    text = next(text for name, text in blocks("sh") if name.name == page)
    assert "git clone" in text and "make serve" in text
    script = text.replace("make serve", "make --dry-run serve")
    done = subprocess.run(
        ["sh", "-ec", script],
        cwd=tmp_path,
        env={**os.environ, "REPOSITORY": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )

    assert done.returncode == 0, done.stderr
    assert "-m gateway serve" in done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a server as `make serve` does."""
    with running(tmp_path_factory.mktemp("documents"), natural=True) as natural:
        yield natural


def runnable() -> list[tuple[str, str]]:
    """Return the lines that can be run here."""
    found = []
    for page, line in dict.fromkeys(LINES):
        calls = [" ".join(words[1:]) for words in commands(line) if words[0] == VOICEBOX]
        if (
            calls
            and calls[0].startswith((*READ_ONLY, *FOR_A_SERVER))
            and not any(one in line for one in NOT_HERE)
        ):
            found.append((page, line))
    return found


@pytest.mark.parametrize(("page", "line"), runnable())
def test_lines_run(page: str, line: str, server: Server, tmp_path: Path) -> None:
    """Lines that list, check, speak and transcribe do so with status 0, and write the files that they name."""
    clone = tmp_path / "clone"
    (clone / ".venv" / "bin").mkdir(parents=True)
    program = clone / VOICEBOX
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gateway "$@"\n')
    program.chmod(0o755)
    (clone / "book.txt").write_text("A short book.")
    shutil.copy(ROOT / "conformance" / "data" / "clip.flac", clone / "talk.mp3")
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "VOICEBOX_DATA_DIR": str(tmp_path / "data")}
    environ |= {"VOICEBOX_URL": server.url, "HF_ENDPOINT": "http://127.0.0.1:1", "PIP_NO_INDEX": "1"}
    done = subprocess.run(
        ["sh", "-ec", line], cwd=clone, env=environ, capture_output=True, text=True, timeout=2 * TIMEOUT
    )

    assert done.returncode == 0, done.stderr
    args: Namespace = make_parser().parse_args(next(commands(line))[1:])
    if written := getattr(args, "output", None):
        assert (clone / written).stat().st_size > 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_curl_lines_of_the_first_hour_run(server: Server, tmp_path: Path) -> None:
    """The curl line of the first hour, with only the address changed, writes an mp3."""
    lines = [line for page, line in LINES if page == "first-hour.md" and line.startswith("curl")]
    assert lines
    for line in lines:
        script = line.replace(ADDRESS, server.url)
        done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, timeout=TIMEOUT)
        assert done.returncode == 0
    assert (tmp_path / "hello.mp3").read_bytes()[0] == 0xFF
