"""Ends a release that users have not seen: nobody is moved, and its side is put to rest."""

from __future__ import annotations

from flipgate.core.record import record as records
from flipgate.core.record.phases import BEFORE_TRAFFIC, Phase, Reason
from flipgate.core.record.record import EntryState, Record
from flipgate.core.record.release import Release
from flipgate.core.values.errors import LostLease
from flipgate.core.workloads.view import View
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.journal import close
from flipgate.steps.acting.outbox import write, write_history
from flipgate.steps.acting.world import World
from flipgate.steps.going_back.attempted import attempted
from flipgate.steps.going_back.way_back import ABORT, TAKE_OVER_TRIES, RolledBack
from flipgate.steps.looking.look import look_at_side
from flipgate.steps.moving.carry_over import let_go
from flipgate.steps.moving.forget_jobs import end_jobs
from flipgate.steps.moving.maintenance import flag_taken_off
from flipgate.steps.moving.preview import clear_preview
from flipgate.steps.moving.rest import rest
from flipgate.steps.moving.stamp import stamp, stamped_look


def abort(world: World, release: Release, message: str) -> RolledBack | None:
    """Ends a release that users have not seen: takes the Lease from its run, and puts its side to rest. Whoever is
    taken over by another rollback goes on with what that has left. None where users have seen it by now, or something
    else ended it."""
    for left in reversed(range(TAKE_OVER_TRIES)):
        try:
            with world.acting(steal=True) as acting:
                found = acting.record.named(release.name)
                if found is None or found.phase not in (*BEFORE_TRAFFIC, Phase.ABORTED):
                    return None
                return _end_unseen(acting, found, message)
        except LostLease as lost:
            if not left:
                raise
            world.say(f"taking over once more: {lost.fact}")
    return None


def _end_unseen(acting: Acting, release: Release, message: str) -> RolledBack:
    """Notes the end of a release that users have not seen, unless another rollback has, and puts its side to rest."""
    world = acting.world
    if release.phase is not Phase.ABORTED:
        now = world.now()

        def change(record: Record) -> Record:
            entry = record.open_entry
            if entry:
                record = records.end(record, entry.id, EntryState.UNDONE, now, f"aborted: {message}")
            return records.advance(
                record, Phase.ABORTED, Reason.DEPLOY_ABORTED, now, actor=world.actor, message=message
            )

        write(world, change)
    elif entry := acting.record.open_entry:  # of the rollback that has noted it
        close(acting, entry.id, EntryState.UNDONE, f"taken over by {world.actor}")
    left = attempted("write the history", lambda: write_history(world))
    left += attempted("take the preview away", lambda: clear_preview(acting))
    # Not before: now nobody else works on that side any more. Taken, so that what its run has sent and is still on its
    # way is refused: it would bring up what was ended, with nobody to put it to rest. Lost to another rollback: whoever
    # is left out takes over in turn, and finds it done.
    taking = f"stamp {release.side}"
    left += attempted(taking, lambda: stamp(acting, look_at_side(world, release.side)), but=LostLease)
    left += attempted(f"stop the Jobs of {release.side}", lambda: end_jobs(acting, release.side), but=LostLease)
    view = stamped_look(acting, release.side)
    dark = view.dark
    if dark is None or dark.side is not release.side:
        left += (f"{release.side} was not put to rest: {view.traffic}",)
    else:
        left += attempted(f"put {release.side} to rest", lambda: rest(acting, view, dark), but=LostLease)
        left += attempted("let users write", lambda: let_go(acting, release.side.other), but=LostLease)
    left += flag_taken_off(acting)
    return RolledBack(ABORT, None, 0.0, notes=_where_users_are(view), left=left)


def _where_users_are(view: View) -> tuple[str, ...]:
    """Says that an abort moves nobody, to whoever meant users."""
    return (f"users are on {view.active}, as before: an abort moves nobody",) if view.active else ()
