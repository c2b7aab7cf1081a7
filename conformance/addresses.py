"""The address of a server as people type it: with or without a scheme and /v1, at times with more behind."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx2 as httpx

VERSION = "/v1"
THERE = (200, 401, 403)
"""statuses of a list of models that is there"""
TIMEOUT = 10.0
"""seconds"""


def cleaned(url: str) -> str:
    """Return a base URL without what does not belong to it: `http://localhost:8000/v1` of
    `localhost:8000/v1/`, and of `http://localhost:8000/v1/audio/speech?x`. Raises ValueError.
    """
    typed = url.strip()
    parts = urlsplit(typed if "://" in typed else f"http://{typed}")
    if not parts.netloc:
        raise ValueError("there is no host in it")
    path = "/".join(filter(None, parts.path.split("/")))
    base = f"/{path}/".partition("/audio/")[0].rstrip("/")
    return f"{parts.scheme}://{parts.netloc}{base.removesuffix('/models')}"


def find_base_url(url: str, api_key: str | None = None) -> str | None:
    """Return the base URL below which a server lists its models: with /v1 where that was left out, as typed
    where nothing is found. None where nobody answers.
    """
    try:
        base = cleaned(url)
        candidates = [base] if base.endswith(VERSION) else [f"{base}{VERSION}", base]
        headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
        for candidate in candidates:
            answer = httpx.get(f"{candidate}/models", timeout=TIMEOUT, headers=headers, follow_redirects=True)
            if answer.status_code in THERE:
                return candidate
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return base
