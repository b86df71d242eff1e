"""`flipgate freeze`: no move begins until somebody thaws."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, need_reason, output_option, reason_option
from flipgate.cli._stop_and_go import FREEZE_DATA, freeze_one_or_all


@click.command(
    cls=Verb,
    details={"Data": FREEZE_DATA},
    examples="""\
        flipgate freeze sportsdata --reason "the provider has an outage"
        flipgate freeze --reason "the cluster is upgraded"      all applications
        flipgate freeze sportsdata --reason "..." -o json""",
)
@click.argument("app", required=False, default="")
@reason_option("Why nothing may move")
@output_option("json", "yaml")
@cluster_options
def freeze(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Stop moves, of one application or of all, until `flipgate thaw`.

    No flip and no scale-down begins: users stay where they are, and the way back stays open. Releases are deployed dark
    and people are asked all the same; a yes is kept until its question expires. What has begun goes on: the watch of a
    flip, and its way back. Rolling back is never held up.
    """
    freeze_one_or_all(options, app, need_reason("freeze", app, reason), output)
