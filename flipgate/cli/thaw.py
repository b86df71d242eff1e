"""`flipgate thaw`: moves may begin again."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, need_reason, output_option, reason_option
from flipgate.cli._stop_and_go import THAW_DATA, thaw_one_or_all


@click.command(
    cls=Verb,
    details={"Data": THAW_DATA},
    examples="""\
        flipgate thaw sportsdata --reason "the provider is back"
        flipgate thaw --reason "the cluster is upgraded"        the freeze of all applications
        flipgate thaw sportsdata --reason "..." -o json""",
)
@click.argument("app", required=False, default="")
@reason_option("Why moves may begin again")
@output_option("json", "yaml")
@cluster_options
def thaw(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """End a freeze, of one application or of all.

    A freeze of one and the freeze of all are two: each is thawed by itself. What waits with a yes goes on within
    five minutes, by reconcile; at once: `flipgate flip APP`.
    """
    thaw_one_or_all(options, app, need_reason("thaw", app, reason), output)
