"""What a side that is brought up by Git waits for while it has none of its release's images: pods are not slow then."""

from __future__ import annotations

from datetime import UTC, datetime

from flipgate.core.record.phases import Phase
from flipgate.core.record.release import Release
from flipgate.core.spec.application import Application
from flipgate.core.workloads.containers import behind
from flipgate.core.workloads.view import SideState


def waits_for_git(application: Application, release: Release | None, state: SideState | None) -> str:
    """Returns what Git, or whoever applies it, has not done yet, and since when; empty where nobody waits for that."""
    git = application.spec.git
    if git is None or git.overlays is None or release is None or state is None or release.phase is not Phase.DEPLOYING:
        return ""
    late = [
        service.name
        for service in application.spec.services
        if (image := release.images.get(service.name)) and behind(state.workloads[service.name], service, image)
    ]
    if not late:
        return ""
    if release.commits:
        commit = release.commits[-1]
        images = f"{len(late)} of {len(release.images)} images: {', '.join(sorted(late))}"
        return f"commit {commit.commit[:12]} on {git.branch} is waited for since {_clock(commit.at)} ({images})"
    if release.stopped:
        return ""
    return f"{git.where} is asked since {_clock(release.since)}: nothing is committed yet, and no pod is asked for"


def _clock(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%H:%M:%S} UTC"
