"""`flipgate rollback`: all users back, in this process, with nothing but the cluster."""

from __future__ import annotations

import shlex
from functools import partial
from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import (
    ClusterOptions,
    claimed,
    cluster_options,
    need_reason,
    output_option,
    person,
    reason_option,
    say_rest,
)
from flipgate.cli._print import echo, emit

if TYPE_CHECKING:
    from flipgate.steps.acting.world import World
    from flipgate.steps.going_back.way_back import RolledBack


@click.command(
    cls=Verb,
    details={
        "Data": """\
            -o json: {"application", "way": "fast"|"slow"|"now"|"abort", "to": "blue"|"green"|null, "seconds",
                      "recorded", "firstOldAnswerMs": number|null, "notes": [SENTENCE, ...], "left": [SENTENCE, ...]}
            Exit code 1 with something in "left": users are back where that could be, somebody must see to the rest."""
    },
    examples="""\
        flipgate rollback sportsdata --reason "orders fail"
        flipgate rollback sportsdata --reason "orders fail" --now        with what is Ready there, scaled up after
        flipgate rollback sportsdata --reason "orders fail" --to blue    also when nothing says where back is""",
)
@click.argument("app")
@reason_option("Why users are sent back")
@click.option("--to", type=click.Choice(["blue", "green"]), default=None, help="The side to send all users to.")
@click.option("--now", is_flag=True, help="Do not wait for an old side that is not up: go with what is Ready there.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=600,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for an old side that has to come up first.",
)
@output_option("json", "yaml")
@cluster_options
def rollback(
    options: ClusterOptions, app: str, reason: str, to: str | None, now: bool, timeout: float, output: str | None
) -> None:
    """Send all users back to the side they came from; needs nothing but the cluster.

    A release that users have not seen is aborted instead. Works with Prefect, Slack and Prometheus down, never refuses
    for drift or for an open journal entry, and works without the record where that cannot be read. If the old side is
    not up it is scaled up and checked first (the slow way), which --now leaves out where each service has a pod Ready.
    Both sides bad, or routes that name no one side: --to decides, and with --now at once, whatever is Ready there.
    """
    reason = need_reason("rollback", app, reason)
    from flipgate.core.values.errors import about
    from flipgate.core.values.sides import Side
    from flipgate.core.values.text import self_declared
    from flipgate.steps.going_back.roll_back import roll_back

    world = options.world(app, quiet=output is not None)
    # After a fault: it goes on with what was begun.
    with about(next_command=f"flipgate rollback {app} --reason {shlex.quote(reason)}{f' --to {to}' if to else ''}"):
        by, side = self_declared(claimed()), Side(to) if to else None
        name = partial(_name, world)
        done = roll_back(world, reason, by=by, name=name, to=side, now=now, patience_seconds=timeout)
    if output:
        data = {"application": app, "way": done.way, "to": str(done.to) if done.to else None, "seconds": done.seconds}
        figures = {"recorded": done.recorded, "firstOldAnswerMs": done.first_old_answer_ms}
        emit({**data, **figures, "notes": list(done.notes), "left": list(done.left)}, output)
    else:
        echo(_sentence(app, done))
        say_rest((*done.notes, *_git_notes(world, done)), done.left)
    if done.left:
        raise SystemExit(1)


def _name(world: World) -> str:
    return person(world).name


def _git_notes(world: World, done: RolledBack) -> tuple[str, ...]:
    """What is true of Git meanwhile, where it holds the routes: a terminal has no credentials of flipgate's for it."""
    from flipgate.core.values.errors import FlipgateError
    from flipgate.core.way_back.routes_in_git import not_looked_at_yet

    git = world.application.spec.git
    if done.to is None or git is None or not git.routes:
        return ()
    try:
        record = world.store.find()
    except FlipgateError:
        record = None
    held = ("the routes",) if git.holds else ()
    said = not_looked_at_yet(record, git, done.to, held)
    return (f"Git: {said}. Next: flipgate status {world.application.name}",)


def _sentence(app: str, done: RolledBack) -> str:
    if done.to is None:
        return f"release of {app} ended ({done.way}) in {done.seconds:.3f} s: users saw nothing of it"
    who = "all users" if not done.left else "users"
    answer = f", first answer after {done.first_old_answer_ms:g} ms" if done.first_old_answer_ms is not None else ""
    unrecorded = "" if done.recorded else ", unrecorded"
    return f"{who} of {app} are on {done.to}: the {done.way} way, {done.seconds:.3f} s{answer}{unrecorded}"
