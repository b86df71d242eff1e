"""One simulated life of an application: actors, weather, promises, and the story of what happened."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from greenlet import getcurrent

import flows.reconcile
from flipgate.adapters.cluster import Cluster
from flipgate.adapters.history import HISTORY_KEPT
from flipgate.adapters.store import Store, parse_record
from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Record
from flipgate.core.record.size import written
from flipgate.core.record.verified import of_record, verify
from flipgate.core.spec.application import load_application
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.way_back.explain import Drift, OpenStep, explain
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import look
from flipgate.steps.releasing.setup import adopt
from tests.simulation import actors, stand_ins
from tests.simulation import prefect as prefects
from tests.simulation.apiserver import Address, ApiServer
from tests.simulation.chat import Chat
from tests.simulation.network import Network, SimulatedConnection
from tests.simulation.plans import Plan
from tests.simulation.prefect import EPOCH, Prefect
from tests.simulation.promises import BrokenPromiseError, Promises, settled_problems
from tests.simulation.scheduler import Process, Scheduler
from tests.simulation.streams import Streams, Trace
from tests.simulation.town import OWN, SIDE_OF, Town
from tests.simulation.weather import CALM, Sky

DAY_SECONDS = 2400.0
"""How long actors act."""
QUIET_ROUNDS = 12
"""Turns of reconcile, five minutes apart, after which everything has to agree."""
RECONCILE_SECONDS = 300.0


@dataclass
class Outcome:
    """What came of one run."""

    plan: Plan
    trace: Trace
    broken: str = ""
    story: list[str] = field(default_factory=list)
    requests: int = 0
    switches: int = 0
    moves: int = 0


class Simulation:
    """One run of one plan, by these choices."""

    def __init__(self, plan: Plan, choices: Streams) -> None:
        self.plan, self.scheduler = plan, Scheduler(choices)
        self.server = ApiServer(written=self._written)
        self.town = Town(self.scheduler, self.server, ("live", "second")[: plan.routes])
        self.server.now = lambda: self.scheduler.now
        self.sky = Sky(self.scheduler)
        self.network = Network(self.scheduler, self.server, self.sky, self.tell, self.town.through)
        self.network.listed = self._listed
        self.chat = Chat(self.scheduler, self.network)
        self.prefect = Prefect(self.scheduler, lambda actor: self.world(actor, self.chat), self.tell, self._unexpected)
        self.promises = Promises(self.town, plan.workers == "old-first", plan.by_hand)
        self.promises.parsed = self._parsed
        choices.who = lambda: self._who() or "who goes on"
        self.naps = actors.Naps(self)
        self.network.met = self.naps.look
        self.outcome = Outcome(plan, choices.chosen)
        self.story = self.outcome.story
        self._nonces = self._reconciled = 0
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

    @property
    def phase(self) -> Phase | None:
        """Of the record as it was written last."""
        return self.promises.record.phase if self.promises.record else None

    @property
    def live(self) -> Side | None:
        """The side that all routes name."""
        named = {self.town.said(route) for route in self.town.routes}
        return named.pop() if len(named) == 1 else None

    def tell(self, who: str, what: str) -> None:
        """One line of the story."""
        self.story.append(f"{self.scheduler.now:9.3f} s  {who:<18} {what}")

    def world(self, actor: str, chat: Any = None) -> World:
        """The application as one actor sees it; `chat` has who runs under Prefect."""
        cluster = Cluster(SimulatedConnection(self.network))
        return World(
            cluster,
            Store(cluster, OWN, "shop"),
            self.application,
            actor,
            chat,
            now=self.now,
            sleep=self.scheduler.sleep,
            monotonic=self.scheduler.monotonic,
            nonce=self._nonce,
        )

    def _live(self) -> None:
        text = self.town.found(self.plan.workers, hooks=self.plan.hooks, flag=self.plan.flag)
        self.application = load_application(text, "shop.yaml")
        self._alone("setup", lambda: self._set_up(text))
        self.sky.weather = self.plan.weather
        actors.begin(self)
        self.scheduler.spawn("reconcile", self._reconcile, Process("reconcile's schedule"))
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
            if not problems or self.plan.by_hand:  # what a person has done waits for a person
                return
        raise BrokenPromiseError("it does not come to rest: " + "; ".join(problems))

    def _problems(self) -> list[str]:
        world = self.world("look")
        view = look(world)
        assert view.record is not None
        match explain(view.record, view.traffic):
            case Drift(fact) | OpenStep(fact):
                return [str(fact)]
        untold = self.promises.untold(self.chat.told)
        kept, unread = world.store.kept()
        chain = verify([*kept, *of_record(view.record)], HISTORY_KEPT).broken
        remembered = [*map(str, unread), *map(str, chain)]
        return [*settled_problems(self.town, view.record), *untold, *remembered, *self.prefect.endless()]

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

    # What the schedule does

    def _set_up(self, text: str) -> None:
        world = self.world("setup")
        self.server.objects[("/api/v1", "namespaces", "", OWN)] = {"metadata": {"name": OWN}}
        world.store.write_application(text)
        adopt(world)

    def _reconcile(self) -> None:
        """Every five minutes, as its schedule says; the first one soon."""
        while True:
            self._reconciled += 1
            process = Process(f"reconcile {self._reconciled}")
            task = self.scheduler.spawn("reconcile", lambda: flows.reconcile.reconcile.fn("shop"), process)
            self.scheduler.block(lambda: task.over or process.dead, 600)  # noqa: B023
            if task.error and not isinstance(task.error, FlipgateError):
                self._unexpected("reconcile", task.error)
            self.prefect.crashed()
            self.scheduler.sleep(RECONCILE_SECONDS)

    # What is seen

    def _written(self, address: Address, before: Any, after: Any) -> None:
        who = self.network.sender.name if self.network.sender else self._who() or "the cluster"
        if address.plural in ("ingressroutes", "deployments") and address.part != "status":
            self._tell_change(who, address, before, after)
        try:
            self.promises.look(who, address, before, after)
        except BrokenPromiseError as broken:
            self.tell(who, f"BREAKS A PROMISE: {broken}")
            self.broken = self.broken or broken

    def _unexpected(self, who: str, error: BaseException) -> None:
        """A run of ours may be refused, and may fail; it does not end with an error that nobody has thought of."""
        self.tell(who, f"fails: {error!r}")
        self.broken = self.broken or BrokenPromiseError(f"{who} ended with {error!r}")

    def _who(self) -> str:
        """Who acts now; empty where it is decided who goes on."""
        task = getattr(getcurrent(), "task", None)
        return str(task.process.name) if task else ""

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


def live(plan: Plan, seed: int = 0, given: Mapping[str, Sequence[int]] | None = None) -> Outcome:
    """One life."""
    return Simulation(plan, Streams(seed, given)).run()
