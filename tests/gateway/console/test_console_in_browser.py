"""Tests of the console in a browser: what a person does on it, does what it says."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from browser import PATIENCE, chromium, opened, saved
from cloning_server import new_name, short
from decoded import RATE, decoded
from servers import Server, running, wait_until
from tiny_piper import write_voice

from engines.toolkit.protobuf import write_field
from gateway.security.keys import KEYS_FILE, KeyStore

if TYPE_CHECKING:
    from hub_server import FakeHub
    from playwright.sync_api import Browser, Page

SECTIONS = ("speak", "listen", "voices", "models", "status")
TEXT = "One two three four five. This is spoken by the page."
REFUSED = "Failed to load resource"
"""what Chromium writes of each answer that is an error"""
PULLED = {"repo": "acme/pulled", "engine": "piper"}
VOICE = "en_US-joe-medium"
DOC_STRING = 6
"""the number of that field of a model in ONNX"""
PADDING = 3_000_000
"""bytes of that, so that a download can stop in the middle"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a browser for the module."""
    with chromium() as started:
        yield started


def go(page: Page, section: str) -> None:
    """Go to a section by its link."""
    page.click(f'nav a[href="#/{section}"]')
    page.wait_for_selector(f"#{section}:not([hidden])")


def text_of(page: Page, selector: str) -> str:
    """Return an element's text."""
    return page.text_content(selector) or ""


def wait_for_text(page: Page, selector: str, pattern: str) -> None:
    """Wait until an element's text matches."""
    from playwright.sync_api import expect

    expect(page.locator(selector)).to_have_text(re.compile(pattern), timeout=PATIENCE)


def speak(page: Page, format: str) -> None:
    """Speak a text in a format, and wait for its end."""
    page.wait_for_selector("#voice option", state="attached")
    page.fill("#text", TEXT)
    page.select_option("#format", format)
    page.click("#speak-button")
    wait_for_text(page, "#total-time", r"\d")
    wait_for_text(page, "#audio-length", r"\d:\d\d")


@pytest.mark.parametrize("format", ["wav", "mp3", "opus", "pcm"])
def test_speak(browser: Browser, cloning: Server, format: str) -> None:
    """A text is heard in every way of playing: the time moves on, the figures are there, and the file is the audio."""
    with opened(browser, f"{cloning.url}/") as page:
        speak(page, format)
        assert text_of(page, "#first-byte").endswith("s")
        assert text_of(page, "#engine-used") == "espeak"
        wait_for_text(page, "#clock", "^0:0[1-9] /")
        file = saved(page, "#speak-save")
    sound = decoded(file, "pcm" if format == "pcm" else None)
    assert len(sound) > RATE
    if format == "wav":  # the sizes that a stream leaves open are filled in
        assert int.from_bytes(file[4:8], "little") == len(file) - 8


def test_the_keyboard_plays_and_moves(browser: Browser, cloning: Server) -> None:
    """Ctrl and Enter speak; on the waveform, Home goes to the begin and the arrows move."""
    with opened(browser, f"{cloning.url}/") as page:
        page.wait_for_selector("#voice option", state="attached")
        page.fill("#text", TEXT * 3)
        page.press("#text", "Control+Enter")
        wait_for_text(page, "#audio-length", r"\d:\d\d")
        page.click("#play")
        page.wait_for_selector('#play[aria-label="Play"]')
        page.press("#wave", "Home")
        page.wait_for_selector('#wave[aria-valuenow="0"]')
        page.press("#wave", "ArrowRight")
        page.wait_for_selector('#wave[aria-valuenow="5"]')


def test_the_same_from_a_program(browser: Browser, cloning: Server) -> None:
    """The programs hold the request that the fields make, quoted as their language has it."""
    with opened(browser, f"{cloning.url}/") as page:
        page.wait_for_selector("#voice option", state="attached")
        page.fill("#text", 'It\'s "quoted".')
        page.click("#code summary")
        page.fill("#speed", "1.5")
        for name in ("python", "javascript", "curl"):
            page.click(f"[data-code={name}]")
            code = text_of(page, "#code-text")
            assert cloning.url in code
            assert "1.5" in code
        assert "'\\''" in code
        assert "Authorization" not in code


def test_an_engine_that_fails_is_told(browser: Browser, cloning: Server) -> None:
    """What the server refuses is said in its own words, and the page goes on."""
    with opened(browser, f"{cloning.url}/", expected=REFUSED) as page:
        page.wait_for_selector("#voice option", state="attached")
        page.evaluate("document.getElementById('voice').append(new Option('nobody', 'nobody-at-all'))")
        page.select_option("#voice", "nobody-at-all")
        page.click("#speak-button")
        wait_for_text(page, "#speak-problem", "nobody-at-all")
        page.select_option("#voice", "alloy")
        speak(page, "wav")
        assert page.is_hidden("#speak-problem")


def test_listen(browser: Browser, cloning: Server) -> None:
    """A recording's words come while it is heard, and can be saved as text and, with times, as subtitles."""
    with opened(browser, f"{cloning.url}/") as page:
        go(page, "listen")
        page.set_input_files(
            "#recording", files={"name": "speech.wav", "mimeType": "audio/wav", "buffer": short()}
        )
        page.click("#listen-button")
        wait_for_text(page, "#listen-state", "Done")
        words = text_of(page, "#transcript")
        assert len(words.split()) > 2
        assert saved(page, '[data-save="txt"]').decode().strip() == words.strip()
        assert re.match(rb"1\n00:00:\d\d,\d{3} --> 00:00:\d\d,\d{3}\n\w", saved(page, '[data-save="srt"]'))
        assert saved(page, '[data-save="vtt"]').startswith(b"WEBVTT\n\n00:")


def test_record_and_listen(browser: Browser, cloning: Server) -> None:
    """What the microphone gives becomes a recording to transcribe."""
    with opened(browser, f"{cloning.url}/") as page:
        go(page, "listen")
        page.click("#listen-record")
        wait_for_text(page, "#recording-name", "Recording 0:0[1-9]")
        page.click("#listen-record")
        wait_for_text(page, "#recording-name", r"recording\.\w+")
        assert page.is_enabled("#listen-button")


def test_a_voice_from_clone_to_deletion(browser: Browser, cloning: Server, tmp_path: Path) -> None:
    """A voice is cloned, heard, renamed, spoken with, exported, deleted after a question, and imported again."""
    name, other = new_name("Anna"), new_name("Berta")
    sample = tmp_path / "anna.wav"
    sample.write_bytes(short())
    with opened(browser, f"{cloning.url}/") as page:
        go(page, "voices")
        page.click("#clone-open")
        page.fill("#clone-name", name)
        page.set_input_files("[data-sound=sample] input", str(sample))
        page.click("#clone-form button.main")
        page.click(f'#own-voices [aria-label="Hear {name}"]')
        page.wait_for_selector(f'#own-voices [aria-label="Hear {name}"][aria-pressed="true"]')
        page.click(f'#own-voices [aria-label="Edit {name}"]')
        page.fill("#edit-name", other)
        page.click("#edit-form button.main")
        page.wait_for_selector(
            f'#own-voices [aria-label="Use {other}"], #own-voices [aria-label="Speak with {other}"]'
        )
        archive = saved(page, f'#own-voices [aria-label="Export {other}"]')
        assert zipfile.ZipFile(io.BytesIO(archive)).namelist()
        for answer in ("no", "yes"):
            page.click(f'#own-voices [aria-label="Delete {other}"]')
            page.click(f'#sure-dialog button[value="{answer}"]')
        page.wait_for_selector(f'#own-voices [aria-label="Delete {other}"]', state="detached")
        (tmp_path / "voice.zip").write_bytes(archive)
        page.set_input_files("#import", str(tmp_path / "voice.zip"))
        page.click(f'#own-voices [aria-label="Speak with {other}"]')
        speak(page, "wav")
        assert text_of(page, "#engine-used") == "mimic"


def test_a_filter_makes_nothing_anew(browser: Browser, cloning: Server) -> None:
    """At each key of a search cards are hidden and shown, and none is made: so hundreds of voices stay quick."""
    with opened(browser, f"{cloning.url}/") as page:
        page.wait_for_selector("#preset-voices li", state="attached")
        go(page, "voices")
        page.evaluate(
            """() => { window.made = 0; new MutationObserver((all) => { window.made += all.length; })
              .observe(document.getElementById('preset-voices'), {childList: true, subtree: true}); }"""
        )
        page.type("#voice-filter", "german")
        wait_for_text(page, "#voice-count", r"^\d{1,2} voices?$")
        assert page.locator("#preset-voices li:visible").count() == int(
            text_of(page, "#voice-count").split()[0]
        )
        assert page.evaluate("window.made") == 0


def test_a_model_from_pull_to_deletion(
    browser: Browser, tmp_path: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull shows how far it is, also on a page that is opened anew, is stopped and goes on; the model is loaded,
    unloaded and deleted.
    """
    for needed in ("hibari", "onnxruntime"):
        pytest.importorskip(needed, reason="Piper's engine needs it: pip install -e '.[natural]'")
    graph = write_voice(tmp_path / "voice", VOICE, espeak={"voice": "en-us"})
    graph.write_bytes(graph.read_bytes() + write_field(DOC_STRING, b" " * PADDING))
    hub.publish(PULLED["repo"], graph.parent)
    stall = hub.add_fault(graph.name, times=1, stall_after=PADDING // 2)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    config = {"models": {"folder": str(tmp_path / "hub"), "own": {"pulled": PULLED}}}
    with running(tmp_path / "server", config) as server, opened(browser, f"{server.url}/") as page:
        go(page, "models")
        page.click('[aria-label="Pull pulled"]')
        wait_for_text(page, '[data-model="pulled"] .pull', r"MB of 3")
        page.reload()
        wait_for_text(page, '[data-model="pulled"] .pull', r"MB of 3")
        page.click('[aria-label="Cancel pulled"]')
        stall.resume.set()
        page.click('[aria-label="Go on pulling pulled"], [aria-label="Pull pulled"]')
        page.wait_for_selector('[aria-label="Load pulled"], [aria-label="Unload pulled"]')
        if page.locator('[aria-label="Load pulled"]').count():
            page.click('[aria-label="Load pulled"]')
        page.click('[aria-label="Unload pulled"]')
        page.click('[aria-label="Delete pulled"]')
        page.click('#sure-dialog button[value="yes"]')
        page.wait_for_selector('[aria-label="Pull pulled"]')


def test_keys(browser: Browser, tmp_path: Path) -> None:
    """Where keys are on, the page asks for one, says why it is refused, keeps it in the tab, and asks again once it is gone."""
    store = KeyStore(tmp_path / "data" / KEYS_FILE)
    _, key = store.create("console", None)
    with running(tmp_path) as server, opened(browser, f"{server.url}/", expected=REFUSED) as page:
        page.fill("#key", "sk-wrong")
        page.click("#key-form button.main")
        wait_for_text(page, "#key-why", "Incorrect API key")
        page.fill("#key", key)
        page.click("#key-form button.main")
        page.wait_for_selector("#voice option", state="attached")
        page.reload()
        speak(page, "wav")
        page.click("#code summary")
        assert "$VOICEBOX_API_KEY" in text_of(page, "#code-text")
        assert key not in page.content()
        store.revoke("console")
        page.click("#speak-button")
        wait_for_text(page, "#key-why", "Incorrect API key")


def test_a_lost_server_is_found_again(browser: Browser, cloning: Server) -> None:
    """Where the network is gone the page says so in words, and goes on by itself when it is back."""
    with opened(browser, f"{cloning.url}/", expected="net::ERR_INTERNET_DISCONNECTED") as page:
        page.wait_for_selector("#voice option", state="attached")
        page.context.set_offline(True)
        page.click("#speak-button")
        wait_for_text(page, "#speak-problem", "cannot be reached")
        page.wait_for_selector("#banner:not([hidden])")
        page.context.set_offline(False)
        page.wait_for_selector("#banner", state="hidden")
        speak(page, "wav")


def test_status(browser: Browser, cloning: Server) -> None:
    """The engines are listed with their states, and the page's requests with their ids."""
    with opened(browser, f"{cloning.url}/") as page:
        go(page, "status")
        wait_for_text(page, "#engines", "espeak")
        wait_for_text(page, "#requests", "req_")
        wait_for_text(page, "#totals", "Ready")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_serious_for_axe(browser: Browser, cloning: Server, dark: bool) -> None:
    """axe-core finds nothing serious in any section, nor in a dialog, in both themes; and nothing is wider than the page."""
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    )
    with opened(browser, f"{cloning.url}/", dark=dark) as page:
        page.wait_for_selector("#models-there li", state="attached")
        found = {}
        for section in (*SECTIONS, "clone"):
            if section == "clone":
                go(page, "voices")
                page.click("#clone-open")
            else:
                go(page, section)
            found[section] = serious(axe.Axe().run(page).response["violations"])
            for width in (360, 768, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                wait_until(
                    lambda: page.evaluate("document.documentElement.scrollWidth <= innerWidth"),
                    f"{section} fits",
                )
    assert [line for lines in found.values() for line in lines] == []


def serious(violations: list[dict[str, Any]]) -> list[str]:
    """Return what is serious or worse, with its places."""
    bad = [one for one in violations if one["impact"] in ("serious", "critical")]
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary'][:300]}"
        for one in bad
        for node in one["nodes"]
    ]
