"""`flipgate approve`: yes to the open question."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._decide import DECISION_DATA, decide_and_ring
from flipgate.cli._options import ClusterOptions, break_glass_option, cluster_options, output_option, reason_option


@click.command(
    cls=Verb,
    details={"Data": DECISION_DATA},
    examples="""\
        flipgate approve sportsdata --reason "checks looked at, orders quiet"
        flipgate approve sportsdata --tick backup-verified --tick on-call --reason "checks looked at"
        flipgate approve sportsdata --break-glass --reason "users cannot pay, the fix cannot wait for Monday"
        flipgate approve sportsdata --reason "checks looked at, orders quiet" -o json""",
)
@click.argument("app")
@reason_option("Why it may go on")
@click.option(
    "--tick",
    "ticks",
    multiple=True,
    metavar="NAME",
    help="Say that this is so; once for each that the question asks for. `flipgate status APP` lists them.",
)
@break_glass_option
@output_option("json", "yaml")
@cluster_options
def approve(
    options: ClusterOptions, app: str, reason: str, ticks: tuple[str, ...], break_glass: bool, output: str | None
) -> None:
    """Say yes to the open question.

    The decision is written to the cluster's record, then the waiting Prefect run is told. If the run cannot be told,
    the decision stands all the same, and the next run of the pipeline finds it. The approval is
    bound to what would change (images, pod templates, plan), counts until the question expires, and is spent by the one
    move it allows.

    Refused where the evidence has a `fail` for which the scale-down would be refused now: the message says how it is
    mended, and no flag overrules it (a route that is to lead there for good is declared under spec.routesThatStay).
    What else did not pass is printed with the decision.

    What only a person knows (policy.ticks in the application's file) is said with the yes, each by its name. A yes that
    lacks a required one is not taken, and the message says which; there is no word for all of them.

    A yes given while the application is frozen, or no window is open, is kept until its question expires, and the move
    waits. --break-glass passes both, and the file's gates; no fence, no check of pods, no proof of traffic.
    """
    decide_and_ring(options, app, "approve", reason, output, break_glass=break_glass, ticks=tuple(dict.fromkeys(ticks)))
