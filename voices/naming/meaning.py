"""What a voice's name means to a caller: the one place where that is decided, for names and for aliases'
targets.

A name means, in this order,

1. the custom voice of that id, or by `profile:` and its id or name;
2. a voice of the caller's own;
3. where an alias of the caller's own leads;
4. where an alias of the settings leads;
5. what engines understand: their presets, OpenAI's names, names of peers;
6. a voice that others share, then an alias that others made for everybody.

So what others do can give a meaning only to a name that has none; it never changes one. An alias's target is
looked for in the same order, but for the aliases made through the API, which are followed once. Without keys
everybody is one caller, and what anybody makes is everybody's own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec

from voices.naming import matching
from voices.naming.characters import is_openai_voice
from voices.profile import NameRecords, Profile
from voices.pronunciation import Entry

LookUp = Callable[[str], Awaitable[NameRecords]]
"""returns what is kept under a name, for the caller who asks"""
Source = Literal["id", "own", "alias", "settings", "engines", "shared", "common alias", "nothing"]
"""what gave a name its meaning, by the order above"""


class Meaning(msgspec.Struct, frozen=True):
    """What a name means: a custom voice, or a name that engines may know."""

    name: str
    """for the engines, where there is no custom voice; an alias of the settings is not followed in it"""
    profile: Profile | None = None
    source: Source = "nothing"
    words: tuple[Entry, ...] = ()
    """how the caller wants words said"""


async def find_meaning(
    name: str,
    look_up: LookUp,
    aliases: Mapping[str, str],
    is_understood: Callable[[str], bool],
    *,
    is_target: bool = False,
) -> Meaning:
    """Return what a name means, or, if `is_target`, what it means as the target of an alias.

    `aliases` are the settings'; `is_understood` tells whether engines, with these aliases, make anything of a
    name.
    """
    records = await look_up(name)
    if is_target:
        records = msgspec.structs.replace(records, alias=None, common_alias=None)
    meaning = await _meaning(name, records, look_up, aliases, is_understood)
    return msgspec.structs.replace(meaning, words=records.words)


def lasting_target(target: str, meaning: Meaning, caller: str) -> str:
    """Return the target under which an alias keeps meaning the same: another's voice goes by its id, since
    its owner may give its name to another voice.
    """
    profile = meaning.profile
    return profile.id if profile and profile.owner != caller else target


async def _meaning(
    name: str,
    records: NameRecords,
    look_up: LookUp,
    aliases: Mapping[str, str],
    is_understood: Callable[[str], bool],
) -> Meaning:
    if records.exact:
        return Meaning(name, records.exact, "id")
    if records.own:
        return Meaning(name, records.own, "own")
    if records.alias:
        led = await find_meaning(records.alias, look_up, aliases, is_understood, is_target=True)
        return msgspec.structs.replace(led, source="alias")
    meaning = await _without_aliases(name, records, look_up, aliases, is_understood)
    if meaning.source == "nothing" and records.common_alias:
        led = await find_meaning(records.common_alias, look_up, aliases, is_understood, is_target=True)
        return msgspec.structs.replace(led, source="common alias")
    return meaning


async def _without_aliases(
    name: str,
    records: NameRecords,
    look_up: LookUp,
    aliases: Mapping[str, str],
    is_understood: Callable[[str], bool],
) -> Meaning:
    """Return what a name means that is no voice of the caller's, apart from aliases made through the API."""
    target = matching.alias(name, aliases)
    if target:
        records = await look_up(target)
        if profile := records.exact or records.own:
            return Meaning(name, profile, "settings")
    if is_understood(name) or is_openai_voice(target or name):
        return Meaning(name, source="settings" if target else "engines")
    if records.shared:
        return Meaning(name, records.shared, "settings" if target else "shared")
    return Meaning(name)
