"""Language tags (BCP-47, RFC 5646), read in the spellings that people and programs use.

`langcodes` knows the registry: old codes, three-letter codes, macrolanguages. It is imported when it is first
needed, since a worker in an environment that an earlier version made does not have it.
"""

from __future__ import annotations

import re

TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,7}")


def primary_language(tag: str) -> str:
    """Return a tag's first subtag in lower case: `pt` of `pt-BR` and `PT_br`, nothing of nothing."""
    return tag.strip().casefold().replace("_", "-").partition("-")[0]


def standard_tag(tag: str) -> str:
    """Return the standard form of a tag: `pt-BR` of `pt_br`, `de` of `ger`, `he` of `iw`, `zh` of `cmn`.

    Raises ValueError for what is no tag by its form. A well-formed tag that nobody registered stays as it is.
    """
    import langcodes

    return langcodes.standardize_tag(tag, macro=True)


def is_tag(value: str) -> bool:
    """Tell whether a value has the form of a tag: subtags of letters and digits, the first of letters
    alone.
    """
    return TAG.fullmatch(value) is not None
