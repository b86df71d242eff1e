"""Everybody who acts in a life beside flipgate's own runs: CI, people, an autoscaler, Flux, a machine that sleeps."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from flipgate.core.record.phases import Phase
from flipgate.core.record.record import Decision
from flipgate.core.traffic.traffic import WAY_BACK
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.sides import Side
from flipgate.core.values.stamps import STAMP
from flipgate.core.values.who import Speaker
from flipgate.steps.going_back.roll_back import roll_back
from flipgate.steps.releasing.freeze import freeze, thaw
from flipgate.steps.releasing.questions import decide
from flipgate.steps.releasing.soak import ask_early, extend
from tests.simulation.apiserver import JSON_PATCH, MERGE_PATCH, Address, RefusalError
from tests.simulation.plans import Nap
from tests.simulation.scheduler import Process
from tests.simulation.town import APPS, EDGE, NAMESPACES, TRAEFIK

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

SEEN = (Phase.FLIPPING, Phase.BAKING, Phase.LIVE, Phase.SETTLING)
UNSEEN = (Phase.DEPLOYING, Phase.DARK)
ANY = (*UNSEEN, *SEEN, Phase.SETTLED, Phase.ROLLING_BACK, Phase.ROLLED_BACK)
MOMENT_SECONDS = 8.0
CHANGES = 4
"""How often an autoscaler, or Flux, changes something."""
FROZEN_SECONDS = 3_600.0
LONGEST_HELD_SECONDS = 600.0
"""How long a person holds a line before they paste it."""


@dataclass(frozen=True)
class Actor:
    """What somebody does, and in which phases they may begin; at once where there are none."""

    act: Callable[[Simulation, int], None]
    moments: tuple[Phase, ...] = ANY
    anyhow: bool = False
    """Whether they act in the end though none of their moments comes."""
    title: str = ""
    """What their process is called before its number; the actor's own name where it is empty."""


def begin(life: Simulation) -> None:
    """Starts everybody in the plan."""
    numbers: Counter[str] = Counter()
    for name in life.plan.actors:
        actor, number = ACTORS[name], numbers[name]
        numbers[name] += 1
        first = number == 0 and name in ("build", "approver")
        process = Process(f"{actor.title or name} {number}")
        life.scheduler.spawn(process.name, lambda a=actor, n=number, f=first: _live(life, a, n, f), process)


def _live(life: Simulation, actor: Actor, number: int, at_once: bool) -> None:
    choices = life.scheduler.choices
    if actor.moments and not at_once:
        phase = actor.moments[choices.below(len(actor.moments))]
        came = life.scheduler.block(lambda: life.phase is phase, life.plan.span_seconds)
        if not (came or actor.anyhow):
            return
        life.scheduler.sleep(choices.seconds(MOMENT_SECONDS))
    actor.act(life, number)


def _me(life: Simulation) -> str:
    return life.scheduler.current.process.name


def _build(life: Simulation, number: int) -> None:
    tag = f"{number + 2}-bad" if life.plan.bad and not number else str(number + 2)
    images = {"web": f"shop/web:{tag}", "mailer": f"shop/mailer:{tag}"}
    life.tell("CI", f"builds {tag}")
    life.prefect.start("deploy-dark", {"application": "shop", "images": images, "name": "ci"})


def _answers(life: Simulation, mostly: Decision, once_other: int, *, late: bool) -> None:
    """A person who answers each question, one way mostly. One who comes `late` answers after another's yes, too."""
    world, choices, me = life.world(_me(life)), life.scheduler.choices, _me(life)

    def asked() -> bool:
        record = life.promises.record
        if record is None or record.question is None:
            return False
        return record.approval is None or (late and record.approval.unspent)

    while True:
        life.scheduler.block(asked)
        life.scheduler.sleep(1 + choices.seconds(20))
        record = life.promises.record
        if record is None or record.question is None:
            continue
        try:
            other = Decision.REJECT if mostly is Decision.APPROVE else Decision.APPROVE
            decision = other if choices.once_in(once_other) else mostly
            decide(world, decision, by=Speaker(me), via="simulation", reason="I looked")
        except FlipgateError:
            continue
        life.tell(me, f"says {decision} to {record.question.id}")
        life.prefect.ring(record.question.flow_run)


def _roll_back(life: Simulation, number: int) -> None:
    me, choices = _me(life), life.scheduler.choices
    to = life.live.other if life.live and choices.once_in(5) else None
    now = choices.once_in(4)
    life.promises.rolls_back()
    if to:
        life.promises.named[me] = to
    life.tell(me, f"begins{f', to {to}' if to else ''}{', now' if now else ''}")
    try:
        done = roll_back(life.world(me), "orders fail", by="ana", to=to, now=now)
    except FlipgateError as error:
        life.tell(me, f"fails: {error}")
        return
    life.tell(me, f"done: {done.way}, users on {done.to}")
    if done.to:
        life.promises.rolled_back = (life.scheduler.now, done.to)


def _freeze(life: Simulation, number: int) -> None:
    """A person freezes the application, and thaws it at last, however often that fails."""
    me, choices = _me(life), life.scheduler.choices
    for verb, deed in (("freezes", freeze), ("thaws", thaw)):
        while True:
            try:
                deed(life.world(me), f"{me} {verb}", by=Speaker(me))
                life.tell(me, verb)
                break
            except FlipgateError:
                life.scheduler.sleep(5.0)
        life.scheduler.sleep(choices.seconds(FROZEN_SECONDS))


def _extend(life: Simulation, number: int) -> None:
    """A person who moves the end of the soak: an hour later, or to now, and starts the run then."""
    me, early = _me(life), life.scheduler.choices.once_in(3)
    world, before = life.world(me), life.promises.record
    try:
        if early:
            ask_early(world, "its nodes are needed", by=Speaker(me))
        else:
            _, question = extend(world, 1, "not yet", by=Speaker(me), via="simulation")
            if question and question.flow_run:
                life.prefect.ring(question.flow_run)
    except FlipgateError as error:
        life.tell(me, f"fails: {error}")
        return
    life.tell(me, "wants it asked early" if early else "keeps the old side an hour longer")
    if early and before and before.release:
        life.prefect.start("scale-down", {"application": "shop", "release": before.release.name})


def _move(life: Simulation, number: int) -> None:
    """A person sends one route to a side whose pods are Ready."""
    choices = life.scheduler.choices
    side = list(Side)[choices.below(2)]
    if not life.town.ready(side, "web"):
        return
    place = Address(TRAEFIK, EDGE, "ingressroutes", life.town.routes[choices.below(len(life.town.routes))])
    to = {"op": "replace", "path": "/spec/routes/0/services/0/namespace", "value": NAMESPACES[side]}
    life.server.patch(place, JSON_PATCH, [to])


def _paste(life: Simulation, number: int) -> None:
    """A person copies the way back that stands on a route, and pastes it later: its tests are all that fences it."""
    choices, me = life.scheduler.choices, _me(life)
    place = Address(TRAEFIK, EDGE, "ingressroutes", life.town.routes[choices.below(len(life.town.routes))])
    line = (life.server.get(place)["metadata"].get("annotations") or {}).get(WAY_BACK, "")
    found = re.search(r"-p=(.*)$", line, re.DOTALL)
    if not found:
        return
    life.tell(me, f"copies the way back by hand of {place.name}")
    life.scheduler.sleep(choices.seconds(LONGEST_HELD_SECONDS))
    try:
        life.server.patch(place, JSON_PATCH, json.loads(shlex.split(found[1])[0]))
    except RefusalError as refused:
        life.tell(me, f"pastes it, and is refused ({refused.status})")


def _workload(life: Simulation, side: Side | None = None, name: str = "") -> Address:
    choices = life.scheduler.choices
    side = side or list(Side)[choices.below(2)]
    return Address(APPS, NAMESPACES[side], "deployments", name or ("web", "mailer")[choices.below(2)])


def _scale(life: Simulation, number: int) -> None:
    """kubectl scale."""
    place = _workload(life)
    life.server.patch(place, MERGE_PATCH, {"spec": {"replicas": life.scheduler.choices.below(4)}})


def _undo(life: Simulation, number: int) -> None:
    """kubectl rollout undo: the pod template of before, and the annotations that a ReplicaSet keeps of then."""
    place = _workload(life)
    history = [c.obj["spec"]["template"] for c in life.server.changes if c.address.key == place.key]
    now = life.server.get(place)["spec"]["template"]
    before = [template for template in history if template != now]
    if before:
        life.server.patch(place, JSON_PATCH, [{"op": "replace", "path": "/spec/template", "value": before[-1]}])


def _delete_annotation(life: Simulation, number: int) -> None:
    """A person takes our stamp, or all annotations, off a route."""
    choices = life.scheduler.choices
    place = Address(TRAEFIK, EDGE, "ingressroutes", life.town.routes[choices.below(len(life.town.routes))])
    gone = None if choices.below(2) else {STAMP: None}
    life.server.patch(place, MERGE_PATCH, {"metadata": {"annotations": gone}})
    life.tell(_me(life), f"takes {'the stamp' if gone else 'all annotations'} off {place.name}")


def _autoscale(life: Simulation, number: int) -> None:
    """An HPA of two to four pods on each side: it leaves alone what is at 0."""
    choices = life.scheduler.choices
    for _ in range(CHANGES):
        place = _workload(life, name="web")
        if life.server.get(place)["spec"]["replicas"]:
            life.server.patch(place, MERGE_PATCH, {"spec": {"replicas": 2 + choices.below(3)}})
        life.scheduler.sleep(choices.seconds(120))


def _reapply(life: Simulation, number: int) -> None:
    """Flux applies the manifests again: the fields that it owns, and nothing of ours."""
    choices = life.scheduler.choices
    for turn in range(CHANGES):
        mark = {"metadata": {"annotations": {"example.com/revision": f"{number}.{turn}"}}}
        for route in life.town.routes:
            life.server.patch(Address(TRAEFIK, EDGE, "ingressroutes", route), MERGE_PATCH, mark)
        place = _workload(life)
        life.server.patch(place, MERGE_PATCH, {"metadata": {"labels": {"app": place.name, "by": f"flux-{turn}"}}})
        life.scheduler.sleep(choices.seconds(60))


def _cancel(life: Simulation, number: int) -> None:
    """A person cancels a run in Prefect's UI: its process is killed wherever it is."""
    choices = life.scheduler.choices
    at_work = [run for run in life.prefect.runs if run.state in ("RUNNING", "PAUSED", "SCHEDULED")]
    if at_work:
        life.prefect.cancel(at_work[choices.below(len(at_work))])


ACTORS: Mapping[str, Actor] = MappingProxyType(
    {
        "build": Actor(_build, anyhow=True),
        "approver": Actor(lambda life, _: _answers(life, Decision.APPROVE, 8, late=False), ()),
        "denier": Actor(lambda life, _: _answers(life, Decision.REJECT, 2, late=True), ()),
        "rollback": Actor(_roll_back, (*SEEN, *SEEN, Phase.ROLLING_BACK, Phase.SETTLED)),
        "abort": Actor(_roll_back, UNSEEN),
        "mover": Actor(_move, title="a person: mover"),
        "paster": Actor(_paste, SEEN, title="a pasted line"),
        "scaler": Actor(_scale, title="a person: scaler"),
        "undoer": Actor(_undo, title="a person: undoer"),
        "annotation deleter": Actor(_delete_annotation, title="a person: deleter"),
        "autoscaler": Actor(_autoscale, title="an autoscaler"),
        "flux": Actor(_reapply, title="a person: Flux"),
        "canceller": Actor(_cancel),
        "freezer": Actor(_freeze),
        "extender": Actor(_extend, (Phase.LIVE,)),
    }
)


@dataclass(eq=False)
class Naps:
    """Stops processes as the plan says, and wakes them."""

    life: Simulation
    met: Counter[tuple[str, str]] = field(default_factory=Counter)
    seen: set[tuple[str, int]] = field(default_factory=set)
    """The entries of the journal that a process has opened."""
    taken: set[Nap] = field(default_factory=set)

    def look(self, process: Process, method: str, path: str) -> None:
        """Called before each request: puts its process to sleep where it is time."""
        if method != "GET" and "/leases" not in path:
            self.life.promises.woken.discard(process.name)
        if not self.life.plan.naps:
            return
        kinds = [f"{method} {word}" for word in path.split("/")]
        entry = self.life.promises.entry_of(process.name)
        if entry is not None and (process.name, entry) not in self.seen:
            self.seen.add((process.name, entry))
            kinds.append("entry")
        for nap in self.life.plan.naps:
            if nap.at in kinds and nap not in self.taken and process.name.startswith(nap.who):
                self.met[nap.who, nap.at] += 1
                if self.met[nap.who, nap.at] > nap.number:
                    self.taken.add(nap)
                    self.life.tell(
                        process.name, f"is stopped by its machine for {nap.seconds:g} s before {method} {path}"
                    )
                    self._sleep(process, nap.seconds)
                    self.life.promises.woken.add(process.name)
                    self.life.tell(process.name, "goes on")

    def _sleep(self, process: Process, seconds: float) -> None:
        scheduler = self.life.scheduler
        wakes = scheduler.now + seconds
        for task in scheduler.tasks:
            if task.process is process and task is not scheduler.current:
                held = task.condition
                task.until = max(task.until, wakes)
                if held:
                    task.condition = lambda held=held: scheduler.now >= wakes and held()
        scheduler.sleep(seconds)
