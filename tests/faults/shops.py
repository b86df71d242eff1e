"""Copies of the example that live through one fault after another, with users all the time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any

import pytest

from flipgate.core.record.phases import Phase, works_in
from flipgate.core.record.pipelines import FLIP_TRAFFIC, RECONCILE
from flipgate.core.values.sides import Side
from flipgate.steps.going_back.live_side import restore_live_side
from flipgate.steps.going_back.recover import recover
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.dark_preview import dark_side, look_at_dark_preview
from flipgate.steps.looking.look import look
from flipgate.steps.moving.dark_preview import put_dark_preview_right
from flipgate.steps.moving.git_routes import put_routes_right
from flipgate.steps.releasing.settle import kept_too_long, rest_expired
from lab.control.records import Lab
from lab.load import Load
from lab.stories.example import Place
from tests.lab import runbook
from tests.lab.prefect_api import PATIENCE, TERMINAL, PrefectApi
from tests.lab.stage import SERVING, WORKERS, Edit, Stage, images, wait_until

POLICY: Mapping[str, Any] = {"soakSeconds": 3600, "keepFailedSeconds": 0, "bakeSeconds": 1}
SMOKE = {"template": {"spec": {"containers": [{"name": "smoke", "image": "busybox:1", "command": ["true"]}]}}}


def few_checks(document: dict[str, Any]) -> None:
    """Two checks, and previews: each entry of the journal is written, in little time."""
    spec = document["spec"]
    health = next(check for check in spec["checks"] if check["name"] == "health")
    spec["checks"] = [health, {"name": "smoke", "timeoutSeconds": 60, "job": SMOKE}]
    spec["traffic"]["previewHost"] = f"preview-{spec['traffic']['host']}"
    spec["traffic"]["darkPreview"] = {"host": f"look-{spec['traffic']['host']}"}


def one_check(document: dict[str, Any]) -> None:
    """One check that asks, and no preview: a side is dark as soon as it can be."""
    spec = document["spec"]
    spec["checks"] = [check for check in spec["checks"] if check["name"] == "health"]


@dataclass
class Shop(Stage):
    """One copy. Its sides change places as it lives on, so each case asks where users are."""

    builds: int = 1
    load: Load | None = None
    lost: int = 0
    """Requests of the cases before."""

    @classmethod
    def named(cls, lab: Lab, name: str) -> Shop:
        return cls(lab, Place.named(f"t{os.getpid()}-{name}"))

    def open(self) -> None:
        self.install(POLICY, few_checks)
        self.load = Load(self.url, self.place.host, clients=3, rate=30).start()

    def close(self) -> None:
        if self.load:
            self.load.stop()
        self.remove()

    @property
    def live(self) -> Side:
        """Where the record has users."""
        return self.record().active

    def build(self, suffix: str = "") -> dict[str, str]:
        """Images that were never released here."""
        self.builds += 1
        return images(f"{self.builds}{suffix}", "api-all")

    def again(self, policy: Mapping[str, Any] | None = None, edit: Edit = few_checks) -> None:
        """No release is open, whatever the case before has left; the file is as it was, or as this case wants it."""
        self.apply({**POLICY, **(policy or {})}, edit)
        world = self.world()
        recover(world)
        record = world.store.read()
        if record.release and not record.release.phase.row.ended:
            roll_back(world, "the next case", by="tests")
        self.wait_for_users_on(self.live)
        assert self.load
        self.lost = self.load.snapshot().failed

    def reconcile(self, prefect: PrefectApi) -> None:
        """Reconcile's own run."""
        run = prefect.taken_up(RECONCILE, {"application": self.application})
        wait_until("reconcile has ended", lambda: prefect.state(run) in TERMINAL, PATIENCE, 0.5)
        said = prefect.flow_run(run)["state"]
        assert said["type"] == "COMPLETED", f"{said}\n{prefect.log(run)}"

    def goes_on(self) -> None:
        """As reconcile does, and the pipeline that it starts, without Prefect."""
        world = self.world("reconcile")
        recover(world)
        restore_live_side(world)
        put_dark_preview_right(world, by_schedule=True)
        put_routes_right(world)
        if kept_too_long(world):
            with world.acting() as acting:
                rest_expired(acting)
        record = world.store.read()
        release, allowed = record.release, record.approval and record.approval.unspent
        if release is None:
            return
        if release.phase is Phase.DEPLOYING:
            runbook.deploy_dark(world, release.images)
        elif release.phase in works_in(FLIP_TRAFFIC) and (release.phase is not Phase.DARK or allowed):
            runbook.flip_traffic(world)
        elif release.phase is Phase.SETTLING or (release.phase is Phase.LIVE and allowed):
            runbook.settle_on(world)
        elif release.phase is Phase.ROLLING_BACK:
            roll_back(world, "goes on after an interruption", by="reconcile")

    def wait_for(self, *phases: Phase) -> Phase:
        """Waits until the application is in one of these phases, with nothing open."""

        def there() -> Phase | None:
            record = self.record()
            return record.phase if record.phase in phases and record.open_entry is None else None

        try:
            return Phase(wait_until(f"{self.application} in {phases}", there, PATIENCE, 0.3))
        except AssertionError as late:
            record = self.record()
            raise AssertionError(f"{late}: it is {record.phase}, open: {record.open_entry}") from late

    def need_agreement(self) -> None:
        """Record, routes, sides and users agree, and nothing is half done."""
        view = look(self.world())
        record = view.record
        assert record
        assert record.open_entry is None
        assert view.active is record.active, (view.active, record.active)
        preview = look_at_dark_preview(self.world(), dark_side(record), record.dark_preview)
        assert preview.lacking == preview.left == {}
        self.wait_for_users_on(record.active)
        assert set(self.replicas(record.active)) == {*SERVING, *WORKERS}
        other = set(self.replicas(record.active.other))
        assert not other & set(WORKERS), other
        if record.phase is Phase.SETTLED:
            assert not other, other

    def need_none_lost(self) -> None:
        """Users go on for a little after what has been done; then each of them must have been answered."""
        assert self.load
        load, done = self.load, self.load.snapshot().sent
        wait_until("users go on", lambda: load.snapshot().sent > done + 20)
        report = load.snapshot()
        assert report.failed == self.lost, (report.failures_by_kind, report.failures[-5:])


@dataclass
class Shops:
    """Those that there are, each lent to one case at a time."""

    all: list[Shop]
    free: Queue[Shop] = field(default_factory=Queue)

    def open(self, enough: int) -> None:
        """So many of them, or all: those that are not open yet."""
        fresh = [shop for shop in self.all[:enough] if shop.load is None]
        with ThreadPoolExecutor(len(self.all)) as pool:
            list(pool.map(Shop.open, fresh))
        for shop in fresh:
            self.free.put(shop)

    def close(self) -> None:
        for shop in self.all:
            if shop.load:
                shop.close()

    @contextmanager
    def borrowed(self) -> Iterator[Shop]:
        shop = self.free.get()
        try:
            yield shop
        finally:
            self.free.put(shop)

    @contextmanager
    def at_once(self, request: pytest.FixtureRequest, run: Callable[[Shop, Any], None]) -> Iterator[Cases]:
        """Every selected case of the fixture's module at once, as far as there are shops; each test waits for its own.

        A case is a test's parameter `case`.
        """

        def lent(case: Any) -> None:
            with self.borrowed() as shop:
                run(shop, case)

        mine = [item for item in request.session.items if item.path == request.path]
        cases = [item.callspec.params["case"] for item in mine if hasattr(item, "callspec")]
        self.open(len(cases))
        with ThreadPoolExecutor(len(self.all), thread_name_prefix="case") as pool:
            yield Cases({case: pool.submit(lent, case) for case in cases})
            pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Cases:
    """Cases under way."""

    under_way: Mapping[Any, Future[None]]

    def need(self, case: Any) -> None:
        """Waits for it, and raises what it raised."""
        self.under_way[case].result()
