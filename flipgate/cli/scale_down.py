"""`flipgate scale-down`: starts the scale-down run."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import (
    ClusterOptions,
    break_glass_option,
    cluster_options,
    need_glass,
    need_reason,
    output_option,
    person,
    reason_option,
)
from flipgate.cli._runs import RUN_DATA, asks_already, block_option, start_run
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why


@click.command(
    "scale-down",
    cls=Verb,
    details={"Data": RUN_DATA},
    examples="""\
        flipgate scale-down sportsdata
        flipgate scale-down sportsdata --unseen     a Traefik replica is stuck, and you have looked
        flipgate scale-down sportsdata --early --reason "its nodes are needed tonight"
        flipgate scale-down sportsdata --break-glass --reason "the fix cannot wait for Monday"
        flipgate scale-down sportsdata -o json""",
)
@click.argument("app")
@click.option(
    "--unseen",
    is_flag=True,
    help="Close a release whose old side rests already, though a Traefik replica does not show the live one.",
)
@click.option(
    "--early",
    is_flag=True,
    help="Have a person asked now, before the soak ends; with a --reason that everybody is told.",
)
@break_glass_option
@reason_option("Why it passes what holds it back, or is early; with --break-glass or --early", required=False)
@block_option
@output_option("json", "yaml")
@cluster_options
def scale_down(
    options: ClusterOptions,
    app: str,
    unseen: bool,
    early: bool,
    break_glass: bool,
    reason: str,
    block: str | None,
    output: str | None,
) -> None:
    """Put the old side to rest after its soak (a Prefect run).

    For a release that is `live` and has soaked. The run asks a person first; after it the way back is the slow one.
    Before the soak's end it is refused, but with --early: a person is asked then all the same, with the same evidence,
    by the same rules. Without their yes the soak goes on. To end it later: `flipgate extend`.

    While the application is frozen, or none of policy.windows is open, it waits, and its yes with it. --break-glass
    passes both, and gates at scale-down that fail or are unknown; not the soak, no fence, no check of pods, and it is
    no yes.
    """
    if early:
        reason = need_reason("scale-down --early", app, reason)
    else:
        reason = need_glass("scale-down", app, reason, break_glass=break_glass)
    from flipgate.core.record.phases import Phase, QuestionKind
    from flipgate.core.record.pipelines import SCALE_DOWN
    from flipgate.steps.releasing.freeze import break_glass as pass_what_holds
    from flipgate.steps.releasing.settle import need_soaked
    from flipgate.steps.releasing.soak import ask_early

    world = options.world(app)
    by = person(world)
    record = world.store.read()
    if not break_glass and asks_already(world, SCALE_DOWN, record, output):
        return
    if early:
        ask_early(world, reason, by=by)
    release = need_soaked(world)
    if unseen and release.phase is not Phase.SETTLING:
        raise Refused(
            f"is `{release.phase}`: --unseen is for one whose old side rests already, and was looked for",
            obj=f"release {release.name}",
            reason=Why.WRONG_PHASE,
            untouched="both sides",
            next_command=f"flipgate scale-down {app}",
        )
    if break_glass:
        pass_what_holds(world, QuestionKind.SCALE_DOWN, reason, by=by)
        if asks_already(world, SCALE_DOWN, record, output):
            return
    parameters = {"release": release.name} | ({"unseen_by": by.plain} if unseen else {})
    start_run(SCALE_DOWN, app, parameters, block, output, by=by)
