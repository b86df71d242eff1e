"""`flipgate flip`: starts the flip-traffic run."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import (
    ClusterOptions,
    break_glass_option,
    cluster_options,
    need_glass,
    output_option,
    person,
    reason_option,
)
from flipgate.cli._runs import RUN_DATA, asks_already, block_option, start_run
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why


@click.command(
    cls=Verb,
    details={"Data": RUN_DATA},
    examples="""\
        flipgate flip sportsdata
        flipgate flip sportsdata --break-glass --reason "the fix cannot wait for Monday"
        flipgate flip sportsdata -o json""",
)
@click.argument("app")
@break_glass_option
@reason_option("Why it passes what holds it back; with --break-glass", required=False)
@block_option
@output_option("json", "yaml")
@cluster_options
def flip(
    options: ClusterOptions, app: str, break_glass: bool, reason: str, block: str | None, output: str | None
) -> None:
    """Ask for, and make, the move of all users (a Prefect run).

    For a release that is `dark`; also goes on with one whose run died while it was `flipping` or `baking`. The run
    asks a person first, unless a decision for exactly this change stands. While a run waits for a person, no other one
    is started.

    While the application is frozen, or none of policy.windows is open, the move waits, and its yes with it.
    Nobody is asked while a gate at dark or flip does not pass. --break-glass passes all of these, and the file's gates
    (spec.gates) that fail or are unknown in the bake; no fence, no check of pods, no proof of traffic, and it is no
    yes.
    """
    reason = need_glass("flip", app, reason, break_glass=break_glass)
    from flipgate.core.record.phases import QuestionKind, works_in
    from flipgate.core.record.pipelines import FLIP_TRAFFIC
    from flipgate.steps.releasing.freeze import break_glass as pass_what_holds

    world = options.world(app)
    record = world.store.read()
    release = record.release
    if release is None or release.phase not in works_in(FLIP_TRAFFIC):
        raise Refused(
            f"is `{record.phase}`: only a `dark` release can be flipped",
            obj=f"release {release.name}" if release else "",
            reason=Why.WRONG_PHASE,
            untouched="all routes; no run was started",
        )
    by = person(world)
    if break_glass:
        pass_what_holds(world, QuestionKind.FLIP, reason, by=by)
    if asks_already(world, FLIP_TRAFFIC, record, output):
        return
    start_run(FLIP_TRAFFIC, app, {"release": release.name}, block, output, by=by)
