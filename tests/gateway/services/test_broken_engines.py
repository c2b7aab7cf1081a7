"""End-to-end tests of engines that lose their GPU: whatever they were doing, the request is answered, the process
ends, and the next request is done by a fresh one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest
from cloning_server import clone, female
from servers import TIMEOUT, Server, running, wait_until
from verifying_server import OTHERS, copy_program

ENGINES = ("alone", "batches", "steps")
RECORDS = "".join(
    f'\n    EngineRecord("{name}", "engines.adapters.breaking.engine:Breaking", ("speech", "transcription"), "MIT",'
    " clones=True, warm=True),"
    for name in ENGINES
)
BROKEN = "The engine broke and is started anew; please try again."


class Served(NamedTuple):
    """A server of engines that break, and the folder of what they are ordered to do."""

    server: Server
    folder: Path

    def order(self, engine: str, what: str) -> None:
        """Have an engine lose its GPU when it next comes to something."""
        (self.folder / f"order-{engine}").write_text(what)

    def worker(self, engine: str) -> dict[str, Any]:
        """Return what /health says of an engine's only worker."""
        found = httpx.get(f"{self.server.url}/health", timeout=TIMEOUT).json()["engines"][engine]
        return dict(found["workers"][0])

    def pid(self, engine: str) -> int:
        """Return the process of an engine, once it is ready."""
        wait_until(lambda: self.worker(engine)["state"] == "ready", f"{engine} is ready")
        return int(self.worker(engine)["pid"])

    def speak(self, engine: str, voice: str = "low") -> httpx.Response:
        """Speak a text."""
        body = {"model": engine, "voice": voice, "input": "Hello there.", "response_format": "wav"}
        return httpx.post(f"{self.server.base_url}/audio/speech", json=body, timeout=TIMEOUT)

    def hear(self, engine: str) -> httpx.Response:
        """Transcribe a recording."""
        files = {"file": ("speech.wav", female(), "audio/wav")}
        return httpx.post(
            f"{self.server.base_url}/audio/transcriptions",
            data={"model": engine},
            files=files,
            timeout=TIMEOUT,
        )


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Run a server with one engine that breaks for each way to do several jobs."""
    place = tmp_path_factory.mktemp("broken")
    program = copy_program(place / "program", {"breaking": "breaking_engine.py"}, RECORDS)
    folder = place / "orders"
    folder.mkdir()
    engines: dict[str, Any] = {name: {"enabled": False} for name in OTHERS}
    for name in ENGINES:
        options = {"folder": str(folder), "name": name, "concurrency": name}
        engines[name] = {"enabled": True, "options": options}
    config = {"engines": engines, "workers": {"restart_delay": 0.05}}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(program))
        with running(place / "server", config, cwd=program) as server:
            yield Served(server, folder)


@pytest.mark.parametrize(
    ("engine", "what"),
    [
        *((engine, what) for engine in ENGINES for what in ("speak", "amid", "transcribe")),
        *((engine, what) for engine in ENGINES for what in ("create_prompt", "open_prompt")),
        ("steps", "begin"),
        ("steps", "drop"),
    ],
)
def test_a_broken_engine_is_replaced(served: Served, engine: str, what: str) -> None:
    """A job in which the GPU is lost is answered with an error that says so, and by nothing of the library's; its
    process ends, and the same request is done by the next one.
    """
    before = served.pid(engine)
    voice = clone(served.server, female())["id"] if "prompt" in what else "low"

    def send() -> httpx.Response:
        return served.hear(engine) if what == "transcribe" else served.speak(engine, voice)

    served.order(engine, what)
    if what in ("amid", "drop"):  # its audio had begun
        with pytest.raises(httpx.RemoteProtocolError):
            send()
    else:
        answer = send()
        assert (answer.status_code, answer.json()["error"]["message"]) == (500, BROKEN)
    wait_until(lambda: served.worker(engine)["pid"] not in (before, 0, None), "another process begins")
    assert served.pid(engine) != before
    again = send()
    assert again.status_code == 200, again.text
    assert not (served.folder / f"order-{engine}").exists()


@pytest.mark.parametrize(
    ("engine", "what"),
    [
        *((engine, what) for engine in ENGINES for what in ("speak", "transcribe", "create_prompt")),
        ("steps", "begin"),
    ],
)
def test_an_engine_that_would_end_its_process_fails_its_job_only(
    served: Served, engine: str, what: str
) -> None:
    """`sys.exit` in an engine's library is an error of that job, told without the library's words; the process goes on
    and does the next.
    """
    before = served.pid(engine)

    def send() -> httpx.Response:
        if what == "transcribe":
            return served.hear(engine)
        return served.speak(
            engine, clone(served.server, female())["id"] if what == "create_prompt" else "low"
        )

    served.order(engine, f"exit {what}")
    answer = send()
    assert (answer.status_code, answer.json()["error"]["type"]) == (500, "server_error")
    assert "Traceback" not in answer.text
    again = send()
    assert again.status_code == 200, again.text
    assert served.pid(engine) == before


@pytest.mark.parametrize("what", ["load", "warm-up"])
def test_a_start_that_loses_the_gpu_is_a_start_that_failed(served: Served, what: str) -> None:
    """Its reason is told, and the next start is a fresh one."""
    before = served.pid("alone")
    served.order("alone", "transcribe")
    assert served.hear("alone").status_code == 500
    served.order("alone", what)
    wait_until(lambda: not (served.folder / "order-alone").exists(), "the start comes to it")
    assert served.pid("alone") != before
    assert served.speak("alone").status_code == 200
    told = [line for line in served.server.lines() if line["event"] == "worker did not start"]
    assert "CUDA error" in told[-1]["reason"]
