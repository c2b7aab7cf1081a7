"""The gateway's side of the provider API: a client of one worker."""

from __future__ import annotations

import asyncio
import errno
import io
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager

import aiohttp
import msgspec

from engines.api import (
    Audio,
    Finished,
    Progress,
    Prompt,
    PromptJob,
    SpeechEvent,
    SpeechJob,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
    Word,
)
from engines.api.prompt_file import prompt_id
from engines.errors import ChildLost, EngineFailed, EngineUnavailable, MissingPrompt, SpeechError
from engines.wire import bodies, errors, frames
from engines.wire.address import WorkerAddress
from engines.wire.memory_use import MemoryUse, StatusAnswer
from engines.wire.wav import encode_wav, open_wav_header

LOCAL_ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""why no connection could be made, where this process is short of something and the worker has no part in it
"""
READ_SIZE = 256 * 1024
MAX_KNOWN_PROMPTS = 10_000
"""prompts of which it is remembered that the worker has them"""
TRANSCRIPTION_RATE = 16_000
"""Hertz, of the recordings that are sent"""


class WorkerLost(ChildLost):
    """The worker died, or its stream broke, with the job in it."""

    silent = 0.0
    """seconds in which it gave no sign of the job, where it was lost by that"""


class WorkerUnreachable(WorkerLost):
    """The worker was gone before the job reached it."""


class WorkerStalled(WorkerLost):
    """The worker sent nothing for too long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The engine gave no sign of life for {seconds:g} s, and was ended.")
        self.silent = seconds


class TranscriptionError(frames.ErrorFrame, frozen=True, tag="error"):
    """An error among transcription events."""


_EVENT_DECODER = msgspec.json.Decoder(TranscriptSegment | Progress | Finished | TranscriptionError)


class WorkerClient:
    """A client of one worker. Closing one of its generators closes the connection, which stops the work."""

    def __init__(self, address: WorkerAddress, *, stall_timeout: float) -> None:
        self.address = address
        self._stall_timeout = stall_timeout
        self._known_prompts: dict[str, None] = {}
        """ids of prompts the worker was sent, the oldest first"""
        connector = (
            aiohttp.UnixConnector(address.socket, limit=0)
            if address.socket
            else aiohttp.TCPConnector(limit=0)
        )
        headers = {"authorization": f"Bearer {address.secret}"} if address.secret else {}
        self._session = aiohttp.ClientSession(
            base_url=address.url,
            connector=connector,
            headers=headers,
            timeout=aiohttp.ClientTimeout(total=None, sock_read=stall_timeout),
            auto_decompress=False,
            read_bufsize=READ_SIZE,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    def _raise_worker_lost(self) -> AbstractContextManager[None]:
        return _raise_worker_lost(self._session, self._stall_timeout)

    async def health(self, timeout: float) -> bool:
        """Return whether the worker answers within `timeout` seconds."""
        if self._session.closed:
            return False
        try:
            limit = aiohttp.ClientTimeout(total=timeout)
            async with self._session.get("/tts/health", timeout=limit) as response:
                return response.status == 200
        except aiohttp.ClientConnectorError as exc:
            return exc.errno in LOCAL_ERRNOS
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def memory(self, timeout: float) -> MemoryUse | None:
        """Return what the worker says that it takes of memory; None where it does not say within `timeout`
        seconds.
        """
        if self._session.closed:
            return None
        try:
            limit = aiohttp.ClientTimeout(total=timeout)
            async with self._session.get("/tts/status", timeout=limit) as response:
                return msgspec.json.decode(await response.read(), type=StatusAnswer).memory
        except (aiohttp.ClientError, TimeoutError, OSError, msgspec.DecodeError):
            return None

    async def speak(self, job: SpeechJob) -> AsyncGenerator[SpeechEvent, None]:
        """Yield a job's events as they come. Raises what the engine raised, or WorkerLost."""
        include_prompt = not self._has_prompt(job.prompt)
        try:
            async with aclosing(self._speak(job, include_prompt=include_prompt)) as events:
                async for event in events:
                    yield event
        except MissingPrompt:  # raised before any audio: the worker has dropped it
            async with aclosing(self._speak(job, include_prompt=True)) as events:
                async for event in events:
                    yield event

    async def _speak(self, job: SpeechJob, *, include_prompt: bool) -> AsyncGenerator[SpeechEvent, None]:
        encoded = bodies.encode_job(job, include_prompt=include_prompt)
        body = io.BytesIO(encoded)  # which is sent in pieces: a prompt may be megabytes
        headers = {"accept": frames.MEDIA_TYPE, "content-type": "application/json"}
        parser = frames.FrameParser()
        ended = False
        with self._raise_worker_lost():
            async with self._session.post("/tts/generate", data=body, headers=headers) as response:
                await _raise_for_status(response)
                if job.prompt:
                    self._known_prompts[job.prompt.id] = None
                async for chunk in response.content.iter_any():
                    for frame in parser.feed(chunk):
                        if isinstance(frame, frames.ErrorFrame):
                            raise errors.to_exception(frame)
                        if isinstance(frame, frames.EndFrame):
                            ended = True
                        elif isinstance(frame, Audio | Word):  # a sign has done its work by coming
                            yield frame
        if not ended:
            raise WorkerLost("The engine's audio broke off before its end.")

    def _has_prompt(self, prompt: Prompt | None) -> bool:
        """Return whether the worker was sent this prompt before, or needs none."""
        while len(self._known_prompts) > MAX_KNOWN_PROMPTS:
            self._known_prompts.pop(next(iter(self._known_prompts)))
        return prompt is None or prompt.id in self._known_prompts

    async def create_prompt(self, job: PromptJob, rate: int) -> Prompt:
        """Return the voice prompt that the engine makes of samples, s16le mono PCM at `rate` Hertz.

        Raises what the engine raised, or WorkerLost.
        """
        headers = {"accept": f"{frames.MEDIA_TYPE}, application/json"}
        with self._raise_worker_lost():
            async with self._session.post(
                "/tts/create_voice_prompt", data=_prompt_form(job, rate), headers=headers
            ) as response:
                await _raise_for_status(response)
                if response.content_type != frames.MEDIA_TYPE:
                    return bodies.decode_prompt(await response.read())
                prompt = await _read_prompt(response)
        self._known_prompts[prompt.id] = None
        return prompt

    async def transcribe(
        self, job: TranscriptionJob, audio: AsyncIterator[bytes]
    ) -> AsyncGenerator[TranscriptionEvent, None]:
        """Send s16le mono PCM as it comes, and yield the events of its transcription as they come.

        Raises what the engine raised, what `audio` raised, or WorkerLost.
        """
        upload = _AudioUpload(audio)
        with aiohttp.MultipartWriter("form-data") as form:
            options = form.append(msgspec.json.encode(job), {"content-type": "application/json"})
            options.set_content_disposition("form-data", name="options")
            wav = form.append(upload.wav(), {"content-type": "audio/wav"})
            wav.set_content_disposition("form-data", name="audio", filename="audio.wav")
        ended = False
        with upload.raise_source_error(), self._raise_worker_lost():
            async with self._session.post("/stt/transcribe", data=form) as response:
                await _raise_for_status(response)
                async for line in response.content:
                    event = _EVENT_DECODER.decode(line)
                    if isinstance(event, TranscriptionError):
                        raise errors.to_exception(event)
                    ended = isinstance(event, Finished)
                    yield event
        if not ended:
            raise WorkerLost("The engine stopped before the end of the recording.")


def _prompt_form(job: PromptJob, rate: int) -> aiohttp.FormData:
    """Return the form of `/tts/create_voice_prompt`."""
    form = aiohttp.FormData(default_to_multipart=True)
    form.add_field("model", job.model)
    if job.language:
        form.add_field("language", job.language)
    for sample in job.samples:
        wav = encode_wav(sample.pcm, rate)
        form.add_field("audio", wav, filename="audio.wav", content_type="audio/wav")
        form.add_field("reference_text", sample.transcript)
    return form


async def _read_prompt(response: aiohttp.ClientResponse) -> Prompt:
    """Return the voice prompt among frames. Raises what the engine raised, or WorkerLost."""
    parser = frames.FrameParser()
    prompt: Prompt | None = None
    async for chunk in response.content.iter_any():
        for frame in parser.feed(chunk):
            if isinstance(frame, frames.ErrorFrame):
                raise errors.to_exception(frame)
            if isinstance(frame, Prompt):
                prompt = Prompt(prompt_id(frame.data), frame.data)
            elif isinstance(frame, frames.EndFrame) and prompt:
                return prompt
    raise WorkerLost("The engine's voice prompt broke off before its end.")


class _AudioUpload:
    """Audio on its way to a worker. It remembers an error of its source, which is no fault of the worker."""

    def __init__(self, audio: AsyncIterator[bytes]) -> None:
        self._audio = audio
        self._error: Exception | None = None

    async def wav(self) -> AsyncIterator[bytes]:
        """Yield the audio as a WAV of open length."""
        yield open_wav_header(TRANSCRIPTION_RATE)
        try:
            async for chunk in self._audio:
                yield chunk
        except Exception as exc:  # whatever broke the source is raised in the place of WorkerLost
            self._error = exc
            raise

    @contextmanager
    def raise_source_error(self) -> Iterator[None]:
        """Raise what broke the source in the place of WorkerLost."""
        try:
            yield
        except WorkerLost:
            if self._error:
                raise self._error from None
            raise


async def _raise_for_status(response: aiohttp.ClientResponse) -> None:
    """Raise the error that a worker answered with, if it did."""
    if response.status == 200:
        return
    try:
        error = msgspec.json.decode(await response.read(), type=dict[str, frames.ErrorFrame])["error"]
    except (msgspec.DecodeError, KeyError) as exc:
        raise EngineFailed(f"The engine answered with status {response.status}.") from exc
    raise errors.to_exception(error)


@contextmanager
def _raise_worker_lost(session: aiohttp.ClientSession, stall_timeout: float) -> Iterator[None]:
    """Raise WorkerLost for whatever breaks a connection to a worker; the engine's own errors pass."""
    if session.closed:  # aiohttp raises a bare RuntimeError
        raise WorkerUnreachable("The engine's worker was gone.")
    try:
        yield
    except (SpeechError, asyncio.CancelledError, GeneratorExit):
        raise
    except TimeoutError as exc:
        raise WorkerStalled(stall_timeout) from exc
    except aiohttp.ClientConnectorError as exc:
        if exc.errno in LOCAL_ERRNOS:
            raise EngineUnavailable("The server has no room for another connection.") from exc
        raise WorkerUnreachable("The engine's worker was gone.") from exc
    except (
        aiohttp.ClientError,
        OSError,
        frames.BadFrame,
        msgspec.DecodeError,
        asyncio.IncompleteReadError,
    ) as exc:
        raise WorkerLost("The engine's process ended with this in it.") from exc
