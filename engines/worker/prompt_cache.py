"""The voice prompts that a worker keeps, so that each crosses the wire once."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict

from engines.api import Prompt
from engines.errors import BadInput, MissingPrompt
from engines.wire.bodies import VoicePromptField, prompt_id

MAX_BYTES = 256 * 1024 * 1024
"""of prompts, beyond which those that were not used for the longest time are dropped"""


class PromptCache:
    """Prompts by id, `limit` bytes of them at most; the newest always stays."""

    def __init__(self, limit: int = MAX_BYTES) -> None:
        self._limit = limit
        self._prompts: OrderedDict[str, Prompt] = OrderedDict()
        """the one that was not used for the longest time first"""
        self._size = 0
        self._lock = threading.Lock()

    def add(self, data: bytes) -> Prompt:
        """Keep a prompt, and return it with its id."""
        prompt = Prompt(prompt_id(data), data)
        with self._lock:
            if prompt.id not in self._prompts:
                self._prompts[prompt.id] = prompt
                self._size += len(data)
            self._prompts.move_to_end(prompt.id)
            while self._size > self._limit and len(self._prompts) > 1:
                self._size -= len(self._prompts.popitem(last=False)[1].data)
        return prompt

    def resolve(self, field: VoicePromptField) -> Prompt | None:
        """Return the prompt that a job brings or names; None when it does neither.

        Raises BadInput or MissingPrompt.
        """
        if field.safetensors is not None:
            return self._add_field(field)
        if field.id is None:
            return None
        if not isinstance(field.id, str):
            raise BadInput("`voice_prompt.id` should be a string.", param="voice_prompt")
        with self._lock:
            if field.id not in self._prompts:
                raise MissingPrompt("The worker does not hold this voice prompt.")
            self._prompts.move_to_end(field.id)
            return self._prompts[field.id]

    def _add_field(self, field: VoicePromptField) -> Prompt:
        try:
            prompt = self.add(base64.b64decode(str(field.safetensors), validate=True))
        except ValueError as exc:
            raise BadInput("`voice_prompt.safetensors` should be base64.", param="voice_prompt") from exc
        if field.id not in (None, prompt.id):
            raise BadInput("`voice_prompt.id` is not the SHA-256 of its safetensors.", param="voice_prompt")
        return prompt
