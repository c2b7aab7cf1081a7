"""A server with models that the command line pulled from a hub; the hub is closed when the server starts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import published_checkpoints
import pytest
from hub_server import FakeHub, running_hub
from numpy.typing import NDArray
from servers import TIMEOUT, Server, running, wait_until

VOICEBOX = [sys.executable, "-m", "gateway"]
TEXT = "Hello there, my friend."


NO_SERVER = "http://127.0.0.1:1"
"""an address where no server answers, whatever else runs on the machine"""
QUEUE_SECONDS = 120
"""seconds that a request may wait: several models share two cores with whatever else runs on them"""


@contextmanager
def serve_models(
    folder: Path,
    names: Sequence[str],
    publish: Callable[[FakeHub], None],
    models: dict[str, Any] | None = None,
    **sections: Any,
) -> Iterator[Server]:
    """Publish, pull and serve models for the block; `models` are further settings of that section, `sections`
    others.
    """
    settings = {
        "admission": {"wait": QUEUE_SECONDS},
        **sections,
        "models": {"folder": str(folder / "hub"), **(models or {})},
    }
    config = folder / "cli.yaml"
    config.write_text(json.dumps({"data_dir": str(folder / "data"), **settings}))
    with pytest.MonkeyPatch.context() as patch, running_hub() as hub:
        patch.setenv("NO_PROXY", "127.0.0.1,localhost")
        patch.setenv("HF_ENDPOINT", hub.url)
        patch.setenv("HF_TOKEN", published_checkpoints.TOKEN)
        patch.setenv("VOICEBOX_URL", NO_SERVER)
        hub.tokens.add(published_checkpoints.TOKEN)
        publish(hub)
        for name in names:
            command = [*VOICEBOX, "models", "pull", name, "--config", str(config)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=2 * TIMEOUT)
            assert done.returncode == 0, done.stderr
    with running(folder / "server", settings) as started:
        wait_until(lambda: set(names) <= served_models(started), "the models are served", 3 * TIMEOUT)
        for (
            name
        ) in names:  # one after another, or several would share two cores, and each would take too long
            load = f"{started.base_url}/voicebox/models/{name}/load"
            httpx.post(load, timeout=5 * TIMEOUT).raise_for_status()
        yield started


def served_models(server: Server) -> set[str]:
    """Return the names of the models that a server has."""
    return {one["id"] for one in httpx.get(f"{server.base_url}/models", timeout=TIMEOUT).json()["data"]}


def pcm_to_wav(pcm: bytes, rate: int) -> bytes:
    """Return s16le mono PCM as a WAV file."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setparams((1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return buffer.getvalue()


def speak(
    server: Server, model: str, text: str = TEXT, voice: Any = "alloy", **more: Any
) -> NDArray[np.int16]:
    """Speak a text with the SDK, and return the samples, at 24 kHz."""
    response = server.sdk().audio.speech.create(
        model=model, input=text, voice=voice, response_format="pcm", extra_body=more
    )
    return np.frombuffer(response.content, "<i2")
