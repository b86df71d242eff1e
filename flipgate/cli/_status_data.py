"""What `flipgate status -o json` prints. The keys are treated as API."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from flipgate.cli._databases import as_data as migration_data
from flipgate.cli._print import commits, iso
from flipgate.core.gates.hooks import STEP
from flipgate.core.record.approvals import unheard
from flipgate.core.record.before_pods import before_pods
from flipgate.core.record.freeze import BreakGlass
from flipgate.core.record.maintenance import Maintenance
from flipgate.core.record.maintenance_off import by_hand
from flipgate.core.record.phases import TERMINAL, Phase
from flipgate.core.record.record import Condition, Record
from flipgate.core.record.release import Release, phase_seconds
from flipgate.core.record.soak import days_kept, why_kept
from flipgate.core.traffic.dark_preview import DarkPreviewTold
from flipgate.core.traffic.traffic import RouteState
from flipgate.core.values.errors import Refused
from flipgate.core.values.sides import Side
from flipgate.core.way_back.by_hand import foreign_lines, lines_back
from flipgate.core.way_back.dark_side import stopping
from flipgate.core.way_back.facts import Facts, agreed, open_way, question_state, works
from flipgate.core.way_back.going_back import NoWay
from flipgate.core.way_back.next_step import Next, off_live_side
from flipgate.core.way_back.waits_for_git import waits_for_git
from flipgate.core.workloads.counts import coming_up, each_of


def as_data(facts: Facts, next_step: Next, namespace: str, context: str) -> dict[str, Any]:
    """Everything, as `-o json` prints it."""
    record = facts.record
    release = record.release if record else None
    entry = record.open_entry if record else None
    refused = record.refused_build if record else None
    back = way_back(facts)
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
        "comingUp": _coming_up(facts),
        "lastRelease": _release(record.last, facts.now) if record and record.last else None,
        "queued": [
            {"service": name, "image": each.image, "at": iso(each.at), "by": each.by}
            for name, each in sorted(record.queued.items())
        ]
        if record
        else [],
        "refusedBuild": {"fact": refused.fact, "at": iso(refused.at)} if refused else None,
        "waitsFor": _waits_for(record, facts.now) if record and record.question else None,
        "kept": _kept(facts),
        "held": _held(facts),
        "breakGlass": _glass(record.glass) if record and record.glass else None,
        "migrations": [migration_data(each) for each in record.migrations] if record else [],
        "clones": [str(each) for each in record.clones] if record else [],
        "stopped": [str(each) for each in record.stopped] if record else [],
        "maintenance": _maintenance(record.maintenance) if record and record.maintenance else None,
        "darkPreview": _dark_preview(facts.dark_preview),
        "wayBack": {
            **back,
            **_by_hand(facts, back["way"]),
            "why": facts.rollback.fact if isinstance(facts.rollback, NoWay) else None,
            "offLiveSide": off_live_side(facts),
        },
        "conditions": [_condition(condition) for condition in facts.conditions],
        "openEntry": entry.model_dump(mode="json", by_alias=True) if entry else None,
        "drift": facts.drift,
        "routes": [_route(route) for route in facts.traffic.routes] if facts.traffic else [],
        "traffic": [{"replica": o.replica, "side": _text(o.side), "text": o.text} for o in facts.observed],
        "sides": {str(side): _side(facts, side) for side in Side},
        "undelivered": len(record.outbox) if record else (0 if facts.managed is False else None),
        "undeliveredSince": iso(record.outbox[0].at) if record and record.outbox else None,
        "problems": [{"of": what, "fact": fact} for what, fact in facts.problems.items()],
    }


def way_back(facts: Facts) -> dict[str, Any]:
    """The way back that is open, as it is printed."""
    found = open_way(facts)
    services = [{"name": name, "ready": ready, "wanted": wanted} for name, ready, wanted in found.services]
    return {"way": found.way, "side": _text(found.side), "services": services}


def _by_hand(facts: Facts, way: str) -> dict[str, list[str]]:
    """The way back without flipgate, as it is now, and where what stands on a route is not that."""
    places = facts.application.places
    try:
        lines = lines_back(facts.traffic, places, facts.hold) if facts.traffic and way in ("fast", "slow") else ()
    except Refused:  # the lines on the routes say which of them cannot be moved
        lines = ()
    return {
        "byHand": list(lines),
        "foreignLines": list(foreign_lines(facts.traffic, places)) if facts.traffic else [],
    }


def _waits_for(record: Record, now: datetime) -> dict[str, Any]:
    question, approval = record.question, record.approval
    assert question is not None
    decision = None
    if approval:
        decision = {
            "decision": str(approval.decision),
            "by": approval.said_by,
            "via": approval.via,
            "reason": approval.reason,
            "at": iso(approval.at),
            "spent": approval.spent_by is not None,
            "void": void.fact if (void := unheard(approval, question)) else "",
            "ticks": list(approval.ticks),
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
        "changes": list(question.changes),
        "compared": [row.model_dump(by_alias=True) for row in question.compared],
        "plan": [{"of": part.of, "lines": list(part.lines)} for part in question.plan],
        "lookFirst": list(question.look_first),
        "whoMay": str(question.who_may) if question.who_may else None,
        "ticks": [{"name": each.name, "text": each.text, "required": each.required} for each in question.ticks],
        "evidence": [proof.model_dump() for proof in question.evidence],
        "decision": decision,
    }


def _kept(facts: Facts) -> dict[str, Any] | None:
    """How long an old side is kept beyond its soak, why, and what it costs."""
    release = facts.record.release if facts.record else None
    if release is None or release.kept is None or not (days := days_kept(release, facts.now)):
        return None
    costs = facts.costs
    return {
        "side": str(release.side.other),
        "since": iso(release.kept.since),
        "days": days,
        "why": why_kept(release),
        "costs": str(costs) if costs else None,
        "pods": costs.pods if costs else None,
        "cpu": float(costs.cpu) if costs else None,
        "memoryBytes": int(costs.memory) if costs else None,
    }


def _held(facts: Facts) -> dict[str, Any] | None:
    found = facts.held
    if found is None:
        return None
    frozen = found.freeze
    who = {"by": frozen.said_by, "why": frozen.reason, "since": iso(frozen.at)} if frozen else None
    return {
        "reason": str(found.reason),
        "text": found.text,
        "frozen": who,
        "opensAt": iso(found.opens),
        "thaw": found.thaw,
    }


def _glass(glass: BreakGlass) -> dict[str, Any]:
    said = {"kind": str(glass.kind), "by": glass.said_by, "reason": glass.reason}
    return {**said, "at": iso(glass.at), "expiresAt": iso(glass.expires_at)}


def _maintenance(flag: Maintenance) -> dict[str, Any]:
    return {
        "flag": str(flag),
        "value": flag.during,
        "since": iso(flag.at),
        "leftOn": flag.left_on,
        "off": by_hand(flag),
    }


def _dark_preview(told: DarkPreviewTold | None) -> dict[str, Any] | None:
    if told is None:
        return None
    return {"address": told.address, "side": _text(told.side), "text": told.fact, "right": told.right}


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
        "soakMoved": bool(release.kept and release.kept.ends),
        "early": iso(release.kept.early) if release.kept else None,
        "movedAt": iso(release.moved_at),
        "firstNewAnswerMs": release.first_new_answer_ms,
        "lastOldAnswerMs": release.last_old_answer_ms,
        "images": dict(release.images),
        "commits": commits(release),
        "wanted": dict(release.wanted),
        "hooks": list(_hooks(release)),
        "stopped": _stopped(release),
        "phaseSeconds": phase_seconds(release, now),
    }


def _hooks(release: Release) -> Iterator[dict[str, Any]]:
    """What each hook said, and which of them run."""
    for said in release.judgements:
        for proof in said.proofs if said.step.startswith(STEP) else ():
            told = {"at": said.step.removeprefix(STEP), "name": proof.gate, "verdict": str(proof.verdict)}
            yield {**told, "detail": proof.detail, "since": iso(said.at)}


def _coming_up(facts: Facts) -> dict[str, Any] | None:
    release = facts.record.release if facts.record else None
    state = facts.sides.get(release.side) if release else None
    if release is None or state is None or release.phase is not Phase.DEPLOYING:
        return None
    counts = coming_up(state, release.wanted)
    services = [{"name": name, "ready": ready, "wanted": wanted} for name, (ready, wanted) in counts.items()]
    before = facts.record and before_pods(facts.record, release)
    return {"text": waits_for_git(facts.application, release, state) or before or each_of(counts), "services": services}


def _stopped(release: Release) -> dict[str, Any] | None:
    stop = release.stopped
    if stop is None:
        return None
    approval = "withdrawn" if stop.withdrawn else ("stands" if stop.question else "none")
    said = {"pipeline": stop.pipeline, "reason": stop.reason, "fact": stop.fact, "at": iso(stop.at)}
    return {**said, "approval": approval, "run": stop.run}


def _condition(condition: Condition) -> dict[str, Any]:
    said = {"type": condition.type, "status": str(condition.status), "reason": condition.reason}
    looked = {"lookedAt": iso(condition.looked_at)} if condition.looked_at else {}
    return {**said, "message": condition.message, "since": iso(condition.since), **looked}


def _route(route: RouteState) -> dict[str, Any]:
    return {
        "kind": route.route.kind,
        "namespace": route.route.namespace,
        "name": route.route.name,
        "found": route.found,
        "side": _text(route.whole),
        "sides": sorted(str(side) for side in route.sides),
        "via": [str(name) for name in route.via],
        "others": list(route.foreign_backends),
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
    working = works(facts, side)
    return {
        "namespace": facts.application.place_of(side).namespace,
        "active": active,
        "contracted": _contract(facts, side),
        "works": [str(each) for each in working],
        "stop": stopping(working),
        "services": services,
    }


def _contract(facts: Facts, side: Side) -> dict[str, Any] | None:
    occupant = facts.record.sides.get(side) if facts.record else None
    done = occupant.contracted if occupant else None
    return {"reason": done.reason, "by": done.by, "at": iso(done.at)} if done else None


def _text(side: Side | None) -> str | None:
    return str(side) if side else None
