"""Moves the end of a release's soak on a person's word, and says each day that an old side is kept."""

from __future__ import annotations

from flipgate.core.record import soak
from flipgate.core.record.record import Question
from flipgate.core.record.release import Release
from flipgate.core.values.errors import FlipgateError, Refused
from flipgate.core.values.reasons import Why
from flipgate.core.values.who import Speaker
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.looking.costs import costs_of
from flipgate.steps.looking.look import look_at_side


@about_application(untouched="both sides, and the end of the soak")
def extend(
    world: World, hours: int, reason: str, *, by: Speaker, via: str, only: Question | None = None
) -> tuple[Release, Question | None]:
    """Moves the end of the soak so many hours later. Returns the release as it is then, and the question that was
    withdrawn, whose run has to be told; None where none was open.

    Raises BadInput, and Refused (WrongPhase, QuestionGone, AlreadyAnswered), as `soak.extend` says; with `only` where
    another question is open by now.
    """
    now, before = world.now(), world.store.read().question
    word = only.id if only else ""
    release = write(world, lambda r: soak.extend(r, hours, by, via, reason, now, only=word)).release
    if release is None:  # somebody has sent users back since that write
        raise Refused("has no open release any more", reason=Why.NO_OPEN_RELEASE)
    return release, before


@about_application(untouched="both sides, and the end of the soak")
def ask_early(world: World, reason: str, *, by: Speaker) -> None:
    """Notes that a person wants the old side's rest asked about before the soak ends. Raises Refused (WrongPhase)."""
    now = world.now()
    write(world, lambda record: soak.ask_early(record, by, reason, now))


def note_kept(world: World) -> None:
    """Tells everybody once a day that the old side is kept, why, and what it costs. Where that is told it reads the
    record alone."""
    record, now = world.store.read(), world.now()
    if record.release is None or not soak.untold_days(record, now):
        return
    try:
        costs = str(costs_of(look_at_side(world, record.release.side.other)))
    except FlipgateError as error:  # that it is kept is told all the same
        costs = f"pods that could not be counted ({error.named_fact})"
    write(world, lambda r: soak.tell_kept(r, costs, world.actor, now))
