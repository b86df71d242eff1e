"""`flipgate contract`: a contract migration was done, so the way back to the code before it is closed."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, need_reason, output_option, person, reason_option
from flipgate.cli._print import clock, echo, emit, iso


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "side": "blue"|"green", "release": what that side runs or null when adopted,
                      "reason", "by", "at", "changed": false when it was closed already, for that reason}"""
    },
    examples="""\
        flipgate contract sportsdata --reason "orders.legacy_id is dropped"
        flipgate contract sportsdata --reason "orders.legacy_id is dropped" -o json""",
)
@click.argument("app")
@reason_option("Which migration, and what it took away")
@output_option("json", "yaml")
@cluster_options
def contract(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Say that a contract migration was done: the code before it can no longer read the data.

    Closes the way back to the side that runs that code: rolling back to it is refused from then on, and `flipgate
    status` says so. Moves nothing. The next release that is brought up on that side begins with its way back open.
    """
    reason = need_reason("contract", app, reason)
    from flipgate.steps.releasing.contract import contract as close

    world = options.world(app, quiet=output is not None)
    closed = close(world, reason, by=person(world).name)
    done = closed.contract
    if output:
        data = {"application": app, "side": str(closed.side), "release": closed.release, "reason": done.reason}
        emit({**data, "by": done.by, "at": iso(done.at), "changed": closed.changed}, output)
    elif closed.changed:
        echo(f"the way back of {app} to {closed.side} is closed: {done.reason}")
    else:
        since = clock(iso(done.at))
        echo(f"the way back of {app} to {closed.side} was closed already, {since} by {done.by}: {done.reason}")
