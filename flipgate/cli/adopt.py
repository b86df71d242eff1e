"""`flipgate adopt`: what runs is taken as settled."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import Target, cluster_options
from flipgate.cli._print import clock, iso


@click.command(
    cls=Verb,
    examples="""\
        flipgate adopt sportsdata
        flipgate adopt sportsdata --context production""",
)
@click.argument("app")
@cluster_options
def adopt(target: Target, app: str) -> None:
    """Take what runs as settled: from then on APP is managed.

    Writes the application's first record: which side the routes say is active, and what each side runs. Changes
    nothing else; adopting again changes nothing at all.
    """
    from flipgate.steps.setup import adopt as take

    world = target.world(app)
    known = world.store.find()
    record = take(world)
    if known is None:
        click.echo(f"application {app} adopted: {record.active} is active, {record.active.other} is dark")
    else:
        since = clock(iso(record.journal[0].at)) if record.journal else "before the journal begins"
        click.echo(f"application {app} is managed already (since {since}); nothing changed")
