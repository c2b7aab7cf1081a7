"""Requests to a server to which things are done, and whether each answer is what the request gives alone."""

from __future__ import annotations

import asyncio
import io
import random
import time
import wave
from array import array
from collections import Counter
from collections.abc import Callable

import aiohttp
import msgspec

from bench.target import Target

ANSWER_SECONDS = 60.0
FAULT_SECONDS = 20.0
"""for which what was done to the server may show: one that is frozen is killed only after a while"""
REFUSED = 503
REFUSED_SECONDS = 0.3
"""for which a client waits that was refused or not answered, though it may be told to wait longer"""
FORMATS = ("pcm", "wav", "mp3", "flac", "aac")
RATE = 16_000


class Question(msgspec.Struct):
    """A request: JSON to speak, or a recording to transcribe; `statuses` are those of a right answer."""

    path: str
    fields: dict[str, object] = {}
    recording: bytes = b""
    statuses: tuple[int, ...] = (200,)
    expected: bytes = b""


class Requests:
    """Sends requests by chance, and counts in `seen` what came of them; what is odd is in `problems`."""

    def __init__(self, session: aiohttp.ClientSession, target: Target, chance: random.Random) -> None:
        self._session = session
        self._target = target
        self._chance = chance
        self._good = _good_questions()
        self._bad = _bad_questions()
        self._last_fault = -1e9
        self.seen: Counter[str] = Counter()
        self.problems: Counter[str] = Counter()

    async def learn(self) -> None:
        """Ask each good question alone, and keep the answer."""
        for question in self._good:
            status, question.expected = await self._ask(question)
            if status != 200:
                raise RuntimeError(f"alone, {question.fields} got {status}: {question.expected!r}")

    async def check_all(self) -> int:
        """Ask each good question alone again; return how many answers are others now."""
        return sum([await self._ask(question) != (200, question.expected) for question in self._good])

    def swap_answers(self) -> None:
        """Expect the answers of two questions from each other: all that comes to them is wrong then."""
        first, second = self._good[:2]
        first.expected, second.expected = second.expected, first.expected

    def fault_happened(self) -> None:
        """Note that something has been done to the server."""
        self._last_fault = time.monotonic()

    async def one(self) -> None:
        """Send a request: nine good ones, a bad one, and now and then one that is left."""
        kind = self._chance.random()
        if kind < 0.1:
            await self._judge(self._chance.choice(self._bad))
        elif kind < 0.25:
            await self._leave(self._chance.choice(self._good))
        else:
            await self._judge(self._chance.choice(self._good))

    async def _leave(self, question: Question) -> None:
        self.seen["left"] += 1
        asking = asyncio.create_task(self._ask(question))
        await asyncio.wait([asking], timeout=self._chance.uniform(0.0, 0.5))
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    async def _judge(self, question: Question) -> None:
        began = time.monotonic()
        try:
            status, body = await self._ask(question)
            if status == REFUSED:
                self.seen["refused"] += 1
                await asyncio.sleep(REFUSED_SECONDS)
                return
        except TimeoutError:
            self.seen["hanging"] += 1
        except (aiohttp.ClientError, OSError) as exc:
            kind = "broken" if isinstance(exc, aiohttp.ClientPayloadError) else "no answer"
            self._explain(kind, f"{type(exc).__name__}: {exc}", began)
            await asyncio.sleep(REFUSED_SECONDS)
        else:
            self._judge_answer(question, status, body, began)

    def _judge_answer(self, question: Question, status: int, body: bytes, began: float) -> None:
        if status in question.statuses:
            right = question.statuses != (200,) or body == question.expected
            self.seen["bad" if question.statuses != (200,) else "right"] += 1
            if not right:
                self.seen["wrong"] += 1
                self.problems[f"wrong answer to {question.path} {question.fields}"] += 1
            return
        kinds = {500: "lost twice", 507: "no space"}
        if status in kinds:
            self._explain(kinds[status], f"{status}: {body[:200]!r}", began)
        else:
            self.seen["wrong"] += 1
            self.problems[f"{question.path} {question.fields}: {status}: {body[:200]!r}"] += 1

    def _explain(self, kind: str, what: str, began: float) -> None:
        """Count a failure by its kind, if anything was done to the server before or meanwhile."""
        if began - self._last_fault < FAULT_SECONDS or self._last_fault > began:
            self.seen[kind] += 1
        else:
            self.seen["without cause"] += 1
            self.problems[what] += 1

    async def _ask(self, question: Question) -> tuple[int, bytes]:
        url = f"{self._target.base_url}/{question.path}"
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        data: aiohttp.FormData | None = None
        if question.recording:
            data = aiohttp.FormData({name: str(value) for name, value in question.fields.items()})
            data.add_field("file", io.BytesIO(question.recording), filename="audio.wav")
        json = None if data else question.fields
        async with self._session.post(url, data=data, json=json, timeout=timeout) as answer:
            if answer.status == REFUSED and "retry-after" not in answer.headers:
                self.problems["503 without Retry-After"] += 1
            return answer.status, await answer.read()


def _good_questions() -> list[Question]:
    kinds = [(format, length, wait) for format in FORMATS for length in (1, 40) for wait in (0, 0.3)]
    spoken = [
        Question("audio/speech", _speech(wait, f"Word{n} and {7 * n} things. " * length, n, format))
        for n, (format, length, wait) in enumerate(kinds)
    ]
    heard = [
        Question("audio/transcriptions", {"model": "tone"}, _recording(seconds)) for seconds in (1, 20, 90)
    ]
    return [*spoken, *heard, *heard]


def _bad_questions() -> list[Question]:
    no_sound = Question("audio/transcriptions", {"model": "tone"}, b"this is no sound" * 5000, (400, 507))
    broken = Question("audio/transcriptions", {"model": "nobody"}, _recording(2), (404, 507))
    spoken: list[Callable[[dict[str, object]], None]] = [
        lambda fields: fields.update(model="nobody"),
        lambda fields: fields.update(voice="nobody"),
        lambda fields: fields.update(input=""),
        lambda fields: fields.update(input=[1, 2]),
        lambda fields: fields.update(response_format="exe"),
        lambda fields: fields.update(input=None),
    ]
    questions = [no_sound, broken]
    for spoil in spoken:
        fields = _speech(0, "one", 1, "pcm")
        spoil(fields)
        questions.append(Question("audio/speech", fields, b"", (400, 404, 422)))
    return questions


def _speech(wait: float, text: str, voice: int, format: str) -> dict[str, object]:
    """Return the request for a text that the engine begins to speak after so many seconds."""
    spoken = f"[wait {wait}] {text}"
    return {"model": "tone", "voice": f"tone-{voice}", "input": spoken, "response_format": format}


def _recording(seconds: int) -> bytes:
    """Return a WAV with sound; the longer ones go to disk while they are received."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(array("h", [3000, -3000] * (RATE // 2)).tobytes() * seconds)
    return file.getvalue()
