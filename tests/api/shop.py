"""A small shop on the real API server: two sides, a route or two, and a hand that plays readiness."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store
from flipgate.core.record import record as records
from flipgate.core.record.occupant import Occupant
from flipgate.core.record.phases import Phase, Reason
from flipgate.core.record.record import Record
from flipgate.core.record.release import Release
from flipgate.core.spec.application import Application, load_application
from flipgate.core.values.base import but
from flipgate.core.values.errors import Conflict
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.core.workloads.taken_out import roles_of
from flipgate.steps.acting.outbox import advance
from flipgate.steps.acting.world import World, utc_now
from flipgate.steps.releasing.bring_up import open_release
from tests.core import builders
from tests.repeating import following

T = TypeVar("T")
BLUE, GREEN = Side.BLUE, Side.GREEN
ROUTES = "/apis/traefik.io/v1alpha1/namespaces"
COUNTS = {"web": 2, "mailer": 1}
IMAGES = {name: f"shop/{name}:1" for name in COUNTS}
TO_LIVE = {
    Phase.DARK: Reason.CHECKS_PASSED,
    Phase.FLIPPING: Reason.APPROVED,
    Phase.BAKING: Reason.TRAFFIC_PROVEN,
    Phase.LIVE: Reason.BAKE_PASSED,
}
TEXT = """\
apiVersion: flipgate.dev/v1
kind: Application
metadata: {{name: {name}}}
spec:
  sides: {{blue: {{namespace: {name}-blue}}, green: {{namespace: {name}-green}}}}
  routes: [{routes}]
  traffic: {{host: {name}.example, header: X-Served-Side, traefik: {{namespace: {name}}}}}
  services:
    - {{name: web, role: serving, replicas: 2, container: web}}
    - {{name: mailer, role: worker, replicas: 1}}
"""


@dataclass
class Shop:
    """One application with namespaces of its own: NAME-blue, NAME-green, and NAME for its routes and its record."""

    cluster: Cluster
    kubeconfig: Path
    name: str
    routes: tuple[str, ...]
    application: Application
    text: str = field(repr=False)
    weighted: frozenset[str] = frozenset()
    http: frozenset[str] = frozenset()

    @classmethod
    def install(cls, cluster: Cluster, kubeconfig: Path, **routes: Any) -> Shop:
        """Both sides (blue up and Ready, green at rest), every route at blue, and the application written down."""
        shop = cls.named(cluster, kubeconfig, **routes)
        shop.add_namespace(shop.own)
        for side in Side:
            shop.add_namespace(shop.namespace(side))
            for service, count in COUNTS.items():
                shop.add_deployment(side, service, count if side is BLUE else 0)
        for route in shop.routes:
            shop.add_route(route, BLUE)
        shop.write_down()
        return shop

    @classmethod
    def applied(cls, cluster: Cluster, kubeconfig: Path) -> Shop:
        """The application written down, and nothing of what it speaks of."""
        shop = cls.named(cluster, kubeconfig)
        shop.add_namespace(shop.own)
        shop.write_down()
        return shop

    @classmethod
    def on_paper(cls, cluster: Cluster, kubeconfig: Path) -> Shop:
        """That, and its record, adopted with blue active."""
        shop = cls.applied(cluster, kubeconfig)
        sides = {side: Occupant(since=utc_now()) for side in Side}
        shop.world().store.create(Record(application=shop.name, epoch=0, active=BLUE, sides=sides))
        return shop

    @classmethod
    def named(
        cls,
        cluster: Cluster,
        kubeconfig: Path,
        routes: tuple[str, ...] = ("live",),
        weighted: Iterable[str] = (),
        http: Iterable[str] = (),
    ) -> Shop:
        """A shop that has a name of its own, and nothing in the cluster yet.

        The routes that are `weighted` are TraefikServices, those that are `http` HTTPRoutes, the others IngressRoutes.
        """
        name, special = f"shop-{uuid4().hex[:8]}", dict.fromkeys(weighted, "TraefikService")
        special |= dict.fromkeys(http, "HTTPRoute")
        kinds = [(route, special.get(route, "IngressRoute")) for route in routes]
        declared = ", ".join(f"{{kind: {kind}, namespace: {name}, name: {route}}}" for route, kind in kinds)
        text = TEXT.format(name=name, routes=declared)
        application = load_application(text, "shop.yaml")
        return cls(cluster, kubeconfig, name, routes, application, text, frozenset(weighted), frozenset(http))

    @property
    def own(self) -> str:
        """The namespace of the routes, and of what flipgate remembers."""
        return self.name

    @property
    def images(self) -> dict[str, str]:
        """What each declared service runs at first."""
        return {service.name: f"shop/{service.name}:1" for service in self.application.spec.services}

    def namespace(self, side: Side) -> str:
        """A side's namespace."""
        return f"{self.name}-{side}"

    def write_down(self) -> None:
        """Writes the application to the cluster as `apply` does, where it is not yet."""
        labels = {"flipgate.dev/application": self.name, "flipgate.dev/kind": "application"}
        meta = {"name": f"application-{self.name}", "labels": labels}
        self.cluster.create(self.config_maps, {"metadata": meta, "data": {"application.yaml": self.text}})

    def world(self, actor: str = "ana", cluster: Cluster | None = None) -> World:
        """The shop as one actor sees it, on `cluster` if it comes another way (another user, a proxy)."""
        used = cluster or self.cluster
        return World(used, Store(used, self.own, self.name), self.application, actor, sleep=briefly)

    def helped(self, actor: str = "ana", cluster: Cluster | None = None) -> World:
        """The same for an actor whose pods get Ready whenever it waits."""
        return meanwhile(self.world(actor, cluster), self.play_all_ready)

    def adopted(self, actor: str = "ana") -> World:
        """The shop with the record that `adopt` writes of it as it was installed (test_setup.py compares them)."""
        world = self.world(actor)
        with suppress(Conflict):
            world.store.create(self.first_record(actor))
        return world

    def gone_live(
        self, actor: str = "ana", until: Phase = Phase.LIVE, adopted: Record | None = None, **more: int
    ) -> World:
        """The shop with a release of a new `web` live on green, and blue as users left it, worker included; or, with
        `until` DARK, up on green and seen by nobody. It has this record already, where it was `adopted` as another one
        than it was installed, and so many pods of `more` Deployments.

        As a deploy, a flip and a bake leave it, without the way there: nothing of it is in the journal.
        """
        world, now = self.world(actor), utc_now()
        images, wanted = {**self.images, "web": "shop/web:2"}, {**COUNTS, "mailer": 0, **more}
        for name, count in wanted.items():
            pods = {"spec": {"containers": [{"name": name, "image": images[name]}]}}
            self.scaled(GREEN, name, count, {STAMP: "1.made"}, template=pods)
        active = BLUE if until is Phase.DARK else GREEN
        if active is GREEN:
            self.point("live", self.namespace(GREEN))
        release = builders.release(now=now, images=images, wanted=wanted)
        record = records.open_release(adopted or self.first_record(actor), release, now)
        for phase in phases_until(until):
            record = records.advance(record, phase, TO_LIVE[phase], now, actor=actor)
        new = Occupant(release=release.name, images=images, replicas=wanted, since=now)
        last = {"epoch": 1, "active": active, "outbox": (), "sides": {**record.sides, GREEN: new}}
        record = record.model_copy(update=last)
        if adopted:
            world.store.update(lambda _: record)
        else:
            world.store.create(record)
        return world

    def first_record(self, actor: str) -> Record:
        """What `adopt` finds of the shop as it was installed."""
        now = utc_now()
        at_rest = dict.fromkeys(COUNTS, 0)
        roles = roles_of(self.application)
        sides = {
            s: Occupant(images=self.images, roles=roles, replicas=COUNTS if s is BLUE else at_rest, since=now)
            for s in Side
        }
        facts: dict[str, Any] = {"state": records.EntryState.DONE, "at": now, "ended": now}
        entry = records.JournalEntry(id=1, step="Adopt", actor=actor, outcome=f"active {BLUE}", **facts)
        return Record(application=self.name, epoch=0, active=BLUE, sides=sides, journal=(entry,))

    # The cluster's objects

    def add_namespace(self, name: str) -> None:
        self.cluster.create("/api/v1/namespaces", {"metadata": {"name": name}})

    def add_deployment(self, side: Side, name: str, replicas: int, **annotations: str) -> None:
        labels = {"app": name}
        container = {"name": name, "image": f"shop/{name}:1"}
        pods = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods}
        meta = {"name": name, "annotations": annotations}
        made = self.cluster.create(self.deployments(side), {"metadata": meta, "spec": spec})
        if replicas:
            self._play(side, made, replicas)

    def deployments(self, side: Side) -> str:
        return f"/apis/apps/v1/namespaces/{self.name}-{side}/deployments"

    def deployment(self, side: Side, name: str) -> dict[str, Any]:
        return self.cluster.get(f"{self.deployments(side)}/{name}")

    def version(self, path: str) -> int:
        """Of the last write to an object: the API server counts all writes in one row."""
        return int(self.cluster.get(path)["metadata"]["resourceVersion"])

    def counts(self, side: Side) -> dict[str, int]:
        """The wanted pods of each Deployment of a side."""
        return {d["metadata"]["name"]: d["spec"]["replicas"] for d in self.cluster.items(self.deployments(side))}

    def scale(self, side: Side, name: str, count: int) -> None:
        """Sets the wanted pods, as an autoscaler or a person would."""
        self.patch(f"{self.deployments(side)}/{name}", ("replace", "/spec/replicas", count))

    def scaled(self, side: Side, name: str, count: int, labels: dict[str, str] | None = None, **spec: Any) -> None:
        """The same, with more of its spec, and the pods follow at once."""
        part = {"metadata": {"labels": labels or {}}, "spec": {"replicas": count, **spec}}
        self._play(side, self.cluster.merge(f"{self.deployments(side)}/{name}", part), count)

    def play_ready(self, side: Side, *names: str, ready: int | None = None) -> None:
        """Writes the status that the controllers would: all wanted pods there and Ready, or `ready` of them."""
        for name in names or COUNTS:
            obj = self.deployment(side, name)
            self._play(side, obj, obj["spec"]["replicas"] if ready is None else ready)

    def _play(self, side: Side, obj: dict[str, Any], ready: int) -> None:
        wanted, name = obj["spec"]["replicas"], obj["metadata"]["name"]
        status = {"replicas": wanted, "updatedReplicas": wanted, "readyReplicas": ready}
        status["observedGeneration"] = obj["metadata"]["generation"]
        if obj.get("status") != {key: value for key, value in status.items() if value}:
            self.patch(f"{self.deployments(side)}/{name}/status", ("add", "/status", status))

    def play_all_ready(self) -> None:
        """The same for whatever stands on either side."""
        for side in Side:
            for obj in self.cluster.items(self.deployments(side)):
                self._play(side, obj, obj["spec"]["replicas"])

    @contextmanager
    def playing_ready(self) -> Iterator[None]:
        """Whatever is wanted on either side is there and Ready as soon as it is asked for, while the block runs."""
        self.play_all_ready()
        with following(self._follow):
            yield

    def _follow(self, path: str, obj: dict[str, Any]) -> None:
        """What the controllers do of a Deployment of this shop that was written."""
        for side in Side:
            if path.startswith(f"{self.deployments(side)}") and not path.endswith("/status"):
                self._play(side, obj, obj["spec"]["replicas"])

    # Routes

    def route(self, name: str = "live") -> dict[str, Any]:
        return self.cluster.get(self.route_path(name))

    def route_path(self, name: str = "live") -> str:
        if name in self.http:
            return f"/apis/gateway.networking.k8s.io/v1/namespaces/{self.own}/httproutes/{name}"
        plural = "traefikservices" if name in self.weighted else "ingressroutes"
        return f"{ROUTES}/{self.own}/{plural}/{name}"

    def add_route(self, name: str, *sides: Side) -> None:
        """A route with one rule for each side named, or one weight."""
        named = [{"name": "web", "namespace": f"{self.name}-{side}", "port": 80} for side in sides]
        kind, spec = "TraefikService", {"weighted": {"services": named}}
        if name not in self.weighted:
            rules = [{"kind": "Rule", "match": "Host(`x`)", "services": [service]} for service in named]
            kind, spec = "IngressRoute", {"routes": rules}
        api = "traefik.io/v1alpha1"
        if name in self.http:
            api, kind, spec = "gateway.networking.k8s.io/v1", "HTTPRoute", {"rules": [{"backendRefs": named}]}
        route = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.cluster.create(self.route_path(name).rpartition("/")[0], route)

    def point(self, name: str, namespace: str) -> None:
        """Sends a route's first rule, or weight, somewhere, as a person with kubectl would."""
        first = "/spec/weighted/services" if name in self.weighted else "/spec/routes/0/services"
        first = "/spec/rules/0/backendRefs" if name in self.http else first
        self.patch(self.route_path(name), ("replace", f"{first}/0/namespace", namespace))

    def annotate(self, name: str = "live", value: str = "") -> None:
        """What an unrelated writer does to a route."""
        part = {"metadata": {"annotations": {"someone": value or uuid4().hex}}}
        self.cluster.merge(self.route_path(name), part)

    def where(self) -> tuple[str, ...]:
        """The side each route sends everybody to, in the declared order."""
        specs = [self.route(name)["spec"] for name in self.routes]
        rules = [spec.get("weighted") or (spec.get("routes") or spec["rules"])[0] for spec in specs]
        found = [(rule.get("services") or rule["backendRefs"])[0]["namespace"] for rule in rules]
        return tuple(namespace.removeprefix(f"{self.name}-") for namespace in found)

    # The record

    def write_record(self, text: str) -> None:
        """Puts any text where the record stands."""
        self.patch(f"{self.config_maps}/record-{self.name}", ("add", "/data/record.json", text))

    def record_text(self) -> str:
        """What stands there."""
        return str(self.cluster.get(f"{self.config_maps}/record-{self.name}")["data"]["record.json"])

    @property
    def config_maps(self) -> str:
        return f"/api/v1/namespaces/{self.own}/configmaps"

    def patch(self, path: str, operation: tuple[str, str, Any]) -> None:
        verb, pointer, value = operation
        self.cluster.patch(path, [{"op": verb, "path": pointer, "value": value}])


def opened(world: World, tag: str = "2") -> Release:
    """A release of a new `web`, opened and still `deploying`."""
    return open_release(world, {"web": f"shop/web:{tag}"}, "ci")


def told(world: World, release: Release, until: Phase) -> Record:
    """The release taken through the phases up to `until` as the pipelines do it: each told when it is entered."""
    for phase in phases_until(until):
        record = advance(world, release.name, phase, TO_LIVE[phase])
    return record


def phases_until(until: Phase) -> list[Phase]:
    """The phases on the way to live, up to this one."""
    return list(TO_LIVE)[: list(TO_LIVE).index(until) + 1]


def advanced(world: World, release: Release, until: Phase) -> Record:
    """The release taken through the phases up to `until` in one write of the record, as if all had been told already.

    Where somebody is to be told on Slack the messages wait in the outbox.
    """

    def change(record: Record) -> Record:
        assert record.release
        assert record.release.name == release.name
        for phase in phases_until(until):
            record = records.advance(record, phase, TO_LIVE[phase], world.now(), actor=world.actor)
        return record if world.application.spec.announce.slack_channel else but(record, outbox=())

    return world.store.update(change)


def last_entry(world: World) -> records.JournalEntry:
    return world.store.read().journal[-1]


def meanwhile(world: World, deed: Callable[[], object]) -> World:
    """The actor, who does this each time it waits."""

    def sleep(seconds: float) -> None:
        deed()
        briefly(seconds)

    world.sleep = sleep
    return world


def timed_by_its_waiting(world: World, deed: Callable[[], object] = lambda: None) -> World:
    """The actor, who does this each time it waits, on a clock that nothing but its waiting moves on: as many looks fit
    into a limit on a slow machine as on a fast one."""
    passed = [0.0]

    def sleep(seconds: float) -> None:
        deed()
        passed[0] += seconds

    world.sleep, world.monotonic = sleep, lambda: passed[0]
    return world


def briefly(seconds: float) -> None:
    """How a shop's actors wait: nobody there takes longer than this to be done with anything."""
    time.sleep(min(seconds, 0.03))


def under_lease(world: World, verb: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """One verb of those that change the cluster's objects."""
    with world.acting() as acting:
        return verb(acting, *arguments, **more)
