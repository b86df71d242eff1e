"""`flipgate adopt`: what runs is taken as settled."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._first import FIRST_DATA, show
from flipgate.cli._options import ClusterOptions, cluster_options, output_option


@click.command(
    cls=Verb,
    details={"Data": FIRST_DATA},
    examples="""\
        flipgate adopt sportsdata
        flipgate adopt sportsdata --context production""",
)
@click.argument("app")
@output_option("json", "yaml")
@cluster_options
def adopt(options: ClusterOptions, app: str, output: str | None) -> None:
    """Take what runs as settled: from then on APP is managed.

    Writes the application's first record: which side the routes say is active, and what each side runs. Changes
    nothing else; adopting again changes nothing at all. Refused where nothing serves on that side (`init` is for a
    first release ever), and where answers through Traefik do not say which side they are from: no move could be proven.
    """
    from flipgate.steps.releasing.setup import adopt as take

    world = options.world(app, quiet=output is not None)
    known = world.store.find()
    record = take(world)
    what = f"adopted: {record.active} is active, {record.active.other} is dark"
    show(record, what, changed=known is None, output=output)
