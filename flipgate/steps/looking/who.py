"""Who acts: by the login at the cluster, where the API server says whose that is."""

from __future__ import annotations

from collections.abc import Iterator

from flipgate.adapters.cluster import Reader
from flipgate.core.record.who_may import MAP
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
    policy, channel = world.application.spec.policy, world.application.spec.announce.slack_channel
    by_login = any(each.user or each.group for each in policy.approvers)
    in_slack = any(each.slack or each.slack_group for each in policy.approvers)
    if in_slack and not channel:
        yield "spec.policy.approvers names members of Slack, and spec.announce.slackChannel no channel to ask them in"
    if in_slack and policy.two_persons and not by_login:
        yield f"spec.policy.twoPersons: nobody of approvers may say yes, for of none the login is known; {MAP}"
    if not (by_login or (policy.two_persons and not in_slack)):
        return
    key = "approvers" if by_login else "twoPersons"
    try:
        known = read_caller(world.cluster.who_am_i(timeout=ASKED_SECONDS))
    except FlipgateError as error:
        yield f"spec.policy.{key} needs logins that the API server names (Kubernetes 1.28 or newer): {error}"
        return
    if known is None:
        yield f"spec.policy.{key} needs logins that the API server names: it names none for these credentials"
