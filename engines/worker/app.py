"""The provider API, version 1: what a worker answers. Plain ASGI, so that it runs behind any server.

The engine runs in threads, `slots` jobs at once, never on the event loop. A client that leaves makes its
job's `emit` return False; an engine that does not heed that within its `cancel_grace` has hung, and the whole
process ends, to be started again.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import os
from array import array
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import msgspec

from engines.api import (
    Audio,
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
from engines.wire import errors, frames
from engines.worker import asgi, prompts
from engines.worker.audio_queue import AudioQueue, FormReader
from engines.worker.batches import Batcher
from engines.worker.bodies import GenerateBody
from engines.worker.event_queue import EventQueue
from engines.worker.malloc_trim import Trimmer

API_VERSION = "1.0"
HUNG = 70
"""exit status of a worker whose engine does not let go of a cancelled job (EX_SOFTWARE)"""


class WorkerApp:
    """One engine's ASGI application."""

    def __init__(self, engine: Engine, info: EngineInfo, *, secret: str = "") -> None:
        self._engine = engine
        self._info = info
        self._secret = secret
        self._prompts = prompts.Prompts()
        self._slots = asyncio.Semaphore(info.slots)
        self._busy = 0
        self._threads = ThreadPoolExecutor(1 if info.batch > 1 else info.slots, thread_name_prefix="engine")
        self._trimmer = Trimmer(self._threads)
        self._batches = self._batcher() if info.batch > 1 else None
        self._routes: dict[tuple[str, str], Callable[..., Awaitable[None]]] = {
            ("GET", "/tts/health"): self._health,
            ("GET", "/tts/status"): self._status,
            ("POST", "/tts/generate"): self._generate,
            ("POST", "/tts/create_voice_prompt"): self._create_voice_prompt,
            ("POST", "/stt/transcribe"): self._transcribe,
            ("POST", "/models/load"): self._models,
            ("POST", "/models/unload"): self._models,
        }

    def _batcher(self) -> Batcher:
        engine = cast(BatchSpeaker, self._engine)
        return Batcher(engine, self._info, self._threads, grace=self._info.cancel_grace, hung=_end_process)

    async def __call__(self, scope: dict[str, Any], receive: asgi.Receive, send: asgi.Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        sent = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        if self._secret and not hmac.compare_digest(sent, self._secret.encode()):
            await asgi.json(send, 401, {"error": frames.ErrorFrame("BadInput", "Wrong secret.")})
            return
        handler = self._routes.get((scope["method"], scope["path"]))
        if handler is None:
            await asgi.json(
                send, 404, {"error": frames.ErrorFrame("BadInput", f"No such call: {scope['path']}")}
            )
            return
        try:
            await handler(headers, receive, send)
        except asgi.Gone:
            return
        except (
            Exception
        ) as exc:  # an engine may raise anything; the gateway hears it in the provider API's words
            fault = errors.describe(exc)
            await asgi.json(send, errors.STATUS.get(fault.kind, 500), {"error": fault})

    # What it is...

    async def _health(self, _headers: object, _receive: asgi.Receive, send: asgi.Send) -> None:
        info = self._info
        answer = {
            "status": "ok",
            "provider": info.name,
            "version": API_VERSION,
            "model": info.models[0],
            "device": info.device,
        }
        await asgi.json(send, 200, answer)

    async def _status(self, _headers: object, _receive: asgi.Receive, send: asgi.Send) -> None:
        info, can = self._info, self._info.speech
        answer = {
            "model_loaded": True,
            "model_size": info.models[0],
            "available_sizes": info.models,
            "gpu_available": info.device != "cpu",
            "vram_used_mb": None,
            "models": info.models,
            "voices": [voice.id for voice in info.voices],
            "languages": can.languages if can else info.transcription.languages if info.transcription else (),
            "sample_rate": can.sample_rate if can else None,
            "streaming": bool(can and can.streaming),
            "slots": info.slots,
            "busy": self._busy,
            "info": info,
        }
        await asgi.json(send, 200, answer)

    async def _models(self, _headers: object, receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer for models that are part of the engine: loaded from the start, to the end."""
        try:
            asked = msgspec.json.decode(await asgi.whole_body(receive) or b"{}", type=dict[str, Any])
        except msgspec.DecodeError as exc:
            raise BadInput(f"The body cannot be read: {exc}") from exc
        model = asked.get("model") or self._info.models[0]
        if model not in self._info.models:
            raise BadInput(f"The engine `{self._info.name}` has no model `{model}`.", param="model")
        await asgi.json(send, 200, {"model": model, "model_loaded": True})

    async def _create_voice_prompt(
        self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send
    ) -> None:
        """Make a prompt. It cannot be stopped, so it goes on when the client leaves; one that hangs is the
        gateway's to kill.
        """
        can = self._info.speech.cloning if self._info.speech else None
        if can is None:
            raise Unsupported(f"The engine `{self._info.name}` does not clone voices.")
        asked = prompts.read(headers, await asgi.whole_body(receive), can.sample_rate)
        engine = cast(Cloner, self._engine)
        async with self._slots:
            self._busy += 1
            try:
                made = await asyncio.get_running_loop().run_in_executor(
                    self._threads, engine.create_prompt, asked.samples, asked.model
                )
            finally:
                self._busy -= 1
                self._trimmer.after_job()
        await asgi.json(send, 200, {"voice_prompt": prompts.body(self._prompts.add(made))})

    # Speaking...

    async def _generate(self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send) -> None:
        if self._info.speech is None:
            raise Unsupported(f"The engine `{self._info.name}` does not speak.")
        try:
            job = msgspec.json.decode(await asgi.whole_body(receive), type=GenerateBody).job(self._prompts)
        except msgspec.DecodeError as exc:
            raise BadInput(f"The body cannot be read: {exc}") from exc
        handover: EventQueue[SpeechEvent] = EventQueue()
        answer = (
            _Frames(send, self._info)
            if frames.MEDIA_TYPE.encode() in headers.get(b"accept", b"")
            else _Json(send, self._info)
        )

        async def deliver() -> None:
            while events := await handover.take():
                await answer.events(events)

        def start() -> asyncio.Future[None]:
            if self._batches:
                return self._batches.submit(job, handover)
            return self._thread(lambda: cast(Speaker, self._engine).speak(job, handover.emit), handover)

        await self._run(handover, start, deliver, answer, receive)

    # Listening...

    async def _transcribe(self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send) -> None:
        if self._info.transcription is None:
            raise Unsupported(f"The engine `{self._info.name}` does not listen.")
        feed = AudioQueue()
        form = FormReader(headers.get(b"content-type", b"").decode("latin-1"), feed)
        body = asgi.body_chunks(receive)
        async for chunk in body:
            await form.feed(chunk)
            if form.ready.is_set():
                break
        handover: EventQueue[TranscriptionEvent] = EventQueue()
        answer = _Lines(send)

        async def read_rest() -> None:
            try:
                async for chunk in body:
                    await form.feed(chunk)
            finally:
                feed.close()
            await asgi.until_gone(receive)

        async def deliver() -> None:
            while events := await handover.take():
                await answer.events(events)

        def listen() -> None:
            cast(Transcriber, self._engine).transcribe(form.job, iter(feed), handover.emit)

        try:
            await self._run(
                handover, lambda: self._thread(listen, handover), deliver, answer, receive, read_rest()
            )
        finally:
            asyncio.get_running_loop().run_in_executor(None, feed.discard)

    # Running a job...

    async def _run(
        self,
        handover: EventQueue[Any],
        start: Callable[[], asyncio.Future[None]],
        deliver: Callable[[], Awaitable[None]],
        answer: _Answer,
        receive: asgi.Receive,
        reading: Awaitable[None] | None = None,
    ) -> None:
        """Start one job once it has a slot, deliver what it gives, and stop it when the client leaves."""
        watch = asyncio.ensure_future(reading or asgi.until_gone(receive))
        watch.add_done_callback(lambda _: handover.cancel())
        async with self._slots:
            self._busy += 1
            running = start()
            try:
                if not watch.done():
                    await deliver()
                await self._let_go(running, handover)
                fault = running.exception()  # asked for in any case, or asyncio complains
                if not watch.done() or _fault(watch):
                    await answer.finish(fault or _fault(watch))
            finally:
                self._busy -= 1
                self._trimmer.after_job()
                handover.cancel()
                watch.cancel()

    def _thread(self, work: Callable[[], None], handover: EventQueue[Any]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().run_in_executor(self._threads, _guarded, work, handover)

    async def _let_go(self, running: asyncio.Future[None], handover: EventQueue[Any]) -> None:
        """Wait for the engine; once the job is cancelled, only so long. A batch may go on for others: it is
        watched by itself.
        """
        if self._batches and handover.cancelled and not running.done():
            running.set_result(None)
        limit = self._info.cancel_grace if handover.cancelled else None
        done, _ = await asyncio.wait([running], timeout=limit)
        if not done:
            _end_process()


def _end_process() -> None:
    os._exit(HUNG)


def _guarded(work: Callable[[], None], handover: EventQueue[Any]) -> None:
    try:
        if not handover.cancelled:
            work()
    finally:
        handover.finish()


def _fault(task: asyncio.Future[None]) -> BaseException | None:
    """Give what broke the reading of a body, unless it was the client's leaving."""
    if not task.done() or task.cancelled():
        return None
    exc = task.exception()
    return None if isinstance(exc, asgi.Gone) else exc


class _Answer:
    """How a job's events go out."""

    def __init__(self, send: asgi.Send) -> None:
        self._send = send
        self._started = False

    async def events(self, events: list[Any]) -> None:
        """Send some events."""
        raise NotImplementedError

    async def finish(self, exc: BaseException | None) -> None:
        """End the answer, with the error if there was one."""
        raise NotImplementedError

    async def _refuse(self, fault: frames.ErrorFrame) -> None:
        await asgi.json(self._send, errors.STATUS.get(fault.kind, 500), {"error": fault})


class _Frames(_Answer):
    """Frames as they come."""

    def __init__(self, send: asgi.Send, info: EngineInfo) -> None:
        super().__init__(send)
        self._rate = info.speech.sample_rate if info.speech else 0
        self._samples = 0

    async def events(self, events: list[SpeechEvent]) -> None:
        self._samples += sum(len(event.pcm) // 2 for event in events if isinstance(event, Audio))
        await self._begin()
        await asgi.more(self._send, frames.pack(events))

    async def finish(self, exc: BaseException | None) -> None:
        if exc and not self._started:
            await self._refuse(errors.describe(exc))
            return
        await self._begin()
        last = frames.frame(frames.ERROR, msgspec.json.encode(errors.describe(exc))) if exc else self._end()
        await asgi.more(self._send, last)
        await asgi.end(self._send)

    def _end(self) -> bytes:
        return frames.frame(frames.END, msgspec.json.encode(frames.EndFrame(self._samples)))

    async def _begin(self) -> None:
        if not self._started:
            self._started = True
            headers = [(b"x-sample-rate", b"%d" % self._rate), (b"x-channels", b"1")]
            await asgi.start(self._send, 200, frames.MEDIA_TYPE, headers)


class _Json(_Answer):
    """One JSON object once all is made: base64 of float32, the form every provider has."""

    def __init__(self, send: asgi.Send, info: EngineInfo) -> None:
        super().__init__(send)
        self._rate = info.speech.sample_rate if info.speech else 1
        self._pcm = array("h")

    async def events(self, events: list[SpeechEvent]) -> None:
        for event in events:
            if isinstance(event, Audio):
                self._pcm.frombytes(event.pcm)

    async def finish(self, exc: BaseException | None) -> None:
        if exc:
            await self._refuse(errors.describe(exc))
            return
        samples = array("f", (sample / 32768 for sample in self._pcm))
        audio = base64.b64encode(samples.tobytes()).decode()
        await asgi.json(
            self._send,
            200,
            {"audio": audio, "sample_rate": self._rate, "duration": len(samples) / self._rate},
        )


class _Lines(_Answer):
    """Events as NDJSON."""

    async def events(self, events: list[TranscriptionEvent]) -> None:
        await self._begin()
        await asgi.more(self._send, b"".join(msgspec.json.encode(event) + b"\n" for event in events))

    async def finish(self, exc: BaseException | None) -> None:
        if exc and not self._started:
            await self._refuse(errors.describe(exc))
            return
        await self._begin()
        if exc:
            fault = msgspec.json.encode({"type": "error", **msgspec.structs.asdict(errors.describe(exc))})
            await asgi.more(self._send, fault + b"\n")
        await asgi.end(self._send)

    async def _begin(self) -> None:
        if not self._started:
            self._started = True
            await asgi.start(self._send, 200, "application/x-ndjson")
