"""Build completed: reads what an image build announced, and starts deploy dark for it. What cannot be read is told."""

from __future__ import annotations

from typing import Any

from prefect import flow

from flipgate.adapters import runs
from flipgate.core.record.pipelines import BUILD_COMPLETED, DEPLOY_DARK, event_key
from flipgate.core.record.release import again_mark
from flipgate.core.spec.build_event import application_of, read_build
from flipgate.core.values.errors import BadInput
from flipgate.core.values.text import self_declared
from flipgate.core.values.who import BUILD_EVENT
from flipgate.core.workloads.render import image_refs
from flipgate.steps.releasing.queue import leave_to_others, refused_build
from flows.opening import begin
from tasks import steps as task

AT_ONCE = 5
"""Deploys of one application that builds have begun and that have not ended. More would but push each other aside."""


@flow(name=BUILD_COMPLETED, flow_run_name="build of {resource}")
def build_completed(resource: str, payload: Any, event: str, cluster: str = "default") -> str:
    """Starts deploy dark for the images of a build event, or has them wait in the record where AT_ONCE are under way.
    An event that cannot be read starts nothing, and people hear.

    Args:
        resource: The event's resource: flipgate.application.APP.
        payload: The event's payload, as text: {"application": "APP", "images": {"SERVICE": "REPOSITORY:TAG"}}; with
            {"again": true} they are released although they are live, for their tags were pushed anew.
        event: The event's id; the same one twice is one deploy.
        cluster: The flipgate-cluster block to use; `default` needs no block.
    """
    world = begin(application_of(resource), cluster)
    try:
        build = read_build(resource, payload)
        images = image_refs(build.images, world.application)
    except BadInput as refused:
        refused_build(world, refused)
        raise
    again = event if build.again else ""
    if runs.under_way(DEPLOY_DARK, build.application) >= AT_ONCE:
        leave_to_others(world, images, self_declared(BUILD_EVENT), again_mark(again))
        return f"{AT_ONCE} deploys of {build.application} are under way: it waits with what else does"
    parameters = {"application": build.application, "images": images, "name": BUILD_EVENT, "cluster": cluster}
    if again:
        parameters["again"] = again
    run = task.start(DEPLOY_DARK, parameters, event_key(event))
    return f"{DEPLOY_DARK} of {build.application}: {run.url or run.id}"
