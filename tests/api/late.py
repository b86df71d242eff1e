"""Writes that a network holds back (tests/api/wire.py: Holding): which they are, and who sends them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from flipgate.core.values.sides import Side
from flipgate.steps.acting.world import World
from tests.api.shop import Shop
from tests.api.wire import Holding, serving

Holds = Callable[[str, str, bytes], bool]


@contextmanager
def behind(shop: Shop, network: Holding, tmp_path: Path) -> Iterator[World]:
    """The pipelines' worker, behind that network."""
    with serving(network, tmp_path) as cluster:
        yield shop.world("worker", cluster)


def stamps_of(side: Side) -> Holds:
    """Writes of a side's workloads that change nothing but their stamps."""
    return lambda _, path, body: f"-{side}/deployments/" in path and b"/spec/" not in body and b'"spec"' not in body


def workloads_of(side: Side) -> Holds:
    return lambda _, path, body: f"-{side}/deployments/" in path


def routes(_: str, path: str, body: bytes) -> bool:
    return "/ingressroutes/" in path
