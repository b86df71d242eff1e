"""What tests of steps share: shops of other shapes, a record that cannot be read, a refusal, and users who complain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from flipgate.adapters.cluster import Cluster
from flipgate.cli import cli
from flipgate.core.record.phases import QuestionKind
from flipgate.core.record.record import Decision
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.going_back.way_back import RolledBack
from flipgate.steps.releasing.questions import decide, pose
from tests.api.shop import GREEN, Shop, meanwhile
from tests.core.builders import ANA
from tests.repeating import until

SCALE_DOWN = QuestionKind.SCALE_DOWN
Install = Callable[..., Shop]
"""`Shop.install` on the tests' API server: the fixture `install`."""


def until_served(cluster: Cluster, path: str) -> None:
    """Waits until the API server serves this kind, whose CRD it was given."""

    def served() -> bool:
        try:
            return bool(cluster.get(path, limit="1"))
        except FlipgateError:
            return False

    until(served, why=f"{path} is not served")


@contextmanager
def unreadable(shop: Shop, text: str = "garbled") -> Iterator[None]:
    """The record cannot be read while the block works, and stands as it did after it."""
    readable = shop.record_text()
    shop.write_record(text)
    yield
    shop.write_record(readable)


def refusing(reason: str, match: str | None = None) -> pytest.RaisesExc[Refused]:
    """Expects a refusal for this reason, which says what matches."""
    return pytest.raises(Refused, match=match, check=lambda refused: refused.reason == reason)


def users_complain(
    shop: Shop, waiting: Callable[[], object] | None = None, *, cluster: Cluster | None = None, **how: Any
) -> RolledBack:
    """Ana rolls back, and this happens each time she waits: `shop.play_all_ready`, where pods do as they should."""
    ana = shop.world("ana", cluster)
    return roll_back(meanwhile(ana, waiting) if waiting else ana, "users complain", by="ana", **how)


def approved(world: World, kind: QuestionKind = QuestionKind.FLIP) -> None:
    """Ana's yes to what she is asked about."""
    pose(world, kind, [])
    decide(world, Decision.APPROVE, by=ANA, via="cli", reason="as agreed")


def later(world: World, seconds: float) -> World:
    """The same world, so many seconds from now."""
    return replace(world, now=lambda: utc_now() + timedelta(seconds=seconds))


def status(shop: Shop, *more: str) -> str:
    """What `flipgate status` prints."""
    where = ["--kubeconfig", str(shop.kubeconfig), "-n", shop.own]
    return CliRunner().invoke(cli, ["status", *more, *where], prog_name="flipgate").stdout


def read_settings(shop: Shop) -> str:
    """Has green's `web` read a ConfigMap, `settings`; its path."""
    path = f"/api/v1/namespaces/{shop.namespace(GREEN)}/configmaps"
    shop.cluster.create(path, {"metadata": {"name": "settings"}, "data": {"limit": "5"}})
    env = [{"configMapRef": {"name": "settings"}}]
    shop.patch(f"{shop.deployments(GREEN)}/web", ("add", "/spec/template/spec/containers/0/envFrom", env))
    return f"{path}/settings"
