"""`flipgate event`: the events that start pipelines."""

from __future__ import annotations

import uuid

import click

from flipgate.cli._commands import Verb, Verbs
from flipgate.cli._options import again_option, image_option, output_option, read_images
from flipgate.cli._print import echo, emit
from flipgate.core.values.errors import BadInput


@click.group(
    cls=Verbs,
    examples="""\
        flipgate event build sportsdata --image api-all=sportsdata/api:2""",
)
def event() -> None:
    """Send the events that start pipelines."""


@event.command(
    cls=Verb,
    details={"Data": '-o json: {"id", "event", "application", "images": {NAME: REF}}'},
    examples="""\
        flipgate event build sportsdata --image api-all=sportsdata/api:2
        flipgate event build sportsdata --image api-all=sportsdata/api:2 --id 6f1c5f8e-7f0a-4c56-9f0e-0d5f1f0d9a11""",
)
@click.argument("app")
@image_option
@again_option
@click.option("--id", "identity", type=click.UUID, default=None, help="The event's id; made of its content otherwise.")
@output_option("json", "yaml")
def build(app: str, images: tuple[str, ...], again: bool, identity: uuid.UUID | None, output: str | None) -> None:
    """Announce a completed build: Prefect starts deploy-dark for it.

    Needs PREFECT_API_URL (or a Prefect profile) and no cluster. The same event sent twice is one release.
    """
    from flipgate.core.spec.images import parse_image

    given = read_images(images)
    if not given:
        raise BadInput(
            "names no image", obj="event build", next_command=f"flipgate event build {app} --image NAME=REPOSITORY:TAG"
        )
    refs = {name: str(parse_image(ref)) for name, ref in given.items()}
    from flipgate.adapters.runs import BUILD_COMPLETED, emit_build

    sent = emit_build(app, refs, event_id=str(identity) if identity else "", again=again)
    if output:
        emit({"id": sent, "event": BUILD_COMPLETED, "application": app, "images": refs}, output)
    else:
        echo(f"event {BUILD_COMPLETED} {sent} sent for {app}")
