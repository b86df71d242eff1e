"""Who may say yes to a question, and whether somebody who did may. A no needs no policy, and going back asks nobody.

It is judged where the yes is typed, and once more where it is spent, by what stands in the record: so a yes that has
come there by another way counts no more than a claim.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from flipgate.core.spec.policy import Approver
from flipgate.core.values.base import Model
from flipgate.core.values.reasons import Why
from flipgate.core.values.stored import Name
from flipgate.core.values.text import as_name
from flipgate.core.values.who import BUILD_EVENT, Caller, Identity, user_of


class WhoMay(Model):
    """The policy as a question has it. Without users and groups anybody may whose name is proven; `not_by` is who
    opened the release, where that person may not."""

    users: tuple[Name, ...] = ()
    groups: tuple[Name, ...] = ()
    not_by: Name = Field(default="", exclude_if=lambda name: not name)

    def __str__(self) -> str:
        named = [*(f"user {user}" for user in self.users), *(f"group {group}" for group in self.groups)]
        who = " or ".join(named) or "who has a login of the cluster"
        opener = "" if self.not_by == BUILD_EVENT else self.not_by  # whom nobody is kept apart from
        return f"only {who} may approve{f', and not {opener}, who opened the release' if opener else ''}"


@dataclass(frozen=True)
class NotHeard:
    """A yes that does not count. `reason` is UpperCamelCase, treated as API."""

    reason: Why
    fact: str


def who_may(approvers: tuple[Approver, ...], opened_by: str, *, two_persons: bool) -> WhoMay | None:
    """Who may say yes to a question about a release that somebody has opened. None where the policy names nobody."""
    if not (approvers or two_persons):
        return None
    return WhoMay(
        users=tuple(each.user for each in approvers if each.user),
        groups=tuple(each.group for each in approvers if each.group),
        not_by=user_of(opened_by) if two_persons else "",
    )


def identify(caller: Caller | None, may: WhoMay | None) -> Identity | None:
    """The proven name as a decision keeps it: of the groups the first that the policy names, where it names not the
    person."""
    if caller is None:
        return None
    named = may is not None and caller.user in may.users
    groups = () if may is None or named else tuple(group for group in may.groups if group in caller.groups)
    return Identity(user=caller.user, group=groups[0] if groups else "", door=caller.door)


def not_heard(identity: Identity | None, by: str, may: WhoMay | None) -> NotHeard | None:
    """Why a yes does not count; None where it does. `by` is how its author is shown."""
    if may is None:
        return None
    if identity is None:
        return NotHeard(Why.SELF_DECLARED, f"{by} may not approve: nobody has proven that name, and {may}")
    if (may.users or may.groups) and identity.user not in may.users and identity.group not in may.groups:
        return NotHeard(Why.NOT_AN_APPROVER, f"{by} may not approve: {may}")
    if may.not_by and as_name(identity.user) == may.not_by:
        return NotHeard(Why.SAME_PERSON, f"{by} opened the release, and another person has to approve it (twoPersons)")
    return None
