"""The command `voicebox models delete`: by the server that runs, as it has the model in memory, else here."""

from __future__ import annotations

from argparse import Namespace

from gateway.cli import models, output, remote
from gateway.cli.model_server import MODELS_PATH, NOT_ALLOWED, model_server, tell_whether_allowed
from gateway.cli.remote import Refused

NOT_FOUND = 404


def run(args: Namespace) -> int:
    """Delete a model's files."""
    freed = None if args.force else remote.run(_by_server(args))
    if freed is None:
        freed = models.delete(args)
    output.print_note(f"{models.megabytes(freed) or '0 MB'} freed")
    return 0


async def _by_server(args: Namespace) -> int | None:
    """Have the running server delete a model, and return the bytes freed; None where none does that for us.

    Raises Failure, also while the model speaks.
    """
    async with model_server(args) as server:
        if server is None:
            return None
        try:
            freed = (await server.send("DELETE", f"{MODELS_PATH}/{remote.quoted(args.name)}"))["freed"]
        except Refused as exc:
            tell_whether_allowed(exc, args, "deleting")
            if exc.http_status in (*NOT_ALLOWED, NOT_FOUND):
                return None
            raise
        return int(freed)
