"""`flipgate deploy`: starts the deploy-dark run."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from flipgate.cli._commands import Verb
from flipgate.cli._options import (
    ClusterOptions,
    again_option,
    cluster_options,
    image_option,
    output_option,
    person,
    read_images,
)
from flipgate.cli._print import echo, emit, table
from flipgate.cli._runs import RUN_DATA, block_option, start_run, wait_for_question, wait_for_run

if TYPE_CHECKING:
    from flipgate.core.record.record import Record
    from flipgate.core.record.release import Release
    from flipgate.steps.releasing.foresee import DeployPlan


@click.command(
    cls=Verb,
    details={
        "Data": f"""\
            {RUN_DATA}
            --dry-run: {{"application", "release", "side", "namespace", "outcome", "objects": [...], "checks": [...],
            "hooks": [LINE, ...], "differences": [LINE, ...], "notes": [SENTENCE, ...],
            "preflight": [{{"gate", "verdict", "answer", "wanted", "mend"}}, ...],
            "services": [{{"service", "imageNow", "imageThen", "podsNow", "podsThen"}}, ...]}}"""
    },
    examples="""\
        flipgate deploy sportsdata --image api-all=sportsdata/api:2
        flipgate deploy sportsdata --image api-all=sportsdata/api:2 --image venue-football-ncaa=sportsdata/venue:2
        flipgate deploy sportsdata --image api-all=sportsdata/api@sha256:... -o json
        flipgate deploy sportsdata --image api-all=sportsdata/api:main --again    the tag was pushed anew
        flipgate deploy sportsdata --image api-all=sportsdata/api:2 --wait
        flipgate deploy sportsdata --image api-all=sportsdata/api:2 --dry-run""",
)
@click.argument("app")
@image_option
@again_option
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until the dark side is up and checked, or the build is queued: exit code 0; 1 where it is neither. A "
    "minute more for the question; whether it is asked is said on standard error.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Show what would be done; nothing is started or changed. Exit code 1 where the preflight does not pass.",
)
@click.option(
    "--timeout",
    "timeout_seconds",
    type=click.FloatRange(min=0),
    default=1_800,
    show_default=True,
    metavar="SECONDS",
    help="How long --wait waits; the run itself goes on.",
)
@block_option
@output_option("json", "yaml")
@cluster_options
def deploy(
    options: ClusterOptions,
    app: str,
    images: tuple[str, ...],
    again: bool,
    wait: bool,
    dry_run: bool,
    timeout_seconds: float,
    block: str | None,
    output: str | None,
) -> None:
    """Bring new images up on the dark side (a Prefect run).

    Services that are not named keep the image that is live (before a first release: that of the dark side's own
    workloads). The run asks for an approval when the dark side is up and its
    checks have passed. While traffic moves, bakes or soaks the build is queued, and released when
    that has ended. What is live is not released once more: a tag that was pushed anew needs --again.
    """
    from flipgate.core.record.pipelines import DEPLOY_DARK
    from flipgate.core.record.release import again_mark
    from flipgate.core.workloads.render import image_refs
    from flipgate.steps.releasing.foresee import foresee

    given = read_images(images)
    world = options.world(app)
    wanted = image_refs(given, world.application)
    word = uuid.uuid4().hex if again else ""
    if dry_run:
        plan = foresee(world, wanted, again_mark(word))
        _show_plan(app, plan, output)
        _need_passing(app, plan)
        return
    before, began = world.store.read(), world.monotonic()
    waits = _say_what_waits(world.application.name, before, wanted, word)
    by = person(world)
    parameters = {"images": wanted, "name": by.plain, **({"again": word} if word else {})}
    run = start_run(DEPLOY_DARK, app, parameters, block, output, by=by, says_next=not (waits or wait))
    if wait:
        wait_for_run(run, world, timeout_seconds)
        wait_for_question(world, wanted, before, began + timeout_seconds - world.monotonic())


def _need_passing(app: str, plan: DeployPlan) -> None:
    """Raises Refused (PreflightFailed) where the release would end before anything of it is brought up."""
    from flipgate.core.values.errors import Refused
    from flipgate.core.values.reasons import Why

    if plan.refused:
        raise Refused(
            plan.refused,
            obj=f"preflight of release {plan.release} on {plan.side} (dry run)",
            reason=Why.PREFLIGHT_FAILED,
            untouched="everything: no release was opened",
            next_command=f"mend what is named, then the same again; flipgate check {app} shows the same rows",
        )


def _show_plan(app: str, plan: DeployPlan, output: str | None) -> None:
    from flipgate.core.gates.preflight import as_row, told

    if output:
        facts = {"release": plan.release, "side": plan.side, "namespace": plan.namespace, "outcome": plan.outcome}
        services = [
            {"service": s.service, "imageNow": s.image_now, "imageThen": s.image_then}
            | {"podsNow": s.pods_now, "podsThen": s.pods_then}
            for s in plan.services
        ]
        lists = {"services": services, "objects": list(plan.objects), "checks": list(plan.checks)}
        lists |= {"hooks": list(plan.hooks)}
        lists |= {"differences": list(plan.differences), "notes": list(plan.notes)}
        lists |= {"preflight": [as_row(each) for each in plan.preflight]}
        emit({"application": app, **facts, **lists}, output)
        return
    echo(f"{app}: {plan.outcome}")
    rows = [[s.service, s.image_now or "-", s.image_then, str(s.pods_now), str(s.pods_then)] for s in plan.services]
    header = ["SERVICE", "IMAGE USERS HAVE", "THEN", f"PODS ON {plan.side.upper()}", "THEN"]
    for line in [*table(header, rows)] if rows else []:
        echo(line)
    asked = tuple(told(each) for each in plan.preflight)
    titled = (
        ("changed", plan.objects),
        ("differs", plan.differences),
        ("checked", plan.checks),
        ("hook   ", plan.hooks),
        ("note   ", plan.notes),
    )
    for title, lines in (*titled, ("asked  ", asked)):
        for line in lines:
            echo(f"{title}  {line}")


def _say_what_waits(name: str, record: Record, images: Mapping[str, str], again: str) -> bool:
    """Says that a release is in the way, which the run would say later, and what ends that. Returns whether there is
    one."""
    from flipgate.core.record.queue import has_them, waits_for

    release = waits_for(record)
    if release is None or has_them(record, images, again):
        return False
    fact = f"release {release.name} is `{release.phase}` since {release.since:%Y-%m-%d %H:%M} UTC"
    echo(f"Waits: {fact}. The build becomes a release by itself when that has ended", err=True)
    echo(f"Next: {_end_first(name, release)}", err=True)
    return True


def _end_first(name: str, release: Release) -> str:
    from flipgate.core.record.phases import Phase

    if release.phase is Phase.LIVE:
        return f"flipgate scale-down {name}, when it has soaked"
    return f"flipgate status {name} --watch"
