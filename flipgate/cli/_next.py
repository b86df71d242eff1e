"""What comes next, who is to do it, and what a person would type: one sentence for each state."""

from __future__ import annotations

from flipgate.cli._facts import Facts, question_state
from flipgate.cli._live_side import short_live_side
from flipgate.cli._print import clock, iso
from flipgate.core.record import ASKED_IN, MOVE_ROUTES, Record
from flipgate.core.release import Phase, Release

PERSON, RUN, CLOCK, NOBODY = "person", "run", "clock", "nobody"


def next_step(facts: Facts) -> dict[str, str]:
    """`step` (a sentence), `by` (person, run, clock or nobody) and `command` (empty when there is nothing to type)."""
    name, record = facts.application.name, facts.record
    if record is None:
        if facts.managed is False:
            return _first(name, facts)
        return _next("make the record readable; going back works without it", PERSON, _rollback(name))
    if short := short_live_side(facts):
        return _next(short[0], PERSON, short[1])
    if facts.drift:
        return _next("settle the drift with the reconcile flow; going back works meanwhile", PERSON, _reconcile(name))
    if record.release is None or record.phase is Phase.ROLLED_BACK:
        return _next("nothing is under way: a build may open a release", NOBODY, f"flipgate deploy {name} --image ...")
    if record.open_entry:
        return _interrupted(name, record)
    return _by_phase(name, record, record.release, facts)


def _first(name: str, facts: Facts) -> dict[str, str]:
    """`init` where the side that the routes name is known to serve nobody."""
    live = facts.sides.get(facts.active) if facts.active else None
    if live and not any(live.ready.get(service.name) for service in facts.application.serving()):
        return _next("nothing runs: tell flipgate that a first release comes", PERSON, f"flipgate init {name}")
    return _next("tell flipgate that what runs is meant to run", PERSON, f"flipgate adopt {name}")


def _by_phase(name: str, record: Record, release: Release, facts: Facts) -> dict[str, str]:
    asked = record.question
    if asked and release.phase in {Phase.DARK, Phase.LIVE} & ASKED_IN[asked.kind]:
        return _asked(name, record, facts)
    if release.phase is Phase.LIVE:
        return _soaking(name, record, release, facts)
    match release.phase:
        case Phase.QUEUED:
            return _next("waits for its turn", RUN)
        case Phase.DEPLOYING:
            return _next(f"deploy-dark brings {release.side} up and checks it", RUN, _rollback(name))
        case Phase.DARK:
            return _next(f"{release.side} is up and checked: ask for the flip", PERSON, f"flipgate flip {name}")
        case Phase.BAKING:
            if not record.ran_on(release.side.other):
                again = f"flip-traffic watches {release.side}; there is no way back from a first release"
                return _next(again, RUN, _again(name, "flip"))
            return _next(f"flip-traffic watches {release.side}, and goes back by itself", RUN, _rollback(name))
        case Phase.FLIPPING:
            return _next(f"flip-traffic moves all users to {release.side}", RUN, _rollback(name))
        case Phase.SETTLING:
            return _next(f"scale-down puts {release.side.other} to rest", RUN, _rollback(name))
        case _:
            return _next(f"all users go back to {release.side.other}", RUN, f"flipgate status {name}")


def _asked(name: str, record: Record, facts: Facts) -> dict[str, str]:
    question = record.question
    assert question is not None
    state = question_state(record, question, facts.now)
    if state == "open":
        expires = clock(iso(question.expires_at))
        command = f'flipgate approve {name} --reason "..."'
        return _next(f"a person decides before {expires}; no decision means no", PERSON, command)
    said = {
        "approved": "acts on the approval",
        "rejected": "closes it: rejected",
        "expired": "closes it: nobody decided",
    }
    return _next(f"{question.kind}'s run {said.get(state, 'asks again')}", RUN, _again(name, question.kind))


def _soaking(name: str, record: Record, release: Release, facts: Facts) -> dict[str, str]:
    first = not record.ran_on(release.side.other)
    if release.settle_after and facts.now < release.settle_after:
        until = clock(iso(release.settle_after))
        if first:
            return _next(f"a first release, with no way back, soaks until {until}", CLOCK)
        if _closed(facts, release):
            return _next(f"{release.side.other} stays up until {until}, and is no way back any more", CLOCK)
        return _next(f"{release.side.other} stays up as the way back until {until}", CLOCK, _rollback(name))
    after = "the first release may be closed" if first else f"{release.side.other} may rest"
    return _next(f"the soak is over: {after}", PERSON, f"flipgate scale-down {name}")


def _closed(facts: Facts, release: Release) -> bool:
    """Whether a contract migration has closed the way back from this release."""
    occupant = facts.record.sides.get(release.side.other) if facts.record else None
    return occupant is not None and occupant.contracted is not None


def _interrupted(name: str, record: Record) -> dict[str, str]:
    """An open entry is a step at work, or one that died; only its age and its actor tell people which."""
    entry = record.open_entry
    assert entry is not None
    protects = "; both sides are protected" if entry.step == MOVE_ROUTES else ""
    step = f"{entry.step} of {entry.actor} is under way since {entry.at:%H:%M:%S} UTC{protects}"
    return _next(f"{step}. If that actor is gone, run the reconcile flow", RUN, _reconcile(name))


def _again(name: str, kind: str) -> str:
    return f"flipgate {kind} {name}"


def _rollback(name: str) -> str:
    return f'flipgate rollback {name} --reason "..."'


def _reconcile(name: str) -> str:
    return f"prefect deployment run reconcile/reconcile --param application={name}"


def _next(step: str, by: str, command: str = "") -> dict[str, str]:
    return {"step": step, "by": by, "command": command}
