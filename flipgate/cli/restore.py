"""`flipgate restore`: routes that drifted go back to where the record has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import (
    ClusterOptions,
    cluster_options,
    need_reason,
    output_option,
    person,
    reason_option,
    say,
)
from flipgate.cli._print import emit

if TYPE_CHECKING:
    from flipgate.steps.acting.world import World


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "changed": BOOL, "to": "blue"|"green"|null, "seconds",
                      "notes": [SENTENCE, ...], "left": [SENTENCE, ...]}
            With --dry-run: {"application", "wouldChange": [KUBECTL_LINE, ...]}
            Exit code 1 with something in "left": users are where they should be, somebody must see to the rest."""
    },
    examples="""\
        flipgate restore sportsdata --dry-run
        flipgate restore sportsdata --reason "the route was edited by mistake\"""",
)
@click.argument("app")
@reason_option("Why what the record says is right")
@click.option("--dry-run", is_flag=True, help="Show what would be changed, and change nothing; needs no reason.")
@output_option("json", "yaml")
@cluster_options
def restore(options: ClusterOptions, app: str, reason: str, dry_run: bool, output: str | None) -> None:
    """Put routes that drifted back to where the record has users.

    Only where that side has Ready pods: nothing is waited for. Refused while a step is open, or an open release's own
    run decides where users are. To keep what is there instead: `flipgate adopt APP --reason`. Changes nothing where
    routes and record agree.
    """
    reason = reason if dry_run else need_reason("restore", app, reason)
    world = options.world(app, quiet=output is not None)
    if dry_run:
        _show(world, output)
        return
    from flipgate.steps.going_back.settle_drift import restore as put_back

    done = put_back(world, reason, by=person())
    if output:
        to, seconds = (str(done.to), done.seconds) if done else (None, 0.0)
        notes, left = ([*done.notes], [*done.left]) if done else ([], [])
        found = {"changed": done is not None, "to": to, "seconds": seconds, "notes": notes, "left": left}
        emit({"application": app, **found}, output)
    elif done is None:
        click.echo(f"the routes of {app} are where the record says; nothing changed")
    else:
        click.echo(f"users of {app} are on {done.to} again, where the record has them: {done.seconds:.3f} s")
        for note in done.notes:
            say(f"note: {note}")
        for each in done.left:
            say(f"left to you: {each}")
    if done and done.left:
        raise SystemExit(1)


def _show(world: World, output: str | None) -> None:
    from flipgate.core.traffic.moves import by_hand
    from flipgate.steps.going_back.settle_drift import plan_restore

    planned = plan_restore(world)
    lines = [by_hand(patch) for patch in planned[1]] if planned else []
    if output:
        emit({"application": world.application.name, "wouldChange": lines}, output)
    else:
        for line in lines or [f"the routes of {world.application.name} are where the record says; nothing to change"]:
            click.echo(line)
