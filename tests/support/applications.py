"""The application in this process, for tests of what it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Litestar

from engines.fleet.runtime import Engines
from engines.settings import WorkerSettings
from gateway.app import create_app
from gateway.config.settings import LogSettings, Settings
from gateway.http.drain import Drain
from gateway.models.manager import make_manager
from gateway.observability import logging
from gateway.observability.metrics import Metrics
from gateway.security.keys import KeyStore


def application(folder: Path, **settings: Any) -> Litestar:
    """Return the application as it is composed, without engines, and not running."""
    log = logging.configure(LogSettings(level="error"))
    engines = Engines({}, WorkerSettings(), log=lambda *_, **__: None)
    chosen = Settings(data_dir=str(folder), **settings)
    middleware = create_app(
        chosen,
        keys=KeyStore(folder / "keys.json"),
        engines=engines,
        drain=Drain(),
        log=log,
        metrics=Metrics(engines.statuses, "0"),
        manager=make_manager(chosen, engines, log),
    )
    inner = vars(middleware)["_app"]
    assert isinstance(inner, Litestar)
    return inner
