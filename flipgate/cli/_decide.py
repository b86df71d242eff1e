"""Saying yes or no: the decision goes into the record; the waiting run's doorbell is rung after that."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flipgate.cli._options import ClusterOptions, need_reason, person, say
from flipgate.cli._print import echo, emit, iso

if TYPE_CHECKING:
    from flipgate.core.record.record import Question
    from flipgate.steps.acting.world import World

RING_SECONDS = 5.0
"""How long a doorbell is rung again: for some 1 s between its question and its sleep, a run hears nothing."""
RING_EVERY_SECONDS = 0.5

AND_GATES = " and the file's gates"

DECISION_DATA = """\
-o json: {"application", "decision", "by", "reason", "ticks": [NAME],
          "question": {"id", "kind", "release", "summary", "expiresAt", "url"},
          "notPassed": [{"gate", "verdict", "detail"}: what was shown and did not pass, ...],
          "rung": true when a waiting run took the doorbell, "note": why not}"""


def decide_and_ring(
    options: ClusterOptions,
    app: str,
    verb: str,
    reason: str,
    output: str | None,
    *,
    break_glass: bool = False,
    ticks: tuple[str, ...] = (),
) -> None:
    """Writes the decision with what was ticked, and that it passes what holds its move back where it does
    (`break_glass`), then rings. A doorbell that fails is a note: the decision stands (exit code 0)."""
    reason = need_reason(verb, app, reason)
    from flipgate.core.record.record import Decision
    from flipgate.core.values.verdicts import not_passed
    from flipgate.steps.moving.dark_preview import put_dark_preview_right
    from flipgate.steps.releasing.freeze import broken
    from flipgate.steps.releasing.questions import decide

    world = options.world(app, quiet=bool(output))
    who = person(world)
    asked = world.store.read().question if break_glass else None
    also = broken(world, asked.kind, reason, by=who) if asked else None
    question, by = decide(world, Decision(verb), by=who, via="cli", reason=reason, ticks=ticks, also=also), who.name
    if verb == Decision.REJECT:
        put_dark_preview_right(world)  # nobody looks at it any more, whenever the run gets to it
    note = _ring(world, question, verb, reason, by)
    bad = not_passed(question.evidence)
    if output:
        shown = {
            "id": question.id,
            "kind": str(question.kind),
            "release": question.release,
            "summary": question.summary,
            "expiresAt": iso(question.expires_at),
            "url": question.url,
        }
        data = {"application": app, "decision": verb, "by": by, "reason": reason, "ticks": [*ticks], "question": shown}
        emit({**data, "notPassed": [each.model_dump() for each in bad], "rung": not note, "note": note}, output)
        return
    echo(f"{'approved' if verb == 'approve' else 'rejected'} by {by}: {question.summary}")
    for each in bad:
        echo(f"not passed: {each.gate}: {each.verdict}, {each.detail}")
    if break_glass:
        echo(f"BREAK-GLASS by {by}: freezes, closed windows{AND_GATES if question.kind == 'flip' else ''} are passed")
    if note:
        say(f"note: the decision is recorded. {note}")


def wake(question: Question | None, reason: str, by: str) -> str:
    """Wakes a run whose question was withdrawn, so that it ends. Never raises: returns why it was not, and what happens
    then."""
    from flipgate.adapters.runs import ring

    if question is None or not question.flow_run:
        return ""
    try:
        if ring(question.flow_run, "reject", reason, by):
            return ""
    except Exception as error:  # whatever is wrong with Prefect, it is not wrong with what is recorded
        return f"The waiting run was not told ({error}); reconcile has another one come at the new end"
    return "Its run was not waiting any more; reconcile has another one come at the new end"


def _ring(world: World, question: Question, verb: str, reason: str, by: str) -> str:
    """Rings the waiting run's doorbell. Never raises: returns why it was not heard, and what happens then."""
    if not question.flow_run:
        return "No run was waiting for it; the next run of the pipeline will find it"
    try:
        if _ring_until_heard(world, question, verb, reason, by):
            return ""
        acted = not _waits(world, question)
    except Exception as error:  # whatever is wrong with Prefect, it is not wrong with the decision
        return f"The waiting run was not told ({error}); it will find the decision when it is resumed or runs again"
    if acted:
        return "Its run did not wait for the doorbell: it has acted already"
    return "Its run was not waiting any more; the next run of the pipeline will find it"


def _ring_until_heard(world: World, question: Question, verb: str, reason: str, by: str) -> bool:
    """Whether the run took the doorbell. A run that is still on its way to sleep is rung again, for RING_SECONDS."""
    from flipgate.adapters.runs import ring

    began = time.monotonic()
    if ring(question.flow_run, verb, reason, by):
        return True
    world.say(f"its run does not wait (yet): ringing again for up to {RING_SECONDS:g} s")
    while time.monotonic() - began < RING_SECONDS and _waits(world, question):
        time.sleep(RING_EVERY_SECONDS)
        if ring(question.flow_run, verb, reason, by):
            return True
    return False


def _waits(world: World, question: Question) -> bool:
    """Whether the decision still waits for its run: it has not acted on it, or closed the question, by itself."""
    record = world.store.read()
    waits = record.question is not None and record.question.id == question.id
    return waits and record.approval is not None and record.approval.spent_by is None
