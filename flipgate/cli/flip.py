"""`flipgate flip`: starts the flip-traffic run."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, output_option, person
from flipgate.cli._runs import RUN_DATA, block_option, start_run
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why


@click.command(
    cls=Verb,
    details={"Data": RUN_DATA},
    examples="""\
        flipgate flip sportsdata
        flipgate flip sportsdata -o json""",
)
@click.argument("app")
@block_option
@output_option("json", "yaml")
@cluster_options
def flip(options: ClusterOptions, app: str, block: str | None, output: str | None) -> None:
    """Ask for, and make, the move of all users (a Prefect run).

    For a release that is `dark`; also goes on with one whose run died while it was `flipping` or `baking`. The run
    asks a person first, unless a decision for exactly this change stands.
    """
    from flipgate.core.record.phases import works_in
    from flipgate.core.record.pipelines import FLIP_TRAFFIC

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
    start_run(FLIP_TRAFFIC, app, {"release": release.name}, block, output, by=person(world))
