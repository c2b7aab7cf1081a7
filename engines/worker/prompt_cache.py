"""The voice prompts that a worker keeps, so that each crosses the wire once and is opened once."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from engines.api.prompt_file import prompt_id
from engines.errors import BadInput, MissingPrompt
from engines.wire.bodies import VoicePromptField

MAX_BYTES = 256 * 1024 * 1024
"""of prompts, beyond which those that were not used for the longest time are dropped"""
OpenPrompt = Callable[[bytes], Any]
"""the engine's `open_prompt`"""


class HeldPrompt:
    """A prompt that a worker keeps: its bytes until it is opened, and then what the engine made of them."""

    def __init__(self, name: str, data: bytes, open_prompt: OpenPrompt) -> None:
        self.id = name
        self.size = len(data)
        """bytes; what an engine makes of them takes about as many"""
        self._data = data
        self._open_prompt = open_prompt
        self._opened: Any = None
        self._is_open = False
        self._lock = threading.Lock()

    def open(self) -> Any:  # noqa: ANN401 - each engine has its own
        """Return what the engine makes of the prompt, in its thread. Raises what the engine raises."""
        with self._lock:
            if not self._is_open:
                self._opened = self._open_prompt(self._data)
                self._is_open = True
                self._data = b""
            return self._opened


class PromptCache:
    """Prompts by id, `limit` bytes of them at most; the newest always stays."""

    def __init__(self, open_prompt: OpenPrompt, limit: int = MAX_BYTES) -> None:
        self._open_prompt = open_prompt
        self._limit = limit
        self._prompts: OrderedDict[str, HeldPrompt] = OrderedDict()
        """the one that was not used for the longest time first"""
        self._size = 0

    def add(self, data: bytes) -> HeldPrompt:
        """Keep a prompt, and return it with its id."""
        name = prompt_id(data)
        if name not in self._prompts:
            self._prompts[name] = HeldPrompt(name, data, self._open_prompt)
            self._size += len(data)
        prompt = self._prompts[name]
        self._prompts.move_to_end(name)
        while self._size > self._limit and len(self._prompts) > 1:
            self._size -= self._prompts.popitem(last=False)[1].size
        return prompt

    def resolve(self, field: VoicePromptField) -> HeldPrompt | None:
        """Return the prompt that a job brings or names; None when it does neither.

        Raises BadInput or MissingPrompt.
        """
        if field.safetensors is not None:
            return self._add_field(field)
        if field.id is None:
            return None
        if not isinstance(field.id, str):
            raise BadInput("`voice_prompt.id` should be a string.", param="voice_prompt")
        if field.id not in self._prompts:
            raise MissingPrompt("The worker does not hold this voice prompt.")
        self._prompts.move_to_end(field.id)
        return self._prompts[field.id]

    def _add_field(self, field: VoicePromptField) -> HeldPrompt:
        try:
            prompt = self.add(base64.b64decode(str(field.safetensors), validate=True))
        except ValueError as exc:
            raise BadInput("`voice_prompt.safetensors` should be base64.", param="voice_prompt") from exc
        if field.id not in (None, prompt.id):
            raise BadInput("`voice_prompt.id` is not the SHA-256 of its safetensors.", param="voice_prompt")
        return prompt
