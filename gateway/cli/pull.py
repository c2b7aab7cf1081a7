"""The command `voicebox models pull`: by the server that runs, which has the model ready then, else here."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator

import aiohttp
import msgspec

from gateway.cli import models, output, remote
from gateway.cli.model_server import MODELS_PATH, model_server, tell_whether_allowed
from gateway.cli.output import Failure
from gateway.cli.remote import Refused, ServerClient

POLL_SECONDS = 0.5
PROBE_SECONDS = 60.0
"""a server answers within these, or does not do this work"""


class PullEvent(msgspec.Struct):
    """The fields that are read of a pull's events."""

    model: str
    state: str
    done: int = 0
    total: int = 0
    error: str = ""
    code: str = ""


class ModelAnswer(msgspec.Struct):
    """The fields that are read of a model."""

    name: str
    """for people"""
    licence: str
    repo: str
    gated: bool
    state: str
    reason: str = ""


def run(args: Namespace) -> int:
    """Pull a model, and return when it can be used."""
    status = remote.run(_by_server(args))
    return models.pull(args) if status is None else status


async def _by_server(args: Namespace) -> int | None:
    """Have the running server pull a model; None where none does that for us."""
    async with model_server(args) as server:
        if server is None:
            return None
        try:
            model = await _model(server, args.name)
        except (Refused, msgspec.ValidationError) as exc:
            if isinstance(exc, Refused):
                tell_whether_allowed(exc, args, "pulling")
            return None
        gated = ", gated" if model.gated else ""
        output.print_note(
            f"{model.name}: {model.licence}, {model.repo}{gated}; pulled by the server at {server.url}"
        )
        return await _pull(server, args, is_under_way=model.state == "pulling")


async def _pull(server: ServerClient, args: Namespace, *, is_under_way: bool) -> int:
    """Begin or join a pull, follow it, and wait until the model can be used."""
    query = f"?source={args.source}" if args.source else ""
    try:
        await server.send("POST", f"{MODELS_PATH}/{args.name}/pull{query}")
        event = await _follow(server, args.name)
    except asyncio.CancelledError:
        await _interrupted(server, args.name, is_under_way=is_under_way)
        raise
    if event.state == "failed":
        raise Failure(event.error or "the pull failed")
    if event.model != args.name:
        output.print_note(f"{event.model} was pulled in place of {args.name}; it is served by both names")
    return await _until_usable(server, event.model)


async def _follow(server: ServerClient, name: str) -> PullEvent:
    """Show how far a pull is, and return its last event."""
    last: PullEvent | None = None
    with output.progress(name) as show_progress:
        async with server.request("GET", f"{MODELS_PATH}/{name}/progress") as response:
            async for event in _events(response):
                show_progress(event.done, event.total or None)
                last = event
    if last is None or last.state not in ("done", "failed"):
        raise Failure("the server stopped telling how far the pull is. Was it stopped? Pull again to go on")
    return last


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[PullEvent]:
    """Yield the events of a stream of them."""
    async for line in response.content:
        data = line.strip().removeprefix(b"data:").strip()
        if line.startswith(b"data:") and data != b"[DONE]":
            yield msgspec.json.decode(data, type=PullEvent)


async def _interrupted(server: ServerClient, name: str, *, is_under_way: bool) -> None:
    """Stop the pull that this command began, and say how it goes on."""
    if is_under_way:
        output.print_note("the pull goes on in the server, where it was under way before this command")
        return
    async with asyncio.timeout(PROBE_SECONDS):
        await server.send("POST", f"{MODELS_PATH}/{name}/cancel")
    output.print_note(models.stopped(name))


async def _until_usable(server: ServerClient, name: str) -> int:
    """Wait until a model has been loaded, or will be when it is wanted; return 1 where it cannot be used."""
    with output.waiting(f"loading {name}"):
        while (model := await _model(server, name)).state in ("pulling", "starting"):  # noqa: ASYNC110 - its state
            await asyncio.sleep(POLL_SECONDS)
    if model.state == "ready":
        output.print_note(f"{name} is ready")
        return 0
    reason = f": {model.reason}" if model.reason else ""
    if model.state == "resting":
        output.print_note(f"{name} is here, and is loaded when it is asked for{reason}")
        return 0
    output.print_note(f"{name} is here, but cannot be used yet{reason}")
    return 1


async def _model(server: ServerClient, name: str) -> ModelAnswer:
    async with asyncio.timeout(PROBE_SECONDS):
        return msgspec.convert(await server.get(f"{MODELS_PATH}/{name}"), ModelAnswer)
