"""Pushes a change to the team's repository: made anew where others push meanwhile, and noted with its release."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from flipgate.adapters.git_copy import Checkout
from flipgate.core.git.message import commit_message
from flipgate.core.record import record as records
from flipgate.core.values.errors import Conflict
from flipgate.core.values.sides import Side
from flipgate.steps.acting.acting import Acting
from flipgate.steps.acting.world import World

PUSHES = 5
"""How often a change is made, and pushed, where others push to the same branch meanwhile."""

Files = Mapping[str, str]
"""The new text of files, by path."""


def push(acting: Acting, copy: Checkout, changed: Files, again: Callable[[], Files], message: str) -> bool:
    """Commits these files in one commit, and pushes it; `copy.head` is the branch's newest then. `again` makes the
    change anew, from what others have pushed. Whether there was anything left to push. Raises Conflict where others
    were first PUSHES times, LostLease before a push of who was taken over, and as `Checkout` does."""
    world, spec = acting.world, acting.world.git_spec()
    for left in reversed(range(PUSHES)):
        if not changed:  # somebody else has pushed the same
            return False
        for path, text in changed.items():
            copy.write(path, text)
        commit = copy.commit(message, spec.author)
        acting.confirm_lease()
        try:
            copy.push()
        except Conflict as error:
            if not left:
                raise
            world.say(f"{error}; fetched, and made anew")
            copy.refresh()
            changed = again()
            continue
        world.say(f"pushed {commit[:12]} to {spec.branch} of {spec.repository}: {', '.join(changed)}")
        return True
    raise AssertionError("not reached: the last loss is raised")


def message_of(world: World, what: str, release: str, side: Side, by: str, details: str) -> str:
    """The message of a commit that does so for a release, as the file has it said, with the page of this run."""
    name, page = world.application.name, world.run_page
    return commit_message(
        world.git_spec(),
        what,
        application=name,
        release=release,
        side=str(side),
        by=by,
        link=page,
        details=details,
    )


def note_commit(world: World, release: str, what: str, commit: str) -> None:
    """Notes a commit with its release, where that is still the open one."""
    now = world.now()

    def noted(record: records.Record) -> records.Record:
        if record.release is None or record.release.name != release:
            return record
        return records.update_release(record, lambda found: found.committed(what, commit, now))

    world.store.update(noted)
