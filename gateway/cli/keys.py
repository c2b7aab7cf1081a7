"""The commands `voicebox keys create`, `list` and `revoke`."""

from __future__ import annotations

import os
import re
from argparse import Namespace
from datetime import UTC, date, datetime, time, timedelta

from gateway.cli import output, tables
from gateway.config import load
from gateway.security.keys import Key, KeyStore, key_file

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def create(args: Namespace) -> int:
    """Create a key and print it, this once."""
    expires = parse_expiry(args.expires, datetime.now(UTC)) if args.expires else None
    key, secret = _store(args).create(args.name, expires)
    if args.json:
        output.print_json({**_public(key), "key": secret})
    else:
        output.print_note(
            f"this is the key {key.name!r}. It is shown once and kept nowhere; {_validity(key)}."
        )
        print(secret)
    return 0


def show(args: Namespace) -> int:
    """Print the keys, without their secrets."""
    keys = _store(args).list()
    if args.json:
        output.print_json([_public(key) for key in keys])
    else:
        rows = [(key.name, key.id, f"…{key.ending}", _day(key.created), _validity(key)) for key in keys]
        empty = "there is no key; `voicebox keys create NAME` makes one"
        tables.print_table(("name", "id", "ends in", "made", "good"), rows, empty=empty)
    return 0


def revoke(args: Namespace) -> int:
    """Revoke a key."""
    store = _store(args)
    key = store.revoke(args.name)
    if args.json:
        output.print_json(_public(key))
    else:
        output.print_note(f"the key {key.name!r} is good no more.")
        if not store.list():
            output.print_note(
                "no key is left, and every call is refused."
                f" To serve without keys, delete {store.path} and restart."
            )
    return 0


def parse_expiry(text: str, now: datetime) -> datetime:
    """Return when a key expires: `30d` and the like count from now, a date means its end, in UTC.

    Raises Failure.
    """
    if span := re.fullmatch(r"([1-9]\d{0,6})([mhdw])", text.strip()):
        try:
            return now + timedelta(**{UNITS[span[2]]: int(span[1])})
        except OverflowError as exc:
            raise output.Failure(f"{text!r} is further away than the calendar goes", 2) from exc
    try:
        return datetime.combine(date.fromisoformat(text.strip()), time.min, UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as exc:
        raise output.Failure(
            f"{text!r} is no time: give 90m, 12h, 30d, 8w, or a date like 2027-06-30", 2
        ) from exc


def _store(args: Namespace) -> KeyStore:
    return KeyStore(key_file(load.load(args.config, os.environ, {})))


def _public(key: Key) -> dict[str, object]:
    """Return what may be shown of a key."""
    return {
        "id": key.id,
        "name": key.name,
        "ending": key.ending,
        "created": key.created,
        "expires": key.expires,
        "expired": key.expired(),
    }


def _validity(key: Key) -> str:
    if key.expires is None:
        return "until revoked"
    return f"{'expired' if key.expired() else 'until'} {_day(key.expires)}"


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
