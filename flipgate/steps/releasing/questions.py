"""Questions to people, and their decisions, both in the record. Prefect's resume only wakes the waiting run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from flipgate.core.gates.declared import word_for
from flipgate.core.gates.or_tick import ticks_for, without_ticks_for
from flipgate.core.record import approvals, soak
from flipgate.core.record import record as records
from flipgate.core.record.approvals import Granted, NotGranted, accept, ask_for, asked_already
from flipgate.core.record.became import became
from flipgate.core.record.phases import Phase, QuestionKind, Reason, asked_in
from flipgate.core.record.pipelines import FLIP_TRAFFIC, SCALE_DOWN
from flipgate.core.record.planned import lines_of, parts
from flipgate.core.record.record import Decision, Question, Record
from flipgate.core.record.release import Release, frozen
from flipgate.core.record.stopped import last_attempt
from flipgate.core.record.ticks import missing, not_asked, options, ticks_of
from flipgate.core.record.who_may import WhoMay, who_may
from flipgate.core.traffic.look_first import port_forwards
from flipgate.core.values.base import but
from flipgate.core.values.errors import BadInput, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.verdicts import Evidence, Verdict
from flipgate.core.values.who import Speaker
from flipgate.core.workloads.containers import behind
from flipgate.core.workloads.differences import counted, evidence_of
from flipgate.core.workloads.hand_over import working
from flipgate.core.workloads.render import images_of, meant
from flipgate.core.workloads.view import SideState, View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.outbox import advance, write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.looking.compared import compare_sides
from flipgate.steps.looking.dark_preview import standing_address
from flipgate.steps.looking.differing import differing
from flipgate.steps.looking.look import configuration, look, need_record
from flipgate.steps.releasing.changes import changes_of, losing_data, summary_of
from flipgate.steps.releasing.planned import HOOKS, ROUTES, hook_lines, move_of, plan_of, routes_moved
from flipgate.steps.releasing.settle import need_restable, need_soaked
from flipgate.steps.releasing.what_runs import Behind, deploy_again, need_declared, need_own, services_moved
from flipgate.steps.watching.points import gates_at

VOID = frozenset({Why.BASIS_CHANGED, Why.NOT_AN_APPROVER, Why.SAME_PERSON, Why.SELF_DECLARED, Why.TICK_MISSING})
"""A yes on something else than what would change now, of somebody who may not give it, or without its ticks."""
ASK_AGAIN = VOID | {Why.NO_DECISION, Why.QUESTION_GONE}
"""No standing decision: a question is posed, again if need be."""

ENDS = MappingProxyType(
    {
        Why.REJECTED: (Phase.REJECTED, Reason.REJECTED),
        Why.APPROVAL_EXPIRED: (Phase.EXPIRED, Reason.APPROVAL_EXPIRED),
    }
)
"""What becomes of a dark release on a person's no, or on nobody's word in time."""


def basis(
    world: World, view: View, release: Release, kind: QuestionKind, settings: Mapping[str, Any] | None = None
) -> str:
    """Returns the hash of what would change: images, pod templates, the ConfigMaps they read (`settings`, where they
    have been read), and the plan.

    Never measurements, never versions.
    """
    side = view.sides[release.side if kind is QuestionKind.FLIP else release.side.other]
    change: dict[str, object] = {"kind": kind, "release": release.name, "images": release.images}
    change["templates"] = {name: meant(workload.template) for name, workload in side.workloads.items()}
    if schedules := {name: workload.schedule for name, workload in side.workloads.items() if workload.schedule}:
        change["schedules"] = schedules
    change["configuration"] = configuration(world.cluster, side) if settings is None else settings
    if kind is QuestionKind.FLIP:
        patches = move_of(world, view, release)
        change["plan"] = [[str(p.route), [op for op in p.operations if op["op"] != "test"]] for p in patches]
    else:
        change["plan"] = ["rest", str(side.side), world.application.spec.policy.rest_replicas]
    if (flag := world.application.spec.maintenance) and kind is QuestionKind.FLIP:
        change["maintenance"] = flag.model_dump(mode="json")
    if losing := losing_data(world, view, release, kind):
        change["deletes"] = sorted(workload.name for workload in losing)
    return hashlib.sha256(json.dumps(change, sort_keys=True).encode()).hexdigest()[:16]


@about_application(untouched="everything")
def pose(world: World, kind: QuestionKind, evidence: list[Evidence], *, flow_run: str = "", url: str = "") -> Question:
    """Puts the question into the record, with its evidence frozen. Posing it again while it stands changes nothing, nor
    does it where another run has asked the same, and a person has answered that since the look: that one is returned.

    Raises Refused when the release is not in the phase that the question is for, (SideChanged) when the side to flip to
    does not run the release's images, (TemplateDiffers) when its pods may do more than is declared,
    (ContentDiffers) when they run different content under one tag, and (StillSoaking) before the soak is over.
    """
    view = look(world)
    record = need_record(world, view)
    release = need_phase(world, record, kind)
    if changed := _side_changed(world, view, release, kind):
        raise Refused(
            changed,
            obj=f"side {world.application.place_of(release.side)}",
            reason=Why.SIDE_CHANGED,
            next_command=deploy_again(world, release),
        )
    flip = kind is QuestionKind.FLIP
    settings = configuration(world.cluster, view.sides[release.side]) if flip else None
    found = differing(world, view, release.side, settings) if settings is not None else {}
    need_declared(world, view.sides[release.side], release, found)
    behind = need_own(world, view, release) if flip else Behind({}, {}, ())
    summary = f"{summary_of(record, view, release, kind)} {counted(found)}".rstrip()
    expires = float(world.application.spec.policy.approval_expires_seconds)
    asked = ask_for(record, kind, basis(world, view, release, kind, settings), summary, world.now(), expires)
    known = {ref: each.ids for ref, each in behind.content.items() if each.ids}
    may, services = who_may_approve(world, release), dict(behind.services)
    gates = gates_at(world, kind)
    ticks = (*ticks_of(world.application.spec.policy.ticks, kind), *ticks_for(gates, evidence))
    asked = but(asked, flow_run=flow_run, url=url, content=known, services=services, who_may=may, ticks=ticks)
    asked = but(asked, gates=word_for(gates))
    if standing := asked_already(record, asked):
        return standing
    changes = changes_of(world, view, release, kind, found)
    place = world.application.place_of(release.side)
    look_first: tuple[str, ...] = ()
    if flip:
        look_first = (*standing_address(world, release.side), *port_forwards(view.traffic, place))
    shown = frozen([*evidence, *evidence_of(found), *behind.shown])
    plan, rows = plan_of(world, view, release, kind), compare_sides(world, view, release)
    question = but(asked, evidence=shown, changes=changes, plan=plan, compared=rows, look_first=look_first)
    posed = write(world, lambda record: _posed(world, record, question))
    return posed.question or question


def _posed(world: World, record: Record, question: Question) -> Record:
    """The record with the question; as it is where a person has answered the same meanwhile. Raises Refused
    (StillSoaking) where they have moved the end of the soak."""
    if approvals.answered_meanwhile(record, question):
        return record
    before = soak.lapsed(record, world.actor, question.asked_at)
    if question.kind is QuestionKind.SCALE_DOWN:
        need_soaked(world, question.release, before)
    return approvals.pose(before, question)


@about_application(untouched="everything")
def decide(
    world: World,
    decision: Decision,
    *,
    by: Speaker,
    via: str,
    reason: str,
    ticks: tuple[str, ...] = (),
    only: Question | None = None,
    also: Callable[[Record], Record] | None = None,
) -> Question:
    """Writes a person's decision on the open question; a no revokes a yes that no move has used yet. `also` goes into
    the same write.

    `ticks` are the names of what they say is so. Raises BadInput without a reason, for a yes that lacks a required tick
    and for a tick that is not asked for, Refused without a question (or, with `only`, when another one is open by now),
    when it is answered already, and for a yes of somebody who may not give it. A yes is refused, too, where the
    evidence that was shown has a `fail` for which the step would be refused now (LiveSideNotReady, UndeclaredRoute):
    the question stays open until that is mended.
    """
    if not reason.strip():
        raise BadInput(
            "needs a reason: the next reader of the history will ask for it",
            obj=str(decision),
            next_command=f'flipgate {decision} {world.application.name} --reason "..."',
        )
    record = world.store.read()
    question = record.question
    if question is None or (only and question.id != only.id):
        raise Refused(f"nothing waits for this decision; the release is `{record.phase}`", reason=Why.NO_QUESTION)
    approvals.need_in_time(question, decision, world.now())
    if decision is Decision.APPROVE:
        _need_ticks(world, question, ticks, " --break-glass" if also else "")
    approval = approvals.approval_of(question, decision, by, via, reason.strip(), world.now(), ticks)
    approvals.need_heard(approval, question)
    if decision is Decision.APPROVE and approvals.answerable(record, question):
        _need_mended(world, record, question)
    world.store.update(lambda r: approvals.answer(also(r) if also else r, approval))
    return question


def _need_ticks(world: World, question: Question, said: tuple[str, ...], passing: str) -> None:
    wrong, left = not_asked(question.ticks, said), missing(question.ticks, said)
    if wrong or left:
        raise BadInput(
            f"is not asked for: {wrong}" if wrong else f"has to be said with a yes, and is not: {left}",
            obj=f"a tick of the {question.kind} question",
            untouched="the question: it stays open",
            next_command=f'flipgate approve {world.application.name}{passing}{options(question.ticks)} --reason "..."',
        )


def _need_mended(world: World, record: Record, question: Question) -> None:
    """Raises Refused where what failed when the question was asked still keeps the old side from its rest. A flip asks
    only about what has passed: what else was shown with it stops no move, and is a person's to weigh."""
    failed = any(each.verdict == Verdict.FAIL for each in question.evidence)
    if failed and question.kind is QuestionKind.SCALE_DOWN:
        need_restable(world, look(world), records.need_release(record), verb="approve")


def who_may_approve(world: World, release: Release) -> WhoMay | None:
    """Who may say yes about this release, by the file as it is now."""
    policy = world.application.spec.policy
    return who_may(policy.approvers, release.opened_by, two_persons=policy.two_persons)


def open_question(world: World, kind: QuestionKind) -> Question | None:
    """Returns the record's question, if it is of this kind."""
    question = world.store.read().question
    return question if question is not None and question.kind is kind else None


def last_attempt_at(world: World, kind: QuestionKind) -> tuple[Evidence, ...]:
    """Returns what stopped the run before, where one was stopped: it is shown to whoever is asked again."""
    return last_attempt(world.store.read(), FLIP_TRAFFIC if kind is QuestionKind.FLIP else SCALE_DOWN)


def asks_again(decided: Granted | NotGranted, kind: QuestionKind) -> bool:
    """Whether a person is to be asked now: nothing was decided on what would change now.

    An expired flip ends its release. The old side is kept then, and asked about again.
    """
    if isinstance(decided, Granted):
        return False
    return decided.reason in ASK_AGAIN or (decided.reason == Why.APPROVAL_EXPIRED and kind is QuestionKind.SCALE_DOWN)


def standing(world: World, kind: QuestionKind, view: View | None = None) -> Granted | NotGranted:
    """Returns the decision that allows the step now, or why none does, judged against what would change now: by `view`,
    where that has just been seen (who moves has the Services judged where they are read: `need_approved`)."""
    moving, view = view is not None, view or look(world)
    record = need_record(world, view)
    release = need_phase(world, record, kind)
    if kind is QuestionKind.SCALE_DOWN:
        need_soaked(world, release.name, record)  # a person may have answered that it is kept longer
    if record.question is not None and record.question.kind is not kind:
        return NotGranted(Why.QUESTION_GONE, "another question is open")
    decided = accept(record.approval, record.question, basis(world, view, release, kind), world.now())
    if isinstance(decided, Granted) and record.question and (other := _other_policy(world, release, record.question)):
        return NotGranted(Why.BASIS_CHANGED, f"{other} is no longer what the question said")
    if isinstance(decided, NotGranted) and decided.reason == Why.BASIS_CHANGED and kind is QuestionKind.FLIP:
        assert record.question is not None, "it has another basis"
        told = _changed_since(world, view, release, record.question)
        return NotGranted(Why.BASIS_CHANGED, f"{decided.fact}{told}")
    flips = record.question if isinstance(decided, Granted) and kind is QuestionKind.FLIP else None
    if flips and not moving and (told := services_moved(world, view, release, flips)):
        return NotGranted(Why.BASIS_CHANGED, told)
    changed = _side_changed(world, view, release, kind)
    return NotGranted(Why.SIDE_CHANGED, changed) if changed and isinstance(decided, Granted) else decided


def _other_policy(world: World, release: Release, question: Question) -> str:
    """What the file says of a yes by now, other than when it was asked for."""
    if question.who_may != who_may_approve(world, release):
        return "who may approve"
    gates = gates_at(world, question.kind)
    if without_ticks_for(gates, question.ticks) != ticks_of(world.application.spec.policy.ticks, question.kind):
        return "what is to be ticked with a yes"
    if lines_of(question.plan, HOOKS) != lines_of(parts([(HOOKS, hook_lines(world, question.kind), "")]), HOOKS):
        return "what the hooks are that run then"
    return "" if question.gates == word_for(gates) else "what the gates are that have to pass"


def _changed_since(world: World, view: View, release: Release, question: Question) -> str:
    """What would change now and was not asked about, and the other way round; empty where no line of it tells (one
    of many differences)."""
    found = differing(world, view, release.side, configuration(world.cluster, view.sides[release.side]))
    routes = lines_of(question.plan, ROUTES)  # none of a question that an older flipgate asked
    lines = changes_of(world, view, release, QuestionKind.FLIP, found)
    lines = (*lines, *(routes_moved(world, view, release) if routes else ()))
    asked = (*question.changes, *routes)
    come = [f"now {line}" for line in lines if line not in asked]
    gone = [f"no longer {line}" for line in asked if line not in lines]
    return f": {'; '.join([*come, *gone])}" if come or gone else ""


def since_the_yes(decided: NotGranted) -> list[Evidence]:
    """Returns what made a yes void, for whoever is asked again."""
    if decided.reason not in VOID:
        return []
    return [Evidence("since the last yes", Verdict.INFO, "what would change", "Kubernetes", decided.fact, "")]


def close_refused(world: World, refused: NotGranted, *, via: str = "run") -> None:
    """Ends a dark release after a person's no, or when nobody decided in time. Otherwise the question is withdrawn, to
    be asked again.

    That nobody decided is noted like a decision: by this actor, `via` what it is.
    """
    record, now = world.store.read(), world.now()

    def marked(record: Record) -> Record:
        if refused.reason != Why.APPROVAL_EXPIRED:
            return record
        return approvals.lapse(record, refused.fact, by=world.actor, via=via, now=now)

    if refused.reason in ENDS and record.phase is Phase.DARK:
        phase, reason = ENDS[refused.reason]
        release = need_phase(world, record, QuestionKind.FLIP)
        advance(world, release.name, phase, reason, refused.fact, also=marked)
        write_history(world)
    elif record.question is not None and refused.reason is not Why.QUESTION_GONE:
        kept, asked = refused.reason in ENDS, record.question.id

        def withdrawn(r: Record) -> Record:
            if r.question is None or r.question.id != asked:
                return r  # somebody asks another one by now: it is not this run's
            return approvals.withdraw(soak.keep(marked(r), now) if kept else marked(r))

        world.store.update(withdrawn)


@about_application(untouched="all routes and both sides")
def need_phase(world: World, record: Record, kind: QuestionKind) -> Release:
    """Returns the open release, in the phase this question is for. Raises Refused (WrongPhase) otherwise."""
    wanted = asked_in(kind)
    release = record.release
    if release is None or release.phase is not wanted:
        last = record.newest
        raise Refused(
            f"{became(record, last.name)}; it is not `{wanted}`" if last else f"is `{record.phase}`, not `{wanted}`",
            obj=f"release {last.name}" if last else "",
            reason=Why.WRONG_PHASE,
        )
    return release


def _side_changed(world: World, view: View, release: Release, kind: QuestionKind) -> str:
    """What of the side to flip to is not the release's: images that somebody else has set since, or work that it does
    already, beside the live side. Empty when nothing is."""
    if kind is not QuestionKind.FLIP:
        return ""
    if works := working(world.application.handed_over(), view.sides[release.side]):
        return f"works while {release.side.other} is live, so that work may be done twice: {'; '.join(map(str, works))}"
    told = ", ".join(_other_images(world, view.sides[release.side], release))
    return f"does not run release {release.name}: {told}" if told else ""


def _other_images(world: World, side: SideState, release: Release) -> Iterator[str]:
    runs = images_of(world.application, side)
    for name, ref in release.images.items():
        if runs.get(name) != ref:
            yield f"{name} is {runs.get(name, 'nothing')}, not {ref}"
            continue
        for each in behind(side.workloads[name], world.application.service(name), ref):
            yield f"{each.name} of {name} is {each.image}, not {ref}"


def expire(world: World) -> Question | None:
    """Closes a question whose time is over, and returns it; None when there is none. Expiry means no, and of the old
    side that it is kept.

    Where a run waits that is to ask about that again, the no is written down for it to find when the doorbell rings.
    """
    if _over(world.store.read(), world.now()) is None:
        return None
    with world.looking_anew():  # a yes that was given in time stands
        return _expire(world)


def _over(record: Record, now: datetime) -> Question | None:
    """The question that nobody answered in its time."""
    question = record.question
    if question is None or approvals.answered(record) is not None or now <= question.expires_at:
        return None
    return question


def _expire(world: World) -> Question | None:
    record = world.store.read()
    question = _over(record, world.now())
    if question is None:
        return None
    fact = f"nobody decided before {question.expires_at:%Y-%m-%d %H:%M} UTC"
    early = record.release is not None and record.release.kept is not None and record.release.kept.early is not None
    if record.phase is Phase.LIVE and question.flow_run and not early:
        who, now = Speaker(world.actor), world.now()
        kept = partial(soak.keep, now=now)
        decide(world, Decision.EXPIRED, by=who, via="reconcile", reason=fact, also=kept)
    else:
        close_refused(world, NotGranted(Why.APPROVAL_EXPIRED, fact), via="reconcile")
    return question
