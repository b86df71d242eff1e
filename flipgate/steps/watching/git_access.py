"""Tries the worker's own way into the team's repository, before a release needs it."""

from __future__ import annotations

from flipgate.core.record import conditions
from flipgate.core.values.errors import FlipgateError
from flipgate.core.way_back.git_access import judge_access
from flipgate.steps.acting.outbox import write
from flipgate.steps.acting.world import World

SECONDS = 10.0
"""Of both exchanges together: a server that is away is reconcile's to wait for elsewhere."""


def note_git_access(world: World) -> None:
    """Notes as the condition GitAccess whether the branch can be read and pushed to with a release's credentials.
    Nothing is fetched, and nothing pushed. Never raises: what keeps it from noting is said."""
    spec, failed = world.application.spec.git, None
    try:
        if spec is None or world.store.find() is None:
            return
        try:
            git = world.open_git().within(SECONDS)
            git.find_head()
            git.try_push()
        except FlipgateError as error:
            failed = error
        found = judge_access(spec, failed, world.now())
        write(world, lambda record: conditions.put(record, found))
    except FlipgateError as error:
        world.say(f"the way into Git was not tried: {error}")
