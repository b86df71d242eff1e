"""`flipgate init`: before a first release ever, when nothing runs that could be adopted."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._first import FIRST_DATA, show
from flipgate.cli._options import ClusterOptions, cluster_options, output_option


@click.command(
    cls=Verb,
    details={"Data": FIRST_DATA},
    examples="""\
        flipgate init sportsdata
        flipgate init sportsdata && flipgate deploy sportsdata --image api-all=sportsdata/api:1""",
)
@click.argument("app")
@output_option("json", "yaml")
@cluster_options
def init(options: ClusterOptions, app: str, output: str | None) -> None:
    """Say that nothing of APP runs yet: from then on it is managed, and a first release may come.

    Writes the application's first record. Every route must name one side, and that side must serve nobody; the first
    release is brought up on the other one, whose workloads must be there, at 0 or more. Services that are not named
    to `deploy` run the images of those workloads, at the file's counts. There is no way back from a first release.
    Changes nothing else; doing it again changes nothing at all. Refused where something is Ready: `adopt` is for that.
    """
    from flipgate.steps.releasing.setup import init as begin

    world = options.world(app, quiet=output is not None)
    known = world.store.find()
    record = begin(world)
    what = f"begun: nothing runs on {record.active}; its first release goes to {record.active.other}"
    show(record, what, changed=known is None, output=output)
