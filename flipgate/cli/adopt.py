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
    details={"Data": FIRST_DATA},
    examples="""\
        flipgate adopt sportsdata
        flipgate adopt sportsdata --context production
        flipgate adopt sportsdata --reason "moved by hand at 03:12, and it is right so\"""",
)
@click.argument("app")
@reason_option("Once APP is managed: take the side that drifted routes name as meant, and why", required=False)
@output_option("json", "yaml")
@cluster_options
def adopt(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Take what runs as settled: from then on APP is managed.

    Writes the application's first record: which side the routes say is active, and what each side runs. Changes
    nothing else; adopting again changes nothing at all. Refused where nothing serves on that side (`init` is for a
    first release ever), and where answers through Traefik do not say which side they are from: no move could be proven.

    With a --reason, of an APP that is managed and whose routes have drifted: the side that they name is taken as meant,
    where it has Ready pods. The record follows, and so does what works on the live side only. Refused while a release
    is open, and where nobody approved what runs there. To put the routes back instead: `flipgate restore`.
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
    from flipgate.steps.going_back.settle_drift import accept

    world = options.world(app, quiet=output is not None)
    done = accept(world, need_reason("adopt", app, reason), by=person())
    record = world.store.read()
    what = f"adopted as it is: {record.active} is active, {record.active.other} is dark"
    show(record, what, changed=done is not None, output=output)
    if done:
        say_rest(() if output else done.notes, done.left)
    if done and done.left:
        raise SystemExit(1)
