"""Whether the cluster runs what was pushed: judged by what is there, not by the revision that somebody says was
applied: that may have passed over an object."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.git.flux import Kustomized
from flipgate.core.spec.application import Application
from flipgate.core.workloads.containers import behind
from flipgate.core.workloads.view import SideState


def not_there(application: Application, side: SideState, images: Mapping[str, str]) -> tuple[str, ...]:
    """Returns what does not have its image yet, a sentence each."""
    late = []
    for service in application.spec.services:
        workload = side.workloads[service.name]
        spots = behind(workload, service, images[service.name]) if workload.found else ()
        late += [f"{workload} has {spot.image}, not {images[service.name]}" for spot in spots]
        late += [] if workload.found else [f"{workload} is not there"]
    return tuple(late)


def whose_turn(found: Kustomized | None) -> str:
    """Says who has to bring what was pushed to the cluster, and what they say."""
    return found.sentence if found else "whatever applies the repository has not done so"
