"""One simulated life of an application: actors, weather, promises, and the story of what happened."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import flows.reconcile
from flipgate.adapters.cluster import Cluster
from flipgate.adapters.store import Store, parse_record
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Decision, Record
from flipgate.core.record.size import written
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.way_back.explain import Drift, OpenStep, explain
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.questions import decide
from flipgate.steps.releasing.setup import adopt
from tests.simulation import prefect as prefects
from tests.simulation import stand_ins
from tests.simulation.apiserver import Address, ApiServer
from tests.simulation.network import Network, SimulatedConnection
from tests.simulation.prefect import EPOCH, Prefect
from tests.simulation.promises import BrokenPromiseError, Promises, settled_problems
from tests.simulation.scheduler import Choices, Process, Scheduler
from tests.simulation.town import EDGE, NAMESPACES, OWN, SIDE_OF, TRAEFIK, Town
from tests.simulation.weather import CALM, Sky, Weather

DAY_SECONDS = 2400.0
"""How long actors act."""
MOMENTS = (
    Phase.DEPLOYING,
    Phase.DARK,
    Phase.FLIPPING,
    Phase.BAKING,
    Phase.LIVE,
    Phase.SETTLING,
    Phase.SETTLED,
    Phase.ROLLING_BACK,
    Phase.ROLLED_BACK,
)
MOMENT_SECONDS = 8.0
QUIET_ROUNDS = 12
"""Turns of reconcile, five minutes apart, after which everything has to agree."""
RECONCILE_SECONDS = 300.0


@dataclass(frozen=True)
class Plan:
    """Who acts, and what goes wrong meanwhile."""

    weather: Weather = CALM
    routes: int = 1
    workers: str = "old-first"
    builds: int = 1
    rollbacks: int = 0
    people: int = 0
    bad: bool = False
    approvers: int = 1
    span_seconds: float = 900.0
    """How long somebody waits for the moment at which they act."""


@dataclass
class Outcome:
    """What came of one run."""

    trace: list[int]
    broken: str = ""
    story: list[str] = field(default_factory=list)
    requests: int = 0
    switches: int = 0
    moves: int = 0


class Simulation:
    """One run of one plan, by these choices."""

    def __init__(self, plan: Plan, choices: Choices) -> None:
        self.plan, self.scheduler = plan, Scheduler(choices)
        self.server = ApiServer(written=self._written)
        self.town = Town(self.scheduler, self.server, ("live", "second")[: plan.routes])
        self.server.now = lambda: self.scheduler.now
        self.sky = Sky(self.scheduler)
        self.network = Network(self.scheduler, self.server, self.sky, self.tell, self.town.through)
        self.network.listed = self._listed
        self.prefect = Prefect(self.scheduler, self.world, self.tell)
        self.promises = Promises(self.town, plan.workers == "old-first", bool(plan.people))
        self.promises.parsed = self._parsed
        self.outcome = Outcome(choices.trace)
        self.story = self.outcome.story
        self._nonces = 0
        self._records: dict[str, Record] = {}
        self.broken: BrokenPromiseError | None = None

    def run(self) -> Outcome:
        """Lives through it."""
        with stand_ins.in_place(self.scheduler), prefects.in_place(self.prefect), self._repeatable():
            try:
                self._live()
            except BrokenPromiseError as broken:
                self.outcome.broken = str(broken)
            finally:
                self.network.open = False
                self.scheduler.bury()
        self.outcome.requests, self.outcome.switches = self.network.requests, self.scheduler.switches
        return self.outcome

    def now(self) -> datetime:
        """What the wall clock of who asks says."""
        return EPOCH + timedelta(seconds=self.scheduler.now + self.scheduler.skew())

    def tell(self, who: str, what: str) -> None:
        """One line of the story."""
        self.story.append(f"{self.scheduler.now:9.3f} s  {who:<18} {what}")

    def world(self, actor: str) -> World:
        """The application as one actor sees it."""
        cluster = Cluster(SimulatedConnection(self.network))
        return World(
            cluster,
            Store(cluster, OWN, "shop"),
            self.application,
            actor,
            now=self.now,
            sleep=self.scheduler.sleep,
            monotonic=self.scheduler.monotonic,
            nonce=self._nonce,
        )

    def _live(self) -> None:
        text = self.town.found(self.plan.workers)
        self.application = load_application(text, "shop.yaml")
        self._alone("setup", lambda: self._set_up(text))
        self.sky.weather = self.plan.weather
        self._actor("build 2", lambda: self._build(0), now=True)
        for number in range(1, self.plan.builds):
            self._actor(f"build {number + 2}", lambda n=number: self._build(n))
        for number in range(self.plan.approvers):
            self._actor(f"approver {number}", self._approve, now=True)
        for number in range(self.plan.rollbacks):
            self._actor(f"rollback {number}", lambda n=number: self._roll_back(n))
        for number in range(self.plan.people):
            self._actor(f"a person {number}", self._meddle)
        self._actor("reconcile", self._reconcile, now=True)
        self._on(DAY_SECONDS)
        self._come_to_rest()

    def _come_to_rest(self) -> None:
        """Nobody but reconcile acts, and nothing goes wrong any more: in the end everything agrees."""
        self.sky.weather, self.sky.bad_until = CALM, 0.0
        for process in self.sky.clocks:
            process.skew = 0.0
        self.tell("everybody", "rests, but for reconcile")
        problems: list[str] = []
        for _ in range(QUIET_ROUNDS):
            self._on(RECONCILE_SECONDS)
            self.prefect.crashed()
            problems = self._alone("look", self._problems) or []
            if not problems or self.plan.people:  # what a person has done waits for a person
                return
        raise BrokenPromiseError("it does not come to rest: " + "; ".join(problems))

    def _problems(self) -> list[str]:
        world = self.world("look")
        view = look(world)
        assert view.record is not None
        match explain(view.record, view.traffic):
            case Drift(fact) | OpenStep(fact):
                return [str(fact)]
        return settled_problems(self.town, view.record)

    def _on(self, seconds: float) -> None:
        self.scheduler.run(self.scheduler.now + seconds, lambda: self.broken is not None)
        if self.broken:
            raise self.broken

    def _alone(self, name: str, act: Callable[[], Any]) -> Any:
        said: list[Any] = []
        task = self.scheduler.spawn(name, lambda: said.append(act()), Process(name))
        self.scheduler.run(self.scheduler.now + 600, lambda: task.over or self.broken is not None)
        if self.broken:
            raise self.broken
        if task.error:
            raise task.error
        return said[0] if said else None

    def _actor(self, name: str, act: Callable[[], Any], *, now: bool = False) -> None:
        """Somebody who acts now, or when a release has come to some phase, and a moment more."""
        choices = self.scheduler.choices

        def in_phase(phase: Phase) -> bool:
            record = self.promises.record
            return record is not None and record.phase is phase

        def live() -> None:
            if not now:
                phase = MOMENTS[choices.below(len(MOMENTS))]
                self.scheduler.block(lambda: in_phase(phase), self.plan.span_seconds)
                self.scheduler.sleep(choices.seconds(MOMENT_SECONDS))
            act()

        self.scheduler.spawn(name, live, Process(name))

    # What actors do

    def _set_up(self, text: str) -> None:
        world = self.world("setup")
        self.server.objects[("/api/v1", "namespaces", "", OWN)] = {"metadata": {"name": OWN}}
        world.store.write_application(text)
        adopt(world)

    def _build(self, number: int) -> None:
        tag = f"{number + 2}-bad" if self.plan.bad and not number else str(number + 2)
        images = {"web": f"shop/web:{tag}", "mailer": f"shop/mailer:{tag}"}
        self.tell("CI", f"builds {tag}")
        self.prefect.start("deploy-dark", {"application": "shop", "images": images, "name": "ci"})

    def _approve(self) -> None:
        world, choices = self.world("approver"), self.scheduler.choices
        while True:
            self.scheduler.block(self._asked)
            self.scheduler.sleep(1 + choices.seconds(20))
            record = self.promises.record
            if record is None or record.question is None:
                continue
            try:
                decision = Decision.REJECT if choices.once_in(6) else Decision.APPROVE
                decide(world, decision, by="ana", via="simulation", reason="looks good")
                self.tell("approver", f"says {decision} to {record.question.id}")
                self.prefect.ring(record.question.flow_run)
            except FlipgateError:
                continue

    def _asked(self) -> bool:
        """Whether a question stands that nobody has answered."""
        record = self.promises.record
        return record is not None and record.question is not None and record.approval is None

    def _roll_back(self, number: int) -> None:
        world = self.world(f"rollback {number}")  # by another process each: two with one name would share a Lease
        try:
            done = roll_back(world, "orders fail", by="ana")
        except FlipgateError as error:
            self.tell("rollback", f"fails: {error}")
            return
        self.tell("rollback", f"done: {done.way}, users on {done.to}")
        if done.to:
            self.promises.rolled_back = (self.scheduler.now, done.to)

    def _meddle(self) -> None:
        """A person with kubectl sends one route to a side whose pods are Ready."""
        choices = self.scheduler.choices
        side = list(Side)[choices.below(2)]
        if not self.town.ready(side, "web"):
            return
        route = self.town.routes[choices.below(len(self.town.routes))]
        place = Address(TRAEFIK, EDGE, "ingressroutes", route)
        to = {"op": "replace", "path": "/spec/routes/0/services/0/namespace", "value": NAMESPACES[side]}
        self.server.patch(place, "application/json-patch+json", [to])

    def _reconcile(self) -> None:
        """Every five minutes, as its schedule says; the first one soon."""
        while True:
            process = Process("reconcile")
            task = self.scheduler.spawn("reconcile", lambda: flows.reconcile.reconcile.fn("shop"), process)
            self.scheduler.block(lambda: task.over or process.dead, 600)  # noqa: B023
            if task.error and not isinstance(task.error, FlipgateError):
                self.tell("reconcile", f"fails: {task.error!r}")
            self.prefect.crashed()
            self.scheduler.sleep(RECONCILE_SECONDS)

    # What is seen

    def _written(self, address: Address, before: Any, after: Any) -> None:
        who = self.network.sender.name if self.network.sender else self._who()
        if address.plural in ("ingressroutes", "deployments") and address.part != "status":
            self._tell_change(who, address, before, after)
        try:
            self.promises.look(who, address, before, after)
        except BrokenPromiseError as broken:
            self.tell(who, f"BREAKS A PROMISE: {broken}")
            self.broken = self.broken or broken

    def _who(self) -> str:
        try:
            return self.scheduler.current.process.name
        except AttributeError:
            return "the cluster"

    def _tell_change(self, who: str, address: Address, before: Any, after: Any) -> None:
        if not before or not after or before.get("spec") == after.get("spec"):
            return
        spec = after["spec"]
        if address.plural == "ingressroutes":
            self.outcome.moves += 1
            said = f"now leads to {SIDE_OF.get(spec['routes'][0]['services'][0]['namespace'])}"
        else:
            image = spec["template"]["spec"]["containers"][0]["image"]
            said = f"of {SIDE_OF.get(address.namespace)}: {spec['replicas']} x {image}"
        self.tell(who, f"{address.name} {said}")

    def _listed(self, address: Address, selector: str) -> list[Any] | None:
        if (address.api, address.plural) == ("/api/v1", "pods"):
            return self.town.pods_listed(address, selector)
        if address.plural == "endpointslices":
            return self.town.slices_listed(address, self.sky.lag())
        return None

    def _kept(self, record: Record) -> tuple[Record, str]:
        """Writes a record, and keeps it for those who read it: parsing it was a third of a life's time."""
        record, text = written(record)
        self._records[text] = record
        return record, text

    def _parsed(self, text: str, *where: str) -> Record:
        return self._records.get(text) or parse_record(text, *where)

    def _nonce(self) -> str:
        self._nonces += 1
        return f"{self._nonces:010x}"

    @contextmanager
    def _repeatable(self) -> Iterator[None]:
        """Random numbers of the product's own are the run's, too."""
        numbers = random.Random(7)
        with (
            patch("flipgate.adapters.store.random", numbers),
            patch("flows.opening.default_actor", lambda: "worker@simulation"),
            patch("flipgate.adapters.store.written", self._kept),
            patch("flipgate.adapters.store.parse_record", self._parsed),
            patch("flows.approval.uuid4", lambda: UUID(int=numbers.getrandbits(128))),
        ):
            yield


def live(plan: Plan, seed: int = 0, given: Sequence[int] | None = None) -> Outcome:
    """One life."""
    return Simulation(plan, Choices(seed, given)).run()
