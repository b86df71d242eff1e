"""Who says something, and how sure that name is.

A name that somebody types, or that their machine gives ($USER), is a claim, and marked so wherever it is shown. One
that a door has proven (the API server, by the login that a request came with; Slack, which says who clicked) is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from pydantic import Field

from flipgate.core.values.base import Model
from flipgate.core.values.frozen import dataclass
from flipgate.core.values.stored import Name
from flipgate.core.values.text import NAME_BYTES, NAME_SHOWN, SELF_DECLARED, as_name, cut, self_declared, written_bytes

ANONYMOUS: Final = "system:unauthenticated"
"""The group of requests without a login."""
SHARED: Final = frozenset({"admin", "kubernetes-admin", "kubernetes-super-admin", "root"})
"""Logins that installers of Kubernetes make, and that many people hold; beside all that begin with `system:`."""
SAYS: Final = ", says "
BUILD_EVENT: Final = "image build event"
"""Who opens a release that a build has started: no person."""
MEMBER: Final = re.compile(r"[UW][A-Z0-9]{1,30}")
"""The id of a person in Slack."""
NAMED: Final = " / "
"""Between that id and the name that is shown with it. An id holds no blank, so the first one ends it."""
LEAST_CLAIM: Final = 8
"""Characters of a claimed name that are worth showing."""


class Door(StrEnum):
    """What has proven a name."""

    CLUSTER = "cluster identity"
    SLACK = "Slack identity"


@dataclass(frozen=True)
class Caller:
    """Somebody as a door knows them, for as long as they are there."""

    user: str
    groups: frozenset[str] = frozenset()
    door: Door = Door.CLUSTER
    team: str = ""
    """The workspace that the id of a person in Slack belongs to."""


class Identity(Model):
    """A proven name as it is kept with a decision. `group` is the one of theirs that the policy names, if one counted;
    `door` is what has proven it."""

    user: Name
    group: Name = Field(default="", exclude_if=lambda group: not group)
    door: Name = Door.CLUSTER
    team: Name = Field(default="", exclude_if=lambda team: not team)

    @property
    def member(self) -> str:
        """The id of a person in Slack, which alone is compared: the name beside it is chosen by its bearer."""
        return self.user.partition(NAMED)[0] if self.door == Door.SLACK else ""


@dataclass(frozen=True)
class Speaker:
    """Somebody at a command or a form: the name that they claim, and who they are where a door has proven that."""

    claimed: str
    caller: Caller | None = None

    @property
    def plain(self) -> str:
        """The name without a mark, for a place that marks it by itself."""
        if self.caller is None:
            return as_name(self.claimed)
        user = as_name(self.caller.user)
        room = NAME_SHOWN - len(user) - len(SAYS)  # whoever reads the name again must find the login whole
        if not is_shared(user) or room < LEAST_CLAIM:
            return user
        both = as_name(f"{user}{SAYS}{cut(as_name(self.claimed), room)}")
        return both if both.startswith(user + SAYS) else user

    @property
    def name(self) -> str:
        """How they are called in records and messages; what is claimed of it is marked."""
        return self.plain + SELF_DECLARED if self.caller is None or SAYS in self.plain else self.plain


def is_shared(user: str) -> bool:
    """Whether a login is nobody's own: then it says little about who types."""
    return user.startswith("system:") or user in SHARED


def read_caller(review: Mapping[str, Any]) -> Caller | None:
    """Who a SelfSubjectReview says that we are. None without a login, and for a name that could not be kept whole, or
    that holds words of ours: cut, cleaned or read again it might be another's."""
    status = review.get("status")
    info = status.get("userInfo") if isinstance(status, dict) else None
    user, groups = (info.get("username"), info.get("groups") or []) if isinstance(info, dict) else (None, [])
    if not isinstance(user, str) or not user.strip() or not isinstance(groups, list) or ANONYMOUS in groups:
        return None
    if not user.isprintable() or written_bytes(user) > NAME_BYTES or SAYS in user or SELF_DECLARED in user:
        return None
    return Caller(user, frozenset(each for each in groups if isinstance(each, str)))


def slack_caller(member: str, team: str, name: str, groups: frozenset[str] = frozenset()) -> Caller | None:
    """Who Slack says has clicked: `U0123 / name`. None for what is no member's id. A name that could not be kept whole,
    or that holds words of ours, is left out: the id says who it is."""
    if not MEMBER.fullmatch(member):
        return None
    user = f"{member}{NAMED}{as_name(name)}"
    whole = as_name(name) and as_name(user) == user and SAYS not in user and SELF_DECLARED not in user
    return Caller(user if whole else member, groups, Door.SLACK, team)


def shown(by: str, identity: Identity | None) -> str:
    """A recorded name as it is shown: without the proof that belongs to it, it is a claim, whoever wrote it there."""
    if by.endswith(SELF_DECLARED) or (identity is not None and by == as_name(identity.user)):
        return by
    return self_declared(by)


def user_of(name: str) -> str:
    """The login, or else the claimed name, within a name as it is shown."""
    return name.removesuffix(SELF_DECLARED).partition(SAYS)[0]
