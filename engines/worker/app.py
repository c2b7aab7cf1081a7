"""The provider API, version 1: what a worker answers. Plain ASGI, so that it runs behind any server.

The engine runs in threads of its own, never on the event loop, as its `concurrency` says. Who leaves makes
the output of the job raise Stop.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

import msgspec

from engines.api import (
    Batches,
    BatchSpeaker,
    Cloner,
    CloningCapabilities,
    Engine,
    EngineInfo,
    Prompt,
    Speaker,
    Steps,
    StepSpeaker,
    Transcriber,
    TranscriptionEvent,
)
from engines.api.prompt_file import NoPromptFile, signed
from engines.errors import BadInput, EngineFailed, Unsupported
from engines.toolkit.request_settings import checked_settings
from engines.wire import frames
from engines.wire.bodies import GenerateRequest
from engines.worker import asgi, responses
from engines.worker.audio_queue import AudioQueue
from engines.worker.batches import Batcher
from engines.worker.engine_threads import EngineThreads
from engines.worker.event_queue import EventQueue
from engines.worker.forms import TranscriptionForm, read_prompt_job
from engines.worker.job_runs import JobRuns, end_hung
from engines.worker.memory_meter import MemoryMeter
from engines.worker.outputs import JobOutput, RecordingOutput
from engines.worker.prompt_cache import HeldPrompt, PromptCache
from engines.worker.prompt_samples import check_samples
from engines.worker.speech_jobs import QueuedJob
from engines.worker.steps import StepLoop

API_VERSION = "1.1"
"""1.1: signs that work goes on among the frames, voice prompts as frames, errors whole"""

Handler = Callable[[dict[bytes, bytes], asgi.Receive, asgi.Send], Awaitable[None]]


class SharedCalls(Protocol):
    """What runs several jobs in one call of the engine."""

    def submit(self, queued: QueuedJob) -> None:
        """Have a job spoken."""
        ...


class WorkerApp:
    """One engine's ASGI application; `threads` are those that it was loaded in, and `memory` has measured
    that.
    """

    def __init__(
        self,
        engine: Engine,
        info: EngineInfo,
        threads: EngineThreads,
        memory: MemoryMeter,
        *,
        secret: str = "",
    ) -> None:
        self._engine = engine
        self._info = info
        self._secret = secret
        self._prompts = PromptCache(lambda data: cast(Cloner, engine).open_prompt(data))
        self._memory = memory
        memory.computes_on(info.device)
        self._runs = JobRuns(info, threads, memory)
        self._shared_calls = _shared_calls(engine, info, threads, self._runs)
        self._routes: dict[tuple[str, str], Handler] = {
            ("GET", "/tts/health"): self._health,
            ("GET", "/tts/status"): self._status,
            ("POST", "/tts/generate"): self._generate,
            ("POST", "/tts/create_voice_prompt"): self._create_voice_prompt,
            ("POST", "/stt/transcribe"): self._transcribe,
            ("POST", "/models/load"): self._load_or_unload,
            ("POST", "/models/unload"): self._load_or_unload,
        }

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
            await responses.send_error(send, exc)

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
        """Answer with what the engine can do, how much of it is in use, and what it takes of memory."""
        info = self._info
        memory = await asyncio.to_thread(self._memory.use)  # a driver that hangs keeps this answer alone
        speech = info.speech
        capabilities = speech or info.transcription
        answer = {
            "model_loaded": True,
            "model_size": info.models[0],
            "available_sizes": info.models,
            "gpu_available": info.device != "cpu",
            "vram_used_mb": round(memory.gpu / 2**20) if memory.gpu else None,
            "memory": memory,
            "models": info.models,
            "voices": [voice.id for voice in info.voices],
            "languages": capabilities.languages if capabilities else (),
            "sample_rate": speech.sample_rate if speech else None,
            "streaming": bool(speech and speech.streaming),
            "seed": info.seed_worth,
            "slots": info.concurrency.jobs,
            "busy": self._runs.busy,
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
        """Answer with a voice prompt made of samples, as frames where the client accepts them."""
        cloning = self._cloning()
        job = read_prompt_job(headers, await asgi.read_body(receive), cloning.sample_rate)
        check_samples(job, cloning)
        events: EventQueue[Any] = EventQueue()
        out = JobOutput(events, self._runs.activity)
        loop = asyncio.get_running_loop()

        def create() -> None:
            try:
                data = signed(cast(Cloner, self._engine).create_prompt(job, out))
            except NoPromptFile as exc:
                raise EngineFailed(str(exc)) from exc
            held = asyncio.run_coroutine_threadsafe(self._keep(data), loop).result()
            events.emit(Prompt(held.id, data))

        response = (
            responses.PromptFrameResponse(send)
            if _accepts_frames(headers)
            else responses.PromptJsonResponse(send)
        )
        reading = asgi.wait_until_disconnected(receive)
        await self._runs.run(out, lambda: self._runs.call(create, out), response, reading)

    async def _keep(self, data: bytes) -> HeldPrompt:
        return self._prompts.add(data)

    def _cloning(self) -> CloningCapabilities:
        """Return what the engine needs to clone. Raises Unsupported where it does not."""
        cloning = self._info.speech.cloning if self._info.speech else None
        if cloning is None:
            raise Unsupported(f"The engine `{self._info.name}` does not clone voices.")
        return cloning

    # Synthesis...

    async def _generate(self, headers: dict[bytes, bytes], receive: asgi.Receive, send: asgi.Send) -> None:
        """Answer with the speech of a job, as frames where the client accepts them."""
        if self._info.speech is None:
            raise Unsupported(f"The engine `{self._info.name}` does not speak.")
        try:
            request = msgspec.json.decode(await asgi.read_body(receive), type=GenerateRequest)
        except msgspec.DecodeError as exc:
            raise BadInput(f"The body cannot be read: {exc}") from exc
        if request.prompt_field.is_given:
            self._cloning()
        settings, _ = checked_settings(request.settings or {}, self._info.speech.settings, self._info.name)
        prompt = self._prompts.resolve(request.prompt_field)
        events: EventQueue[frames.WorkEvent] = EventQueue()
        shared = self._shared_calls
        out = JobOutput(events, self._runs.activity, text=request.text, blocking=shared is None)
        done = asyncio.get_running_loop().create_future()
        job = msgspec.structs.replace(request.to_job(None), settings=settings)
        queued = QueuedJob(job, prompt, out, done, self._runs.note)

        def start() -> asyncio.Future[None]:
            if shared is None:
                speaker = cast(Speaker, self._engine)
                return self._runs.call(lambda: speaker.speak(queued.prepare(), out), out)
            shared.submit(queued)
            return queued.done

        response = (
            responses.FrameResponse(send, self._info)
            if _accepts_frames(headers)
            else responses.JsonResponse(send, self._info)
        )
        reading = asgi.wait_until_disconnected(receive)
        await self._runs.run(out, start, response, reading, shared=shared is not None)

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
        out = RecordingOutput(events, self._runs.activity)

        async def read_rest() -> None:
            try:
                async for chunk in body:
                    await form.feed(chunk)
            finally:
                audio.close()
            await asgi.wait_until_disconnected(receive)

        def transcribe() -> None:
            out.finished(cast(Transcriber, self._engine).transcribe(form.job, iter(audio), out))

        try:
            response = responses.LineResponse(send)
            await self._runs.run(out, lambda: self._runs.call(transcribe, out), response, read_rest())
        finally:
            asyncio.get_running_loop().run_in_executor(None, audio.discard)


def _shared_calls(
    engine: Engine, info: EngineInfo, threads: EngineThreads, runs: JobRuns
) -> SharedCalls | None:
    """Return what runs several jobs in one call; None for an engine that has a call for each."""
    grace = info.cancel_grace

    def is_broken() -> bool:
        return runs.is_broken

    match info.concurrency:
        case Batches() as batches:
            speaker = cast(BatchSpeaker, engine)
            return Batcher(speaker, batches, threads, grace=grace, on_hang=end_hung, is_broken=is_broken)
        case Steps() as steps:
            stepper = cast(StepSpeaker, engine)
            return StepLoop(stepper, steps, threads, grace=grace, on_hang=end_hung, is_broken=is_broken)
        case _:
            return None


def _accepts_frames(headers: dict[bytes, bytes]) -> bool:
    return frames.MEDIA_TYPE.encode() in headers.get(b"accept", b"")
