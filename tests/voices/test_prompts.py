"""Tests of the cache of voice prompts: computed once, stored whole, computed anew after a change, and
cleared.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import libraries
import numpy as np
import pytest
from libraries import awaited, sample, voice
from msgspec.structs import replace
from safetensors.numpy import save

from engines.api import CloningCapabilities, EngineInfo, Prompt, SpeechCapabilities, Threads
from engines.api.prompt_file import signed
from engines.errors import EngineFailed
from voices.profile import Profile
from voices.prompts import PromptCache, path
from voices.storage.blobs import Blobs, open_blobs

audio = libraries.audio
FILE = save({"speaker": np.arange(7, dtype=np.float32)}, metadata={"model": "mimic-1"})
SIGNED = signed(FILE)
PROFILE = voice("Anna", samples=(sample("samp_1", transcript="Hello."), sample("samp_2")))
CLONING = CloningCapabilities(24_000)
SPEECH = SpeechCapabilities(24_000, ("en",), cloning=CLONING)
INFO = EngineInfo("mimic", "1", "MIT", ("mimic", "mimic-xl"), speech=SPEECH)
KEY = path(PROFILE, INFO, "mimic")


class Maker:
    """A function that computes prompts, counts its calls, and waits in each until `may` is set."""

    def __init__(self, data: bytes = FILE, *, open: bool = True, errors: tuple[Exception, ...] = ()) -> None:
        self.data = data
        self.calls = 0
        self.may = asyncio.Event()
        self.began = asyncio.Event()
        self.ended = asyncio.Event()
        self.errors = list(errors)
        if open:
            self.may.set()

    async def __call__(self) -> Prompt:
        """Return a prompt, or raise the next error."""
        self.calls += 1
        self.began.set()
        await self.may.wait()
        self.ended.set()
        if self.errors:
            raise self.errors.pop()
        return Prompt("as the engine named it", self.data)


class Late:
    """A store whose writes wait until `may` is set."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self.may = asyncio.Event()
        self.began = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    async def put(self, key: str, data: bytes) -> None:
        """Write an object once `may` is set."""
        self.began.set()
        await self.may.wait()
        await self._blobs.put(key, data)


def in_folder(tmp_path: Path) -> Blobs:
    return open_blobs("", tmp_path)


def info(**speech: Any) -> EngineInfo:
    return replace(INFO, speech=replace(SPEECH, **speech))


def first(**fields: Any) -> Profile:
    """Return the profile with another first sample."""
    return replace(PROFILE, samples=(replace(PROFILE.samples[0], **fields), PROFILE.samples[1]))


# What a prompt's path depends on...


@pytest.mark.parametrize(
    "other",
    [
        path(first(prepared="else"), INFO, "mimic"),
        path(first(sha256="1" * 64), INFO, "mimic"),
        path(first(transcript="Hello!"), INFO, "mimic"),
        path(first(trimmed=(0.5, None)), INFO, "mimic"),
        path(first(trimmed=(0.5, 2.0)), INFO, "mimic"),
        path(replace(PROFILE, samples=PROFILE.samples[:1]), INFO, "mimic"),
        path(replace(PROFILE, samples=PROFILE.samples[::-1]), INFO, "mimic"),
        path(replace(PROFILE, samples=(*PROFILE.samples, sample("samp_3"))), INFO, "mimic"),
        path(replace(PROFILE, id="voice_other"), INFO, "mimic"),
        path(PROFILE, replace(INFO, name="parrot"), "mimic"),
        path(PROFILE, replace(INFO, version="2"), "mimic"),
        path(PROFILE, INFO, "mimic-xl"),
        path(PROFILE, info(cloning=replace(CLONING, version="2")), "mimic"),
        path(PROFILE, info(cloning=replace(CLONING, sample_rate=16_000)), "mimic"),
        path(PROFILE, info(cloning=replace(CLONING, longest=10.0)), "mimic"),
        path(PROFILE, info(cloning=replace(CLONING, transcript=True)), "mimic"),
    ],
)
def test_a_change_makes_another_prompt(other: str) -> None:
    """A prompt's path depends on samples and their transcripts, the engine, its version, its model and its
    capabilities.
    """
    assert other != KEY


def test_the_language_counts_where_it_is_asked_for() -> None:
    """For an engine that clones some languages only, a voice whose language changes gets another prompt; for others
    it keeps the one it has.
    """
    swiss = replace(PROFILE, languages=("de-CH",))
    choosy = info(cloning=replace(CLONING, languages=("de", "en")))
    assert path(swiss, choosy, "mimic") != path(PROFILE, choosy, "mimic")
    assert path(swiss, INFO, "mimic") == KEY


def test_other_changes_do_not() -> None:
    """A prompt's path does not depend on the voice's name and description, nor on engine capabilities other
    than cloning.
    """
    renamed = replace(
        PROFILE, name="Berta", description="new", speed=2.0, shared=True, updated=9.0, engines=("mimic",)
    )
    assert path(renamed, INFO, "mimic") == KEY
    assert path(first(facts={"level": 1.0}, created=9.0, transcribed_by="ear"), INFO, "mimic") == KEY
    assert (
        path(PROFILE, replace(info(words="durations"), concurrency=Threads(9), device="cuda"), "mimic") == KEY
    )


# Once...


@awaited
async def test_computed_once(audio: str, tmp_path: Path) -> None:
    """Of a hundred simultaneous requests one has the prompt computed; then it is in memory, and in the store
    after a restart.
    """
    blobs, make = open_blobs(audio, tmp_path), Maker()
    cache = PromptCache(blobs)
    prompts = await asyncio.gather(*(cache.get(KEY, make) for _ in range(100)))
    assert {prompt.id for prompt in prompts} == {prompts[0].id}
    assert await blobs.keys("prompts/") == [KEY]
    assert await cache.get(KEY, make) is prompts[0]
    assert await PromptCache(blobs).get(KEY, make) == prompts[0]
    assert make.calls == 1


@awaited
async def test_from_memory(tmp_path: Path) -> None:
    """A prompt in memory is returned without the store."""
    blobs, make = in_folder(tmp_path), Maker()
    cache = PromptCache(blobs)
    held = await cache.get(KEY, make)
    await blobs.delete([KEY])
    assert await cache.get(KEY, make) is held
    assert make.calls == 1


@awaited
async def test_different_prompts_are_computed_concurrently(tmp_path: Path) -> None:
    """A request for one prompt does not wait for another prompt."""
    cache, slow = PromptCache(in_folder(tmp_path)), Maker(open=False)
    waiting = asyncio.create_task(cache.get(KEY, slow))
    await slow.began.wait()
    other = await cache.get(path(PROFILE, INFO, "mimic-xl"), Maker(save({"other": np.zeros(1)})))
    assert not waiting.done()
    slow.may.set()
    assert (await waiting).id != other.id


@awaited
async def test_an_id_names_the_bytes(tmp_path: Path) -> None:
    """Prompts with the same bytes have the same id, and others another."""
    cache = PromptCache(in_folder(tmp_path))
    one, same, other = [
        await cache.get(f"prompts/voice/mimic/{key}", Maker(data))
        for key, data in enumerate((FILE, FILE, save({"x": np.ones(1)})))
    ]
    assert one == same
    assert one.id != other.id


# Faults...


@awaited
async def test_a_failure_is_not_cached(tmp_path: Path) -> None:
    """All waiting requests get the error; a later request has the prompt computed anew."""
    blobs = in_folder(tmp_path)
    cache, make = PromptCache(blobs), Maker(errors=(EngineFailed("second"), EngineFailed("first")))
    for fault in ("first", "second"):
        outcomes = await asyncio.gather(*(cache.get(KEY, make) for _ in range(20)), return_exceptions=True)
        assert {(type(outcome), str(outcome)) for outcome in outcomes} == {(EngineFailed, fault)}
    assert await blobs.keys("") == []
    assert (await cache.get(KEY, make)).data == SIGNED
    assert make.calls == 3


@awaited
async def test_a_cancelled_request_leaves_the_others(tmp_path: Path) -> None:
    """When some requests are cancelled, the first among them, the others get the prompt, computed once."""
    cache, make = PromptCache(in_folder(tmp_path)), Maker(open=False)
    waiting = [asyncio.create_task(cache.get(KEY, make)) for _ in range(10)]
    await make.began.wait()
    for task in waiting[:5]:
        task.cancel()
    make.may.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 5 + [Prompt] * 5
    assert make.calls == 1


@awaited
async def test_all_requests_cancelled(tmp_path: Path) -> None:
    """When all requests are cancelled the prompt is still computed, and is there for later ones."""
    blobs, make = in_folder(tmp_path), Maker(open=False)
    cache = PromptCache(blobs)
    waiting = asyncio.create_task(cache.get(KEY, make))
    await make.began.wait()
    waiting.cancel()
    make.may.set()
    assert (await cache.get(KEY, make)).data == await blobs.get(KEY)
    assert make.calls == 1


@awaited
async def test_all_requests_cancelled_and_a_failure(tmp_path: Path) -> None:
    """A failure after all requests were cancelled is not reported as an unhandled exception."""
    cache, make, faults = (
        PromptCache(in_folder(tmp_path)),
        Maker(open=False, errors=(EngineFailed("too late"),)),
        [],
    )
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    waiting = asyncio.create_task(cache.get(KEY, make))
    await make.began.wait()
    waiting.cancel()
    make.may.set()
    await make.ended.wait()
    assert (await cache.get(path(PROFILE, INFO, "mimic-xl"), make)).data == SIGNED
    gc.collect()
    assert faults == []


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"\0" * 100, FILE[:-1], FILE + b"x", b"\xff" * 8 + FILE[8:], b'{"a":1}']
)
@awaited
async def test_an_invalid_prompt(tmp_path: Path, data: bytes) -> None:
    """Bytes from an engine that are not safetensors are the engine's error, and are not stored."""
    blobs = in_folder(tmp_path)
    with pytest.raises(EngineFailed, match="not in safetensors"):
        await PromptCache(blobs).get(KEY, Maker(data))
    assert await blobs.keys("") == []


# Stored prompts are whole, or computed anew...


@pytest.mark.parametrize(
    "broken",
    [b"", SIGNED[:-1], SIGNED[: len(SIGNED) // 2], SIGNED[:8], SIGNED[:3], SIGNED + b"\0", FILE, b"no prompt " * 99,
     SIGNED[:-3] + bytes([SIGNED[-3] ^ 1]) + SIGNED[-2:], signed(save({"speaker": np.ones(1)})).replace(b"speaker", b"speakes")],
)  # fmt: skip
@awaited
async def test_a_damaged_file_is_replaced(audio: str, tmp_path: Path, broken: bytes) -> None:
    """A file that is empty, truncated, changed, unsigned, or something else is not used; a new one replaces
    it.
    """
    blobs, make = open_blobs(audio, tmp_path), Maker()
    await blobs.put(KEY, broken)
    assert (await PromptCache(blobs).get(KEY, make)).data == SIGNED == await blobs.get(KEY)
    assert (await PromptCache(blobs).get(KEY, make)).data == SIGNED
    assert make.calls == 1


# Cleared...


@awaited
async def test_clear(audio: str, tmp_path: Path) -> None:
    """The prompts of one voice, or of all, are deleted from memory and from the store; their number is
    returned.
    """
    blobs = open_blobs(audio, tmp_path)
    cache, make = PromptCache(blobs), Maker()
    other = path(replace(PROFILE, id=f"{PROFILE.id}0"), INFO, "mimic")
    for key in (KEY, path(PROFILE, INFO, "mimic-xl"), other):
        await cache.get(key, make)
    assert await cache.clear(PROFILE.id) == 2
    assert await blobs.keys("prompts/") == [other]
    await cache.get(other, make)
    assert make.calls == 3
    await cache.get(KEY, make)
    assert make.calls == 4
    assert await cache.clear() == 2
    assert await blobs.keys("") == []
    assert await cache.clear() == 0


async def cleared(cache: PromptCache, asked: Awaitable[Prompt], go_on: Callable[[], None]) -> None:
    """Clear while a prompt is being computed or written; the waiting request gets it all the same."""
    await cache.clear(PROFILE.id)
    go_on()
    assert (await asked).data == SIGNED


@awaited
async def test_cleared_during_computation(audio: str, tmp_path: Path) -> None:
    """A prompt that is cleared during its computation is stored nowhere: neither in the store nor in memory."""
    blobs, make = open_blobs(audio, tmp_path), Maker(open=False)
    cache = PromptCache(blobs)
    asked = asyncio.create_task(cache.get(KEY, make))
    await make.began.wait()
    await cleared(cache, asked, make.may.set)
    assert await blobs.keys("") == []
    await cache.get(KEY, make)
    assert make.calls == 2


@awaited
async def test_cleared_during_the_write(tmp_path: Path) -> None:
    """A prompt that is cleared while it is being written is not stored either."""
    blobs = in_folder(tmp_path)
    late, make = Late(blobs), Maker()
    cache = PromptCache(late)  # type: ignore[arg-type]
    asked = asyncio.create_task(cache.get(KEY, make))
    await late.began.wait()
    await cleared(cache, asked, late.may.set)
    assert await blobs.keys("") == []
    await cache.get(KEY, make)
    assert make.calls == 2


@awaited
async def test_requested_again_during_a_cleared_computation(tmp_path: Path) -> None:
    """A request after the clearing does not get the prompt whose computation began before."""
    blobs, old, new = in_folder(tmp_path), Maker(open=False), Maker(save({"new": np.ones(3)}))
    cache = PromptCache(blobs)
    before = asyncio.create_task(cache.get(KEY, old))
    await old.began.wait()
    await cache.clear(PROFILE.id)
    after = await cache.get(KEY, new)
    old.may.set()
    assert (await before).data == SIGNED
    assert after.data == signed(new.data) == await blobs.get(KEY)
    assert await cache.get(KEY, new) is after


@awaited
async def test_a_cleared_computation_ends_before_the_new_one(tmp_path: Path) -> None:
    """A cleared computation that ends first does not affect the one that began after the clearing: that is
    stored, and computed once.
    """
    blobs, old, new = in_folder(tmp_path), Maker(open=False), Maker(save({"new": np.ones(3)}), open=False)
    cache = PromptCache(blobs)
    before = asyncio.create_task(cache.get(KEY, old))
    await old.began.wait()
    await cache.clear(PROFILE.id)
    after = asyncio.create_task(cache.get(KEY, new))
    await new.began.wait()
    old.may.set()
    await before
    later = asyncio.create_task(cache.get(KEY, new))
    new.may.set()
    assert await after is await later
    assert (await after).data == await blobs.get(KEY)
    assert new.calls == 1


@awaited
async def test_another_voices_prompts_are_cleared(tmp_path: Path) -> None:
    """A prompt that is being computed is stored though another voice's prompts are cleared."""
    blobs, make = in_folder(tmp_path), Maker(open=False)
    cache = PromptCache(blobs)
    asked = asyncio.create_task(cache.get(KEY, make))
    await make.began.wait()
    await cache.clear("voice_other")
    make.may.set()
    await asked
    assert await blobs.keys("") == [KEY]
    await cache.get(KEY, make)
    assert make.calls == 1


# In memory...


@awaited
async def test_memory_is_bounded(tmp_path: Path) -> None:
    """Beyond the limit of bytes the least recently used prompts are dropped from memory; the store still has
    them.
    """
    blobs = in_folder(tmp_path)
    cache, make = PromptCache(blobs, 3 * len(SIGNED)), Maker()
    keys = [f"prompts/voice/mimic/{number}" for number in range(4)]
    for key in (*keys[:3], keys[0], keys[3]):
        await cache.get(key, make)
    await blobs.delete(keys)
    for key in (keys[0], keys[2], keys[3]):
        await cache.get(key, make)
    assert make.calls == 4
    await cache.get(keys[1], make)
    assert make.calls == 5


@awaited
async def test_a_prompt_larger_than_the_memory(tmp_path: Path) -> None:
    """A prompt that is larger than the whole memory is held alone: it is the one in use."""
    blobs, make = in_folder(tmp_path), Maker()
    cache = PromptCache(blobs, 10)
    for key in ("prompts/voice/mimic/1", "prompts/voice/mimic/2"):
        assert await cache.get(key, make) is await cache.get(key, make)
    assert make.calls == 2
