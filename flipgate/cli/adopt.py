"""`flipgate adopt`: what runs is taken as settled."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._first import FIRST_DATA, show
from flipgate.cli._options import (
    ClusterOptions,
    cluster_options,
    need_reason,
    output_option,
    person,
    reason_option,
    say_rest,
)


@click.command(
    cls=Verb,
    details={
        "Data": f"""\
            {FIRST_DATA.lstrip()}
            With --reason also "liveSide": [SENTENCE, ...]: images and counts that were taken, before and after."""
    },
    examples="""\
        flipgate adopt sportsdata
        flipgate adopt sportsdata --context production
        flipgate adopt sportsdata --reason "moved by hand at 03:12, and it is right so"
        flipgate adopt sportsdata --reason "the fix of 03:12 stays\"""",
)
@click.argument("app")
@reason_option("Once APP is managed: what others changed of routes and live side is right, and why", required=False)
@output_option("json", "yaml")
@cluster_options
def adopt(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Take what runs as settled: from then on APP is managed.

    Writes the application's first record: which side the routes say is active, and what each side runs. Changes
    nothing else; adopting again changes nothing at all. Refused where nothing serves on that side (`init` is for a
    first release ever), and where answers through Traefik do not say which side they are from: no move could be proven.

    With a --reason, of an APP that is managed: what others changed is right so. The side that drifted routes name is
    taken as meant, where it has Ready pods; the record follows, and so does what works on the live side only. Then
    images of the live side, and counts below the file's, are taken into the record where they are up; nothing in the
    cluster is changed for it. Refused while a release is open, and where nobody approved what runs there. To put it
    all back instead: `flipgate restore`.
    """
    if reason:
        _settle(options, app, reason, output)
        return
    from flipgate.steps.releasing.setup import adopt as take

    world = options.world(app, quiet=output is not None)
    known = world.store.find()
    record = take(world)
    what = f"adopted: {record.active} is active, {record.active.other} is dark"
    show(record, what, changed=known is None, output=output)


def _settle(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    from flipgate.steps.going_back.accept_side import accept_side
    from flipgate.steps.going_back.settle_drift import accept

    reason = need_reason("adopt", app, reason)
    world = options.world(app, quiet=output is not None)
    by = person(world).name
    done = accept(world, reason, by=by)
    taken, notes = accept_side(world, reason, by=by)
    record = world.store.read()
    what = f"adopted as it is: {record.active} is active, {record.active.other} is dark"
    show(record, what, changed=done is not None or bool(taken), output=output, live_side=taken)
    said = (*(done.notes if done else ()), *notes)
    left = done.left if done else ()
    say_rest(() if output else said, left)
    if left:
        raise SystemExit(1)
