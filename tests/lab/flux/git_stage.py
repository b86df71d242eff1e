"""A copy of the example that Flux keeps from a Git repository of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flipgate.adapters.chat import Chat
from flipgate.adapters.git_access import Credentials
from flipgate.steps.acting.world import World
from flipgate.steps.releasing.setup import adopt
from lab.stories import gitops
from lab.stories.gitops import Repository, git
from tests.lab.runbook import GIT_TOKEN
from tests.lab.stage import BLUE, Edit, Stage


class GitStage(Stage):
    """A stage whose images and route are in Git; `repository` is the way to it."""

    @property
    def repository(self) -> Repository:
        return Repository(self.lab, self.place)

    def world(self, actor: str = "tester", chat: Chat | None = None) -> World:
        """As a flow run opens it, with the credentials of the repository."""
        world = super().world(actor, chat)
        world.git_credentials = lambda: Credentials(token=self.repository.token)
        return world

    def program(self, module: str, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """The same, with the token for tests/lab/runbook.py."""
        return super().program(module, *arguments, env={GIT_TOKEN: self.repository.token, **(env or {})})

    def install(self, policy: Mapping[str, Any] | None = None, edit: Edit | None = None) -> None:
        """Blue live at version 1 as Git has it, adopted, and answering users."""
        gitops.install(self.lab, self.place)
        self.apply(policy, edit)
        self.wait_for_users_on(BLUE)
        adopt(self.world())

    def remove(self) -> None:
        """Everything of it, Git's part first."""
        gitops.remove(self.repository)
        super().remove()


NewGitStage = Callable[..., GitStage]
"""The fixture `new_git_stage`: a name, and maybe `policy` and `edit` as `Stage.install` takes them."""


def change(clone: Path, file: str, old: str, new: str) -> str:
    """A commit that has `new` in the place of `old` in this file; its name."""
    text = (clone / file).read_text()
    assert old in text, text
    (clone / file).write_text(text.replace(old, new, 1))
    git(clone, "commit", "--quiet", "--all", "--message", f"Change {file}")
    return git(clone, "rev-parse", "HEAD")
