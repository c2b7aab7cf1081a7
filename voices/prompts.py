"""The cache of voice prompts: an engine's computed form of a voice, in safetensors, computed once.

A prompt is named by what it was made of: the samples, their words and, where it matters, their language, the
engine, its version, and its model.
A change of any of them makes another name, and what is kept under the old one is not used again. The file's
header carries a SHA-256 of the rest; one that is cut off, or damaged, or not there is made anew.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from engines.api import CloningCapabilities, EngineInfo, Prompt
from engines.api.prompt_file import NoPromptFile, is_whole, prompt_id, signed
from engines.errors import EngineFailed
from voices.profile import Profile
from voices.storage.blobs import Blobs

FOLDER = "prompts"
MEMORY_BYTES = 64 * 1024 * 1024
"""of prompts that are kept in memory too"""


def path(profile: Profile, info: EngineInfo, model: str) -> str:
    """Return the key of the prompt of a voice for an engine and one of its models."""
    cloning = info.speech.cloning if info.speech else None
    sources = [
        (sample.prepared, sample.sha256, sample.trimmed, sample.transcript) for sample in profile.samples
    ]
    made_of = msgspec.json.encode(
        [sources, info.name, info.version, model, _terms(cloning), *_language(profile, cloning)]
    )
    return f"{FOLDER}/{profile.id}/{info.name}/{hashlib.sha256(made_of).hexdigest()}.safetensors"


def _terms(cloning: CloningCapabilities | None) -> dict[str, Any] | None:
    """Return what of an engine's terms a prompt depends on, as keys have always had it: of other terms, or in
    another order, all prompts would be made anew.
    """
    if cloning is None:
        return None
    return {
        "sample_rate": cloning.sample_rate,
        "version": cloning.version,
        "longest": cloning.longest,
        "transcript": cloning.transcript != "no",
    }


def _language(profile: Profile, cloning: CloningCapabilities | None) -> tuple[str, ...]:
    """Return the language of a voice's samples, where an engine clones some languages only: what it hears in
    them depends on it.
    """
    return profile.languages[:1] if cloning and cloning.languages else ()


class PromptCache:
    """Prompts from memory, from the store of recordings, or from whoever computes them."""

    def __init__(self, blobs: Blobs, held_bytes: int = MEMORY_BYTES) -> None:
        self._blobs = blobs
        self._limit = held_bytes
        self._held: OrderedDict[str, Prompt] = OrderedDict()
        self._making: dict[str, asyncio.Task[Prompt]] = {}
        self._running: set[asyncio.Task[Prompt]] = set()
        """also those that were forgotten: the loop alone does not hold them"""

    async def get(self, key: str, make: Callable[[], Awaitable[Prompt]]) -> Prompt:
        """Return a prompt; tasks that want the same one share one `make`. Raises what `make` raises."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key]
        if key not in self._making:
            task = asyncio.create_task(self._find_or_make(key, make))
            self._making[key] = task
            self._running.add(task)
            task.add_done_callback(functools.partial(self._done, key))
        return await asyncio.shield(self._making[key])

    async def clear(self, profile: str = "") -> int:
        """Delete the prompts of a voice, or all, and return how many there were. Tasks that wait for one
        still get it.
        """
        prefix = f"{FOLDER}/{profile}/" if profile else f"{FOLDER}/"
        known: tuple[dict[str, Any], ...] = (self._held, self._making)
        for prompts in known:
            for key in [key for key in prompts if key.startswith(prefix)]:
                del prompts[key]
        kept = await self._blobs.keys(prefix)
        await self._blobs.delete(kept)
        return len(kept)

    async def _find_or_make(self, key: str, make: Callable[[], Awaitable[Prompt]]) -> Prompt:
        data = await self._blobs.find(key)
        if data is None or not await asyncio.to_thread(is_whole, data):
            made = await make()
            try:
                data = await asyncio.to_thread(signed, made.data)
            except NoPromptFile as exc:
                raise EngineFailed(str(exc)) from exc
            if self._wanted(key):  # or it would outlive what it was made of
                await self._blobs.put(key, data)
                if not self._wanted(key):
                    await self._blobs.delete([key])
        prompt = Prompt(await asyncio.to_thread(prompt_id, data), data)
        if self._wanted(key):
            self._hold(key, prompt)
        return prompt

    def _wanted(self, key: str) -> bool:
        """Return whether the prompt that this task computes was not deleted meanwhile."""
        return self._making.get(key) is asyncio.current_task()

    def _done(self, key: str, task: asyncio.Task[Prompt]) -> None:
        self._running.discard(task)
        if self._making.get(key) is task:
            del self._making[key]

    def _hold(self, key: str, prompt: Prompt) -> None:
        self._held[key] = prompt
        while sum(len(held.data) for held in self._held.values()) > self._limit and len(self._held) > 1:
            self._held.popitem(last=False)
