"""The schedule of an engine: the order in which jobs that wait get its workers' slots.

A job is one segment of a stream. The order: jobs of a stream whose player is about to run dry; else round and
round over callers, and over each caller's streams; then those whose players have plenty in hand; then batch
requests, which get one slot in eight all the same. Among several free slots, one on the worker that the
stream stays with is used, else one on a worker that holds the job's voice prompt, else one on a worker with
the least work. A job that some workers have sent elsewhere has had its turn: it gets the first slot of
another one.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from engines.fleet.playback_gate import EngineLoad
from engines.fleet.round_robin import RoundRobin
from engines.fleet.slots import LocalSlot
from engines.fleet.streams import StreamNeed

URGENT_SECONDS = 2.0
"""a stream with less audio in hand than this goes first"""
URGENT_IN_A_ROW = 3
"""then one other gets a slot: an engine slower than speech would serve nobody else"""
PLENTY_SECONDS = 10.0
"""a stream with more audio in hand than this can wait for those that have less"""
BATCH_SHARE = 8
"""of so many slots, one goes to a batch request"""
PROMPTS_REMEMBERED = 1000
"""voice prompts of which it is remembered that a worker has them; it may have dropped some"""
DECAY = 0.98
"""of what is known of the engine's pace, with each job"""

SlotT = TypeVar("SlotT", bound=LocalSlot)


class WaitingJob(msgspec.Struct, Generic[SlotT], eq=False):
    """A job that waits for a slot."""

    need: StreamNeed
    future: asyncio.Future[SlotT]
    queue: RoundRobin[WaitingJob[SlotT]]
    prompt: str = ""
    """id of its voice prompt"""
    fits: Callable[[SlotT], bool] | None = None
    """tells which slots it may have, where that is not any"""

    def may_have(self, slot: SlotT) -> bool:
        """Return whether it may have a slot."""
        return self.fits is None or self.fits(slot)


def slower(*capacities: float) -> float:
    """Return the least of capacities, of which those that are not known are 0; 0 where none is known."""
    return min(filter(None, capacities), default=0.0)


class Schedule(Generic[SlotT]):
    """Hands out slots; `offer` and `withdraw` say which there are. `changed` is called when one came free."""

    def __init__(self, changed: Callable[[], None] = lambda: None) -> None:
        self._changed = changed
        self._free: list[SlotT] = []
        self._load: Counter[object] = Counter()
        self._prompts: dict[object, OrderedDict[str, None]] = {}
        """for each worker the ids of the prompts that it was last given"""
        self._interactive: RoundRobin[WaitingJob[SlotT]] = RoundRobin()
        self._plenty: RoundRobin[WaitingJob[SlotT]] = RoundRobin()
        self._batch: RoundRobin[WaitingJob[SlotT]] = RoundRobin()
        self._urgent: list[tuple[float, int, WaitingJob[SlotT]]] = []
        self._sent_elsewhere: list[WaitingJob[SlotT]] = []
        """jobs that not every worker may have"""
        self._order = itertools.count()
        self._urgent_in_a_row = 0
        self._since_batch = 0
        self._busy_seconds = 0.0
        self._made_seconds = 0.0
        self._jobs = 0.0
        self.running = 0

    @property
    def queued(self) -> int:
        """The number of jobs that wait."""
        return len(self._sent_elsewhere) + len(self._interactive) + len(self._plenty) + len(self._batch)

    @property
    def slots(self) -> int:
        """The number of jobs that can run at once."""
        return self.running + len(self._free)

    def capacity(self) -> float:
        """Estimate how many seconds of audio can be made in a second; 0 while nothing is known."""
        return self.slots * self._made_seconds / self._busy_seconds if self._busy_seconds else 0.0

    def job_seconds(self) -> float:
        """Estimate how long a job takes; 0 while nothing is known."""
        return self._busy_seconds / self._jobs if self._jobs else 0.0

    def job_audio(self) -> float:
        """Estimate how many seconds of audio a job makes; 0 while nothing is known."""
        return self._made_seconds / self._jobs if self._jobs else 0.0

    def load(self, encoding: float) -> EngineLoad:
        """Return what the engine can do and has to do; `encoding` is what the encoders can."""
        seconds, audio = self.job_seconds(), self.job_audio()
        return EngineLoad(self.capacity(), self.queued, self.slots, seconds, audio, encoding)

    async def acquire(
        self, need: StreamNeed, prompt: str = "", fits: Callable[[SlotT], bool] | None = None
    ) -> SlotT:
        """Wait for a slot, and return it; `prompt` is the id of the job's voice prompt, `fits` tells which
        slots it may have.
        """
        job: WaitingJob[SlotT] = WaitingJob(
            need, asyncio.get_running_loop().create_future(), self._queue(need), prompt, fits
        )
        in_turn = len(self._interactive) + len(self._plenty) + len(self._batch)
        if any(map(job.may_have, self._free)) and (fits or not in_turn):
            return self._take_slot(job)
        self._add(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            self._abandon(job)
            raise

    def release(self, slot: SlotT, *, usable: bool, seconds: float, made: float) -> None:
        """End a job that took `seconds` and made so many seconds of audio."""
        self._return_slot(slot)
        self._busy_seconds = DECAY * self._busy_seconds + seconds
        self._made_seconds = DECAY * self._made_seconds + made
        self._jobs = DECAY * self._jobs + 1
        if usable:
            self.offer(slot)

    def offer(self, slot: SlotT) -> None:
        """Add a free slot, which the next job gets."""
        self._free.append(slot)
        self._hand_out()
        self._changed()

    def withdraw(self, gone: Callable[[SlotT], bool]) -> None:
        """Remove free slots; jobs that hold one keep it until they end."""
        for slot in filter(gone, self._free):
            self._prompts.pop(slot.worker, None)
        self._free = [slot for slot in self._free if not gone(slot)]

    def fail(self, error: Exception) -> None:
        """Raise an error in every job that waits."""
        sent_elsewhere, self._sent_elsewhere = self._sent_elsewhere, []
        for job in sent_elsewhere:
            if not job.future.done():
                job.future.set_exception(error)
        while next_job := self._next_live():
            next_job.future.set_exception(error)

    def _hand_out(self) -> None:
        """Give free slots to jobs that wait."""
        for job in list(self._sent_elsewhere):
            if not job.future.done() and any(map(job.may_have, self._free)):
                self._sent_elsewhere.remove(job)
                job.future.set_result(self._take_slot(job))
        while self._free and (next_job := self._next_live()):
            next_job.future.set_result(self._take_slot(next_job))

    def _return_slot(self, slot: SlotT) -> None:
        self.running -= 1
        self._load[slot.worker] -= 1
        if not self._load[slot.worker]:
            del self._load[slot.worker]

    def _take_slot(self, job: WaitingJob[SlotT]) -> SlotT:
        need = job.need
        free = [one for one in self._free if job.may_have(one)]
        home = [one for one in free if need.stays and one.worker is need.home]
        holders = [one for one in free if job.prompt in self._prompts.get(one.worker, ())]
        free = home or holders or free
        least = min(self._load[one.worker] for one in free)
        # at random: a worker that answers nobody is free most often, and must not be the first each time
        slot = random.choice([one for one in free if self._load[one.worker] == least])  # noqa: S311
        self._free.remove(slot)
        self._note_prompt(slot.worker, job.prompt)
        need.home = slot.worker if need.stays else None
        self._load[slot.worker] += 1
        self.running += 1
        return slot

    def _note_prompt(self, worker: object, prompt: str) -> None:
        """Note that a worker holds a prompt from now on."""
        if prompt:
            held = self._prompts.setdefault(worker, OrderedDict())
            held[prompt] = None
            held.move_to_end(prompt)
            if len(held) > PROMPTS_REMEMBERED:
                held.popitem(last=False)

    def _add(self, job: WaitingJob[SlotT]) -> None:
        need = job.need
        if job.fits:
            self._sent_elsewhere.append(job)
            return
        job.queue.add(need.terms.caller, need.number, job)
        if not need.terms.batch and need.begun:
            heapq.heappush(self._urgent, (_dry_at(need), next(self._order), job))

    def _abandon(self, job: WaitingJob[SlotT]) -> None:
        """Drop a job that was cancelled; the slot it may have been given goes to another."""
        if job in self._sent_elsewhere:
            self._sent_elsewhere.remove(job)
        elif not job.fits:
            job.queue.remove(job.need.terms.caller, job.need.number, job)
        future = job.future
        if future.done() and not future.cancelled() and not future.exception():
            slot = future.result()
            self._return_slot(slot)
            if slot.valid:  # its worker may have died meanwhile, and nobody would withdraw it again
                self.offer(slot)

    def _queue(self, need: StreamNeed) -> RoundRobin[WaitingJob[SlotT]]:
        if need.terms.batch:
            return self._batch
        return self._plenty if need.slack(time.monotonic()) > PLENTY_SECONDS else self._interactive

    def _next_live(self) -> WaitingJob[SlotT] | None:
        """Remove and return the next job, skipping those that were cancelled a moment ago."""
        while (job := self._next()) and job.future.done():
            pass
        return job

    def _next(self) -> WaitingJob[SlotT] | None:
        if self._urgent_in_a_row < URGENT_IN_A_ROW and (urgent := self._most_urgent()):
            self._urgent_in_a_row += 1
            urgent.queue.remove(urgent.need.terms.caller, urgent.need.number, urgent)
            return urgent
        self._urgent_in_a_row = 0
        live = self._interactive or self._plenty
        if self._batch and (not live or self._since_batch >= BATCH_SHARE - 1):
            self._since_batch = 0
            return self._batch.pop()
        self._since_batch += bool(self._batch)
        return live.pop() if live else None

    def _most_urgent(self) -> WaitingJob[SlotT] | None:
        """Return the job whose player runs dry first, if it does so soon."""
        now = time.monotonic()
        while self._urgent and (
            self._urgent[0][2].future.done() or self._urgent[0][0] < now + URGENT_SECONDS
        ):
            _, _, job = heapq.heappop(self._urgent)
            if job.future.done():
                continue
            if job.need.slack(now) < URGENT_SECONDS:
                return job
            heapq.heappush(self._urgent, (now + job.need.slack(now), next(self._order), job))
        return None


def _dry_at(need: StreamNeed) -> float:
    """Return the moment at which a stream's player runs dry."""
    now = time.monotonic()
    return now + need.slack(now)
