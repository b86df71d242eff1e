"""`flipgate scale-down`: starts the scale-down run."""

from __future__ import annotations

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, output_option
from flipgate.cli._runs import RUN_DATA, block_option, start_run


@click.command(
    "scale-down",
    cls=Verb,
    details={"Data": RUN_DATA},
    examples="""\
        flipgate scale-down sportsdata
        flipgate scale-down sportsdata -o json""",
)
@click.argument("app")
@block_option
@output_option("json", "yaml")
@cluster_options
def scale_down(options: ClusterOptions, app: str, block: str | None, output: str | None) -> None:
    """Put the old side to rest after its soak (a Prefect run).

    For a release that is `live` and has soaked. The run asks a person first; after it the way back is the slow one.
    """
    from flipgate.core.record.pipelines import SCALE_DOWN
    from flipgate.steps.releasing.settle import need_soaked

    release = need_soaked(options.world(app))
    start_run(SCALE_DOWN, app, {"release": release.name}, block, output)
