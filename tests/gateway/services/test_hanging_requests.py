"""End-to-end tests of requests that hang an engine: they cost one worker, and OpenAI's library does not send them
again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2 as httpx
import openai
import pytest
from servers import TIMEOUT, Server, running, wait_until

STALL = 3
CONFIG = {
    "engines": {"tone": {"enabled": True, "workers": 2}},
    "workers": {"stall_timeout": STALL, "restart_delay": 0.05},
}


def workers(server: Server) -> list[dict[str, Any]]:
    """Return what /health says of the engine's workers."""
    found = httpx.get(f"{server.url}/health", timeout=TIMEOUT).json()["engines"]["tone"]["workers"]
    return list(found)


@pytest.mark.parametrize("args", [(), ("--workers", "2")], ids=["alone", "cluster"])
def test_a_request_that_hangs_its_engine(tmp_path: Path, args: tuple[str, ...]) -> None:
    """The answer says what happened, with the seconds, and OpenAI's library, which tries again after most errors, does
    not hang the next worker; requests after it are served. So it is with several gateway processes.
    """
    with running(tmp_path, CONFIG, args) as server:
        wait_until(lambda: all(one["state"] == "ready" for one in workers(server)), "both are ready")
        with (
            openai.OpenAI(base_url=server.base_url, api_key="none", timeout=TIMEOUT) as client,
            pytest.raises(openai.InternalServerError) as caught,
        ):
            client.audio.speech.create(model="tone", voice="alloy", input="[hang] one")
        assert caught.value.code == "engine_hung"
        assert f"no sign of life for {STALL} s" in caught.value.message
        wait_until(lambda: all(one["state"] == "ready" for one in workers(server)), "it is replaced")
        assert sum(one["restarts"] for one in workers(server)) == 1
        died = [line for line in server.lines() if line["event"] == "worker died"]
        assert [line["reason"] for line in died] == [
            f"the engine gave no sign of life for {STALL} s and was ended"
        ]
        assert len(server.requests()) == 1
        good = {"model": "tone", "voice": "alloy", "input": "one", "response_format": "pcm"}
        assert httpx.post(f"{server.base_url}/audio/speech", json=good, timeout=TIMEOUT).content
