"""What `flipgate status` knows: read piece by piece, so that one piece that cannot be read hides no other.

The dictionaries made here are what `-o json` prints; their keys are treated as API.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from flipgate.cli._print import iso
from flipgate.core.record.approvals import NotGranted, accept
from flipgate.core.record.conditions import held
from flipgate.core.record.phases import TERMINAL
from flipgate.core.record.record import Condition, Question, Record
from flipgate.core.record.release import Release, phase_seconds
from flipgate.core.traffic.traffic import RouteState, Traffic
from flipgate.core.values.errors import FlipgateError, NotFound, Unreachable
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.values.unread import Unread
from flipgate.core.way_back.explain import Drift, explain, judge_drift
from flipgate.core.way_back.going_back import Back, NoWay, judge_rollback
from flipgate.core.way_back.live_side import LiveSide, judge_live_side
from flipgate.core.way_back.unwatched import Reconciled, judge_unwatched
from flipgate.core.way_back.way_back import OldSide, counts_that_matter, judge_way_back, way_back_of
from flipgate.core.workloads.hand_over import working
from flipgate.core.workloads.view import SideState, enough, short_of
from flipgate.steps.acting.reconciled import read_reconciled
from flipgate.steps.looking.drift import movable_sides
from flipgate.steps.looking.look import look_at_side, look_at_traffic
from flipgate.steps.looking.observe import Observed, agreed, observe
from flipgate.steps.watching.conditions import read_live_side, read_old_side

if TYPE_CHECKING:
    from flipgate.core.spec.application import Application
    from flipgate.steps.acting.world import World

Read = TypeVar("Read")
SAYS_WHERE = frozenset({Why.WAY_BACK_NOT_READY, Why.CONTRACT_MIGRATION_DONE})
"""Reasons of a rollback that is refused for what is found on the side it would go to."""


@dataclass
class Facts:
    """One look for people. `record` is None when there is none, and when it cannot be read: `managed` tells which."""

    application: Application
    now: datetime
    traffic: Traffic | None = None
    sides: dict[Side, SideState] = field(default_factory=dict)
    record: Record | None = None
    managed: bool | None = None
    old: OldSide = field(default_factory=OldSide)
    live: LiveSide | None = None
    observed: tuple[Observed, ...] = ()
    reconciled: Reconciled | Unread | None = None
    problems: dict[str, str] = field(default_factory=dict)
    movable: frozenset[Side] = frozenset(Side)
    """The sides that a route can be sent to, where a person names one."""
    namespace: str = "flipgate"
    """Where the record is."""

    @property
    def rollback(self) -> Back | NoWay | None:
        """What `flipgate rollback` would do now; None where too little could be read to say."""
        if self.managed is False:
            return NoWay(Why.NOT_FOUND, "nothing is managed yet")
        if self.record is None and (self.traffic is None or len(self.sides) < len(Side)):
            return None
        return judge_rollback(self.record, self.application, self.traffic, self.sides, self.movable)

    @property
    def active(self) -> Side | None:
        return self.traffic.active if self.traffic else None

    @property
    def phase(self) -> str:
        """The phase, or `unmanaged` before `adopt`, or `unknown` when the record cannot be read."""
        if self.record:
            return str(self.record.phase)
        return "unmanaged" if self.managed is False else "unknown"

    @property
    def drift(self) -> str | None:
        """What the routes say against the record, when no step of ours explains it."""
        if not (self.record and self.traffic):
            return None
        found = explain(self.record, self.traffic)
        return found.fact if isinstance(found, Drift) else None

    @property
    def conditions(self) -> list[Condition]:
        """Judged now; `since` is the record's as long as the status is. None of them before `adopt`."""
        if self.managed is False:
            return []
        unread = "; ".join(fact for what, fact in self.problems.items() if what in ("record", "routes"))
        found = [judge_drift(self.record, self.traffic, self.now, unread)]
        unwatched = judge_unwatched(self.reconciled, self.record, self.now)  # knows itself since when
        if self.record is None:
            return [*found, unwatched]
        ready = judge_way_back(self.record, self.application, self.old, self.now)
        live = judge_live_side(self.record, self.application, self.live, self.now)
        return [*(held(self.record.conditions, each) for each in (ready, *found, live) if each), unwatched]


def collect(world: World) -> Facts:
    """Reads sides, record and routes, the routes last. Raises Unreachable only: without a cluster nothing is known.

    Traefik's replicas are asked meanwhile; what they do not show in time is no problem of the look.
    """
    told = observe(world)
    facts = Facts(world.application, world.now(), namespace=world.store.namespace)
    for side in Side:
        state = _read(facts, f"side {side}", lambda s=side: look_at_side(world, s))  # type: ignore[misc]
        if state is not None:
            facts.sides[side] = state
    facts.reconciled = read_reconciled(world)
    facts.record = _read(facts, "record", lambda: _find(facts, world))
    old = way_back_of(facts.record) if facts.record else None
    if old:
        facts.old = read_old_side(world, old, facts.sides.get(old) or Unread(facts.problems[f"side {old}"]))
    facts.traffic = _read(facts, "routes", lambda: look_at_traffic(world))
    if facts.record and (live := facts.active):
        found = facts.sides.get(live) or Unread(facts.problems[f"side {live}"])
        facts.live = read_live_side(world, facts.record, live, found)
    if (traffic := facts.traffic) and traffic.active is None:
        facts.movable = _read(facts, "Services", lambda: movable_sides(world, traffic)) or frozenset()
    facts.observed = told()
    return facts


def as_data(facts: Facts, next_step: dict[str, str], namespace: str, context: str) -> dict[str, Any]:
    """Everything, as `-o json` prints it."""
    record = facts.record
    release = record.release if record else None
    entry = record.open_entry if record else None
    return {
        "application": facts.application.name,
        "namespace": namespace,
        "context": context,
        "managed": facts.managed,
        "activeByRoutes": _text(facts.active),
        "activeByRecord": _text(record.active if record else None),
        "activeByTraffic": _text(agreed(facts.observed)),
        "phase": facts.phase,
        "since": iso(release.since) if release else None,
        "next": next_step,
        "release": _release(release, facts.now) if release else None,
        "lastRelease": _release(record.last, facts.now) if record and record.last else None,
        "waitsFor": _waits_for(record, facts.now) if record and record.question else None,
        "wayBack": {**way_back(facts), "why": facts.rollback.fact if isinstance(facts.rollback, NoWay) else None},
        "conditions": [_condition(condition) for condition in facts.conditions],
        "openEntry": entry.model_dump(mode="json", by_alias=True) if entry else None,
        "drift": facts.drift,
        "routes": [_route(route) for route in facts.traffic.routes] if facts.traffic else [],
        "traffic": [{"replica": o.replica, "side": _text(o.side), "text": o.text} for o in facts.observed],
        "sides": {str(side): _side(facts, side) for side in Side},
        "undelivered": len(record.outbox) if record else (0 if facts.managed is False else None),
        "problems": [{"of": what, "fact": fact} for what, fact in facts.problems.items()],
    }


def way_back(facts: Facts) -> dict[str, Any]:
    """Whether users could be sent back now, where to, and how fast, as rolling back itself judges.

    `way` is fast, slow (pods come first), abort (users saw nothing yet), none, or unknown (something was not read).
    How the side is beside its pods is said by WayBackReady, which is never True unless `way` is fast.
    """
    judged, side = facts.rollback, _old_side(facts)
    if isinstance(judged, Back) and judged.to is None:
        return {"way": "abort", "side": None, "services": []}
    if isinstance(judged, NoWay) and judged.reason not in SAYS_WHERE:
        return {"way": "none", "side": None, "services": []}
    state = facts.sides.get(side) if side else None
    if judged is None or side is None or state is None:
        return {"way": "unknown", "side": _text(side), "services": []}
    wanted = counts_that_matter(facts.application, facts.record, side)
    ready = state.ready
    services = [{"name": name, "ready": ready.get(name, 0), "wanted": count} for name, count in wanted.items()]
    way = "slow" if short_of(state, enough(wanted)) else "fast"
    return {"way": way if isinstance(judged, Back) else "none", "side": str(side), "services": services}


def _old_side(facts: Facts) -> Side | None:
    """The side that the way back is about."""
    if isinstance(facts.rollback, Back) and facts.rollback.to:
        return facts.rollback.to
    release = facts.record.release if facts.record else None
    return release.side.other if release else (facts.active.other if facts.active else None)


def _find(facts: Facts, world: World) -> Record | None:
    try:
        record = world.store.read()
    except NotFound:
        facts.managed = False
        return None
    facts.managed = True
    return record


def _read(facts: Facts, what: str, action: Callable[[], Read]) -> Read | None:
    """One piece; what keeps it from being read becomes a problem of that piece alone."""
    try:
        return action()
    except Unreachable:
        raise
    except FlipgateError as error:
        facts.problems[what] = str(error)
        return None


def _waits_for(record: Record, now: datetime) -> dict[str, Any]:
    question, approval = record.question, record.approval
    assert question is not None
    decision = None
    if approval:
        decision = {
            "decision": str(approval.decision),
            "by": approval.by,
            "via": approval.via,
            "reason": approval.reason,
            "at": iso(approval.at),
            "spent": approval.spent_by is not None,
        }
    return {
        "question": question.id,
        "kind": str(question.kind),
        "release": question.release,
        "summary": question.summary,
        "askedAt": iso(question.asked_at),
        "expiresAt": iso(question.expires_at),
        "state": question_state(record, question, now),
        "flowRun": question.flow_run,
        "url": question.url,
        "evidence": [proof.model_dump() for proof in question.evidence],
        "decision": decision,
    }


def question_state(record: Record, question: Question, now: datetime) -> str:
    """`open`, `approved`, `rejected`, `expired` or `void`; whether the basis still holds is the run's to judge."""
    judged = accept(record.approval, question, question.basis, now)
    if not isinstance(judged, NotGranted):
        return "approved"
    return {Why.NO_DECISION: "open", Why.REJECTED: "rejected", Why.APPROVAL_EXPIRED: "expired"}.get(
        judged.reason, "void"
    )


def _release(release: Release, now: datetime) -> dict[str, Any]:
    change = release.changes[-1]
    return {
        "name": release.name,
        "side": str(release.side),
        "phase": str(change.phase),
        "reason": str(change.reason),
        "message": change.message,
        "since": iso(change.at),
        "ended": release.phase in TERMINAL,
        "openedBy": release.opened_by,
        "openedAt": iso(release.changes[0].at),
        "settleAfter": iso(release.settle_after),
        "movedAt": iso(release.moved_at),
        "firstNewAnswerMs": release.first_new_answer_ms,
        "lastOldAnswerMs": release.last_old_answer_ms,
        "images": dict(release.images),
        "wanted": dict(release.wanted),
        "stopped": _stopped(release),
        "phaseSeconds": phase_seconds(release, now),
    }


def _stopped(release: Release) -> dict[str, Any] | None:
    stop = release.stopped
    if stop is None:
        return None
    approval = "withdrawn" if stop.withdrawn else ("stands" if stop.question else "none")
    said = {"pipeline": stop.pipeline, "reason": stop.reason, "fact": stop.fact, "at": iso(stop.at)}
    return {**said, "approval": approval, "run": stop.run}


def _condition(condition: Condition) -> dict[str, Any]:
    said = {"type": condition.type, "status": str(condition.status), "reason": condition.reason}
    return {**said, "message": condition.message, "since": iso(condition.since)}


def _route(route: RouteState) -> dict[str, Any]:
    return {
        "kind": route.route.kind,
        "namespace": route.route.namespace,
        "name": route.route.name,
        "found": route.found,
        "side": _text(route.whole),
        "sides": sorted(str(side) for side in route.sides),
        "via": [str(name) for name in route.via],
        "others": list(route.strangers),
        "text": str(route),
    }


def _side(facts: Facts, side: Side) -> dict[str, Any]:
    state = facts.sides.get(side)
    services = []
    for service in facts.application.spec.services if state else ():
        assert state is not None
        workload, switch = state.workloads[service.name], state.switches.get(service.name)
        services.append(
            {
                "name": service.name,
                "role": service.role,
                "found": workload.found,
                "ready": workload.ready,
                "wanted": workload.replicas,
                "image": workload.image_of(service.container),
                "suspended": workload.suspended if workload.kind == "CronJob" else None,
                "consumes": switch.says(True) if switch else None,
            }
        )
    active = None if facts.traffic is None else facts.active is side
    place = {"namespace": facts.application.namespace_of(side), "active": active, "contracted": _contract(facts, side)}
    return {**place, "works": list(_works(facts, side)), "services": services}


def _works(facts: Facts, side: Side) -> tuple[str, ...]:
    """What works on the dark side, too, while nothing is handed over: work may be done twice."""
    record, state = facts.record, facts.sides.get(side)
    if record is None or state is None or facts.active is not side.other:
        return ()
    if record.open_entry or record.phase.row.half_way:
        return ()
    return working(facts.application.handed_over(), state)


def _contract(facts: Facts, side: Side) -> dict[str, Any] | None:
    occupant = facts.record.sides.get(side) if facts.record else None
    done = occupant.contracted if occupant else None
    return {"reason": done.reason, "by": done.by, "at": iso(done.at)} if done else None


def _text(side: Side | None) -> str | None:
    return str(side) if side else None
