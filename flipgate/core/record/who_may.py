"""Who may say yes to a question, and whether somebody who did may. A no needs no policy, and going back asks nobody.

It is judged where the yes is typed, and once more where it is spent, by what stands in the record: so a yes that has
come there by another way counts no more than a claim.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from flipgate.core.spec.policy import Approver
from flipgate.core.values.base import Model, but
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.reasons import Why
from flipgate.core.values.stored import Name
from flipgate.core.values.text import as_name
from flipgate.core.values.who import BUILD_EVENT, Caller, Door, Identity, user_of

MAP: Final = "policy.approvers says which login a member of Slack has, as {user: ana, slack: U0123ABC}"


class WhoMay(Model):
    """The policy as a question has it. Without users and groups anybody may whose name is proven; `not_by` is who
    opened the release, where that person may not."""

    users: tuple[Name, ...] = ()
    groups: tuple[Name, ...] = ()
    slack: dict[Name, Name] = Field(default={}, exclude_if=lambda members: not members)
    """Members of the Slack workspace by their ids, with their login at the cluster where the policy says it."""
    slack_groups: tuple[Name, ...] = Field(default=(), exclude_if=lambda groups: not groups)
    not_by: Name = Field(default="", exclude_if=lambda name: not name)

    @property
    def names_somebody(self) -> bool:
        return bool(self.users or self.groups or self.slack or self.slack_groups)

    def names(self, identity: Identity) -> bool:
        """Whether it is one of them, each by the door that knows them: what a door does not know it does not prove."""
        if identity.door == Door.SLACK:
            return identity.member in self.slack or identity.group in self.slack_groups
        return identity.user in self.users or identity.group in self.groups

    def login_of(self, identity: Identity) -> str:
        """Their login at the cluster; empty where nobody knows it."""
        return as_name(self.slack.get(identity.member, "") if identity.door == Door.SLACK else identity.user)

    def __str__(self) -> str:
        named = [*(f"user {user}" for user in self.users), *(f"group {group}" for group in self.groups)]
        named += [f"Slack member {member}" for member in self.slack]
        named += [f"Slack group {group}" for group in self.slack_groups]
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
        slack={each.slack: each.user or "" for each in approvers if each.slack},
        slack_groups=tuple(each.slack_group for each in approvers if each.slack_group),
        not_by=user_of(opened_by) if two_persons else "",
    )


def identify(caller: Caller | None, may: WhoMay | None) -> Identity | None:
    """The proven name as a decision keeps it: of the groups the first that the policy names, where it names not the
    person."""
    if caller is None:
        return None
    person = Identity(user=caller.user, door=caller.door, team=caller.team)
    if may is None or may.names(person):
        return person
    known = may.slack_groups if caller.door is Door.SLACK else may.groups
    group = next((group for group in known if group in caller.groups), "")
    return but(person, group=group)


def not_heard(identity: Identity | None, by: str, may: WhoMay | None) -> NotHeard | None:
    """Why a yes does not count; None where it does. `by` is how its author is shown."""
    if may is None:
        return None
    if identity is None or identity.door not in frozenset(Door):
        return NotHeard(Why.SELF_DECLARED, f"{by} may not approve: nobody has proven that name, and {may}")
    if may.names_somebody and not may.names(identity):
        return NotHeard(Why.NOT_AN_APPROVER, f"{by} may not approve: {may}")
    login = may.login_of(identity)
    if may.not_by and not login and may.not_by != BUILD_EVENT:
        fact = f"{by} is not known to be another person than {may.not_by}, who opened the release (twoPersons): {MAP}"
        return NotHeard(Why.SAME_PERSON, fact)
    if may.not_by and login == may.not_by:
        return NotHeard(Why.SAME_PERSON, f"{by} opened the release, and another person has to approve it (twoPersons)")
    return None
