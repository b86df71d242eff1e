"""Who acts: by the login at the cluster, where the API server says whose that is."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.adapters.cluster import Reader
from flipgate.core.values.errors import FlipgateError
from flipgate.core.values.who import Speaker, read_caller
from flipgate.steps.acting.world import World

ASKED_SECONDS = 2.0
"""How long the API server has to say it. A name is never worth more waiting."""


def speaker(cluster: Reader, claimed: str) -> Speaker:
    """Who uses these credentials. Where the API server does not say it in time, the name stays what is claimed; never
    raises."""
    try:
        return Speaker(claimed, read_caller(cluster.who_am_i(timeout=ASKED_SECONDS)))
    except FlipgateError:
        return Speaker(claimed)


def approver_problems(world: World) -> Iterator[str]:
    """Why nobody could approve by the policy, where it needs proven names."""
    policy = world.application.spec.policy
    if not (policy.approvers or policy.two_persons):
        return
    key = "approvers" if policy.approvers else "twoPersons"
    try:
        known = read_caller(world.cluster.who_am_i(timeout=ASKED_SECONDS))
    except FlipgateError as error:
        yield f"spec.policy.{key} needs logins that the API server names (Kubernetes 1.28 or newer): {error}"
        return
    if known is None:
        yield f"spec.policy.{key} needs logins that the API server names: it names none for these credentials"
