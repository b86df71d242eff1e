"""`flipgate contract`: a database is contracted, or was, so the way back to the code before is closed."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._databases import database_option, dry_run_option, show
from flipgate.cli._options import ClusterOptions, cluster_options, need_reason, output_option, person, reason_option
from flipgate.cli._print import clock, echo, emit, iso


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "side": "blue"|"green", "release": what that side runs or null when adopted,
                      "reason", "by", "at", "changed": false when it was closed already, for that reason}
            With --database: {"application", "database", "done": false with --dry-run, "closes": null or the side that
                      nobody goes back to, "ends": [MIGRATION as in `flipgate status`], "evidence": [{"gate",
                      "verdict", "detail"}]}"""
    },
    examples="""\
        flipgate contract sportsdata --reason "orders.legacy_id is dropped"
        flipgate contract sportsdata --database orders --dry-run
        flipgate contract sportsdata --database orders --reason "orders.legacy_id goes" """,
)
@click.argument("app")
@reason_option("Which migration, and what it took away")
@database_option("Run the contract of this database, as the application's file declares it.")
@dry_run_option
@output_option("json", "yaml")
@cluster_options
def contract(options: ClusterOptions, app: str, reason: str, database: str, dry_run: bool, output: str | None) -> None:
    """Contract a database, or say that it was done: the code before it can no longer read the data.

    Closes the way back to the side that runs that code: rolling back to it is refused from then on, and `flipgate
    status` says so. Moves nothing. The next release that is brought up on that side begins with its way back open.

    With --database it is flipgate that runs the contract: once the release that needs it has settled, for who may
    approve, with a backup that is young enough. The way back is closed before the first statement, and stays closed
    where it fails. --dry-run shows what it would end, and what that rests on.
    """
    if database or dry_run:
        from flipgate.steps.releasing.contract_database import contract_database

        show(options, "contract", contract_database, app, database, reason, dry_run, output)
        return
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
