"""Whether the cluster runs what was pushed: judged by what is there, not by the revision that somebody says was
applied: that may have passed over an object."""

from __future__ import annotations

from collections.abc import Mapping

from flipgate.core.git.flux import Kustomized
from flipgate.core.spec.application import Application
from flipgate.core.values.frozen import dataclass
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


@dataclass(frozen=True)
class Committed:
    """A branch whose overlay says a release's images: its newest commit, and the one that set them."""

    head: str
    set_by: str


def stays(committed: Committed, branch: str, *, reverts: bool) -> str:
    """Says what is in Git still of a release that has failed, and what becomes of it, or what a person does: whoever
    applies the repository may bring those images later. `reverts`: the file has flipgate take it back."""
    short = committed.set_by[:12]
    if reverts:
        return f"commit {short} on {branch} is taken back once the side is at rest; or the same build again"
    return f"commit {short} stays on {branch}: the same build again once that is mended, or git revert {short}"


def whose_turn(found: Kustomized | None) -> str:
    """Says who has to bring what was pushed to the cluster, and what they say."""
    return found.sentence if found else "whatever applies the repository has not done so"
