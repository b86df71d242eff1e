"""`flipgate revert`: the newest expansion of a database is taken back."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._databases import database_option, dry_run_option, show
from flipgate.cli._options import ClusterOptions, cluster_options, output_option, reason_option


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "database", "done": false with --dry-run, "closes": null, "ends": [the MIGRATION
                      that is taken back, as in `flipgate status`], "evidence": [{"gate", "verdict", "detail"}]}"""
    },
    examples="""\
        flipgate revert sportsdata --database orders --dry-run
        flipgate revert sportsdata --database orders --reason "the release that needed it is given up" """,
)
@click.argument("app")
@reason_option("Why it is taken back")
@database_option("Whose newest expansion is taken back (required).")
@dry_run_option
@output_option("json", "yaml")
@cluster_options
def revert(options: ClusterOptions, app: str, reason: str, database: str, dry_run: bool, output: str | None) -> None:
    """Take the newest expansion of a database back, by the `down` that the application's file declares.

    Refused while pods run the code that needs it, on either side, and while a release is under way. flipgate never does
    it by itself: not when a release fails, and not with a rollback.
    """
    from flipgate.steps.releasing.contract_database import revert as take_back

    show(options, "revert", take_back, app, database, reason, dry_run, output)
