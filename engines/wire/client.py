"""The gateway's side of the provider API, to one worker."""

from __future__ import annotations

import asyncio
import errno
import struct
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing, contextmanager

import aiohttp
import msgspec

from engines.api import (
    Finished,
    Progress,
    Prompt,
    Sample,
    SpeechEvent,
    SpeechJob,
    TranscriptionEvent,
    TranscriptionJob,
    TranscriptSegment,
)
from engines.errors import EngineFailed, EngineUnavailable, MissingPrompt, SpeechError
from engines.fleet.child_process import Address
from engines.wire import bodies, errors, frames

OUR_OWN = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""why no connection could be made, where the worker has no part in it"""
READ_SIZE = 256 * 1024
MOST_PROMPTS = 10_000
"""prompts of which it is known that the worker had them"""
WAV_HEADER = struct.pack(
    "<4sI4s4sIHHIIHH", b"RIFF", 0xFFFFFFFF, b"WAVE", b"fmt ", 16, 1, 1, 16_000, 32_000, 2, 16
) + struct.pack("<4sI", b"data", 0xFFFFFFFF)
"""16 kHz mono s16le, sizes open"""


class Lost(EngineFailed):
    """The worker died, or its stream broke, with the job in it."""


class Unreachable(Lost):
    """The worker was gone before it had heard of the job."""


class Stalled(Lost):
    """The worker gave nothing for too long."""


class HeardError(msgspec.Struct, frozen=True, tag="error"):
    """An error among transcription events."""

    kind: str
    message: str
    param: str | None = None
    code: str | None = None


_LINES = msgspec.json.Decoder(TranscriptSegment | Progress | Finished | HeardError)


class WorkerClient:
    """Talks to one worker. Closing a generator closes its connection, which stops the work."""

    def __init__(self, address: Address, *, stall_timeout: float) -> None:
        self.address = address
        self._brought: dict[str, None] = {}
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

    async def health(self, timeout: float) -> bool:
        """Tell whether the worker answers within `timeout` seconds."""
        try:
            limit = aiohttp.ClientTimeout(total=timeout)
            async with self._session.get("/tts/health", timeout=limit) as answer:
                return answer.status == 200
        except aiohttp.ClientConnectorError as exc:
            return exc.errno in OUR_OWN
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def speak(self, job: SpeechJob) -> AsyncGenerator[SpeechEvent, None]:
        """Give a job's events as they come. Raises what the engine raised, or Lost."""
        try:
            async with aclosing(self._speak(job, bring=not self._knows(job.prompt))) as events:
                async for event in events:
                    yield event
        except MissingPrompt:  # said before any audio: the worker has dropped it
            async with aclosing(self._speak(job, bring=True)) as events:
                async for event in events:
                    yield event

    async def _speak(self, job: SpeechJob, *, bring: bool) -> AsyncGenerator[SpeechEvent, None]:
        body = bodies.body(job, bring=bring)
        headers = {"accept": frames.MEDIA_TYPE, "content-type": "application/json"}
        parser, ended = frames.FrameParser(), False
        with _losses():
            async with self._session.post("/tts/generate", data=body, headers=headers) as answer:
                await _raise_refusal(answer)
                if job.prompt:
                    self._brought[job.prompt.id] = None
                async for chunk in answer.content.iter_any():
                    for frame in parser.feed(chunk):
                        if isinstance(frame, frames.ErrorFrame):
                            raise errors.restore(frame)
                        if isinstance(frame, frames.EndFrame):
                            ended = True
                        else:
                            yield frame
        if not ended:
            raise Lost("The engine's audio broke off before its end.")

    def _knows(self, prompt: Prompt | None) -> bool:
        """Tell whether the worker had this prompt before."""
        while len(self._brought) > MOST_PROMPTS:
            self._brought.pop(next(iter(self._brought)))
        return prompt is None or prompt.id in self._brought

    async def create_prompt(self, samples: Sequence[Sample], rate: int, model: str) -> Prompt:
        """Have a voice made of samples, s16le mono PCM at `rate` Hertz. Raises what the engine raised, or
        Lost.
        """
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("model", model)
        for sample in samples:
            form.add_field(
                "audio", bodies.wav(sample.pcm, rate), filename="audio.wav", content_type="audio/wav"
            )
            form.add_field("reference_text", sample.transcript)
        with _losses():
            async with self._session.post("/tts/create_voice_prompt", data=form) as answer:
                await _raise_refusal(answer)
                return bodies.prompt(await answer.read())

    async def transcribe(
        self, job: TranscriptionJob, audio: AsyncIterator[bytes]
    ) -> AsyncGenerator[TranscriptionEvent, None]:
        """Send s16le mono PCM as it comes, give what is heard as it is heard. Raises what the engine raised,
        or Lost.
        """
        with aiohttp.MultipartWriter("form-data") as form:
            options = form.append(msgspec.json.encode(job), {"content-type": "application/json"})
            options.set_content_disposition("form-data", name="options")
            source = _Source(audio)
            sound = form.append(source.wav(), {"content-type": "audio/wav"})
            sound.set_content_disposition("form-data", name="audio", filename="audio.wav")
        ended = False
        with source.faults(), _losses():
            async with self._session.post("/stt/transcribe", data=form) as answer:
                await _raise_refusal(answer)
                async for line in answer.content:
                    event = _LINES.decode(line)
                    if isinstance(event, HeardError):
                        raise errors.restore(
                            frames.ErrorFrame(event.kind, event.message, event.param, event.code)
                        )
                    ended = isinstance(event, Finished)
                    yield event
        if not ended:
            raise Lost("The engine stopped listening before the end.")


class _Source:
    """The audio on its way to a worker; remembers what broke it, which is no fault of the worker's."""

    def __init__(self, audio: AsyncIterator[bytes]) -> None:
        self._audio = audio
        self._fault: Exception | None = None

    async def wav(self) -> AsyncIterator[bytes]:
        """Give it as a WAV file of open length."""
        yield WAV_HEADER
        try:
            async for chunk in self._audio:
                yield chunk
        except Exception as exc:  # whatever broke the source, it is raised in the place of Lost
            self._fault = exc
            raise

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Raise what broke the audio in the place of Lost."""
        try:
            yield
        except Lost:
            if self._fault:
                raise self._fault from None
            raise


async def _raise_refusal(answer: aiohttp.ClientResponse) -> None:
    if answer.status == 200:
        return
    try:
        fault = msgspec.json.decode(await answer.read(), type=dict[str, frames.ErrorFrame])["error"]
    except (msgspec.DecodeError, KeyError) as exc:
        raise EngineFailed(f"The engine answered with status {answer.status}.") from exc
    raise errors.restore(fault)


@contextmanager
def _losses() -> Iterator[None]:
    """Turn whatever breaks a connection to a worker into Lost; the engine's own errors pass."""
    try:
        yield
    except (SpeechError, asyncio.CancelledError, GeneratorExit):
        raise
    except TimeoutError as exc:
        raise Stalled("The engine gave nothing for too long.") from exc
    except aiohttp.ClientConnectorError as exc:
        if exc.errno in OUR_OWN:
            raise EngineUnavailable("The server has no room for another connection.") from exc
        raise Unreachable("The engine's worker was gone.") from exc
    except (
        aiohttp.ClientError,
        OSError,
        frames.BadFrame,
        msgspec.DecodeError,
        asyncio.IncompleteReadError,
    ) as exc:
        raise Lost("The engine's worker was lost.") from exc
