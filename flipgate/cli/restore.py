"""`flipgate restore`: routes, images and counts that others changed are again as the record has them."""

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
    say_rest,
)
from flipgate.cli._print import echo, emit

if TYPE_CHECKING:
    from flipgate.core.way_back.live_side import Amiss
    from flipgate.steps.acting.world import World
    from flipgate.steps.going_back.way_back import RolledBack


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "changed": BOOL, "to": "blue"|"green"|null, "seconds",
                      "liveSide": [SENTENCE, ...], "notes": [SENTENCE, ...], "left": [SENTENCE, ...]}
            With --dry-run: {"application", "wouldChange": [KUBECTL_LINE or SENTENCE, ...], "left": [SENTENCE, ...]}
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
    """Put back what others changed of the routes, and of the live side.

    Routes that drifted go where the record has users, only where that side has Ready pods: nothing is waited for. Then
    images of the live side are those of its release again, and services that ask for too few pods for as many as they
    carried. Images of a side whose overlay is in Git are left: revert the commit there. Refused while a step is open,
    or an open release's own run decides. To keep where the routes lead instead: `flipgate adopt APP --reason`.
    """
    reason = reason if dry_run else need_reason("restore", app, reason)
    world = options.world(app, quiet=output is not None)
    if dry_run:
        _show(world, output)
        return
    from flipgate.steps.going_back.put_side_right import put_side_right
    from flipgate.steps.going_back.settle_drift import restore as put_back

    by = person(world).name
    done = put_back(world, reason, by=by)
    found, again = put_side_right(world, reason, by=by)
    left = [*(done.left if done else ()), *again]
    if output:
        to, seconds, notes = (str(done.to), done.seconds, [*done.notes]) if done else (None, 0.0, [])
        data = {"changed": bool(done or found), "to": to, "seconds": seconds, "liveSide": [str(each) for each in found]}
        emit({"application": app, **data, "notes": notes, "left": left}, output)
    else:
        _tell(app, done, found, left)
    if left:
        raise SystemExit(1)


def _tell(app: str, done: RolledBack | None, found: tuple[Amiss, ...], left: list[str]) -> None:
    if done:
        echo(f"users of {app} are on {done.to} again, where the record has them: {done.seconds:.3f} s")
    for part in found:
        echo(f"live side of {app}: {part}")
    if not (done or found or left):
        echo(f"routes and live side of {app} are as the record says; nothing changed")
    say_rest(done.notes if done else (), left)


def _show(world: World, output: str | None) -> None:
    from flipgate.core.traffic.moves import by_hand
    from flipgate.steps.going_back.put_side_right import plan_side
    from flipgate.steps.going_back.settle_drift import plan_restore

    planned = plan_restore(world)
    found, left = plan_side(world)
    lines = [*(by_hand(patch) for patch in (planned[1] if planned else ())), *map(str, found)]
    if output:
        emit({"application": world.application.name, "wouldChange": lines, "left": [*left]}, output)
    else:
        for line in [*lines, *left] or [f"routes and live side of {world.application.name} are as the record says"]:
            echo(line)
