"""The merge request by which people are asked to have Git say where users are."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from flipgate.core.values.base import Model
from flipgate.core.values.sides import Side
from flipgate.core.values.stored import Address, Name


class MergeRequest(Model):
    """A branch of flipgate's own, and what was opened for it. It is noted before the branch is pushed."""

    branch: Name
    to: Side
    """Where its branch leads users."""
    at: AwareDatetime
    commit: Name = ""
    """The branch's, when the request was opened; empty as long as it is not."""
    pushed: tuple[Name, ...] = Field(default=(), exclude_if=lambda commits: not commits)
    """What flipgate itself has pushed to the branch: noted before each push, with the one that this takes the place of.
    Whatever else the branch is at is somebody's work."""
    url: Address = ""
    """The request's page; empty where its program named none."""

    @property
    def name(self) -> str:
        """The request, for people: its page, where that is known, and its branch."""
        return f"{self.url} (branch {self.branch})" if self.url else f"the request of branch {self.branch}"
