"""What comes next, who does it, and what a person would type: one sentence for each state.

What is offered works when it is typed: where `flipgate rollback` would be refused (`Facts.rollback`), it is not.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypedDict

from flipgate.core.record import queue
from flipgate.core.record.conditions import LIVE_SIDE_READY, ROUTES_IN_GIT, condition_of
from flipgate.core.record.going_on import DOORBELL, asked, gates_held, seen_in_vain
from flipgate.core.record.intents import MOVE_ROUTES
from flipgate.core.record.phases import Phase, QuestionKind
from flipgate.core.record.pipelines import DEPLOY_DARK, FLIP_TRAFFIC, RECONCILE, SCALE_DOWN
from flipgate.core.record.record import ConditionStatus, Record
from flipgate.core.record.release import Release
from flipgate.core.record.stopped import VERBS, again, at_once, dark_side_changed, when
from flipgate.core.record.ticks import options
from flipgate.core.traffic.kinds import KINDS
from flipgate.core.traffic.traffic import Traffic
from flipgate.core.values.managed_fields import APPLY, set_by
from flipgate.core.values.reasons import Why
from flipgate.core.values.sides import Side
from flipgate.core.way_back.accept_side import judge_acceptance
from flipgate.core.way_back.drift import advise_on_drift
from flipgate.core.way_back.facts import Facts, open_way, question_state
from flipgate.core.way_back.going_back import NoWay, latest_stamp
from flipgate.core.way_back.live_side import LiveSideReason, lacks, remedy, shortages, sources
from flipgate.core.way_back.waits_for_git import waits_for_git
from flipgate.core.workloads.counts import counts_that_matter, enough, short_of, without_pods
from flipgate.core.workloads.scalers import fewer

PERSON, RUN, CLOCK, NOBODY = "person", "run", "clock", "nobody"
FOR_LACK_OF_PODS = frozenset(
    {LiveSideReason.NO_READY_POD, LiveSideReason.WORKLOAD_MISSING, LiveSideReason.TOO_FEW_PODS}
)


class Next(TypedDict):
    """The next step of an application."""

    step: str
    """A sentence."""
    by: str
    """person, run, clock or nobody."""
    command: str
    """Empty when there is nothing to type."""


def next_step(facts: Facts) -> Next:
    """The one next step of an application, from one look at it; a request that is to be merged is said with it."""
    step, found = _one_step(facts), condition_of(facts.conditions, ROUTES_IN_GIT)
    asked = facts.record.merge_request if facts.record else None
    if asked is None or found is None or found.reason != Why.AWAITS_MERGE:
        return step
    merge = f"merge {asked.name}: Git follows users to {asked.to}"
    if step["by"] in (CLOCK, NOBODY):
        return _next(f"{merge}; {step['step']}", PERSON, step["command"] if step["by"] == CLOCK else "")
    return _next(f"{step['step']}. A person may meanwhile {merge}", step["by"], step["command"])


def _one_step(facts: Facts) -> Next:
    name, record = facts.application.name, facts.record
    if record is None:
        return _first(name, facts) if facts.managed is False else _unreadable(name, facts)
    if short := _short_live_side(facts):
        return _next(short[0], PERSON, short[1])
    if facts.traffic and facts.traffic.unrecorded:
        said = "an unrecorded rollback sent users back: reconcile writes it down and hands the workers back"
        return _next(said, RUN, _reconcile(name))
    if facts.drift and facts.traffic:
        advice = advise_on_drift(record, facts.application, facts.traffic, facts.movable)
        return _next(f"the routes are not where flipgate left them: {advice.step}", PERSON, advice.command)
    if record.open_entry:
        return _interrupted(name, record, facts)
    if record.under_way is None and (why := queue.left(record)):
        images = " ".join(f"--image {service}={each.image}" for service, each in sorted(record.queued.items()))
        return _next(f"{queue.said(record.queued)}: {why}", PERSON, f"flipgate deploy {name} {images}")
    if record.under_way is None and record.queued:
        return _next(f"{queue.said(record.queued)} waited: reconcile starts it within minutes", CLOCK, "")
    if record.under_way is None:
        command = f"flipgate deploy {name} --image NAME=REF"
        return _next("nothing is under way: a build may open a release", NOBODY, command)
    return _by_phase(name, record, record.under_way, facts)


# Users on a side that is short


def _short_live_side(facts: Facts) -> tuple[str, str] | None:
    """What comes next, and what to type, where the live side is not ready; None where it is, or nobody knows.

    Counts and images are put right by one line. Where no line does that, users leave by the way back, if it is fast.
    """
    condition, record, live = condition_of(facts.conditions, LIVE_SIDE_READY), facts.record, facts.live
    if condition is None or condition.status is not ConditionStatus.FALSE or record is None or live is None:
        return None
    found, back = remedy(record, facts.application, live), off_live_side(facts)
    pods = [(each.workload.ready, each.workload.replicas) for each in shortages(record, facts.application, live)]
    users = f"users are on {live.side}, which {lacks(condition.reason, pods)} ({condition.reason})"
    if back and not found.scales and condition.reason in FOR_LACK_OF_PODS:
        return f"{users}: send them to {live.side.other}, which is up; or {found.how}: {found.line}", back
    told = [f"{users}: {found.how}"]
    if managers := sources(record, facts.application, live):
        told.append(f"{' and '.join(managers)} will write it again until its source is put right, too")
    may_stay = None if facts.drift else judge_acceptance(record, facts.application, live)
    if may_stay and not isinstance(may_stay, NoWay):
        told.append(f'or, where it is right so: flipgate adopt {facts.application.name} --reason "..."')
    if back:
        told.append(f"or send them to {live.side.other}, which is up: {back}")
    return "; ".join(told), found.line


def off_live_side(facts: Facts) -> str:
    """Returns the line that sends users off a live side which is not ready, at once; empty where there is none."""
    condition = condition_of(facts.conditions, LIVE_SIDE_READY)
    if condition is None or condition.status is not ConditionStatus.FALSE or facts.record is None or facts.live is None:
        return ""
    return _to_the_other(facts, facts.record, facts.live.side)


def _to_the_other(facts: Facts, record: Record, side: Side) -> str:
    """The line that sends users to the other side at once, where that is up; empty where it is not."""
    name, other, back = facts.application.name, side.other, open_way(facts)
    if back.way == "fast" and back.side is other:
        return _rollback(name)
    state, occupant = facts.sides.get(other), record.sides.get(other)
    if facts.drift is None or record.active is not other or state is None or (occupant and occupant.contracted):
        return ""
    up = not short_of(state, enough(counts_that_matter(facts.application, record, other)))
    return _rollback(name, other) if up else ""


# Without a record


def _first(name: str, facts: Facts) -> Next:
    """`init` where the side that the routes name is known to serve nobody."""
    if facts.traffic and facts.active is None:
        return _one_side_first(name, facts, facts.traffic, "then tell flipgate what runs: adopt, or init")
    live = facts.sides.get(facts.active) if facts.active else None
    nothing = live and not any(live.ready.get(service.name) for service in facts.application.serving())
    needed = facts.sides.get(facts.active.other) if nothing and facts.active else live
    if needed and needed.missing:
        command = f"kubectl -n {needed.namespace} get {needed.resources}"
        return _next(f"make what {needed.side} lacks: {needed.lacks}", PERSON, command)
    if nothing:
        return _next("nothing runs: tell flipgate that a first release comes", PERSON, f"flipgate init {name}")
    return _next("tell flipgate that what runs is meant to run", PERSON, f"flipgate adopt {name}")


def _unreadable(name: str, facts: Facts) -> Next:
    """Going back works without a record where the routes and the stamps say where to; else it is the record's turn."""
    refused = facts.rollback
    if not isinstance(refused, NoWay):
        return _next("make the record readable; going back works without it", PERSON, _rollback(name))
    if facts.traffic and facts.active is None:
        return _one_side_first(name, facts, facts.traffic, "and make the record readable")
    step = f"make the record readable; without it a rollback is refused ({refused.reason}): {refused.fact}"
    return _next(step, PERSON, f"kubectl -n {facts.namespace} get configmap record-{name} -o yaml")


def _one_side_first(name: str, facts: Facts, traffic: Traffic, then: str) -> Next:
    """The routes name no one side: all users to one that is up, if there is one to choose."""
    if side := _side_to_choose(facts):
        command = _rollback(name, side)
        return _next(f"the routes name no one side: send all users to {side}, {then}", PERSON, command)
    route = next((state for state in traffic.leading if state.whole is None), traffic.leading[0]).route
    command = f"kubectl -n {route.namespace} get {KINDS[route.kind].plural} -o yaml"
    return _next(f"the routes name no one side: point them at one, {then}", PERSON, command)


def _side_to_choose(facts: Facts) -> Side | None:
    """Of the sides that have a Ready pod of each serving service the one that was live before, by the stamps."""
    up = [
        side
        for side, state in facts.sides.items()
        if side in facts.movable and not without_pods(facts.application, facts.record, state)
    ]
    if len(up) < len(Side):
        return up[0] if up else None
    stamps = {side: latest_stamp(facts.sides[side]) for side in up}
    known = sorted((stamp, side) for side, stamp in stamps.items() if stamp is not None)
    return known[0][1] if len(known) == len(Side) and known[0][0] < known[1][0] else None


# With one


def _by_phase(name: str, record: Record, release: Release, facts: Facts) -> Next:
    if asked(record):
        return _asked(name, record, release, facts)
    if release.phase is Phase.LIVE:
        return _soaking(name, record, release, facts)
    back = _back(name, facts)
    goes_on = _again(name, QuestionKind.SCALE_DOWN if release.phase is Phase.SETTLING else QuestionKind.FLIP)
    stopped = _stopped(release, at_once=goes_on, back=bool(back))
    match release.phase:
        case Phase.DEPLOYING:
            if release.stopped:
                end = f"; to end it: {back}" if back else ""
                return _next(f"{_stopped(release)}{end}", RUN, again(record, release, DEPLOY_DARK))
            git = waits_for_git(facts.application, release, facts.sides.get(release.side))
            return _next(f"{DEPLOY_DARK} brings {release.side} up and checks it{git and f': {git}'}", RUN, back)
        case Phase.DARK:
            emptied, is_up = _emptied(release, facts), f"{release.side} is up and checked: ask for the flip"
            asks = "; ".join(each for each in (emptied, _stopped(release)) if each) or is_up
            what = at_once(record, release, release.stopped) if release.stopped else f"flipgate flip {name}"
            return _next(asks, RUN if gates_held(record) else PERSON, what)
        case Phase.BAKING:
            goes_back = ", and goes back by itself" if back else f"; {_closed(record, release)}"
            watches = stopped or f"{FLIP_TRAFFIC} watches {release.side}{goes_back}"
            return _next(watches, RUN, back or goes_on)
        case Phase.FLIPPING:
            moves = stopped or f"{FLIP_TRAFFIC} moves all users to {release.side}"
            return _next(moves, RUN, back or goes_on)
        case Phase.SETTLING if seen_in_vain(record):
            return _next(_seen_in_vain(release, back), PERSON, f"{_again(name, QuestionKind.SCALE_DOWN)} --unseen")
        case Phase.SETTLING:
            rests = stopped or f"{SCALE_DOWN} puts {release.side.other} to rest"
            return _next(rests, RUN, back or goes_on)
        case _:
            return _next(f"all users go back to {release.side.other}; the same again joins it", RUN, back)


def _asked(name: str, record: Record, release: Release, facts: Facts) -> Next:
    question = record.question
    assert question is not None
    state = question_state(record, question, facts.now)
    if state == "open":
        expires = _clock(question.expires_at)
        command = f'flipgate approve {name}{options(question.ticks)} --reason "..."'
        emptied = _emptied(release, facts)
        decides = f"a person decides before {expires}; no decision means no"
        return _next(f"{emptied}; {decides}" if emptied else decides, PERSON, command)
    if state == "approved" and (held := facts.waits):
        step = f"the yes stands until {_clock(question.expires_at)}, and the {question.kind} waits: {held.text}"
        return _next(step, PERSON if held.thaw else CLOCK, held.thaw)
    stop = release.stopped
    if state == "approved" and stop and stop.question == question.id:
        return _next(
            _stopped(release, f"the yes stands until {_clock(question.expires_at)}"),
            RUN,
            _again(name, question.kind),
        )
    said = {
        "approved": "acts on the approval",
        "rejected": "closes it: rejected",
        "expired": "asks again: nobody decided" if release.phase is Phase.LIVE else "closes it: nobody decided",
        "rollback": "sends users back",
    }
    step = f"{question.kind}'s run {said.get(state, 'asks again')}"
    decided = record.approval
    if state == "approved" and decided and facts.now - decided.at >= DOORBELL:
        minutes = (facts.now - decided.at) // timedelta(minutes=1)
        step += f", given {minutes} min ago; if that run is gone, reconcile starts another within five minutes"
    return _next(step, RUN, _again(name, question.kind))


def _emptied(release: Release, facts: Facts) -> str:
    """Who made a dark side smaller than its release; empty where nobody did. An autoscaler that does so is not meant: a
    flip gives the side what the live one has."""
    state = facts.sides.get(release.side)
    if state is None or release.phase is not Phase.DARK:
        return ""
    few = [(each, release.wanted[name]) for name, each in fewer(state, release.wanted).items()]
    told = [
        f"{each} asks for {each.replicas} of {count} wanted pods{set_by(each.scaled_by, 'set')}"
        for each, count in few
        if not each.replicas or (each.scaled_by and each.scaled_by.operation == APPLY)
    ]
    return f"{release.side} is not as it was checked: {', '.join(told)}" if told else ""


def _stopped(release: Release, also: str = "", *, at_once: str = "", back: bool = False) -> str:
    """What stopped the run, and who goes on; empty where none did. Where the command beside it leads `back`, the one
    that goes on `at_once` stands in the words."""
    stop = release.stopped
    if stop is None:
        return ""
    goes_on = "has a person asked again" if stop.withdrawn else "goes on"
    now = f"or at once: {at_once}; to send users back instead" if back else "or at once"
    follows = f"reconcile {goes_on} {when(stop)}, {now}"
    if dark_side_changed(release, stop):
        follows = f"nobody is asked until {release.side} is brought up once more"
    said = "; ".join(each for each in (also, follows) if each)
    return f"{VERBS[stop.pipeline]}'s run stopped at {_clock(stop.at)} ({stop.reason}): {stop.fact}; {said}"


def _seen_in_vain(release: Release, back: str) -> str:
    """The old side rests, some Traefik replica does not show the live one, and nobody looks again by himself."""
    assert release.stopped is not None
    ways = ["mend that replica, or what the routes depend on", "or close the release as it is"]
    if back:
        ways.append(f"or bring {release.side.other} up again and users there: {back}")
    return f"{release.stopped.fact}; nobody looks again: {', '.join(ways)}"


def _soaking(name: str, record: Record, release: Release, facts: Facts) -> Next:
    first = not record.ran_on(release.side.other)
    if release.settle_after and release.soaks(facts.now):
        until = _clock(release.settle_after)
        if first:
            return _next(f"a first release, with no way back, soaks until {until}", CLOCK)
        if isinstance(facts.rollback, NoWay):
            return _next(f"{release.side.other} stays up until {until}, and is no way back any more", CLOCK)
        return _next(f"{release.side.other} stays up as the way back until {until}", CLOCK, _rollback(name))
    if stopped := _stopped(release):
        return _next(stopped, RUN if gates_held(record) else PERSON, _again(name, QuestionKind.SCALE_DOWN))
    if release.kept and release.kept.early:
        early = f"a person wants to be asked before the soak ends at {_clock(release.settle_after or facts.now)}"
        return _next(early, PERSON, _again(name, QuestionKind.SCALE_DOWN))
    after = "the first release may be closed" if first else f"{release.side.other} may rest"
    return _next(f"the soak is over: {after}", PERSON, _again(name, QuestionKind.SCALE_DOWN))


def _closed(record: Record, release: Release) -> str:
    """Why nobody can be sent back from this release."""
    if not record.ran_on(release.side.other):
        return "there is no way back from a first release"
    return f"{release.side.other} is no way back any more"


def _interrupted(name: str, record: Record, facts: Facts) -> Next:
    """An open entry is a step at work, or one that died; only its age and its actor tell people which."""
    entry = record.open_entry
    assert entry is not None
    protects = "; both sides are protected" if entry.step == MOVE_ROUTES else ""
    step = f"{entry.step} of {entry.actor} is under way since {entry.at:%H:%M:%S} UTC{protects}"
    if entry.step == MOVE_ROUTES and facts.traffic and not any(state.entries for state in facts.traffic.leading):
        advice = advise_on_drift(record, facts.application, facts.traffic, facts.movable)
        return _next(f"{step}. No route leads to a side: {advice.step}", PERSON, advice.command)
    return _next(f"{step}. If that actor is gone, run the reconcile flow", RUN, _reconcile(name))


def _back(name: str, facts: Facts) -> str:
    """The way back as it is typed; empty where it would be refused."""
    return "" if isinstance(facts.rollback, NoWay) else _rollback(name)


def _again(name: str, kind: str) -> str:
    return f"flipgate {kind} {name}"


def _rollback(name: str, to: Side | None = None) -> str:
    return f'flipgate rollback {name} {f"--to {to} " if to else ""}--reason "..."'


def _reconcile(name: str) -> str:
    return f"prefect deployment run {RECONCILE}/{RECONCILE} --param application={name}"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _next(step: str, by: str, command: str = "") -> Next:
    return {"step": step, "by": by, "command": command}
