"""`flipgate deploy`: starts the deploy-dark run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import ClusterOptions, cluster_options, image_option, output_option, person, read_images
from flipgate.cli._runs import RUN_DATA, block_option, start_run
from flipgate.core.values.errors import Refused
from flipgate.core.values.reasons import Why

if TYPE_CHECKING:
    from flipgate.core.record.release import Release
    from flipgate.steps.acting.world import World


@click.command(
    cls=Verb,
    details={"Data": RUN_DATA},
    examples="""\
        flipgate deploy sportsdata --image api=sportsdata/api:2
        flipgate deploy sportsdata --image api=sportsdata/api:2 --image venue=sportsdata/venue:2
        flipgate deploy sportsdata --image api=sportsdata/api@sha256:... -o json""",
)
@click.argument("app")
@image_option
@block_option
@output_option("json", "yaml")
@cluster_options
def deploy(options: ClusterOptions, app: str, images: tuple[str, ...], block: str | None, output: str | None) -> None:
    """Bring new images up on the dark side (a Prefect run).

    Services that are not named keep the image that is live (before a first release: that of the dark side's own
    Deployments). Does not wait: the run asks for an approval when the dark
    side is up and its checks have passed. Refused while traffic moves, bakes or soaks.
    """
    from flipgate.core.record.pipelines import DEPLOY_DARK
    from flipgate.core.workloads.render import parse_images

    given = read_images(images)
    world = options.world(app)
    parsed = parse_images(given, world.application)
    _need_room(world)
    wanted = {name: str(image) for name, image in parsed.items()}
    start_run(DEPLOY_DARK, app, {"images": wanted, "name": person()}, block, output)


def _need_room(world: World) -> None:
    """Raises NotFound before `adopt`, and while another release holds both sides: the run would say the same, later."""
    from flipgate.core.record.phases import Build

    name = world.application.name
    record = world.store.read()
    release = record.release
    if release and release.phase.row.build is Build.REFUSED:
        raise Refused(
            f"is `{release.phase}` since {release.since:%Y-%m-%d %H:%M} UTC: {release.side.other} is its way back",
            obj=f"release {release.name}",
            reason=Why.RELEASE_OPEN,
            untouched="both sides; no run was started",
            next_command=_end_first(name, release),
        )


def _end_first(name: str, release: Release) -> str:
    from flipgate.core.record.phases import Phase

    if release.phase is Phase.LIVE:
        return f"flipgate scale-down {name} when it has soaked, then deploy again"
    return f"flipgate status {name} --watch"
