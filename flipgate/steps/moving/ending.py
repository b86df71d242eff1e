"""Knows whether the pods of a worker that was stopped have ended: they go on with their work until they have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from flipgate.core.values.errors import FlipgateError
from flipgate.core.workloads.hand_over import grace_seconds
from flipgate.core.workloads.view import Workload
from flipgate.steps.acting.world import World
from flipgate.steps.looking.look import running_pods


@dataclass
class Ending:
    """The workers that one hand-over has stopped."""

    world: World
    back: bool
    """Whether it is on the way back: pods that cannot be listed are given the time then that Kubernetes lets them have.
    Forward, that is raised."""
    report: Callable[[str], None]
    """Told what was not known in the end."""
    ended: set[str] = field(default_factory=set)
    """Those whose pods were seen to be gone, or have had their time."""
    unlisted: dict[str, float] = field(default_factory=dict)
    """The monotonic time at which the pods of a worker could not be listed first."""

    def why_not(self, workload: Workload) -> str:
        """Returns why the pods of a worker at 0 are not known to have ended; empty once they have."""
        if workload.name in self.ended:
            return ""
        try:
            pods = running_pods(self.world.cluster, workload)
            why = f"pods that still end: {', '.join(pods)}" if pods else ""
        except FlipgateError as error:
            if not self.back:
                raise
            why = self._unknown(workload, error)
        if not why:
            self.ended.add(workload.name)
        return why

    def _unknown(self, workload: Workload, error: FlipgateError) -> str:
        now, grace = self.world.monotonic(), grace_seconds(workload)
        why = f"whether pods of {workload} still run is not known: {error}"
        if now - self.unlisted.setdefault(workload.name, now) < grace:
            return why
        self.report(f"{why} They have had {grace:g} s to end")
        return ""
