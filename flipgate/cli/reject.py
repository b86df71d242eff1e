"""`flipgate reject`: no to the open question."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._decide import DECISION_DATA, decide_and_ring
from flipgate.cli._options import ClusterOptions, cluster_options, output_option, reason_option


@click.command(
    cls=Verb,
    details={"Data": DECISION_DATA},
    examples="""\
        flipgate reject sportsdata --reason "venue answers with old data"
        flipgate reject sportsdata --reason "venue answers with old data" -o json""",
)
@click.argument("app")
@reason_option("Why not")
@output_option("json", "yaml")
@cluster_options
def reject(options: ClusterOptions, app: str, reason: str, output: str | None) -> None:
    """Say no to the open question.

    The decision is written to the cluster's record, then the waiting Prefect run is told. If the run cannot be told,
    the decision stands all the same, and the next run of the pipeline finds it. A release
    that was to be flipped ends as `rejected`: users saw nothing of it.
    """
    decide_and_ring(options, app, "reject", reason, output)
