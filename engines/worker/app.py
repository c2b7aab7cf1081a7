"""The provider API, version 1: what a worker answers. Plain ASGI, so that it runs behind any server.

The engine runs in threads, `slots` jobs at once, never on the event loop. A client that leaves makes its
job's `emit` return False; an engine that does not stop within its `cancel_grace` then has hung, and the whole
process ends, to be started again.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec

from engines.api import (
    BatchSpeaker,
    Cloner,
    Engine,
    EngineInfo,
    Speaker,
    SpeechEvent,
    Transcriber,
    TranscriptionEvent,
)
from engines.errors import BadInput, Unsupported
from engines.wire import frames
from engines.wire.bodies import GenerateRequest, prompt_response
from engines.worker import asgi
from engines.worker.audio_queue import AudioQueue
from engines.worker.batches import Batcher
from engines.worker.event_queue import EventQueue
from engines.worker.forms import TranscriptionForm, read_samples
from engines.worker.malloc_trim import HeapTrimmer
from engines.worker.prompt_cache import PromptCache
from engines.worker.responses import EventResponse, FrameResponse, JsonResponse, LineResponse, send_error

API_VERSION = "1.0"
HUNG = 70
"""exit status of a worker whose engine does not stop a cancelled job (EX_SOFTWARE)"""

Handler = Callable[[dict[bytes, bytes], asgi.Receive, asgi.Send], Awaitable[None]]


class WorkerApp:
    """One engine's ASGI application."""

    def __init__(self, engine: Engine, info: EngineInfo, *, secret: str = "") -> None:
        self._engine = engine
        self._info = info
        self._secret = secret
        self._prompts = PromptCache()
        self._slots = asyncio.Semaphore(info.slots)
        self._busy = 0
        """slots in use"""
        threads = 1 if info.batch > 1 else info.slots
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="engine")
        self._trimmer = HeapTrimmer(self._executor)
        self._batcher = self._create_batcher() if info.batch > 1 else None
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/tts/health"): self._health,
            ("GET", "/tts/status"): self._status,
            ("POST", "/tts/generate"): self._generate,
            ("POST", "/tts/create_voice_prompt"): self._create_voice_prompt,
            ("POST", "/stt/transcribe"): self._transcribe,
            ("POST", "/models/load"): self._load_or_unload,
            ("POST", "/models/unload"): self._load_or_unload,
        }

    def _create_batcher(self) -> Batcher:
        engine = cast(BatchSpeaker, self._engine)
        grace = self._info.cancel_grace
        return Batcher(engine, self._info, self._executor, grace=grace, on_hang=_end_process)

    async def __call__(self, scope: dict[str, Any], receive: asgi.Receive, send: asgi.Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        secret = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if self._secret and not hmac.compare_digest(secret, self._secret.encode()):
            await asgi.send_json(send, 401, {"error": frames.ErrorFrame("BadInput", "Wrong secret.")})
            return
        handler = self._routes.get((scope["method"], scope["path"]))
        if handler is None:
            error = frames.ErrorFrame("BadInput", f"No such call: {scope['path']}")
            await asgi.send_json(send, 404, {"error": error})
            return
        try:
            await handler(headers, receive, send)
        except asgi.ClientDisconnected:
            return
        except Exception as exc:  # an engine may raise anything; it is reported in the provider API's form
            await send_error(send, exc)

    # What the engine is...

    async def _health(self, _headers: object, _receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer that the worker is alive."""
        info = self._info
        answer = {
            "status": "ok",
            "provider": info.name,
            "version": API_VERSION,
            "model": info.models[0],
            "device": info.device,
        }
        await asgi.send_json(send, 200, answer)

    async def _status(self, _headers: object, _receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer with what the engine can do, and how much of it is in use."""
        info = self._info
        speech = info.speech
        capabilities = speech or info.transcription
        answer = {
            "model_loaded": True,
            "model_size": info.models[0],
            "available_sizes": info.models,
            "gpu_available": info.device != "cpu",
            "vram_used_mb": None,
            "models": info.models,
            "voices": [voice.id for voice in info.voices],
            "languages": capabilities.languages if capabilities else (),
            "sample_rate": speech.sample_rate if speech else None,
            "streaming": bool(speech and speech.streaming),
            "slots": info.slots,
            "busy": self._busy,
            "info": info,
        }
        await asgi.send_json(send, 200, answer)

    async def _load_or_unload(self, _headers: object, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer for models that are part of the engine: loaded from the start, to the end."""
        try:
            body = msgspec.json.decode(await asgi.read_body(receive) or b"{}", type=dict[str, Any])
        except msgspec.DecodeError as exc:
            raise BadInput(f"The body cannot be read: {exc}") from exc
        model = body.get("model") or self._info.models[0]
        if model not in self._info.models:
            raise BadInput(f"The engine `{self._info.name}` has no model `{model}`.", param="model")
        await asgi.send_json(send, 200, {"model": model, "model_loaded": True})

    # Voice prompts...

    async def _create_voice_prompt(
        self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send
    ) -> None:
        """Answer with a voice prompt made of samples.

        It cannot be stopped, so it goes on when the client leaves; one that hangs is the gateway's to kill.
        """
        cloning = self._info.speech.cloning if self._info.speech else None
        if cloning is None:
            raise Unsupported(f"The engine `{self._info.name}` does not clone voices.")
        form = read_samples(headers, await asgi.read_body(receive), cloning.sample_rate)
        engine = cast(Cloner, self._engine)
        async with self._slots:
            self._busy += 1
            try:
                data = await asyncio.get_running_loop().run_in_executor(
                    self._executor, engine.create_prompt, form.samples, form.model
                )
            finally:
                self._busy -= 1
                self._trimmer.after_job()
        await asgi.send_json(send, 200, prompt_response(self._prompts.add(data)))

    # Synthesis...

    async def _generate(self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer with the speech of a job, as frames where the client accepts them."""
        if self._info.speech is None:
            raise Unsupported(f"The engine `{self._info.name}` does not speak.")
        try:
            request = msgspec.json.decode(await asgi.read_body(receive), type=GenerateRequest)
        except msgspec.DecodeError as exc:
            raise BadInput(f"The body cannot be read: {exc}") from exc
        job = request.to_job(self._prompts.resolve(request.prompt_field))
        events: EventQueue[SpeechEvent] = EventQueue()
        accepts_frames = frames.MEDIA_TYPE.encode() in headers.get(b"accept", b"")
        response = FrameResponse(send, self._info) if accepts_frames else JsonResponse(send, self._info)

        def start() -> asyncio.Future[None]:
            if self._batcher:
                return self._batcher.submit(job, events)
            return self._start_thread(lambda: cast(Speaker, self._engine).speak(job, events.emit), events)

        await self._run(events, start, response, asgi.wait_until_disconnected(receive))

    # Transcription...

    async def _transcribe(self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer with the events of a transcription, while the recording still arrives."""
        if self._info.transcription is None:
            raise Unsupported(f"The engine `{self._info.name}` does not transcribe.")
        audio = AudioQueue()
        form = TranscriptionForm(headers, audio)
        body = asgi.body_chunks(receive)
        async for chunk in body:
            await form.feed(chunk)
            if form.ready.is_set():
                break
        events: EventQueue[TranscriptionEvent] = EventQueue()

        async def read_rest() -> None:
            try:
                async for chunk in body:
                    await form.feed(chunk)
            finally:
                audio.close()
            await asgi.wait_until_disconnected(receive)

        def transcribe() -> None:
            cast(Transcriber, self._engine).transcribe(form.job, iter(audio), events.emit)

        def start() -> asyncio.Future[None]:
            return self._start_thread(transcribe, events)

        try:
            await self._run(events, start, LineResponse(send), read_rest())
        finally:
            asyncio.get_running_loop().run_in_executor(None, audio.discard)

    # Running a job...

    async def _run(
        self,
        events: EventQueue[Any],
        start: Callable[[], asyncio.Future[None]],
        response: EventResponse,
        reading: Awaitable[None],
    ) -> None:
        """Start one job once it has a slot, send its events, and stop it when the client leaves.

        `reading` reads what is left of the request, and ends when the client has left.
        """
        reader = asyncio.ensure_future(reading)
        reader.add_done_callback(lambda _: events.cancel())
        async with self._slots:
            self._busy += 1
            running = start()
            try:
                if not reader.done():
                    while batch := await events.get_all():
                        await response.send_events(batch)
                await self._wait_until_stopped(running, events)
                error = running.exception()  # asked for in any case, or asyncio complains
                if not reader.done() or _reading_error(reader):
                    await response.finish(error or _reading_error(reader))
            finally:
                self._busy -= 1
                self._trimmer.after_job()
                events.cancel()
                reader.cancel()

    def _start_thread(self, work: Callable[[], None], events: EventQueue[Any]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._executor, _run_unless_cancelled, work, events)

    async def _wait_until_stopped(self, running: asyncio.Future[None], events: EventQueue[Any]) -> None:
        """Wait for the engine; once the job is cancelled, only so long. A batch may go on for others: the
        batcher detects by itself when it hangs.
        """
        if self._batcher and events.cancelled and not running.done():
            running.set_result(None)
        timeout = self._info.cancel_grace if events.cancelled else None
        done, _ = await asyncio.wait([running], timeout=timeout)
        if not done:
            _end_process()


def _end_process() -> None:
    os._exit(HUNG)


def _run_unless_cancelled(work: Callable[[], None], events: EventQueue[Any]) -> None:
    try:
        if not events.cancelled:
            work()
    finally:
        events.finish()


def _reading_error(reader: asyncio.Future[None]) -> BaseException | None:
    """Return what broke the reading of a body, unless it was the client's leaving."""
    if not reader.done() or reader.cancelled():
        return None
    exc = reader.exception()
    return None if isinstance(exc, asgi.ClientDisconnected) else exc
