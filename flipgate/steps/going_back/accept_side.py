"""Takes as right, on a person's word, what others changed of the live side: images, and counts that are too small.

Only the record is written. `put_side_right.py` is the other way about.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why
from flipgate.core.way_back.accept_side import accepted, fewer, judge_acceptance, taken
from flipgate.core.way_back.explain import AsRecorded, explain
from flipgate.core.way_back.going_back import NoWay
from flipgate.core.way_back.live_side import Amiss, LiveSide
from flipgate.core.workloads.view import View
from flipgate.steps.acting.about import about_application
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.settle_drift import word_of
from flipgate.steps.looking.look import look, need_record
from flipgate.steps.watching.conditions import read_live_side


@about_application(untouched="both sides, and what the record says of them")
def accept_side(world: World, reason: str, *, by: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Has the record say what the live side runs. Returns what was taken, before and after, and what a person has to
    know of it; nothing where the side is as the record has it, or routes and record do not agree.

    Raises BadInput without a reason; Refused while a release is open, or where what was changed is not known to run,
    and (LeaseHeld) while another actor is at work.
    """
    word = word_of(by, reason)
    if not _found(world, look(world))[1]:
        return (), ()
    with world.acting() as acting:
        live, found = _found(acting.world, look(acting.world))  # once more: nobody else acts from here on
        if live is None or not found:
            return (), ()
        said = tuple(taken(acting.record, live, (each,)) for each in found)
        change = partial(accepted, live=live, found=found, word=word, actor=world.actor, now=acting.world.now())
        write(acting.world, change)
    return said, (*fewer(found), *_in_git(world, live, found))


def _in_git(world: World, live: LiveSide, found: tuple[Amiss, ...]) -> Iterator[str]:
    """Says where an image that was taken as right has to be written, too: whoever applies Git undoes it there."""
    overlays = world.application.spec.git.overlays if world.application.spec.git else None
    if overlays and any(each.image for each in found):
        where = f"{overlays.of(live.side)} in {world.git_spec().where}"
        yield f"{where} has to have these images, too, or whoever applies it sets others: `flipgate check` says whether"


def _found(world: World, view: View) -> tuple[LiveSide | None, tuple[Amiss, ...]]:
    record = need_record(world, view)
    if not isinstance(explain(record, view.traffic), AsRecorded):
        return None, ()
    live = read_live_side(world, record, record.active, view.sides[record.active])
    judged = judge_acceptance(record, world.application, live)
    if isinstance(judged, NoWay):
        restores = judged.reason is Why.WRONG_PHASE
        command = f'flipgate restore {world.application.name} --reason "..."' if restores else ""
        raise Refused(judged.fact, reason=judged.reason, next_command=command)
    return live, judged
