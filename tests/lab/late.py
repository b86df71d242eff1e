"""The pipelines' worker behind a network that a test plays, on the lab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flipgate.adapters.store import Store
from flipgate.steps.acting.world import DEFAULT_NAMESPACE, World
from tests.api.wire import Through, serving
from tests.lab.stage import Stage


@contextmanager
def behind(stage: Stage, network: Through, folder: Path) -> Iterator[World]:
    """The pipelines' worker, behind that network."""
    with serving(network, folder) as cluster:
        store = Store(cluster, DEFAULT_NAMESPACE, stage.application)
        yield World(cluster, store, stage.world().application, "worker", say=print)
