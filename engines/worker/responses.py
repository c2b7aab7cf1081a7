"""The forms in which a job's events leave a worker: frames, one JSON object, or lines of JSON."""

from __future__ import annotations

import asyncio
import base64
from array import array
from typing import Any

import msgspec

from engines.api import BYTES_PER_SAMPLE, Audio, Beat, EngineInfo, Prompt, TranscriptionEvent
from engines.wire import errors, frames
from engines.wire.bodies import prompt_response
from engines.worker import asgi

FULL_SCALE = 32768
"""of a 16-bit sample"""


class EventResponse:
    """The response to one job. Its status is sent with the first event, so that an error before that has its
    own.
    """

    def __init__(self, send: asgi.Send) -> None:
        self._send = send
        self._started = False

    async def send_events(self, events: list[Any]) -> None:
        """Send some events."""
        raise NotImplementedError

    async def finish(self, exc: BaseException | None) -> None:
        """End the response, with the error if there was one."""
        raise NotImplementedError


async def send_error(send: asgi.Send, exc: BaseException) -> None:
    """Send the response of a request that failed."""
    error = errors.to_frame(exc)
    await asgi.send_json(send, errors.STATUS.get(error.kind, 500), {"error": error})


class FrameResponse(EventResponse):
    """Speech as frames, as they come."""

    def __init__(self, send: asgi.Send, info: EngineInfo) -> None:
        super().__init__(send)
        self._rate = info.speech.sample_rate if info.speech else 0
        self._samples = 0

    async def send_events(self, events: list[frames.WorkEvent]) -> None:
        """Send the frames of some events."""
        self._samples += sum(
            len(event.pcm) // BYTES_PER_SAMPLE for event in events if isinstance(event, Audio)
        )
        await self._start()
        await asgi.send_chunk(self._send, frames.encode_events(events))

    async def finish(self, exc: BaseException | None) -> None:
        """Send the last frame, an end or an error; an error before any other frame is the whole response."""
        if exc and not self._started:
            await send_error(self._send, exc)
            return
        await self._start()
        last = frames.encode_error(errors.to_frame(exc)) if exc else frames.encode_end(self._samples)
        await asgi.send_chunk(self._send, last)
        await asgi.send_end(self._send)

    async def _start(self) -> None:
        if not self._started:
            self._started = True
            headers = [(b"x-sample-rate", b"%d" % self._rate), (b"x-channels", b"1")]
            await asgi.send_start(self._send, 200, frames.MEDIA_TYPE, headers)


class JsonResponse(EventResponse):
    """Speech as one JSON object once all is there: base64 of float32, the form every provider has."""

    def __init__(self, send: asgi.Send, info: EngineInfo) -> None:
        super().__init__(send)
        self._rate = info.speech.sample_rate if info.speech else 1
        self._pcm = array("h")

    async def send_events(self, events: list[frames.WorkEvent]) -> None:
        """Collect the audio of some events."""
        for event in events:
            if isinstance(event, Audio):
                self._pcm.frombytes(event.pcm)

    async def finish(self, exc: BaseException | None) -> None:
        """Send the object, or the error."""
        if exc:
            await send_error(self._send, exc)
            return
        answer = {
            "audio": await asyncio.to_thread(self._encode),  # an hour of it takes seconds
            "sample_rate": self._rate,
            "duration": len(self._pcm) / self._rate,
        }
        await asgi.send_json(self._send, 200, answer)

    def _encode(self) -> str:
        samples = array("f", (sample / FULL_SCALE for sample in self._pcm))
        return base64.b64encode(samples.tobytes()).decode()


class PromptFrameResponse(EventResponse):
    """A voice prompt as a frame, with signs that the work goes on before it."""

    async def send_events(self, events: list[Beat | Prompt]) -> None:
        """Send the frames of some events."""
        await self._start()
        for event in events:
            if isinstance(event, Prompt):
                await asgi.send_chunk(self._send, frames.encode_prompt(event.data))
            else:
                await asgi.send_chunk(self._send, frames.encode_events([event]))

    async def finish(self, exc: BaseException | None) -> None:
        """Send the last frame, an end or an error; an error before any other frame is the whole response."""
        if exc and not self._started:
            await send_error(self._send, exc)
            return
        await self._start()
        last = frames.encode_error(errors.to_frame(exc)) if exc else frames.encode_end(0)
        await asgi.send_chunk(self._send, last)
        await asgi.send_end(self._send)

    async def _start(self) -> None:
        if not self._started:
            self._started = True
            await asgi.send_start(self._send, 200, frames.MEDIA_TYPE)


class PromptJsonResponse(EventResponse):
    """A voice prompt as one JSON object, the form every provider has."""

    def __init__(self, send: asgi.Send) -> None:
        super().__init__(send)
        self._prompt = Prompt("")

    async def send_events(self, events: list[Beat | Prompt]) -> None:
        """Keep the prompt among some events."""
        for event in events:
            if isinstance(event, Prompt):
                self._prompt = event

    async def finish(self, exc: BaseException | None) -> None:
        """Send the object, or the error."""
        if exc:
            await send_error(self._send, exc)
        else:
            await asgi.send_json(self._send, 200, prompt_response(self._prompt))


class LineResponse(EventResponse):
    """Transcription events as lines of JSON (NDJSON)."""

    async def send_events(self, events: list[TranscriptionEvent]) -> None:
        """Send the lines of some events."""
        await self._start()
        await asgi.send_chunk(self._send, b"".join(msgspec.json.encode(event) + b"\n" for event in events))

    async def finish(self, exc: BaseException | None) -> None:
        """Send the error, if there was one, and end; an error before any line is the whole response."""
        if exc and not self._started:
            await send_error(self._send, exc)
            return
        await self._start()
        if exc:
            error = {"type": "error", **msgspec.structs.asdict(errors.to_frame(exc))}
            await asgi.send_chunk(self._send, msgspec.json.encode(error) + b"\n")
        await asgi.send_end(self._send)

    async def _start(self) -> None:
        if not self._started:
            self._started = True
            await asgi.send_start(self._send, 200, "application/x-ndjson")
