"""The doorbell of the run that waits for a decision: rung once the decision stands in the record."""

from __future__ import annotations

import time

from flipgate.core.record.record import Question
from flipgate.steps.acting.world import World

RING_SECONDS = 5.0
"""How long a doorbell is rung again: for some 1 s between its question and its sleep, a run hears nothing."""
RING_EVERY_SECONDS = 0.5


def wake(world: World, question: Question, verb: str, reason: str, by: str) -> str:
    """Rings the waiting run's doorbell. Never raises: returns why it was not heard, and what happens then."""
    if not question.flow_run:
        return "No run was waiting for it; the next run of the pipeline will find it"
    try:
        if _ring_until_heard(world, question, verb, reason, by):
            return ""
        acted = not _waits(world, question)
    except Exception as error:  # whatever is wrong with Prefect, it is not wrong with the decision
        again = f"flipgate {question.kind} {world.application.name}"
        return f"The waiting run was not told ({error}); once Prefect answers, another acts on the decision: {again}"
    if acted:
        return "Its run did not wait for the doorbell: it has acted already"
    return "Its run was not waiting any more; the next run of the pipeline will find it"


def wake_withdrawn(question: Question | None, reason: str, by: str) -> str:
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
